"""I13: threads in which a driver that blocks does its work, a whole transaction in one go."""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class _Job(Generic[T]):
    """A call, and who waits for what it returns. ``dropped``: nobody does any more, and it need not begin."""

    def __init__(self, call: Callable[[], T]) -> None:
        self.call = call
        self.loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[T] = self.loop.create_future()
        self.begun = self.dropped = False
        self.ended: asyncio.Future[None] | None = None

    def work(self) -> None:
        # Whoever drops it sets ``dropped`` first and looks at ``begun`` then: one of both sees the other.
        self.begun = True
        result: Any = None
        error: BaseException | None = None
        if not self.dropped:
            try:
                result = self.call()
            except BaseException as raised:
                error = raised
        try:
            self.loop.call_soon_threadsafe(self._end, result, error)
        except RuntimeError:  # the loop is closed: nobody is there any more
            return

    def _end(self, result: Any, error: BaseException | None) -> None:
        if self.ended is not None:
            self.ended.set_result(None)
        elif error is not None:
            self.answer.set_exception(error)
        else:
            self.answer.set_result(result)


_Jobs = SimpleQueue[_Job[Any] | None]


class Workers:
    """``count`` threads, started when there is something to do.

    They are daemons, which those of ``concurrent.futures`` are not: a database that hangs must not keep the process
    from ending.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._jobs: _Jobs = SimpleQueue()
        self._running = 0

    async def run(self, call: Callable[[], T]) -> T:
        """``call`` in one of the threads. Cancelled, it drops a call that has not begun, and waits for one that has."""
        if self._running < self._count:
            self._running += 1
            Thread(target=_work, args=(self._jobs,), name=self._name, daemon=True).start()
        job = _Job(call)
        self._jobs.put(job)
        try:
            return await job.answer
        except asyncio.CancelledError:
            if job.answer.cancelled():
                await _end_of(job)
            raise

    def stop(self) -> None:
        """Ends the threads after the calls that wait. The next call starts others."""
        for _ in range(self._running):
            self._jobs.put(None)
        self._jobs, self._running = SimpleQueue(), 0


async def _end_of(job: _Job[Any]) -> None:
    """Drops the job, or returns when it has ended."""
    job.ended = job.loop.create_future()
    job.dropped = True
    if job.begun:
        await asyncio.wait([job.ended])


def _work(jobs: _Jobs) -> None:
    while (job := jobs.get()) is not None:
        job.work()
        del job  # or the last answer would be kept until the next call
