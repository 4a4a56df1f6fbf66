"""A page can lose its session to a connection that it has closed already.

A page that connects twice in a row names the same session. ``connect`` (socket.py) waits for the database before it
takes the session over, so the first of the two, which nobody holds any more, can come last: what the page then sends is
"of a session that is gone". Here the second one waits for the first.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

Connect = Callable[[str, Any, Any], Awaitable[Any]]
_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
"""By the id of the session."""


def in_turn(connect: Connect) -> Connect:
    """``connect``, for one connection of a session at a time."""

    async def one(sid: str, environ: Any, auth: Any) -> Any:
        lock = _locks.setdefault(str(auth.get("sessionId")), asyncio.Lock())
        async with lock:
            return await connect(sid, environ, auth)

    return one
