"""An open websocket looks whether its session goes on: it may be ended in another tab, or by a command."""

import asyncio

from starlette.types import Message, Receive

from datalayer import DataLayerError

from .tokens import Token
from .visitors import Visitors

_LOOK_EVERY = 1.0
"""Seconds."""


class Watched:
    """A `receive` that hangs up within two seconds after the session has ended."""

    def __init__(self, visitors: Visitors, token: Token, receive: Receive) -> None:
        self._visitors, self._token, self._receive = visitors, token, receive
        self._next: asyncio.Future[Message] | None = None

    async def __call__(self) -> Message:
        """The next message."""
        while await self._goes_on():
            if self._next is None:
                self._next = asyncio.ensure_future(self._receive())
            done, _ = await asyncio.wait([self._next], timeout=_LOOK_EVERY)
            if done and await self._goes_on():
                message, self._next = self._next.result(), None
                self._visitors.used(self._token)
                return message
        return {"type": "websocket.disconnect", "code": 1008}

    async def _goes_on(self) -> bool:
        try:
            return await self._visitors.is_current(self._token)
        except DataLayerError:  # nobody has known for an hour
            return False

    def cancel(self) -> None:
        """Wait for no further message."""
        if self._next is not None:
            self._next.cancel()
