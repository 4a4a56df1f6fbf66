"""What retention has removed comes back from its archive, each thread by one write (``sql/unarchiving.py``).

Always true: what cannot be read is told with its place, and the rest comes back; a second run changes nothing. A file
is given back if the archive has all of it and it is, by its SHA-256, the one that was archived.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import beside
from .archive import files
from .archived import Damage, Entry, entries
from .backup.disk import Progress, quiet
from .errors import DataLayerError, Forbidden, InvalidInput, NotFound, StoreUnavailable
from .place import Place
from .records import Blob, now
from .schema import MESSAGES
from .sql.archiving import digest
from .store import Store
from .writes import RestoreArchived

FOREIGN = (
    "Also what this store has not removed, as of another store's archive. What somebody deleted here more than 30 days"
    " ago is not known any more, and comes back, too."
)


@dataclass(slots=True)
class Report:
    threads: int = 0
    """That came back, or with ``dry_run`` would."""
    messages: int = 0
    """Of threads that were there, or came back themselves."""
    there: int = 0
    """Threads, and parts of others, that were there already."""
    deleted: int = 0
    """That somebody has deleted, before or since: they stay deleted."""
    unknown: int = 0
    """That this store has not removed."""
    without_thread: int = 0
    """Messages whose conversation is not there, in parts as they were removed."""
    lost_files: int = 0
    others: int = 0
    """Of other people than the one who was asked for."""
    problems: list[str] = field(default_factory=list)
    """What was damaged or refused, and where."""


async def restore(
    store: Store,
    paths: Sequence[Path],
    user: str | None = None,
    dry_run: bool = False,
    foreign: bool = False,
    progress: Progress = quiet,
) -> Report:
    """``user``: the name of an author, or the id, whose threads alone come back. ``foreign``: also what this store has
    not removed. Raises InvalidInput for a file that is no archive, NotFound, StoreUnavailable."""
    report = Report()
    for whole in (True, False):  # messages need their thread
        for number, path in enumerate(paths):
            progress("restoring", number + len(paths) * (not whole), 2 * len(paths))
            with tempfile.TemporaryDirectory() as folder:
                await _of(store, path, Path(folder), whole, user, dry_run, foreign, report)
    return report


async def _of(
    store: Store, path: Path, folder: Path, whole: bool, user: str | None, dry_run: bool, foreign: bool, report: Report
) -> None:
    try:
        for each in entries(path, folder):
            if isinstance(each, Damage):
                if whole:  # told once
                    report.problems.append(f"{path}:{each.line}: {each.why}")
            elif each.whole != whole:
                continue
            elif user not in (None, each.user.get("identifier"), each.user.get("id")):
                report.others += 1
            else:
                await _one(store, path, each, dry_run, foreign, report)
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}") from None


async def _one(store: Store, path: Path, entry: Entry, dry_run: bool, foreign: bool, report: Report) -> None:
    where = f"{path}:{entry.line}"
    messages = [row["id"] for table, row in entry.rows if table == "steps"]
    if not entry.damaged and digest(entry.rows, entry.whole) != entry.digest:
        report.problems.append(f"{where}: this is not what was archived; it does not come back")
        return
    found = await store.archived(entry.thread_id, messages, entry.digest, entry.whole)
    if found == "unknown" and foreign:
        found = "removed"
    if found != "removed":
        _count(report, found)
        return
    lost = 0
    if not dry_run:
        try:
            done = await store.submit(await _write(store, entry, foreign))
        except (Forbidden, InvalidInput) as error:
            report.problems.append(f"{where}: {error}")
            return
        if done is None:
            raise StoreUnavailable("The database does not answer")
        found, lost = done.state, done.lost
    _count(report, found, entry)
    report.lost_files += lost if not dry_run else sum(entry.contents.get(key) is None for key in entry.wanted)


def _count(report: Report, found: str, entry: Entry | None = None) -> None:
    if entry is None or found != "removed":
        setattr(report, found, getattr(report, found) + 1)
    elif entry.whole:
        report.threads += 1
    else:
        report.messages += sum(row.get("type") in MESSAGES for table, row in entry.rows if table == "steps")


async def _write(store: Store, entry: Entry, foreign: bool) -> RestoreArchived:
    blobs: list[Blob] = []
    for sha256 in dict.fromkeys(entry.wanted):
        if (content := entry.contents.get(sha256)) is not None:
            try:
                blobs.append(await store.put_blob(content))
            except OSError as error:
                raise DataLayerError(f"An attached file cannot be stored: {error.strerror}") from error
    return RestoreArchived(
        thread_id=entry.thread_id,
        at=now(),
        digest=entry.digest,
        found=[[table, row] for table, row in entry.rows],
        whole=entry.whole,
        user=entry.user.get("identifier"),
        blobs=blobs,
        foreign=foreign,
    )


async def run(
    place: Place, given: Sequence[Path], user: str | None, dry_run: bool, foreign: bool, progress: Progress = quiet
) -> Report:
    """As ``restore``, into the store at ``place``. ``given``: files, or folders. Raises StoreTooOld, too."""
    paths = [path for each in given for path in (files(each) if each.is_dir() else [each])]
    if not paths:
        raise NotFound("There is no archive in that folder")
    async with beside.opened(place) as store:
        return await restore(store, paths, user, dry_run, foreign, progress)


def told(report: Report, dry_run: bool) -> list[str]:
    """What a person is told."""
    verb = "would come back" if dry_run else "came back"
    found = [f"{report.threads} conversations and {report.messages} messages of others {verb}"]
    for count, what in (
        (report.lost_files, "attached files have lost their content"),
        (report.there, "were there already"),
        (report.deleted, "were deleted by somebody, and stay so"),
        (report.unknown, "were not removed by this store (--foreign brings them all the same)"),
        (report.without_thread, "have no conversation here that they belong to"),
        (report.others, "are of other people"),
    ):
        if count:
            found.append(f"{count} {what}")
    return found + report.problems
