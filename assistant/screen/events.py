"""Chainlit's events of a page, and what stands around its handlers: the fixes, the queue, the way to all screens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import chainlit as cl
from chainlit import server, socket
from chainlit.logger import logger
from chainlit.session import WebsocketSession

from datalayer import DataLayerError

from ..fixes import cut_off, edit, every_screen, stop, thread_at_connect, thread_name, two_connections
from ..marks import is_command
from ..texts import say
from . import commands, delivery, live, queueing, replacing
from .session import session_language


def install() -> None:
    """To be called after ``fixes.install``."""
    thread_name.install(lambda message: is_command(message.metadata))
    every_screen.install(_turn, live.show_question, live.leave)
    asked = commands.marked(delivery.message_once(socket.message))
    edited = delivery.edit_once(edit.handler(_edit, _unknown))
    connected = cut_off.then_the_rest(socket.connection_successful, _show_the_rest)
    server.sio.on("connect", two_connections.in_turn(thread_at_connect.named_last(_shown(socket.connect))))
    server.sio.on("connection_successful", delivery.then_ready(connected))
    server.sio.on("client_message", queueing.in_turn(asked))
    server.sio.on("edit_message", queueing.in_turn(edited, replacing.show))
    server.sio.on("stop", stop.handler(live.stop))


def _shown(connect: two_connections.Connect) -> two_connections.Connect:
    """``connect``; what the session emits then goes through ``live``."""

    async def connected(sid: str, environ: Any, auth: Any) -> Any:
        accepted = await connect(sid, environ, auth)
        session = WebsocketSession.get(sid)
        if session is not None and not isinstance(session.emit, live.Emit):
            session.emit = live.Emit(session, session.emit)
        return accepted

    return connected


async def _show_the_rest(session: WebsocketSession) -> None:
    assert isinstance(session.emit, live.Emit)
    await session.emit.catch_up()


@asynccontextmanager
async def _turn(session: WebsocketSession) -> AsyncIterator[None]:
    with live.turn(session):
        with suppress(DataLayerError):  # which is logged; what is left is marked, and shown to nobody
            await replacing.settle(live.room(session))
        yield


async def _edit(session: WebsocketSession, message_id: str, text: str) -> None:
    with live.turn(session), suppress(asyncio.CancelledError):
        try:
            await replacing.edit(message_id, text)
        except DataLayerError as error:
            logger.warning("a message is not edited: %s", error)
            await _not_edited(session, message_id, "edit_failed")


async def _unknown(session: WebsocketSession, message_id: str) -> None:
    await _not_edited(session, message_id, "not_editable")


async def _not_edited(session: WebsocketSession, message_id: str, why: str) -> None:
    """``why``: the key of the sentence."""
    await replacing.show(session)
    await delivery.refused(message_id)
    await cl.context.emitter.send_toast(say(why, session_language()), "error")
    await cl.context.emitter.task_end()
