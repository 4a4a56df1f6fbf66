"""The door's limits of a person, counted by all instances together: what one of them has let through, the others take
off theirs within a second.

Always true: no request and no packet waits for Redis. While it is away, each instance counts for itself.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING

from datalayer.door import Buckets, shared

if TYPE_CHECKING:
    from assistant.memory.link import Link

_EVERY = 0.5
"""Seconds."""
_MOST = 1000
"""People of one call."""


class Together:
    """Tells and asks, from `start` to `close`."""

    def __init__(self, link: "Link", buckets: Mapping[str, Buckets] | None = None) -> None:
        """`buckets` by what they bound; None: the door's."""
        self._link, self._buckets = link, shared() if buckets is None else buckets
        self._seen: dict[tuple[str, str], float] = {}
        """What all had taken when this instance told last, of those of whom it told then."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), context=Context())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self.tell()

    async def tell(self) -> None:
        """Once."""
        taken = {(what, who): tokens for what, held in self._buckets.items() for who, tokens in held.taken().items()}
        told = list(taken.items())[:_MOST]
        keys = [f"chat_taken:{what}:{_hidden(who)}" for (what, who), _ in told]
        totals = await self._link.run(_ADD, keys, [tokens for _, tokens in told]) if told else []
        seen, self._seen = self._seen, {}
        for ((what, who), own), total in zip(told, map(float, totals or []), strict=False):
            self._seen[what, who] = total
            others = total - own - seen.get((what, who), total)  # who was not told of just now is met anew
            if others > 0:
                self._buckets[what].take_elsewhere(who, others)


def _hidden(who: str) -> str:
    return hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()


_ADD = """
local totals = {}
for place, key in ipairs(KEYS) do
  totals[place] = redis.call('INCRBYFLOAT', key, ARGV[place])
  redis.call('PEXPIRE', key, 60000)
end
return totals
"""
