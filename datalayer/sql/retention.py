"""What a policy of retention has go, a user at a time: all of it is found by an index, and costs what is found.

Pinned threads, those in the trash, and those in which something was said a moment ago are never among it. ``user``: an
id; None: the threads without author.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, false, func, select

from ..schema import MESSAGES, steps, threads, users

_AT_ONCE = 500  # ids of a statement


def some_users(connection: Connection, after: str, limit: int) -> Sequence[str]:
    """In the order of their ids."""
    found = select(users.c.id).where(users.c.id > after).order_by(users.c.id).limit(limit)
    return connection.execute(found).scalars().all()


def identifier(connection: Connection, user: str) -> str | None:
    return connection.execute(select(users.c.identifier).where(users.c.id == user)).scalar()


def _theirs(user: str | None, idle_since: int) -> list[ColumnElement[bool]]:
    # Hidden from indexes, as in lists.py: that of user and activity is the one.
    return [
        threads.c.user_id.is_(None) if user is None else threads.c.user_id == user,
        threads.c.last_activity_at < idle_since,
        func.coalesce(threads.c.trashed_at, 0) == 0,
        func.coalesce(threads.c.pinned, false()) == false(),
    ]


def old(connection: Connection, user: str | None, before: int) -> Sequence[str]:
    """Threads in which nothing was said since a moment."""
    found = select(threads.c.id).where(*_theirs(user, before))
    return connection.execute(found.order_by(threads.c.last_activity_at)).scalars().all()


def too_many(connection: Connection, user: str, most: int, idle_since: int) -> Sequence[str]:
    """Threads of a user besides the ``most`` that were used last."""
    order = threads.c.last_activity_at.desc(), threads.c.id.desc()
    beyond = select(threads.c.id, threads.c.last_activity_at).where(*_theirs(user, _EVER)).order_by(*order).offset(most)
    return [key for key, at in connection.execute(beyond) if at < idle_since]


_EVER = 1 << 62


def said_since(connection: Connection, user: str | None, since: int, idle_since: int) -> Sequence[str]:
    """Threads in which something was said since a moment."""
    found = select(threads.c.id).where(*_theirs(user, idle_since), threads.c.last_activity_at >= since)
    return connection.execute(found.order_by(threads.c.last_activity_at)).scalars().all()


def too_long(connection: Connection, user: str, most: int, idle_since: int) -> Sequence[str]:
    """Threads with more than ``most`` messages. It costs what a walk over all messages of the user costs."""
    said = select(steps.c.thread_id).join(threads, threads.c.id == steps.c.thread_id)
    said = said.where(*_theirs(user, idle_since), steps.c.type.in_(MESSAGES))
    found = said.group_by(steps.c.thread_id).having(func.count() > most)
    return connection.execute(found).scalars().all()


class Oldest(NamedTuple):
    steps: list[str]
    """Their ids, with what stands below them."""
    messages: int


def beyond(connection: Connection, thread_id: str, most: int) -> Oldest:
    """What stands before the newest ``most`` messages of a thread; a turn is not torn: the first that stays is a
    question, where there is one."""
    here = steps.c.thread_id == thread_id
    said = select(steps.c.type, steps.c.created_at, steps.c.seq).where(here, steps.c.type.in_(MESSAGES))
    newest = connection.execute(said.order_by(steps.c.created_at.desc(), steps.c.seq.desc()).limit(most + 1)).all()
    if len(newest) <= most:
        return Oldest([], 0)
    kept = newest[:most]
    first: Any = next((row for row in reversed(kept) if row.type == "user_message"), kept[-1])
    before = (steps.c.created_at < first.created_at) | (
        (steps.c.created_at == first.created_at) & (steps.c.seq < first.seq)
    )
    rows = connection.execute(select(steps.c.id, steps.c.type).where(here, before)).all()
    gone = {row.id: row.type for row in rows}
    level = list(gone)
    while level:
        below: dict[str, str] = {}
        for start in range(0, len(level), _AT_ONCE):
            children = select(steps.c.id, steps.c.type).where(
                here, steps.c.parent_id.in_(level[start : start + _AT_ONCE])
            )
            below |= {row.id: row.type for row in connection.execute(children)}
        level = [key for key in below if key not in gone]
        gone |= below
    return Oldest(list(gone), sum(kind in MESSAGES for kind in gone.values()))
