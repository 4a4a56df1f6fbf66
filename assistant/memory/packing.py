"""A hot session <-> the bytes a memory holds.

Always true: what is packed is within its bound, and what is unpacked is this thread's, whole, and of this version.
"""

import logging
from bisect import bisect_left
from dataclasses import dataclass, replace
from itertools import accumulate

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from .base import HotMessage, HotSession, Ticket

logger = logging.getLogger("assistant")


@dataclass(frozen=True, slots=True)
class _Envelope:
    """With the names inside, a value that lies under a wrong key is not taken for this thread's."""

    user: str
    thread_id: str
    session: HotSession


_ENVELOPE, _MESSAGE = TypeAdapter(_Envelope), TypeAdapter(HotMessage)


def pack(ticket: Ticket, session: HotSession, max_bytes: int) -> tuple[bytes, int] | None:
    """The session as JSON within ``max_bytes``, and how many messages are in it; None when that cannot be."""
    try:
        body = _ENVELOPE.dump_json(_Envelope(ticket.user, ticket.thread_id, session))
    except PydanticSerializationError:  # a lone surrogate, in a name perhaps: the database would change it
        return None
    if len(body) <= max_bytes:
        return body, len(session.messages)
    fitting = _without_oldest(session, len(body) - max_bytes)
    if fitting is None:
        logger.info("Session %s is not kept: its last message is over %s bytes", ticket.thread_id, max_bytes)
        return None
    return pack(ticket, fitting, max_bytes)


def _without_oldest(session: HotSession, excess: int) -> HotSession | None:
    sizes = accumulate(len(_MESSAGE.dump_json(message)) + len(",") for message in session.messages)
    cut = bisect_left(list(sizes), excess) + 1
    if cut >= len(session.messages):
        return None
    ids = [message.id for message in session.messages]
    covered = ids.index(session.summary_until) + 1 if session.summary_until in ids else 0
    return replace(session, messages=session.messages[cut:], complete=session.complete and cut <= covered)


def unpack(body: bytes, user: str, thread_id: str) -> HotSession | None:
    """What `pack` made; None for anything else, another version's shape and another thread's value included."""
    try:
        envelope = _ENVELOPE.validate_json(body, strict=True)
    except ValidationError:
        return None
    return envelope.session if (envelope.user, envelope.thread_id) == (user, thread_id) else None
