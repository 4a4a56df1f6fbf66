"""I7: what the spool holds and the database does not, brought into it in order, beside the writes that come meanwhile.

A transaction that hangs is not given up, and no other begins until it has ended. Nothing is lost, doubled or reordered:

- it commits: its writes, the first ones in the spool, are done with, as if they had been stored from there;
- it fails: the database has rolled it back, and its writes are tried again before all that came after them;
- it ends its connection each time, while others are stored: one of its writes is what the database cannot bear, is told
  by being tried alone, and set aside;
- the process dies: the next one replays the whole spool, in order, whether the transaction was committed or not. Each
  write says what is to be under an id that it brings along (a text, a vote, what a call cost), or that something is no
  more, for good (tombstones). So the sequence ends in the same state, also over a part of itself or over its end;
- the store is closed: the spool stays locked until the transaction has ended or the process is gone, so that no other
  process stores what comes after it before it.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import chain, islice, repeat
from typing import Literal
from uuid import uuid4

from . import transaction
from .dialects.base import reason
from .errors import ConnectionLost, DataLayerError, Forbidden, InvalidInput, NotFound
from .records import now
from .spool import Spool
from .transaction import Commit, Storing, Transactions, Verdict
from .writes import DeleteElement, Write, blobs_of

logger = logging.getLogger("datalayer")

MAX_BATCH = 256
"""Writes in one transaction: enough to hide an fsync, few enough that nobody waits long behind it."""

PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between tries; the last one repeats. Each try may wait sqlite.BUSY_TIMEOUT besides."""

KILLS = 5
"""Times that a write may lose its connection, each time between two others that are stored, before it is set aside."""

BETWEEN = 0.1
"""Seconds between these tries."""

Kind = Literal["degraded", "recovered", "lost", "rejected"]
Tell = Callable[[Kind, Sequence[Write]], None]


class Backlog:
    """``tell`` is called with what happens to which writes: see ``writer.Event``."""

    def __init__(self, spool: Spool, transactions: Transactions, tell: Tell) -> None:
        self._spool = spool
        self._transactions = transactions
        self._tell = tell
        self._writes: deque[Write] = deque()
        self._spooling = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "datalayer-spool")  # files that hang elsewhere must not keep it waiting
        self._task: asyncio.Task[None] | None = None
        self._taken = 0
        self._trying = False
        self._since = 0.0
        self._hurry = asyncio.Event()
        self._failed: asyncio.Future[None] | None = None
        self._closed = self._over = False

    def __len__(self) -> int:
        return len(self._writes)

    @property
    def behind(self) -> bool:
        """Whether the database has not all yet, or the spool is not empty again: new writes go to the spool, too."""
        return self._task is not None

    def blobs(self) -> set[str]:
        """Names of the blobs of the writes, but for those that the database has taken or is just taking."""
        waiting = islice(self._writes, self._taken, None)
        return set(blobs_of(waiting))

    def waiting(self, concerned: Callable[[Write], bool]) -> list[Write]:
        """Such writes that the database may not have yet, in order."""
        return list(filter(concerned, self._writes))

    async def keep(self, writes: Sequence[Write], hanging: Storing | None = None, *, only_if_behind: bool) -> bool:
        """Puts ``writes`` into the spool, where they are as safe as in the database; False: not, as it is not behind.

        ``hanging``: the transaction that they are in; should the spool take nothing, it may be committed all the same.
        Raises OSError.
        """
        async with self._spooling:
            if only_if_behind and not self.behind:  # not any more, now that the spool is free
                return False
            try:
                await self._in_thread(partial(self._spool.append, writes))
            except OSError:
                if hanging is not None:
                    self._begin([], hanging)
                raise
            self._writes.extend(writes)
            if not self.behind:
                self._begin(writes, hanging)
            return True

    async def settled(self, concerned: Callable[[Write], bool]) -> None:
        """Returns when no such write waits. Only a transaction that hangs is waited for, and only until PATIENCE after
        its callers had their answers: most have ended by then, where a lock may last."""
        left = self._since + transaction.PATIENCE - time.monotonic()
        if self._task is not None and left > 0 and any(map(concerned, self._writes)):
            await asyncio.wait([self._task], timeout=left)

    async def catch_up(self) -> bool:
        """Tries now rather than after a pause; whether nothing is left."""
        before = self._trying or self._transactions.running  # a try that began before this call says nothing
        while self._task is not None and not self._task.done():
            self._hurry.set()
            failed = self._failed = self._failed or asyncio.get_running_loop().create_future()
            await asyncio.wait([self._task, failed], return_when=asyncio.FIRST_COMPLETED)
            if failed.done() and not before:
                return False
            before = False
        return not self.behind

    async def close(self, seconds: float) -> None:
        """Tries once more, for so long; then no transaction begins any more, but one may still hang."""
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.catch_up()
        self._over = True

    async def ended(self) -> None:
        """Returns when no transaction hangs any more."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _begin(self, group: Sequence[Write], hanging: Storing | None) -> None:
        self._since = time.monotonic() if hanging else 0.0
        self._task = asyncio.create_task(self._run(group, hanging), name="datalayer-backlog")

    async def _run(self, group: Sequence[Write], hanging: Storing | None) -> None:
        """``hanging``: a transaction with ``group``, with which the backlog begins."""
        pauses = chain(PAUSES, repeat(PAUSES[-1]))
        took, size = False, MAX_BATCH
        if hanging and not (took := await self._try(group, hanging)):
            if self._closed:
                return
            await self._pause(0)
        while not await self._emptied():
            if self._over:
                return
            trying = self._begin_try(size)
            if took and len(self._writes) <= size:
                trying, ended = await self._end_with(trying, size)
                if ended:
                    return
            took = await trying
            self._trying = not took
            size = min(size * 2, MAX_BATCH) if took else max(size // 4, 1)  # it may have been too many for the time
            if not took:
                if self._closed:
                    return
                await self._pause(next(pauses))

    async def _try(self, group: Sequence[Write], hanging: Storing | None = None) -> bool:
        """Whether the database has taken ``group``, the first of the writes."""
        self._trying = True
        self._taken = len(group)
        try:
            await self.store(group, self._transactions.store, hanging)
        except DataLayerError as error:
            logger.warning("%s writes stay in the spool: %s (%s)", len(self), error, reason(error))
            return False
        else:
            for _ in group:
                self._writes.popleft()
            return True
        finally:
            self._taken = 0

    def _begin_try(self, size: int) -> asyncio.Task[bool]:
        return asyncio.create_task(self._try(list(islice(self._writes, size))))

    async def _end_with(self, trying: asyncio.Task[bool], size: int) -> tuple[asyncio.Task[bool], bool]:
        """After a try with all that waits: the last try, and as ``_emptied``. Who writes meanwhile waits, for a moment:
        where writes come faster than the database takes one, there would be no end to it. What came before this has
        the spool is tried as well."""
        async with self._spooling:
            end = time.monotonic() + transaction.PATIENCE / 3
            while True:
                await asyncio.wait([trying], timeout=max(0.0, end - time.monotonic()))
                if not self._writes:
                    return trying, await self._empty()
                if not (trying.done() and trying.result()) or time.monotonic() >= end:
                    return trying, False
                trying = self._begin_try(size)

    async def store(self, group: Sequence[Write], commit: Commit, begun: Storing | None = None) -> None:
        """Stores writes from a spool; one that can never be stored is set aside. Raises DataLayerError when the
        database takes nothing. ``begun``: a commit of ``group`` that has begun already."""
        try:
            verdicts = await (begun or commit(group))
        except DataLayerError as error:
            if not group or (error.retryable and not isinstance(error, ConnectionLost)):
                raise
            if len(group) > 1:
                for write in group:
                    await self.store([write], commit)
                return
            verdicts = await self._again(group, commit) if error.retryable else [error]
        for write, verdict in zip(group, verdicts, strict=bool(group)):
            if isinstance(verdict, DataLayerError):
                log(write, verdict)
                await self._in_thread(partial(self._spool.reject, write))
                self._tell("rejected", [write])

    async def _again(self, group: Sequence[Write], commit: Commit) -> list[Verdict]:
        """What becomes of one write with which a connection was lost: the database may go away, or not bear this one.
        It is the write where others are stored before and after each of its tries. Raises DataLayerError."""
        for _ in range(KILLS):
            await asyncio.sleep(BETWEEN)
            await commit([_another()])
            with suppress(ConnectionLost):
                return await commit(group)
        await commit([_another()])
        return [InvalidInput("The database ends the connection whenever this is stored")]

    async def _pause(self, seconds: float) -> None:
        self._trying = False
        if self._failed is not None:
            self._failed.set_result(None)
            self._failed = None
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()

    async def _emptied(self) -> bool:
        """Whether the database has all; then the spool is empty, and it is behind no more."""
        if self._writes:
            return False
        async with self._spooling:
            return await self._empty()

    async def _empty(self) -> bool:
        if self._writes:
            return False
        try:
            await self._in_thread(self._spool.clear)
        except OSError as error:
            # What is stored would be replayed at the next start over newer writes: better to say so than to go on.
            logger.error("the spool cannot be emptied: %s", type(error).__name__)
        self._task = None
        self._tell("recovered", [])
        return True

    def _in_thread(self, work: Callable[[], None]) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


def _another() -> Write:
    """A write that changes nothing but what is known to be deleted."""
    return DeleteElement(id=str(uuid4()), at=now())


def log(write: Write, error: DataLayerError, told: bool = False) -> None:
    """``told``: a caller has the error, and a refusal is for him to mend."""
    # Chainlit starts most writes as tasks that nobody awaits: without this line their failure would be silent.
    kind, thread = type(write).__name__, write.thread_id
    level = logging.WARNING if told and isinstance(error, (Forbidden, InvalidInput, NotFound)) else logging.ERROR
    logger.log(level, "not stored: %s of thread %s: %s (%s)", kind, thread, error, reason(error))
