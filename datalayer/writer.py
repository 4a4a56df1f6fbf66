"""I1, I2, I3, I7: one queue of writes, taken in the order of the calls and committed in groups.

``submit`` appends before anything is awaited, so the order of calls is the order of effects. The queue's own task
commits: a caller that is cancelled stops waiting, its write does not stop. Writes that wait together share a
transaction; when it fails, it is rolled back and each write runs alone, so that only the bad one's caller hears of it.

Nobody waits for a database that does not answer. When it refuses a transaction, or has not ended it after PATIENCE, the
lane is *degraded*: the writes go to the spool, in order, and their callers get their answers; so do the writes that
come meanwhile, until the database has all of them: see ``backlog``.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from . import transaction
from .backlog import MAX_BATCH, Backlog, Kind, log
from .dialects.base import reason, translate
from .errors import DataLayerError, StoreClosed, StoreUnavailable
from .observer import Outcome, observer
from .records import Blob
from .spool import Spool
from .transaction import Commit, Ready, Storing, Transactions, Verdict, Watch
from .writes import DeleteFeedback, UpsertElement, UpsertFeedback, Write, blobs_of

logger = logging.getLogger("datalayer")

CLOSING = 5.0
"""Seconds that ``close`` waits for content that is being stored, and for a transaction that hangs."""

MAX_ROWS = 256
"""Of a transaction of several writes: what nobody's next write waits long for."""
FEWEST_ROWS = 64
"""Of one whose writes have many rows each, where the database is slow."""

PutBlob = Callable[[], Coroutine[Any, Any, Blob]]


@dataclass(slots=True)
class _Entry:
    write: Write
    done: asyncio.Future[Any]
    """Ends when the write is decided."""
    answer: asyncio.Future[Any]
    """The same for the caller, who may cancel it: that must not cancel the write."""
    after: Sequence[asyncio.Future[Any]] = ()
    blob: asyncio.Task[Blob] | None = None
    called: float = field(default_factory=time.monotonic)

    @property
    def waited(self) -> float:
        """Seconds that it has waited for the database, and for nothing else. Of many rows nobody waits for."""
        return 0.0 if self.blob or self.after or self.write.size > 1 else time.monotonic() - self.called

    @property
    def ready(self) -> bool:
        return (self.blob is None or self.blob.done()) and all(each.done() for each in self.after)


@dataclass(frozen=True, slots=True)
class Event:
    """What listeners are told."""

    kind: Kind
    """"degraded": writes are safe in the spool, not yet stored. "recovered": all are stored. "lost": these writes could
    not even be spooled, and their callers have their error. "rejected": a spooled write can never be stored."""
    threads: frozenset[str] = frozenset()
    """Those concerned."""


class Lane:
    """``commit`` applies writes in one transaction and returns a verdict each; it raises when nothing was stored.
    ``ready`` returns when the database is open for that, None: it always is."""

    def __init__(self, commit: Commit, spool: Spool, ready: Ready | None = None) -> None:
        self._transactions = Transactions(commit, ready)
        self._backlog = Backlog(spool, self._transactions, self._tell)
        self._waiting: deque[_Entry] = deque()
        self._undecided: dict[asyncio.Future[Any], _Entry] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._watch: Watch | None = None
        self._singly = 0
        self._rows = MAX_ROWS
        self._closed = False
        self.listeners: list[Callable[[Event], None]] = []

    @property
    def degraded(self) -> bool:
        """Whether writes are in the spool, waiting for the database."""
        return self._backlog.behind

    @property
    def stalled(self) -> bool:
        """Whether the database has been at one transaction for longer than PATIENCE."""
        return self._transactions.stalled

    @property
    def pending(self) -> int:
        """How many accepted writes are not in the database yet."""
        return len(self._undecided) + len(self._backlog)

    def blobs(self) -> set[str]:
        """Names of the blobs of writes that are not in the database yet."""
        stored = (entry.blob for entry in self._waiting if entry.blob and entry.ready)
        brought = {*blobs_of(self._accepted()), *self._backlog.blobs()}
        return brought | {blob.result().name for blob in stored if not blob.exception()}

    def _accepted(self) -> Iterator[Write]:
        return (entry.write for entry in self._undecided.values())

    def undecided(self, threads: frozenset[str] | None = None) -> list[asyncio.Future[Any]]:
        """The writes whose callers have no answer yet: those to one of the threads, or all."""
        if threads is None:
            return list(self._undecided)
        return [done for done, entry in self._undecided.items() if threads & entry.write.threads]

    def holds(self, rows: frozenset[str]) -> bool:
        """Whether a write to one of these rows is not in the database yet."""
        return bool(rows) and any(rows & each.rows for each in (*self._accepted(), *self.spooled()))

    def submit(
        self, write: Write, put: PutBlob | None = None, after: Sequence[asyncio.Future[Any]] = ()
    ) -> asyncio.Future[Any]:
        """Accepts ``write``; the future has its result when it is durable. Raises StoreClosed.

        ``put`` stores the content that the write names. Until it has, later writes to the same thread wait, others do
        not. ``after``: the write, and what follows it here to its thread, waits until these are done.
        """
        if self._closed:
            raise StoreClosed("The data layer is closed")
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="datalayer-writer")
        loop = asyncio.get_running_loop()
        done, answer = loop.create_future(), loop.create_future()
        entry = _Entry(write, done, answer, after, asyncio.create_task(put()) if put else None)
        for each in (*after, *filter(None, [entry.blob])):
            each.add_done_callback(lambda _: self._wake.set())
        self._waiting.append(entry)
        self._undecided[done] = entry
        self._wake.set()
        return answer

    async def barrier(self, thread_id: str | None = None) -> None:
        """Returns when the writes submitted before are decided: those to ``thread_id``, or all."""
        if waited := [done for done, entry in self._undecided.items() if _concerns(entry.write, thread_id)]:
            await asyncio.wait(waited)

    async def settled(self, thread_id: str | None = None) -> None:
        """As ``barrier``; what is in the spool is waited for as well, but only while the trouble is young."""
        await self.barrier(thread_id)
        await self._backlog.settled(lambda write: _concerns(write, thread_id))

    def spooled(self, thread_id: str | None = None) -> list[Write]:
        """The writes in the spool that concern the thread, None: all, in order."""
        return self._backlog.waiting(lambda write: _concerns(write, thread_id))

    async def catch_up(self) -> bool:
        """Tries now, rather than after a pause, to store what is in the spool; whether nothing is left in it."""
        return await self._backlog.catch_up()

    async def store_kept(self, writes: Sequence[Write], commit: Commit) -> None:
        """As ``Backlog.store``, for what another process has left."""
        await self._backlog.store(writes, commit)

    async def close(self) -> bool:
        """Refuses new writes, waits for the accepted ones, and tries once more what is in the spool: each no longer
        than CLOSING. False: a transaction still hangs, and ``ended`` tells when it no longer does."""
        self._closed = True
        self._wake.set()
        if not await self._ends() and self._watch is not None:
            self._watch.leave()  # what waits behind it goes to the spool, too
            await self._ends()
        if self._task is not None:
            self._task.cancel()
        for entry in list(self._undecided.values()):
            logger.error("not stored: its content was not stored in time")
            self._answer(entry, StoreUnavailable("This could not be saved before the end"), "failed")
        await self._backlog.close(CLOSING)
        return not self._transactions.running

    async def _ends(self) -> bool:
        """Whether all accepted writes are decided, within CLOSING."""
        return self._task is None or bool((await asyncio.wait([self._task], timeout=CLOSING))[0])

    async def ended(self) -> None:
        """Returns when no transaction hangs any more."""
        await self._backlog.ended()

    async def _run(self) -> None:
        while not self._closed or self._waiting:
            await self._wake.wait()
            self._wake.clear()
            while batch := self._take():
                if not await self._store(batch):
                    return

    def _take(self) -> list[_Entry]:
        batch: list[_Entry] = []
        kept: deque[_Entry] = deque()
        held: set[str] = set()
        all_held = False
        most, rows = (1 if self._singly else MAX_BATCH), 0
        self._singly = max(0, self._singly - 1)
        while self._waiting and len(batch) < most and (not batch or self._has_room(rows, self._waiting[0].write.size)):
            entry = self._waiting.popleft()
            threads = entry.write.threads
            # A write that does not know its thread may belong to any, and any may come after it.
            if not entry.ready or all_held or (held and not threads) or threads & held:
                held |= threads
                all_held |= not threads
                kept.append(entry)
            elif self._add_blob(entry):
                batch.append(entry)
                rows += entry.write.size
        self._waiting.extendleft(reversed(kept))
        return batch

    def _has_room(self, rows: int, size: int) -> bool:
        return rows + size <= (MAX_ROWS if size == 1 else self._rows)

    def _learn(self, rows: int, took: float) -> None:
        """Writes of many rows share no transaction that lasts nearly as long as anybody waits. ``took``: seconds."""
        if took > transaction.PATIENCE / 2:
            self._rows = max(min(self._rows, rows) // 2, FEWEST_ROWS)
        elif took < transaction.PATIENCE / 4:
            self._rows = min(self._rows * 2, MAX_ROWS)

    async def _store(self, batch: list[_Entry]) -> bool:
        """False: another task runs this lane meanwhile, because the transaction was left alone."""
        if self.degraded and await self._keep(batch, only_if_behind=True):
            return True
        left: list[Storing] = []
        began = time.monotonic()
        watch = self._watch = self._transactions.watch(lambda: left.append(self._leave(batch)))
        try:
            waited = batch[0].waited
            verdicts = await self._transactions.store([entry.write for entry in batch], waited)
        except DataLayerError as error:
            if left:
                left[0].set_exception(error)
            else:
                await self._fail(batch, error)
        else:
            if left:
                left[0].set_result(verdicts)
            else:
                for entry, verdict in zip(batch, verdicts, strict=True):
                    self._decide(entry, verdict)
        finally:
            watch.cancel()
            self._learn(sum(entry.write.size for entry in batch), time.monotonic() - began)
            if not left:
                self._watch = None
        return not left

    def _leave(self, batch: list[_Entry]) -> Storing:
        """Lets the spool have what is in a transaction that hangs, and goes on. What the transaction comes to."""
        logger.warning("the database does not answer, writing to the spool")
        self._watch = None
        storing: Storing = asyncio.get_running_loop().create_future()

        async def go_on() -> None:
            await self._keep(batch, storing)
            await self._run()

        self._task = asyncio.create_task(go_on(), name="datalayer-writer")
        self._wake.set()
        return storing

    async def _fail(self, batch: list[_Entry], error: DataLayerError) -> None:
        if error.retryable:
            logger.warning("the database takes nothing, writing to the spool: %s (%s)", error, reason(error))
            await self._keep(batch)
        elif len(batch) > 1:
            logger.warning("storing %s writes one by one: %s (%s)", len(batch), error, reason(error))
            self._waiting.extendleft(reversed(batch))
            self._singly = len(batch)
        else:
            self._decide(batch[0], error)

    async def _keep(self, batch: list[_Entry], hanging: Storing | None = None, only_if_behind: bool = False) -> bool:
        """As ``Backlog.keep``, and answers the callers."""
        writes = [replace(entry.write, replayed=True) for entry in batch]
        try:
            if not await self._backlog.keep(writes, hanging, only_if_behind=only_if_behind):
                return False
        except OSError as error:
            self._tell("lost", writes)
            for entry in batch:
                lost = StoreUnavailable("This could not be saved: neither the database nor its spool can be written")
                lost.__cause__ = error
                self._decide(entry, lost)
            return True
        for entry in batch:
            self._decide(entry, _expected(entry.write), "spooled")
        self._tell("degraded", writes)
        return True

    def _tell(self, kind: Kind, writes: Sequence[Write]) -> None:
        event = Event(kind, frozenset().union(*(write.threads for write in writes)))
        for listener in self.listeners:
            self.call(listener, event)

    @staticmethod
    def call(listener: Callable[[Event], None], event: Event) -> None:
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

    def _decide(self, entry: _Entry, verdict: Verdict, outcome: Outcome = "stored") -> None:
        if isinstance(verdict, DataLayerError):
            log(entry.write, verdict, told=True)
            outcome = "failed"
        self._answer(entry, verdict, outcome)

    def _answer(self, entry: _Entry, verdict: Verdict, outcome: Outcome) -> None:
        del self._undecided[entry.done]
        observer().wrote(outcome)
        entry.done.set_result(None)
        if entry.answer.done():
            return
        if isinstance(verdict, DataLayerError):
            entry.answer.set_exception(verdict)
            entry.answer.exception()  # marks it as seen: it is logged
        else:
            entry.answer.set_result(verdict)


def _concerns(write: Write, asked: str | None) -> bool:
    """Whether a read of ``asked``, None: of any thread, waits for ``write``."""
    return asked is None or write.thread_id in (None, asked) or asked in write.threads


def _expected(write: Write) -> Verdict:
    """What the database will most likely answer to a write that waits in the spool."""
    return write.id if isinstance(write, UpsertFeedback) else isinstance(write, DeleteFeedback) or None
