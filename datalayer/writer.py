"""I1, I2, I3, I7: one queue of writes, taken in the order of the calls and committed in groups.

``submit`` appends before anything is awaited, so the order of calls is the order of effects. The queue's own task
commits: a caller that is cancelled stops waiting, its write does not stop. Writes that wait together share a
transaction; when it fails, it is rolled back and each write runs alone, so that only the bad one's caller hears of it.

When the database takes nothing, the lane is *degraded*: writes go to the spool, in order, and are tried again with
growing pauses. Until the last of them is stored, new ones queue up behind them there, or an old write could overwrite
a newer one.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from .engine import reason, translate
from .errors import BlobVanished, DataLayerError, StoreClosed, StoreUnavailable
from .records import Blob
from .spool import Spool
from .writes import DeleteFeedback, UpsertElement, UpsertFeedback, Write

logger = logging.getLogger("datalayer")

MAX_BATCH = 256
"""Writes in one transaction: enough to hide an fsync, few enough that nobody waits long behind it."""

MAX_PUTS = 20
"""Tries to store content that others with the same content keep removing."""

PAUSES = (0.2, 1.0, 5.0, 15.0)
"""Seconds between tries while degraded; the last one repeats. Each try may wait engine.BUSY_TIMEOUT besides."""

Outcome = Any  # a result, or the DataLayerError of this write
Commit = Callable[[Sequence[Write]], Awaitable[list[Outcome]]]
PutBlob = Callable[[], Coroutine[Any, Any, Blob]]


@dataclass(slots=True)
class _Entry:
    write: Write
    done: asyncio.Future[Any]
    put: PutBlob | None
    blob: asyncio.Task[Blob] | None = None
    tries: int = 0

    @property
    def ready(self) -> bool:
        return self.blob is None or self.blob.done()


@dataclass(frozen=True, slots=True)
class Event:
    """What listeners are told. ``threads``: those concerned.

    ``degraded``: writes are safe in the spool, not yet stored. ``recovered``: all are stored. ``lost``: these writes
    could not even be spooled, and their callers have their error. ``rejected``: a spooled write can never be stored.
    """

    kind: Literal["degraded", "recovered", "lost", "rejected"]
    threads: frozenset[str] = frozenset()


class Lane:
    """``commit`` applies writes in one transaction and returns an outcome each; it raises when nothing was stored."""

    def __init__(self, commit: Commit, spool: Spool) -> None:
        self._commit = commit
        self._spool = spool
        self._waiting: deque[_Entry] = deque()
        self._undecided: dict[asyncio.Future[Any], str | None] = {}
        self._backlog: deque[Write] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.listeners: list[Callable[[Event], None]] = []

    @property
    def degraded(self) -> bool:
        """Whether writes are in the spool, waiting for the database."""
        return bool(self._backlog)

    @property
    def pending(self) -> int:
        """How many accepted writes are not in the database yet."""
        return len(self._undecided) + len(self._backlog)

    def submit(self, write: Write, put: PutBlob | None = None) -> asyncio.Future[Any]:
        """Accepts ``write``; the future has its result when it is durable. Raises StoreClosed.

        ``put`` stores the content that the write names. Until it has, later writes to the same thread wait, others do
        not.
        """
        if self._closed:
            raise StoreClosed("The data layer is closed")
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="datalayer-writer")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        entry = _Entry(write, done, put)
        self._start_put(entry)
        self._waiting.append(entry)
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
        """Refuses new writes, waits for the accepted ones, and tries once more what is in the spool."""
        self._closed = True
        await self.barrier()
        if self._task is not None:
            self._wake.set()
            await self._task
        await self._replay()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        tries, due = 0, 0.0
        while not self._closed or self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due if self._backlog else None):
                    await self._wake.wait()
            self._wake.clear()
            was_degraded = self.degraded
            while batch := self._take():
                await self._store(batch)
            # By the clock, not by silence: an answer that streams wakes this loop all the time.
            if was_degraded and loop.time() >= due:
                tries = 0 if await self._replay() else tries + 1
            elif was_degraded or not self._backlog:
                continue
            due = loop.time() + PAUSES[min(tries, len(PAUSES) - 1)]

    def _take(self) -> list[_Entry]:
        batch: list[_Entry] = []
        kept: deque[_Entry] = deque()
        held: set[str | None] = set()
        while self._waiting and len(batch) < MAX_BATCH:
            entry = self._waiting.popleft()
            thread_id = entry.write.thread_id
            # A write that does not know its thread may belong to any, and any may come after it.
            if not entry.ready or thread_id in held or None in held or (held and thread_id is None):
                held.add(thread_id)
                kept.append(entry)
            elif self._add_blob(entry):
                batch.append(entry)
                if entry.blob is not None:
                    held.add(thread_id)  # it may have to be stored again, before what follows
        self._waiting.extendleft(reversed(kept))
        return batch

    async def _store(self, batch: list[_Entry]) -> None:
        if self._backlog:
            await self._keep(batch)
            return
        try:
            outcomes = await self._commit([entry.write for entry in batch])
        except DataLayerError as error:
            await self._fail(batch, error)
            return
        for entry, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, BlobVanished) and entry.tries < MAX_PUTS:
                self._start_put(entry)
                self._waiting.appendleft(entry)
            else:
                self._decide(entry, outcome)

    def _start_put(self, entry: _Entry) -> None:
        if entry.put is not None:
            entry.tries += 1
            entry.blob = asyncio.ensure_future(entry.put())
            entry.blob.add_done_callback(lambda _: self._wake.set())

    async def _fail(self, batch: list[_Entry], error: DataLayerError) -> None:
        if error.retryable:
            logger.warning("the database takes nothing, writing to the spool: %s (%s)", error, reason(error))
            await self._keep(batch)
        elif len(batch) > 1:
            logger.warning("storing %s writes one by one: %s (%s)", len(batch), error, reason(error))
            for entry in batch:
                await self._store([entry])
        else:
            self._decide(batch[0], error)

    async def _keep(self, batch: list[_Entry]) -> None:
        """Puts the batch into the spool, where it is as safe as in the database."""
        writes = [entry.write for entry in batch]
        try:
            await asyncio.to_thread(self._spool.append, writes)
        except OSError as error:
            self._tell("lost", writes)
            for entry in batch:
                lost = StoreUnavailable("This could not be saved: neither the database nor its spool can be written")
                lost.__cause__ = error
                self._decide(entry, lost)
            return
        self._backlog.extend(replace(write, replayed=True) for write in writes)
        for entry in batch:
            self._decide(entry, _expected(entry.write))
        self._tell("degraded", writes)

    async def _replay(self) -> bool:
        """Stores what the spool holds; whether all of it is stored now."""
        if not self._backlog:
            return True
        while self._backlog:
            group = list(islice(self._backlog, MAX_BATCH))
            try:
                await self.store_kept(group, self._commit)
            except DataLayerError as error:
                logger.warning("%s writes stay in the spool: %s (%s)", len(self._backlog), error, reason(error))
                return False
            for _ in group:
                self._backlog.popleft()
        try:
            await asyncio.to_thread(self._spool.clear)
        except OSError as error:
            # What is stored would be replayed at the next start over newer writes: better to say so than to go on.
            logger.error("the spool cannot be emptied: %s", type(error).__name__)
        self._tell("recovered", [])
        return True

    async def store_kept(self, group: Sequence[Write], commit: Commit) -> None:
        """Stores writes from a spool; one that can never be stored is set aside. Raises DataLayerError when the
        database takes nothing."""
        try:
            outcomes = await commit(group)
        except DataLayerError as error:
            if error.retryable:
                raise
            if len(group) > 1:
                for write in group:
                    await self.store_kept([write], commit)
                return
            outcomes = [error]
        for write, outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, DataLayerError):
                self._log(write, outcome)
                await asyncio.to_thread(self._spool.reject, write)
                self._tell("rejected", [write])

    def _tell(self, kind: Literal["degraded", "recovered", "lost", "rejected"], writes: Sequence[Write]) -> None:
        event = Event(kind, frozenset(write.thread_id for write in writes if write.thread_id))
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:
                logger.exception("a listener of the data layer failed")  # its trouble must not stop the writes

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
        self._log(entry.write, outcome)
        entry.done.set_exception(outcome)
        entry.done.exception()  # marks it as seen

    @staticmethod
    def _log(write: Write, error: DataLayerError) -> None:
        # Chainlit starts most writes as tasks that nobody awaits: without this line their failure would be silent.
        kind, thread = type(write).__name__, write.thread_id
        logger.error("not stored: %s of thread %s: %s (%s)", kind, thread, error, reason(error))


def _expected(write: Write) -> Outcome:
    """What the database will most likely answer to a write that waits in the spool."""
    return write.id if isinstance(write, UpsertFeedback) else isinstance(write, DeleteFeedback) or None
