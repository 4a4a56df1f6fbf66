"""Rows of one database brought into another, in the order of their keys, and what stands for all of a table.

Keys are compared byte for byte everywhere, so a range of keys means the same in both.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select
from sqlalchemy import Table as Table

from .. import dialects
from ..errors import StoreUnusable
from ..schema import app_values, facet_counts, instances, metadata, thread_facets

Row = dict[str, Any]
Key = tuple[Any, ...]

TABLES = [table for table in metadata.sorted_tables if table not in (instances, thread_facets, facet_counts)]
"""Those that hold what is kept, and not what is made of it; what others point to comes first."""

_MARK = "datalayer.copy"
UNFINISHED = (
    "The database is a copy that was cut off. Type the same command again (python -m datalayer copy FROM TO), which"
    " goes on with it; or give it up: remove it, and name another"
)
_NUMBERED_BY_TIME = 10**15
"""From about here on a ``seq`` is a time, in microseconds, of which SQLite's numbers may meet each other."""
_SPREAD = 1024


def key_names(table: Table) -> tuple[str, ...]:
    """What a row is known by in every database; the key of a step is its number in SQLite."""
    return ("id",) if "seq" in table.c else tuple(column.name for column in table.primary_key)


def key_of(table: Table, row: Row) -> Key:
    return tuple(row[name] for name in key_names(table))


def count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def read(connection: Connection, table: Table, after: Key | None, limit: int) -> list[Row]:
    """The first rows after a key, in the order of the keys."""
    query = select(table).order_by(*_key(table)).limit(limit)
    if after is not None:
        query = query.where(_beyond(table, after))
    found = [dict(row) for row in connection.execute(query).mappings()]
    return [row for row in found if table is not app_values or row["key"] != _MARK]


def bring(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Has the table hold ``rows``, which follow one another in the order of their keys. Returns how many it did not."""
    names = key_names(table)
    last = _beyond(table, key_of(table, rows[-1]))
    here = select(table).where(_beyond(table, key_of(table, rows[0]), included=True), ~last)
    stored = {key_of(table, row): _compared(row) for row in map(dict, connection.execute(here).mappings())}
    new = [row for row in rows if key_of(table, row) not in stored]
    changed = [row for row in rows if key_of(table, row) in stored and stored[key_of(table, row)] != _compared(row)]
    dialect = dialects.of(connection)
    if new:
        connection.execute(insert(table), [_numbered(row, dialect.serial) for row in new])
    if changed:
        columns = frozenset(rows[0]) - {*names, "seq"}
        connection.execute(dialect.upsert(table, names, columns), [_numbered(row, dialect.serial) for row in changed])
    return len(new) + len(changed)


def _key(table: Table) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in key_names(table)]


def _beyond(table: Table, key: Key, included: bool = False) -> ColumnElement[bool]:
    """That a row comes after ``key``; spelled out, because MySQL uses no index for a comparison of tuples."""
    *first, last = _key(table)
    beyond: ColumnElement[bool] = last >= key[-1] if included else last > key[-1]
    for column, value in zip(reversed(first), reversed(key[:-1]), strict=True):
        beyond = or_(column > value, and_(column == value, beyond))
    return beyond


def _numbered(row: Row, by_the_database: bool) -> Row:
    """``row`` with a number as this database has them: SQLite's are unique, a server's are times."""
    seq = row.get("seq")
    if seq is None or seq < _NUMBERED_BY_TIME:
        return row
    spread = seq >= _NUMBERED_BY_TIME * _SPREAD
    if by_the_database and not spread:
        digest = hashlib.sha256(row["id"].encode()).digest()
        return {**row, "seq": seq * _SPREAD + int.from_bytes(digest[:2]) % _SPREAD}
    return {**row, "seq": seq // _SPREAD} if spread and not by_the_database else row


def _compared(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "seq"}


def digest(rows: Iterable[Row], start: str = "") -> str:
    """What stands for ``rows``, with those before them as ``start``; it says nothing of ``seq``."""
    found = hashlib.sha256(start.encode())
    for row in rows:
        found.update(json.dumps(_compared(row), sort_keys=True, default=bytes.hex).encode())
    return found.hexdigest()


def is_empty(connection: Connection) -> bool:
    """Whether nobody has kept anything here."""
    return not any(connection.execute(select(1).select_from(table).limit(1)).first() for table in TABLES)


def mark(connection: Connection, source: str) -> None:
    """From now on the database is a copy of ``source`` that is not whole yet."""
    row = {"key": _MARK, "value": {"from": source}, "version": 1}
    connection.execute(dialects.of(connection).keep(app_values), row)


def marked(connection: Connection) -> str | None:
    """Of what this database is a copy that is not whole yet; None: it is none."""
    found = connection.execute(select(app_values.c.value).where(app_values.c.key == _MARK)).scalar()
    return str(found["from"]) if found else None


def refuse_unfinished(connection: Connection) -> None:
    """Raises StoreUnusable for a copy that is not whole yet: what is written into it could never be told from it."""
    if marked(connection):
        raise StoreUnusable(UNFINISHED)


def is_unfinished(db: sqlite3.Connection) -> bool:
    """The same of a file, whose schema may be older."""
    known = db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [app_values.name]).fetchone()
    return bool(known and db.execute("SELECT 1 FROM app_values WHERE key = ?", [_MARK]).fetchone())


def unmark(connection: Connection) -> None:
    connection.execute(delete(app_values).where(app_values.c.key == _MARK))
