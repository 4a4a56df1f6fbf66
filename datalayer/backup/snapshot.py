"""Makes a backup beside a running app.

The copy is taken inside one read transaction. In WAL mode that is one moment of the database: writers go on and neither
wait for the copy nor restart it (tests/faults/test_backup.py, TestSnapshot). Blobs are copied afterwards. One that a
person deletes meanwhile is missing then, and a new snapshot no longer names it; one that two snapshots in a row name
without having it was lost by the store itself. That is recorded, and must not end the backups of all that is left.
"""

import logging
import shutil
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ..blobs import LocalBlobs
from ..dialects.sqlite import failures
from ..dialects.sqlite_file import check_file
from ..durable import make_folder, sync, write_durably
from ..errors import DataLayerError, InvalidInput, StoreCorrupt, StoreUnavailable
from ..place import Place
from ..schema import HEAD
from .access import held_blobs, read_only, revision_of
from .disk import Progress, locked, quiet, sha256
from .folder import MARK, UNFINISHED, Backup, Mark, clear_unfinished, pool, prune, publish
from .proof import Report, examine

logger = logging.getLogger("datalayer")

TRIES = 5
"""Snapshots that are taken when files keep being deleted under the backup."""

PAGES = 1024
"""Pages between two looks at the progress: 4 MB."""


def now() -> datetime:
    return datetime.now(UTC)


def make(
    place: Place, folder: Path | None = None, progress: Progress = quiet, clock: Callable[[], datetime] = now
) -> Backup:
    """A verified backup of the store in ``folder`` (None: the place's own), also while an app writes to the store.

    Raises NotFound without a database, StoreCorrupt for one that does not pass the check (no backup is left then),
    StoreUnavailable when the disk is full or another backup is at work, InvalidInput for a folder in use otherwise.
    """
    folder = folder or place.backups
    revision_of(place)
    return publish_made(place, folder, lambda making, taken: _fill(making, place, pool(folder), taken, progress), clock)


def publish_made(
    place: Place, folder: Path, fill: Callable[[Path, datetime], None], clock: Callable[[], datetime] = now
) -> Backup:
    """The backup that ``fill`` makes in a folder of its own, which counts when it returns. Raises as ``make``."""
    if folder.resolve() in (place.database.parent.resolve(), place.files.resolve(), place.spool.resolve()):
        raise InvalidInput("Give the backups a folder of their own")
    with failures():
        make_folder(folder, 0o700)
        with locked(folder):
            clear_unfinished(folder)
            making = folder / (UNFINISHED + "making")
            making.mkdir()
            try:
                taken = clock()
                fill(making, taken)
                return publish(making, taken)
            except BaseException:
                shutil.rmtree(making, ignore_errors=True)
                raise


def before_upgrade(place: Place, folder: Path | None = None) -> Backup | None:
    """A verified backup of a database whose schema is older than this package's; None when there is nothing to upgrade.

    Old backups are pruned then, or an upgrade that fails at every start would fill the disk. Raises as ``make``.
    """
    if check_file(place.database) in (None, HEAD):
        return None
    made = make(place, folder)
    try:
        prune(made.path.parent)
    except DataLayerError as error:
        logger.warning("old backups are still there: %s", error)
    return made


def _fill(making: Path, place: Place, blobs: LocalBlobs, taken: datetime, progress: Progress) -> None:
    backup = Backup(making)
    lost = _copy(place, backup.database, blobs, progress)
    report = examine(backup.database, blobs, making.name, lost, progress)
    if report.damaged and not place.bucket and _renew(report.damaged, blobs, LocalBlobs(place.files)):
        report = examine(backup.database, blobs, making.name, lost, progress)
    if report.problems:
        raise StoreCorrupt("The backup does not pass its check: " + "; ".join(report.problems))
    if report.lost and not place.bucket:
        logger.warning("the store has lost the content of %s attached files: %s", len(lost), ", ".join(report.lost))
    write_durably(making / MARK, _mark(report, taken).to_json().encode())


def utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _mark(report: Report, taken: datetime) -> Mark:
    return Mark(
        taken_at=utc(taken),
        revision=report.revision,
        rows=report.rows,
        blobs=report.blobs,
        bytes=report.bytes,
        sha256=report.sha256,
        lost=sorted(report.lost),
    )


def _copy(place: Place, target: Path, blobs: LocalBlobs, progress: Progress) -> set[str]:
    """Fills ``target`` and ``blobs`` with one moment of the store. Returns the blobs that the store itself has not."""
    store = LocalBlobs(place.files)
    before: set[str] = set()
    for _ in range(TRIES):
        target.unlink(missing_ok=True)
        copy_database(place.database, target, progress)
        if place.bucket:
            with closing(read_only(target, immutable=True)) as db:
                return set(held_blobs(db))
        missing = copy_blobs(target, store, blobs, progress)
        if missing <= before:
            return missing
        before = missing
    raise StoreUnavailable("Files were deleted faster than they could be copied; try again")


def copy_database(source: Path, target: Path, progress: Progress = quiet) -> None:
    """One moment of ``source`` as one file, on the disk when this returns. Raises sqlite3.Error, OSError."""
    with closing(read_only(source)) as live, closing(sqlite3.connect(target, isolation_level=None)) as copy:
        copy.execute("PRAGMA synchronous=OFF")  # a half copy is thrown away; the whole one is synced below
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        live.backup(
            copy,
            pages=PAGES,
            progress=lambda _status, left, total: progress("copying the database", total - left, total),
        )
        copy.execute("PRAGMA journal_mode=DELETE")  # the copy says WAL like its source, which is more than one file
    sync(target)


def copy_blobs(database: Path, source: LocalBlobs, target: LocalBlobs, progress: Progress = quiet) -> set[str]:
    """Brings into ``target`` what the elements of ``database`` point to. Returns what could not be brought."""
    with closing(read_only(database, immutable=True)) as db:
        held = held_blobs(db)
    return bring(held, source, target, progress)


def bring(held: Collection[str], source: LocalBlobs, target: LocalBlobs, progress: Progress = quiet) -> set[str]:
    """Brings content into ``target``. Returns the names of what could not be brought."""
    missing = set()
    for done, name in enumerate(held, 1):
        if not target.has(name) and not _bring(name, source, target):
            missing.add(name)
        progress("copying files", done, len(held))
    return missing


def _bring(name: str, source: LocalBlobs, target: LocalBlobs) -> bool:
    try:
        target.put(source.path(name), name)
    except (FileNotFoundError, InvalidInput):  # not there, damaged, or no name
        return False
    return True


def _renew(damaged: tuple[str, ...], blobs: LocalBlobs, store: LocalBlobs) -> bool:
    """Replaces damaged content in the pool where the store has it intact. Returns whether any was."""
    renewed = False
    for name in damaged:
        source = store.path(name)
        if source.is_file() and sha256(source) == name.split("-")[0]:
            blobs.remove(name)
            renewed |= _bring(name, store, blobs)
    return renewed
