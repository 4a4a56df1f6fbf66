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
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary

import chainlit as cl
from chainlit.chat_context import chat_contexts
from chainlit.data import get_data_layer
from chainlit.message import Message
from chainlit.session import BaseSession, WebsocketSession
from chainlit.types import ThreadDict

from datalayer import DataLayer, DataLayerError

from ..turns.history import moment
from .session import state_of

Step = dict[str, Any]

_ENDING = 10.0
"""Seconds for what turns have shown to be stored at the end of the server."""
_SCREENS = 20
"""Screens of one conversation that are told of a turn, those that came last: each costs a packet a token."""
SHOWN = {"new_message", "update_message", "stream_start"}
OF_A_TURN = SHOWN | {
    *("task_start", "task_end", "stream_token", "delete_message"),
    *("element", "remove_element", "action", "remove_action", "first_interaction"),
    *("chat_settings", "set_modes"),  # the model chosen with a message is the conversation's
}


class Raw(Protocol):
    async def __call__(self, event: str, data: Any) -> None: ...


class Wire(Protocol):
    def say(self, event: str, data: Any = None) -> None: ...


@dataclass(eq=False)
class Activity:
    """Something that a session has the app do, such as answering."""

    session: WebsocketSession
    room: "Room"


_turn: ContextVar[Activity | None] = ContextVar("live_turn", default=None)


@dataclass(eq=False)
class Room:
    """A conversation as it is shown now."""

    key: tuple[str, str]
    screens: WeakKeyDictionary[WebsocketSession, None] = field(default_factory=WeakKeyDictionary)
    running: list[Activity] = field(default_factory=list)
    ended: float = 0.0
    """When the last turn did, on the monotonic clock."""
    shown: dict[str, Step] = field(default_factory=dict)
    """Steps of the last turn, by id."""
    pieces: dict[str, list[str]] = field(default_factory=dict)
    """What has come of the text of these steps since."""
    gone: set[str] = field(default_factory=set)
    """Ids of the steps that the last turn has removed."""
    elements: set[str] = field(default_factory=set)
    actions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """All buttons."""
    messages: list[Message] = field(default_factory=list)
    """Chainlit's list of the messages, the same for all screens."""
    replaced: bool = False
    """Whether something can be brought back: see replacing.py."""
    wire: "Wire | None" = None
    """To the other instances, None: there is none."""
    own: set[str] = field(default_factory=set)
    """Ids of what turns of this instance have shown."""
    elsewhere: set[str] = field(default_factory=set)
    """Instances whose turns are running."""

    @property
    def busy(self) -> bool:
        return bool(self.running or self.elsewhere)

    def others(self, session: WebsocketSession | None = None) -> list[WebsocketSession]:
        last = list(self.screens)[-_SCREENS:]
        return [each for each in last if each is not session and _key(each) == self.key]

    def begin(self) -> None:
        """A turn begins: the one before is in the database."""
        if not self.busy:
            for of_the_last in (self.shown, self.pieces, self.gone, self.elements, self.own):
                of_the_last.clear()

    def say(self, event: str, data: Any = None) -> None:
        """To the other instances."""
        if isinstance(data, dict) and "id" in data:
            self.own.add(data["id"])
        if self.wire is not None:
            self.wire.say(event, data)

    def hang_up(self) -> None:
        """Nobody shows it and nothing runs in it. Much may hold a room longer: connections keep the context, and so the
        turn, in which they were made."""
        if not self.screens and not self.running:
            self.wire = None

    def note(self, event: str, data: Any) -> None:
        """Keeps what a screen that comes now must be told."""
        if event in SHOWN:
            self.shown[data["id"]] = {**self.shown.get(data["id"], {}), **data}
            self.pieces.pop(data["id"], None)
            self.gone.discard(data["id"])
        elif event == "stream_token" and not data["isInput"]:
            if data["isSequence"]:
                self.shown.get(data["id"], {})["output"] = ""
                self.pieces.pop(data["id"], None)
            self.pieces.setdefault(data["id"], []).append(data["token"])
        elif event == "delete_message":
            self.shown.pop(data["id"], None)
            self.gone.add(data["id"])
        elif event == "element":
            self.elements.add(data["id"])
        elif event == "action":
            self.actions[data["id"]] = data
            self.replaced = self.replaced or data["name"] == "undo"  # on another instance, perhaps
        elif event == "remove_action":
            self.actions.pop(data["id"], None)

    def steps(self) -> dict[str, Step]:
        """The steps of the last turn as they are on the screens."""
        for key, pieces in self.pieces.items():
            if key in self.shown:
                self.shown[key] = {**self.shown[key], "output": self.shown[key]["output"] + "".join(pieces)}
        self.pieces.clear()
        return self.shown

    def over(self, stored: list[Any], since: float) -> list[Any]:
        """The stored steps, read after ``since``, with what the last turn may have made of them after that."""
        if not self.busy and self.ended < since:
            return stored
        ours = dict(self.steps())
        kept = [{**step, **ours.pop(step["id"], {})} for step in stored if step["id"] not in self.gone]
        return kept + list(ours.values())

    def adopt(self, session: WebsocketSession) -> None:
        """Gives the session the messages that all screens share, with those that it alone has read."""
        known = {message.id: message for message in self.messages}
        read = {message.id: message for message in chat_contexts.get(session.id, []) if message.id not in self.gone}
        self.messages[:] = sorted((read | known).values(), key=lambda message: moment(message.created_at))
        chat_contexts[session.id] = self.messages


_rooms: WeakValueDictionary[tuple[str, str], Room] = WeakValueDictionary()
"""A room lives as long as a session or a turn is in it."""


def _key(session: BaseSession) -> tuple[str, str]:
    return session.user.identifier if session.user else "", session.thread_id


def room(session: WebsocketSession) -> Room:
    """The conversation that the session shows, on whose screens it is from now on."""
    found = state_of(session).room
    if found is None or found.key != _key(session):
        found = _rooms.get(_key(session)) or Room(_key(session))
        _rooms[found.key] = state_of(session).room = found
    if session not in found.screens:
        found.screens[session] = None
        found.adopt(session)
        if found.wire is None and _share is not None and found.key[0]:
            found.wire = _share(found)
    return found


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


def leave(session: WebsocketSession) -> None:
    """The page is gone for good."""
    left, state_of(session).room = state_of(session).room, None
    chat_contexts.pop(session.id, None)
    if left is not None:
        left.screens.pop(session, None)
        left.hang_up()


async def refresh(thread: ThreadDict) -> None:
    """Shows the conversation of this session anew, as ``thread`` is, on all its screens."""
    here().say("refresh")
    for screen in list(here().screens):
        await screen.emit("resume_thread", thread.copy())  # type: ignore[misc]


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
        self._session, self.raw, self._connected = session, raw, time.monotonic()

    async def __call__(self, event: str, data: Any) -> None:
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

    async def _join(self, thread: ThreadDict) -> None:
        """No await before the thread is on its way: what comes later then comes behind it."""
        joined = room(self._session)
        joined.screens[self._session] = joined.screens.pop(self._session, None)
        thread["steps"] = joined.over(thread["steps"], self._connected)
        joined.adopt(self._session)
        known = {element["id"] for element in thread.get("elements") or []}
        for element_id in joined.elements - known:
            later(show_element([self._session], thread["id"], element_id))
        await self.raw("resume_thread", thread)
        await self._rest(joined)

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
            await self.raw("remove_action", {"id": key})  # the page shows a button as often as it is told
            if action := joined.actions.get(key):
                await self.raw("action", action)
        if joined.busy:
            await self.raw("task_start", {})


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
