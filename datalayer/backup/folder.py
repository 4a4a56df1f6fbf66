"""What a folder of backups holds, which of them are kept, and what goes.

A backup is made as ``.unfinished-…`` and renamed when it is whole and verified, and renamed back before it is removed:
what a kill leaves never counts, and the next backup clears it away.
"""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..blobs import LocalBlobs
from ..dialects.sqlite import failures
from ..durable import sync
from ..errors import NotFound
from ..schema import HEAD
from .access import held_blobs, read_only
from .disk import locked

UNFINISHED = ".unfinished-"
MARK = "verified.json"
_STAMP = "%Y%m%dT%H%M%SZ"
DAILY, WEEKLY = 7, 4
"""How many backups are kept: the newest of each of the last days and weeks that have one."""


@dataclass(frozen=True, slots=True)
class Dump:
    """What else there is to know of a backup that a server's own tool made."""

    database: str
    """The kind of server."""
    schema: str | None
    """Where its tables are; None for a server without."""
    tool: str
    """Its name and version."""
    file: str
    digests: dict[str, str]
    """Of the rows of each table."""
    held: str
    """SHA-256 of the list of the content that elements point to."""
    notes: list[str]
    """Sentences on what this backup does not hold, or could not be compared with."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the check of a backup found before it counted: ``verified.json``. ``lost``: see proof.Report."""

    taken_at: str
    revision: str | None
    rows: dict[str, int]
    blobs: int
    bytes: int
    sha256: str
    lost: list[str]
    dump: Dump | None = None
    """None: the backup is a database of SQLite's."""

    def to_json(self) -> str:
        fields = asdict(self)
        if self.dump is None:
            del fields["dump"]  # an older version of this package knows of none
        return json.dumps(fields, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Mark":
        """Raises ValueError, TypeError."""
        fields: Any = json.loads(text)
        dump = fields.pop("dump", None)
        return cls(**fields, dump=Dump(**dump) if dump else None)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup by its folder, which need not exist."""

    path: Path

    @property
    def stamp(self) -> str:
        """Like 20261120T082100Z, UTC."""
        return self.path.name

    @property
    def moment(self) -> datetime | None:
        """When it was taken; None for a folder that is not named so."""
        try:
            return datetime.strptime(self.stamp, _STAMP).replace(tzinfo=UTC)
        except ValueError:
            return None

    @property
    def database(self) -> Path:
        return self.path / "threads.db"

    @property
    def pool(self) -> LocalBlobs:
        return pool(self.path.parent)

    @property
    def mark(self) -> Mark | None:
        """None: it was never verified, or what said so is damaged."""
        try:
            return Mark.from_json((self.path / MARK).read_text())
        except (OSError, ValueError, TypeError, AttributeError):
            return None

    @property
    def held_list(self) -> Path:
        """Names and sizes of the content that a dump's elements point to."""
        return self.path / "blobs.txt"

    def held(self, dump: Dump) -> dict[str, int]:
        """Raises OSError, ValueError for a list that is not the one that was made."""
        text = self.held_list.read_bytes()
        if hashlib.sha256(text).hexdigest() != dump.held:
            raise ValueError("The list of the files is damaged")
        return {name: int(size) for name, size in (line.split() for line in text.decode().splitlines())}


@dataclass(frozen=True, slots=True)
class Pruned:
    """``backups``: stamps; ``blobs``: how many contents; ``bytes``: their size."""

    backups: list[str]
    blobs: int
    bytes: int


def pool(folder: Path) -> LocalBlobs:
    """The content that the backups of ``folder`` share."""
    return LocalBlobs(folder / "blobs")


def backups(folder: Path) -> list[Backup]:
    """The verified backups, oldest first. Reads their marks; ``verify`` reads them whole."""
    return [found for found in _stamped(folder) if found.mark is not None]


def newest(folder: Path) -> Backup | None:
    """The newest verified backup; None when there is none."""
    return next((found for found in reversed(_stamped(folder)) if found.mark is not None), None)


def find(folder: Path, name: str) -> Backup:
    """The backup of ``folder`` with that stamp, or at that path, or the one called "newest". Raises NotFound."""
    if name == "newest":
        found = newest(folder)
    else:
        found = next((Backup(path) for path in (folder / name, Path(name).resolve()) if path.is_dir()), None)
    if found is None:
        raise NotFound("There is no such backup")
    return found


def _stamped(folder: Path) -> list[Backup]:
    if not folder.is_dir():
        return []
    found = (Backup(path) for path in sorted(folder.iterdir()) if path.is_dir())
    return [backup for backup in found if backup.moment is not None]


def publish(making: Path, moment: datetime) -> Backup:
    """Gives a whole backup its name: ``moment`` to the second, or the next second that no backup has."""
    while (final := making.with_name(moment.strftime(_STAMP))).exists():
        moment += timedelta(seconds=1)
    os.rename(making, final)
    sync(final.parent)
    return Backup(final)


def clear_unfinished(folder: Path) -> None:
    """Removes what killed processes left. Call it with the folder locked."""
    for left in folder.glob(UNFINISHED + "*"):
        shutil.rmtree(left)


def keep(moments: Iterable[datetime], daily: int = DAILY, weekly: int = WEEKLY) -> set[datetime]:
    """Those to keep: the newest of each of the last ``daily`` days and ``weekly`` ISO weeks that have one (UTC).

    The newest of all is always kept.
    """
    ordered = sorted(moments, reverse=True)
    days = {moment.date(): moment for moment in reversed(ordered)}
    weeks = {moment.isocalendar()[:2]: moment for moment in reversed(ordered)}
    kept = {days[day] for day in sorted(days, reverse=True)[:daily]}
    kept |= {weeks[week] for week in sorted(weeks, reverse=True)[:weekly]}
    return kept | set(ordered[:1])


def prune(folder: Path, daily: int = DAILY, weekly: int = WEEKLY, now: datetime | None = None) -> Pruned:
    """Removes the backups that need not be kept, then the content that no backup names any more.

    The newest backup of an older schema stays for ``weekly`` weeks besides: it is the way back from an upgrade.
    A folder that was never verified is not ours to judge: it stays, and so does its content. Raises StoreUnavailable.
    """
    if not folder.is_dir():
        return Pruned([], 0, 0)
    with failures(), locked(folder):
        clear_unfinished(folder)
        found = {moment: backup for backup in backups(folder) if (moment := backup.moment)}
        kept = keep(found, daily, weekly) | _ways_back(found, (now or datetime.now(UTC)) - timedelta(weeks=weekly))
        gone = [found[moment] for moment in sorted(set(found) - kept)]
        for backup in gone:
            removing = backup.path.with_name(UNFINISHED + backup.stamp)
            os.rename(backup.path, removing)
            sync(folder)
            shutil.rmtree(removing)
        return Pruned([backup.stamp for backup in gone], *_sweep(folder))


def _ways_back(found: dict[datetime, Backup], since: datetime) -> set[datetime]:
    latest: dict[str | None, datetime] = {}
    for moment in sorted(found):
        if (mark := found[moment].mark) and mark.revision != HEAD and moment >= since:
            latest[mark.revision] = moment
    return set(latest.values())


def _sweep(folder: Path) -> tuple[int, int]:
    """Removes the pool's content that no backup names: how many, how many bytes."""
    try:
        named = {name for backup in _stamped(folder) for name in _names(backup)}
    except (sqlite3.Error, OSError, ValueError):
        return 0, 0  # a backup that cannot be read does not say what it needs
    blobs, size = pool(folder), 0
    unnamed = [name for name in blobs.names() if name not in named]
    for name in unnamed:
        size += blobs.path(name).stat().st_size
        blobs.remove(name)
    return len(unnamed), size


def _names(backup: Backup) -> Iterator[str]:
    if backup.held_list.exists():
        if (mark := backup.mark) is None or mark.dump is None:
            raise ValueError("The backup was never verified")
        yield from backup.held(mark.dump)
        return
    with closing(read_only(backup.database, immutable=True)) as db:
        yield from held_blobs(db)
