"""I9: reads. Each is a constant number of statements whatever the size of the store, and costs what it returns."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    func,
    select,
    tuple_,
)

from .. import dialects
from ..dialects.base import Row
from ..dialects.expressions import listed
from ..errors import InvalidInput
from ..records import Blob, Element, File, Page, Step, Thread, User, user_id
from ..schema import blobs, elements, feedbacks, steps, threads, tombstones, users
from ..schema import preferences as preferred
from ..search import find
from ..search.query import Query
from .rows import columns

MAX_PAGE = 200
MOST_RANKED = 1000
"""Hits that are ranked by how much they are about what was asked."""


def user(connection: Connection, identifier: str) -> User | None:
    row = connection.execute(select(*columns(User, users)).where(users.c.id == user_id(identifier))).one_or_none()
    return User(*row) if row else None


_THREAD: Select[Any] = select(*columns(Thread, threads, user_identifier=users.c.identifier)).outerjoin(
    users, users.c.id == threads.c.user_id
)
_PAGE = (
    _THREAD.where(threads.c.user_id == bindparam("author"))
    .order_by(threads.c.last_activity_at.desc(), threads.c.id.desc())
    .limit(bindparam("size", type_=Integer))
)
_ONE_THREAD = _THREAD.where(threads.c.id == bindparam("thread"))
_POSITION = tuple_(threads.c.last_activity_at, threads.c.id)


def thread(connection: Connection, thread_id: str) -> Thread | None:
    found = dialects.of(connection).fetch(connection, _ONE_THREAD, {"thread": thread_id}, _thread)
    return found[0] if found else None


def _thread(row: Row) -> Thread:
    return Thread(*row)


def was_deleted(connection: Connection, thread_id: str) -> bool:
    which = select(1).where(tombstones.c.kind == "thread", tombstones.c.id == thread_id)
    return connection.execute(which).scalar() is not None


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
_THREAD_ELEMENTS = ELEMENTS.where(elements.c.thread_id == bindparam("thread")).order_by(
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
    row = connection.execute(STEPS.where(steps.c.id == step_id)).one_or_none()
    return Step(*row) if row else None


def preferences(connection: Connection, user_id: str) -> dict[str, Any]:
    found = connection.execute(select(preferred.c.settings).where(preferred.c.user_id == user_id)).scalar()
    return dict(found or {})


def favorite_steps(connection: Connection, user_id: str) -> list[Step]:
    """A user's favourite messages, newest first."""
    mine = STEPS.where(steps.c.favorite, threads.c.user_id == user_id)
    found = connection.execute(mine.order_by(steps.c.created_at.desc(), steps.c.seq.desc())).all()
    return list(map(Step._make, found))


def element(connection: Connection, thread_id: str, element_id: str) -> Element | None:
    which = ELEMENTS.where(elements.c.thread_id == thread_id, elements.c.id == element_id)
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
        .where(elements.c.id == element_id)
    ).one_or_none()
    if row is None:
        return None
    shared, blob = bool(row.metadata.get("is_shared")), Blob(row.sha256, row.size, row.tag)
    return File(element_id, row.thread_id, row.user_id, shared, row.name or "", row.mime, blob)


def page(
    connection: Connection,
    user_id: str,
    first: int,
    cursor: str | None,
    feedback: int | None,
    without: Collection[str] = (),
) -> Page:
    """One page of a user's threads, last activity first, ``without`` some. Raises InvalidInput for an unreadable cursor
    or size."""
    _check_size(first)
    query = _PAGE
    if without:
        query = query.where(threads.c.id.not_in(listed("threads")))
    if cursor is not None:
        moment, key = _read_cursor(cursor)
        # The first condition says no more than the second, but of an index that MySQL can use.
        query = query.where(threads.c.last_activity_at <= moment, tuple_(moment, key) > _POSITION)
    if feedback is not None:
        query = query.where(_has_vote(user_id, feedback))
    named = {"author": user_id, "size": first + 1, "threads": json.dumps(sorted(without))}
    if query is _PAGE:
        found = dialects.of(connection).fetch(connection, query, {"author": user_id, "size": first + 1}, _thread)
    else:
        found = list(map(_thread, connection.execute(query, named)))
    return Page(found[:first], cursor_of(found[first - 1]) if len(found) > first else None)


_SOME_THREADS = _THREAD.where(threads.c.id.in_(listed("threads")))


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
    _check_size(first, MOST_RANKED)
    found = find.found(connection, user_id, query, first, find.read_cursor(cursor), by_thread, without)
    if not by_thread:
        return found, {}
    ids = {each.text.thread_id for each in (*found.messages, *found.titles, *found.scattered)}
    some = _SOME_THREADS if feedback is None else _SOME_THREADS.where(_has_vote(user_id, feedback))
    rows = connection.execute(some, {"threads": json.dumps(sorted(ids))}) if ids else ()
    return found, {thread.id: thread for thread in (Thread(*row) for row in rows)}


def _check_size(first: int, most: int = MAX_PAGE) -> None:
    if not 1 <= first <= most:
        raise InvalidInput(f"A page has 1 to {most} conversations")


def first_of(pages: Sequence[Page], first: int) -> Page:
    """The first of the threads of several pages, each the first of its own."""
    if len(pages) == 1:
        return pages[0]
    found = sorted(
        (thread for page in pages for thread in page.threads),
        key=lambda thread: (thread.last_activity_at, thread.id),
        reverse=True,
    )
    more = any(page.next for page in pages) or len(found) > first
    return Page(found[:first], cursor_of(found[first - 1]) if more else None)


def cursor_of(last: Thread) -> str:
    """For the page that follows this thread."""
    return f"{last.last_activity_at}.{last.id}"


def _read_cursor(cursor: str) -> tuple[int, str]:
    moment, dot, key = cursor.partition(".")
    if not (dot and moment.removeprefix("-").isdecimal() and len(moment) < 20 and abs(int(moment)) < 1 << 63):
        raise InvalidInput("This page of conversations cannot be found; reload the list")
    return int(moment), key


def _has_vote(user_id: str, value: int) -> ColumnElement[bool]:
    """Read from the user's votes, which are fewer than the user's threads."""
    voted = select(steps.c.thread_id).join(feedbacks, feedbacks.c.step_id == steps.c.id)
    return threads.c.id.in_(voted.where(feedbacks.c.user_id == user_id, feedbacks.c.value == value))


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
