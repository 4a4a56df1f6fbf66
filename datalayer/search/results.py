"""What a search answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log1p
from typing import Any

from ..errors import InvalidInput
from ..records import Thread
from . import find
from .documents import Document
from .find import Cursor, Found
from .query import Problem, Query
from .snippets import Snippet, snippet
from .tokens import tokens


@dataclass(frozen=True, slots=True)
class Hit:
    """A message in which something was found, or a thread."""

    thread_id: str
    thread_name: str | None
    step_id: str | None
    """The message; None: the name, a tag or a file of the thread, or several of its messages."""
    at: int
    """When it was made, in UTC microseconds."""
    snippet: Snippet
    archived: bool = False
    """Whether the thread is."""


@dataclass(frozen=True, slots=True)
class Hits:
    hits: list[Hit]
    next: str | None
    """Cursor of the following page, None at the end."""
    problems: tuple[Problem, ...]
    """What of the question was left out."""
    meant: str | None = None
    """Where nothing has the words: the question with words that are there."""
    indexed: int | None = None
    """How many percent of what was said before can be found yet, while an index is being built; None: all of it."""
    since: int | None = None
    """Where so much could match that not all of it was looked at: what was said before this was not, UTC
    microseconds. The page may have less than was asked for, and the next one goes on there."""


@dataclass(frozen=True, slots=True)
class FoundThreads:
    threads: list[Thread]
    """The one with the newest hit first; then those that have the words in several messages."""
    hits: list[Hit]
    """The newest of each of them."""
    next: str | None
    """Cursor of the following page, None at the end."""
    problems: tuple[Problem, ...]
    """What of the question was left out."""
    meant: str | None = None
    """Where nothing has the words: the question with words that are there."""
    indexed: int | None = None
    """How many percent of what was said before can be found yet, while an index is being built; None: all of it."""
    since: int | None = None
    """Where so much could match that not all of it was looked at: what was said before this was not, UTC
    microseconds. The page may have less than was asked for, and the next one goes on there."""


def hits(found: Found, query: Query, first: int, cursor: Cursor) -> Hits:
    page = find.page(found, first, cursor)
    return Hits([hit(each, query) for each in page.documents], **_rest(found, query, page.next, page.since))


def _rest(found: Found, query: Query, following: Any, since: int | None) -> dict[str, Any]:
    return {
        "next": None if following is None else str(following),
        "problems": query.problems,
        "indexed": found.indexed,
        "since": since,
    }


def best_hits(found: Found, query: Query, first: int, cursor: str | None) -> Hits:
    """Of all that was found, what is most about the question; of what is equally so, the newest. Raises InvalidInput
    for a cursor that is none."""
    begin = int(cursor) if cursor and cursor.isdecimal() and len(cursor) < 9 else 0 if cursor is None else -1
    if begin < 0:
        raise InvalidInput("This page of what was found cannot be read; search again")
    ranked = sorted((*found.messages, *found.titles), key=lambda each: (weight(each, query), each.at), reverse=True)
    chosen, end = ranked[begin : begin + first], begin + first
    since = max((stop.at for stop in found.stops.values()), default=None)
    return Hits([hit(each, query) for each in chosen], **_rest(found, query, end if end < len(ranked) else None, since))


def weight(document: Document, query: Query) -> float:
    """How often the words are said, the first time counting most, whole words double, in how short a text; the names of
    threads are about what they say."""
    words = tokens(document.text.whole)
    said, weight = f" {' '.join(words)} ", 0.0
    for term in query.terms:
        if not term.excluded:
            sought = f" {' '.join(term.tokens)}"
            weight += log1p(said.count(sought)) + log1p(said.count(sought + " "))
    return weight / (1 + log1p(len(words) / 100)) * (2 if find.is_title(document) else 1)


def found_threads(
    found: Found, threads: Mapping[str, Thread], query: Query, first: int, cursor: Cursor
) -> FoundThreads:
    """``threads``: by their ids; what is found in another one is left out."""
    page = find.page(found, first, cursor, a_thread_once=True)
    chosen = [each for each in page.documents if each.text.thread_id in threads]
    following = None if page.next is None else str(page.next)
    return replace(threads_of(chosen, threads, query, following), indexed=found.indexed, since=page.since)


def threads_of(
    chosen: Sequence[Document], threads: Mapping[str, Thread], query: Query, following: str | None
) -> FoundThreads:
    """``chosen``: a document of each thread."""
    found = [threads[each.text.thread_id] for each in chosen]
    return FoundThreads(found, [hit(each, query) for each in chosen], following, query.problems)


def hit(document: Document, query: Query) -> Hit:
    step_id = None if find.is_title(document) else document.id
    shown = snippet(document.text.whole, query)
    return Hit(document.text.thread_id, document.thread_name, step_id, document.at, shown, document.archived)
