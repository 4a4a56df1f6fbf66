"""A conversation of 10,000 messages takes a quarter of a minute to open: all of it is read, sent and drawn.

``resume_thread`` (socket.py) reads the whole thread, and Chainlit has no way to show a part of one. Here it reads the
thread without its steps, and whoever knows what the page is to show puts them in.
"""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any

from chainlit import socket
from chainlit.session import WebsocketSession

from datalayer import DataLayer

from .patch import patch

Fill = Callable[[WebsocketSession, Any], Awaitable[None]]


def install(fill: Fill) -> None:
    """``fill``: puts the steps and elements that are to be shown into the thread of the session."""
    patch(socket, "resume_thread", partial(_in_part, fill))


def _in_part(fill: Fill, original: Any) -> Any:
    @wraps(original)
    async def resume_thread(session: WebsocketSession) -> Any:
        with DataLayer.without_steps():
            thread = await original(session)
        if thread is not None:
            await fill(session, thread)
        return thread

    return resume_thread
