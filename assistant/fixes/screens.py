"""Chainlit tells of a turn only the connection on which it was asked for: see assistant/screen/live.py."""

import asyncio
import uuid
from contextlib import suppress
from functools import wraps
from typing import Any

from chainlit import socket
from chainlit.data import get_data_layer
from chainlit.emitter import ChainlitEmitter
from chainlit.message import Message
from chainlit.session import WebsocketSession

from datalayer import DataLayer, DataLayerError

from ..screen import live, replacing


def install() -> None:
    if hasattr(socket.process_message, "__wrapped__"):  # `chainlit run -w` executes the app again
        return
    socket.process_message = _as_a_turn(socket.process_message)
    ChainlitEmitter.process_message = _shown(ChainlitEmitter.process_message)  # type: ignore[method-assign]
    WebsocketSession.delete = _leaving(WebsocketSession.delete)  # type: ignore[method-assign]


def _as_a_turn(original: Any) -> Any:
    @wraps(original)
    async def process_message(session: WebsocketSession, payload: Any) -> None:
        with live.turn(session):
            await _settle(live.room(session))
            await original(session, payload)

    return process_message


def _shown(original: Any) -> Any:
    """Before the step that Chainlit wraps the answer in: a page drops what belongs to a question that it has not."""

    @wraps(original)
    async def process_message(emitter: ChainlitEmitter, payload: Any) -> Message:
        message: Message = await original(emitter, payload)
        await live.show_question(message)
        return message

    return process_message


def _leaving(original: Any) -> Any:
    @wraps(original)
    async def delete(session: WebsocketSession) -> None:
        if (left := live.leave(session)) is not None:
            await _settle(left)
        await original(session)

    return delete


async def _settle(room: live.Room) -> None:
    with suppress(DataLayerError):  # which is logged; what is left is marked, and shown to nobody
        await replacing.settle(room)


async def edit(session: WebsocketSession, message_id: str, text: str) -> None:
    """Chainlit deletes what came after the message."""
    with live.turn(session), suppress(asyncio.CancelledError):
        await replacing.edit(message_id, text)


async def connect(sid: str, environ: Any, auth: Any) -> Any:
    """Chainlit refuses the connection to somebody else's conversation, and the page takes that for a server that is
    away. Here it is one that does not exist: its id is never looked at again."""
    asked_for = auth.get("threadId")
    accepted = await socket.connect(sid, environ, {**auth, "threadId": None})
    session = WebsocketSession.get(sid)
    if session is None:
        return accepted
    if not isinstance(session.emit, live.Emit):
        session.emit = live.Emit(session, session.emit)
    if asked_for and not session.has_first_interaction:
        # A page that opens slowly connects twice, at first without its conversation: Chainlit would begin a new one.
        session.thread_id = session.thread_id_to_resume = await _own(session, asked_for)
        session.restored = False
    return accepted


async def _own(session: WebsocketSession, thread_id: str) -> str:
    """The conversation, else an id that nobody has. Raises DataLayerError: the page then tries again."""
    layer = get_data_layer()
    assert isinstance(layer, DataLayer)
    author = await layer.get_thread_author(thread_id)
    return thread_id if session.user is not None and author == session.user.identifier else str(uuid.uuid4())


async def caught_up(session: WebsocketSession) -> None:
    """Chainlit shows a page that was cut off nothing of what came meanwhile, unless it had opened an old thread."""
    if isinstance(session.emit, live.Emit) and session.has_first_interaction and not session.thread_id_to_resume:
        await session.emit.catch_up()
