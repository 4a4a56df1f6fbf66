"""What is kept for a Chainlit session while it lasts: writes before its first message, and what it has loaded.

Writes of a session without a user message yet are held back in order, as Chainlit's own ``queue_until_user_message``
does, except that they are not regrouped by method when they are let go.
"""

import os
import uuid
from collections.abc import Awaitable, Callable
from copy import deepcopy
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from chainlit.session import BaseSession, WebsocketSession
from starlette.datastructures import URL

from ..records import Thread
from ..writes import Write
from .actor import session_here

Submit = Callable[[Write, bytes | Path | None], Awaitable[Any]]


class Sessions:
    """``submit`` takes the writes that are not held back."""

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._held: WeakKeyDictionary[BaseSession, list[tuple[Write, bytes | Path | None]]] = WeakKeyDictionary()
        self._loaded: WeakKeyDictionary[BaseSession, dict[str, Any]] = WeakKeyDictionary()

    def submit(self, write: Write, source: bytes | Path | None = None) -> Awaitable[Any]:
        session = session_here()
        if not isinstance(session, WebsocketSession):
            return self._submit(write, source)
        if not session.has_first_interaction:
            self._held.setdefault(session, []).append((write, source))
            return nothing()
        for earlier in self._held.pop(session, []):
            self._submit(*earlier)
        return self._submit(write, source)

    def load(self, found: Thread) -> None:
        """To be called with what a session is shown of its thread: Chainlit gives the session the first one."""
        if (session := session_here()) is not None and session.thread_id == found.id:
            self._loaded.setdefault(session, deepcopy(found.metadata))

    def changed(self, metadata: dict[str, Any] | None) -> dict[str, Any] | None:
        """``metadata`` without what the session merely still holds from when it loaded the thread: at disconnect
        Chainlit writes all of it back, which would undo what another tab has changed since."""
        session = session_here()
        if session is None or metadata is None:
            return metadata
        loaded = self._loaded.get(session, {})
        changed = {k: v for k, v in metadata.items() if k not in loaded or loaded[k] != v}
        self._loaded[session] = {**loaded, **changed}
        return changed


async def nothing(*_: Any) -> None:
    """The answer to a write that is held back."""


def asks_for(thread_id: str) -> bool:
    """Whether the page of this task would go on under ``thread_id``, which its client has chosen."""
    session = session_here()
    if not isinstance(session, WebsocketSession) or session.has_first_interaction:
        return False
    return session.thread_id_to_resume == thread_id


def is_own(thread: Thread) -> bool:
    """Whether the session of this task may go on in ``thread``."""
    user = getattr(session_here(), "user", None)
    return thread.user_identifier == (user.identifier if user is not None else None)


def begin_under(thread_id: str) -> None:
    """The session of this task has nothing to resume; what it writes goes under ``thread_id``."""
    session = session_here()
    assert session is not None
    session.thread_id_to_resume, session.thread_id = None, thread_id


def is_uuid(thread_id: str) -> bool:
    """What a client may choose: the copilot widget makes its thread id itself."""
    try:
        return str(uuid.UUID(thread_id)) == thread_id.lower()
    except ValueError:
        return False


def server_address() -> str:
    """Where the page of this session finds the server: "" for Chainlit's own page; ``https://host`` for the copilot
    widget, which lives in a page of another origin."""
    session = session_here()
    scope = session.environ.get("asgi.scope") if session is not None and session.client_type == "copilot" else None
    if session is None or scope is None:
        return ""
    if configured := os.getenv("CHAINLIT_URL"):
        address = URL(configured)
        return f"{address.scheme}://{address.netloc}"
    scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
    return f"{scheme}://{session.environ.get('HTTP_HOST', '')}"
