"""A SQLite file of an export, as one that can be opened read-only wherever it lies.

Always true: the file itself is never opened, so that whoever has it open is not disturbed, and nothing appears beside
it; a rollback journal does not come along, because SQLite would delete the file that one names.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import IO

from .members import Member
from .zips import Unpacked

MAGIC = b"SQLite format 3\0"
_ENDINGS = (".db", ".sqlite", ".sqlite3", ".db3")
_WAL = 2


def chosen(members: dict[str, Member]) -> Member | None:
    """The largest database among them; of many files only those are looked at that are named as one."""
    alone = len(members) == 1
    likely = [m for m in members.values() if alone or m.name.lower().endswith(_ENDINGS)]
    return max((m for m in likely if _start(m)[:16] == MAGIC), key=lambda m: m.size, default=None)


def readable(member: Member, wal: Member | None, unpacked: Unpacked) -> Path:
    """Where it can be opened with ``mode=ro``. Raises OSError."""
    if member.path is not None and wal is None and _WAL not in _start(member)[18:20]:
        return member.path
    path = unpacked.keep(member)
    if wal is not None:
        shutil.move(unpacked.keep(wal), f"{path}-wal")
    _settle(path)
    return path


def _settle(path: Path) -> None:
    """What the WAL has comes into the file, which needs none then. One that is damaged stays as it is."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA trusted_schema=OFF")
            database.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error:
        return


def _start(member: Member) -> bytes:
    try:
        file: IO[bytes]
        with member.open() as file:
            return file.read(100)
    except OSError:
        return b""
