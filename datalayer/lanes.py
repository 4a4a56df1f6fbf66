"""I1 with several lanes: writes to one thread go through one lane, in the order of the calls.

A write whose thread is not known begins when all that was called before it is decided. What is decided may still be in
a spool: so it goes through the lane where its row waits. Where none waits it is a fence: what is called after it begins
when it is decided itself.

A write to several threads goes through the lane of its own one, when what was called before it to the others is
decided; what is called after it to one of them begins when it is. Each waits for earlier calls only, so none for ever.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

from .backlog import MAX_BATCH
from .records import user_id
from .spool import Spool
from .transaction import Commit, Ready
from .writer import Event, Lane, PutBlob
from .writes import UpdateThread, UpsertUser, Write

logger = logging.getLogger("datalayer")

_TOLD = 10.0
"""Seconds between two lines of the log about writes that a dead process left."""


class Lanes:
    """``count`` of ``writer.Lane``, with their arguments; together they do what one does."""

    def __init__(self, commit: Commit, spool: Spool, ready: Ready | None = None, count: int = 1) -> None:
        self._spools = [spool, *(spool.branch() for _ in range(1, count))]
        self._lanes = [Lane(commit, own, ready) for own in self._spools]
        for lane in self._lanes:
            lane.listeners.append(self._tell)
        self._fence: asyncio.Future[Any] | None = None
        self._several: dict[asyncio.Future[Any], frozenset[str]] = {}
        self.listeners: list[Callable[[Event], None]] = []

    @property
    def degraded(self) -> bool:
        return any(lane.degraded for lane in self._lanes)

    @property
    def stalled(self) -> bool:
        return any(lane.stalled for lane in self._lanes)

    @property
    def pending(self) -> int:
        return sum(lane.pending for lane in self._lanes)

    def blobs(self) -> set[str]:
        return set().union(*(lane.blobs() for lane in self._lanes))

    def submit(self, write: Write, put: PutBlob | None = None) -> asyncio.Future[Any]:
        """As ``Lane.submit``."""
        if len(self._lanes) == 1:
            return self._lanes[0].submit(write, put)
        if write.thread_id is None:
            return self._anywhere(write, put)
        lane = self._lanes[crc32(write.thread_id.encode()) % len(self._lanes)]
        if isinstance(write, UpdateThread) and write.user_id is not None:
            write = replace(write, author=write.author or self._author(write.user_id))
        fence = [] if self._fence is None or self._fence.done() or lane is self._lanes[0] else [self._fence]
        answer = lane.submit(write, put, [*fence, *self._before(write, lane)])
        if len(write.threads) > 1:
            self._several[lane.undecided()[-1]] = write.threads
        return answer

    def _before(self, write: Write, lane: Lane) -> list[asyncio.Future[Any]]:
        """What was called before it in other lanes and concerns one of its threads: either concerns several."""
        self._several = {done: threads for done, threads in self._several.items() if not done.done()}
        before = [done for done, threads in self._several.items() if threads & write.threads]
        if len(write.threads) > 1:
            others = (each for each in self._lanes if each is not lane)
            before += [done for other in others for done in other.undecided(write.threads)]
        return before

    def _author(self, key: str) -> str | None:
        """The name of a user who waits in a spool, perhaps longer than what names only the id."""
        waiting = (each for lane in self._lanes for each in lane.spooled() if isinstance(each, UpsertUser))
        return next((each.identifier for each in waiting if user_id(each.identifier) == key), None)

    def _anywhere(self, write: Write, put: PutBlob | None) -> asyncio.Future[Any]:
        home = next((lane for lane in reversed(self._lanes) if lane.holds(write.rows)), self._lanes[0])
        before = [each for lane in self._lanes if lane is not home for each in lane.undecided()]
        answer = home.submit(write, put, before)
        if home is self._lanes[0]:
            self._fence = home.undecided()[-1]  # not the answer, which is done when its caller is cancelled
        return answer

    async def barrier(self, thread_id: str | None = None) -> None:
        for lane in self._lanes:
            await lane.barrier(thread_id)

    async def settled(self, thread_id: str | None = None) -> None:
        for lane in self._lanes:
            await lane.settled(thread_id)

    def spooled(self, thread_id: str | None = None) -> list[Write]:
        """In the order of the calls."""
        waiting = [write for lane in self._lanes for write in lane.spooled(thread_id)]
        return waiting if len(self._lanes) == 1 else sorted(waiting, key=lambda write: write.at)

    async def catch_up(self) -> bool:
        return all(await asyncio.gather(*(lane.catch_up() for lane in self._lanes)))

    async def store_kept(self, writes: Sequence[Write], commit: Commit) -> None:
        """As ``Lane.store_kept``, in batches; the log tells how far it is."""
        told = float("-inf")
        for start in range(0, len(writes), MAX_BATCH):
            if time.monotonic() - told >= _TOLD:
                logger.info("storing what a process that died left in its spool: %s of %s writes", start, len(writes))
                told = time.monotonic()
            await self._lanes[0].store_kept(writes[start : start + MAX_BATCH], commit)

    async def close(self) -> bool:
        return all(await asyncio.gather(*(lane.close() for lane in self._lanes)))

    async def ended(self) -> None:
        """Returns when no transaction hangs any more, and gives up the files of the spool; those of lanes that are
        behind stay for the next process."""
        for lane in self._lanes:
            await lane.ended()
        for lane, spool in reversed(list(zip(self._lanes, self._spools, strict=True))):
            await asyncio.to_thread(spool.close, keep=lane.degraded)

    def _tell(self, event: Event) -> None:
        if event.kind == "recovered" and self.degraded:
            return  # other lanes are still behind
        for listener in self.listeners:
            Lane.call(listener, event)
