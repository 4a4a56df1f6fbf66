"""Hashes of files, and locks on folders that end with their process."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import StoreUnavailable

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done and how much there is (0: unknown)."""

_CHUNK = 1 << 20


def quiet(_what: str, _done: int, _total: int) -> None:
    """The Progress of a caller who does not look."""


def sha256(path: Path, progress: Callable[[int], None] = lambda size: None) -> str:
    """The hash of the file in 64 hex digits. ``progress`` is told the bytes of every piece. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            progress(len(chunk))
    return digest.hexdigest()


@contextmanager
def locked(folder: Path, shared: bool = False, wait: bool = False) -> Iterator[None]:
    """Holds ``folder`` against other processes that call this. Raises StoreUnavailable unless ``wait``, OSError.

    The lock is on the folder itself, so nothing is left behind, and a folder on read-only media can be locked too.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise StoreUnavailable("Another backup or restore is at work here; try again when it is done") from error
        yield
    finally:
        os.close(handle)
