"""The rows of a thread, or of some of its steps, as an archive has them; and their removal, if they still are those.

Always true: nothing is removed that is not in an archive, word for word: the removal reads the rows again, in its own
transaction, and leaves them where they are not what was archived any more.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select

from ..records import Blob
from ..schema import blobs, elements, feedbacks, steps, summaries, threads
from ..writes import DeleteThread, RemoveArchived
from . import removing, tombstones
from .group import Group

Rows = list[tuple[str, dict[str, Any]]]
"""The name of a table, and what a row of it holds."""
_AT_ONCE = 500  # ids of a statement


def rows_of(connection: Connection, thread_id: str, some: Sequence[str] | None = None) -> Rows:
    """The thread first; then, in an order of their own, its steps, elements, votes and summary. ``some``: these steps,
    with their elements and votes. Nothing where there is no such thread."""
    found = _read(connection, threads, threads.c.id == thread_id)
    if not found:
        return []
    for which in _which(thread_id, some):
        for table, condition in which:
            found += _read(connection, table, condition)
    return found


def _which(thread_id: str, some: Sequence[str] | None) -> Iterator[list[tuple[Table, ColumnElement[bool]]]]:
    here, of_it = steps.c.thread_id == thread_id, elements.c.thread_id == thread_id
    if some is None:
        votes = feedbacks.c.step_id.in_(select(steps.c.id).where(here))
        yield [(steps, here), (elements, of_it), (feedbacks, votes), (summaries, summaries.c.thread_id == thread_id)]
        return
    for start in range(0, len(some), _AT_ONCE):
        ids = some[start : start + _AT_ONCE]
        yield [
            (steps, here & steps.c.id.in_(ids)),
            (elements, of_it & elements.c.for_id.in_(ids)),
            (feedbacks, feedbacks.c.step_id.in_(ids)),
        ]


def _read(connection: Connection, table: Table, which: ColumnElement[bool]) -> Rows:
    order = [table.c[name] for name in ("created_at", "id") if name in table.c]
    rows = connection.execute(select(table).where(which).order_by(*order)).mappings()
    return [(table.name, dict(row)) for row in rows]


def blobs_of(connection: Connection, contents: Sequence[str]) -> dict[str, str]:
    """The name of the blob of each of these contents that is there, by its SHA-256."""
    found: dict[str, str] = {}
    for start in range(0, len(contents), _AT_ONCE):
        these = blobs.c.sha256.in_(contents[start : start + _AT_ONCE])
        for row in connection.execute(select(blobs.c.sha256, blobs.c.size, blobs.c.tag).where(these)):
            found[row.sha256] = Blob(*row).name
    return found


def line(table: str, row: dict[str, Any]) -> str:
    """A row as a line of an archive."""
    return json.dumps({"table": table, "row": row}, separators=(",", ":"), sort_keys=True)


def digest(rows: Rows, whole: bool) -> str:
    """What the rows are known by. ``whole`` False: of the thread itself nothing counts but that it is not pinned."""
    known = hashlib.sha256()
    for table, row in rows:
        if table == threads.name and not whole:
            row = {"id": row["id"]}
        known.update(line(table, row).encode() + b"\n")
    return known.hexdigest()


def remove(group: Group, write: RemoveArchived) -> bool:
    """Whether it is removed."""
    key, some = write.thread_id, write.steps
    if ("thread", key) in group.facts.deleted or key not in group.facts.owners or key in group.facts.trashed:
        return False
    group.facts.check_owner(key, write.actor)
    group.flush()
    rows = rows_of(group.connection, key, some)
    if rows[0][1]["pinned"] or digest(rows, some is None) != write.digest:
        return False
    if some is None:
        removing.delete(group, DeleteThread(actor=write.actor, thread_id=key, at=write.at))
    elif _have_others(group.connection, some):
        return False
    else:
        group.delete_steps(key, some, write.at)
    tombstones.mark(group.connection, group.sql, write.digest, write.at)
    return True


def _have_others(connection: Connection, some: Sequence[str]) -> bool:
    """Whether a step that is not among ``some`` stands below one of them."""
    known = set(some)
    for start in range(0, len(some), _AT_ONCE):
        below = select(steps.c.id).where(steps.c.parent_id.in_(some[start : start + _AT_ONCE]))
        if not known.issuperset(connection.execute(below).scalars()):
            return True
    return False
