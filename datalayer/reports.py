"""What is made of many rows: totals of usage, the size of a thread, its summary. All times are UTC microseconds."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from .records import ThreadMessage
from .writes import SummarySource


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """What a user's calls of one model came to."""

    model: str
    turns: int
    """Answers to questions."""
    calls: int
    """These, titles and summaries."""
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    """As it was recorded, of ``tokens_in``."""
    cost: int
    """Billionths of a US dollar, of the calls whose price is known."""
    unpriced: int
    """Calls that used the model and have no known price, so that ``cost`` is too low by theirs."""
    fallbacks: int
    """Calls that something else answered."""
    failed: int
    """Calls with that status."""
    estimated: int
    """Calls whose tokens the provider did not tell."""


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """What a user's attached files take, in the trash too."""

    bytes: int
    """Each content once."""
    ids: frozenset[str]
    """Which of the elements that were asked for are stored, or were until they were deleted."""


@dataclass(frozen=True, slots=True)
class UsageDay:
    """What a user's calls of one model came to on one day; fields as in UsageTotal."""

    day: str
    """``2026-11-20``"""
    model: str
    turns: int
    calls: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    cost: int
    unpriced: int


@dataclass(frozen=True, slots=True)
class ThreadStats:
    messages: int
    """Of users and the assistant, errors apart."""
    text_bytes: int
    """Theirs, as UTF-8."""
    files: int
    """Charts apart."""
    file_bytes: int
    """With equal files counted each time."""
    created_at: int
    last_activity_at: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What the first ``messages`` messages of a thread said; see ``writes.PutSummary``. True when it is read."""

    thread_id: str
    text: str
    from_step: str
    until_step: str
    until_at: int
    messages: int
    tokens: int
    digest: str
    source: SummarySource
    model: str | None
    created_at: int

    @property
    def until(self) -> tuple[int, str]:
        """Position of the last message covered: the ones ``after`` it are not."""
        return self.until_at, self.until_step


def digest(messages: Iterable[ThreadMessage], start: str = "") -> str:
    """What stands for ``messages`` when it is asked whether they are still the same.

    A chain: the digest of the messages before as ``start`` gives that of both, so a summary that is continued needs to
    read only what it adds.
    """
    for message in messages:
        link = json.dumps([start, message.id, message.type, message.text])
        start = hashlib.sha256(link.encode()).hexdigest()
    return start


@dataclass(frozen=True, slots=True)
class VectorCounts:
    """Of how many messages a store has vectors."""

    messages: int
    """That can have one."""
    made: int
    """Of the model that was asked about; where it takes no vector of a text, that counts, too."""
    waiting: int
    others: int
    """Of other models."""
    agreed: bool
    """Whether what was said before the model was configured gets vectors, too."""
    walked: bool
    """Whether all of that waits by now, or has one."""


@dataclass(frozen=True, slots=True)
class PassageCounts:
    """Of how many passages of files a store has vectors."""

    passages: int
    """That can have one."""
    made: int
    """Of the model that was asked about; where it takes no vector of a text, that counts, too."""
    whole: bool
    """Whether all have one."""


@dataclass(frozen=True, slots=True)
class Facets:
    """How many of a user's threads there are of each kind: as many as a list shows with that filter of ``Which``. Those
    in the trash count nowhere else."""

    folders: dict[str, int]
    """Directly in each folder, by its path: at most 1,000."""
    tags: dict[str, int]
    """With each tag; the most frequent first, as all that follow: at most 1,000."""
    statuses: dict[str, int]
    kinds: dict[str, int]
    models: dict[str, int]
    months: dict[str, int]
    """By the month of their last activity, in UTC, such as "2026-11"; the latest first."""
    votes: dict[int, int]
    """With a vote for (1), against (0)."""
    threads: int = 0
    """All of them."""
    unfiled: int = 0
    """In no folder."""
    pinned: int = 0
    files: int = 0
    """With a file."""
    archived: int = 0
    """Whichever threads were asked for."""
    trashed: int = 0
    """In the trash, whichever threads were asked for."""
    more_folders: int = 0
    more_tags: int = 0
    """Folders and tags beyond those that are told."""
    uncounted: int = 0
    """Threads whose last change is in no number yet: many have changed a moment ago, and are being counted."""

    def within(self, folder: str) -> int:
        """In this folder, or in one below it."""
        return sum(count for path, count in self.folders.items() if path == folder or path.startswith(folder + "/"))


@dataclass(frozen=True, slots=True)
class Readiness:
    """What of a store can take a write now."""

    database: bool
    """It answers reads."""
    spool: bool | None = None
    """It takes writes in place of the database; None: it need not, the database takes them."""

    @property
    def ready(self) -> bool:
        return self.database if self.spool is None else self.spool
