"""Chainlit's events of a page, and what stands around its handlers: the fixes, the queue, the way to all screens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import chainlit as cl
from chainlit import server, socket
from chainlit.context import init_ws_context
from chainlit.data import get_data_layer
from chainlit.logger import logger
from chainlit.session import WebsocketSession

from datalayer import DataLayer, DataLayerError, Forbidden, NotFound, text
from datalayer.records import now
from datalayer.writes import VISITOR, RestoreThread

from ..fixes import (
    cut_off,
    edit,
    every_screen,
    favorite,
    long_threads,
    stop,
    thread_at_connect,
    thread_name,
    two_connections,
)
from ..marks import is_command
from ..texts import say
from . import commands, delivery, forking, live, queueing, replacing, temporary, view
from .session import session_language, state_of


def install() -> None:
    """To be called after ``fixes.install``."""
    thread_name.install(lambda message: is_command(message.metadata))
    long_threads.install(view.fill)
    every_screen.install(_turn, live.show_question, live.leave)
    asked = commands.marked(delivery.message_once(socket.message))
    edited = delivery.edit_once(edit.handler(_edit, _unknown))
    connected = cut_off.then_the_rest(socket.connection_successful, _show_the_rest)
    connect = temporary.chosen(thread_at_connect.named_last(_shown(socket.connect)))
    server.sio.on("connect", two_connections.in_turn(connect))
    server.sio.on("connection_successful", delivery.then_ready(temporary.told(connected)))
    server.sio.on("client_message", queueing.in_turn(asked))
    server.sio.on("edit_message", queueing.in_turn(edited, view.show))
    server.sio.on("message_favorite", favorite.anywhere(socket.message_favorite))
    server.sio.on("show_part", _show_part)
    server.sio.on("restore_thread", _restore)
    server.sio.on("fork_from", forking.fork_from)
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
    await live.emit_of(session).catch_up()


async def _show_part(sid: str, payload: Any = None, *_: Any) -> None:
    """What the page shows or is to show of its conversation. Before it is connected it says what it comes back to, or
    what its address points at."""
    session, wish = WebsocketSession.require(sid), view.wished(payload)
    if not delivery.is_shown(session):
        state_of(session).wish = wish
        return
    async with state_of(session).showing:
        if wish.more is None or state_of(session).view is None:
            state_of(session).wish = wish
            shown = await view.show(session)
        else:
            shown = await view.show_more(session, wish.more)
    if not shown:
        await session.emit("part_failed", None)


async def _restore(sid: str, payload: Any = None, *_: Any) -> None:
    """Undo of a deletion in the sidebar, after which Chainlit's page has left whatever was open: it opens this one."""
    session = WebsocketSession.require(sid)
    given = payload if isinstance(payload, dict) else {}
    layer, failed = get_data_layer(), None
    assert isinstance(layer, DataLayer)
    init_ws_context(session)
    if not text.is_identifier(given.get("id")):
        return
    try:
        who = session.user.identifier if session.user else VISITOR
        await layer.store.submit(RestoreThread(actor=who, thread_id=given["id"], at=now()))
    except (NotFound, Forbidden):
        failed = "restore_gone"
    except DataLayerError as error:
        logger.warning("a conversation is not brought back: %s", error)
        failed = "restore_failed"
    if failed:
        await cl.context.emitter.send_toast(say(failed, session_language()), "error")
    else:
        await session.emit("open_thread", {"id": given["id"]})


@asynccontextmanager
async def _turn(session: WebsocketSession) -> AsyncIterator[None]:
    with live.turn(session):
        live.room(session).replaced = False  # Undo is for what was done last
        yield


async def _edit(session: WebsocketSession, message_id: str, text: str) -> None:
    with live.turn(session), suppress(asyncio.CancelledError):
        try:
            await (temporary.edit if temporary.here() else replacing.edit)(message_id, text)
        except DataLayerError as error:
            logger.warning("a message is not edited: %s", error)
            await _not_edited(session, message_id, "edit_failed")


async def _unknown(session: WebsocketSession, message_id: str) -> None:
    await _not_edited(session, message_id, "not_editable")


async def _not_edited(session: WebsocketSession, message_id: str, why: str) -> None:
    """``why``: the key of the sentence."""
    await view.show(session)
    await delivery.refused(message_id)
    await cl.context.emitter.send_toast(say(why, session_language()), "error")
    await cl.context.emitter.task_end()
