"""I9: pages of a user's threads, in the order that is wished for.

A page is one statement. Its cost is that of the threads it walks past: in the usual order those that are listed; those
of a folder, a tag or a kind are picked out of them.
"""

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
    false,
    func,
    or_,
    select,
    true,
    tuple_,
)

from .. import dialects, text
from ..dialects.base import Row
from ..dialects.expressions import listed
from ..errors import InvalidInput
from ..records import LISTED, Page, Sort, Thread, Which
from ..schema import elements, feedbacks, steps, thread_tags, threads, users
from .rows import columns

MAX_PAGE = 200

THREAD: Select[Any] = select(*columns(Thread, threads, user_identifier=users.c.identifier)).outerjoin(
    users, users.c.id == threads.c.user_id
)


def as_thread(row: Row) -> Thread:
    return Thread(*row)


_MINE = THREAD.where(threads.c.user_id == bindparam("author")).limit(bindparam("size", type_=Integer))
_MOMENT = {
    "pinned": threads.c.last_activity_at,
    "activity": threads.c.last_activity_at,
    "idle": threads.c.last_activity_at,
    "created": threads.c.created_at,
    "oldest": threads.c.created_at,
    "trashed": threads.c.trashed_at,
}
_UPWARDS = ("idle", "oldest")
_LATEST = (threads.c.last_activity_at.desc(), threads.c.id.desc())
_USUAL = _MINE.where(threads.c.trashed_at == 0, threads.c.archived == false()).order_by(
    threads.c.pinned.desc(), *_LATEST
)


def page(
    connection: Connection,
    user_id: str,
    first: int,
    cursor: str | None,
    feedback: int | None = None,
    which: Which = LISTED,
    sort: Sort = "pinned",
    without: Collection[str] = (),
) -> Page:
    """One page of a user's threads, ``without`` some. Raises InvalidInput for an unreadable cursor, size or folder."""
    check_size(first)
    named: dict[str, Any] = {"author": user_id, "size": first + 1}
    if (which, sort, cursor, feedback) == (LISTED, "pinned", None, None) and not without:
        found = dialects.of(connection).fetch(connection, _USUAL, named, as_thread)
        return _page(found, first, sort)
    if sort not in _MOMENT:
        raise InvalidInput(f"Conversations are sorted by {', '.join(_MOMENT)}")
    query = _MINE.where(*_chosen(user_id, which, sort)).order_by(*_order(sort))
    if without:
        query, named = (
            query.where(threads.c.id.not_in(listed("threads"))),
            named | {"threads": json.dumps(sorted(without))},
        )
    if cursor is not None:
        query = query.where(_after(cursor, sort))
    if feedback is not None:
        query = query.where(has_vote(user_id, feedback))
    return _page(list(map(as_thread, connection.execute(query, named))), first, sort)


def _order(sort: Sort) -> list[Any]:
    if sort in _UPWARDS:
        return [_MOMENT[sort], threads.c.id]
    latest = [_MOMENT[sort].desc(), threads.c.id.desc()]
    return [threads.c.pinned.desc(), *latest] if sort == "pinned" else latest


def _chosen(user_id: str, which: Which, sort: Sort) -> list[ColumnElement[bool]]:
    placed: dict[str, Any] = {"archived": which.archived} | ({} if which.trashed else {"trashed_at": 0})
    # Where an index that begins with these has another order than the page, SQLite would sort all that it finds in it.
    found = [_is(name, value, hidden=sort != "pinned") for name, value in placed.items() if value is not None]
    found += [threads.c.trashed_at > 0] if which.trashed else []
    names = ("pinned", "status", "kind", "model")
    others: dict[str, Any] = {name: getattr(which, name) for name in names}
    found += [_is(name, value) for name, value in others.items() if value is not None]
    if which.folder is not None:
        found.append(in_folder(which.folder))
    active = (
        threads.c.last_activity_at if sort in ("activity", "idle") else func.coalesce(threads.c.last_activity_at, 0)
    )
    found += [active >= which.since] if which.since is not None else []
    found += [active < which.until] if which.until is not None else []
    if which.made_before is not None:
        made = threads.c.created_at if sort in ("created", "oldest") else func.coalesce(threads.c.created_at, 0)
        found.append(made < which.made_before)
    if which.has_file is not None:
        held = select(1).where(elements.c.blob.is_not(None), elements.c.trashed_at == 0)
        file = exists(held.where(elements.c.thread_id == threads.c.id))
        found.append(file if which.has_file else ~file)
    if which.vote is not None:
        found.append(has_vote(user_id, which.vote))
    if which.tag is not None:
        tagged = select(thread_tags.c.thread_id)
        found.append(threads.c.id.in_(tagged.where(thread_tags.c.user_id == user_id, thread_tags.c.tag == which.tag)))
    return found


def _is(name: str, value: Any, hidden: bool = False) -> ColumnElement[bool]:
    """``hidden``: from indexes."""
    column = threads.c[name]
    literal = (true() if value else false()) if isinstance(value, bool) else value
    return (func.coalesce(column, literal) if hidden else column) == literal


def in_folder(path: str) -> ColumnElement[bool]:
    """The folder and all below it; "": no folder. Raises InvalidInput."""
    if not (path := text.folder(path)):
        return threads.c.folder.is_(None)
    below = and_(threads.c.folder > path + "/", threads.c.folder < path + chr(ord("/") + 1))
    return or_(threads.c.folder == path, below)


def _page(found: list[Thread], first: int, sort: Sort) -> Page:
    return Page(found[:first], cursor_of(found[first - 1], sort) if len(found) > first else None)


def check_size(first: int, most: int = MAX_PAGE) -> None:
    if not 1 <= first <= most:
        raise InvalidInput(f"A page has 1 to {most} conversations")


def first_of(pages: Sequence[Page], first: int, sort: Sort) -> Page:
    """The first of the threads of several pages, each the first of its own."""
    if len(pages) == 1:
        return pages[0]
    found = sorted(
        (thread for page in pages for thread in page.threads),
        key=lambda thread: _place(thread, sort),
        reverse=sort not in _UPWARDS,
    )
    more = any(page.next for page in pages) or len(found) > first
    return Page(found[:first], cursor_of(found[first - 1], sort) if more else None)


def _place(thread: Thread, sort: Sort) -> tuple[bool, int, str]:
    made = {"created": thread.created_at, "oldest": thread.created_at, "trashed": thread.trashed_at}
    moment = made.get(sort, thread.last_activity_at)
    return sort == "pinned" and thread.pinned, moment, thread.id


def cursor_of(last: Thread, sort: Sort) -> str:
    """For the page that follows this thread."""
    pinned, moment, key = _place(last, sort)
    return f"{'p' * pinned}{moment}.{key}"


def _after(cursor: str, sort: Sort) -> ColumnElement[bool]:
    """Raises InvalidInput."""
    pinned = sort == "pinned" and cursor.startswith("p")
    moment, key = _read_cursor(cursor[pinned:])
    column = _MOMENT[sort]
    if sort in _UPWARDS:
        return and_(column >= moment, tuple_(moment, key) < tuple_(column, threads.c.id))
    # The first condition says no more than the second, but of an index that MySQL can use.
    later = and_(column <= moment, tuple_(moment, key) > tuple_(column, threads.c.id))
    if sort != "pinned":
        return later
    if pinned:
        return or_(threads.c.pinned == false(), later)
    return and_(threads.c.pinned == false(), later)


def _read_cursor(cursor: str) -> tuple[int, str]:
    moment, dot, key = cursor.partition(".")
    if not (dot and moment.removeprefix("-").isdecimal() and len(moment) < 20 and abs(int(moment)) < 1 << 63):
        raise InvalidInput("This page of conversations cannot be found; reload the list")
    return int(moment), key


def count(connection: Connection, user_id: str, which: Which, without: Collection[str] = ()) -> int:
    """How many a list has, whatever its order. Its cost is that of all of them. Raises InvalidInput."""
    query = select(func.count()).select_from(threads).where(threads.c.user_id == user_id)
    query = query.where(*_chosen(user_id, which, "pinned"), threads.c.id.not_in(listed("threads")))
    return connection.execute(query, {"threads": json.dumps(sorted(without))}).scalar() or 0


def own(
    connection: Connection, user_id: str, ids: Collection[str], trashed: bool = False, without: Collection[str] = ()
) -> list[Thread]:
    """See ``Reads.own_threads``."""
    asked = {"author": user_id, "threads": json.dumps(sorted({*ids}.difference(without)))}
    found = dialects.of(connection).fetch(connection, _OWN, asked, as_thread)
    return [thread for thread in found if trashed or not thread.trashed_at]


_OWN = THREAD.where(threads.c.user_id == bindparam("author"), threads.c.id.in_(listed("threads"))).order_by(
    threads.c.id
)


def has_vote(user_id: str, value: int) -> ColumnElement[bool]:
    """Read from the user's votes, which are fewer than the user's threads."""
    voted = select(steps.c.thread_id).join(feedbacks, feedbacks.c.step_id == steps.c.id)
    return threads.c.id.in_(voted.where(feedbacks.c.user_id == user_id, feedbacks.c.value == value))


def expired(connection: Connection, before: int, limit: int) -> Sequence[tuple[str, str | None]]:
    """The ids and users of anybody's threads that are in the trash since before a moment, at most so many."""
    found = select(threads.c.id, threads.c.user_id).where(threads.c.trashed_at > 0, threads.c.trashed_at < before)
    return [(row.id, row.user_id) for row in connection.execute(found.order_by(threads.c.trashed_at).limit(limit))]
