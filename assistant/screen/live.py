"""The screens that show a conversation now, and what they show of a turn: every one of them sees all of it.

Always true: a screen is told of no other thread than its own, and of nobody else's. One that joins in the midst of a
turn gets what is there, then the rest, without a gap and without a double. What other instances show of a conversation
is noted and shown as if it came from here: see sharing.py.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Protocol
from weakref import WeakValueDictionary

import chainlit as cl
from chainlit.chat_context import chat_contexts
from chainlit.data import get_data_layer
from chainlit.message import Message
from chainlit.session import BaseSession, WebsocketSession

from datalayer import DataLayer, DataLayerError

from . import temporary
from .room import OF_A_TURN, Activity, Room, Wire, key_of
from .session import state_of

_ENDING = 10.0
"""Seconds for what turns have shown to be stored at the end of the server."""


class Raw(Protocol):
    async def __call__(self, event: str, data: Any) -> None: ...


_turn: ContextVar[Activity | None] = ContextVar("live_turn", default=None)
_rooms: WeakValueDictionary[tuple[str, str], Room] = WeakValueDictionary()
"""A room lives as long as a session or a turn is in it."""


def room(session: WebsocketSession) -> Room:
    """The conversation that the session shows, on whose screens it is from now on."""
    found = state_of(session).room
    if found is None or found.key != key_of(session):
        found = _rooms.get(key_of(session)) or Room(key_of(session))
        _rooms[found.key] = state_of(session).room = found
    if session not in found.screens:
        found.screens[session] = None
        found.adopt(session)
        if found.wire is None and _share is not None and found.key[0] and not temporary.is_temporary(session):
            found.wire = _share(found)
    return found


def find(identifier: str, thread_id: str) -> Room | None:
    """The conversation of this person's, while it is shown; None: nobody shows it here."""
    return _rooms.get((identifier, thread_id))


_share: Callable[[Room], Wire] | None = None


def share(open_wire: Callable[[Room], Wire] | None) -> None:
    """What is shown goes to other instances too. ``open_wire``: for a conversation, as long as it is held."""
    global _share
    _share = open_wire


def here() -> Room:
    """The conversation of the session whose event is being handled."""
    session = cl.context.session
    assert isinstance(session, WebsocketSession)
    return room(session)


def shown() -> set[str]:
    """The conversations that a screen of this instance shows, but for temporary ones."""
    rooms = (room for room in list(_rooms.values()) if room.screens or room.busy)
    return {room.key[1] for room in rooms if not any(map(temporary.is_temporary, list(room.screens)))}


def leave(session: WebsocketSession) -> None:
    """The page is gone for good."""
    left, state_of(session).room = state_of(session).room, None
    chat_contexts.pop(session.id, None)
    if left is not None:
        left.screens.pop(session, None)
        left.hang_up()


def reread(session: BaseSession) -> None:
    """Chainlit is about to read the session's messages once more, behind those that it holds."""
    chat_contexts[session.id] = []


@contextmanager
def turn(session: BaseSession) -> Iterator[None]:
    """What the session emits within, and in tasks begun within, is shown on all screens of its conversation.

    Raises CancelledError once the server ends; the page sends a message that is not stored again.
    """
    assert isinstance(session, WebsocketSession)
    if _Turns.ending:
        raise asyncio.CancelledError
    this = Activity(session, room(session))
    this.room.begin()
    this.room.say("begin")
    token = _turn.set(this)
    _Turns.running.add(this)
    try:
        yield
    finally:
        _Turns.running.discard(this)
        _turn.reset(token)
        if this in this.room.running:
            this.room.running.remove(this)
        this.room.hang_up()


class _Turns:
    running: ClassVar[set[Activity]] = set()
    ending = False


def ending() -> bool:
    """Whether the server ends: what is cut off now was not stopped by anybody."""
    return _Turns.ending


async def end_turns() -> None:
    """Cuts off all turns while what they have shown can still be stored. No other one begins."""
    _Turns.ending = True
    end = time.monotonic() + _ENDING
    while _Turns.running and time.monotonic() < end:
        for this in _Turns.running:
            _cancel(this.session)
        await asyncio.sleep(0.02)  # one that has just begun has no task yet


def stop(session: WebsocketSession) -> None:
    """Stops what is running in the conversation that ``session`` shows, whichever screen or instance has begun it."""
    found = state_of(session).room
    if found is None or session in [each.session for each in found.running] or not found.busy:
        _cancel(session)
        return
    found.say("stop")
    stop_turn(found)


def stop_turn(room: Room) -> None:
    if room.running:
        _cancel(room.running[-1].session)


def _cancel(session: WebsocketSession) -> None:
    """A second time would cut off the saving that the first one has begun."""
    task: asyncio.Task[Any] | None = session.current_task
    if task and not task.cancelling():
        task.cancel()


async def show_question(asked: Message) -> None:
    """To the screens where it was not typed."""
    step, this = dict(asked.to_dict()), _turn.get()
    if this is not None:
        this.room.note("new_message", step)
        this.room.say("new_message", step)
        await tell(this.room.others(this.session), "new_message", step)


class Emit:
    """A session's way to its browser, in the place of Chainlit's own."""

    def __init__(self, session: WebsocketSession, raw: Raw) -> None:
        self._session, self.raw, self._connected = session, _once(raw), time.monotonic()

    async def __call__(self, event: str, data: Any) -> None:
        if event == "first_interaction" and temporary.is_temporary(self._session):
            data = {**data, "thread_id": ""}  # it has no address
        this = _turn.get()
        if event == "resume_thread":
            await self._join(data)
        elif this is not None and this.session is self._session and event in OF_A_TURN:
            await self._show(this, event, data)
        else:
            if event in ("action", "remove_action"):
                room(self._session).note(event, data)
            await self.raw(event, data)

    async def _show(self, this: Activity, event: str, data: Any) -> None:
        this.room.note(event, data)
        others = this.room.others(self._session)
        if event == "task_start":
            this.room.running.append(this)
        elif event == "task_end":
            this.room.running = [each for each in this.room.running if each is not this]
            this.room.ended = time.monotonic()
            others = [] if this.room.busy else others
        if event == "element":
            later(show_element(others, this.session.thread_id, data["id"], this.room))
            others = []
        elif event != "task_end" or not this.room.running:
            this.room.say(event, data)
        await tell([self._session, *others], event, data)

    async def _join(self, thread: Any) -> None:
        """No await before the thread is on its way: what comes later then comes behind it."""
        joined = room(self._session)
        joined.screens[self._session] = joined.screens.pop(self._session, None)
        state = state_of(self._session)
        state.view = thread.pop("view", state.view)
        thread["steps"] = [*thread.pop("upper", []), *joined.over(thread["steps"], self._connected)]
        joined.adopt(self._session)
        known = {element["id"] for element in thread.get("elements") or []}
        for element_id in joined.elements - known:
            later(show_element([self._session], thread["id"], element_id))
        await self.raw("resume_thread", thread)
        await self._rest(joined)

    async def add(self, thread: Any) -> None:
        """Shows steps of a thread besides those that are shown. No await before they are on their way, as above."""
        state_of(self._session).view = thread.pop("view")
        thread["steps"] = room(self._session).as_now(thread["steps"])
        await self.raw("resume_thread", thread)

    async def catch_up(self) -> None:
        """Shows what was missed while there was no connection to a page that keeps what it has."""
        joined = room(self._session)
        for key in list(joined.shown):
            if step := joined.steps().get(key):  # as it is now: the page may be told of a later piece meanwhile
                await self.raw("new_message", step)
        for key in list(joined.gone):
            await self.raw("delete_message", {"id": key})
        await self._rest(joined)

    async def _rest(self, joined: Room) -> None:
        for key in list(joined.actions):
            if action := joined.actions.get(key):
                await self.raw("action", action)
        if joined.busy:
            await self.raw("task_start", {})


def _once(raw: Raw) -> Raw:
    """``raw``, by which a page has each button once: it shows one as often as it is told. Both packets are queued in
    one go, because another screen or instance may offer the same button just now. ``again`` tells public/page/undo.js
    that it stays."""

    async def emit(event: str, data: Any) -> None:
        if event == "action":
            await asyncio.gather(raw("remove_action", {**data, "again": True}), raw(event, data))
        else:
            await raw(event, data)

    return emit


def emit_of(session: WebsocketSession) -> Emit:
    emit: Any = session.emit
    assert isinstance(emit, Emit)
    return emit


async def tell(screens: list[WebsocketSession], event: str, data: Any) -> None:
    if len(screens) == 1:
        await _raw(screens[0])(event, data)
    else:
        await asyncio.gather(*(_raw(screen)(event, data) for screen in screens))


def _raw(session: WebsocketSession) -> Raw:
    emit: Any = session.emit
    return emit.raw if isinstance(emit, Emit) else emit


async def show_element(
    screens: list[WebsocketSession], thread_id: str, element_id: str, shared_in: Room | None = None
) -> None:
    """By its stored address: the first one is for the session into which it was uploaded. ``shared_in``: to whose other
    instances it goes too."""
    layer = get_data_layer()
    assert isinstance(layer, DataLayer)
    try:
        element = await layer.get_element(thread_id, element_id)  # which waits until it is stored
    except DataLayerError:
        return  # it is there when the conversation is opened again
    if element is not None:
        if shared_in is not None:
            shared_in.say("element", {"id": element_id})
        await tell(screens, "element", element)


def later(work: Any) -> None:
    _working.add(task := asyncio.create_task(work))
    task.add_done_callback(_working.discard)


_working: set[asyncio.Task[None]] = set()
