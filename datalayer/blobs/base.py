"""The contract of a blob store (I10): a blob is complete or absent, and its name is the SHA-256 of its content."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, Protocol

from ..records import Blob

Source = bytes | Path | BinaryIO | io.BufferedIOBase
"""Content to store: a file that is open is read from its beginning, and must be seekable."""

Stream = io.BufferedIOBase
"""Content that can be read from any place: ``seek``, then ``read(size)``, which holds no more than that in memory."""

CHUNK = 1 << 20
"""Bytes that are read at a time."""


class Blobs(Protocol):
    """All methods block, for as long as the store's time limits say, and may be called from any thread.

    ``name``: 64 lower-case hex digits, InvalidInput for others. A store that cannot be used raises StoreUnavailable,
    or OSError, also while a stream is read.
    """

    def put(self, source: Source) -> Blob:
        """Stores ``source`` and returns when it survives a power cut. Equal content is stored once."""

    def open(self, name: str) -> Stream:
        """The content, to be closed. Raises FileNotFoundError."""

    def size(self, name: str) -> int | None:
        """Bytes; None: there is no such blob."""

    def has(self, name: str) -> bool: ...

    def remove(self, name: str) -> None:
        """Removes the blob; one that is absent is no error."""

    def names(self) -> Iterator[str]:
        """The names of all blobs, in no order."""


def opened(source: Source) -> AbstractContextManager[BinaryIO | io.BufferedIOBase]:
    """``source`` at its beginning. Raises OSError."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, Path):
        return source.open("rb")
    source.seek(0)
    return nullcontext(source)


def chunks(file: BinaryIO | io.BufferedIOBase) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def measured(file: BinaryIO | io.BufferedIOBase) -> Blob:
    """What the rest of ``file`` is. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks(file):
        digest.update(chunk)
        size += len(chunk)
    return Blob(digest.hexdigest(), size)
