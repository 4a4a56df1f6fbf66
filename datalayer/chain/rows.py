"""What of the tables a chain is made of and compared with."""

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, case, or_, select

from .. import dialects
from ..dialects.base import Row
from ..dialects.expressions import listed
from ..schema import elements, links, steps, threads
from ..versions import ASIDE, HIDDEN
from .content import HEAD, LINKED, STREAMING, Message, content, digest, is_linked

AT_ONCE = 500
"""Older messages of a thread that get their links with one write: some 20 ms."""

File = tuple[str, str | None, str | None]
"""Id, name, SHA-256."""


class Open(NamedTuple):
    """The link that a message has. All are None where it has none."""

    number: int | None
    salt: bytes | None
    digest: bytes | None


class End(NamedTuple):
    """The last link of a chain, and the kind of the row that says so. All are None where there is none yet."""

    number: int | None
    hash: bytes | None
    kind: str | None

    @property
    def whole(self) -> bool:
        """Whether each message of the thread must have a link."""
        return self.kind == HEAD


NO_LINK, NO_CHAIN = Open(None, None, None), End(None, None, None)


class Known(NamedTuple):
    message: Message
    seq: float
    link: Open
    end: End


def _is(kinds: Collection[str]) -> Any:
    return or_(*(steps.c.type == kind for kind in sorted(kinds)))  # of an IN no statement can be made ready


MESSAGE: tuple[Any, ...] = (
    *(steps.c.id, steps.c.thread_id, steps.c.type, steps.c.parent_id, steps.c.name, steps.c.input, steps.c.output),
    *(steps.c.created_at, case((_is(HIDDEN), steps.c.metadata)).label("metadata"), steps.c.status),
)
"""The columns of a ``Message``."""
IS_LINKED = _is(LINKED)
_link, _end = links.alias("link"), links.alias("end")
_here = steps.outerjoin(_link, and_(_link.c.step_id == steps.c.id, _link.c.thread_id == steps.c.thread_id)).outerjoin(
    _end, and_(_end.c.thread_id == steps.c.thread_id, _end.c.number == 0)
)
_KNOWN: Select[Any] = select(
    *MESSAGE, steps.c.seq, _link.c.number, _link.c.salt, _link.c.digest, _end.c.of, _end.c.hash, _end.c.kind
).select_from(_here)
_ENDS: Select[Any] = select(links.c.thread_id, links.c.of, links.c.hash, links.c.kind).where(
    links.c.thread_id.in_(listed("threads")), links.c.number == 0
)
_OF_STEPS = _KNOWN.where(steps.c.id.in_(listed("steps")))
_UNLINKED = _KNOWN.where(steps.c.thread_id == bindparam("thread"), _link.c.number.is_(None))
_OLDEST = _UNLINKED.where(_is(set(LINKED) - {ASIDE})).order_by(steps.c.created_at, steps.c.seq).limit(AT_ONCE + 1)
_ASIDE = _UNLINKED.where(steps.c.type == ASIDE)
_FILES: Select[Any] = select(
    elements.c.for_id, elements.c.thread_id, elements.c.id, elements.c.name, elements.c.blob
).where(elements.c.for_id.in_(listed("steps")), elements.c.trashed_at == 0)
# In one order, as sql/facts.py locks them.
_LOCK = select(threads.c.id).where(threads.c.id.in_(listed("threads"))).order_by(threads.c.id)
_LOCK = _LOCK.with_for_update(key_share=True)
_GONE: Select[Any] = (
    select(_link.c.thread_id, _link.c.number, _end.c.of, _end.c.hash, _end.c.kind)
    .join(_end, and_(_end.c.thread_id == _link.c.thread_id, _end.c.number == 0))
    .where(_link.c.step_id.in_(listed("steps")))
)


def of_steps(connection: Connection, ids: Collection[str]) -> list[Known]:
    return dialects.of(connection).fetch(connection, _OF_STEPS, {"steps": json.dumps(list(ids))}, _as_known)


def unlinked(connection: Connection, thread_id: str) -> tuple[list[Known], bool]:
    """The oldest messages of a thread that have no link; whether these are all. What is aside comes last, and together:
    which of it were messages, no query can tell."""
    fetch, asked = dialects.of(connection).fetch, {"thread": thread_id}
    found = fetch(connection, _OLDEST, asked, _as_known)
    if len(found) > AT_ONCE:
        return found[:AT_ONCE], False
    return found + fetch(connection, _ASIDE, asked, _as_known), True


def _as_known(row: Row) -> Known:
    size = len(Message._fields)
    return Known(Message(*row[:size]), row[size], Open(*row[size + 1 : size + 4]), End(*row[size + 4 :]))


def of_gone(connection: Connection, ids: Collection[str]) -> list[tuple[str, int, End]]:
    """The links of steps that are not there: thread, number, and the end of its chain."""
    asked = {"steps": json.dumps(list(ids))}
    return dialects.of(connection).fetch(connection, _GONE, asked, lambda row: (row[0], row[1], End(*row[2:])))


def ends(connection: Connection, threads: Collection[str]) -> dict[str, End]:
    """Of the threads that have a chain."""
    rows = dialects.of(connection).fetch(connection, _ENDS, {"threads": json.dumps(list(threads))}, tuple)
    return {thread: End(*end) for thread, *end in rows}


def files_of(connection: Connection, ids: Sequence[str]) -> defaultdict[tuple[str, str], list[File]]:
    """By thread and step, in the order of their ids."""
    found: defaultdict[tuple[str, str], list[File]] = defaultdict(list)
    rows = dialects.of(connection).fetch(connection, _FILES, {"steps": json.dumps(ids)}, tuple) if ids else []
    for for_id, thread_id, key, name, blob in sorted(rows, key=itemgetter(2)):
        found[thread_id, for_id].append((key, name, blob))
    return found


def lock(connection: Connection, threads: Collection[str]) -> None:
    """Nobody else writes to them until the transaction ends."""
    connection.execute(_LOCK, {"threads": json.dumps(sorted(threads))})


def is_as_linked(message: Message, link: Open, files: Sequence[File]) -> bool:
    """Whether a message is what its link says, and anything else has none."""
    if not is_linked(message):
        return link.number is None
    if message.status == STREAMING:
        return link.number is not None and link.digest is None
    if link.digest is None or link.salt is None:
        return False
    return digest(link.salt, content(message, files)) == link.digest
