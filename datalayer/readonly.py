"""The reads of a store that this process does not open: beside a running app, nothing is written, upgraded, recovered
or emptied."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from . import blobs as stores
from .blobs import Blobs, in_thread
from .dialects.base import Database, translated
from .place import Place
from .reads import Found, Reads, T
from .reindexing import opened as open_database
from .spool import count


class ReadOnly(Reads):
    """What the database has; writes that wait in a spool are not in it: ``waiting`` tells how many."""

    def __init__(self, database: Database, blobs: Blobs, place: Place) -> None:
        self._database = database
        self.blobs = blobs
        self._place = place

    async def waiting(self) -> int:
        """Writes in the spool that this machine has of the store."""
        try:
            return await in_thread(count, self._place.spool)
        except OSError:
            return 0

    async def with_files(self, work: Callable[..., T], *args: Any) -> T:
        """As ``Store.with_files``."""
        return await in_thread(work, *args)

    async def _read(self, query: Callable[..., T], *args: Any, thread_id: str | None = None) -> T:
        reading = self._database.read.run(lambda connection: query(connection, *args))
        return await translated(reading, self._database.translate)

    async def _find(self, query: Callable[..., Found | None], key: str) -> Found | None:
        return await self._read(query, key)

    async def _list(self, user_id: str, query: Callable[..., T], content: bool) -> list[T]:
        return [await self._read(query)]


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[ReadOnly]:
    """Raises NotFound without a store, StoreTooOld for another schema than this version's, StoreUnavailable."""
    async with open_database(place) as database:
        yield ReadOnly(database, stores.at(place.bucket or place.files), place)
