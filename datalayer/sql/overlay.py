"""I8 while writes wait in the spool: a read sees its thread as it will be when the database has taken them.

What the database has of the thread is copied into a database in memory, the waiting writes are applied to the copy, and
the query is asked there. The writes are chosen before the copy is made: what the database takes in between is applied
twice, which changes nothing (``backlog`` says why).
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, or_, select

from .. import schema
from ..dialects import sqlite
from ..dialects.expressions import listed
from ..records import Page
from ..schema import blobs, elements, feedbacks, steps, summaries, threads, tombstones, users
from ..writes import Write
from . import queries
from .apply import apply
from .facts import named

T = TypeVar("T")
Rows = dict[str, list[dict[str, Any]]]
"""Rows by the name of their table."""

_here = listed("threads")
_owner = select(threads.c.user_id).where(threads.c.id.in_(_here))
_THREADS: dict[str, Select[Any]] = {
    "users": select(users).where(users.c.id.in_(_owner)),
    "threads": select(threads).where(threads.c.id.in_(_here)),
}
_CONTENT: dict[str, Select[Any]] = {
    "steps": select(steps).where(steps.c.thread_id.in_(_here)),
    "blobs": select(blobs).where(blobs.c.sha256.in_(select(elements.c.blob).where(elements.c.thread_id.in_(_here)))),
    "elements": select(elements).where(elements.c.thread_id.in_(_here)),
    "feedbacks": select(feedbacks).where(
        feedbacks.c.step_id.in_(select(steps.c.id).where(steps.c.thread_id.in_(_here)))
    ),
    "summaries": select(summaries).where(summaries.c.thread_id.in_(_here)),
}
_NAMED = select(steps).where(steps.c.thread_id.in_(_here), steps.c.id.in_(listed("steps")))
# A write may know a step by its id alone.
_theirs = select(steps.c.thread_id).where(steps.c.id.in_(listed("steps")))
_OWNERS = select(threads.c.id, threads.c.user_id).where(or_(threads.c.id.in_(_here), threads.c.id.in_(_theirs)))
_DELETED = select(tombstones).where(
    or_(*(tombstones.c.id.in_(listed(ids)) for ids in ("threads", "steps", "elements")))
)


@dataclass(frozen=True, slots=True)
class Overlay:
    writes: Sequence[Write]
    """Those that wait, in order."""

    def copy(self, connection: Connection, thread_ids: Collection[str], content: bool = True) -> Rows:
        """What the database has of the threads, and what of all that the writes name was deleted.

        ``content`` False: of what is in the threads only the steps that the writes name.
        """
        ids = named(self.writes)
        deleted = _all(connection, _DELETED, ids)
        ids["threads"] = json.dumps(sorted(thread_ids))
        wanted = _THREADS | (_CONTENT if content else {"steps": _NAMED})
        return {"tombstones": deleted, **{table: _all(connection, query, ids) for table, query in wanted.items()}}

    def beside(
        self,
        connection: Connection,
        user_id: str,
        first: int,
        cursor: str | None,
        search: str | None,
        feedback: int | None,
    ) -> "tuple[Page, Overlay, Rows]":
        """The page of what no write concerns, and for the rest: the overlay, without writes to other people's threads,
        and what it needs for the same question."""
        owners = {thread: owner for thread, owner in connection.execute(_OWNERS, named(self.writes))}
        mine = {thread for thread, owner in owners.items() if owner in (None, user_id)}
        others = owners.keys() - mine
        asked = replace(self, writes=[each for each in self.writes if each.thread_id not in others])
        rows = asked.copy(connection, mine, content=bool(search) or feedback is not None)
        page = queries.page(connection, user_id, first, cursor, search, feedback, without=mine)
        return page, asked, rows

    def ask(self, rows: Rows, query: Callable[..., T], *args: Any) -> T:
        """What ``query`` finds in ``rows`` once the writes are applied. Blocks."""
        memory = sqlite.in_memory()
        try:
            with memory.connect() as connection:
                schema.metadata.create_all(connection)
                for table, found in rows.items():
                    if found:
                        connection.execute(schema.metadata.tables[table].insert(), found)
                apply(connection, self.writes)
                return query(connection, *args)
        finally:
            memory.dispose()


def merge(one: Page, other: Page, first: int) -> Page:
    """The first of the threads of two pages, each the first of its own."""
    found = sorted(one.threads + other.threads, key=lambda thread: (thread.last_activity_at, thread.id), reverse=True)
    more = one.next or other.next or len(found) > first
    return Page(found[:first], queries.cursor_of(found[first - 1]) if more else None)


def _all(connection: Connection, query: Select[Any], ids: dict[str, str]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query, ids).mappings()]
