"""What was read of a file, as passages that can be found and cited."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

Unit = Literal["page", "slide", "chapter"]
"""What the pages of a file are."""
_UNITS: Mapping[str, Unit] = {
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".odp"), "slide"),
    **dict.fromkeys(("presentationml.presentation", "opendocument.presentation"), "slide"),
    **dict.fromkeys((".epub", "epub+zip"), "chapter"),
}
"""By the ending of a name, or of a type."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in its file a passage is. Counted from 1, both ends included; None or empty: the file has no such thing."""

    pages: tuple[int, int] | None = None
    """Or slides, or chapters: as ``unit`` says."""
    heading: tuple[str, ...] = ()
    """The headings above it, the outermost first."""
    sheet: str | None = None
    rows: tuple[int, int] | None = None
    """Of the sheet, or of a table that is the whole file."""
    lines: tuple[int, int] | None = None
    unit: Unit = "page"


class Passage(NamedTuple):
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class FileText:
    """What was read of one content, whatever it is called and whoever has it."""

    reader: str
    """Name and version of what has read it, up to 40 characters: another one reads it anew."""
    passages: tuple[Passage, ...] = ()
    """In the order of the file."""
    refused: str | None = None
    """Why there are none, as the reader calls it; None: there are."""
    pages: int | None = None
    """How many the file has; None: it has no pages."""
    cut: bool = False
    """Whether it goes on behind the last passage: a limit was reached."""
    kind: str = ""
    """As ``kind_of`` the name under which it was read: under another one equal content is read anew, so that nobody
    meets what another's name made of it. "": names make no difference."""


def kind_of(name: str, mime: str | None) -> str:
    """What a reader is told of a file besides its content, in 8 characters: the ending of its name, and its type."""
    told = f"{PurePosixPath(name).suffix.casefold()} {(mime or '').casefold()}"
    return hashlib.sha256(told.encode(errors="replace")).hexdigest()[:8]


def unit_of(name: str, mime: str | None) -> Unit:
    """What the pages of a file of this name are; where the name says nothing, by its type."""
    told = (PurePosixPath(name.casefold()).suffix, (mime or "").casefold())
    units: list[Unit] = [unit for said in told for ending, unit in _UNITS.items() if said.endswith(ending)]
    return units[0] if units else "page"


Status = Literal["waiting", "read", "refused"]
"""Of a file in its conversation. Waiting: nobody has read it yet, or nothing of it was kept."""
CITES = "source"
"""A key in the props of an element: it is an answer's citation of a file, and no file of the conversation."""
LEFT_OUT = "left_out"
"""A key in the props of an element: true when a person has taken the file out of the context."""


@dataclass(frozen=True, slots=True)
class ContextFile:
    """A file that answers of its conversation may draw on."""

    element_id: str
    for_id: str | None
    """The step that it belongs to, if any."""
    name: str
    mime: str | None
    size: int
    """Bytes."""
    sha256: str
    blob: str
    """The name of its content: ``store.blobs.open(blob)``."""
    created_at: int
    """UTC microseconds."""
    status: Status
    reader: str | None
    """As in ``FileText``; None: nobody has read it."""
    refused: str | None
    pages: int | None
    passages: int
    """How many were read."""
    cut: bool
    superseded: bool
    """A newer file of the conversation has the same name, whatever its case: nothing is found in this one."""
    left_out: bool = False
    """A person has taken it out of the context: nothing is found in it, and it can be read on."""


class FileUse(NamedTuple):
    """A person's file where it is: an element of a conversation."""

    element_id: str
    for_id: str | None
    """The step that it belongs to, if any."""
    name: str
    mime: str | None
    created_at: int
    thread_id: str
    thread_name: str | None
    sha256: str
    blob: str
    size: int
    left_out: bool
    """Nobody's answers draw on it: a person has taken it out of the context."""
    version: int = 1
    """Among the files of its name in the conversation, whatever its case, ``versions`` in all; the oldest is 1."""
    versions: int = 1
    superseded: bool = False
    """As in ``ContextFile``."""
    trashed_at: int = 0
    """Since then it is in the trash, in UTC microseconds; 0: it is not."""


FileSort = Literal["newest", "size", "name"]


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A content that a person has, with what was read of it as in ``ContextFile``."""

    uses: tuple[FileUse, ...]
    """Where it is, the newest first, by which it is called."""
    status: Status = "waiting"
    refused: str | None = None
    pages: int | None = None
    passages: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """A page of a person's files."""

    files: list[OwnFile]
    next: str | None
    """Cursor of the page that follows; None: this is the last one."""
    count: int
    """Of all that the person has, whatever their names, as ``size``: bytes."""
    size: int
    complete: bool
    """Whether the pages have all files, not the newest alone."""
    opened: OwnFile | None = None
    """The one that was asked for; None: it is not among them."""


@dataclass(frozen=True, slots=True)
class FoundPassage:
    element_id: str
    name: str
    """Of the file."""
    number: int
    """Of the passage in its file; the first is 1."""
    place: Place
    text: str
    score: float
    """Means something beside others of the same question only."""
    thread_id: str
    thread_name: str | None


class Cited(NamedTuple):
    """What an element cites."""

    source: Mapping[str, Any]
    """As the app has stored it, under ``CITES``; of a message with the ``name`` of its thread, if any."""
    file: ContextFile | None
    """None: it is no longer in the conversation."""
    passages: Sequence[Passage]
    """The one that is cited; none where the file has no such passage now, or who asks may not read it."""
    before: Passage | None = None
    after: Passage | None = None
    """Those beside it in its file, if there are any."""
    link: str | None = None
    """Where the message of another conversation that is cited can be opened; None: a file is cited."""
