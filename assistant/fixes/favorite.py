"""A star on a message that the session has not read is not kept.

``message_favorite`` (socket.py) looks for it among the messages that the session holds, which lack what another tab has
said, and of a long conversation what stands far above. Here it is looked for in the database too.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from chainlit.chat_context import chat_context
from chainlit.config import config
from chainlit.context import init_ws_context
from chainlit.data import get_data_layer
from chainlit.session import WebsocketSession
from chainlit.socket import fetch_favorites

Handler = Callable[[str, Any], Awaitable[None]]


def anywhere(original: Handler) -> Handler:
    """``original``, the one of ``message_favorite``, for all messages of the session's conversation."""

    async def message_favorite(sid: str, payload: Any) -> None:
        session, asked = WebsocketSession.require(sid), payload["message"]
        emitter, layer = init_ws_context(session).emitter, get_data_layer()
        starred = bool((asked.get("metadata") or {}).get("favorite"))
        if starred and layer is not None and all(message.id != asked["id"] for message in chat_context.get()):
            step = await layer.get_step(asked["id"])
            if step is not None and step["threadId"] == session.thread_id and config.features.favorites:
                await emitter.update_step(await layer.set_step_favorite(step, True))
                await fetch_favorites(sid)
                return
        await original(sid, payload)

    return message_favorite
