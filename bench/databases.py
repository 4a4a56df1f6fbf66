"""Databases on servers, made for a run and dropped after it.

``TEST_POSTGRES_URL`` and ``TEST_MYSQL_URL`` name the servers, which are those of this machine otherwise.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import NullPool, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from datalayer import dialects

from .measure import Missing

URLS = {
    "TEST_POSTGRES_URL": "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres",
    "TEST_MYSQL_URL": "mysql+asyncmy://root@127.0.0.1:3306/test",
}
POSTGRES, MYSQL = URLS


async def server(name: str) -> URL:
    """Where the server of that variable is. Raises Missing."""
    url = make_url(os.environ.get(name, URLS[name]))
    try:
        await execute(dialects.parse_url(url.render_as_string(hide_password=False)), "SELECT 1")
    except Exception as error:
        raise Missing(f"no {url.get_backend_name()} answers ({name}): {type(error).__name__}") from error
    return url


async def version(name: str) -> str:
    """Of that server, "" where none answers."""
    try:
        engine = create_async_engine(await server(name), poolclass=NullPool)
    except Missing:
        return ""
    async with engine.connect() as connection:
        found = str((await connection.execute(text("SELECT version()"))).scalar_one())
    await engine.dispose()
    return found


@asynccontextmanager
async def database(url: URL) -> AsyncIterator[URL]:
    checked = dialects.parse_url(url.render_as_string(hide_password=False))
    name = f"threadkeep_bench_{os.getpid()}_{time.monotonic_ns()}"
    await execute(checked, f"CREATE DATABASE {name}")
    try:
        yield checked.set(database=name)
    finally:
        force = " WITH (FORCE)" if checked.get_backend_name() == "postgresql" else ""
        await execute(checked, f"DROP DATABASE {name}{force}")


async def execute(url: URL, *statements: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in filter(str.strip, statements):
            await connection.execute(text(statement.replace(":", r"\:")))
    await engine.dispose()
