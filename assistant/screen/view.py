"""What a screen shows of a long conversation: its end, what a link points at, and what was asked for since.

Always true: Chainlit's list of a conversation's messages has its end without a gap. What stands further up on a screen
may be on the screen only.
"""

from collections.abc import Iterable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Literal

import chainlit as cl
from chainlit.chat_context import chat_context, chat_contexts
from chainlit.context import init_ws_context
from chainlit.data import get_data_layer
from chainlit.session import WebsocketSession

from datalayer import DataLayer, DataLayerError, text, versions
from datalayer.views import BEGINNING, NOTHING_MORE, View, Wish

from ..marks import is_aside
from ..turns.history import moment
from . import citing, live
from .room import Room
from .session import state_of

Shown = Any
"""Chainlit's thread. ``upper``: steps further up, see ``Part``. ``part``: what public/page/part.js is told. ``view``:
what the page shows once it is sent."""
LAST, MOST = 100, 500
"""Messages that are shown of a conversation, and that come when more is asked for; and how many are shown then. For
each one that is said Chainlit's page looks through all of them for each of them."""


def wished(payload: Any) -> Wish:
    """What a page asks for: more, a step with what stands around it, or all since the first step that it had."""
    given = payload if isinstance(payload, dict) else {}
    ids = {key: given[key] for key in ("at", "back_to") if text.is_identifier(given.get(key))}
    return Wish(next((more for more in ("earlier", "later") if more == given.get("more")), None), **ids)


async def read(session: WebsocketSession) -> Shown | None:
    """What is to be shown on the page of ``session``; None when there is no such thread. Raises DataLayerError."""
    state, layer = state_of(session), get_data_layer()
    assert isinstance(layer, DataLayer)
    wish, state.wish = state.wish, NOTHING_MORE
    # A page on which the conversation was begun has all of it.
    view = state.view or (None if session.thread_id_to_resume else View())
    found = await layer.get_part(session.thread_id, view, wish, LAST, versions.ASIDE)
    if found is None:
        return None
    thread, upper, part = found
    thread["steps"] = shown(thread["steps"])
    last: Any = next((step for step in reversed(thread["steps"]) if step["type"] == "user_message"), {})
    live.room(session).replaced = "undo" in last.get("versions", {})
    firsts = (step["id"] for step in thread["steps"] if "message" in step["type"] and not step["parentId"])
    gap = next(firsts, None) if upper else None
    thread["elements"] = await citing.as_now(session.thread_id, thread["elements"], layer)
    told = {"earlier": part.view.first > BEGINNING, "gap": gap}
    return {**thread, "upper": shown(upper), "part": told, "view": part.view}


def shown(steps: list[Any]) -> list[Any]:
    """Those that a page shows. A question with several versions tells of them, as ``of_page``."""
    known = [found for step in steps if step["type"] == versions.RECORD and (found := versions.told(step["metadata"]))]
    told = {each.question: {"versions": of_page(each)} for each in known}
    drawn = (step for step in steps if step["type"] not in versions.HIDDEN and not is_aside(step["metadata"]))
    return [step | told.get(step["id"], {}) for step in drawn]


def of_page(known: versions.Versions) -> dict[str, Any]:
    """What public/page/versions.js is told. ``undo``: the version that Undo brings back, if any."""
    undo = {"undo": known.before} if known.before else {}
    return {"id": known.question, "shown": known.shown, "count": known.count, **undo}


async def fill(session: WebsocketSession, thread: Any) -> None:
    """Gives the thread that Chainlit is about to show what is to be shown of it. Raises DataLayerError."""
    thread |= await read(session) or {}


async def show(session: WebsocketSession) -> bool:
    """Shows the conversation as it is stored on the page of ``session``. Whether it can be read; why not is logged."""
    with suppress(DataLayerError):
        if (thread := await read(session)) is not None:
            chat_contexts[session.id] = _messages(session, thread["steps"])  # which are adopted as they are shown
            await session.emit("resume_thread", thread)  # type: ignore[misc]
            return True
    return False


async def show_more(session: WebsocketSession, more: Literal["earlier", "later"]) -> bool:
    """Shows more of the conversation on the page of ``session``, which is sent no more than that. As ``show``."""
    state, layer = state_of(session), get_data_layer()
    assert isinstance(layer, DataLayer)
    with suppress(DataLayerError):
        while (view := state.view) is not None:
            found = await layer.get_more(session.thread_id, view, Wish(more), LAST, versions.ASIDE, MOST)
            if found is None:
                return False
            thread, read = found
            thread["elements"] = await citing.as_now(session.thread_id, thread["elements"], layer)
            if state.view is not view:  # the page was sent something else meanwhile; nothing is awaited from here on
                continue
            part = {"earlier": read.view.first > BEGINNING, "gap": read.since if read.view.upper else None}
            part |= {"more": more, "before": read.before, "first": read.first, "until": read.until}
            await live.emit_of(session).add(
                {**thread, "steps": shown(thread["steps"]), "part": part, "view": read.view}
            )
            return True
    return False


async def read_all(room: Room, anew: bool = False) -> dict[WebsocketSession, Shown]:
    """As ``read``, of all screens of a conversation whose messages may be others than before. ``anew``: its end only,
    because much may have come back."""
    if anew:
        for screen in room.screens:
            state_of(screen).view = None
    found = {screen: await read(screen) for screen in list(room.screens)}
    shown = {screen: thread for screen, thread in found.items() if thread is not None}
    if shown:
        steps = {step["id"]: step for thread in shown.values() for step in thread["steps"]}
        room.messages[:] = _messages(next(iter(shown)), steps.values())
    return shown


async def show_all(room: Room, anew: bool = False) -> None:
    """Shows the conversation as it is stored on all its screens. Raises DataLayerError."""
    for screen, thread in (await read_all(room, anew)).items():
        await screen.emit("resume_thread", thread)  # type: ignore[misc]


async def reach(session: WebsocketSession, message_id: str) -> None:
    """Has Chainlit's list of messages begin with this one, or before it, where the conversation has it at all."""
    if all(message.id != message_id for message in chat_context.get()):
        state_of(session).wish = Wish(back_to=message_id)
        with suppress(DataLayerError):  # which is logged
            if (thread := await read(session)) is not None:
                state_of(session).view = thread["view"]
                chat_contexts[session.id] = _messages(session, thread["steps"])
                live.room(session).adopt(session)


def has(session: WebsocketSession, message: cl.Message) -> bool:
    """Whether the end of the conversation on the page of ``session`` begins with ``message``, or before it."""
    view = state_of(session).view
    return view is None or view.since[0] <= moment(message.created_at)


def _messages(session: WebsocketSession, steps: Iterable[Any]) -> list[cl.Message]:
    """Those among ``steps``, oldest first. Chainlit takes the conversation of a message from where it is made."""

    def make() -> list[cl.Message]:
        init_ws_context(session)
        return [cl.Message.from_dict(step) for step in steps if "message" in step["type"]]

    return sorted(copy_context().run(make), key=lambda message: moment(message.created_at))
