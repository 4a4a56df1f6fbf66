"""Rows as the rest of the package sees them, and the one place that knows how time is written (I11).

Steps and elements are named tuples, the others dataclasses: a thread can have 10,000 steps, and a frozen dataclass with
as many fields takes ten times as long to make (9 µs instead of 0.8). All times are UTC microseconds.
"""

import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from .errors import InvalidInput

_EPOCH = datetime(1970, 1, 1)
_DAY = 86_400_000_000
_VOTES = uuid.UUID("0d0a8f0e-6f0b-5c53-8f43-3a4f3b6f8c11")
_USERS = uuid.UUID("6f4b4d0c-6d0c-5f0e-9d1e-2f6d3c1b7a55")


@dataclass(frozen=True, slots=True)
class User:
    id: str
    identifier: str
    """The name that logs in, compared byte for byte."""
    metadata: dict[str, Any]
    created_at: int


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread without its steps."""

    id: str
    user_id: str | None
    user_identifier: str | None
    """Its author's, both; None without one."""
    name: str | None
    metadata: dict[str, Any]
    tags: list[str] | None
    created_at: int
    last_activity_at: int
    folder: str | None = None
    """A path such as ``Work/Client A``; None: it is in none."""
    pinned: bool = False
    archived: bool = False
    status: str = "open"
    """open or done."""
    kind: str = "chat"
    """chat, imported, channel, or what an app calls it."""
    trashed_at: int = 0
    """Since when it is in the trash; 0: it is not."""
    model: str | None = None
    """That of its settings, ``metadata["chat_settings"]["model"]``; None: there is none."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which of a user's threads; None: any."""

    folder: str | None = None
    """In this folder or in one below it; "": in none."""
    tag: str | None = None
    """As it was given, byte for byte."""
    pinned: bool | None = None
    archived: bool | None = False
    status: str | None = None
    kind: str | None = None
    trashed: bool = False
    """In the trash; no list has both."""
    model: str | None = None
    since: int | None = None
    """Last activity at this moment in UTC microseconds, or later; ``month`` gives both of a month."""
    until: int | None = None
    """Last activity before this moment."""
    made_before: int | None = None
    """Begun before this moment."""
    has_file: bool | None = None
    """Whether it has a file with content."""
    vote: int | None = None
    """0 or 1, a vote of its author's that occurs in it."""


TRASH_DAYS = 30
"""For what was put there before the trash was switched off: nobody who opens the store without one loses it by that."""
LISTED = Which()
"""What a list shows where nobody says more."""
Sort = Literal["pinned", "activity", "idle", "created", "oldest", "trashed"]
"""Those that are pinned first, then last activity; last activity; the same, the longest ago first; the newest first,
the oldest first; last put into the trash."""


class Step(NamedTuple):
    """What is stored of a message or of a run's or tool's step, and its thread's author's vote on it."""

    id: str
    thread_id: str
    parent_id: str | None
    type: str | None
    name: str | None
    input: str | None
    output: str | None
    streaming: bool | None
    is_error: bool | None
    wait_for_answer: bool | None
    default_open: bool | None
    auto_collapse: bool | None
    show_input: Any
    language: str | None
    icon: str | None
    command: str | None
    modes: Any
    tags: Any
    metadata: dict[str, Any] | None
    generation: Any
    created_at: int
    start: int | None
    end: int | None
    status: str | None
    extra: dict[str, Any] | None
    """What Chainlit sent under keys that have no column."""
    vote_id: str | None
    vote_value: int | None
    vote_comment: str | None


class Element(NamedTuple):
    """What is stored of a file, an image, a chart…"""

    id: str
    thread_id: str
    for_id: str | None
    """The step that it belongs to, if any."""
    type: str | None
    name: str | None
    display: str | None
    size: str | None
    language: str | None
    page: int | None
    mime: str | None
    url: str | None
    """Of content that is elsewhere, as it was sent."""
    chainlit_key: str | None
    object_key: str | None
    props: Any
    auto_play: bool | None
    player_config: Any
    blob: str | None
    """The name of its content."""
    extra: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Page:
    threads: list[Thread]
    """Last activity first."""
    next: str | None
    """Cursor of the following page, None at the end."""


@dataclass(frozen=True, slots=True)
class AppValue:
    value: Any = field(repr=False)
    """JSON, never None."""
    version: int
    """Another one after every change."""


@dataclass(frozen=True, slots=True)
class Blob:
    sha256: str
    """Of its content, 64 hex digits."""
    size: int
    """Bytes."""
    tag: str | None = None
    """16 hex digits of its own, which no other has that was stored with equal content. None: stored before 0006."""

    @property
    def name(self) -> str:
        return f"{self.sha256}-{self.tag}" if self.tag else self.sha256


ArchivedState = Literal["removed", "there", "deleted", "unknown", "without_thread"]
"""Of what an archive has: ``removed``: this store has removed it, it can come back; ``there``; ``deleted``: by
somebody, before or since; ``unknown``: this store has never had it, or not removed it; ``without_thread``: messages of
a thread that is not there."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a part of an archive."""

    state: ArchivedState
    """``removed``: and it is back."""
    lost: int = 0
    """Attached files whose content is nowhere."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a thread that was imported."""

    state: Literal["new", "added", "there", "deleted"]
    """``added``: it was there, and something was added to it; ``there``: all of it was; ``deleted``: by somebody, and
    it stays so."""
    steps: int = 0
    """That were added."""
    deleted: int = 0
    """Steps that somebody has deleted here, and that stay so."""
    lost: int = 0
    """Attached files whose content did not come along."""


@dataclass(frozen=True, slots=True)
class File:
    """What the file route needs of an element."""

    element_id: str
    thread_id: str
    user_id: str | None
    """The author of its thread, None without one."""
    shared: bool
    """Whether the author has shared the thread."""
    name: str
    mime: str | None
    blob: Blob


@dataclass(frozen=True, slots=True)
class StepFile:
    """An element that has content."""

    thread_id: str
    thread_name: str | None
    element_id: str
    for_id: str | None
    """The step that it belongs to, if any."""
    name: str
    mime: str | None
    blob: str
    """The name of its content: ``store.blobs.open(blob)``."""
    size: int
    """Bytes."""
    created_at: int


@dataclass(frozen=True, slots=True)
class ThreadMessage:
    """A message of one thread."""

    id: str
    parent_id: str | None
    type: str
    text: str
    """The whole of it."""
    created_at: int
    metadata: dict[str, Any]
    """The step's."""
    status: str | None
    """As in ``schema.steps``."""

    @property
    def position(self) -> tuple[int, str]:
        """What ``after`` takes."""
        return self.created_at, self.id


@lru_cache(maxsize=1024)
def user_id(identifier: str) -> str:
    """The id of the user named ``identifier``: a version 5 UUID of it (RFC 9562).

    Derived rather than drawn, so that a write can name its author without a look-up, also while the database is away.
    """
    return str(uuid.uuid5(_USERS, identifier))


def vote_id(step_id: str, voter: str | None) -> str:
    """The id of a user's vote on a step, None: of the application's; derived for the same reason."""
    return str(uuid.uuid5(_VOTES, f"{len(step_id)} {step_id}{voter or ''}"))


MAX_AHEAD = 48 * 3_600_000_000
"""Microseconds that a clock may have gone back between two processes."""

_latest = 0


def now() -> int:
    """UTC microseconds; never the same twice nor less than before in this process, whatever is done to the clock."""
    global _latest
    _latest = max(time.time_ns() // 1000, _latest + 1)
    return _latest


def utc_offset() -> int:
    """Seconds by which the clocks of this machine are ahead of UTC now."""
    return int((datetime.now().astimezone().utcoffset() or timedelta()).total_seconds())


def not_before(moment: int) -> None:
    """Has ``now`` give later times than ``moment``, from before this process: a write that waits in a spool is told
    from a newer one by its time. Not by more than MAX_AHEAD: a clock that was years ahead must not stay so for ever."""
    global _latest
    if moment < time.time_ns() // 1000 + MAX_AHEAD:
        _latest = max(_latest, moment)


def to_iso(microseconds: int | None) -> str | None:
    """``2026-11-20T08:21:00.123456Z``; None stays None."""
    if microseconds is None:
        return None
    # A third of the time that a datetime takes; a thread can have 10,000 steps.
    seconds, fraction = divmod(microseconds, 1_000_000)
    minutes, second = divmod(seconds, 60)
    days, minute = divmod(minutes, 1_440)
    return f"{_date(days)}T{_CLOCK[minute]}:{second:02}.{fraction:06}Z"


_CLOCK = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(1_440)]


_FIRST_DAY, _LAST_DAY = (datetime.min - _EPOCH).days, (datetime.max - _EPOCH).days - 1


@lru_cache(maxsize=1024)
def _date(days: int) -> str:
    """``2026-11-20``, so many days after 1970-01-01. What ``from_iso`` refuses may be stored already: it is read as the
    first or the last day."""
    return (_EPOCH + timedelta(days=min(max(days, _FIRST_DAY), _LAST_DAY))).date().isoformat()


def month_of(moment: int) -> str:
    """``2026-11``, that of UTC microseconds in UTC."""
    return _date(moment // _DAY)[:7]


def month(name: str) -> tuple[int, int]:
    """From when to when a month such as ``2026-11`` is, in UTC microseconds. Raises InvalidInput."""
    try:
        first = datetime.strptime(name, "%Y-%m")
        after = (first + timedelta(days=31)).replace(day=1)
    except (ValueError, OverflowError):
        raise InvalidInput("A month is written like 2026-11") from None
    since, until = ((moment - _EPOCH).days * _DAY for moment in (first, after))
    return since, until


_NO_TIME = "A time must be written as ISO 8601, like 2026-11-20T08:21:00Z, and be before 9999-12-31"
_TOO_LATE = (_LAST_DAY + 1) * _DAY
"""The last day of all is left free for what has to come later than what is stored."""


def check_time(moment: int) -> int:
    """``moment``, UTC microseconds, where a calendar has it and later ones. Raises InvalidInput."""
    if _FIRST_DAY * _DAY <= moment < _TOO_LATE:
        return moment
    raise InvalidInput("A time must be between the years 1 and 9999, in microseconds since 1970")


# Chainlit appends "Z" to times which have one already or carry an offset (socket.py, message_favorite).
_OFFSET_Z = re.compile(r"([+-]\d\d:?\d\d|Z)Z$")


def from_iso(value: Any) -> int | None:
    """UTC microseconds of an ISO 8601 text or a datetime; without an offset it is UTC. None and "" are None.

    Raises InvalidInput.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        value = value.isoformat()
    if not isinstance(value, str):
        raise InvalidInput(_NO_TIME)
    return _microseconds(value)


@lru_cache(maxsize=256)  # a message names one moment three times: created, start and end
def _microseconds(value: str) -> int:
    try:
        moment = datetime.fromisoformat(_OFFSET_Z.sub(r"\1", value.strip()))
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        if (found := (moment - _EPOCH) // timedelta(microseconds=1)) < _TOO_LATE:
            return found
        raise InvalidInput(_NO_TIME)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(_NO_TIME) from error
