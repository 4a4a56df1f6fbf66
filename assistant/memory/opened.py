"""Which conversations are open on the screens of all instances, for whoever must leave those alone: a cleanup, by the
app or by command.

Each instance says so in a value of its own in the database, within seconds of a change. One that says nothing for a
quarter of an hour is taken for dead: its value means nothing any more. What is temporary is never among them.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress

from datalayer import DataLayerError, Store
from datalayer.records import now

from .base import Memory

logger = logging.getLogger("assistant")

PREFIX = "assistant.open."
EVERY = 5.0
"""Seconds between two looks at what this instance shows."""
_AGAIN, _FRESH, _KEPT = 300 * 1_000_000, 900 * 1_000_000, 86_400 * 1_000_000
"""Microseconds after which a value is written again, means nothing, and is removed by whoever sees it."""
_CLOSING = 2.0
"""Seconds for the value to be removed at the end."""


class Opened:
    """What this instance says. ``shown``: the ids of the conversations on its screens."""

    def __init__(self, shown: Callable[[], Iterable[str]]) -> None:
        self._shown = shown
        self._key = PREFIX + uuid.uuid4().hex
        self._said: frozenset[str] = frozenset()
        self._at = self._version = 0
        self._store: Store | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self, store: Store) -> None:
        if self._task is None:
            self._store = store
            self._task = asyncio.create_task(self._go_on(store))

    async def _go_on(self, store: Store) -> None:
        swept = False
        while True:
            with suppress(DataLayerError):  # the database is away, and nothing is removed meanwhile
                await self.say(store, frozenset(self._shown()))
                swept = swept or await _sweep(store)
            await asyncio.sleep(EVERY)

    async def say(self, store: Store, shown: frozenset[str]) -> None:
        """Raises DataLayerError."""
        if shown == self._said and (not shown or now() - self._at < _AGAIN):
            return
        at = now()
        value = {"at": at, "threads": sorted(shown)} if shown else None
        version = await store.put_app_value(self._key, value, self._version)
        if version is None:  # taken for dead, or stored although nobody heard of it
            known = await store.app_versions([self._key])
            self._version = known.get(self._key, 0)
            version = await store.put_app_value(self._key, value, self._version)
        if version is not None:
            self._said, self._at, self._version = shown, at, version

    async def close(self) -> None:
        if self._task is not None and self._store is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            with suppress(DataLayerError, TimeoutError):
                async with asyncio.timeout(_CLOSING):
                    await self.say(self._store, frozenset())


async def _sweep(store: Store) -> bool:
    """Removes what instances have left that died long ago."""
    for key, found in (await store.app_values_under(PREFIX)).items():
        if found.value["at"] < now() - _KEPT:
            await store.put_app_value(key, None, found.version)
    return True


async def opened(store: Store) -> set[str]:
    """What all instances show. Raises DataLayerError."""
    values = [found.value for found in (await store.app_values_under(PREFIX)).values()]
    return {thread for value in values if value["at"] >= now() - _FRESH for thread in value["threads"]}


def spare(store: Store, memory: Callable[[], Memory], shown: Callable[[], Collection[str]] = tuple) -> None:
    """Has a cleanup leave alone what is open anywhere, hot in ``memory``, or ``shown`` here this moment."""

    async def in_use(user: str, threads: Sequence[str]) -> set[str]:
        hot = {session.thread_id for session in await memory().sessions(user)}
        return set(threads) & (hot | await opened(store) | set(shown()))

    store.cleanup.in_use = in_use
