"""I9: reads. Each is a constant number of statements whatever the size of the store, and costs what it returns."""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    select,
    union_all,
)

from .. import dialects
from ..dialects.expressions import listed
from ..records import Blob, Element, File, Step, Thread, User, user_id
from ..schema import blobs, elements, feedbacks, steps, threads, tombstones, users
from ..schema import preferences as preferred
from ..search import find
from ..search.query import Query
from .lists import THREAD, as_thread, check_size, has_vote
from .rows import columns

MOST_RANKED = 1000
"""Hits that are ranked by how much they are about what was asked."""


def user(connection: Connection, identifier: str) -> User | None:
    row = connection.execute(select(*columns(User, users)).where(users.c.id == user_id(identifier))).one_or_none()
    return User(*row) if row else None


_ONE_THREAD = THREAD.where(threads.c.id == bindparam("thread"))


def thread(connection: Connection, thread_id: str, trashed: bool = False) -> Thread | None:
    """``trashed``: in the trash, too."""
    found = dialects.of(connection).fetch(connection, _ONE_THREAD, {"thread": thread_id}, as_thread)
    return found[0] if found and (trashed or not found[0].trashed_at) else None


def was_deleted(connection: Connection, thread_id: str) -> bool:
    which = select(1).where(tombstones.c.kind == "thread", tombstones.c.id == thread_id)
    trashed = select(1).where(threads.c.id == thread_id, threads.c.trashed_at > 0)
    return connection.execute(union_all(which, trashed)).first() is not None


def vote(connection: Connection, vote_id: str) -> tuple[str, str] | None:
    place = select(steps.c.thread_id, steps.c.id).join(feedbacks, feedbacks.c.step_id == steps.c.id)
    row = connection.execute(place.where(feedbacks.c.id == vote_id)).one_or_none()
    return (row.thread_id, row.id) if row else None


STEPS: Select[Any] = (
    select(
        *columns(Step, steps, vote_id=feedbacks.c.id, vote_value=feedbacks.c.value, vote_comment=feedbacks.c.comment)
    )
    .select_from(steps)
    .join(threads, threads.c.id == steps.c.thread_id)
    .outerjoin(
        feedbacks,
        and_(feedbacks.c.step_id == steps.c.id, feedbacks.c.user_id == func.coalesce(threads.c.user_id, "")),
    )
)


ELEMENTS: Select[Any] = select(*columns(Element, elements))
# Made once: what SQLAlchemy derives from a statement takes longer than SQLite needs to answer it.
_THREAD_STEPS = STEPS.where(steps.c.thread_id == bindparam("thread")).order_by(steps.c.created_at, steps.c.seq)
_THREAD_ELEMENTS = ELEMENTS.where(elements.c.thread_id == bindparam("thread"), elements.c.trashed_at == 0).order_by(
    elements.c.created_at, elements.c.id
)


def whole_thread(connection: Connection, thread_id: str) -> tuple[Thread, list[Step], list[Element]] | None:
    """The thread, its steps (oldest first) and its elements, of one moment; None when there is none."""
    if (found := thread(connection, thread_id)) is None:
        return None
    fetch, here = dialects.of(connection).fetch, {"thread": thread_id}
    said = fetch(connection, _THREAD_STEPS, here, Step._make)
    return found, said, fetch(connection, _THREAD_ELEMENTS, here, Element._make)


def step(connection: Connection, step_id: str) -> Step | None:
    row = connection.execute(STEPS.where(steps.c.id == step_id, threads.c.trashed_at == 0)).one_or_none()
    return Step(*row) if row else None


def preferences(connection: Connection, user_id: str) -> dict[str, Any]:
    found = connection.execute(select(preferred.c.settings).where(preferred.c.user_id == user_id)).scalar()
    return dict(found or {})


def favorite_steps(connection: Connection, user_id: str) -> list[Step]:
    """A user's favourite messages, newest first."""
    mine = STEPS.where(steps.c.favorite, threads.c.user_id == user_id, threads.c.trashed_at == 0)
    found = connection.execute(mine.order_by(steps.c.created_at.desc(), steps.c.seq.desc())).all()
    return list(map(Step._make, found))


def element(connection: Connection, thread_id: str, element_id: str) -> Element | None:
    here = ELEMENTS.where(elements.c.thread_id == thread_id, elements.c.trashed_at == 0)
    which = here.where(elements.c.id == element_id)
    row = connection.execute(which).one_or_none()
    return Element(*row) if row else None


def file(connection: Connection, element_id: str) -> File | None:
    """What serves the content of an element; None when there is no such element or it has no content."""
    row = connection.execute(
        select(
            *(elements.c.name, elements.c.mime, elements.c.thread_id, threads.c.user_id, threads.c.metadata),
            *(blobs.c.sha256, blobs.c.size, blobs.c.tag),
        )
        .select_from(elements.join(threads).join(blobs))
        .where(elements.c.id == element_id, elements.c.trashed_at == 0, threads.c.trashed_at == 0)
    ).one_or_none()
    if row is None:
        return None
    shared, blob = bool(row.metadata.get("is_shared")), Blob(row.sha256, row.size, row.tag)
    return File(element_id, row.thread_id, row.user_id, shared, row.name or "", row.mime, blob)


_SOME_THREADS = THREAD.where(threads.c.id.in_(listed("threads")))


def search(
    connection: Connection,
    user_id: str,
    query: Query,
    first: int,
    cursor: str | None,
    by_thread: bool = False,
    feedback: int | None = None,
    without: Collection[str] = (),
) -> tuple[find.Found, dict[str, Thread]]:
    """What ``found_hits`` makes a page of, ``without`` some threads; ``by_thread``: what ``found_threads`` does, and
    the threads. Raises InvalidInput for an unreadable cursor or size."""
    check_size(first, MOST_RANKED)
    unseen = {*without, *find.in_trash(connection, user_id)}
    found = find.found(connection, user_id, query, first, find.read_cursor(cursor), by_thread, unseen)
    if not by_thread:
        return found, {}
    ids = {each.text.thread_id for each in (*found.messages, *found.titles, *found.scattered)}
    return found, some_threads(connection, ids, user_id, feedback)


def found(connection: Connection, user_id: str, query: Query, without: Collection[str] = ()) -> tuple[set[str], bool]:
    """The ids of the threads of all that is found, and whether all was looked at."""
    unseen = {*without, *find.in_trash(connection, user_id)}
    ids, complete = find.all_threads(connection, user_id, query)
    return ids - unseen, complete


def some_threads(
    connection: Connection, ids: Collection[str], user_id: str, feedback: int | None = None
) -> dict[str, Thread]:
    """Those of the threads that are there, by their ids. ``feedback``: and in which there is such a vote of the
    user's."""
    some = _SOME_THREADS if feedback is None else _SOME_THREADS.where(has_vote(user_id, feedback))
    rows = connection.execute(some, {"threads": json.dumps(sorted(ids))}) if ids else ()
    return {thread.id: thread for thread in (Thread(*row) for row in rows)}


def ping(connection: Connection) -> None:
    """Returns when the database answers."""
    connection.execute(select(1))


def newest_write(connection: Connection) -> int:
    """When the newest steps were written last, in UTC microseconds; 0 without one."""
    newest = select(steps.c.written_at).order_by(steps.c.seq.desc()).limit(100).subquery()
    return connection.execute(select(func.max(newest.c.written_at))).scalar() or 0


def unused_blobs(connection: Connection) -> list[str]:
    """SHA-256s of what no element points to: what a crash left between a deletion and its clean-up."""
    pointed = exists(select(1).where(elements.c.blob == blobs.c.sha256))
    return list(connection.execute(select(blobs.c.sha256).where(~pointed)).scalars())
