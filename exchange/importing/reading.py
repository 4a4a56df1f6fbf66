"""An export, read some conversations at a time. All of it blocks, and is for one thread."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from datalayer.errors import InvalidInput

from .. import origins
from ..opened import Limits, opened
from ..opened.servers import Server, is_server
from ..opened.source import Opened
from ..origins.base import Conversation, Origin, Problem, Read, Stored
from ..origins.each import guarded

_SOME, _LETTERS = 32, 2_000_000
"""Conversations, and characters of what is said in them, that are read at a time."""


class Reading:
    """``named``: the product, where its name was given; None: its content tells."""

    def __init__(self, path: Path | str, named: str | None, limits: Limits | None = None) -> None:
        self._given, self._named, self._limits = path, named, limits or Limits()
        self._stack = ExitStack()
        self.source: Opened | Server
        self.origin: Origin | None = None
        self._read: Iterator[Read] = iter(())

    def open(self) -> None:
        """Raises OSError, InvalidInput for a name that no product has."""
        if self._named is not None and self._named not in (known := {each.name: each for each in origins.ORIGINS}):
            raise InvalidInput(f"An export is of one of: {', '.join(known)}")
        if isinstance(self._given, str) and is_server(self._given):
            self.source = Server(self._given)
        else:
            self.source = self._stack.enter_context(opened(Path(self._given), self._limits))
        self.origin = next((each for each in origins.ORIGINS if self._is(each)), None)
        if self.origin is not None:
            self._read = guarded(self.source.place, self.origin.read, self.source)
        elif isinstance(self.source, Opened):
            self.source.tell_unread()

    def _is(self, origin: Origin) -> bool:
        if self._named is not None:
            return origin.name == self._named
        try:
            return origin.recognises(self.source)
        except Exception:  # whatever is in it
            return False

    def some(self) -> list[Read]:
        """The next; empty at the end."""
        found, letters = list[Read](), 0
        for read in self._read:
            found.append(read)
            if not isinstance(read, Problem):
                letters += size(read)
            if len(found) >= _SOME or letters > _LETTERS:
                break
        return found

    def close(self) -> None:
        self._stack.close()


def size(read: Conversation | Stored) -> int:
    """About how many characters are in it, and bytes of files that it has with it."""
    if isinstance(read, Stored):
        return sum(len(str(row.get("output") or "")) for row in read.steps) + 100 * len(read.steps)
    files = sum(len(file.content or b"") for said in read.said for file in said.files)
    return files + sum(len(said.text) + len(said.input) for said in read.said) + 100 * len(read.said)
