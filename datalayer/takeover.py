"""What a process that died has left in its spool is stored by another with the same spool: at its start, and by one
that runs within a minute or so.

Always true: one process does it, the one that has the lock of the file, and the file goes when the database has all of
it. Whoever dies meanwhile loses its lock, and the next one begins again: a write stored twice is stored once, and one
that is older than what is there changes nothing (``Write.replayed``).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from .dialects.base import reason
from .opening import Opening
from .records import not_before
from .spool import Spool
from .writes import Write, blobs_of

logger = logging.getLogger("datalayer")

EVERY = 60.0
"""Seconds between two looks, which cost a list of the spool's folder and a lock for each file in it."""


class Takeover:
    """``store`` puts writes into the database. Raises DataLayerError when it takes nothing."""

    def __init__(self, spool: Spool, opening: Opening, store: Callable[[Sequence[Write]], Awaitable[None]]) -> None:
        self._spool, self._opening, self._store = spool, opening, store
        self._task: asyncio.Task[None] | None = None
        self.blobs: frozenset[str] = frozenset()
        """Names of the blobs of what is being stored."""

    async def run(self, at_start: bool = True) -> None:
        """Stores what dead processes left, and marks the answers that they were streaming. Raises DataLayerError."""
        taken = await asyncio.to_thread(self._take)
        left = taken or []
        if not (at_start or self._spool.has_taken):
            return
        not_before(max((write.at for write in left), default=0))
        self.blobs = frozenset(blobs_of(left))
        try:
            await self._store(left)
        finally:
            self.blobs = frozenset()
        found = await self._opening.mark_interrupted()
        if taken is not None:
            await asyncio.to_thread(self._spool.forget)
        if left or found:
            logger.warning("recovered from a crash: %s writes from the spool, %s interrupted answers", len(left), found)

    def _take(self) -> list[Write] | None:
        """None: nobody can tell; who opened the spool has said that there is none."""
        try:
            return self._spool.take_over()
        except OSError:
            return None

    def begin(self) -> None:
        """From now on, once a minute."""
        if self._task is None:
            self._task = asyncio.create_task(self._go_on(), name="datalayer-takeover")

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.run(at_start=False)
            except Exception as error:
                logger.warning("what another process has left is left for later: %s", reason(error))

    async def close(self) -> None:
        """What it is just storing, it or another process stores again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
