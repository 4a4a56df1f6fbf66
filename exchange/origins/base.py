"""What the reader of a product's export gives, and what it is given.

A reader takes nothing for granted: whatever it cannot read is a ``Problem`` with its place, and it goes on with the
next conversation. It never raises for what stands in a file, and holds one conversation at a time.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from .places import Place
from .reasons import Why

SpokenBy = Literal["user", "assistant", "system", "tool"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of an export that does not come over as it was."""

    place: Place
    why: Why
    lost: bool = True
    """A whole conversation, or what should be one, is not there; False: all but a part of it."""


@dataclass(slots=True)
class File:
    """An attached file."""

    key: str
    """The id it has in the product, or what tells it from the other files of its message."""
    name: str
    mime: str | None = None
    """None: unknown. What the content says of itself is looked at when it is stored."""
    member: str | None = None
    """Of the source, whose content it is; None: ``content`` is."""
    content: bytes | None = None
    """None, with no ``member``: the export does not have it, so the name is all that comes over."""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Said:
    """A message, or a step that led to one."""

    key: str
    """Unlike that of all others of its conversation, and the same in every export."""
    by: SpokenBy
    text: str
    """As Markdown."""
    parent: str | None = None
    """The key of what it follows; None: it is the first, or one of several versions of the first. One that is not
    there counts as None."""
    at: int | None = None
    """UTC microseconds; None: the export does not say."""
    name: str | None = None
    """Of the model or tool that speaks, as people read it."""
    model: str | None = None
    aside: Literal["reasoning", "tool", "hidden"] | None = None
    """It is no message of the conversation, but what led to one; None: it is one. It is kept as a step."""
    input: str = ""
    """What a tool was given."""
    failed: bool = False
    """It is an error that was shown in place of an answer."""
    files: list[File] = field(default_factory=list)
    vote: int | None = None
    """1 or 0; None: no vote."""
    comment: str | None = None
    """Of the vote."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """What has no other place, as JSON."""


@dataclass(slots=True)
class Conversation:
    """A conversation as its product keeps it: a tree of what was said, with one path that is shown."""

    key: str
    """Its id in the product, or one that is derived from what never changes; the same in every export."""
    place: Place
    said: list[Said]
    """In any order, so long as siblings stand in theirs, the oldest first; ``parent`` makes it a tree."""
    tip: str | None = None
    """The key of the last that is shown; None, or one that is not there: the newest leaf."""
    title: str | None = None
    """None: its first message gives it one."""
    created_at: int | None = None
    updated_at: int | None = None
    """UTC microseconds; None: its messages tell."""
    author: str | None = None
    """Who it belongs to in the product, as people read it; None: the export has one person's."""
    model: str | None = None
    folder: str | None = None
    tags: list[str] = field(default_factory=list)
    archived: bool = False
    pinned: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    """What has no other place, as JSON."""
    problems: list[Problem] = field(default_factory=list)
    """What of it does not come over."""


@dataclass(slots=True)
class Stored:
    """A conversation as the rows of our own tables, from a product whose tables are like them."""

    place: Place
    thread: dict[str, Any]
    """Columns of ``schema.threads`` with its ``id``, without ``user_id``."""
    author: str | None
    """The identifier of the user it belongs to; None: to nobody."""
    steps: list[dict[str, Any]]
    """Columns of ``schema.steps``, in their order."""
    elements: list[dict[str, Any]] = field(default_factory=list)
    """Columns of ``schema.elements``; ``blob`` is the SHA-256 of content that is among ``contents``."""
    contents: dict[str, str | bytes] = field(default_factory=dict)
    """By their SHA-256 the contents, or the members of the source that have them."""
    votes: list[dict[str, Any]] = field(default_factory=list)
    """Columns of ``schema.feedbacks``; ``user`` in place of ``user_id``: the voter's identifier, "" for nobody."""
    usage: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] | None = None
    problems: list[Problem] = field(default_factory=list)


Read = Conversation | Stored | Problem


@dataclass(frozen=True, slots=True)
class Item:
    """An element of a JSON array, or a line of JSON Lines."""

    place: Place
    """Without a title."""
    value: Any


class Source(Protocol):
    """An export that lies on this machine: a file, a ZIP, or a folder. Everything blocks, and is bounded: what is
    larger than a limit, or no file of the export at all, is told as a ``Problem``."""

    path: Path
    place: Place
    """All of it."""
    members: Sequence[str]
    """Names of the files in it, with slashes, without those that no product made (``__MACOSX/``, ``.DS_Store``). Of a
    single file: its own name. ZIPs in a ZIP are looked through as if their files were its own."""
    problems: list[Problem]
    """What of it could not be opened."""

    def open(self, member: str) -> AbstractContextManager[IO[bytes]]:
        """Its content, to be read once, from the beginning on. Raises KeyError for one that is not there, OSError for
        one that is damaged."""

    def start(self, member: str) -> bytes:
        """The first 64 kB at most."""

    def items(self, member: str, key: str | None = None) -> Iterator[Item | Problem]:
        """The elements of its array, one by one, whatever its size; of an object, those of the array at ``key``, or the
        object itself where it has none. Of JSON Lines the lines. One that cannot be read is a ``Problem``; those behind
        it follow. A byte-order mark is skipped; broken UTF-8 is replaced, and told."""

    def json(self, member: str) -> Any:
        """All of a small JSON file, up to 20 MB. None for one that is not there or cannot be read, which is told among
        ``problems``."""

    def database(self) -> Path | None:
        """Where it lies as a SQLite file that may be opened read-only, with what its WAL has; None: it is none."""


class Origin(Protocol):
    """A product."""

    name: str
    """A word without spaces, such as ``chatgpt``: part of what the ids of its conversations derive from."""
    title: str
    """As people know it: ``ChatGPT``."""

    def recognises(self, source: Source) -> bool:
        """Whether it can read it: told by content, never by the names of files alone. It looks at little."""

    def read(self, source: Source) -> Iterator[Read]:
        """All conversations of it, in bounded memory. Blocks."""
