"""Blobs in a folder: ``ab/cd/abcd…``, written aside and renamed (I10).

Names that users give never reach a path: the only name used is the hash, with its tag.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ..durable import make_folder, sync
from ..errors import StoreUnavailable
from ..records import Blob
from .base import Source, Stream, checked, chunks, is_name, named, opened


class LocalBlobs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._durable: set[Path] = set()

    def put(self, source: Source, name: str | None = None) -> Blob:
        incoming = self.folder / "incoming"
        if not self.folder.is_dir():
            make_folder(self.folder)
        incoming.mkdir(exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=incoming)
        try:
            with os.fdopen(handle, "wb") as target:
                blob = named(_copy(source, target), name)
                final = self.path(blob.name)
                if not final.exists():
                    os.fsync(target.fileno())
                    self._make_folder(final.parent)
                    os.replace(temporary, final)
                # Also when it was there: whoever put it may not have come to this line yet.
                sync(final.parent)
            return blob
        finally:
            with suppress(FileNotFoundError):  # renamed, which is the normal end
                os.unlink(temporary)

    def _make_folder(self, folder: Path) -> None:
        """Makes ``folder`` so that it survives a power cut, with the folders above it."""
        for each in (self.folder, folder.parent, folder):
            # One that is there may not be on the disk yet: whoever made it may be about to sync it.
            if each not in self._durable or not each.is_dir():
                make_folder(each)
                self._durable.add(each)

    def open(self, name: str) -> Stream:
        return self.path(name).open("rb")

    def size(self, name: str) -> int | None:
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        return self.path(name).is_file()

    def remove(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """Where the content is, for backups of a folder. The file need not exist. Raises InvalidInput."""
        return self.folder / checked(name)[:2] / name[2:4] / name

    def names(self) -> Iterator[str]:
        return (path.name for path in self.folder.glob("??/??/*") if is_name(path.name))

    def check(self) -> None:
        there = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
            raise StoreUnavailable("The folder of the files cannot be written")


def _copy(source: Source, target: BinaryIO) -> Blob:
    digest, size = hashlib.sha256(), 0
    with opened(source) as file:
        for chunk in chunks(file):
            digest.update(chunk)
            target.write(chunk)
            size += len(chunk)
    target.flush()
    return Blob(digest.hexdigest(), size)
