"""I5, at its end: a tombstone goes when no write to what it buries can arrive any more.

A late write comes out of a task of a live process, out of a page that was left open, or out of a spool, whose process
may have died long ago. So a tombstone is kept for KEPT, and none goes while a spool holds writes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from .dialects.base import reason
from .records import now
from .spool import count

logger = logging.getLogger("datalayer")

KEPT = 30 * 86_400 * 1_000_000
"""Microseconds. No page that was left open for so long still has its session."""

_FIRST, _EVERY = 60.0, 86_400.0
"""Seconds after the start, which has other things to do, and from then on."""
_AT_ONCE = 1_000
"""Of one transaction: some milliseconds."""
_BETWEEN = 0.05
"""Seconds between two of them, for those who write."""


class Pruning:
    """``remove`` those from before a moment, at most so many, in a transaction of its own, and tell how many.
    ``spool``: the folder."""

    def __init__(self, remove: Callable[[int, int], Awaitable[int]], spool: Path) -> None:
        self._remove = remove
        self._spool = spool
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Soon, and then once a day."""
        if self._task is None:
            self._task = asyncio.create_task(self._go_on(), name="datalayer-pruning")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def prune(self) -> int:
        """How many went. What cannot be done now is done the next time."""
        gone = 0
        try:
            if await asyncio.to_thread(count, self._spool):
                return 0
            while found := await self._remove(now() - KEPT, _AT_ONCE):
                gone += found
                await asyncio.sleep(_BETWEEN)
        except Exception as error:
            logger.warning("old tombstones left for later: %s", reason(error))
        return gone

    async def _go_on(self) -> None:
        await asyncio.sleep(_FIRST)
        while True:
            await self.prune()
            await asyncio.sleep(_EVERY)
