"""A page goes on under an id that is not its own, or was deleted: what it says is then refused, or lost.

``connection_successful`` (Chainlit's socket.py) looks at the thread that a client names only where the app resumes
threads. Here it is looked at everywhere: ``DataLayer.get_thread`` gives the session another one where it must.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from chainlit.config import config
from chainlit.context import init_ws_context
from chainlit.data import get_data_layer
from chainlit.session import WebsocketSession

from ..errors import DataLayerError


def checked(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(original)
    async def connection_successful(sid: str) -> Any:
        session = WebsocketSession.get(sid)
        if session is not None and session.thread_id_to_resume and not (config.code.on_chat_resume and session.user):
            init_ws_context(session)
            with suppress(DataLayerError):  # a database that is away has no say; the write itself is checked later
                if (layer := get_data_layer()) is not None:
                    await layer.get_thread(session.thread_id_to_resume)
        return await original(sid)

    return connection_successful
