"""MariaDB and MySQL, by asyncmy.

Two things are other than elsewhere: a DDL statement is its own transaction, and there is no condition on an upsert,
which is therefore put on each of its values.
"""

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import asyncmy
from sqlalchemy import Connection, Insert, Table, and_, event, func, text
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.engine import URL
from sqlalchemy.ext.compiler import compiles

from ..errors import DataLayerError, InvalidInput, StoreUnavailable
from ..schema import metadata
from . import server
from .base import Dialect
from .expressions import ids_of, octets

logging.getLogger("asyncmy").setLevel(logging.ERROR)  # what a server warns of may quote what was said

_CONFLICTS = {1213, 1205, 1020, 1062, 1451, 1452}
"""Deadlock (Galera says so of a certification that failed), lock wait, a row that has changed, unique and foreign
keys (another process has just made or removed the row)."""

_READ_ONLY = {1047, 1290, 1836}
"""A node of Galera that has lost the others, a server that is read-only."""

_FILES = ("ssl_ca", "ssl_cert", "ssl_key")

# https://mariadb.com/docs/server/reference/error-codes; from 2000 on they are the client's.
_MEANINGS: dict[int, server.Meaning] = {
    **dict.fromkeys([1062, 1048, 1118, 1153, 1264, 1301, 1366, 1406, 1451, 1452, 3140, 4025], server.BAD_VALUE),
    **dict.fromkeys([1045, 1698, 3159], server.NO_USER),
    **dict.fromkeys([1044, 1142, 1143, 1227], server.NO_RIGHT),
    1049: server.NOT_THERE,
    1146: server.NO_TABLES,
    **dict.fromkeys([1034, 1194, 1712], server.DAMAGED),
    **dict.fromkeys([1020, 1021, 1040, 1041, 1047, 1053, 1114, 1180, 1203, 1205, 1213], server.UNAVAILABLE),
    **dict.fromkeys([2006, 2013, 2055], server.LOST),
    **dict.fromkeys([1290, 1792, 1836, 1927, 3024, 3100, 1317, 1969], server.UNAVAILABLE),
}


class MySQL(Dialect):
    @lru_cache(maxsize=32)  # noqa: B019  # one object, for ever
    def keep(self, table: Table) -> Insert:
        key = next(iter(table.primary_key))
        statement: Insert = insert(table).on_duplicate_key_update({key.name: key})
        return statement

    @lru_cache(maxsize=512)  # noqa: B019
    def upsert(
        self, table: Table, key: tuple[str, ...], columns: frozenset[str], same: tuple[str, ...] = (), newer: str = ""
    ) -> Insert:
        statement = insert(table)
        new = statement.inserted
        conditions = [table.c[name] == new[name] for name in same]
        if newer:
            conditions.append(table.c[newer] <= new[newer])
        # Values are set one after the other, and a condition sees those before it: ``newer`` must come last.
        names = sorted(columns or {key[0]}, key=lambda name: (name == newer, name))
        where = and_(*conditions) if conditions else None
        values = [(name, new[name] if where is None else func.IF(where, new[name], table.c[name])) for name in names]
        upsert: Insert = statement.on_duplicate_key_update(values)
        return upsert

    @lru_cache(maxsize=32)  # noqa: B019
    def add(self, table: Table, key: tuple[str, ...], column: str) -> Insert:
        statement = insert(table)
        add: Insert = statement.on_duplicate_key_update({column: table.c[column] + statement.inserted[column]})
        return add


dialect = MySQL()


@compiles(ids_of, "mysql", "mariadb")
def _ids_of(element: ids_of, compiler: Any, **given: Any) -> str:
    return f"JSON_TABLE({compiler.process(element.clauses, **given)}, '$[*]' COLUMNS (value VARCHAR(255) PATH '$'))"


@compiles(octets, "mysql", "mariadb")
def _octets(element: octets, compiler: Any, **given: Any) -> str:
    return f"octet_length({compiler.process(element.clauses, **given)})"


class Database(server.Server):
    dialect = dialect
    oldest = "MariaDB 10.6 or MySQL 8.0.19"

    def driver(self) -> dict[str, Any]:
        # As text the client would send it in Latin-1.
        password = {"password": str(self.url.password).encode()} if self.url.password else {}
        return {
            "connect_args": {
                **password,
                "async_creator_fn": _connect,
                "connect_timeout": int(server.CONNECTING),
                "charset": "utf8mb4",
                # What does not fit is refused, not cut; a wait for a lock ends before the transaction is given up.
                "init_command": "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',"
                f" innodb_lock_wait_timeout = {int(server.LIMIT / 2)}",
            }
        }

    def secured(self) -> dict[str, Any]:
        if any(name in self.url.query for name in _FILES):
            server.tls_context(self.url.query, *_FILES)  # the driver makes its own, and does not say what is wrong
        return {}

    def passes(self, error: BaseException) -> bool:
        return _code(getattr(error, "orig", None)) in _CONFLICTS

    def refuses_writes(self, cause: BaseException) -> bool:
        return _code(cause) in _READ_ONLY

    def understand(self, cause: BaseException) -> DataLayerError | None:
        code = _code(cause)
        if code in _MEANINGS:
            return server.meaning(_MEANINGS[code])
        known = (code or 0) >= 2000 or type(cause).__module__.startswith("asyncmy")
        return server.meaning(server.UNAVAILABLE if known else None)

    def supports(self, connection: Connection) -> bool:
        version: Any = connection.dialect.server_version_info or (0,)
        numbers = tuple(part for part in version if isinstance(part, int))
        return numbers >= ((10, 6) if _is_mariadb(connection) else (8, 0, 19))

    @contextmanager
    def lock(self, connection: Connection) -> Iterator[None]:
        # Its name may have 64 characters, and is the whole server's.
        name = hashlib.sha256(f"datalayer migrations {self.url.database}".encode()).hexdigest()
        if connection.execute(text("SELECT GET_LOCK(:name, 60)"), {"name": name}).scalar() != 1:
            raise StoreUnavailable("Another process has been migrating the database for a minute")
        event.listen(connection, "before_cursor_execute", _go_on, retval=True)
        try:
            yield
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": name})

    def clock(self, connection: Connection) -> int:
        now = text("SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)")
        return int(connection.execute(now).scalar_one())


_SMALL = 1 << 16
"""Bytes that every server takes at once."""


class _Connection(asyncmy.connection.Connection):
    """Refuses what is larger than its server takes at once, ``max_allowed_packet``: the server would answer by ending
    the connection, as one does that is going away."""

    limit = 0

    async def query(self, sql: str | bytes, unbuffered: bool = False) -> Any:
        data = sql.encode("utf-8", "surrogateescape") if isinstance(sql, str) else sql
        if len(data) > _SMALL and len(data) + 1 >= await self._most():  # a byte goes before it
            size, most = len(data) / 1e6, self.limit / 1e6
            raise InvalidInput(
                f"This is too large: {size:.1f} MB, where the database takes {most:.1f} MB at once (max_allowed_packet)"
            )
        return await super().query(data, unbuffered)  # type: ignore[no-untyped-call]

    async def _most(self) -> int:
        if not self.limit:
            async with self.cursor() as cursor:
                await cursor.execute("SELECT @@max_allowed_packet")
                (self.limit,) = await cursor.fetchone()
        return self.limit


async def _connect(**options: Any) -> _Connection:
    connection = _Connection(**options)  # type: ignore[no-untyped-call]
    await connection.connect()
    return connection


_NEW = ("CREATE TABLE ", "CREATE INDEX ", "CREATE FULLTEXT INDEX ")
_ANEW = {**dict.fromkeys(_NEW, "IF NOT EXISTS "), **dict.fromkeys(("DROP TABLE ", "DROP INDEX "), "IF EXISTS ")}
_COLUMN = re.compile(r"(ALTER TABLE \S+ (?:ADD|DROP) COLUMN )")


def _go_on(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
    """Each DDL statement is whole or absent, so what a kill has cut off is gone on with: what is done is left out.

    MySQL knows this for tables only.
    """
    words = statement.lstrip()
    for start, condition in _ANEW.items():
        if words.startswith(start) and (connection.dialect.is_mariadb or "TABLE" in start):
            return words.replace(start, start + condition, 1), parameters
    if connection.dialect.is_mariadb and (column := _COLUMN.match(words)):
        condition = "IF NOT EXISTS " if " ADD " in column[1] else "IF EXISTS "
        return words.replace(column[1], column[1] + condition, 1), parameters
    return statement, parameters


def _code(error: BaseException | None) -> int | None:
    code = error.args[0] if error is not None and error.args else None
    return code if isinstance(code, int) else None


def _is_mariadb(connection: Connection) -> bool:
    return bool(getattr(connection.dialect, "is_mariadb", False))


@event.listens_for(Table, "before_create")
def _compare_bytes(table: Table, connection: Connection, **_: Any) -> None:
    """Texts of our tables are compared byte for byte, with the blanks at their end."""
    ours = table.name in metadata.tables or table.name.startswith("search_")
    if connection.dialect.name in ("mysql", "mariadb") and ours:
        exact = "utf8mb4_nopad_bin" if _is_mariadb(connection) else "utf8mb4_0900_bin"
        table.dialect_options["mysql"].update(charset="utf8mb4", collate=exact, engine="InnoDB")


def parse_url(url: URL) -> URL:
    """``url`` with the driver that this package uses. Raises InvalidInput."""
    if url.drivername not in ("mysql", "mariadb", "mysql+asyncmy", "mariadb+asyncmy"):
        raise InvalidInput("For MariaDB or MySQL write mysql+asyncmy://user@host/name")
    if not url.database:
        raise InvalidInput("The database URL must name a database, as in mysql+asyncmy://user@host/name")
    if server.split(url)[1].schema:
        raise InvalidInput("In MariaDB and MySQL a schema is a database: name it in the URL")
    return url.set(drivername="mysql+asyncmy")
