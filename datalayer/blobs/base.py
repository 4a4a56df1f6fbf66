"""The contract of a blob store (I10): a blob is complete or absent, and its name is the SHA-256 of its content."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ..records import Blob


class Blobs(Protocol):
    """All methods block and may be called from any thread. ``name``: 64 lower-case hex digits."""

    def put(self, source: bytes | Path) -> Blob:
        """Stores ``source`` and returns when it survives a power cut. Equal content is stored once. Raises OSError."""

    def has(self, name: str) -> bool: ...

    def remove(self, name: str) -> None:
        """Removes the blob; one that is absent is no error."""

    def path(self, name: str) -> Path:
        """Where the content can be read. The file need not exist."""

    def names(self) -> Iterator[str]:
        """The names of all blobs, in no order."""
