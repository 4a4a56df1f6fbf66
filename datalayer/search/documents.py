"""What is found of a message and of a thread, as the set of its tokens, and the texts that are shown of it.

A token begins with the key of the user whose it is, so a search never meets another user's words, nor does it pay for
them. What follows is a word, or a mark: "=" and what a filter asks for. A word has no "=".
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, exists, func, or_, select

from .. import dialects
from ..dialects.expressions import listed
from ..passages import CITES
from ..schema import MESSAGES, elements, feedbacks, steps, threads
from .tokens import LONGEST, tokens

ALL = "="
"""What every document has; one of a thread has ``THREAD`` too."""
THREAD, MINE, ASSISTANT, FILE, PICTURE, VOTE = "=n", "=u", "=a", "=f", "=p", "=v"
PINNED, ARCHIVED, DONE = "=k", "=z", "=d"

MOST_WORDS = 200_000
"""Different ones of a document. A row of MariaDB's index has to fit into max_allowed_packet, 16 MB, and a pair of
Chinese characters takes 19 bytes of it: a megabyte of characters drawn by lot would be too much, a novel is not."""


class Text(NamedTuple):
    """What a document says, and of whom."""

    user_id: str
    thread_id: str
    texts: tuple[str, ...]
    marks: frozenset[str]

    @property
    def whole(self) -> str:
        return "\n".join(self.texts)

    @property
    def tokens(self) -> set[str]:
        """Without the key: its marks, and the first MOST_WORDS of what it says."""
        said = dict.fromkeys(chain.from_iterable(map(tokens, self.texts)))
        return {*islice(said, MOST_WORDS), *self.marks, ALL}

    @property
    def keyed(self) -> list[str]:
        """The tokens with the key."""
        key = key_of(self.user_id)
        return [key + token for token in self.tokens]


@lru_cache(maxsize=1024)
def key_of(user_id: str) -> str:
    """Six letters and digits. Two users may have the same: what is found is looked up as its owner's."""
    return hashlib.sha256(user_id.encode()).hexdigest()[:6]


def tag_mark(tag: str) -> str:
    return "=t" + "=".join(tokens(tag))[:LONGEST]


def model_mark(model: str) -> str:
    return "=o" + "=".join(tokens(model))[:LONGEST]


@lru_cache(maxsize=1024)
def thread_mark(thread_id: str) -> str:
    return "=h" + hashlib.sha256(thread_id.encode()).hexdigest()[:8]


@lru_cache(maxsize=1024)
def time_marks(day: int) -> frozenset[str]:
    """Of a day as ``day_of`` gives it."""
    return frozenset((day_mark(day), month_mark(day)))


def day_of(moment: int) -> int:
    return min(max(moment // 86_400_000_000, 0), LAST_DAY)


def day_mark(day: int) -> str:
    return f"=d{day:06d}"


def month_mark(day: int) -> str:
    """Of equal lengths, so that a range of them needs no calendar."""
    return f"{MONTH}{day // DAYS:05d}"


LAST_DAY, DAYS = 999_999, 30
"""Of a month."""
MONTH = "=m"

_HAS = exists(select(1).where(elements.c.for_id == steps.c.id, elements.c.trashed_at == 0))
_WHAT = (
    *(steps.c.seq, steps.c.id, threads.c.name, threads.c.archived, steps.c.thread_id, threads.c.user_id, steps.c.type),
    *(steps.c.created_at, steps.c.metadata, steps.c.input, steps.c.output),
    exists(select(1).where(feedbacks.c.step_id == steps.c.id)).label("voted"),
    _HAS.label("has"),
)
UNSEARCHED = "unsearched"
"""True in the metadata of a message: an app has marked it as one that no search finds."""
FOUND = (
    or_(*(steps.c.type == kind for kind in MESSAGES)),  # of an IN no statement can be made before its parameters come
    threads.c.user_id.is_not(None),
    steps.c.status.is_distinct_from("streaming"),
)
"""What makes a step a document. One that is being streamed becomes one when it is complete."""
_MESSAGES: Select[Any] = select(*_WHAT).join(threads).where(*FOUND, steps.c.id.in_(listed("steps")))
_SAID: Select[Any] = select(steps.c.seq, steps.c.id, steps.c.created_at, steps.c.output, steps.c.input)
_TEXTS = _SAID.where(steps.c.id.in_(listed("steps")))
_NUMBERED = _SAID.where(steps.c.seq.in_(listed("steps"))).order_by(steps.c.seq.desc())
_FILED: Select[Any] = (
    select(elements.c.for_id).where(elements.c.for_id.in_(listed("steps")), elements.c.trashed_at == 0).distinct()
)
_THREADS: Select[Any] = select(
    *(threads.c.id, threads.c.user_id, threads.c.name, threads.c.tags, threads.c.folder, threads.c.pinned),
    *(threads.c.archived, threads.c.status, threads.c.created_at),
).where(threads.c.id.in_(listed("threads")), threads.c.user_id.is_not(None))
_OF_STEPS = select(
    *(elements.c.for_id, elements.c.thread_id, elements.c.name, elements.c.mime, elements.c.props)
).where(elements.c.for_id.in_(listed("steps")), elements.c.trashed_at == 0)
_OF_THREADS = select(elements.c.thread_id, elements.c.name).where(
    *(elements.c.thread_id.in_(listed("threads")), func.coalesce(elements.c.for_id, "") == ""),
    elements.c.trashed_at == 0,
)


class Document(NamedTuple):
    """Of a message or of a thread."""

    number: int
    """By which the newest comes first: ``steps.seq``, a thread's ``created_at``; SQLite's own of a thread."""
    id: str
    thread_name: str | None
    archived: bool
    """Whether its thread is."""
    at: int
    """When it was made."""
    text: Text


def messages(connection: Connection, ids: Collection[str]) -> dict[str, Document]:
    """The documents of those steps that are some, by the id of the step."""
    fetch = dialects.of(connection).fetch
    rows = fetch(connection, _MESSAGES, {"steps": json.dumps(list(ids))}, tuple)
    files: dict[tuple[str, str], list[tuple[str, str]]] = {}
    if having := [key for _, key, *_, has in rows if has]:
        for step_id, thread_id, name, mime, props in fetch(connection, _OF_STEPS, {"steps": json.dumps(having)}, tuple):
            if isinstance(props, dict) and CITES in props:  # "[1]" is no file, and nobody looks for it
                continue
            files.setdefault((thread_id, step_id), []).append((name or "", mime or ""))
    return {
        key: Document(
            *(seq, key, name, bool(archived), at),
            _message(files.get((thread_id, key), ()), thread_id, user_id, kind, at, *rest),
        )
        for seq, key, name, archived, thread_id, user_id, kind, at, *rest, _ in rows
        if not (rest[0] or {}).get(UNSEARCHED)
    }


class Said(NamedTuple):
    """What is read of a message where only its text is looked at."""

    number: int
    id: str
    at: int
    text: str
    """What ``Text.whole`` is."""


def numbered(connection: Connection, numbers: Sequence[int]) -> list[Said]:
    """Messages by ``steps.seq``, where that is the key, newest first."""
    rows = dialects.of(connection).fetch(connection, _NUMBERED, {"steps": json.dumps(numbers)}, tuple)
    return _said(connection, rows)


def texts(connection: Connection, kind: str, ids: Collection[str]) -> dict[str, str]:
    """What ``Text.whole`` is, by the ids of messages, or of threads: "title"."""
    fetch = dialects.of(connection).fetch
    if kind == "message":
        rows = fetch(connection, _TEXTS, {"steps": json.dumps(list(ids))}, tuple)
        return {each.id: each.text for each in _said(connection, rows)}
    asked = {"threads": json.dumps(list(ids))}
    files, rows = _files_of_threads(connection, asked), fetch(connection, _THREADS, asked, tuple)
    return {key: "\n".join(_named(name, folder, tags, files.get(key, ()))) for key, _, name, tags, folder, *_ in rows}


def _said(connection: Connection, rows: Sequence[Sequence[Any]]) -> list[Said]:
    ids = json.dumps([row[1] for row in rows])
    filed = [key for (key,) in dialects.of(connection).fetch(connection, _FILED, {"steps": ids}, tuple)]
    whole = {key: document.text.whole for key, document in messages(connection, filed).items()} if filed else {}
    return [
        Said(number, key, at, whole.get(key) or "\n".join(filter(None, (output, said))))
        for number, key, at, output, said in rows
    ]


def _message(
    files: Iterable[tuple[str, str]],
    thread_id: str,
    user_id: str,
    kind: str,
    at: int,
    metadata: Any,
    said: str | None,
    output: str | None,
    voted: bool,
) -> Text:
    marks = {MINE if kind == "user_message" else ASSISTANT, thread_mark(thread_id)} | time_marks(day_of(at))
    texts = [text for text in (output, said) if text]
    for name, mime in files:
        marks |= {FILE, PICTURE} if mime.startswith("image/") else {FILE}
        texts.append(name)
    if voted:
        marks.add(VOTE)
    if isinstance(model := (metadata or {}).get("model"), str):
        marks.add(model_mark(model))
    return Text(user_id, thread_id, tuple(texts), frozenset(marks))


def next_steps(connection: Connection, after: str, count: int) -> list[tuple[str, str]]:
    """Ids of steps, and what to go on ``after``; "": from the beginning. In the order of a key: the newest first, where
    the database numbers them."""
    serial = dialects.of(connection).serial
    query = select(steps.c.id, steps.c.seq if serial else steps.c.id).limit(count)
    if serial:
        query = query.order_by(steps.c.seq.desc())
        query = query.where(steps.c.seq < int(after)) if after else query
    else:
        query = query.order_by(steps.c.id).where(steps.c.id > after)
    return [(key, str(place)) for key, place in connection.execute(query)]


def titles(connection: Connection, ids: Collection[str], all_: bool = False) -> dict[str, Document]:
    """The documents of those threads that have a name, a folder, a tag or a file of their own, by the id of the thread.
    ``all_``: and of the others."""
    asked = {"threads": json.dumps(list(ids))}
    files, found = _files_of_threads(connection, asked), {}
    rows = dialects.of(connection).fetch(connection, _THREADS, asked, tuple)
    for key, user_id, name, tags, folder, pinned, archived, status, at in rows:
        texts = _named(name, folder, tags, files.get(key, ()))
        if texts or all_:
            marks = {THREAD, thread_mark(key), *map(tag_mark, _texts(tags))} | time_marks(day_of(at))
            states = ((PINNED, pinned), (ARCHIVED, archived), (DONE, status == "done"))
            marks |= {mark for mark, has in states if has}
            found[key] = Document(at, key, name, bool(archived), at, Text(user_id, key, texts, frozenset(marks)))
    return found


def _files_of_threads(connection: Connection, asked: dict[str, str]) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    for thread_id, name in dialects.of(connection).fetch(connection, _OF_THREADS, asked, tuple):
        files.setdefault(thread_id, []).append(name or "")
    return files


def _named(name: str | None, folder: str | None, tags: Any, files: Iterable[str]) -> tuple[str, ...]:
    """What a thread is found by."""
    return (*filter(None, (name, folder)), *_texts(tags), *files)


def _texts(tags: Any) -> Iterator[str]:
    return (tag for tag in tags or () if isinstance(tag, str))
