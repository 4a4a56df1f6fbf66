"""The data layer on servers, beside Chainlit's own layer for PostgreSQL on the same server.

``TEST_POSTGRES_URL`` and ``TEST_MYSQL_URL`` name the servers, which are those of this machine otherwise. A database is
made on each for the run, and dropped after it.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from chainlit.data.chainlit_data_layer import ChainlitDataLayer
from sqlalchemy import NullPool, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from datalayer import DataLayer, dialects

from . import Sizes, data
from .contestants import OURS, Layer
from .data import USER, USER_ID
from .measure import Result, measure

MARIADB, CHAINLIT = "Threadkeep (MariaDB)", "Chainlit's layer for PostgreSQL"
ALONE, TOGETHER = "PostgreSQL: create_step, one after another", "PostgreSQL: create_step, {:,} callers at once"
LIST, RESUME = "PostgreSQL: first page of {:,} threads", "PostgreSQL: get_thread, {:,} steps"
URLS = {
    "TEST_POSTGRES_URL": "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres",
    "TEST_MYSQL_URL": "mysql+asyncmy://root@127.0.0.1:3306/test",
}

# The tables that https://github.com/Chainlit/chainlit-datalayer makes, with its indexes.
_CHAINLITS = """
CREATE TYPE "StepType" AS ENUM ('assistant_message', 'embedding', 'llm', 'retrieval', 'rerank', 'run', 'system_message',
    'tool', 'undefined', 'user_message');
CREATE TABLE "User" (id TEXT PRIMARY KEY, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT now(),
    "updatedAt" TIMESTAMP(3) NOT NULL DEFAULT now(), metadata JSONB NOT NULL, identifier TEXT NOT NULL UNIQUE);
CREATE TABLE "Thread" (id TEXT PRIMARY KEY, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT now(),
    "updatedAt" TIMESTAMP(3) NOT NULL DEFAULT now(), "deletedAt" TIMESTAMP(3), name TEXT,
    metadata JSONB NOT NULL DEFAULT '{}', tags TEXT[] NOT NULL DEFAULT '{}', "userId" TEXT REFERENCES "User" (id));
CREATE TABLE "Step" (id TEXT PRIMARY KEY, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT now(),
    "updatedAt" TIMESTAMP(3) NOT NULL DEFAULT now(), "parentId" TEXT REFERENCES "Step" (id) ON DELETE CASCADE,
    "threadId" TEXT REFERENCES "Thread" (id) ON DELETE CASCADE, input TEXT, metadata JSONB NOT NULL, name TEXT,
    output TEXT, type "StepType" NOT NULL, "showInput" TEXT DEFAULT 'json', "isError" BOOLEAN DEFAULT false,
    "startTime" TIMESTAMP(3) NOT NULL, "endTime" TIMESTAMP(3) NOT NULL);
CREATE TABLE "Element" (id TEXT PRIMARY KEY, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT now(),
    "updatedAt" TIMESTAMP(3) NOT NULL DEFAULT now(), "threadId" TEXT REFERENCES "Thread" (id) ON DELETE CASCADE,
    "stepId" TEXT NOT NULL REFERENCES "Step" (id) ON DELETE CASCADE, metadata JSONB NOT NULL, mime TEXT,
    name TEXT NOT NULL, "objectKey" TEXT, url TEXT, "chainlitKey" TEXT, display TEXT, size TEXT, language TEXT,
    page INTEGER, props JSONB);
CREATE TABLE "Feedback" (id TEXT PRIMARY KEY, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT now(),
    "updatedAt" TIMESTAMP(3) NOT NULL DEFAULT now(), "stepId" TEXT REFERENCES "Step" (id), name TEXT NOT NULL,
    value DOUBLE PRECISION NOT NULL, comment TEXT);
CREATE INDEX ON "Element" ("stepId"); CREATE INDEX ON "Element" ("threadId");
CREATE INDEX ON "Feedback" ("createdAt"); CREATE INDEX ON "Feedback" (name); CREATE INDEX ON "Feedback" ("stepId");
CREATE INDEX ON "Feedback" (value); CREATE INDEX ON "Feedback" (name, value);
CREATE INDEX ON "Step" ("createdAt"); CREATE INDEX ON "Step" ("endTime"); CREATE INDEX ON "Step" ("parentId");
CREATE INDEX ON "Step" ("startTime"); CREATE INDEX ON "Step" ("threadId"); CREATE INDEX ON "Step" (type);
CREATE INDEX ON "Step" (name); CREATE INDEX ON "Step" ("threadId", "startTime", "endTime");
CREATE INDEX ON "Thread" ("createdAt"); CREATE INDEX ON "Thread" (name); CREATE INDEX ON "User" (identifier)
"""


async def servers(folder: Path, sizes: Sizes) -> list[Result]:
    urls = [make_url(os.environ.get(name, url)) for name, url in URLS.items()]
    async with database(urls[0]) as postgres, database(urls[1]) as mysql, database(urls[0]) as chainlits:
        user = f"INSERT INTO \"User\" (id, identifier, metadata) VALUES ('{USER_ID}', '{USER}', '{{}}')"
        await execute(chainlits, *_CHAINLITS.split(";"), user)
        plain = chainlits.set(drivername="postgresql").render_as_string(hide_password=False)
        opened = {
            OURS: Layer(folder, ours(folder, postgres)),
            CHAINLIT: Layer(folder, ChainlitDataLayer(plain)),
            MARIADB: Layer(folder, ours(folder, mysql)),
        }
        try:
            for layer in opened.values():
                await layer.first_page()  # 100 calls at once would each make Chainlit's a pool of its own
            results = [*_writes(opened, sizes), *await _reads(opened, sizes)]
            return await measure(results, sizes.rounds)
        finally:
            for layer in opened.values():
                await layer.close()


def ours(folder: Path, url: URL) -> DataLayer:
    where = folder / str(url.database)
    where.mkdir(parents=True, exist_ok=True)
    return DataLayer(url.render_as_string(hide_password=False), files=where / "files", spool=where / "spool")


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


def _writes(opened: dict[str, Layer], sizes: Sizes) -> list[Result]:
    cases = {
        ALONE: (1, sizes.creates, 1),
        TOGETHER.format(sizes.callers): (sizes.callers, sizes.creates_each, sizes.spread),
    }
    return [
        Result(case, name, partial(_create_steps, layer, *much), "/s")
        for case, much in cases.items()
        for name, layer in opened.items()
    ]


async def _create_steps(layer: Layer, callers: int, each: int, threads: int, result: Result, number: int) -> float:
    names = [f"{result.case}-{number}-{n}" for n in range(threads)]
    for name in names:
        await layer.begin(name)
    seed = (1 + number) * 2 * callers  # 2 and more for one caller, 200 and more for a hundred
    plans = [deepcopy(data.new_steps(names[caller % threads], each, seed + caller)) for caller in range(callers)]
    started = time.perf_counter()
    await asyncio.gather(*(_one_by_one(layer, plan) for plan in plans))
    taken = time.perf_counter() - started
    stored = sum([len(await layer.thread(name)) for name in names])
    result.written += callers * each
    result.lost += callers * each - stored
    return taken / max(stored, 1)


async def _one_by_one(layer: Layer, steps: list[data.Step]) -> None:
    for step in steps:
        await layer.create_step(step)


async def _reads(opened: dict[str, Layer], sizes: Sizes) -> list[Result]:
    pages = sizes.users_threads[1]
    threads = {f"thread-{count}": count for count in sizes.thread_steps}
    for layer in opened.values():
        await asyncio.gather(*(layer.begin(f"of-a-page-{n}", USER_ID) for n in range(pages)))
        for thread, count in threads.items():
            await layer.begin(thread)
            await asyncio.gather(
                *(layer.create_step(step) for step in deepcopy(data.new_steps(thread, count, 10_000 + count)))
            )
    first: Callable[[Layer], Any] = Layer.first_page
    asked = {LIST.format(pages): first}
    asked |= {RESUME.format(count): partial(_thread, name) for name, count in threads.items()}
    return [
        Result(case, name, partial(_read, layer, ask, sizes.read_for))
        for case, ask in asked.items()
        for name, layer in opened.items()
    ]


async def _thread(name: str, layer: Layer) -> list[Any]:
    return await layer.thread(name)


async def _read(layer: Layer, ask: Callable[[Layer], Any], at_least: float, *_: Any) -> float:
    calls, taken = 0, 0.0
    started = time.perf_counter()
    while taken < at_least:
        if not await ask(layer):
            raise RuntimeError("There was no answer")
        calls, taken = calls + 1, time.perf_counter() - started
    return taken / calls
