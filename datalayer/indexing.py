"""The index of words in the background: built of what was there before it, and rid of words that nobody says any more.

Both in short transactions with pauses as long, so that writes wait for none of it long.
"""

import asyncio
import logging
import time
from contextlib import suppress

from .dialects.base import Database, reason
from .errors import DataLayerError
from .search import building

logger = logging.getLogger("datalayer")

AT_ONCE = 1.0
"""Seconds that are spent on it before the store is read for the first time."""
_LOOKED_AT = 10.0
"""Seconds until it is looked at at the latest: ``optimise --reindex`` may ask for a new one."""
_PAUSE = 2.0
"""Seconds after a write until it is looked at what it left, and others with it."""


class Indexing:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Builds what takes no longer than ``AT_ONCE``; a task goes on with the rest."""
        try:
            done = await self._work(AT_ONCE)
        except DataLayerError as error:
            logger.warning("the index of words waits: %s", reason(error))
            done = False
        if not done:
            self._stirred.set()
        if self._task is None:
            self._task = asyncio.create_task(self._go_on(), name="datalayer-indexing")

    def stir(self) -> None:
        """To be called when deleted words are left in the index."""
        self._stirred.set()

    async def close(self, within: float) -> None:
        """Ends the task, and removes the words that are left if it takes no longer than ``within`` seconds."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            with suppress(DataLayerError):  # the next process does it
                await self._work(within)

    async def _go_on(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOKED_AT):
                    await self._stirred.wait()
                    await asyncio.sleep(_PAUSE)
            self._stirred.clear()
            try:
                await self._work()
            except DataLayerError as error:
                logger.warning("the index of words waits: %s", reason(error))
                self._stirred.set()

    async def _work(self, within: float | None = None) -> bool:
        """Whether all is done. ``within``: seconds, None: as long as it takes."""
        end = None if within is None else time.monotonic() + within
        while not await self._database.read.run(building.is_done):
            began = time.monotonic()
            if end is not None and began > end:
                return False
            await self._database.write.run(building.go_on)
            if end is None:
                await asyncio.sleep(time.monotonic() - began)
        return True
