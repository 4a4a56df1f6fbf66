"""A file that is being read: its bytes, and what has been learnt of it so far."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..cutting import Block
from ..textfiles import decode
from .limits import Limits, Refused


@dataclass(slots=True)
class Source:
    path: Path
    name: str
    limits: Limits
    pages: int | None = None
    """How many it has, once its reader knows."""
    cut: bool = False
    """Whether its reader has left something out, for a limit."""

    def beginning(self, size: int) -> bytes:
        with self.path.open("rb") as file:
            return file.read(min(size, max(1, os.fstat(file.fileno()).st_size)))  # all that it asks for is set aside

    def text(self) -> str:
        """As much as can become passages. Raises Refused."""
        most = 4 * self.limits.characters  # bytes that a character can take
        content = self.beginning(most + 1)
        self.cut = len(content) > most
        text = decode(content[:most])
        if text is None:
            raise Refused("not_text" if content else "empty")
        return text


Read = Callable[[Source], Iterator[Block]]
"""A reader of a format: gives blocks in the order of the file. Raises Refused, or anything where a file is broken."""
