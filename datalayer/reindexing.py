"""The index of words, checked against what was said, and made anew, also while apps have the store open."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import dialects
from .backup.disk import Progress, quiet
from .dialects import server_schema, sqlite
from .dialects.base import Database
from .dialects.server import Server
from .dialects.sqlite_file import check_file
from .errors import NotFound, StoreTooOld
from .place import Place
from .schema import HEAD
from .search import building, checking
from .spool import live_instances
from .sql import instances

_EVERY = 0.5
"""Seconds between two looks at how far an app has come."""


@dataclass(frozen=True, slots=True)
class Reindexed:
    rows: int
    """Steps and threads that were looked at."""
    seconds: float


async def reindex(place: Place, progress: Progress = quiet) -> Reindexed:
    """Makes the index anew. An app that runs does it itself, so that one process only writes to a file; what is not in
    the index again is not found until then. Raises NotFound without a store, StoreTooOld, StoreUnavailable."""
    started = time.monotonic()
    async with opened(place) as database:
        await database.write.run(_ask_anew)
        done, total = 0, await database.read.run(building.count)
        while await _is_open(place, database):
            if await database.read.run(building.is_built):
                break
            progress("indexing", *await database.read.run(building.reached))
            await asyncio.sleep(_EVERY)
        while (some := await database.write.run(building.build)) is not None:
            done += some
            progress("indexing", done, total)
        while not (await _is_open(place, database) or await database.read.run(building.is_done)):
            await database.write.run(building.go_on)
    return Reindexed(total, round(time.monotonic() - started, 3))


async def check(place: Place, progress: Progress = quiet) -> checking.Checked:
    """Compares the index with what was said, all of one moment. Changes nothing. Raises as ``reindex``."""
    async with opened(place) as database:
        return await database.read.run(partial(checking.check, progress=progress))


def _ask_anew(connection: Any) -> None:
    if dialects.of(connection).serial:
        connection.exec_driver_sql("PRAGMA wal_autocheckpoint=0")  # the app's own connection does that
    building.ask_anew(connection)


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Database]:
    url = place.server or sqlite.url_of(place.database)
    if place.server is None:
        revision = await asyncio.to_thread(check_file, place.database)
    else:
        revision = await asyncio.to_thread(server_schema.ask, url, server_schema.look)
    if revision is None:
        raise NotFound("There is no store there yet")
    if revision != HEAD:
        raise StoreTooOld("Start the app once, or type migrate up: the schema of this store is older")
    database = dialects.database(url)
    try:
        yield database
    finally:
        await database.close()


async def _is_open(place: Place, database: Database) -> bool:
    if not isinstance(database, Server):
        return bool(live_instances(place.spool))
    since = await database.read.run(database.clock) - instances.silence(database)
    return bool(await database.read.run(partial(instances.live, since=since)))
