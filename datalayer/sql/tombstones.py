"""What was deleted long ago."""

from sqlalchemy import Connection, delete, select, tuple_

from ..schema import tombstones


def prune(connection: Connection, before: int, limit: int) -> int:
    """Removes up to ``limit`` tombstones from before a moment, in UTC microseconds. Returns how many."""
    key = tuple_(tombstones.c.kind, tombstones.c.id)
    old = select(tombstones.c.kind, tombstones.c.id).where(tombstones.c.deleted_at < before).limit(limit)
    found = [tuple(row) for row in connection.execute(old)]  # MySQL takes no LIMIT in a subquery
    if found:
        connection.execute(delete(tombstones).where(key.in_(found)))
    return len(found)
