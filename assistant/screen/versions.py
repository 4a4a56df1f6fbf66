"""Another version of a question, on all screens of its conversation; Undo brings back the one before.

Always true: a switch changes nothing of any version, so that it can be taken back for ever. None is made while an
answer is being written, or while the database is away: what waits in the spool would be missed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.context import init_ws_context
from chainlit.session import WebsocketSession

from datalayer import NotFound, text
from datalayer.versions import Versions, record_id, told
from datalayer.views import Wish

from ..memory import Memory
from ..texts import say
from . import buttons, delivery, live, replacing, view
from .session import owner, session_language, state_of

Choose = Callable[[str, int], Awaitable[None]]
_PATIENCE = 3.0
"""Seconds that a switch waits for the one before: whoever presses a button five times means five."""


def handler(choose: Choose) -> Callable[..., Awaitable[None]]:
    """Of the event ``choose_version`` (public/page/versions.js). ``choose``: shows this version of this question."""

    async def choose_version(sid: str, payload: Any = None, *_: Any) -> None:
        session = WebsocketSession.require(sid)
        given = payload if isinstance(payload, dict) else {}
        question, version = given.get("question"), given.get("version")
        if delivery.is_shown(session) and text.is_identifier(question) and type(version) is int:
            init_ws_context(session)
            if await _its_turn(session):
                await choose(str(question), version)

    return choose_version


async def _its_turn(session: WebsocketSession) -> bool:
    before = session.current_task
    if before is not None and not before.done():
        await asyncio.wait([before], timeout=_PATIENCE)
        if not before.done():
            await _refuse("version_busy")
            return False
    return True


async def undo(memory: Memory) -> None:
    """Brings back what the version of the last question has replaced. Raises DataLayerError."""
    if not await _can_be():
        return
    asked = next((each for each in reversed(chat_context.get()) if each.type == "user_message"), None)
    known = await _versions(asked.id) if asked else None
    if asked and known and known.before:
        await _switch(memory, asked.id, known.before)
    else:
        await _gone("undo_gone")


async def choose(memory: Memory, question_id: str, version: int) -> None:
    """Whoever asks for it goes on seeing the question. Raises DataLayerError."""
    if await _can_be():
        state_of(cl.context.session).wish = Wish(at=question_id)
        await _switch(memory, question_id, version)


async def _switch(memory: Memory, question_id: str, version: int) -> None:
    session = cl.context.session
    try:
        await replacing.choose(question_id, version)
    except NotFound:  # another tab has gone on in another version, in which there is no such question
        await _gone("version_gone")
        return
    await memory.drop(owner(session), session.thread_id)
    await _show()


async def _can_be() -> bool:
    room, why = live.here(), None
    if room.elsewhere or any(each.session is not cl.context.session for each in room.running):
        why = "version_busy"
    elif (await replacing.layer_here().health())["state"] != "ok":
        why = "undo_waits"
    if why:
        await _refuse(why)
    return why is None


async def _refuse(why: str) -> None:
    """``why``: the key of the sentence."""
    await cl.context.emitter.send_toast(say(why, session_language()), "error")


async def _versions(question_id: str) -> Versions | None:
    found = await replacing.layer_here().store.step(record_id(question_id))
    return told(found.metadata) if found and found.thread_id == cl.context.session.thread_id else None


async def _gone(why: str) -> None:
    await _show()
    await _refuse(why)


async def _show() -> None:
    """The conversation as it is stored, on all its screens, with what can be done now."""
    await buttons.withdraw()
    for screen, thread in (await view.read_all(live.here(), anew=True)).items():
        await buttons.resume(thread)
        await screen.emit("resume_thread", thread)  # type: ignore[misc]
    live.here().say("refresh")
