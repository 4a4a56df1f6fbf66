"""I10: what elements let go is removed from the store of files, beside the writes and outside any transaction. What was
read of it is removed, too."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from .blobs import Blobs, in_thread
from .dialects.base import Database, reason
from .errors import DataLayerError
from .file_texts import FileTexts
from .records import now
from .writes import ForgetBlobs, ReleaseBlobs, Write, blobs_of

logger = logging.getLogger("datalayer")

_AT_ONCE = 200
"""Blobs of one transaction."""


class Releases:
    """``run`` applies a write in a transaction of its own and returns its result. ``wanted``: names of the blobs of
    writes that are not in the database yet; they are looked at again later.

    What cannot be done now is done with the next release, or after the next start.
    """

    def __init__(
        self,
        blobs: Blobs,
        database: Database,
        run: Callable[[Write], Awaitable[Any]],
        wanted: Callable[[], set[str]],
    ) -> None:
        self._blobs = blobs
        self.texts = FileTexts(database)
        self._run = run
        self._wanted = wanted
        self._names: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def begin(self, names: Iterable[str]) -> None:
        """As ``add``, with what dead processes have left."""
        self.add(names)
        self.texts.stir()

    def add(self, names: Iterable[str]) -> None:
        """As ``ReleaseBlobs.names``, whose elements are durably gone."""
        self._names.update(names)
        if self._names and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._release(), name="datalayer-releases")

    async def settled(self, seconds: float) -> None:
        """Returns when what was added is removed, or could not be, but in so many seconds at the latest."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)
        await self.texts.settled(seconds)

    async def close(self, seconds: float) -> None:
        """As ``settled``, and leaves the rest for the next start."""
        await self.settled(seconds)
        if self._task is not None:
            self._task.cancel()
        await self.texts.close()

    async def _release(self) -> None:
        later = self._names & self._wanted()
        while names := set(islice(self._names - later, _AT_ONCE)):
            self._names -= names
            later |= await self._removed(names)
            later |= self._names & self._wanted()
        self._names |= later

    async def _removed(self, names: Collection[str]) -> set[str]:
        """Those of ``names`` that could not be let go and removed."""
        try:
            going: list[str] = await self._run(ReleaseBlobs(names=sorted(names), at=now()))
            self.texts.stir()
            failed = set(filter(None, await asyncio.gather(*map(self._remove, going))))
            if gone := sorted(set(going) - failed):
                await self._run(ForgetBlobs(names=gone, at=now()))
            return failed
        except Exception as error:
            # The deletion itself is stored, and was reported so.
            logger.warning("blobs left for later: %s (%s)", error, reason(error))
            return set(names)

    async def _remove(self, name: str) -> str | None:
        """The name, if the blob could not be removed."""
        try:
            await in_thread(self._blobs.remove, name)
        except (OSError, DataLayerError) as error:
            logger.warning("a blob left for later: %s (%s)", error, reason(error))
            return name
        return None


async def vanished(blobs: Blobs, writes: Sequence[Write], seconds: float) -> set[str]:
    """Names of the blobs that writes out of a spool bring along and that are gone: a process that died can have
    stored such a write before, and another have let its content go. What cannot be asked is taken to be there."""
    if not (names := blobs_of([write for write in writes if write.replayed])):
        return set()
    with suppress(DataLayerError, OSError, TimeoutError):
        async with asyncio.timeout(seconds):
            sizes = await asyncio.gather(*(in_thread(blobs.size, name) for name in names))
            return {name for name, size in zip(names, sizes, strict=True) if size is None}
    return set()
