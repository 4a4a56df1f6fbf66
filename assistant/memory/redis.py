"""Hot sessions in Redis, for several instances of the app. For Redis 6.2 and newer (tried: 6.2, 7.0).

Always true: no call raises because of Redis, or waits for it longer than `CALL`, or at all once it is known to be away.
What it missed is settled with it before any turn uses it again.

One thing cannot be known here: a turn that ended while its instance could not reach Redis, but another instance could.
Until the first is connected again, the other may be given the session of before that turn.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any, Literal

from . import scripts
from .base import MAX_TURN, HotLimits, HotSession, SessionInfo, Ticket, removal
from .link import CALL, PAUSE, connect, reason
from .packing import pack, unpack

logger = logging.getLogger("assistant")


class RedisMemory:
    """See `base.Memory`. The steps are in `scripts`."""

    backend: Literal["embedded", "redis"] = "redis"

    def __init__(self, url: str, limits: HotLimits, language: Literal["fr", "en"] = "en") -> None:
        """Connects at the first call. Raises ValueError or TypeError for a URL that cannot be one of Redis's."""
        self._client = connect(url)  # its one retry may run a script twice
        self._limits, self._removal = limits, removal(language)
        sources = scripts.TAKE, scripts.PUT, scripts.SETTLE, scripts.LIST
        self._scripts = {source: self._client.register_script(source) for source in sources}
        self._garbage = False
        self._calls: set[asyncio.Task[list[Any] | None]] = set()
        self._watcher: asyncio.Task[None] | None = None
        # What Redis has not heard of: turns that began while it was away, and threads that were changed.
        self._unseen: dict[int, Ticket] = {}
        self._changed: dict[str, Ticket] = {}

    async def take(self, user: str, thread_id: str) -> tuple[Ticket, HotSession | None]:
        ticket = Ticket(user, thread_id)
        answer = await self._call(scripts.TAKE, ticket)
        if not answer:
            return ticket, None
        session = unpack(answer[0], user, thread_id)
        if session is None:
            self._report_garbage()
        return ticket, session

    async def put(self, ticket: Ticket, session: HotSession | None) -> list[str]:
        packed = pack(ticket, session, self._limits.max_bytes) if session else None
        answer = await self._call(scripts.PUT, ticket, *(packed or ("", "")))
        removed = [value.decode("utf-8", "surrogatepass") for value in answer or []]
        for thread_id in removed:
            logger.info(self._removal, thread_id, self._limits.per_user)
        return removed

    async def drop(self, user: str, thread_id: str) -> None:
        await self.put(Ticket(user, thread_id), None)

    async def sessions(self, user: str) -> list[SessionInfo]:
        answer = await self._call(scripts.LIST, Ticket(user, ""))
        return [
            SessionInfo(thread_id.decode("utf-8", "surrogatepass"), messages, max(left, 0) / 1000)
            for thread_id, messages, left in answer or []
        ]

    async def close(self) -> None:
        if self._watcher:
            self._watcher.cancel()
        await asyncio.gather(*self._calls, *filter(None, [self._watcher]), return_exceptions=True)
        await self._client.aclose()

    async def _call(self, script: str, ticket: Ticket, *values: str | bytes | int) -> list[Any] | None:
        """The answer of a script; None while Redis is away. Goes on when the caller is cancelled: what a stopped turn
        or a deletion has to say must arrive."""
        call = asyncio.create_task(self._attempt(script, ticket, *values))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return await asyncio.shield(call)

    async def _attempt(self, script: str, ticket: Ticket, *values: str | bytes | int) -> list[Any] | None:
        if not self._watcher:
            try:
                async with asyncio.timeout(CALL):
                    return await self._run(script, ticket, *values)
            except Exception as error:  # also what redis-py makes of a server that is none: a turn must not end by it
                self._lose(error)
        if script == scripts.TAKE:
            self._unseen[ticket.version] = ticket
        elif script == scripts.PUT:
            self._unseen.pop(ticket.version, None)
            self._changed[ticket.thread_id] = ticket
        return None

    async def _run(self, script: str, ticket: Ticket, *values: str | bytes | int) -> list[Any]:
        names = ticket.thread_id, ticket.user, f"{ticket.thread_id}:{ticket.user}"
        keys = [prefix + name for prefix, name in zip(scripts.KEYS, names, strict=True)]
        times = int(self._limits.ttl * 1000), int(MAX_TURN * 1000)
        named = ticket.user, ticket.thread_id, ticket.version
        answer: list[Any] = await self._scripts[script](
            keys, (scripts.FORMAT, *named, *times, self._limits.per_user, *values)
        )
        if answer[0]:
            self._report_garbage()
        return answer[1:]

    def _lose(self, error: Exception) -> None:
        if not self._watcher:
            logger.warning("the memory is away: %s", reason(error))
            self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Waits for Redis in place of the turns, and tells it what it has missed before they use it again."""
        probe = Ticket("", "")
        while self._watcher:
            await asyncio.sleep(PAUSE)
            with suppress(Exception):
                async with asyncio.timeout(CALL):
                    # A whole turn: a Redis that is full, or a replica, answers a mere PING.
                    await self._run(scripts.SETTLE, probe)
                    await self._run(scripts.PUT, probe, "", "")
                    await self._settle()
                self._watcher = None
                logger.info("the memory is back")

    async def _settle(self) -> None:
        """What it does not get to stays for the next time; what comes meanwhile is done as well."""
        while self._unseen or self._changed:
            if self._unseen:
                version, ticket = next(iter(self._unseen.items()))
                await self._run(scripts.SETTLE, ticket)
                self._unseen.pop(version, None)
            else:
                thread_id, ticket = next(iter(self._changed.items()))
                await self._run(scripts.PUT, ticket, "", "")
                if self._changed.get(thread_id) is ticket:
                    del self._changed[thread_id]

    def _report_garbage(self) -> None:
        if not self._garbage:
            logger.warning("the memory held something else under a key of ours; it is replaced")
        self._garbage = True
