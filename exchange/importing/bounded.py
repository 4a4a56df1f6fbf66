"""Imports that people ask for in an app that runs.

Always true: one person has one at a time, and all together have a few; further ones wait for their turn.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from datalayer import DataLayerError

from ..opened import Limits

AT_ONCE = 2
GB = 1_000_000_000
LIMITS = Limits(member=16 * GB, total=64 * GB, nested=8 * GB)
"""Of what people send, who are not whoever runs the server."""

_running = set[str]()
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class Busy(DataLayerError):
    """This person has another import that runs."""

    status = 409
    retryable = True


@asynccontextmanager
async def turn(user_id: str) -> AsyncIterator[None]:
    """Waits until there is room for an import of this person's. Raises Busy."""
    if user_id in _running:
        raise Busy("Another import is running. Wait until it has ended")
    _running.add(user_id)
    try:
        async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)):
            yield
    finally:
        _running.discard(user_id)
