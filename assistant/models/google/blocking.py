"""Blocking requests in threads of their own, which the event loop can stop.

Always true: whoever leaves the generator of ``in_thread`` has ended its HTTP request, even while the thread waits for
the server; and no call ends the request of another, who may have been given its connection.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from ..base import ModelError

if TYPE_CHECKING:
    import requests

T = TypeVar("T")


class Stopped(Exception):
    """The request is no longer wanted."""


class Call:
    """The HTTP request of one thread. ``response``: what was answered, once its headers are there. ``amend``: makes the
    body that is sent of the one that the SDK wrote."""

    def __init__(self, amend: Callable[[str], str] | None = None) -> None:
        self.response: requests.Response | None = None
        self.amend = amend
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._stopped = False

    def uses(self, connection: socket.socket) -> None:
        """Raises Stopped."""
        with self._lock:
            if self._stopped:
                raise Stopped
            self._socket = connection

    def release(self) -> None:
        """The connection goes back to where others take it from."""
        with self._lock:
            self._socket = None

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._socket is not None:
                # Wakes the thread in recv(), which close() would not. The method of the base class, because that of an
                # SSLSocket takes the encryption from under the thread's feet. OSError: the server was faster.
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Running(threading.local):
    call: Call | None = None


current = _Running()
"""Whose request the running thread makes."""


class _End:
    def __init__(self, failure: ModelError | None) -> None:
        self.failure = failure


class _Worker(threading.Thread, Generic[T]):
    """Hands what ``work`` yields to ``queue``, at last an _End."""

    def __init__(
        self, work: Callable[[Call], Iterator[T]], call: Call, translate: Callable[[Exception, Call], ModelError]
    ) -> None:
        # A daemon: one that looks up a name or connects cannot be woken, and must not keep the app from ending.
        super().__init__(name="model", daemon=True)
        self.queue: asyncio.Queue[T | _End] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._work, self._call, self._translate = work, call, translate

    def run(self) -> None:
        current.call = self._call
        failure = None
        try:
            for item in self._work(self._call):
                self._hand_over(item)
        except Exception as error:
            failure = self._translate(error, self._call)
        finally:
            if self._call.response is not None:
                self._call.response.close()
        self._hand_over(_End(failure))

    def _hand_over(self, item: T | _End) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self.queue.put_nowait, item)


async def in_thread(
    work: Callable[[Call], Iterator[T]], call: Call, translate: Callable[[Exception, Call], ModelError]
) -> AsyncGenerator[T, None]:
    """What ``work`` yields while it runs in a thread of its own, asking through sessions of ``rest.prepare``.

    Raises ModelError.
    """
    worker = _Worker(work, call, translate)
    worker.start()
    try:
        while not isinstance(item := await worker.queue.get(), _End):
            yield item
    finally:
        call.stop()
    if item.failure:
        raise item.failure
