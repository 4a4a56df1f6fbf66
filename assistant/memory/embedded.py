"""Hot sessions in this process, for one event loop. A restart forgets them.

Always true: no more than ``per_user`` sessions a user and ``total_bytes`` of all; what has expired is gone at the next
call, whoever makes it.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from .base import MAX_TURN, HotLimits, HotSession, SessionInfo, Ticket, removal
from .packing import pack, unpack

logger = logging.getLogger("assistant")
_OVERHEAD = 1024  # bytes of an entry besides its body: about 700 measured, with a user of its own


@dataclass(slots=True)
class _Kept:
    user: str
    body: bytes | None
    """None: a turn has it."""
    messages: int
    expires_at: float

    @property
    def size(self) -> int:
        return _OVERHEAD + len(self.body or b"")


@dataclass(slots=True)
class _Takers:
    """The turns at a thread."""

    open: dict[int, float] = field(default_factory=dict)
    """Version of the ticket -> when the turn is taken for dead."""
    spoiled: bool = False
    """None of them may leave a session."""


class EmbeddedMemory:
    """See `base.Memory`. Values are held as JSON: their size is known, and nobody can change them."""

    backend: Literal["embedded", "redis"] = "embedded"

    def __init__(
        self, limits: HotLimits, language: Literal["fr", "en"] = "en", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits, self._removal, self._clock = limits, removal(language), clock
        # Both with the one used last at the end; as each lives equally long, the first is the next to expire.
        self._entries: OrderedDict[str, _Kept] = OrderedDict()
        self._turns: OrderedDict[tuple[str, str], _Takers] = OrderedDict()
        self._users: dict[str, OrderedDict[str, None]] = {}
        self._bytes = 0

    async def take(self, user: str, thread_id: str) -> tuple[Ticket, HotSession | None]:
        now = self._expire()
        ticket = Ticket(user, thread_id)
        turns = self._running(user, thread_id, now)
        turns.spoiled = bool(turns.open)
        turns.open[ticket.version] = now + MAX_TURN
        self._turns[user, thread_id] = turns
        self._turns.move_to_end((user, thread_id))
        entry = self._entries.get(thread_id)
        if entry is None or entry.user != user:
            return ticket, None
        if entry.body is None:  # another turn has it, or a dead one had
            self._remove(thread_id)
            return ticket, None
        self._keep(thread_id, _Kept(user, None, entry.messages, now + self._limits.ttl))
        return ticket, unpack(entry.body, user, thread_id)

    async def put(self, ticket: Ticket, session: HotSession | None) -> list[str]:
        now = self._expire()
        turns = self._running(ticket.user, ticket.thread_id, now)
        alone = turns.open.pop(ticket.version, None) is not None and not turns.spoiled
        if not turns.open:
            self._turns.pop((ticket.user, ticket.thread_id), None)
        packed = pack(ticket, session, self._limits.max_bytes) if session and alone else None
        if packed is None:
            self._forget(ticket.user, ticket.thread_id)
            return []
        self._keep(ticket.thread_id, _Kept(ticket.user, *packed, now + self._limits.ttl))
        return self._make_room(ticket.user)

    async def drop(self, user: str, thread_id: str) -> None:
        await self.put(Ticket(user, thread_id), None)

    async def sessions(self, user: str) -> list[SessionInfo]:
        now = self._expire()
        found = [(thread_id, self._entries[thread_id]) for thread_id in reversed(self._users.get(user, {}))]
        return [SessionInfo(thread_id, entry.messages, entry.expires_at - now) for thread_id, entry in found]

    async def close(self) -> None: ...

    def _expire(self) -> float:
        now = self._clock()
        while self._entries and next(iter(self._entries.values())).expires_at <= now:
            self._remove(next(iter(self._entries)))
        while self._turns and max(next(iter(self._turns.values())).open.values()) <= now:
            self._turns.popitem(last=False)
        return now

    def _running(self, user: str, thread_id: str, now: float) -> _Takers:
        """The turns of ``user`` at the thread that are not dead."""
        turns = self._turns.get((user, thread_id), _Takers())
        turns.open = {version: end for version, end in turns.open.items() if end > now}
        return turns if turns.open else _Takers()

    def _keep(self, thread_id: str, entry: _Kept) -> None:
        self._remove(thread_id)
        self._entries[thread_id] = entry
        self._users.setdefault(entry.user, OrderedDict())[thread_id] = None
        self._bytes += entry.size

    def _remove(self, thread_id: str) -> None:
        if entry := self._entries.pop(thread_id, None):
            self._bytes -= entry.size
            threads = self._users[entry.user]
            del threads[thread_id]
            if not threads:
                del self._users[entry.user]

    def _forget(self, user: str, thread_id: str) -> None:
        if (entry := self._entries.get(thread_id)) and entry.user == user:
            self._remove(thread_id)
        if turns := self._turns.get((user, thread_id)):
            turns.spoiled = True

    def _make_room(self, user: str) -> list[str]:
        removed = list(self._users[user])[: -self._limits.per_user]
        for thread_id in removed:
            self._remove(thread_id)
            logger.info(self._removal, thread_id, self._limits.per_user)
        while self._bytes > self._limits.total_bytes:
            self._remove(next(iter(self._entries)))
        return removed
