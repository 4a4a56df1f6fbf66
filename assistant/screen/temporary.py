"""A temporary conversation: nothing of it is kept. The data layer drops what would be stored of it; here is what else
is other in it, on the screen and at the door.

It is one of two chat profiles of Chainlit's, because a profile comes with each connection of a page: to a server that
has started since, too, before anything is said there.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.config import config
from chainlit.data import get_data_layer
from chainlit.session import BaseSession, WebsocketSession

from datalayer import DataLayer
from datalayer.records import Step, Thread, from_iso, now
from datalayer.whole import WholeThread

from ..fixes.two_connections import Connect
from ..services import TEMPORARY
from ..texts import language, say
from .session import owner

_KEPT = "kept"
"""The other profile, which is as if there were none: nothing of it is stored with a conversation."""


def register() -> None:
    @cl.set_chat_profiles
    async def profiles(_user: cl.User | None, tag: str | None) -> list[cl.ChatProfile]:
        to = language(tag)
        return [
            cl.ChatProfile(
                name=name,
                display_name=say(f"profile_{name}", to),
                markdown_description=say(f"profile_{name}_help", to),
                default=name == _KEPT,
            )
            for name in (_KEPT, TEMPORARY)
        ]


def is_temporary(session: BaseSession) -> bool:
    layer = get_data_layer()
    return isinstance(layer, DataLayer) and layer.is_temporary(session)


def here() -> bool:
    return is_temporary(cl.context.session)


def chosen(connect: Connect) -> Connect:
    """``connect``, for a session with the profile that its page has named last, until something is said."""

    async def with_profile(sid: str, environ: Any, auth: Any) -> Any:
        # Chainlit asks for the profiles here by run_until_complete, which fails in a loop that runs (session.py).
        accepted = await connect(sid, environ, {**auth, "chatProfile": None})
        session = WebsocketSession.get(sid)
        if session is not None and not session.has_first_interaction:
            session.chat_profile = TEMPORARY if auth.get("chatProfile") == TEMPORARY else None
        return accepted

    return with_profile


def resumed(thread: Any) -> None:
    """A page that opens a stored conversation leaves the temporary profile."""
    cl.context.session.chat_profile = None
    thread["metadata"] = {**thread["metadata"], "chat_profile": _KEPT}


def told(connected: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
    """``connected``, the handler of ``connection_successful``, after which the page says that nothing is kept, or no
    longer says it: public/page/temporary.js."""

    async def connection_successful(sid: str) -> None:
        session = WebsocketSession.require(sid)
        went_on = session.has_first_interaction
        await connected(sid)
        await _tell(session, went_on)

    return connection_successful


async def _tell(session: WebsocketSession, went_on: bool) -> None:
    to = language(session.language)
    words = {"note": say("temporary_note", to), "lost": say("temporary_lost", to)}
    told = {**words, "goes_on": went_on} if is_temporary(session) else None
    await session.emit("temporary", told)  # type: ignore[misc]


def thread() -> Thread:
    """What a command is told of the conversation."""
    session, moment = cl.context.session, now()
    user = session.user.identifier if session.user else None
    return Thread(session.thread_id, owner(session) or None, user, None, {}, None, moment, moment)


def whole(thread: Thread) -> WholeThread:
    """What the page holds of the conversation; of its files only the messages that they came with."""
    steps = [_step(message) for message in chat_context.get() if isinstance(message, cl.Message)]
    return WholeThread(thread, None, steps, [], {}, {}, [], None, [])


def _step(message: cl.Message) -> Step:
    empty: dict[str, Any] = dict.fromkeys(Step._fields)
    made = message.to_dict()
    known = {name: made.get(name) for name in ("id", "type", "name", "output", "metadata", "language")}
    at = {"thread_id": message.thread_id, "created_at": from_iso(made.get("createdAt")) or now()}
    return Step(**(empty | known | at | {"is_error": made.get("isError")}))


async def edit(message_id: str, text: str) -> None:
    """As Chainlit's ``edit_message``: what came after goes, and nothing brings it back."""
    messages, emitter = chat_context.get(), cl.context.emitter
    place = next(place for place, message in enumerate(messages) if message.id == message_id)
    asked, later = messages[place], messages[place + 1 :]
    for message in later:
        await message.remove()
    asked.content = text
    await asked.update()
    await emitter.task_start()
    try:
        await config.code.on_message(asked)
    finally:
        await emitter.task_end()
