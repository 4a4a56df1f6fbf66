"""What Chainlit 2.12 gets wrong and offers no setting for. One function each; delete it when Chainlit has it right."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from chainlit import server, socket
from chainlit.chat_context import chat_context
from chainlit.config import config
from chainlit.context import init_ws_context
from chainlit.data import get_data_layer
from chainlit.session import WebsocketSession
from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException

from datalayer import DataLayerError

from .commands import names
from .fixes import head, naming, rootpath, screens, script, uploads
from .screen import live, queueing
from .texts import language, say
from .turns.history import ASIDE, MARK

_CONNECTING = 60.0
"""Seconds that a message waits for its page to be connected; no page needs as long."""
_CONTEXT = import_module("chainlit.context")  # the package has an attribute of the same name that is something else
_FOREIGN_LINK = re.compile(r'<link\b[^>]*\bhref="https?://[^>]*>\s*')


def install() -> None:
    script.install()
    naming.install()
    screens.install()
    head.install()
    rootpath.install()
    uploads.install()
    server.sio.on("stop", _stop)
    server.sio.on("edit_message", queueing.in_turn(_edit_message))
    server.sio.on("client_message", queueing.in_turn(_client_message))
    server.sio.on("connect", _connect)
    server.sio.on("connection_successful", _connection_successful)
    if server.app.middleware_stack is None:  # a server that runs takes no new handlers
        server.app.add_exception_handler(HTTPException, _http_error)
    for module, name, better in (
        (server, "get_html_template", _without_foreign_links),
        (server, "get_markdown_str", _in_two_languages),
        (_CONTEXT, "init_ws_context", _of_a_known_session),
    ):
        original = getattr(module, name)
        if original.__module__ != __name__:  # `chainlit run -w` executes the app again
            setattr(module, name, better(original))


async def _stop(sid: str) -> None:
    """Chainlit adds "Task manually stopped." to the conversation, in English whatever the language: socket.py, stop."""
    session = WebsocketSession.get(sid)
    if session is None:
        return
    init_ws_context(session)
    live.stop(session)
    if config.code.on_stop:
        await config.code.on_stop()


async def _edit_message(sid: str, payload: Any) -> None:
    """Chainlit hands None to the app when the session does not know the message: socket.py, edit_message."""
    session = WebsocketSession.get(sid)
    if session is None:
        return
    await _on_the_page(session)
    emitter = init_ws_context(session).emitter
    edited = payload["message"]
    known = next((message for message in chat_context.get() if message.id == edited["id"]), None)
    if known is None:
        await emitter.send_toast(say("not_editable", language(session.language)), "error")
        await emitter.task_end()
    elif payload.get("again") and known.content == edited["output"]:
        await emitter.emit("kept", known.id)
    else:
        # Chainlit does not note this task, so that Stop would not find it.
        session.current_task = task = asyncio.create_task(screens.edit(session, edited["id"], str(edited["output"])))
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def _client_message(sid: str, payload: Any) -> None:
    """Takes a message once, although a page that was cut off sends it again: see public/page/messages.js."""
    session = WebsocketSession.require(sid)
    early = await _on_the_page(session)
    taken, message_id = _page(session).taken, payload["message"]["id"]
    emitter = init_ws_context(session).emitter
    if payload.get("again") and message_id in taken:
        with suppress(DataLayerError):
            await get_data_layer().store.thread(session.thread_id)  # it waits until the message is stored
            await emitter.emit("kept", message_id)
        return
    taken.add(message_id)
    _mark(payload["message"], bool(payload.get("fileReferences")))
    if early or payload.get("again"):
        if any(message.id == message_id for message in chat_context.get()):
            await emitter.emit("kept", message_id)
            return
        await emitter.send_step(payload["message"])  # the page shows what was resumed, and no longer this
    await socket.message(sid, payload)


def _mark(message: Any, files: bool) -> None:
    """Says of the message, before it is stored, whether it is a command. What it says of itself does not count."""
    typed = names.recognise(str(message.get("output") or ""), message.get("command"), files)
    if typed is None or not typed.picked:
        message["command"] = None
    marks = {MARK: typed.key} if typed else {}
    given = message.get("metadata")
    kept = {key: value for key, value in given.items() if key not in _OURS} if isinstance(given, dict) else {}
    message["metadata"] = kept | marks


_OURS = (MARK, ASIDE, "fallback", "broke_off", "model")
"""In the metadata of messages, where only the app writes them."""


@dataclass
class _Page:
    """``ready``: the page shows its conversation, at its connection ``sid``. ``taken``: ids of messages it has sent."""

    sid: str = ""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    taken: set[str] = field(default_factory=set)


_pages: WeakKeyDictionary[WebsocketSession, _Page] = WeakKeyDictionary()


def _page(session: WebsocketSession) -> _Page:
    page = _pages.setdefault(session, _Page())
    if page.sid != session.socket_id:
        page.sid, page.ready = session.socket_id, asyncio.Event()
    return page


async def _connect(sid: str, environ: Any, auth: Any) -> Any:
    """One connection of a page at a time: the first of two, which the page has closed, could come last and take the
    session."""
    lock = _locks.setdefault(str(auth.get("sessionId")), asyncio.Lock())
    async with lock:
        return await screens.connect(sid, environ, auth)


_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


async def _connection_successful(sid: str) -> None:
    """Tells the page when its conversation is resumed. It then sends again what may not have been read."""
    session = WebsocketSession.require(sid)
    try:
        await socket.connection_successful(sid)
        await screens.caught_up(session)
    finally:
        _page(session).ready.set()
    await session.emit("ready", None)


async def _on_the_page(session: WebsocketSession) -> bool:
    """Waits until the page shows its conversation. Whether it did not yet: what was said while there was no connection
    comes first when there is one, and would be answered before its conversation is there."""
    ready = _page(session).ready
    if ready.is_set():
        return False
    async with asyncio.timeout(_CONNECTING):
        await ready.wait()
    return True


async def _http_error(request: Request, error: Exception) -> Response:
    """Chainlit answers 500 to any error of a vote, also to one that says what is wrong: server.py, update_feedback."""
    assert isinstance(error, HTTPException)
    told = error.__cause__ if isinstance(error.__cause__, DataLayerError) else error
    return await http_exception_handler(request, told)


def _of_a_known_session(original: Any) -> Any:
    """A tab that is older than the server names a session that is gone, and would get "500": server.py."""

    def init_ws_context(session_or_sid: Any) -> Any:
        if session_or_sid is None:
            raise HTTPException(404, "This page is out of date; reload it")
        return original(session_or_sid)

    return init_ws_context


def _without_foreign_links(original: Any) -> Any:
    """The page loads a stylesheet from a CDN and greets a font server: both would learn who chats here, and when."""

    def get_html_template(root_path: str) -> str:
        return _FOREIGN_LINK.sub("", original(root_path))

    return get_html_template


def _in_two_languages(original: Any) -> Any:
    """The welcome page is looked up by the exact tag only, so that fr-CA or fr would get English: markdown.py."""

    def get_markdown_str(root: str, tag: str) -> Any:
        return original(root, "fr-FR" if language(tag) == "fr" else "en-US")

    return get_markdown_str
