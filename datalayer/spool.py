"""I7: writes that the database refused, kept in a file until it takes them.

One file a process, ``<instance>.jsonl``, and one for each further lane, ``<instance>.<name>.jsonl``, locked (flock) as
long as the process lives. A line is a write as
``lines.to_json`` gives it, in ASCII with a newline at its end; the first one may name the database that they are for,
and no other takes them. Lines are only ever added, and fsynced before their
callers hear that they are safe. When the database has all of them, the file is truncated to nothing, and removed at the
end. Only the last lines of a file can be torn, by a power cut before their fsync; reading ends there.

A file without a lock was left by a process that died: whoever has the store open, or opens it next, replays it. The
lock is also how processes see which others are alive: the system drops it with the process, however that ends.
"""

import fcntl
import json
import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from heapq import merge
from pathlib import Path
from typing import BinaryIO

from . import lines
from .durable import sync
from .writes import Write

logger = logging.getLogger("datalayer")
_ENDING = ".jsonl"
_FOR = b'{"database": '


class Spool:
    """``owner``: as ``Place.owner``. Not opened by the constructor. All methods block; every one but the constructor
    raises OSError."""

    def __init__(self, folder: Path, owner: str = "", trunk: "Spool | None" = None) -> None:
        self.folder = folder
        self._owner = owner
        self._trunk = trunk
        self._name = ""
        self._own: BinaryIO | None = None
        self._claimed: dict[Path, BinaryIO] = {}

    def branch(self) -> "Spool":
        """Another file of the same process, for another lane; made when there is something to keep in it."""
        return Spool(self.folder, self._owner, self)

    @property
    def instance(self) -> str:
        """The name of this process."""
        return self._trunk.instance if self._trunk else self._name

    def open(self) -> BinaryIO:
        """Makes and locks this process's file. A second call does nothing."""
        if self._trunk:
            self._trunk.open()
        while self._own is None:  # another process that starts or ends now may take our file or the empty folder away
            self.folder.mkdir(mode=0o700, exist_ok=True)  # not its parents: a store whose folder is missing is none
            sync(self.folder.parent)
            self._name = f"{self.instance}.{uuid.uuid4().hex[:8]}" if self._trunk else str(uuid.uuid4())
            self._own = _lock(self._path, "xb")
        return self._own

    def show_up(self) -> None:
        """Lets other processes see this one. Without a spool it goes on."""
        try:
            self.open()
        except OSError as error:
            logger.warning("there is no spool: %s. What the database refuses cannot be kept.", error.strerror)

    def take_over(self) -> list[Write]:
        """The writes that dead processes left: each file's in its order, those of several by their time. They stay in
        their files until ``forget``."""
        for path in self.folder.glob("*" + _ENDING):
            if _instance(path) != self.instance and path not in self._claimed and (file := _lock(path, "r+b")):
                if other := self._other(file):
                    logger.warning("%s holds writes for %s, which wait until that one is opened", path, other)
                    file.close()
                else:
                    self._claimed[path] = file
        files = sorted(self._claimed.values(), key=lambda file: os.fstat(file.fileno()).st_mtime)
        return list(merge(*(_read(file) for file in files), key=lambda write: write.at))

    @property
    def has_taken(self) -> bool:
        """Whether files of dead processes are taken over and not forgotten yet."""
        return bool(self._claimed)

    def _other(self, file: BinaryIO) -> str | None:
        """The other database that the file is for. A file of SQLite's that is no more has been moved here."""
        line = file.readline()
        named = str(json.loads(line)["database"]) if line.startswith(_FOR) and line.endswith(b"\n") else self._owner
        if named == self._owner or not ("://" in named or (self._owner and (self.folder / named).exists())):
            return None
        return named

    def forget(self) -> None:
        """Removes what ``take_over`` gave. To be called when all of it is stored."""
        for path, file in self._claimed.items():
            path.unlink(missing_ok=True)
            file.close()
        if self._claimed:
            sync(self.folder)  # or a power cut brings them back, to be stored over what is newer
        self._claimed.clear()

    def append(self, refused: Iterable[Write]) -> None:
        """Returns when ``refused`` survive a power cut; raises with nothing added."""
        own = self.open()
        end = own.seek(0, os.SEEK_END)
        try:
            begun = [_FOR + json.dumps(self._owner).encode() + b"}\n"] if self._owner and not end else []
            rest = memoryview(b"".join(begun + [lines.to_json(write).encode() + b"\n" for write in refused]))
            while rest:  # a disk that fills up takes a part, and refuses at the next call
                rest = rest[own.write(rest) :]
            os.fsync(own.fileno())
            sync(self.folder)
        except OSError:
            own.truncate(end)  # half a line would hide the whole ones that follow it
            raise

    def clear(self) -> None:
        """Removes this process's writes. To be called when all of them are stored."""
        if self._own is not None:
            self._own.truncate(0)
            os.fsync(self._own.fileno())

    def reject(self, write: Write) -> None:
        """Keeps a write that can never be stored, for a person to look at."""
        with open(self.folder / "rejected.txt", "ab", opener=_private) as file:
            file.write(lines.to_json(write).encode() + b"\n")
            os.fsync(file.fileno())

    def takes(self) -> bool:
        """Whether it would take a write now. Raises nothing."""
        probe = self.folder / f"{self.instance}.probe"
        try:
            probe.write_bytes(b"?" * 4096)  # a disk may be full, which no right tells
            return True
        except OSError:
            return False
        finally:
            with suppress(OSError):
                probe.unlink()

    def live(self) -> set[str]:
        """The instances that run now, this one included."""
        others = (path for path in self.folder.glob("*" + _ENDING) if path not in self._claimed)
        return {_instance(path) for path in others if _instance(path) == self.instance or _is_locked(path)}

    def close(self, keep: bool) -> None:
        """``keep``: the writes are not stored yet, so the file stays for the next process."""
        if self._own is not None:
            if not keep:
                self._path.unlink(missing_ok=True)
            self._own.close()
        for file in self._claimed.values():
            file.close()
        with suppress(OSError):  # not there, or not empty: others use it
            self.folder.rmdir()

    @property
    def _path(self) -> Path:
        return self.folder / (self._name + _ENDING)


def live_instances(folder: Path) -> set[str]:
    """The instances that have a store with this spool ``folder`` open, in any process."""
    return {_instance(path) for path in folder.glob("*" + _ENDING) if _is_locked(path)}


def count(folder: Path) -> int:
    """How many writes wait, of whichever process. Raises OSError."""
    lines = (line for path in folder.glob("*" + _ENDING) for line in path.read_bytes().splitlines(keepends=True))
    return sum(line.endswith(b"\n") and not line.startswith(_FOR) for line in lines)


def _instance(path: Path) -> str:
    return path.name.partition(".")[0]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lock(path: Path, mode: str) -> BinaryIO | None:
    """The file, open and locked; None when another process has it, or had it and is done."""
    try:
        # What people said is its owner's, whatever the umask. Unbuffered, so that a failed write leaves nothing behind.
        file: BinaryIO = open(path, mode, buffering=0, opener=_private)  # type: ignore[assignment]  # noqa: SIM115
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    if not path.exists():  # its owner removed it between our two calls
        file.close()
        return None
    return file


def _is_locked(path: Path) -> bool:
    file = _lock(path, "r+b")
    if file is None:
        return path.exists()
    file.close()
    return False


def _read(file: BinaryIO) -> Iterator[Write]:
    file.seek(0)
    for line in file:
        if line.startswith(_FOR):
            continue
        try:
            yield lines.from_json(line)
        except (ValueError, KeyError, TypeError):
            # Only the last line can be torn, by a crash before its fsync: nobody was told that it is safe.
            logger.warning("the spool %s ends in the middle of a write", Path(file.name).name)
            return
