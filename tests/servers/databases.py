"""Databases of our own on the servers that run here: made once a process, emptied for each test, dropped at its end.

What a process that was killed has left is dropped by the next one: the names have its pid.
"""

import asyncio
import os
import re
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from threading import Thread
from typing import Any

from sqlalchemy import Connection, NullPool, exists, literal, make_url, select, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from datalayer import dialects
from datalayer.dialects import server_schema
from datalayer.dialects.server import Server, split
from datalayer.schema import metadata
from tests.conftest import missing

_DEFAULTS = {
    "postgres": "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres",
    "mysql": "mysql+asyncmy://root@127.0.0.1:3306/test",
}


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """What ``work`` returns, also where a loop runs already."""
    done: Future[Any] = Future()
    thread = Thread(target=lambda: _fill(done, work))  # no executor: none starts any more when this process ends
    thread.start()
    return done.result()


def _fill(done: "Future[Any]", work: Coroutine[Any, Any, Any]) -> None:
    try:
        done.set_result(asyncio.run(work))
    except BaseException as error:
        done.set_exception(error)


def ask(url: str | URL, work: Callable[[Connection], Any], alone: bool = False) -> Any:
    """What ``work`` returns, in one transaction; ``alone``: in none. In the emptied database by the connection that is
    kept: most that is asked is asked there, and a new one costs a hundred times what it is asked."""
    if not alone and (engine := _kept.get(make_url(url))):
        return asyncio.run_coroutine_threadsafe(_asked(engine, work), _loop()).result()

    async def ask() -> Any:
        engine = _engine(url, **{"isolation_level": "AUTOCOMMIT"} if alone else {}, poolclass=NullPool)
        try:
            return await _asked(engine, work)
        finally:
            await engine.dispose()

    return run(ask())


async def _asked(engine: AsyncEngine, work: Callable[[Connection], Any]) -> Any:
    async with engine.begin() as connection:
        return await connection.run_sync(work)


def _engine(url: str | URL, **how: Any) -> AsyncEngine:
    parsed, options = split(dialects.parse_url(str(url)) if isinstance(url, str) else url)
    found = {"schema_translate_map": {None: options.schema}} if options.schema else {}
    return create_async_engine(parsed, execution_options=found, **how)


_kept: dict[URL, AsyncEngine] = {}
"""By their URLs, with one connection each, which belongs to the loop below."""


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, daemon=True).start()
    return loop


def execute(url: str | URL, *statements: str) -> None:
    """Each by itself, outside of a transaction."""
    ask(url, lambda connection: [connection.exec_driver_sql(each) for each in statements], alone=True)


def rows(url: str | URL, query: str, *values: Any) -> list[Any]:
    """What lies in the database now; ``?`` stands for a value."""
    if not str(url).startswith("postgresql"):
        query = re.sub(r"\busage\b", "`usage`", query)  # a reserved word there
    first, *rest = query.split("?")
    named = text(first + "".join(f":v{n}{part}" for n, part in enumerate(rest)))
    found = {f"v{n}": value for n, value in enumerate(values)}
    return [tuple(row) for row in ask(url, lambda connection: connection.execute(named, found).all())]


def server_url(kind: str) -> URL:
    """Of the server that runs here. Skips without one, or fails where servers are required."""
    given = os.environ.get(f"TEST_{kind.upper()}_URL", _DEFAULTS[kind])
    if (error := _unreachable(given)) is not None:
        missing(f"no {kind} answers at {make_url(given).render_as_string()}: {error}", "REQUIRE_SERVICES")
    return dialects.parse_url(given)


@cache
def _unreachable(url: str) -> str | None:
    try:
        execute(url, "SELECT 1")
    except Exception as error:
        return type(error).__name__
    return None


def new_database(kind: str, name: str) -> str:
    """The URL of a new database, which is dropped when the tests of this process end."""
    base = server_url(kind)
    _drop_leftovers(kind)
    execute(base, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    _made.append((base, name))
    return base.set(database=name).render_as_string(hide_password=False)


_made: list[tuple[URL, str]] = []


def drop_all() -> None:
    while _kept:
        asyncio.run_coroutine_threadsafe(_kept.popitem()[1].dispose(), _loop()).result()
    while _made:
        drop_database(*_made.pop())


@cache
def _drop_leftovers(kind: str) -> None:
    base = server_url(kind)
    query = "SELECT datname FROM pg_database" if kind == "postgres" else "SHOW DATABASES"
    for (name,) in rows(base, query):
        made = re.fullmatch(r"threadkeep_(?:test|bare|bench)_(\d+)(?:_\d+)?", name)
        if made and not os.path.exists(f"/proc/{made[1]}"):
            drop_database(base, name)


def drop_database(base: URL, name: str) -> None:
    force = " WITH (FORCE)" if base.get_backend_name() == "postgresql" else ""
    execute(base, f"DROP DATABASE IF EXISTS {name}{force}")


@cache
def _migrated(kind: str) -> str:
    url = new_database(kind, f"threadkeep_test_{os.getpid()}")
    upgrade(url)
    _kept[make_url(url)] = _engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True)
    return url


def upgrade(url: str) -> None:
    """Makes the tables."""

    async def upgraded() -> None:
        database = dialects.database(dialects.parse_url(url))
        assert isinstance(database, Server)
        try:
            await server_schema.upgrade(database)
        finally:
            await database.close()

    run(upgraded())


_TABLES = list(reversed(metadata.sorted_tables))
_FILLED = select(*(exists(select(literal(1)).select_from(table)).label(table.name) for table in _TABLES))


def empty_database(kind: str) -> str:
    """The URL of this process's database of that kind: with tables, and without rows."""
    url = _migrated(kind)
    ask(url, _empty)
    return url


def _empty(connection: Connection) -> None:
    filled = connection.execute(_FILLED).one()
    for table, is_filled in zip(_TABLES, filled, strict=True):
        if is_filled:
            connection.execute(table.delete())


@contextmanager
def weak_user(url: str, *rights: str) -> Iterator[str]:
    """``url`` with another user, of the block's own, who has these rights on each table that is there."""
    parsed, name, password = make_url(url), f"weak_{os.getpid()}_{next(_fresh)}", "s3cret"
    granted = ", ".join(rights)
    if parsed.get_backend_name() == "postgresql":
        made = [f"CREATE ROLE {name} LOGIN PASSWORD '{password}'"]
        given = f"GRANT {granted} ON ALL TABLES IN SCHEMA public TO {name}"
        gone = [f"DROP OWNED BY {name}", f"DROP ROLE {name}"]
    else:
        made = [f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{password}'"]
        given = f"GRANT {granted} ON {parsed.database}.* TO {name}@'127.0.0.1'"
        gone = [f"DROP USER {name}@'127.0.0.1'"]
    execute(url, *made)
    try:
        execute(url, given)
        yield parsed.set(username=name, password=password).render_as_string(hide_password=False)
    finally:
        execute(url, *gone)


_fresh = iter(range(10**9))


def bare_database(kind: str) -> str:
    """The URL of a new database without tables."""
    return new_database(kind, f"threadkeep_bare_{os.getpid()}_{next(_fresh)}")
