"""What was read of a file, as passages that can be found and cited."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Place:
    """Where in its file a passage is. Counted from 1, both ends included; None or empty: the file has no such thing."""

    pages: tuple[int, int] | None = None
    """Of a book its chapters, of a presentation its slides."""
    heading: tuple[str, ...] = ()
    """The headings above it, the outermost first."""
    sheet: str | None = None
    rows: tuple[int, int] | None = None
    """Of the sheet, or of a table that is the whole file."""
    lines: tuple[int, int] | None = None


class Passage(NamedTuple):
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class FileText:
    """What was read of one content, whatever it is called and whoever has it."""

    reader: str
    """Name and version of what has read it: another one reads it anew."""
    passages: tuple[Passage, ...] = ()
    """In the order of the file."""
    refused: str | None = None
    """Why there are none, as the reader calls it; None: there are."""
    pages: int | None = None
    """How many the file has; None: it has no pages."""
    cut: bool = False
    """Whether it goes on behind the last passage: a limit was reached."""
