"""The rows of a database, table by table, in the order of a column: a SQLite file, or PostgreSQL by its URL.

Always true: nothing of the database is changed; all that is read of it is of one moment; of a table some hundred rows
are held at once. No error text has the URL in it.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar
from uuid import UUID

from ..base import Source
from ..reasons import Why
from ..tables import Tables, opened, quoted, why

T = TypeVar("T")
Row = dict[str, Any]

_AT_ONCE = 500
_PATIENCE = 10.0
"""Seconds until a server that does not answer counts as away."""


class Unreadable(Exception):
    def __init__(self, why: Why) -> None:
        super().__init__(str(why))
        self.why = why


class Base(Protocol):
    columns: dict[str, list[str]]
    """Of its tables, by their names."""

    def sorted(self, table: str, by: str) -> Iterator[tuple[str, Row]]:
        """All rows with the text of the column ``by``, "" where it has none, in the order of its code points; others
        in that in which they were added. Raises Unreadable."""

    def joined(self, table: str, by: str, other: str, key: str, sort: str) -> Iterator[tuple[str, Row]]:
        """As ``sorted``, by the column ``sort`` of the row of the ``other`` table whose ``key`` is ``by``."""


@contextmanager
def read(source: Source) -> Iterator[Base]:
    """Raises Unreadable where there is none."""
    url = getattr(source, "url", None)
    if url is not None:
        server = _Server(url)
        try:
            yield server
        finally:
            server.close()
        return
    path = source.database()
    if path is None:
        raise Unreadable(Why("no_sqlite"))
    try:
        with opened(path) as tables:
            yield _File(tables)
    except sqlite3.Error as error:
        raise Unreadable(Why("partly_read", why=why(error))) from error


class _File:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.columns = tables.columns

    def sorted(self, table: str, by: str) -> Iterator[tuple[str, Row]]:
        text = f"coalesce(CAST({quoted(by)} AS TEXT), '')" if self._tables.have(table, by) else "''"
        for row in self._tables.rows(table, self.columns[table], f"ORDER BY {text}, rowid"):
            yield _text(row.get(by)), row

    def joined(self, table: str, by: str, other: str, key: str, sort: str) -> Iterator[tuple[str, Row]]:
        if not (self._tables.have(table, by) and self._tables.have(other, key, sort)):
            return
        theirs = f'SELECT {quoted(key)} AS "=key", {quoted(sort)} AS "=place" FROM {quoted(other)}'
        order = f"ORDER BY coalesce(CAST(\"=place\" AS TEXT), ''), {quoted(table)}.rowid"
        rest = f'LEFT JOIN ({theirs}) ON "=key" = {quoted(by)} {order}'
        for row in self._tables.rows(table, self.columns[table], rest):
            found = self._tables.among(other, [sort], key, [row[by]])
            yield _text(found[0][sort] if found else None), row


def _text(value: Any) -> str:
    return "" if value is None else str(value)


class _Server:
    """PostgreSQL. Its driver is asynchronous; whoever reads is in a thread of its own."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        try:
            self._connection = self._wait(self._connect(url))
            self._transaction = self._connection.transaction(isolation="repeatable_read", readonly=True)
            self._wait(self._transaction.start())
            self.columns = self._columns()
        except BaseException:
            self._loop.close()
            raise

    async def _connect(self, url: str) -> Any:
        try:
            import asyncpg
        except ImportError:
            raise Unreadable(Why("no_driver")) from None
        scheme, _, rest = url.partition("://")
        return await asyncpg.connect(f"{scheme.partition('+')[0]}://{rest}", timeout=_PATIENCE)

    def _wait(self, work: Awaitable[T]) -> T:
        try:
            return self._loop.run_until_complete(_awaited(work))
        except (Unreadable, KeyboardInterrupt):
            raise
        except Exception as error:  # its text may quote the address
            code = getattr(error, "sqlstate", None)
            what = f"{type(error).__name__} {code}" if code else type(error).__name__
            raise Unreadable(Why("no_server", error=what)) from None

    def _columns(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        query = """
            SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
            WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped AND pg_table_is_visible(pg_class.oid)
            AND relnamespace <> 'pg_catalog'::regnamespace ORDER BY relname, attnum"""
        for table, column in self._wait(self._connection.fetch(query)):
            found.setdefault(table, []).append(column)
        return found

    def sorted(self, table: str, by: str) -> Iterator[tuple[str, Row]]:
        text = f"coalesce(t.{quoted(by)}::text, '') COLLATE \"C\"" if by in self.columns[table] else "''"
        yield from self._rows(f"SELECT {text} AS place, t.* FROM {quoted(table)} AS t ORDER BY 1, t.ctid")

    def joined(self, table: str, by: str, other: str, key: str, sort: str) -> Iterator[tuple[str, Row]]:
        if by not in self.columns[table]:
            return
        on = f"o.{quoted(key)}::text = t.{quoted(by)}::text"
        yield from self._rows(
            f"SELECT coalesce(o.{quoted(sort)}::text, '') COLLATE \"C\" AS place, t.* FROM {quoted(table)} AS t"
            f" LEFT JOIN {quoted(other)} AS o ON {on} ORDER BY 1, t.ctid"
        )

    def _rows(self, query: str) -> Iterator[tuple[str, Row]]:
        cursor = self._wait(self._connection.cursor(query))
        while some := self._wait(cursor.fetch(_AT_ONCE)):
            for record in some:
                place, *values = (str(value) if isinstance(value, UUID) else value for value in record.values())
                yield place, dict(zip(list(record.keys())[1:], values, strict=True))

    def close(self) -> None:
        with suppress(Exception):  # all is read
            self._loop.run_until_complete(self._connection.close(timeout=_PATIENCE))
        self._loop.close()


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def has(base: Base, tables: Sequence[tuple[str, Sequence[str]]]) -> bool:
    """Whether it has all these tables, each with these columns."""
    return all({*columns} <= {*base.columns.get(table, ())} for table, columns in tables)
