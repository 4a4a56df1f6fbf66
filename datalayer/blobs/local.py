"""Blobs in a folder: ``ab/cd/abcd…`` (content-addressed), written aside and renamed (I10).

Names that users give never reach a path: the only name used is the hash.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ..durable import make_folder, sync
from ..errors import InvalidInput
from ..records import Blob
from .base import Source, Stream, chunks, opened

_NAME = re.compile(r"[0-9a-f]{64}")


class LocalBlobs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._durable: set[Path] = set()

    def put(self, source: Source) -> Blob:
        incoming = self.folder / "incoming"
        if not self.folder.is_dir():
            make_folder(self.folder)
        incoming.mkdir(exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=incoming)
        try:
            with os.fdopen(handle, "wb") as target:
                blob = _copy(source, target)
                final = self.path(blob.sha256)
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
        if not _NAME.fullmatch(name):
            raise InvalidInput("A blob's name is its SHA-256")
        return self.folder / name[:2] / name[2:4] / name

    def names(self) -> Iterator[str]:
        return (path.name for path in self.folder.glob("??/??/*") if _NAME.fullmatch(path.name))


def _copy(source: Source, target: BinaryIO) -> Blob:
    digest, size = hashlib.sha256(), 0
    with opened(source) as file:
        for chunk in chunks(file):
            digest.update(chunk)
            target.write(chunk)
            size += len(chunk)
    target.flush()
    return Blob(digest.hexdigest(), size)
