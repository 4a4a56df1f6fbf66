"""A turn is shown in the tab in which it was asked for, and in no other that shows the same conversation.

Chainlit emits to the one connection that a question came from (``emit_fn`` in socket.py). Here whoever shows turns is
told when one begins, what was asked, and when a page is gone for good.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial, wraps
from typing import Any

from chainlit import socket
from chainlit.emitter import ChainlitEmitter
from chainlit.message import Message
from chainlit.session import WebsocketSession

from .patch import patch

Turn = Callable[[WebsocketSession], AbstractAsyncContextManager[None]]
Asked = Callable[[Message], Awaitable[None]]
Left = Callable[[WebsocketSession], None]


def install(turn: Turn, asked: Asked, left: Left) -> None:
    patch(socket, "process_message", partial(_as_a_turn, turn))
    patch(ChainlitEmitter, "process_message", partial(_shown, asked))
    patch(WebsocketSession, "delete", partial(_leaving, left))


def _as_a_turn(turn: Turn, original: Any) -> Any:
    @wraps(original)
    async def process_message(session: WebsocketSession, payload: Any) -> None:
        async with turn(session):
            await original(session, payload)

    return process_message


def _shown(asked: Asked, original: Any) -> Any:
    """Before the step that Chainlit wraps the answer in: a page drops what belongs to a question that it has not."""

    @wraps(original)
    async def process_message(emitter: ChainlitEmitter, payload: Any) -> Message:
        message: Message = await original(emitter, payload)
        await asked(message)
        return message

    return process_message


def _leaving(left: Left, original: Any) -> Any:
    @wraps(original)
    async def delete(session: WebsocketSession) -> None:
        left(session)
        await original(session)

    return delete
