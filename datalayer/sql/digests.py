"""What tables hold, in one number each: the same for the same rows, in whatever order they lie."""

import hashlib
import json
from typing import Any

from sqlalchemy import Connection, Table, func, inspect, literal_column, select

from ..schema import blobs, elements, metadata
from .rows import BLOB_NAME

Digests = dict[str, tuple[int, str]]
"""Of each table: how many rows it has, and their digest in 64 hex digits."""

_ROWS = 1000
"""That are held in memory at a time."""


def tables_in(connection: Connection, schema: str | None = None) -> list[str]:
    """Those of our tables that are in ``schema`` (None: the connection's own)."""
    names = set(inspect(connection).get_table_names(schema))
    return [name for name in metadata.tables if name in names]


def row_counts(connection: Connection, schema: str | None = None) -> dict[str, int]:
    count = select(func.count())
    tables = tables_in(connection, schema)
    return {name: connection.execute(count.select_from(metadata.tables[name])).scalar_one() for name in tables}


def digests(connection: Connection, schema: str | None = None) -> Digests:
    """Of those tables, by the columns that are there."""
    there = inspect(connection)
    return {
        name: _digest(connection, metadata.tables[name], {each["name"] for each in there.get_columns(name, schema)})
        for name in tables_in(connection, schema)
    }


def _digest(connection: Connection, table: Table, known: set[str]) -> tuple[int, str]:
    # A sum needs no order, in which databases differ: the rows are read as they lie.
    count, total = 0, 0
    query = select(*sorted((column for column in table.c if column.name in known), key=lambda column: column.name))
    for row in connection.execute(query.execution_options(stream_results=True, yield_per=_ROWS)):
        count += 1
        total += int.from_bytes(row_digest(row))
    return count, f"{total % (1 << 256):064x}"


def row_digest(row: Any) -> bytes:
    """SHA-256 of its values as canonical JSON."""
    text = json.dumps(list(row), ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=bytes.hex)
    return hashlib.sha256(text.encode()).digest()


def held_blobs(connection: Connection) -> dict[str, int]:
    """Names and sizes (bytes) of the content that elements point to."""
    known = connection.execute(select(literal_column("*")).select_from(blobs).limit(0)).keys()
    name = (BLOB_NAME if "tag" in known else elements.c.blob).label("name")  # of an older version
    held = select(name, func.coalesce(blobs.c.size, 0)).outerjoin(blobs, blobs.c.sha256 == elements.c.blob)
    found = held.where(elements.c.blob.is_not(None)).distinct().order_by(name)
    return {str(name): int(size) for name, size in connection.execute(found)}
