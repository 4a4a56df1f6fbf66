"""Which of Chainlit's events a call comes from, where that decides what the call means. Chainlit tells its data layer
nothing of it, so the handlers of its events are wrapped."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from typing import Any

from chainlit.config import config
from chainlit.context import init_ws_context
from chainlit.data import get_data_layer
from chainlit.emitter import ChainlitEmitter
from chainlit.session import WebsocketSession

from ..errors import DataLayerError
from . import votes

_edited: ContextVar[set[str] | None] = ContextVar("datalayer_edited", default=None)
_naming: ContextVar[bool] = ContextVar("datalayer_naming", default=False)


@contextmanager
def editing(message_id: str) -> Iterator[None]:
    """The first update of this message in the block is a person's edit, which takes the answers to it along."""
    before = _edited.set({message_id})
    try:
        yield
    finally:
        _edited.reset(before)


def is_edit(step_id: Any) -> bool:
    """Whether this update is the edit of ``edit_message``. What an app does to the message afterwards is none."""
    edited = _edited.get()
    if not edited or step_id not in edited:
        return False
    edited.clear()
    return True


@contextmanager
def first_interaction() -> Iterator[None]:
    """Chainlit names the thread after its whole first message in this block."""
    before = _naming.set(True)
    try:
        yield
    finally:
        _naming.reset(before)


def is_first_interaction() -> bool:
    """Whether Chainlit calls, to name the thread after its whole first message."""
    return _naming.get()


def listen() -> None:
    """Wraps Chainlit's handlers, once. Without Chainlit's server in this process there is nothing to do."""
    if (socket := sys.modules.get("chainlit.socket")) is None or hasattr(socket, "_datalayer_listens"):
        return
    socket._datalayer_listens = True  # type: ignore[attr-defined]
    for event, better in (("edit_message", _marked), ("connection_successful", _under_a_right_id)):
        original = getattr(socket, event)
        wrapped = better(original)
        setattr(socket, event, wrapped)
        handlers = socket.sio.handlers["/"]
        if handlers.get(event) is original:
            handlers[event] = wrapped
    socket.persist_user_session = _never_failing(socket.persist_user_session)  # type: ignore[attr-defined]
    ChainlitEmitter.flush_thread_queues = _naming_the_thread(ChainlitEmitter.flush_thread_queues)  # type: ignore
    votes.install(sys.modules["chainlit.server"].app)


def _marked(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(original)
    async def edit_message(sid: str, payload: Any) -> Any:
        with editing(str(payload["message"]["id"])):
            return await original(sid, payload)

    return edit_message


def _under_a_right_id(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Chainlit looks at the thread that a client names only where an app resumes threads; elsewhere a session would go
    on under any id. ``DataLayer.get_thread`` gives it another one where it must not."""

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


def _never_failing(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Chainlit clears a session after this, at disconnect; an error would keep it for ever."""

    @wraps(original)
    async def persist_user_session(*args: Any, **kwargs: Any) -> None:
        with suppress(DataLayerError):  # which has been logged
            await original(*args, **kwargs)

    return persist_user_session


def _naming_the_thread(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(original)
    async def flush_thread_queues(self: ChainlitEmitter, interaction: str) -> None:
        with first_interaction():
            await original(self, interaction)

    return flush_thread_queues
