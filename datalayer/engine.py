"""One pair of engines a dialect: `write` has the only connection that writes or checkpoints (I12), `read` the others.

I2: WAL with ``synchronous=FULL``: SQLite fsyncs the log before COMMIT returns (https://www.sqlite.org/pragma.html#pragma_synchronous).
Drivers' exceptions become errors of this package here and nowhere else.
"""

import asyncio
import json
import re
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from . import text
from .errors import (
    DataLayerError,
    InvalidInput,
    StoreCorrupt,
    StoreForeign,
    StoreTooNew,
    StoreUnavailable,
)
from .schema import HEAD

T = TypeVar("T")

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


@dataclass(frozen=True, slots=True)
class Engines:
    url: URL
    write: AsyncEngine
    read: AsyncEngine

    @property
    def path(self) -> Path:
        return Path(str(self.url.database))

    async def dispose(self) -> None:
        # The last connection to close checkpoints, so the writer goes last.
        await self.read.dispose()
        await self.write.dispose()


def parse_url(url: str) -> URL:
    """``url`` as this package opens it. Raises InvalidInput for what it cannot keep safely."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInput("The database URL cannot be read; write sqlite+aiosqlite:///threads.db") from error
    if parsed.get_backend_name() != "sqlite":
        raise InvalidInput("This version keeps its data in SQLite; write sqlite+aiosqlite:///threads.db")
    if parsed.database in (None, "", ":memory:") or str(parsed.database).startswith("file:"):
        raise InvalidInput("The database must be a file; one in memory would be lost with the process")
    return parsed.set(drivername="sqlite+aiosqlite")


def create(url: URL, synchronous: str = "FULL") -> Engines:
    """Engines for ``url``; nothing is opened yet. ``synchronous`` other than FULL gives up I2 (benchmarks)."""
    return Engines(url, _engine(url, "write", 1, synchronous), _engine(url, "read", 4, synchronous))


def _engine(url: URL, role: str, size: int, synchronous: str) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_reset_on_return=None,  # every transaction below ends by itself; a reset would cost a thread switch a call
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT},
        json_serializer=partial(json.dumps, ensure_ascii=False, separators=(",", ":")),
    )

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: sqlite3 would begin late and DEFERRED
        cursor = connection.cursor()
        for pragma in _PRAGMAS[role]:
            cursor.execute("PRAGMA " + pragma.replace("=FULL", "=" + synchronous))
        cursor.close()
        if role == "read":
            connection.create_function("fold", 1, text.fold, deterministic=True)

    if role == "write":  # most reads are one statement; one of several says BEGIN itself

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def check_file(path: Path) -> str | None:
    """The schema revision of the database at ``path``, None when there is none yet. Changes nothing.

    Raises StoreTooNew, StoreForeign, StoreCorrupt, StoreUnavailable.
    """
    try:
        if not path.parent.is_dir():
            raise StoreUnavailable("The folder of the database does not exist")
        if path.stat().st_size == 0:
            return None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailable("The database cannot be read") from error
    try:
        with closing(_read_only(path)) as db:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            ours = "alembic_version" in tables
            row = db.execute("SELECT version_num FROM alembic_version").fetchone() if ours else None
    except sqlite3.Error as error:
        raise translate(error) from error
    revision = str(row[0]) if row else None
    if revision is None and tables:
        raise StoreForeign("This database belongs to another application; name a file of its own for this one")
    if revision is not None and not (revision.isdecimal() and "tombstones" in tables):
        raise StoreForeign("This database is kept by another application's migrations")
    if revision is not None and revision > HEAD:
        raise StoreTooNew("This database was written by a newer version; upgrade, or restore an older backup")
    return revision


def check_content(path: Path) -> bool:
    """Reads the whole database at ``path`` for damage, unless another process has locked it; changes nothing.

    False: there is nothing in it yet. Raises StoreCorrupt, StoreUnavailable.
    """
    try:
        if check_file(path) is None:
            return False
        with closing(_read_only(path)) as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except (sqlite3.Error, StoreUnavailable) as error:
        if reason(error).startswith("SQLITE_BUSY"):
            return True
        raise translate(error) from error
    if found != "ok":
        raise StoreCorrupt("The database is damaged")
    return True


def _read_only(path: Path) -> sqlite3.Connection:
    if path.with_name(path.name + "-journal").exists():
        # A power cut in the very first transaction, before there is a log: only who may write can take it back.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT)) as db:
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT)


Identity = tuple[int, int]
"""Device and inode of a file."""


def log_identity(database: Path) -> Identity | None:
    """Which file is the database's write-ahead log right now; None without one."""
    return file_identity(database.with_name(database.name + "-wal"))


def file_identity(path: Path) -> Identity | None:
    """Which file ``path`` names right now; None for none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


_UNAVAILABLE = {
    *("BUSY", "LOCKED", "FULL", "READONLY", "IOERR", "CANTOPEN"),
    *("PERM", "NOMEM", "INTERRUPT", "AUTH", "PROTOCOL"),
}
_BAD_VALUE = {"CONSTRAINT", "TOOBIG", "MISMATCH", "RANGE"}
# Python 3.11 reports a value that it cannot bind as ProgrammingError, 3.10 as InterfaceError.
_BAD_VALUE_TYPES = (ValueError, TypeError, OverflowError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


def translate(error: BaseException) -> DataLayerError:
    """The error of this package that says what ``error``, a driver's or SQLAlchemy's, means for the caller."""
    if isinstance(error, DataLayerError):
        return error
    cause = error.orig if isinstance(error, (DBAPIError, StatementError)) and error.orig else error
    # Primary result code out of the extended name: SQLITE_BUSY_SNAPSHOT is a BUSY. https://www.sqlite.org/rescode.html
    code = getattr(cause, "sqlite_errorname", "").removeprefix("SQLITE_").split("_")[0]
    if code in ("NOTADB", "FORMAT"):
        return StoreForeign("The file is no database")
    if code == "CORRUPT":
        return StoreCorrupt("The database is damaged")
    # aiosqlite and sqlite3 tell of a connection that is gone in words only.
    if isinstance(cause, (ValueError, sqlite3.Error)) and re.search("closed|no active connection", str(cause)):
        return StoreUnavailable("The database was closed")
    if code in _BAD_VALUE or isinstance(cause, _BAD_VALUE_TYPES):
        return InvalidInput("The database refuses this value")
    if code in _UNAVAILABLE or isinstance(cause, (OSError, TimeoutError)):
        return StoreUnavailable("The database cannot take this right now")
    if isinstance(cause, (SQLAlchemyError, sqlite3.Error)):
        return DataLayerError("The database failed")
    return DataLayerError("The data layer failed")


def reason(error: BaseException) -> str:
    """What lies under ``error``, for a log: the driver's code or a class name. Never a message, it may quote data."""
    while error.__cause__ is not None:
        error = error.__cause__
    return getattr(error, "sqlite_errorname", type(error).__name__)


async def run(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    """``work`` in one transaction: committed when it returns, rolled back when it raises. Raises DataLayerError.

    A call that is cancelled while it waits for the driver still ends its transaction before the cancellation goes on.
    """

    async def transaction() -> T:
        async with engine.begin() as connection:
            return await connection.run_sync(work)

    try:
        return await _finish(transaction())
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise translate(error) from error
    except Exception as error:
        raise translate(error) from error
    return await translated(_finish(transaction()))  # the connection had gone; the pool makes another


async def translated(work: Coroutine[Any, Any, T]) -> T:
    """``work``, its errors as those of this package."""
    try:
        return await work
    except DataLayerError:
        raise
    except Exception as error:
        raise translate(error) from error


async def _finish(coroutine: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(coroutine)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # A connection given back to the pool inside its statement would carry an open transaction to the next user.
        await asyncio.wait([task])
        raise
