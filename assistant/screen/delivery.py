"""What a page sends arrives, and arrives once, although the connection can be lost with it.

Always true: a page that shows a message as sent keeps it until the server says that it is stored or not taken. The
page's side is ``public/page/messages.js``; each event of the two is described in docs/design.md, "A message's way".
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.context import init_ws_context
from chainlit.data import get_data_layer
from chainlit.session import WebsocketSession

from datalayer import DataLayerError

from . import view
from .session import state_of

Handler = Callable[[str, Any], Awaitable[None]]
_CONNECTING = 60.0
"""Seconds that a message waits for its page to be connected; no page needs as long."""


async def kept(message_id: str) -> None:
    """Tells the page of this session that the message is stored. It lets go of it."""
    await cl.context.emitter.emit("kept", message_id)


async def refused(message_id: str) -> None:
    """Tells the page of this session that the message is not taken. It puts the text back into its box."""
    await cl.context.emitter.emit("refused", message_id)


def message_once(handle: Handler) -> Handler:
    """``handle``, the one of ``client_message``, for each message once, and when the page shows its conversation."""

    async def client_message(sid: str, payload: Any) -> None:
        session = WebsocketSession.require(sid)
        early, message, again = await _on_the_page(session), payload["message"], bool(payload.get("again"))
        emitter, taken = init_ws_context(session).emitter, _arrivals(session).taken
        if again and message["id"] in taken:
            return await _when_stored(session, message["id"])
        taken.add(message["id"])
        if early or again:
            if any(known.id == message["id"] for known in chat_context.get()):
                return await kept(message["id"])
            await emitter.send_step(message)  # the page shows what was resumed, and no longer this
        await handle(sid, payload)

    return client_message


def edit_once(handle: Handler) -> Handler:
    """``handle``, the one of ``edit_message``, unless the message has that text since it was sent before."""

    async def edit_message(sid: str, payload: Any) -> None:
        session, message = WebsocketSession.require(sid), payload["message"]
        await _on_the_page(session)
        init_ws_context(session)
        await view.reach(session, message["id"])
        done = any(each.id == message["id"] and each.content == message["output"] for each in chat_context.get())
        if payload.get("again") and done:
            return await kept(message["id"])
        await handle(sid, payload)

    return edit_message


def then_ready(connected: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
    """``connected``, the handler of ``connection_successful``; then the page may send again what it still keeps."""

    async def connection_successful(sid: str) -> None:
        session = WebsocketSession.require(sid)
        try:
            await connected(sid)
        finally:
            _arrivals(session).shown.set()
        await session.emit("ready", None)

    return connection_successful


@dataclass(eq=False)
class Arrivals:
    sid: str = ""
    """Its connection."""
    shown: asyncio.Event = field(default_factory=asyncio.Event)
    """It shows its conversation, at this connection."""
    taken: set[str] = field(default_factory=set)
    """Ids of messages that it has sent."""


def _arrivals(session: WebsocketSession) -> Arrivals:
    arrivals = state_of(session).arrivals = state_of(session).arrivals or Arrivals()
    if arrivals.sid != session.socket_id:
        arrivals.sid, arrivals.shown = session.socket_id, asyncio.Event()
    return arrivals


def is_shown(session: WebsocketSession) -> bool:
    """Whether the page of ``session`` shows its conversation, at this connection."""
    return _arrivals(session).shown.is_set()


async def _on_the_page(session: WebsocketSession) -> bool:
    """Waits until the page shows its conversation. Whether it did not yet: what was said while there was no connection
    comes first when there is one, and would be answered before its conversation is there."""
    shown = _arrivals(session).shown
    if shown.is_set():
        return False
    async with asyncio.timeout(_CONNECTING):
        await shown.wait()
    return True


async def _when_stored(session: WebsocketSession, message_id: str) -> None:
    layer: Any = get_data_layer()
    with suppress(DataLayerError):
        await layer.store.thread(session.thread_id)  # which waits for the writes of the thread
        await kept(message_id)
