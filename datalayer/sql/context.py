"""I9: what an answer draws on: messages, files and sizes of a thread, and what a user attached elsewhere."""

from collections.abc import Sequence
from json import dumps
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    and_,
    bindparam,
    cast,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from ..dialects.expressions import listed, octets
from ..records import StepFile, ThreadMessage
from ..reports import StoredFiles, ThreadStats
from ..schema import MESSAGES, blobs, elements, steps, threads, tombstones
from .rows import BLOB_NAME, columns

_FILE_THREADS, _LATEST_FILES = 1000, 200
_NO_STEP = -1
_AFTER_ALL = 2**63 - 1

_IS_MESSAGE = and_(steps.c.type.in_(MESSAGES), steps.c.is_error.is_not(True))
_ORDER = (steps.c.created_at, steps.c.seq)
_SAID = {
    "text": func.coalesce(steps.c.output, ""),
    "metadata": func.coalesce(steps.c.metadata, literal({}, steps.c.metadata.type)),
}
_MESSAGES: Select[Any] = select(*columns(ThreadMessage, steps, **_SAID)).where(_IS_MESSAGE)


def messages(
    connection: Connection,
    thread_id: str,
    limit: int | None = None,
    after: tuple[int, str] | None = None,
    until: tuple[int, str] | None = None,
    first: int | None = None,
) -> list[ThreadMessage]:
    """A thread's messages without errors, oldest first: the newest ``limit`` of those after and up to a position, or
    without one the oldest ``first``.

    A position is (created_at, id); whose step is gone has no place among others of its moment, so ``after`` it comes
    none of them and ``until`` it none either.
    """
    query = _MESSAGES.where(steps.c.thread_id == thread_id)
    if after is not None:
        query = query.where(tuple_(*_ORDER) > _position(after, _AFTER_ALL))
    if until is not None:
        query = query.where(tuple_(*_ORDER) <= _position(until, _NO_STEP))
    if limit is None:
        rows: Sequence[Any] = connection.execute(query.order_by(*_ORDER).limit(first)).all()
    else:
        newest = query.order_by(*(column.desc() for column in _ORDER)).limit(max(limit, 0))
        rows = connection.execute(newest).all()[::-1]
    return [ThreadMessage(*row) for row in rows]


def _position(at: tuple[int, str], otherwise: int) -> Any:
    seq = select(steps.c.seq).where(steps.c.id == at[1]).scalar_subquery()
    return tuple_(at[0], func.coalesce(seq, otherwise))


_TEXTS = (
    select(steps.c.thread_id, func.count().label("count"), func.sum(octets(steps.c.output)).label("bytes"))
    .where(steps.c.thread_id == bindparam("thread"), _IS_MESSAGE)
    .group_by(steps.c.thread_id)
    .subquery()
)
DRAWN = ("plotly", "dataframe", "tasklist")
"""Elements whose content an app made to be drawn on the page: nobody would call them files."""
_HELD = (
    select(elements.c.thread_id, func.count().label("count"), func.sum(blobs.c.size).label("bytes"))
    .select_from(elements.join(blobs))
    .where(elements.c.thread_id == bindparam("thread"), elements.c.trashed_at == 0)
    .where(func.coalesce(elements.c.type, "").not_in(DRAWN))
    .group_by(elements.c.thread_id)
    .subquery()
)
_SIZES = {
    name: cast(func.coalesce(column, 0), BigInteger)
    for name, column in (
        *(("messages", _TEXTS.c.count), ("text_bytes", _TEXTS.c.bytes)),
        *(("files", _HELD.c.count), ("file_bytes", _HELD.c.bytes)),
    )
}
_STATS: Select[Any] = (
    select(*columns(ThreadStats, threads, **_SIZES))
    .select_from(
        threads.outerjoin(_TEXTS, _TEXTS.c.thread_id == threads.c.id).outerjoin(
            _HELD, _HELD.c.thread_id == threads.c.id
        )
    )
    .where(threads.c.id == bindparam("thread"))
)
_COUNTS: Select[Any] = (
    select(steps.c.thread_id, func.count())
    .where(steps.c.thread_id.in_(listed("threads")), _IS_MESSAGE)
    .group_by(steps.c.thread_id)
)


def stats(connection: Connection, thread_id: str) -> ThreadStats | None:
    row = connection.execute(_STATS, {"thread": thread_id}).one_or_none()
    return ThreadStats(*row) if row else None


def message_counts(connection: Connection, thread_ids: Sequence[str]) -> dict[str, int]:
    """Messages without errors of each thread; 0 for one that is not there."""
    found = connection.execute(_COUNTS, {"threads": dumps(sorted(thread_ids))})
    return dict.fromkeys(thread_ids, 0) | {thread_id: count for thread_id, count in found}


_FILE = {
    "element_id": elements.c.id,
    "name": func.coalesce(elements.c.name, ""),
    "blob": BLOB_NAME,
    "size": blobs.c.size,
}


def files(connection: Connection, thread_id: str) -> list[StepFile]:
    """A thread's elements that have content, in the order in which they came."""
    here: Select[Any] = (
        select(*columns(StepFile, elements, thread_name=threads.c.name, **_FILE))
        .select_from(elements.join(threads).join(blobs))
        .where(elements.c.thread_id == thread_id, elements.c.trashed_at == 0)
        .order_by(elements.c.created_at, elements.c.id)
    )
    return [StepFile(*row) for row in connection.execute(here)]


def recent_files(connection: Connection, user_id: str, except_thread: str | None) -> list[StepFile]:
    """A user's latest files, newest first: at most 200, of the 1,000 threads used last."""
    latest = (
        select(threads.c.id, threads.c.name)
        .where(threads.c.user_id == user_id, threads.c.trashed_at == 0, threads.c.id != (except_thread or ""))
        .order_by(threads.c.last_activity_at.desc(), threads.c.id.desc())
        .limit(_FILE_THREADS)
        .subquery()
    )
    query: Select[Any] = (
        select(*columns(StepFile, elements, thread_name=latest.c.name, **_FILE))
        .select_from(latest)
        .join(elements, elements.c.thread_id == latest.c.id)
        .join(blobs, blobs.c.sha256 == elements.c.blob)
        .where(elements.c.trashed_at == 0)
        .order_by(elements.c.created_at.desc(), elements.c.id.desc())
        .limit(_LATEST_FILES)
    )
    return [StepFile(*row) for row in connection.execute(query)]


def stored_files(connection: Connection, user_id: str, ids: Sequence[str]) -> StoredFiles:
    """Costs what the user's files are, those in the trash too."""
    contents = (
        select(blobs.c.sha256, blobs.c.size)
        .select_from(threads.join(elements, elements.c.thread_id == threads.c.id).join(blobs))
        .where(threads.c.user_id == user_id)
        .distinct()
        .subquery()
    )
    size = connection.execute(select(cast(func.coalesce(func.sum(contents.c.size), 0), BigInteger))).scalar_one()
    asked = listed("elements")
    there = select(elements.c.id).where(elements.c.id.in_(asked))
    gone = select(tombstones.c.id).where(tombstones.c.kind == "element", tombstones.c.id.in_(asked))
    found = connection.execute(union_all(there, gone), {"elements": dumps(sorted(ids))}).scalars()
    return StoredFiles(int(size), frozenset(found))
