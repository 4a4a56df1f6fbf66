"""One transaction of writes at a time, and how long anybody waits for one."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .observer import observer
from .writes import Write

logger = logging.getLogger("datalayer")

PATIENCE = 0.3
"""Seconds that a caller waits, for its transaction and the one before it; then the spool takes the write. A transaction
has a third of it at least."""

OPENING = 5.0
"""The same for a database that is opened first, which may bring it up to date."""

Verdict = Any  # a result, or the DataLayerError of this write
Commit = Callable[[Sequence[Write]], Awaitable[list[Verdict]]]
Ready = Callable[[], Awaitable[None]]
Storing = asyncio.Future[list[Verdict]]


class Transactions:
    """``commit`` applies writes in one transaction and returns a verdict each; it raises DataLayerError when nothing
    was stored. ``ready`` returns when the database is open for that, None: it always is."""

    def __init__(self, commit: Commit, ready: Ready | None = None) -> None:
        self._commit = commit
        self._ready = ready
        self._until: float | None = None

    async def store(self, writes: Sequence[Write], waited: float = 0.0) -> list[Verdict]:
        """As ``commit``. ``waited``: seconds since the first of the calls. No second call before the first has
        returned."""
        try:
            self._until = time.monotonic() + OPENING
            if self._ready is not None:
                await self._ready()
            started = time.monotonic()
            self._until = started + max(PATIENCE - waited, PATIENCE / 3)
            verdicts = await self._commit(writes)
            took = time.monotonic() - started
            observer().committed(took)
            logger.debug("%s writes in one transaction, %.1f ms", len(writes), took * 1000)
            return verdicts
        finally:
            self._until = None

    @property
    def running(self) -> bool:
        return self._until is not None

    @property
    def stalled(self) -> bool:
        """Whether the one that runs has taken longer than anybody waits."""
        return self._until is not None and time.monotonic() >= self._until

    def watch(self, leave: Callable[[], object]) -> "Watch":
        """``leave`` is called when the transaction that begins now has taken longer than anybody waits."""
        return Watch(self, leave)

    @property
    def left(self) -> float:
        """Seconds that anybody still waits."""
        return PATIENCE if self._until is None else self._until - time.monotonic()


class Watch:
    def __init__(self, transactions: Transactions, leave: Callable[[], object]) -> None:
        self._transactions = transactions
        self._leave = leave
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(PATIENCE / 3, self._look)

    def _look(self) -> None:
        if self._transactions.stalled:
            self.leave()
        else:
            # What is left shrinks when the database is open, which may take OPENING.
            self._timer = self._loop.call_later(min(self._transactions.left, PATIENCE), self._look)

    def leave(self) -> None:
        """Waits no longer."""
        self._timer.cancel()
        self._leave()

    def cancel(self) -> None:
        self._timer.cancel()
