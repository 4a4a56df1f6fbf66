"""The button below an answer, from which the conversation goes on in a copy of its own: public/page/fork.js."""

from typing import Any
from weakref import WeakSet

import chainlit as cl
from chainlit.context import init_ws_context
from chainlit.data import get_data_layer
from chainlit.logger import logger
from chainlit.session import WebsocketSession

from datalayer import DataLayer, DataLayerError
from datalayer.writes import VISITOR

from ..commands.fork import BeingWritten, copy
from ..texts import say
from . import live, temporary
from .session import session_language

_forking: WeakSet[WebsocketSession] = WeakSet()
"""Sessions whose copy is being made: a second press makes no second one."""


async def fork_from(sid: str, payload: Any = None, *_: Any) -> None:
    """``payload``: the ``step`` after which the copy ends."""
    session = WebsocketSession.require(sid)
    init_ws_context(session)
    step_id = payload.get("step") if isinstance(payload, dict) else None
    if session in _forking or not isinstance(step_id, str):
        return
    _forking.add(session)
    try:
        key, why = await _fork(session, step_id)
    finally:
        _forking.discard(session)
    if key:
        await session.emit("open_thread", {"id": key})
    else:
        await session.emit("not_forked", None)
        await cl.context.emitter.send_toast(say(why, session_language()), "error")


async def _fork(session: WebsocketSession, step_id: str) -> tuple[str | None, str]:
    """The id of the copy; None, and the key of the sentence that says why there is none."""
    layer = get_data_layer()
    assert isinstance(layer, DataLayer)
    if temporary.here():
        return None, "temporary_command"
    actor = session.user.identifier if session.user else VISITOR
    try:
        write = await copy(layer.store, actor, session.thread_id, session_language(), until=step_id)
        if write is None:
            return None, "fork_writing" if live.here().busy else "fork_gone"  # it may not be stored yet
        await layer.store.submit(write)
    except BeingWritten:
        return None, "fork_writing"
    except DataLayerError as error:
        logger.warning("a conversation is not copied: %s", error)
        return None, "fork_failed"
    return write.thread_id, ""
