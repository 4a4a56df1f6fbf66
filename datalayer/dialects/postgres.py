"""PostgreSQL, by asyncpg."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import asyncpg
from asyncpg.exceptions import ClientConfigurationError
from asyncpg.exceptions import TargetServerAttributeNotMatched as _NotThisOne
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import URL
from sqlalchemy.ext.compiler import compiles

from ..errors import DataLayerError, InvalidInput, StoreUnusable
from . import server
from .expressions import ids_of, octets
from .upserts import OnConflict

_CONFLICTS = {"40001", "40P01", "23505", "23503", "55P03"}
"""Serialisation failure, deadlock, unique and foreign keys (another process has just made or removed the row), lock."""

_READ_ONLY = "25006"
"""Also of a session that began when the server, or the database, was read-only, after it is no more."""

_POOLED: server.Meaning = (
    StoreUnusable,
    "The database is behind a pooler that needs prepared_statements=false in the URL",
)

# By class, or by code where that says more: https://www.postgresql.org/docs/current/errcodes-appendix.html
_MEANINGS: dict[str, server.Meaning] = {
    **dict.fromkeys(["22", "23", "54"], server.BAD_VALUE),
    "08": server.LOST,
    **dict.fromkeys(["25", "40", "53", "55", "57", "58"], server.UNAVAILABLE),
    **dict.fromkeys(["28"], server.NO_USER),
    "42501": server.NO_RIGHT,
    **dict.fromkeys(["3D", "3F"], server.NOT_THERE),
    "42P01": server.NO_TABLES,
    **dict.fromkeys(["26000", "42P05"], _POOLED),
    "XX": server.DAMAGED,
}


_FILES = ("sslrootcert", "sslcert", "sslkey")
_TLS = ("ssl", "sslmode", *_FILES)
"""Options of a URL, as in https://www.postgresql.org/docs/current/libpq-ssl.html; ssl is asyncpg's for sslmode."""


class PostgreSQL(OnConflict):
    insert = staticmethod(insert)


dialect = PostgreSQL()


@compiles(ids_of, "postgresql")
def _ids_of(element: ids_of, compiler: Any, **given: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **given)} AS JSON))"


@compiles(octets, "postgresql")
def _octets(element: octets, compiler: Any, **given: Any) -> str:
    return f"octet_length({compiler.process(element.clauses, **given)})"


class Database(server.Server):
    dialect = dialect
    oldest = "PostgreSQL 13"

    @property
    def address(self) -> URL:
        return self.url.difference_update_query(_TLS)

    def driver(self) -> dict[str, Any]:
        connect: dict[str, Any] = {"timeout": server.CONNECTING, "async_creator_fn": _connect}
        if not self.options.prepared_statements:
            connect |= {
                "statement_cache_size": 0,
                "prepared_statement_cache_size": 0,
                "prepared_statement_name_func": lambda: f"datalayer_{uuid4().hex}",
            }
        return {"connect_args": connect}

    def secured(self) -> dict[str, Any]:
        return _tls(self.url.query)

    def passes(self, error: BaseException) -> bool:
        return getattr(getattr(error, "orig", None), "sqlstate", None) in _CONFLICTS

    def refuses_writes(self, cause: BaseException) -> bool:
        return getattr(cause, "sqlstate", None) == _READ_ONLY

    def understand(self, cause: BaseException) -> DataLayerError | None:
        state = getattr(cause, "sqlstate", None) or getattr(cause.__cause__, "sqlstate", None)
        if state:
            return server.meaning(_MEANINGS.get(state) or _MEANINGS.get(state[:2]))
        if isinstance(cause.__cause__, ClientConfigurationError):
            return self.bad_option(cause.__cause__)
        if isinstance(cause.__cause__, ValueError):  # what asyncpg cannot send
            return server.meaning(server.BAD_VALUE)
        known = type(cause).__module__.startswith(("asyncpg", "sqlalchemy.dialects.postgresql"))
        return server.meaning(server.UNAVAILABLE if known else None)

    def supports(self, connection: Connection) -> bool:
        if connection.execute(text("SHOW server_encoding")).scalar() != "UTF8":
            raise StoreUnusable("The database must have the encoding UTF8")
        return (connection.dialect.server_version_info or (0,)) >= (13,)

    @contextmanager
    def lock(self, connection: Connection) -> Iterator[None]:
        # It ends with the transaction, also behind a pooler. The key is the name's, of this use and schema.
        name = f"datalayer migrations {self.options.schema or ''}"
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
        if self.options.schema:  # what Alembic alters it names without a schema
            path = connection.dialect.identifier_preparer.quote_identifier(self.options.schema)  # or it is lowercased
            connection.execute(text("SELECT set_config('search_path', :path, true)"), {"path": path})
        yield

    def clock(self, connection: Connection) -> int:
        now = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)")
        return int(connection.execute(now).scalar_one())


def _tls(query: Mapping[str, Any]) -> dict[str, Any]:
    """What asyncpg is told for the options that every client of PostgreSQL's knows. It takes files from its environment
    only. Raises StoreUnusable for a file that cannot be used."""
    given = {name: str(query[name]) for name in _TLS if name in query}
    mode = given.get("ssl") or given.get("sslmode")
    checked = mode in ("verify-ca", "verify-full")
    if not checked and not given.keys() & {"sslrootcert", "sslcert"}:
        return {"ssl": mode} if mode else {}
    context = server.tls_context(query, *_FILES)
    context.check_hostname = mode == "verify-full"
    if not checked:
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


async def _connect(host: Any = None, port: Any = None, **options: Any) -> Any:
    """The first of several hosts that is as the URL wants it. Each has its share of the time: asyncpg would give all of
    it to one that accepts and says nothing, as a machine that hangs or is cut off does."""
    if not isinstance(host, list):
        return await asyncpg.connect(host=host, port=port, **options)
    share = options.pop("timeout") / len(host)
    failed: Exception | None = None
    for each in zip(host, port, strict=True):
        try:
            return await asyncpg.connect(host=each[0], port=each[1], timeout=share, **options)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, _NotThisOne) as error:
            failed = error
    raise failed or OSError("No host is named")


def parse_url(url: URL) -> URL:
    """``url`` with the driver that this package uses. Raises InvalidInput."""
    if url.drivername not in ("postgresql", "postgres", "postgresql+asyncpg"):
        raise InvalidInput("For PostgreSQL write postgresql+asyncpg://user@host/name")
    if not url.database:
        raise InvalidInput("The database URL must name a database, as in postgresql+asyncpg://user@host/name")
    server.split(url)
    return url.set(drivername="postgresql+asyncpg")
