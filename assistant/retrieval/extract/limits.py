"""How much is read of a file. What goes beyond is left, and said to be: ``FileText.cut``."""

from dataclasses import dataclass
from typing import Literal

READER = "threadkeep-2"
"""Changes when any file's passages would: what another one has read is read anew."""

Reason = Literal["encrypted", "broken", "empty", "scanned", "too_large", "too_slow", "old_format", "not_text"]


@dataclass(frozen=True, slots=True)
class Limits:
    seconds: float = 60
    """For one file; what was read by then is kept."""
    memory: int = 512 * 1024 * 1024
    """Bytes of addresses of the process that reads."""
    characters: int = 4_000_000
    """Of all passages: some 2,000 pages of a book."""
    pages: int = 5_000
    unpacked: int = 256 * 1024 * 1024
    """Bytes of all that is in a document that is an archive; one that says it has more is refused."""
    entries: int = 20_000
    """Files in such a document."""
    depth: int = 200
    """Elements in each other."""


LIMITS = Limits()


class Refused(Exception):
    """Nothing can be read of this file, and why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
