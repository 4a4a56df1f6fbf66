"""Puts a backup in the place of a store: after a kill at any moment it is the old store or the new one, and whole.

Everything new is first written beside its final name. Then ``<database>.restoring`` is made, which lists the renames
that are left to do, and from then on the new store counts: whoever comes next, this command or a starting app, does
the rest of them (``finish_restore``). A database and its WAL cannot be exchanged in one step, and either of them
without the other would be a loss that nobody notices, hence the list.
"""

import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ..blobs import LocalBlobs
from ..dialects import server_schema
from ..dialects.sqlite import failures
from ..dialects.sqlite_file import check_content
from ..durable import sync, write_durably
from ..errors import InvalidInput, NotFound, StoreCorrupt, StoreForeign, StoreTooNew, StoreUnavailable, StoreUnusable
from ..place import Place
from ..schema import HEAD
from ..sql import copying
from .access import read_only, refuse_if_open
from .disk import Progress, locked, quiet
from .folder import UNFINISHED, Backup, newest
from .proof import Report, examine, verify
from .snapshot import copy_blobs
from .versions import migrate


@dataclass(frozen=True, slots=True)
class Restored:
    backup: str
    safety: list[str]
    """Where the parts of the old store are now; empty when there was none."""
    resumed: bool = False
    """The restore had been interrupted, and this call only finished it."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What ``<database>.restoring`` says. Moves are (from, to), the old store's first."""

    backup: str
    away: list[tuple[str, str]]
    into: list[tuple[str, str]]


def restore(backup: Backup, place: Place, over: bool = False, progress: Progress = quiet) -> Restored:
    """Makes the store at ``place`` what it was at the moment of ``backup``. No app may have it open.

    ``over``: there may be a store already; its files are renamed to ``<name>.before-restore-<stamp>``, with what waits
    in its spool, which belongs to it. Raises, with nothing changed, StoreCorrupt for a damaged backup, StoreTooNew for
    one of a newer version, InvalidInput for a place in use without ``over``, StoreUnavailable while it is open.
    """
    place = _resolved(place)
    backup = Backup(backup.path.resolve())
    with failures():
        for folder in {place.database.parent, place.files.parent, place.spool.parent}:
            folder.mkdir(parents=True, exist_ok=True)
        with locked(place.database.parent):
            if (plan := _finish(place)) and plan.backup == str(backup.path):
                return Restored(backup.stamp, [to for _, to in plan.away], resumed=True)
            with locked(backup.path.parent, shared=True):
                return _restore(backup, place, over, progress)


def finish_restore(place: Place) -> bool:
    """Does what an interrupted restore left to do; whether there was any. To be called before a store is opened.

    Without an interrupted restore it costs one look at the disk. Raises StoreUnavailable.
    """
    place = _resolved(place)
    if not _list(place).exists():
        return False
    with failures(), locked(place.database.parent, wait=True):
        return _finish(place) is not None


def check(place: Place) -> None:
    """Ends an interrupted restore, then reads the whole database for damage; changes nothing else.

    Where there are verified backups, a file that is empty, or none of ours, has taken the place of a database that was:
    StoreCorrupt, too. Raises as ``check_file``. A server is asked whether it can be used; one that does not answer,
    raises StoreUnavailable. A copy that was cut off raises StoreUnusable.
    """
    if place.server is not None:
        server_schema.check(place.server, copying.refuse_unfinished)
        return
    finish_restore(place)
    try:
        whole = check_content(place.database) or not place.database.exists()
    except StoreForeign:
        if newest(place.backups) is None:
            raise
        whole = False
    if not whole and newest(place.backups) is not None:
        raise StoreCorrupt("Something else lies where the database was")
    if whole and place.database.exists() and _is_unfinished(place.database):
        raise StoreUnusable(copying.UNFINISHED)


def _is_unfinished(database: Path) -> bool:
    try:
        with closing(read_only(database)) as db:
            return copying.is_unfinished(db)
    except sqlite3.Error:  # locked: whoever opens it finds out
        return False


def _restore(backup: Backup, place: Place, over: bool, progress: Progress) -> Restored:
    _refuse(place, over)
    report = verify(backup, progress)
    if report.problems:
        raise StoreCorrupt("This backup is damaged: " + "; ".join(report.problems))
    if report.revision is not None and report.revision > HEAD:
        raise StoreTooNew("This backup was made by a newer version; upgrade first")
    _stage(backup, place, report, progress)
    _refuse(place, over)  # again: verifying and copying take their time, and an app may have been started
    plan = _plan(backup, place)
    write_durably(_list(place), json.dumps(asdict(plan)).encode())
    _finish(place)
    return Restored(backup.stamp, [to for _, to in plan.away])


def _resolved(place: Place) -> Place:
    # A rename of a symbolic link would leave what it points to where it is.
    return replace(place, database=place.database.resolve(), files=place.files.resolve(), spool=place.spool.resolve())


def _list(place: Place) -> Path:
    return _named(place.database, ".restoring")


def _staged(path: Path) -> Path:
    return _named(path, ".restored")


def _refuse(place: Place, over: bool) -> None:
    refuse_if_open(place)
    if not over and any(path.is_file() or _has_files(path) for path, _ in _away(place)):
        raise InvalidInput("There is a store in this place already; --over sets it aside and restores")
    if place.files.is_mount() or place.spool.is_mount():
        raise InvalidInput("The folder of the files or of the spool is a mount point, which cannot be set aside")


def _has_files(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*"))


def _away(place: Place, suffix: str = "") -> list[tuple[Path, Path]]:
    """What there is of a store, and where each part goes."""
    # The WAL must go by the name of its database, or SQLite will not find it.
    ends = ("", "-wal", "-shm", "-journal")
    moves = [(_named(place.database, end), _named(place.database, suffix + end)) for end in ends]
    moves += [(folder, _named(folder, suffix)) for folder in (place.files, place.spool)]
    return [(path, to) for path, to in moves if path.exists()]


def _named(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _stage(backup: Backup, place: Place, report: Report, progress: Progress) -> None:
    """Writes the new database and files beside their final names."""
    database, files = _staged(place.database), _staged(place.files)
    if files.exists():
        shutil.rmtree(files)
    shutil.copyfile(backup.database, database)
    sync(database)
    files.mkdir()
    missing = copy_blobs(database, backup.pool, LocalBlobs(files), progress)
    again = examine(database, LocalBlobs(files), backup.stamp, report.lost, progress)
    if again.problems or again.sha256 != report.sha256 or not missing <= set(report.lost):
        raise StoreUnavailable("The backup could not be copied whole; try again")
    for folder in {database.parent, files, files.parent}:
        sync(folder)


def _plan(backup: Backup, place: Place) -> _Plan:
    for folder in (place.files, place.spool):
        if folder.exists() and not _has_files(folder):
            shutil.rmtree(folder)
    moment = datetime.now(UTC)
    away = _away(place, f".before-restore-{moment:%Y%m%dT%H%M%S}.{moment.microsecond:06}Z")
    into = [(_staged(path), path) for path in (place.files, place.database)]
    return _Plan(str(backup.path), *([(str(path), str(to)) for path, to in moves] for moves in (away, into)))


def _finish(place: Place) -> _Plan | None:
    """Does the moves of the list that are not done yet; None without a list. Call it with the lock held."""
    try:
        plan = _Plan(**json.loads(_list(place).read_bytes()))
    except FileNotFoundError:
        return None
    try:
        _move([*plan.away, *plan.into])
        if any(os.path.exists(source) for source, _ in plan.into):
            raise StoreUnavailable(
                "A restore was interrupted, and a new store was begun in its place; set that aside first"
            )
    except OSError:
        # One folder may be on a disk that refuses; half a store would be worse than the old one.
        with suppress(OSError):
            _move([(to, source) for source, to in reversed([*plan.away, *plan.into])])
            _done(place)
        raise
    _done(place)
    return plan


def _move(moves: Sequence[Sequence[str]]) -> None:
    """Each is on the disk before the next: a power cut must not leave a later one without an earlier one."""
    for source, to in moves:
        if os.path.exists(source) and not os.path.exists(to):
            os.rename(source, to)
        for folder in {os.path.dirname(source), os.path.dirname(to)}:
            sync(Path(folder))


def _done(place: Place) -> None:
    _list(place).unlink()
    sync(place.database.parent)


def drill(folder: Path, progress: Progress = quiet) -> Report:
    """Restores the newest backup to a temporary place, brings its schema up to date as an app would, and checks it.

    The place is in ``folder`` and removed afterwards. What is wrong is in the report. Raises NotFound without a
    backup, StoreCorrupt for a damaged one, StoreUnavailable.
    """
    started = time.monotonic()
    backup = newest(folder)
    if backup is None or (mark := backup.mark) is None:
        raise NotFound("There is no verified backup yet")
    with (
        failures(),
        locked(folder, shared=True),
        tempfile.TemporaryDirectory(prefix=UNFINISHED + "drill-", dir=folder) as temporary,
    ):
        place = Place.beside(Path(temporary) / "threads.db")
        restore(backup, place, progress=progress)
        migrate(place, HEAD, backup_to=None, progress=progress)
        report = examine(place.database, LocalBlobs(place.files), backup.stamp, mark.lost, progress)
    return replace(report, seconds=round(time.monotonic() - started, 3))
