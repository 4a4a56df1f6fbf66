"""What a call of Chainlit's means where its arguments alone do not say it: which thread, who names it, since when."""

import time
from collections.abc import Mapping
from typing import Any

from .. import text
from ..writes import NameSource, Timing
from . import actor, events
from .actor import session_here

NOT_GIVEN: Any = object()
_NOW = 60_000_000
"""Microseconds around the clock's time within which a step is sent now; any other is told from a past."""


def thread_of(thread_id: Any, what: str) -> str:
    """The thread that is named, else the session's. Raises InvalidInput."""
    session = session_here()
    return text.identifier(thread_id or (session.thread_id if session else None), what)


def name_source(name: str | None, user_id: Any, metadata: Any) -> NameSource:
    session = session_here()
    if session is None:
        return "user"
    # What Chainlit's own code for Slack, Discord and Teams calls after each message.
    of_a_channel = actor.is_channel(session) and user_id is not NOT_GIVEN and metadata is not None
    return "first_message" if events.is_first_interaction() or of_a_channel else "model"


def timing(values: Mapping[str, Any]) -> Timing:
    created = values.get("created_at")
    if created is None or abs(created - time.time_ns() // 1000) <= _NOW:
        return "now"
    return "given" if session_here() is None else "kept"
