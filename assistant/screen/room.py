"""A conversation as it is shown now: its screens, and what a screen that comes now must be told."""

from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from chainlit.chat_context import chat_contexts
from chainlit.message import Message
from chainlit.session import BaseSession, WebsocketSession

from ..memory import HotSession
from ..turns.history import moment

Step = dict[str, Any]

_SCREENS = 20
"""Screens of one conversation that are told of a turn, those that came last: each costs a packet a token."""
SHOWN = {"new_message", "update_message", "stream_start"}
OF_A_TURN = SHOWN | {
    *("task_start", "task_end", "stream_token", "delete_message"),
    *("element", "remove_element", "action", "remove_action", "first_interaction"),
    "versions",  # which there are of a question
    *("chat_settings", "set_modes"),  # the model chosen with a message is the conversation's
}


class Wire(Protocol):
    def say(self, event: str, data: Any = None) -> None: ...


@dataclass(eq=False)
class Activity:
    """Something that a session has the app do, such as answering."""

    session: WebsocketSession
    room: "Room"


def key_of(session: BaseSession) -> tuple[str, str]:
    """Whose conversation it is, and which."""
    return session.user.identifier if session.user else "", session.thread_id


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
    held: HotSession | None = None
    """The last hot session, while the database is away."""
    replaced: bool = False
    """Whether Undo can bring something back: see versions.py."""
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
        return [each for each in last if each is not session and key_of(each) == self.key]

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
        kept = self.as_now(stored)
        ids = {step["id"] for step in stored}
        return kept + [step for key, step in self.steps().items() if key not in ids]

    def as_now(self, stored: list[Any]) -> list[Any]:
        """The stored steps as the last turn has left them."""
        ours = self.steps()
        return [{**step, **ours.get(step["id"], {})} for step in stored if step["id"] not in self.gone]

    def adopt(self, session: WebsocketSession) -> None:
        """Gives the session the messages that all screens share, with those that it alone has read."""
        known = {message.id: message for message in self.messages}
        read = {message.id: message for message in chat_contexts.get(session.id, []) if message.id not in self.gone}
        self.messages[:] = sorted((read | known).values(), key=lambda message: moment(message.created_at))
        chat_contexts[session.id] = self.messages
