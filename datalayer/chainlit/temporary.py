"""Conversations of which nothing is kept: a write that names one is dropped before it is queued, spooled or stored.

A session is temporary when its chat profile is one of those that the app has named for that, and it resumes no thread;
then its thread is. The profile comes from the page with each connection, so a page that connects again to a server that
has started since is still temporary. What a page resumes is stored already, and stays what it is.
"""

import uuid
from collections.abc import Collection
from dataclasses import replace
from weakref import WeakValueDictionary

from chainlit.session import BaseSession, WebsocketSession

from ..writes import RecordUsage, Write
from .actor import session_here


class Temporary:
    """``profiles``: the names of the chat profiles."""

    def __init__(self, profiles: Collection[str]) -> None:
        self._profiles = frozenset(profiles)
        self._sessions: WeakValueDictionary[str, BaseSession] = WeakValueDictionary()
        """By thread, for what has no session: requests, and jobs of the app."""

    def is_session(self, session: BaseSession | None) -> bool:
        if not isinstance(session, WebsocketSession) or session.chat_profile not in self._profiles:
            return False
        return session.thread_id_to_resume is None

    def is_thread(self, thread_id: str | None) -> bool:
        """Whether a session that lives, or the one of this task, makes the thread temporary."""
        if not self._profiles or thread_id is None:
            return False
        session = session_here()
        if session is None or session.thread_id != thread_id:
            session = self._sessions.get(thread_id)
        if session is None or session.thread_id != thread_id or not self.is_session(session):
            return False
        self._sessions[thread_id] = session
        return True

    def kept(self, write: Write) -> Write | None:
        """What of a write is kept; None: nothing. What a call of a model has cost counts, without what it was about."""
        if not self.is_thread(write.thread_id):
            return write
        return replace(write, thread_id="", id=str(uuid.uuid4())) if isinstance(write, RecordUsage) else None
