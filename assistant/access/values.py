"""What all instances keep in the database beside conversations, as this process knows it: accounts, sessions.

Always true: what is given was stored half a second ago; while the database does not answer, it is what was stored when
it last did, for an hour at most. A change is made to what is stored now, and of two at once none is lost.

Whoever was let in goes on while the database is away, also if somebody with a way to it that this process lacks has
taken the right away meanwhile: hence the hour.
"""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Protocol

from datalayer import DataLayerError, StoreUnavailable
from datalayer.errors import StoreUnusable
from datalayer.records import AppValue

_FRESH, _KNOWN = 0.5, 3600.0
"""Seconds for which a value is not asked for again, and is still given when the database does not answer."""
_WAIT, _PAUSE = 0.3, 1.0
"""Seconds that a look waits for the database, and for which nobody waits any more then."""
_CHANGING = 3.0
_WANTED, _MOST = 10.0, 10_000
"""A value that was looked at in the last seconds is asked for along with others; so many are held."""


class Keeps(Protocol):
    """The store: see `datalayer.Store`."""

    async def app_versions(self, keys: Sequence[str]) -> dict[str, int]: ...
    async def app_values(self, keys: Sequence[str]) -> dict[str, AppValue]: ...
    async def app_values_under(self, prefix: str) -> dict[str, AppValue]: ...
    async def put_app_value(self, key: str, value: Any, version: int) -> int | None: ...


@dataclass(slots=True)
class _Known:
    value: Any = None
    version: int = 0
    at: float | None = None
    """When it was so; None: nobody knows."""
    wanted: float = 0.0


class Values:
    """For one event loop. What fails raises StoreUnavailable, or another DataLayerError."""

    def __init__(self, store: Callable[[], Keeps], clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: asyncio.Task[None] | None = None
        self._until = 0.0
        """Until when anybody waits for `_asking`, or asks again."""

    async def get(self, key: str, now: bool = False) -> Any | None:
        """The value under `key`, None: there is none. `now`: as it is stored now, where the database answers: for who
        would be refused otherwise, since another instance may just have let them in."""
        known, moment = self._known.setdefault(key, _Known()), self._clock()
        known.wanted = moment
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        if now or known.at is None or moment - known.at > _FRESH:
            await self._refresh(known)
        if known.at is None or self._clock() - known.at > _KNOWN:
            raise StoreUnavailable("The database does not answer")
        return known.value

    async def under(self, prefix: str) -> Mapping[str, Any]:
        """All that are stored now under keys that begin so."""
        return {key: kept.value for key, kept in (await self._store().app_values_under(prefix)).items()}

    async def change(self, key: str, change: Callable[[Any | None], Any | None]) -> Any | None:
        """Put what `change` makes of the value (None: there is none) in its place, and return that.

        `change` may be called several times; what it raises is raised here.
        """
        try:
            async with asyncio.timeout(_CHANGING):
                while True:
                    found = (await self._store().app_values([key])).get(key)
                    value = change(found.value if found else None)
                    if value == (found.value if found else None):
                        return value
                    if await self._put(key, value, found.version if found else 0):
                        return value
                    await asyncio.sleep(random.uniform(0, 0.02))  # others are at the same
        except TimeoutError:
            raise StoreUnavailable("The database does not answer") from None

    async def _put(self, key: str, value: Any, version: int) -> bool:
        try:
            new = await self._store().put_app_value(key, value, version)
        except StoreUnusable:  # somebody has to act
            raise
        except StoreUnavailable:  # a lock, that may be short
            await asyncio.sleep(0.1)
            return False
        if new is not None:
            known = self._known.setdefault(key, _Known())
            known.value, known.version, known.at = value, new, self._clock()
        return new is not None

    async def _refresh(self, known: _Known) -> None:
        """Returns when `known` is fresh, or cannot be had soon."""
        began = self._clock()
        while known.at is None or known.at < began:
            if self._asking is None:
                if self._clock() < self._until and known.at is not None:
                    return  # with what is known
                self._until = self._clock() + _WAIT
                self._asking = asyncio.create_task(self._ask(), context=Context())
            asking = self._asking
            await asyncio.wait([asking], timeout=max(0.0, self._until - self._clock()))
            if not asking.done():
                return
            if self._until > self._clock() + _WAIT:  # it has failed
                return

    async def _ask(self) -> None:
        try:
            await self._look()
            self._until = 0.0
        except DataLayerError:
            self._until = self._clock() + _PAUSE
        finally:
            self._asking = None

    async def _look(self) -> None:
        """At all that was wanted lately, and only for what has changed at more than its version."""
        now = self._clock()
        wanted = {key: known for key, known in self._known.items() if now - known.wanted < _WANTED}
        versions = await self._store().app_versions(list(wanted))
        news = [key for key, known in wanted.items() if known.at is None or versions.get(key, 0) != known.version]
        values = await self._store().app_values(news) if news else {}
        for key, known in wanted.items():
            if known.at is not None and known.at > now:  # changed here since
                continue
            if key in news:
                kept = values.get(key)
                known.value, known.version = (kept.value, kept.version) if kept else (None, 0)
            known.at = now
