"""What is compared of Chainlit on PostgreSQL: its official layer on its own tables. And how a store of ours gets, as it
is, into the schemas that Chainlit documents for its two layers."""

import sqlite3
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from chainlit.data.chainlit_data_layer import ChainlitDataLayer
from sqlalchemy.engine import URL

from datalayer.records import to_iso

from . import databases
from .data import CHAINLIT_SCHEMA, USER, USER_ID
from .measure import Missing

# The tables that https://github.com/Chainlit/chainlit-datalayer makes, with its indexes.
SCHEMA = """
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
USER_ROW = f"INSERT INTO \"User\" (id, identifier, metadata) VALUES ('{USER_ID}', '{USER}', '{{}}')"
_FILL = """
    INSERT INTO users SELECT id, identifier, metadata, iso(created_at) FROM ours.users;
    INSERT INTO threads ("id", "createdAt", "name", "userId", "userIdentifier", "metadata")
        SELECT id, iso(created_at), name, user_id, (SELECT identifier FROM ours.users), metadata FROM ours.threads;
    INSERT INTO steps ("id", "threadId", "createdAt", "start", "end", "name", "type", "output", "streaming", "isError",
        "metadata", "generation")
        SELECT id, thread_id, iso(created_at), iso(start), iso("end"), name, type, output, 0, is_error, metadata, '{}'
        FROM ours.steps ORDER BY seq;
"""


def fill(path: Path, ours: Path) -> None:
    """Makes a database of the schema for ``SQLAlchemyDataLayer``, and copies the rows of ours."""
    with closing(sqlite3.connect(path)) as db:
        db.create_function("iso", 1, to_iso, deterministic=True)
        db.executescript(CHAINLIT_SCHEMA)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=OFF")
        db.execute("ATTACH ? AS ours", (str(ours),))
        db.executescript(_FILL)


def layer(url: URL) -> ChainlitDataLayer:
    return ChainlitDataLayer(_plain(url))


def _plain(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


async def database(stack: AsyncExitStack) -> URL | None:
    """An empty one on PostgreSQL, until ``stack`` is closed; None: no server answers."""
    try:
        server = await databases.server(databases.POSTGRES)
    except Missing:
        return None
    return await stack.enter_async_context(databases.database(server))


async def copy(url: URL, ours: Path, limit: float) -> None:
    """Makes the tables for ``ChainlitDataLayer``, and copies the rows of ours;
    the indexes come last. ``limit``: seconds after which the server ends a statement, later."""
    tables, indexes = SCHEMA.split("CREATE INDEX", 1)
    await databases.execute(url, *tables.split(";"), USER_ROW)
    connection = await asyncpg.connect(_plain(url))
    try:
        with closing(sqlite3.connect(ours)) as db:
            threads = db.execute("SELECT id, created_at, last_activity_at, name, user_id FROM threads")
            steps = db.execute("SELECT id, created_at, thread_id, metadata, name, output, type FROM steps ORDER BY seq")
            of_thread = ("id", "createdAt", "updatedAt", "name", "userId")
            await connection.copy_records_to_table("Thread", columns=of_thread, records=_moments(threads, 1, 2))
            of_step = ("id", "createdAt", "threadId", "metadata", "name", "output", "type", "startTime", "endTime")
            rows = ((*row, row[1], row[1]) for row in _moments(steps, 1))
            await connection.copy_records_to_table("Step", columns=of_step, records=rows)
    finally:
        await connection.close()
    await databases.execute(url, *f"CREATE INDEX{indexes}".split(";"), "VACUUM ANALYZE")
    await databases.execute(url, f"ALTER DATABASE {url.database} SET statement_timeout = {limit * 1000:.0f}")


def _moments(rows: sqlite3.Cursor, *columns: int) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        values = list(row)
        for column in columns:
            values[column] = datetime.fromtimestamp(values[column] / 1e6, UTC).replace(tzinfo=None)
        yield tuple(values)
