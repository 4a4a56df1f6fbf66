"""Stop adds "Task manually stopped." to the conversation, in English whatever the language.

``stop`` (socket.py) sends that as a message of the assistant, which is stored, and shown to the model with the next
question. Here the turn ends and nothing is said.
"""

from collections.abc import Awaitable, Callable

from chainlit.config import config
from chainlit.context import init_ws_context
from chainlit.session import WebsocketSession


def handler(cancel: Callable[[WebsocketSession], None]) -> Callable[[str], Awaitable[None]]:
    """Of the event ``stop``. ``cancel``: ends what is running."""

    async def stop(sid: str) -> None:
        if (session := WebsocketSession.get(sid)) is None:
            return
        init_ws_context(session)
        cancel(session)
        if config.code.on_stop:
            await config.code.on_stop()

    return stop
