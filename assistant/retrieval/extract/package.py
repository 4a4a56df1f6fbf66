"""A document that is an archive of XML files, bounded before anything of it is unpacked."""

import posixpath
import zipfile
from collections.abc import Iterator, Mapping
from typing import IO
from urllib.parse import unquote

from ..cutting import Block
from .events import Target, xml
from .limits import Refused
from .source import Source


class Package:
    """Raises Refused where it is none, is too large, or wants a password."""

    def __init__(self, source: Source) -> None:
        self._limits = source.limits
        try:
            self._archive = zipfile.ZipFile(source.path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise Refused("broken") from error
        entries = self._archive.infolist()
        if len(entries) > self._limits.entries or sum(entry.file_size for entry in entries) > self._limits.unpacked:
            raise Refused("too_large")
        if any(entry.flag_bits & 1 for entry in entries):
            raise Refused("encrypted")
        self.names = [entry.filename for entry in entries]

    def open(self, name: str) -> IO[bytes]:
        """Raises KeyError. No more comes out than was declared: ``zipfile`` stops there."""
        return self._archive.open(name)

    def size(self, name: str) -> int:
        return self._archive.getinfo(name).file_size

    def xml(self, name: str, target: Target) -> Iterator[Block]:
        with self.open(name) as stream:
            yield from xml(stream, target, self._limits)

    def learn(self, name: str, target: Target) -> None:
        """Reads a file that has nothing to say, but tells of the others; nothing where there is none."""
        if name in self.names:
            for _ in self.xml(name, target):
                pass

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """What a file of Office's refers to within the document, by id: its kind and its name."""
        folder, base = posixpath.split(name)
        found = _Relations(folder)
        self.learn(f"{folder}/_rels/{base}.rels".lstrip("/"), found)
        return found.by_id


def within(folder: str, reference: str) -> str:
    """The name in the archive of what a file in ``folder`` calls ``reference``."""
    return posixpath.normpath(posixpath.join("/", folder, unquote(reference.partition("#")[0]))).lstrip("/")


class _Relations(Target):
    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder
        self.by_id: dict[str, tuple[str, str]] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.by_id[attributes.get("Id", "")] = kind, within(self._folder, attributes.get("Target", ""))
