"""An edit is answered with an error, cannot be stopped, and takes all that came after it along.

``edit_message`` (socket.py) hands the app None when its session does not know the message, as in a tab that is older
than the server; it runs in no task that Stop would find; and it removes each later message before it asks the app.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from chainlit.chat_context import chat_context
from chainlit.context import init_ws_context
from chainlit.session import WebsocketSession

Edit = Callable[[WebsocketSession, str, str], Awaitable[None]]
Unknown = Callable[[WebsocketSession, str], Awaitable[None]]


def handler(edit: Edit, unknown: Unknown) -> Callable[[str, Any], Awaitable[None]]:
    """Of the event ``edit_message``. ``edit``: gives a message its new text, and answers it. ``unknown``: of a message
    that the session does not know, tells the page."""

    async def edit_message(sid: str, payload: Any) -> None:
        session = WebsocketSession.require(sid)
        init_ws_context(session)
        id, text = payload["message"]["id"], str(payload["message"]["output"])
        if all(message.id != id for message in chat_context.get()):
            await unknown(session, id)
            return
        session.current_task = task = asyncio.ensure_future(edit(session, id, text))
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    return edit_message
