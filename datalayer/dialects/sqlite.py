"""SQLite: ``write`` has the only connection that writes or checkpoints (I12), ``read`` the others. A transaction runs
whole in a thread of the driver (I13): a switch of threads a statement costs more than most statements.

I2: WAL with ``synchronous=FULL``: SQLite fsyncs the log before COMMIT returns (https://www.sqlite.org/pragma.html#pragma_synchronous).
Drivers' exceptions become errors of this package here and nowhere else.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Executable, StaticPool, create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.compiler import compiles

from ..errors import DataLayerError, InvalidInput, StoreCorrupt, StoreForeign, StoreUnavailable
from . import base
from .base import Query, Row, T, driver_error
from .expressions import ids_of, octets
from .prepared import Prepared, driver
from .upserts import OnConflict
from .workers import Workers

BUSY_TIMEOUT = 0.25
"""Seconds SQLite waits for another process's lock before the call fails: less than a caller waits for a transaction, so
that a lock is told from a database that hangs, and a transaction that waits for one ends soon."""

# No mmap and no checkpoint by readers: SQLite before 3.51.3 can damage a WAL file that two connections reset at once.
_PRAGMAS = {
    "write": (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",  # what is deleted is overwritten; builds of SQLite differ in their default
        "mmap_size=0",
        "cache_size=-16000",
    ),
    "read": ("query_only=ON", "wal_autocheckpoint=0", "mmap_size=0", "cache_size=-16000"),
}


class SQLite(OnConflict):
    serial = True
    insert = staticmethod(insert)

    def __init__(self) -> None:
        self._prepared: dict[tuple[Executable, tuple[str, ...]], Prepared] = {}

    def fetch(
        self, connection: Connection, statement: Query, parameters: Mapping[str, Any], make: Callable[[Row], T]
    ) -> list[T]:
        return self._ready(connection, statement, parameters).fetch(connection, parameters, make)

    def send(self, connection: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        self._ready(connection, statement, rows[0]).send(connection, rows)

    def _ready(self, connection: Connection, statement: Executable, parameters: Mapping[str, Any]) -> Prepared:
        key = (statement, tuple(parameters))
        if (found := self._prepared.get(key)) is None:
            found = self._prepared[key] = Prepared(statement, list(parameters), connection.dialect)
        return found


dialect = SQLite()


@compiles(ids_of, "sqlite")
def _ids_of(element: ids_of, compiler: Any, **given: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **given)})"


@compiles(octets, "sqlite")
def _octets(element: octets, compiler: Any, **given: Any) -> str:
    return f"length(CAST({compiler.process(element.clauses, **given)} AS BLOB))"


class Connections:
    """Those of one role, "write" or "read", each used by one thread at a time.

    They are kept out of the pool of their engine, and told to begin and to commit without SQLAlchemy: it takes as long
    for that as SQLite for a small transaction.
    """

    def __init__(self, url: URL, role: str, count: int, synchronous: str) -> None:
        self.engine = _engine(url, role, count, synchronous)
        self._workers = Workers(count, f"datalayer-{role}")
        self._begin = "BEGIN IMMEDIATE" if role == "write" else "BEGIN"
        self._idle: list[Connection] = []

    async def run(self, work: Callable[[Connection], T]) -> T:
        """``work`` in one transaction: committed when it returns, rolled back when it raises. Raises DataLayerError.

        A call that is cancelled while it waits for the driver still ends its transaction before the cancellation goes
        on.
        """
        return await base.translated(self._workers.run(partial(self._transaction, work)), translate)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        idle = self._idle
        connection = self._begun(idle)
        try:
            result = work(connection)
            driver(connection).execute("COMMIT")
        except BaseException:
            driver(connection).rollback()
            raise
        finally:
            idle.append(connection)
            if idle is not self._idle:  # closed meanwhile
                _close(idle)
        return result

    def _begun(self, idle: list[Connection]) -> Connection:
        """A connection in a transaction; one that somebody has closed is made anew."""
        try:
            connection = idle.pop()
        except IndexError:
            connection = self.engine.connect()
        try:
            driver(connection).execute(self._begin)
        except sqlite3.ProgrammingError:
            connection.invalidate()
            connection.close()
            connection = self.engine.connect()
            driver(connection).execute(self._begin)
        except BaseException:
            idle.append(connection)
            raise
        return connection

    async def close(self) -> None:
        await self._workers.run(self._dispose)
        self._workers.stop()

    def _dispose(self) -> None:
        idle, self._idle = self._idle, []
        _close(idle)
        self.engine.dispose()


def _close(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()


class Database:
    """Opens nothing before the first call. ``synchronous`` other than FULL gives up I2 (benchmarks)."""

    lanes = 1

    def __init__(self, url: URL, synchronous: str = "FULL") -> None:
        self.path = Path(str(url.database))
        self.translate = translate
        self.write = Connections(url, "write", 1, synchronous)
        self.read = Connections(url, "read", 4, synchronous)

    async def close(self) -> None:
        """The next call opens it again."""
        # The last connection to close checkpoints, so the writer goes last.
        await self.read.close()
        await self.write.close()


def parse_url(url: URL) -> URL:
    """``url`` as this package opens it. Raises InvalidInput for what it cannot keep safely."""
    if url.database in (None, "", ":memory:") or str(url.database).startswith("file:"):
        raise InvalidInput("The database must be a file; one in memory would be lost with the process")
    return url.set(drivername="sqlite")


def url_of(database: Path) -> URL:
    return URL.create("sqlite", database=str(database))


def _engine(url: URL, role: str, size: int, synchronous: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_reset_on_return=None,  # every transaction ends by itself
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT},
        json_serializer=base.to_json,
        json_deserializer=base.from_json,
    )

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: sqlite3 would begin late and DEFERRED
        cursor = connection.cursor()
        for pragma in _PRAGMAS[role]:
            cursor.execute("PRAGMA " + pragma.replace("=FULL", "=" + synchronous))
        cursor.close()

    return engine


def in_memory() -> Engine:
    """A database of one connection that is gone with it, where this package's queries can be asked."""
    engine = create_engine("sqlite://", poolclass=StaticPool, json_deserializer=base.from_json)

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys=ON")

    return engine


_UNAVAILABLE = {
    *("BUSY", "LOCKED", "FULL", "READONLY", "IOERR", "CANTOPEN"),
    *("PERM", "NOMEM", "INTERRUPT", "AUTH", "PROTOCOL"),
}
_BAD_VALUE = {"CONSTRAINT", "TOOBIG", "MISMATCH", "RANGE"}


def translate(error: BaseException) -> DataLayerError:
    """The error of this package that says what ``error``, a driver's or SQLAlchemy's, means for the caller."""
    cause = driver_error(error)
    # Primary result code out of the extended name: SQLITE_BUSY_SNAPSHOT is a BUSY. https://www.sqlite.org/rescode.html
    code = getattr(cause, "sqlite_errorname", "").removeprefix("SQLITE_").split("_")[0]
    if code in ("NOTADB", "FORMAT"):
        return StoreForeign("The file is no database")
    if code == "CORRUPT":
        return StoreCorrupt("The database is damaged")
    if isinstance(cause, sqlite3.Error) and "closed" in str(cause):  # which sqlite3 tells in words only
        return StoreUnavailable("The database was closed")
    # Python 3.11 reports a value that it cannot bind as ProgrammingError, 3.10 as InterfaceError.
    if code in _BAD_VALUE or isinstance(cause, (sqlite3.InterfaceError, sqlite3.ProgrammingError)):
        return InvalidInput("The database refuses this value")
    if code in _UNAVAILABLE:
        return StoreUnavailable("The database cannot take this right now")
    if isinstance(cause, sqlite3.Error):
        return DataLayerError("The database failed")
    return base.translate(cause)


@contextmanager
def failures() -> Iterator[None]:
    """Whatever SQLite or the disk raises leaves as an error of this package."""
    try:
        yield
    except (sqlite3.Error, SQLAlchemyError, OSError) as error:
        raise translate(error) from error
