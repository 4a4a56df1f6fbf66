"""The contract of a blob store (I10): a blob is complete or absent, and is named by the SHA-256 of its content.

A name is used once: whatever is put, also what is there already, gets a tag of its own. So a removal that comes late,
from a process that was frozen or out of a network, cannot take what somebody has stored since. The database knows of
each content one blob (``sql/contents``).
"""

import hashlib
import io
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Protocol

from ..errors import InvalidInput
from ..records import Blob

Source = bytes | Path | BinaryIO | io.BufferedIOBase
"""Content to store: a file that is open is read from its beginning, and must be seekable."""

Stream = io.BufferedIOBase
"""Content that can be read from any place: ``seek``, then ``read(size)``, which holds no more than that in memory."""

CHUNK = 1 << 20
"""Bytes that are read at a time."""


_NAME = re.compile(r"([0-9a-f]{64})(?:-([0-9a-f]{16}))?")


class Blobs(Protocol):
    """All methods block, for as long as the store's time limits say, and may be called from any thread.

    ``name``: as ``Blob.name``, InvalidInput for others. A store that cannot be used raises StoreUnavailable, or
    OSError, also while a stream is read.
    """

    def put(self, source: Source, name: str | None = None) -> Blob:
        """Stores ``source`` and returns when it survives a power cut.

        ``name``: the one that it has in another store; InvalidInput when ``source`` is not its content. What is there
        under this name already is left.
        """

    def open(self, name: str) -> Stream:
        """The content, to be closed. Raises FileNotFoundError."""

    def size(self, name: str) -> int | None:
        """Bytes; None: there is no such blob."""

    def remove(self, name: str) -> None:
        """Removes the blob; one that is absent is no error."""

    def names(self) -> Iterator[str]:
        """The names of all blobs, in no order."""

    def check(self) -> None:
        """Raises StoreUnavailable when nothing can be stored now. Changes nothing."""


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def checked(name: str) -> str:
    """Raises InvalidInput for what is no name."""
    if not is_name(name):
        raise InvalidInput("A blob's name is its SHA-256 and a tag")
    return name


def named(content: Blob, name: str | None) -> Blob:
    """``content`` as the blob of this name, None: with a new tag. Raises InvalidInput where it is another's content."""
    if name is None:
        return replace(content, tag=secrets.token_hex(8))
    found = _NAME.fullmatch(checked(name))
    assert found
    if found[1] != content.sha256:
        raise InvalidInput("The content is not the one that its name says")
    return replace(content, tag=found[2])


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
