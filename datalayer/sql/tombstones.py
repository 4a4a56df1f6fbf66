"""What was deleted long ago; and what was archived and removed, for as long as it may come back.

A removal by retention is nobody's wish to have a thing deleted, so it leaves a mark beside its tombstones: the digest
of what is in the archive. Whatever has that digest may come back (``restoring.py``), once; what a person has deleted
has no mark, and stays deleted.
"""

from sqlalchemy import Connection, delete, select, tuple_

from ..dialects.base import Dialect
from ..schema import tombstones

ARCHIVED = "archived"
"""Kind of the marks. They stay as long as the archive may."""


def prune(connection: Connection, before: int, limit: int) -> int:
    """Removes up to ``limit`` tombstones from before a moment, in UTC microseconds. Returns how many."""
    key = tuple_(tombstones.c.kind, tombstones.c.id)
    old = select(tombstones.c.kind, tombstones.c.id).where(tombstones.c.deleted_at < before)
    old = old.where(tombstones.c.kind != ARCHIVED).limit(limit)
    found = [tuple(row) for row in connection.execute(old)]  # MySQL takes no LIMIT in a subquery
    if found:
        connection.execute(delete(tombstones).where(key.in_(found)))
    return len(found)


def mark(connection: Connection, sql: Dialect, digest: str, at: int) -> None:
    connection.execute(sql.keep(tombstones), {"kind": ARCHIVED, "id": digest, "deleted_at": at})


def is_marked(connection: Connection, digest: str) -> bool:
    marks = select(tombstones.c.id).where(tombstones.c.kind == ARCHIVED, tombstones.c.id == digest)
    return connection.execute(marks).first() is not None


def unmark(connection: Connection, digest: str) -> None:
    connection.execute(delete(tombstones).where(tombstones.c.kind == ARCHIVED, tombstones.c.id == digest))
