"""I8 while writes wait in the spool: a read sees its thread as it will be when the database has taken them.

What the database has of the thread is copied into a database in memory, the waiting writes are applied to the copy, and
the query is asked there. The writes are chosen before the copy is made: what the database takes in between is applied
twice, which changes nothing (``backlog`` says why).
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, func, or_, select, true

from .. import dialects, schema
from ..dialects import sqlite
from ..dialects.expressions import listed
from ..schema import (
    blobs,
    elements,
    feedbacks,
    file_texts,
    links,
    steps,
    summaries,
    thread_tags,
    threads,
    tombstones,
    users,
)
from ..search import building
from ..writes import Write
from .apply import apply
from .facts import named

T = TypeVar("T")
Rows = dict[str, list[dict[str, Any]]]
"""Rows by the name of their table."""

_here = listed("threads")
_contents = select(elements.c.blob).where(elements.c.thread_id.in_(_here))
_owner = select(threads.c.user_id).where(threads.c.id.in_(_here))
_THREADS: dict[str, Select[Any]] = {
    "users": select(users).where(users.c.id.in_(_owner)),
    "threads": select(threads).where(threads.c.id.in_(_here)),
    "thread_tags": select(thread_tags).where(thread_tags.c.thread_id.in_(_here)),
    "thread_facets": select(threads.c.id.label("thread_id"), threads.c.user_id, true().label("stale")).where(
        threads.c.id.in_(_here), threads.c.user_id.is_not(None)
    ),
}
_CONTENT: dict[str, Select[Any]] = {
    "steps": select(steps).where(steps.c.thread_id.in_(_here)),
    "blobs": select(blobs).where(blobs.c.sha256.in_(_contents)),
    "file_texts": select(file_texts).where(file_texts.c.sha256.in_(_contents)),
    "elements": select(elements).where(elements.c.thread_id.in_(_here)),
    "feedbacks": select(feedbacks).where(
        feedbacks.c.step_id.in_(select(steps.c.id).where(steps.c.thread_id.in_(_here)))
    ),
    "summaries": select(summaries).where(summaries.c.thread_id.in_(_here)),
    "links": select(links).where(links.c.thread_id.in_(_here)),
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

    def around(self, thread_id: str) -> set[str]:
        """The thread, and those that decide what a write to several does to it."""
        return {thread_id}.union(*(each.threads for each in self.writes if thread_id in each.threads))

    def copy(self, connection: Connection, thread_ids: Collection[str], content: bool = True) -> Rows:
        """What the database has of the threads, and what of all that the writes name was deleted.

        ``content`` False: of what is in the threads only the steps that the writes name.
        """
        ids = named(self.writes)
        deleted = _all(connection, _DELETED, ids)
        ids["threads"] = json.dumps(sorted(thread_ids))
        wanted = _THREADS | (_CONTENT if content else {"steps": _NAMED})
        rows = {"tombstones": deleted, **{table: _all(connection, query, ids) for table, query in wanted.items()}}
        if dialects.of(connection).serial and content:
            _number_on(connection, rows)
        return rows

    def beside(
        self, connection: Connection, user_id: str, query: Callable[..., T], content: bool
    ) -> "tuple[T, Overlay, Rows]":
        """What ``query(connection, without=threads)`` finds of what no write concerns, and for the rest: the overlay,
        without writes to other people's threads, and what it needs for the same question. ``content``: as in
        ``copy``."""
        owners = {thread: owner for thread, owner in connection.execute(_OWNERS, named(self.writes))}
        mine = {thread for thread, owner in owners.items() if owner in (None, user_id)}
        others = owners.keys() - mine
        asked = replace(self, writes=[each for each in self.writes if each.thread_id not in others])
        return query(connection, without=mine), asked, asked.copy(connection, mine, content)

    def ask(self, rows: Rows, query: Callable[..., T], *args: Any) -> T:
        """What ``query`` finds in ``rows`` once the writes are applied. Blocks."""
        memory = sqlite.in_memory()
        try:
            with memory.connect() as connection:
                schema.metadata.create_all(connection)
                for table, found in rows.items():
                    if found:
                        connection.execute(schema.metadata.tables[table].insert(), found)
                building.make(connection)
                building.build_all(connection)
                apply(connection, self.writes)
                return query(connection, *args)
        finally:
            memory.dispose()


def _number_on(connection: Connection, rows: Rows) -> None:
    """Has new steps come after all that there are, whoever's: with a step of no thread that anybody has."""
    newest = connection.execute(select(func.max(steps.c.seq))).scalar()
    if newest is not None and all(row["seq"] < newest for row in rows["steps"]):
        times = {"created_at": 0}
        placed = {"pinned": False, "archived": False, "status": "open", "kind": "chat", "trashed_at": 0}
        nobody = _row(schema.threads, id="", metadata={}, last_activity_at=0, **times, **placed)
        rows["threads"] = [*rows["threads"], nobody]
        rows["steps"] = [*rows["steps"], _row(steps, seq=newest, id="", thread_id="", favorite=False, **times)]


def _row(table: Table, **values: Any) -> dict[str, Any]:
    return {column.name: values.get(column.name) for column in table.columns}


def _all(connection: Connection, query: Select[Any], ids: dict[str, str]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query, ids).mappings()]
