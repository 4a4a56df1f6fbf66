"""What a reader reads of: ``origins.base.Source`` for a file, a ZIP, a folder."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from ..origins.base import Item, Problem
from ..origins.places import Place
from ..origins.reasons import Why, why_of
from . import databases, folders
from .limits import LIMITS, Limits
from .members import Found, place_of
from .values import Values
from .zips import Unpacked

_START = 65_536


class Opened:
    """An ``origins.base.Source``."""

    def __init__(self, path: Path, limits: Limits, stack: ExitStack) -> None:
        self.path, self._limits, self._stack = path, limits, stack
        self.place: Place = place_of(path.name)
        self._found = Found()
        self._folder: Path | None = None
        self._unread: dict[str, Why] = {}
        self._unpacked = Unpacked(limits, self._temporary)
        self._database: tuple[Path | None] | None = None
        folders.add(path, self._found, self._unpacked, stack)
        self.members: Sequence[str] = sorted(self._found.members)
        self.problems: list[Problem] = self._found.problems

    @contextmanager
    def open(self, member: str) -> Iterator[IO[bytes]]:
        with self._found.members[member].open() as file:
            yield file

    def size(self, member: str) -> int:
        """Bytes, as its ZIP or its folder says. Raises KeyError."""
        return self._found.members[member].size

    def start(self, member: str) -> bytes:
        try:
            with self.open(member) as file:
                return file.read(_START)
        except OSError as error:
            self._unread[member] = why_of(error)
            return b""

    def tell_unread(self) -> None:
        """Of an export that nobody knows: which of its files could not be looked at is among ``problems`` then."""
        for member, why in self._unread.items():
            self._tell(member, why)

    def items(self, member: str, key: str | None = None) -> Iterator[Item | Problem]:
        try:
            with self.open(member) as file:
                yield from Values(file, member, self._limits).read(key)
        except OSError as error:
            yield Problem(place_of(member), why_of(error))

    def json(self, member: str) -> Any:
        if member not in self._found.members:
            return None
        if self.size(member) > self._limits.whole:
            return self._tell(member, Why("too_large", mb=self._limits.whole // 1_000_000))
        try:
            with self.open(member) as file:
                content = file.read(self._limits.whole + 1)
            return json.loads(content.decode(json.detect_encoding(content), "replace"), strict=False)
        except (OSError, ValueError, RecursionError):
            return self._tell(member, Why("no_json"))

    def _tell(self, member: str, why: Why) -> None:
        if not any(problem.place == place_of(member) for problem in self.problems):
            self._found.tell(member, why)

    def database(self) -> Path | None:
        if self._database is None:
            self._database = (self._readable_database(),)
        return self._database[0]

    def _readable_database(self) -> Path | None:
        if (member := databases.chosen(self._found.members)) is None:
            return None
        wal = self._found.members.get(f"{member.name}-wal")
        if wal is None and member.path is not None:
            beside = Path(f"{member.path}-wal")
            wal = folders.member(beside) if beside.is_file() and beside.stat().st_size else None
        try:
            return databases.readable(member, wal, self._unpacked)
        except OSError as error:
            self._tell(member.name, why_of(error))
            return None

    def _temporary(self) -> Path:
        if self._folder is None:
            self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="threadkeep-")))
        return self._folder


@contextmanager
def opened(path: Path, limits: Limits = LIMITS) -> Iterator[Opened]:
    """What lies at ``path`` as a source, until the context ends. Raises OSError for what is not there or may not be
    read. Blocks; everything of it is for one thread at a time."""
    with ExitStack() as stack:
        yield Opened(path, limits, stack)
