"""What is found by words and what is found by meaning, as one list, page by page.

Of each ranking a place counts 1 / (60 + place): Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms
Condorcet and individual Rank Learning Methods", SIGIR 2009. So what both find comes first, and neither has to be
weighed against the other.

A page says what was shown before, so that nothing comes twice whatever is written meanwhile. First comes the list of
the newest LEXICAL that have the words and the nearest by meaning; then all else that has the words, newest first.
"""

import hashlib
import json
from base64 import b32encode
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection

from ..errors import InvalidInput
from ..records import Thread
from ..sql import queries
from . import find, results
from .documents import Document
from .find import NOTHING, Cursor, Found
from .nearest import Near, nearest
from .query import Query

Key = TypeVar("Key", bound=Hashable)
_K = 60
LEXICAL = 200
"""The newest messages with the words that are ranked by how much they are about them."""
_MARK = 8
"""Characters of what stands for something that was shown."""


class Part(NamedTuple):
    """Of one database."""

    words: Found
    near: Sequence[Near]
    threads: dict[str, Thread]
    """Those in which something was found, when a thread is shown once."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far pages have come. ``seen``: marks of what was shown; ``tail``: a ``find.Cursor`` of what comes behind the
    list, "" for the beginning; None: there is some of the list left."""

    seen: frozenset[str] = frozenset()
    tail: str | None = None

    def __str__(self) -> str:
        return json.dumps({"seen": "".join(sorted(self.seen)), "tail": self.tail}, separators=(",", ":"))


def is_place(cursor: str) -> bool:
    return cursor.startswith("{")


def read_place(cursor: str) -> Place:
    """Raises InvalidInput."""
    try:
        said: Any = json.loads(cursor)
        seen, tail = said["seen"], said["tail"]
        if not (isinstance(seen, str) and len(seen) < 100_000 and isinstance(tail, str | None)):
            raise ValueError
        find.read_cursor(tail or None)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidInput("This page of what was found cannot be read; search again") from None
    return Place(frozenset(seen[at : at + _MARK] for at in range(0, len(seen), _MARK)), tail)


def mark_of(document: Document, by_thread: bool) -> str:
    key = document.text.thread_id if by_thread else f"{find.is_title(document)} {document.id}"
    return b32encode(hashlib.sha256(key.encode()).digest()[:5]).decode()


def fused(rankings: Sequence[Iterable[Key]]) -> list[Key]:
    """What is in any of the rankings, each once; of equals, what comes first in the first of them."""
    return list(scored(rankings))


def scored(rankings: Sequence[Iterable[Key]], k: int = _K) -> dict[Key, float]:
    """The same, with what each has come to. ``k``: the smaller, the more the first places count."""
    score: dict[Key, float] = {}
    for ranking in rankings:
        for place, key in enumerate(dict.fromkeys(ranking), 1):
            score[key] = score.get(key, 0.0) + 1 / (k + place)
    return dict(sorted(score.items(), key=lambda each: -each[1]))


def head(parts: Sequence[Part], query: Query, by_thread: bool) -> tuple[list[Document], str | None]:
    """The list of both rankings, and where what has the words goes on behind it; None: it does not."""
    words = sum((part.words for part in parts), NOTHING)
    chosen, following, _ = find.page(words, LEXICAL, Cursor(), by_thread)
    scattered = {each.id for each in words.scattered}
    ranked = sorted(
        chosen, key=lambda each: (not (find.is_title(each) and each.id in scattered), _rank(each, query)), reverse=True
    )
    near = sorted((each for part in parts for each in part.near), key=lambda each: -each.cosine)
    known = {_key(each): each for each in (*(each.document for each in near), *ranked)}
    found = [known[key] for key in fused([map(_key, ranked), (_key(each.document) for each in near)])]
    if by_thread:
        threads = {key for part in parts for key in part.threads}
        once = {each.text.thread_id: each for each in reversed(found)}
        found = [each for each in found if each.text.thread_id in threads and once[each.text.thread_id] is each]
    return found, str(following) if following else None


def _key(document: Document) -> tuple[bool, str]:
    return find.is_title(document), document.id


def _rank(document: Document, query: Query) -> tuple[float, int, str]:
    return results.weight(document, query), document.at, document.id


def part(
    connection: Connection,
    find_words: Callable[..., tuple[Found, dict[str, Thread]]],
    user_id: str,
    by_thread: bool,
    feedback: int | None,
    without: Collection[str] = (),
    **how: Any,
) -> Part:
    """``find_words``: as ``queries.search``; ``how``: as ``nearest.nearest``."""
    words, threads = find_words(connection, first=LEXICAL, cursor=None, without=without)
    near = nearest(connection, user_id=user_id, without=without, **how)
    if by_thread:
        more = {each.document.text.thread_id for each in near} - threads.keys()
        threads = threads | queries.some_threads(connection, more, user_id, feedback)
    return Part(words, near, threads)
