"""The open sessions of every person: a JSON file each in the data folder, or a value of a database that is a server's.

Always true: a session that is not written there is over; a person has at most `limit` of them, and those used last;
what was ended stays ended after a restart; nothing here lets anybody in, for the tokens are signed with a secret
elsewhere.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Container, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.access.files import locked, replace

USE_IS_NEWS_AFTER = 5 * 60
"""Seconds: `used_at` is so much too early at most, so that a person who writes does not make a file be written."""
_AGENT_LENGTH = 300


class Session(BaseModel):
    """One session. Times are seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    valid_after: float
    """What `Accounts.verify` returned."""
    opened_at: float
    used_at: float
    ends_at: float
    agent: str = ""
    """The header User-Agent of who began it."""


class Rows(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    sessions: dict[str, Session] = {}


class Sessions(Protocol):
    """What is written raises OSError or DataLayerError where it cannot be; so does a look where nothing is known."""

    async def open(self, name: str, valid_after: float, lasts: float, agent: str) -> str:
        """Begin a session of `lasts` seconds and return its id. Those from before `valid_after` are over."""

    async def get(self, name: str, key: str) -> Session | None:
        """The session, or None when it is over."""

    async def list(self, name: str) -> Mapping[str, Session]:
        """The sessions of `name` by id, those used last first."""

    async def end(self, name: str, keys: Container[str]) -> None:
        """End these sessions."""

    def note_use(self, name: str, key: str) -> None:
        """Note that the session is used now, without waiting for it."""


def begun(valid_after: float, now: float, lasts: float, agent: str) -> Session:
    ends_at = now + lasts
    return Session(valid_after=valid_after, opened_at=now, used_at=now, ends_at=ends_at, agent=agent[:_AGENT_LENGTH])


def with_new(sessions: Mapping[str, Session], key: str, new: Session, limit: int) -> dict[str, Session]:
    kept = {key: each for key, each in sessions.items() if each.valid_after >= new.valid_after}
    recent = sorted(kept, key=lambda key: kept[key].used_at)[-(limit - 1) :]
    return {key: kept[key] for key in recent} | {key: new}


def used(sessions: Mapping[str, Session], key: str, now: float) -> dict[str, Session]:
    session = sessions.get(key)  # it may have been ended meanwhile
    return dict(sessions) | ({key: session.model_copy(update={"used_at": now})} if session else {})


def current(sessions: Mapping[str, Session], now: float) -> dict[str, Session]:
    """Those used last first."""
    kept = {key: each for key, each in sessions.items() if each.ends_at > now}
    return dict(sorted(kept.items(), key=lambda item: -item[1].used_at))


class SessionFile:
    """The sessions below `folder`, which is made at the first one. Safe to use from threads and several processes.

    What changes a file raises OSError. A file that cannot be understood holds no session: the person signs in again.
    """

    def __init__(self, folder: Path, limit: int, clock: Callable[[], float] = time.time) -> None:
        """`limit`: sessions per person; beyond it the one used longest ago ends."""
        self._folder, self._limit, self._clock = folder, limit, clock
        self._seen: dict[Path, tuple[tuple[int, int, int], Mapping[str, Session]]] = {}
        self._noting: set[str] = set()
        self._notes = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sessions")

    def open(self, name: str, valid_after: float, lasts: float, agent: str) -> str:
        """Begin a session of `lasts` seconds and return its id. Those from before `valid_after` are over."""
        new = secrets.token_urlsafe(16)
        session = begun(valid_after, self._clock(), lasts, agent)
        self._change(name, lambda sessions: with_new(sessions, new, session, self._limit))
        return new

    def get(self, name: str, key: str) -> Session | None:
        """The session, or None when it is over."""
        session = self._read(self._path(name)).get(key)
        return session if session is not None and session.ends_at > self._clock() else None

    def list(self, name: str) -> Mapping[str, Session]:
        """The sessions of `name` by id, those used last first."""
        return current(self._read(self._path(name)), self._clock())

    def end(self, name: str, keys: Container[str]) -> None:
        """End these sessions. When that cannot be stored, all of the person's end."""
        try:
            self._change(name, lambda sessions: {key: each for key, each in sessions.items() if key not in keys})
        except OSError:  # a full disk must not keep a session alive
            self._path(name).unlink(missing_ok=True)

    def note_use(self, name: str, key: str) -> None:
        """Note that the session is used now, without waiting for it."""
        session, now = self.get(name, key), self._clock()
        if session is None or now - session.used_at < USE_IS_NEWS_AFTER or key in self._noting:
            return
        self._noting.add(key)
        self._notes.submit(self._note, name, key, now)

    def _note(self, name: str, key: str, now: float) -> None:
        with suppress(OSError):  # a time that is somewhat old does no harm
            self._change(name, lambda sessions: used(sessions, key, now))
        self._noting.discard(key)

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"

    def _change(self, name: str, change: Callable[[Mapping[str, Session]], dict[str, Session]]) -> None:
        path, now = self._path(name), self._clock()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self._folder / ".lock"):
            changed = change(current(self._read(path), now))
            if changed != self._read(path):
                replace(path, Rows(sessions=changed).model_dump_json(indent=1))

    def _read(self, path: Path) -> Mapping[str, Session]:
        try:
            stat = path.stat()
            signature = stat.st_ino, stat.st_mtime_ns, stat.st_size
            seen = self._seen.get(path)
            if seen is None or seen[0] != signature:
                seen = self._seen[path] = signature, Rows.model_validate_json(path.read_bytes()).sessions
            return seen[1]
        except (OSError, ValidationError):
            return {}


class InFiles:
    """`Sessions` in a `SessionFile`."""

    def __init__(self, files: SessionFile) -> None:
        self._files = files

    async def open(self, name: str, valid_after: float, lasts: float, agent: str) -> str:
        return await asyncio.to_thread(self._files.open, name, valid_after, lasts, agent)

    async def get(self, name: str, key: str) -> Session | None:
        return self._files.get(name, key)

    async def list(self, name: str) -> Mapping[str, Session]:
        return self._files.list(name)

    async def end(self, name: str, keys: Container[str]) -> None:
        await asyncio.to_thread(self._files.end, name, keys)

    def note_use(self, name: str, key: str) -> None:
        self._files.note_use(name, key)
