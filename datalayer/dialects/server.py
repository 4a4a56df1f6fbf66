"""A database behind a network: pools of connections, options in its URL, tries again, a limit for what hangs.

I2: a server that keeps its defaults has flushed its log before COMMIT returns. A connection that is lost in COMMIT
leaves open whether it was done; the work is done again then, which changes nothing (``backlog`` says why).
"""

import asyncio
import random
import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ..errors import ConnectionLost, DataLayerError, InvalidInput, StoreCorrupt, StoreUnavailable, StoreUnusable
from . import base
from .base import Dialect, T

LIMIT = 10.0
"""Seconds that a transaction may take before its connection is given up: the server may be gone without a word. What it
did until then holds locks on the same rows, so the next try waits until the server knows that it is over."""

CONNECTING = 5.0
"""Seconds for a new connection, and for a free one."""

TRIES = 6
"""Of a transaction that meets others at the same rows."""


Meaning = tuple[type[DataLayerError], str]
BAD_VALUE: Meaning = (InvalidInput, "The database refuses this value")
UNAVAILABLE: Meaning = (StoreUnavailable, "The database cannot take this right now")
LOST: Meaning = (ConnectionLost, "The database has ended the connection")
NO_USER: Meaning = (StoreUnusable, "The database refuses this user, the password, or a connection without TLS")
NO_RIGHT: Meaning = (StoreUnusable, "The database refuses a right that this user needs")
NOT_THERE: Meaning = (StoreUnusable, "There is no such database or schema on the server")
NO_TABLES: Meaning = (StoreUnusable, "The tables of the database are not there any more")
NO_TLS: Meaning = (StoreUnusable, "The database's server speaks no TLS, which the database URL asks for")
NOT_TRUSTED: Meaning = (StoreUnusable, "The TLS certificate of the database's server is not to be trusted")
DAMAGED: Meaning = (StoreCorrupt, "The database is damaged")


def meaning(found: Meaning | None) -> DataLayerError | None:
    return found[0](found[1]) if found else None


def _of_tls(cause: BaseException) -> Meaning | None:
    """What drivers say of TLS when they connect, as Python's own errors."""
    for error in (cause, cause.__cause__, cause.__context__):
        if isinstance(error, ssl.SSLCertVerificationError):
            return NOT_TRUSTED
        if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":  # another protocol
            return NO_TLS
    return NO_TLS if isinstance(cause, ConnectionError) and "rejected SSL" in str(cause) else None


def tls_context(query: Mapping[str, Any], authority: str, certificate: str, key: str) -> ssl.SSLContext:
    """Of the files that these options name; without an authority the system's are trusted. Raises StoreUnusable for a
    file that cannot be used."""
    given = {name: str(query[name]) for name in (authority, certificate, key) if name in query}
    for name, path in given.items():
        try:
            Path(path).open("rb").close()
        except (OSError, ValueError) as error:
            raise StoreUnusable(f"The file of the database URL's option {name} cannot be read") from error
    try:
        context = ssl.create_default_context(cafile=given.get(authority))
        if certificate in given:
            context.load_cert_chain(given[certificate], given.get(key))
    except (OSError, ssl.SSLError) as error:
        files = " or ".join(given)
        raise StoreUnusable(f"The file of the database URL's option {files} holds no certificate or no key") from error
    return context


@dataclass(frozen=True, slots=True)
class Options:
    """What a URL says to this package; everything else in its query goes to the driver."""

    schema: str | None = None
    """Where the tables are; None: where the server's user has its own."""
    lanes: int = 2
    """Connections that write."""
    readers: int = 8
    """Connections that read."""
    heartbeat: float = 5.0
    """Seconds between two signs of life; who gives none for six times as long is taken for dead."""
    prepared_statements: bool = True
    """False: for a pooler that gives each transaction another connection."""


_BOUNDS: dict[str, Callable[[str], Any]] = {
    "schema": lambda given: given if given.isidentifier() and len(given.encode()) < 64 else _no(),  # PostgreSQL cuts it
    "lanes": lambda given: _between(int(given), 1, 64),
    "readers": lambda given: _between(int(given), 1, 256),
    "heartbeat": lambda given: _between(float(given), 0.1, 300),
    "prepared_statements": lambda given: {"true": True, "false": False}[given],
}


def _between(value: Any, least: float, most: float) -> Any:
    return value if least <= value <= most else _no()


def _no() -> Any:
    raise ValueError


def split(url: URL) -> tuple[URL, Options]:
    """``url`` without the options, and them. Raises InvalidInput."""
    given = {}
    for option in fields(Options):
        if option.name in url.query:
            try:
                given[option.name] = _BOUNDS[option.name](str(url.query[option.name]))
            except (ValueError, KeyError):
                raise InvalidInput(f"The database URL's option {option.name} cannot be understood") from None
    return url.difference_update_query(given), Options(**given)


class Connections:
    """Those of one role, "write" or "read"."""

    def __init__(self, engine: AsyncEngine, server: "Server") -> None:
        self._engine = engine
        self._server = server

    @property
    def engine(self) -> Engine:
        return self._engine.sync_engine

    async def run(self, work: Callable[[Connection], T]) -> T:
        """As ``base.Runs.run``."""
        for left in reversed(range(TRIES)):
            try:
                return await self._transaction(work)
            except DataLayerError:
                raise
            except Exception as error:
                if not (left and self._server.passes(error)):
                    raise self._server.translate(error) from error
            await asyncio.sleep(random.random() * 0.02)
        raise AssertionError

    async def _transaction(self, work: Callable[[Connection], T]) -> T:
        async with asyncio.timeout(LIMIT):
            try:
                async with self._engine.begin() as connection:
                    return await connection.run_sync(work)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            async with self._engine.begin() as connection:  # the pool has dropped all that were as old
                return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


class Server(ABC):
    """``url`` as ``parse_url`` gave it. Opens nothing before the first call."""

    dialect: ClassVar[Dialect]
    oldest: ClassVar[str]
    """The oldest version that this package works with, in words."""

    def __init__(self, url: URL) -> None:
        self.url, self.options = split(url)
        self.lanes = self.options.lanes
        self.write = Connections(self.engine("READ COMMITTED", self.options.lanes + 1), self)  # one for upkeep
        self.read = Connections(self.engine("REPEATABLE READ", self.options.readers), self)

    def engine(self, isolation: str, size: int) -> AsyncEngine:
        """``isolation``: that of its transactions. ``size``: how many connections at most."""
        try:
            engine = create_async_engine(
                self.address,
                isolation_level=isolation,
                pool_size=size,
                max_overflow=0,
                pool_timeout=CONNECTING,
                hide_parameters=True,
                json_serializer=base.to_json,
                json_deserializer=base.from_json,
                execution_options={"schema_translate_map": {None: self.options.schema}} if self.options.schema else {},
                **self.driver(),
            )
        except ValueError as error:
            raise InvalidInput(str(self.bad_option(error))) from error

        @event.listens_for(engine.sync_engine, "do_connect")
        def connect(dialect: Any, _record: Any, positional: Any, named: dict[str, Any]) -> Any:
            secured = self.secured()
            try:
                return dialect.connect(*positional, **named, **secured)
            except ssl.SSLError:  # some of them are a ValueError, too
                raise
            except (TypeError, ValueError, OverflowError) as error:  # before anything was asked
                raise self.bad_option(error) from error

        @event.listens_for(engine.sync_engine, "handle_error")
        def leave(context: ExceptionContext) -> None:
            if context.original_exception is not None and self.refuses_writes(context.original_exception):
                context.is_disconnect = True  # a new connection may be to the one that takes them now

        return engine

    @property
    def address(self) -> URL:
        """What of the URL the driver understands."""
        return self.url

    @abstractmethod
    def driver(self) -> dict[str, Any]:
        """What ``create_async_engine`` is told besides."""

    @abstractmethod
    def secured(self) -> dict[str, Any]:
        """What the driver is told besides for a new connection: its files may be others by then. Raises StoreUnusable
        for one that cannot be read."""

    def bad_option(self, error: Exception) -> StoreUnusable:
        """``error``: the driver's, of what it was given. Its words may quote a value, so only names are said."""
        given = [name for name in self.url.query if name.isidentifier()]
        named = [name for name in given if re.search(rf"\b{name}\b", str(error))] or given
        if not named:
            return StoreUnusable("The database URL has a host or a port that cannot be")
        names = " or ".join(named)
        return StoreUnusable(f"The driver does not take this option of the database URL, or not this value: {names}")

    @abstractmethod
    def passes(self, error: BaseException) -> bool:
        """Whether others were at the same rows, so that another try is most likely to go well."""

    @abstractmethod
    def refuses_writes(self, cause: BaseException) -> bool:
        """Whether a driver's error says that the server that this connection is to takes no writes, or no more."""

    @abstractmethod
    def understand(self, cause: BaseException) -> DataLayerError | None:
        """What a driver's own error means; None: that cannot be told by what it says of itself."""

    @abstractmethod
    def supports(self, connection: Connection) -> bool:
        """Whether the server is new enough."""

    @abstractmethod
    def lock(self, connection: Connection) -> Any:
        """A context in which no other process migrates."""

    @abstractmethod
    def clock(self, connection: Connection) -> int:
        """The server's time, in UTC microseconds."""

    def translate(self, error: BaseException) -> DataLayerError:
        if isinstance(error, NoFreeConnection):
            return StoreUnavailable("The database has no free connection")
        cause = base.driver_error(error)
        return meaning(_of_tls(cause)) or self.understand(cause) or base.translate(cause)

    async def upkeep(self, work: Callable[[Connection], T], isolation: str = "READ COMMITTED") -> T:
        """``work`` in one transaction of a connection of its own, without a limit of time. Raises DataLayerError."""
        engine = self.engine(isolation, 1)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        except DataLayerError:
            raise
        except Exception as error:
            raise self.translate(error) from error
        finally:
            await engine.dispose()

    async def close(self) -> None:
        """The next call opens it again."""
        await self.read.close()
        await self.write.close()
