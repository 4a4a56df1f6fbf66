"""I13: threads in which a driver that blocks does its work, a whole transaction in one go."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
_Calls = SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]


class Workers:
    """``count`` threads, started when there is something to do.

    They are daemons, which those of ``concurrent.futures`` are not: a database that hangs must not keep the process
    from ending.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._calls: _Calls = SimpleQueue()
        self._running = 0

    async def run(self, call: Callable[[], T]) -> T:
        """``call`` in one of the threads. Cancelled, it drops a call that has not begun, and waits for one that has."""
        if self._running < self._count:
            self._running += 1
            Thread(target=_work, args=(self._calls,), name=self._name, daemon=True).start()
        done: Future[T] = Future()
        self._calls.put((done, call))
        answer = asyncio.wrap_future(done)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if not done.cancel():
                await asyncio.wait([answer])
            raise

    def stop(self) -> None:
        """Ends the threads after the calls that wait. The next call starts others."""
        for _ in range(self._running):
            self._calls.put(None)
        self._calls, self._running = SimpleQueue(), 0


def _work(calls: _Calls) -> None:
    while (job := calls.get()) is not None:
        done, call = job
        if done.set_running_or_notify_cancel():
            try:
                done.set_result(call())
            except BaseException as error:
                done.set_exception(error)
        del job, done, call  # or the last answer would be kept until the next call
