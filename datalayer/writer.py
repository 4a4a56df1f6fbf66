"""I1, I2, I3, I7: one queue of writes, taken in the order of the calls and committed in groups.

``submit`` appends before anything is awaited, so the order of calls is the order of effects. The queue's own task
commits: a caller that is cancelled stops waiting, its write does not stop. Writes that wait together share a
transaction; when it fails, it is rolled back and each write runs alone, so that only the bad one's caller hears of it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .engine import reason, translate
from .errors import DataLayerError, StoreClosed
from .records import Blob
from .writes import UpsertElement, Write

logger = logging.getLogger("datalayer")

MAX_BATCH = 256
"""Writes in one transaction: enough to hide an fsync, few enough that nobody waits long behind it."""

RETRIES = (0.1, 0.5, 2.0)
"""Seconds between tries while the database cannot take a write. Each try already waits engine.BUSY_TIMEOUT."""

Outcome = Any  # a result, or the DataLayerError of this write
Commit = Callable[[Sequence[Write]], Awaitable[list[Outcome]]]


@dataclass(slots=True)
class _Entry:
    write: Write
    done: asyncio.Future[Any]
    blob: asyncio.Task[Blob] | None

    @property
    def ready(self) -> bool:
        return self.blob is None or self.blob.done()


class Lane:
    """``commit`` applies writes in one transaction and returns an outcome each; it raises when nothing was stored."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._waiting: deque[_Entry] = deque()
        self._undecided: dict[asyncio.Future[Any], str | None] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.degraded = False
        """Whether the last try to store was refused by the database."""

    @property
    def pending(self) -> int:
        """How many accepted writes are not durable yet."""
        return len(self._undecided)

    def submit(self, write: Write, blob: Awaitable[Blob] | None = None) -> asyncio.Future[Any]:
        """Accepts ``write``; the future has its result when it is durable. Raises StoreClosed.

        ``blob``: content still being stored. Until it is, later writes to the same thread wait, others do not.
        """
        if self._closed:
            raise StoreClosed("The data layer is closed")
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="datalayer-writer")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(_await(blob)) if blob is not None else None
        if task is not None:
            task.add_done_callback(lambda _: self._wake.set())
        self._waiting.append(_Entry(write, done, task))
        self._undecided[done] = write.thread_id
        self._wake.set()
        answer = asyncio.shield(done)  # cancelling a caller must not cancel the write
        answer.add_done_callback(lambda f: f.cancelled() or f.exception())  # _decide has logged it
        return answer

    async def barrier(self, thread_id: str | None = None) -> None:
        """Returns when the writes submitted before are decided: those to ``thread_id``, or all."""
        waited = [f for f, t in self._undecided.items() if thread_id is None or t is None or t == thread_id]
        if waited:
            await asyncio.wait(waited)

    async def close(self) -> None:
        """Refuses new writes, then waits for the accepted ones."""
        self._closed = True
        await self.barrier()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while batch := self._take():
                await self._store(batch)

    def _take(self) -> list[_Entry]:
        batch: list[_Entry] = []
        kept: deque[_Entry] = deque()
        held: set[str | None] = set()
        while self._waiting and len(batch) < MAX_BATCH:
            entry = self._waiting.popleft()
            if not entry.ready or entry.write.thread_id in held:
                held.add(entry.write.thread_id)
                kept.append(entry)
            elif self._add_blob(entry):
                batch.append(entry)
        self._waiting.extendleft(reversed(kept))
        return batch

    async def _store(self, batch: list[_Entry]) -> None:
        try:
            outcomes = await self._persist([entry.write for entry in batch])
        except Exception as error:
            if len(batch) > 1 and not translate(error).retryable:
                for entry in batch:
                    await self._store([entry])
                return
            outcomes = [translate(error)] * len(batch)
        for entry, outcome in zip(batch, outcomes, strict=True):
            self._decide(entry, outcome)

    async def _persist(self, writes: list[Write]) -> list[Outcome]:
        for pause in (*RETRIES, None):
            try:
                outcomes = await self._commit(writes)
                self.degraded = False
                return outcomes
            except DataLayerError as error:
                self.degraded = error.retryable
                if not error.retryable or pause is None:
                    raise
                logger.warning("storing again in %s s: %s (%s)", pause, error, reason(error))
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def _add_blob(self, entry: _Entry) -> bool:
        """Puts the stored blob into the write that waited for it; False, and the caller told, when storing failed."""
        if entry.blob is None:
            return True
        if error := entry.blob.exception():
            self._decide(entry, translate(error))
            return False
        assert isinstance(entry.write, UpsertElement)
        entry.write = replace(entry.write, blob=entry.blob.result())
        return True

    def _decide(self, entry: _Entry, outcome: Outcome) -> None:
        del self._undecided[entry.done]
        if not isinstance(outcome, DataLayerError):
            entry.done.set_result(outcome)
            return
        # Chainlit starts most writes as tasks that nobody awaits: without this line their failure would be silent.
        kind, thread = type(entry.write).__name__, entry.write.thread_id
        logger.error("not stored: %s of thread %s: %s (%s)", kind, thread, outcome, reason(outcome))
        entry.done.set_exception(outcome)
        entry.done.exception()  # marks it as seen


async def _await(blob: Awaitable[Blob]) -> Blob:
    return await blob
