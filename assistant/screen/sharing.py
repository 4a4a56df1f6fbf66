"""A conversation that several instances show at once: what one of them shows, all do.

A turn is of the instance where it was begun. The others note and show what they hear of it, and can stop it.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import Any
from weakref import ref

from chainlit.context import init_ws_context
from chainlit.message import Message
from chainlit.session import WebsocketSession

from datalayer import DataLayerError

from ..turns.history import moment
from . import live, view
from .live import later, show_element, tell
from .relay import Relay
from .room import OF_A_TURN, SHOWN, Room, Wire

_MESSAGES = ("user_message", "assistant_message")


def over(relay: Relay) -> Callable[[Room], Wire]:
    """See `live.share`."""
    return lambda room: _Shared(room, relay)


class _Shared:
    def __init__(self, room: Room, relay: Relay) -> None:
        self._room = ref(room)
        self._line = relay.open(*room.key, self)

    def say(self, event: str, data: Any = None) -> None:
        self._line.say(event, data)

    def state(self) -> Any:
        """What turns of this instance have shown."""
        room = self._room()
        assert room is not None
        return {
            "steps": [step for key, step in room.steps().items() if key in room.own],
            "gone": list(room.gone & room.own),
            "elements": list(room.elements & room.own),
            "actions": list(room.actions.values()) if room.own else None,
            "running": bool(room.running),
        }

    async def hear(self, by: str, event: str, data: Any) -> None:
        if (room := self._room()) is None:
            return
        if event in OF_A_TURN:
            await _turn(room, by, event, data)
        elif event == "state":
            await _state(room, by, data)
        elif event == "begin":
            await _begin(room)
        elif event == "stop":
            live.stop_turn(room)
        elif event in ("refresh", "back"):
            later(_read_again(room, anew=event == "refresh"))
        elif event == "alone" and room.elsewhere:
            room.elsewhere.clear()
            if not room.running:
                await tell(room.others(), "task_end", {})


async def _turn(room: Room, by: str, event: str, data: Any) -> None:
    room.note(event, data)
    _learn(room, event, data)
    if event == "element":
        later(show_element(room.others(), room.key[1], data["id"]))
        return
    if event == "task_start":
        room.elsewhere.add(by)
    elif event == "task_end":
        room.elsewhere.discard(by)
        room.ended = time.monotonic()
    if event != "task_end" or not room.busy:
        await tell(room.others(), event, data)


async def _state(room: Room, by: str, state: Any) -> None:
    events = [("new_message", step) for step in state["steps"]]
    events += [("delete_message", {"id": key}) for key in state["gone"]]
    events += [("element", {"id": key}) for key in state["elements"] if key not in room.elements]
    if state["actions"] is not None:
        events += [("remove_action", action) for action in room.actions.values()]
        events += [("action", action) for action in state["actions"]]
    if state["running"] or by in room.elsewhere:
        events.append(("task_start" if state["running"] else "task_end", {}))
    for event, data in events:
        await _turn(room, by, event, data)


async def _begin(room: Room) -> None:
    """The conversation goes on there: what could be done here cannot be any more."""
    room.begin()
    room.replaced = False
    for action in list(room.actions.values()):
        room.note("remove_action", action)
        await tell(room.others(), "remove_action", action)


def _learn(room: Room, event: str, data: Any) -> None:
    """The messages of the conversation are known here too: they can be edited and answered anew."""
    if event == "delete_message" or (event in SHOWN and data["type"] in _MESSAGES):
        room.messages[:] = [message for message in room.messages if message.id != data["id"]]
    screens = room.others()
    if event in SHOWN and data["type"] in _MESSAGES and screens:
        room.messages.append(Context().run(_message, screens[-1], data))
        room.messages.sort(key=lambda message: moment(message.created_at))


def _message(screen: WebsocketSession, step: Any) -> Message:
    """Chainlit takes the conversation of a message from where it is made."""
    init_ws_context(screen)
    message: Message = Message.from_dict(step)
    return message


async def _read_again(room: Room, anew: bool) -> None:
    """Shows what is stored, on all screens: it was changed elsewhere."""
    with suppress(DataLayerError):  # which is logged
        await view.show_all(room, anew)
