"""The session of the page that an event came from: whose it is, its language, and what is held as long as it lives."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import chainlit as cl
from chainlit.config import config as chainlit_config
from chainlit.session import BaseSession

from datalayer.records import user_id
from datalayer.views import NOTHING_MORE, View, Wish

from ..settings import Settings
from ..texts import Language, language

if TYPE_CHECKING:
    from ..turns.shelves import InMemory
    from .delivery import Arrivals
    from .queueing import Queue
    from .room import Room


@dataclass(eq=False, slots=True)
class SessionState:
    settings: Settings | None = None
    """The last ones that were valid: Chainlit puts what a browser sends into its session before it asks anybody."""
    arrivals: "Arrivals | None" = None
    """What has arrived from it."""
    queue: "Queue | None" = None
    """What the person has said, waiting for its turn."""
    room: "Room | None" = None
    """The conversation that the page shows."""
    view: View | None = None
    """What of it, None: nothing yet, or all of it."""
    wish: Wish = NOTHING_MORE
    """What the page has asked for besides."""
    showing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by what the page has asked to be shown: the next wish begins where this one ends."""
    shelf: "InMemory | None" = None
    """The files of a temporary conversation."""


_states: WeakKeyDictionary[BaseSession, SessionState] = WeakKeyDictionary()


def state_of(session: BaseSession) -> SessionState:
    """What is known of ``session``, to be read and changed."""
    return _states.setdefault(session, SessionState())


def owner(session: BaseSession) -> str:
    """Id of the user whose session it is; "" where nobody logs in."""
    return user_id(session.user.identifier) if session.user else ""


def session_language() -> Language:
    """The language of the browser whose event is being handled."""
    return language(getattr(cl.context.session, "language", None))


def root_path() -> str:
    """The path the app is mounted under, without a trailing slash."""
    return str(chainlit_config.run.root_path.rstrip("/"))
