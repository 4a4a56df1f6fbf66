"""Where passwords wait to be hashed: each takes 64 MiB and a core for a fifth of a second.

Always true: one hash at a time, a few waiting, and nobody for longer than `patience`.

The newest is served first, and whoever makes the crowd is turned away first: a person who comes after a burst of others
need not wait until all of them have been served.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


class Busy(Exception):
    """Too many are waiting: try again in a few seconds."""


@dataclass(eq=False)
class _Ticket:
    key: str
    called: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """True when its turn has come, False when it is turned away."""


class HashQueue:
    """Runs functions in a thread of its own, one after the other. For one event loop."""

    def __init__(self, waiting: int = 8, patience: float = 5) -> None:
        """`waiting`: how many may wait; `patience`: for how many seconds at most."""
        self._limit, self._patience = waiting, patience
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sign-in")
        self._waiting: list[_Ticket] = []
        self._taken = False

    async def run(self, key: str, function: Callable[..., T], *args: Any) -> T:
        """What `function(*args)` returns. `key`: who asks; those with most in the queue give way. Raises Busy."""
        if self._taken:
            await self._wait(_Ticket(key))
        self._taken = True
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)
        finally:
            self._call_next()

    async def _wait(self, ticket: _Ticket) -> None:
        self._waiting.append(ticket)
        if len(self._waiting) > self._limit:
            self._turn_one_away()
        try:
            await asyncio.wait([ticket.called], timeout=self._patience)
        except asyncio.CancelledError:
            if _is_called(ticket):
                self._call_next()
            raise
        finally:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
        if not _is_called(ticket):
            raise Busy

    def _turn_one_away(self) -> None:
        crowds = Counter(ticket.key for ticket in self._waiting)
        largest = max(crowds.values())
        oldest = next(ticket for ticket in self._waiting if crowds[ticket.key] == largest)
        self._waiting.remove(oldest)
        oldest.called.set_result(False)

    def _call_next(self) -> None:
        self._taken = bool(self._waiting)
        if self._waiting:
            self._waiting.pop().called.set_result(True)


def _is_called(ticket: _Ticket) -> bool:
    return ticket.called.done() and ticket.called.result()
