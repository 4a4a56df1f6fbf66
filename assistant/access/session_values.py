"""The open sessions of people where the database is a server's, whose instances share no folder."""

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Container, Coroutine, Mapping
from contextlib import suppress
from contextvars import Context
from typing import Any

from pydantic import ValidationError

from assistant.access.sessions import USE_IS_NEWS_AFTER, Rows, Session, begun, current, used, with_new
from assistant.access.values import Values
from datalayer import DataLayerError

logger = logging.getLogger("assistant")

AGAIN = 1.0
"""Seconds between two tries to end what could not be ended."""


class InDatabase:
    """See `sessions.Sessions`.

    What cannot be ended there, because it does not answer, is over on this instance, and ended when it does.
    """

    def __init__(self, values: Values, limit: int, clock: Callable[[], float] = time.time) -> None:
        """`limit`: as of `SessionFile`."""
        self._values, self._limit, self._clock = values, limit, clock
        self._ended: dict[str, str] = {}
        """Names by the keys of sessions that are still to be ended."""
        self._noted: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, name: str, valid_after: float, lasts: float, agent: str) -> str:
        new = secrets.token_urlsafe(16)
        session = begun(valid_after, self._clock(), lasts, agent)
        await self._change(name, lambda sessions: with_new(sessions, new, session, self._limit))
        return new

    async def get(self, name: str, key: str) -> Session | None:
        place = _place(name)
        session = _sessions(await self._values.get(place)).get(key)
        if session is None and key not in self._ended:
            session = _sessions(await self._values.get(place, now=True)).get(key)
        return session if session and session.ends_at > self._clock() and key not in self._ended else None

    async def list(self, name: str) -> Mapping[str, Session]:
        found = current(_sessions(await self._values.get(_place(name))), self._clock())
        return {key: session for key, session in found.items() if key not in self._ended}

    async def end(self, name: str, keys: Container[str]) -> None:
        try:
            await self._end(name, keys)
        except DataLayerError as error:
            mine = {key: name for key in _sessions(await self._values.get(_place(name))) if key in keys}
            logger.warning("sessions that are over are not stored as such yet: %s", error)
            self._ended |= mine
            self._go_on(self._catch_up(name, set(mine)))

    def note_use(self, name: str, key: str) -> None:
        now = self._clock()
        if now - self._noted.get(key, now - USE_IS_NEWS_AFTER) >= USE_IS_NEWS_AFTER:
            if len(self._noted) > 10_000:
                self._noted.clear()
            self._noted[key] = now
            self._go_on(self._note(name, key, now))

    async def _note(self, name: str, key: str, now: float) -> None:
        with suppress(DataLayerError):  # a time that is somewhat old does no harm
            session = await self.get(name, key)
            if session is not None and now - session.used_at >= USE_IS_NEWS_AFTER:
                await self._change(name, lambda sessions: used(sessions, key, now))

    async def _end(self, name: str, keys: Container[str]) -> None:
        await self._change(name, lambda sessions: {key: each for key, each in sessions.items() if key not in keys})

    async def _catch_up(self, name: str, keys: set[str]) -> None:
        while True:
            await asyncio.sleep(AGAIN)
            with suppress(DataLayerError):
                await self._end(name, keys)
                break
        for key in keys:
            self._ended.pop(key, None)

    async def _change(self, name: str, change: Callable[[Mapping[str, Session]], dict[str, Session]]) -> None:
        now = self._clock()

        def changed(value: Any) -> Any:
            kept = change(current(_sessions(value), now))
            return {key: each.model_dump() for key, each in kept.items()} or None

        await self._values.change(_place(name), changed)

    def _go_on(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _place(name: str) -> str:
    return f"sessions/{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _sessions(value: Any) -> Mapping[str, Session]:
    try:
        return Rows.model_validate({"sessions": value or {}}).sessions
    except ValidationError:
        return {}
