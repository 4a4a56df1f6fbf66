"""A turn at a time in each session: what is said meanwhile waits for its turn, up to a number and a size.

What is not taken is told to whoever wrote it, whose page still shows it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from chainlit.context import init_ws_context
from chainlit.session import WebsocketSession

from ..config import Config
from ..texts import language, say, size
from . import delivery
from .session import state_of

Before = Callable[[WebsocketSession], Awaitable[Any]]
_QUOTED = 60  # characters of what was not taken
_TOASTS = 2.0
"""Seconds between two toasts: a page that is flooded with them shows none."""


class _Bounds:
    waiting, message_bytes = 20, 2_000_000


def use(config: Config) -> None:
    _Bounds.waiting, _Bounds.message_bytes = config.waiting_messages, config.message_bytes


class Queue:
    """What one session has said. ``waiting``: bytes of each message that waits or is being answered, by its id."""

    def __init__(self) -> None:
        self.waiting: dict[str, int] = {}
        self.toasted_at = 0.0
        self._turn = asyncio.Lock()  # whoever came first is first

    def refusal(self, weight: int) -> str | None:
        """The key of the sentence that says why a message of so many bytes is not taken; None: it is."""
        if weight > _Bounds.message_bytes:
            return "message_too_long"
        full = len(self.waiting) > _Bounds.waiting or sum(self.waiting.values()) > 2 * _Bounds.message_bytes
        return "too_many_waiting" if full else None

    @asynccontextmanager
    async def turn(self, id: str, weight: int) -> AsyncIterator[None]:
        self.waiting[id] = weight
        try:
            async with self._turn:
                yield
        finally:
            del self.waiting[id]


def in_turn(handle: delivery.Handler, refusing: Before | None = None) -> delivery.Handler:
    """``handle``, for a message, once the turn before it is over. It may leave the turn in ``session.current_task``.
    ``refusing``: is called before a message is refused."""

    async def taken(sid: str, payload: Any) -> None:
        session = WebsocketSession.require(sid)
        queue = state_of(session).queue = state_of(session).queue or Queue()
        message = payload["message"]
        if message["id"] in queue.waiting:  # the page sends it again
            return
        text = str(message.get("output") or "")
        weight = len(text.encode(errors="replace"))
        if why := queue.refusal(weight):
            if refusing is not None:
                await refusing(session)
            return await _refuse(session, queue, message["id"], text, why)
        async with queue.turn(message["id"], weight):
            before = session.current_task
            if session.has_first_interaction:
                await _end(before)  # that of a button; a new conversation's greeting is no turn
            await handle(session.socket_id, payload)
            if session.current_task is not before:
                await _end(session.current_task)

    return taken


async def _end(task: asyncio.Task[Any] | None) -> None:
    if task is not None:
        await asyncio.wait([task])


async def _refuse(session: WebsocketSession, queue: Queue, id: str, text: str, why: str) -> None:
    emitter, to = init_ws_context(session).emitter, language(session.language)
    await delivery.refused(id)
    if time.monotonic() - queue.toasted_at < _TOASTS:
        return
    queue.toasted_at = time.monotonic()
    start = " ".join(text[: 2 * _QUOTED].split())[:_QUOTED]
    most = size(_Bounds.message_bytes, to)
    await emitter.send_toast(say(why, to, n=_Bounds.waiting, start=start, most=most), "error")
    if not queue.waiting:
        await emitter.task_end()
