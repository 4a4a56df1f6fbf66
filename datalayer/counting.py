"""How many threads there are of each kind, counted in the background, in short transactions with pauses as long.

Nobody waits for it: what is not counted yet is counted by whoever asks. It is done soon all the same, because a count
that is kept may name a folder or a tag that its last thread is no longer in.
"""

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial

from .dialects.base import Database, reason
from .errors import DataLayerError
from .sql import counts

logger = logging.getLogger("datalayer")

_PAUSE = 2.0
"""Seconds after a write until it is looked at what it left, and others with it."""
_AT_ONCE = 200
"""Threads of one transaction: some milliseconds."""


class Counting:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """With what other processes have left."""
        if self._task is None:
            self._task = asyncio.create_task(self._go_on(), name="datalayer-counting")

    def stir(self) -> None:
        """To be called after a write."""
        self._stirred.set()

    async def count(self) -> int:
        """All that is to be counted. Returns how many threads. Raises DataLayerError."""
        found = 0
        while not await self._database.read.run(counts.is_done):
            began = time.monotonic()
            found += (some := await self._database.write.run(partial(counts.count, most=_AT_ONCE)))
            if not some:  # what is left is being written to
                return found
            await asyncio.sleep(time.monotonic() - began)
        return found

    async def close(self, within: float) -> None:
        """Ends the task, and counts what is left if it takes no longer than ``within`` seconds."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            with suppress(DataLayerError, TimeoutError):  # the next process does it
                async with asyncio.timeout(within):
                    await self.count()

    async def _go_on(self) -> None:
        while True:
            self._stirred.clear()
            try:
                await self.count()
            except DataLayerError as error:
                logger.warning("conversations are counted later: %s", reason(error))
                self._stirred.set()
            await self._stirred.wait()
            await asyncio.sleep(_PAUSE)
