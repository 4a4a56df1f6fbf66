"""What the formats promise, and what all of them are told."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from datalayer.whole import WholeThread

from ..texts import Language


@dataclass(frozen=True, slots=True)
class About:
    """An export."""

    at: int
    """When it was made, in UTC microseconds."""
    selection: dict[str, Any]
    """What of the store it has, as JSON."""
    to: Language
    """In which language it speaks to whoever reads it."""
    files: bool = False
    """Whether the contents of files lie beside it, in ``files/``."""
    sign: Callable[[str], str] | None = field(default=None, repr=False)
    """What signs the chains, as ``Signer.sign``; None: they are not signed."""


def encoded(text: str) -> bytes:
    """Half a surrogate pair, which no database of ours takes, as JSON writes it."""
    return text.encode("utf-8", "backslashreplace")


class Contents(Protocol):
    """Where the contents of files are."""

    def open(self, name: str) -> io.BufferedIOBase:
        """That of this name, to be closed. Blocks. Raises FileNotFoundError, OSError, StoreUnavailable."""


class Document(Protocol):
    """All threads in one file. ``add`` may be called for any number of threads, also after an interruption: what it
    gives depends on nothing that came before but whether anything did."""

    ending: str
    """Of the name of its file."""
    mime: str
    has_references: bool
    """Whether it names the contents of files by their SHA-256."""

    def head(self, about: About) -> str: ...

    def add(self, whole: WholeThread, about: About) -> str:
        """A thread, whole lines; "": the format has nothing of it."""

    separator: str
    """Between what ``add`` gives."""

    def tail(self) -> str: ...


class Pages(Protocol):
    """A file for each thread."""

    ending: str
    mime: str
    beside: bool
    """Whether the contents of files lie beside it, in a folder; else they are in it."""
    slow: bool
    """Whether a page may take minutes."""

    def page(self, whole: WholeThread, about: About, files: dict[str, str], contents: Contents) -> Iterator[bytes]:
        """``files``: where from the page on the content of an element is, by the element's id. Blocks. Raises OSError,
        StoreUnavailable."""
