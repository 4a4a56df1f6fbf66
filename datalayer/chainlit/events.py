"""Which of Chainlit's events a call comes from, where that decides what the call means. Chainlit tells its data layer
nothing of it, so the handlers of its events are wrapped."""

import sys
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from chainlit.chat_context import chat_contexts
from chainlit.emitter import ChainlitEmitter
from chainlit.session import WebsocketSession

from . import chosen_ids, ended_sessions, votes

_edited: ContextVar[set[str] | None] = ContextVar("datalayer_edited", default=None)
_replaced: ContextVar[set[str] | None] = ContextVar("datalayer_replaced", default=None)
_naming: ContextVar[bool] = ContextVar("datalayer_naming", default=False)
_without_steps: ContextVar[bool] = ContextVar("datalayer_without_steps", default=False)


@contextmanager
def editing(message_id: str, replaced: Collection[str] = ()) -> Iterator[None]:
    """The first update of this message in the block is a person's edit, which takes the answers to it along; the first
    removal of each of the messages ``replaced`` is part of it."""
    before, others = _edited.set({message_id}), _replaced.set(set(replaced))
    try:
        yield
    finally:
        _edited.reset(before)
        _replaced.reset(others)


def is_edit(step_id: Any) -> bool:
    """Whether this update is the edit of ``edit_message``. What an app does to the message afterwards is none."""
    edited = _edited.get()
    if not edited or step_id not in edited:
        return False
    edited.clear()
    return True


def is_replaced(step_id: str) -> bool:
    """Whether this removal is one that ``edit_message`` makes. A second one is the app's own."""
    replaced = _replaced.get()
    if not replaced or step_id not in replaced:
        return False
    replaced.discard(step_id)
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


@contextmanager
def without_steps() -> Iterator[None]:
    """``get_thread`` reads no steps in this block."""
    before = _without_steps.set(True)
    try:
        yield
    finally:
        _without_steps.reset(before)


def is_without_steps() -> bool:
    return _without_steps.get()


def listen() -> None:
    """Wraps Chainlit's handlers, and mends what is wrong with them, once. There is nothing to do without its server."""
    if (socket := sys.modules.get("chainlit.socket")) is None or hasattr(socket, "_datalayer_listens"):
        return
    socket._datalayer_listens = True  # type: ignore[attr-defined]
    for event, better in (
        ("connect", _of_an_author),
        ("edit_message", _marked),
        ("connection_successful", chosen_ids.checked),
    ):
        original = getattr(socket, event)
        wrapped = better(original)
        setattr(socket, event, wrapped)
        handlers = socket.sio.handlers["/"]
        if handlers.get(event) is original:
            handlers[event] = wrapped
    socket.persist_user_session = ended_sessions.never_failing(socket.persist_user_session)  # type: ignore[attr-defined]
    ChainlitEmitter.flush_thread_queues = _naming_the_thread(ChainlitEmitter.flush_thread_queues)  # type: ignore
    votes.install(sys.modules["chainlit.server"].app)


def _of_an_author(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Chainlit reads the whole thread to see whose it is, and once more to show it."""

    @wraps(original)
    async def connect(sid: str, environ: Any, auth: Any) -> Any:
        with without_steps():
            return await original(sid, environ, auth)

    return connect


def _marked(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(original)
    async def edit_message(sid: str, payload: Any) -> Any:
        message_id = str(payload["message"]["id"])
        with editing(message_id, _later(WebsocketSession.get(sid), message_id)):
            return await original(sid, payload)

    return edit_message


def _later(session: WebsocketSession | None, message_id: str) -> list[str]:
    """The messages that Chainlit removes when a person edits this question: all that the session knows after it."""
    known = chat_contexts.get(session.id, []) if session else []
    place = next((n for n, message in enumerate(known) if message.id == message_id), len(known))
    asked = known[place : place + 1]
    return [message.id for message in known[place + 1 :]] if asked and asked[0].type == "user_message" else []


def _naming_the_thread(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(original)
    async def flush_thread_queues(self: ChainlitEmitter, interaction: str) -> None:
        with first_interaction():
            await original(self, interaction)

    return flush_thread_queues
