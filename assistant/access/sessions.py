"""The open sessions of every person: one JSON file a person, in the data folder.

Always true: a session that is not in its file is over; a file holds at most `limit` of them, and those used last; what
was ended stays ended after a restart; nothing here lets anybody in, for the tokens are signed with a secret elsewhere.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Container, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.access.accounts import locked, replace

_USE_IS_NEWS_AFTER = 5 * 60
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


class _Rows(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    sessions: dict[str, Session] = {}


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
        now, new = self._clock(), secrets.token_urlsafe(16)
        session = Session(
            valid_after=valid_after, opened_at=now, used_at=now, ends_at=now + lasts, agent=agent[:_AGENT_LENGTH]
        )

        def with_new(sessions: Mapping[str, Session]) -> dict[str, Session]:
            kept = {key: each for key, each in sessions.items() if each.valid_after >= valid_after}
            recent = sorted(kept, key=lambda key: kept[key].used_at)[-(self._limit - 1) :]
            return {key: kept[key] for key in recent} | {new: session}

        self._change(name, with_new)
        return new

    def get(self, name: str, key: str) -> Session | None:
        """The session, or None when it is over."""
        session = self._read(self._path(name)).get(key)
        return session if session is not None and session.ends_at > self._clock() else None

    def list(self, name: str) -> Mapping[str, Session]:
        """The sessions of `name` by id, those used last first."""
        now = self._clock()
        current = {key: each for key, each in self._read(self._path(name)).items() if each.ends_at > now}
        return dict(sorted(current.items(), key=lambda item: -item[1].used_at))

    def end(self, name: str, keys: Container[str]) -> None:
        """End these sessions. When that cannot be stored, all of the person's end."""
        try:
            self._change(name, lambda sessions: {key: each for key, each in sessions.items() if key not in keys})
        except OSError:  # a full disk must not keep a session alive
            self._path(name).unlink(missing_ok=True)

    def note_use(self, name: str, key: str) -> None:
        """Note that the session is used now, without waiting for it."""
        session, now = self.get(name, key), self._clock()
        if session is None or now - session.used_at < _USE_IS_NEWS_AFTER or key in self._noting:
            return
        self._noting.add(key)
        self._notes.submit(self._note, name, key, now)

    def _note(self, name: str, key: str, now: float) -> None:
        def used(sessions: Mapping[str, Session]) -> dict[str, Session]:
            session = sessions.get(key)  # it may have been ended meanwhile
            return dict(sessions) | ({key: session.model_copy(update={"used_at": now})} if session else {})

        with suppress(OSError):  # a time that is somewhat old does no harm
            self._change(name, used)
        self._noting.discard(key)

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"

    def _change(self, name: str, change: Callable[[Mapping[str, Session]], dict[str, Session]]) -> None:
        path, now = self._path(name), self._clock()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self._folder / ".lock"):
            current = {key: each for key, each in self._read(path).items() if each.ends_at > now}
            changed = change(current)
            if changed != self._read(path):
                replace(path, _Rows(sessions=changed).model_dump_json(indent=1))

    def _read(self, path: Path) -> Mapping[str, Session]:
        try:
            stat = path.stat()
            signature = stat.st_ino, stat.st_mtime_ns, stat.st_size
            seen = self._seen.get(path)
            if seen is None or seen[0] != signature:
                seen = self._seen[path] = signature, _Rows.model_validate_json(path.read_bytes()).sessions
            return seen[1]
        except (OSError, ValidationError):
            return {}
