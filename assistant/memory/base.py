"""What a hot session is, and what a memory of them promises.

Always true: what a memory gives is what the database held when the last turn of the thread ended. So a session leaves
the memory when a turn takes it and comes back only when that turn ends, with nobody else at the thread in between. A
turn that is stopped, killed or cut off leaves nothing behind that is older than the database.
"""

import secrets
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from datalayer.text import clean

MAX_TURN = 600.0
"""Seconds after which a turn that never came back is taken for dead: its process was killed, or nobody told."""

_YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class HotLimits:
    """Raises ValueError."""

    per_user: int = 3
    """Sessions of a user."""
    ttl: float = 3600
    """Seconds that a session lives after its last use."""
    max_bytes: int = 256 * 1024
    """Of a session."""
    total_bytes: int = 64 * 1024 * 1024
    """Of all sessions in the process; Redis has its own ``maxmemory``."""

    def __post_init__(self) -> None:
        if self.per_user < 1:
            raise ValueError(f"A user has at least 1 hot session, not {self.per_user}.")
        if not 0.001 <= self.ttl <= _YEAR:  # Redis counts whole milliseconds
            raise ValueError(f"A hot session lives for 0.001 to {_YEAR} seconds, not {self.ttl}.")
        if not 1 <= self.max_bytes <= self.total_bytes:
            raise ValueError(
                f"A hot session takes at least 1 byte and at most {self.total_bytes}, the bytes of all, "
                f"not {self.max_bytes}."
            )


@dataclass(frozen=True, slots=True)
class HotMessage:
    id: str
    role: Literal["user", "assistant"]
    text: str
    created_at: int
    """UTC microseconds."""
    tokens: int = 0
    files: tuple[str, ...] = ()
    """Ids of its elements, whose content is not held."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean(self.text))  # as the database gives it back


@dataclass(frozen=True, slots=True)
class HotSession:
    """What a turn needs of its thread."""

    messages: tuple[HotMessage, ...]
    """Oldest first."""
    summary: str | None = None
    summary_until: str | None = None
    """Id of the last message that the summary covers."""
    complete: bool = True
    """False: there are older messages that neither ``messages`` nor ``summary`` has. Who needs more than these reads
    the database."""
    ended_at: int = field(default=0, compare=False)
    """UTC microseconds at which the turn that left it ended, 0: none did. What another tab asked before may be stored
    before that turn's answer."""

    def extended(self, *messages: HotMessage) -> "HotSession":
        """The session with what a turn adds."""
        return replace(self, messages=self.messages + messages)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A turn's hold on a thread."""

    user: str
    thread_id: str
    version: int = field(default_factory=lambda: secrets.randbits(63))
    """Random: a count that starts again after a loss would let an old turn pass for a new one."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    thread_id: str
    messages: int
    """How many are held."""
    expires_in: float
    """Seconds."""


class Memory(Protocol):
    """Never raises into a turn: what it cannot do is not done, and the turn goes on from the database."""

    @property
    def backend(self) -> Literal["embedded", "redis"]: ...

    async def take(self, user: str, thread_id: str) -> tuple[Ticket, HotSession | None]:
        """Begins a turn, before it reads or writes anything. It is a use: the thread's time begins again.

        None: rebuild it from the database. It is never another user's.
        """

    async def put(self, ticket: Ticket, session: HotSession | None) -> list[str]:
        """Ends the turn, once the database holds all of ``session``; None: keep nothing, the next turn rebuilds it.

        Nothing is kept either when another turn overlapped this one, or `drop` was called: each of them may have read
        the database before the other's write. Returns the threads that had to go for this one. A session over
        ``max_bytes`` loses its oldest messages; one whose newest message alone is too large is not kept.
        """

    async def drop(self, user: str, thread_id: str) -> None:
        """The thread was changed by something else than a turn (an edit, a deletion, its settings), in the database."""

    async def sessions(self, user: str) -> list[SessionInfo]:
        """Those of ``user``, the one used last first; the one that a turn holds is among them if it was there."""

    async def close(self) -> None: ...


_REMOVED = {
    "en": "Session %s removed (limit of %s reached)",
    "fr": "Session %s supprimée (limite de %s atteinte)",
}


def removal(language: Literal["fr", "en"]) -> str:
    """The line of the log for a session that goes because the user opened another: a template of ``%``."""
    return _REMOVED[language]
