"""Moves a database between versions of the schema, after a backup and while no app has it open."""

from collections.abc import Collection
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from .. import blobs, migrations
from ..dialects import sqlite_file
from ..dialects.sqlite import failures
from ..errors import InvalidInput
from ..place import Place
from ..schema import HEAD
from .access import held_blobs, read_only, refuse_if_open, revision_of
from .disk import Progress, quiet
from .snapshot import make


@dataclass(frozen=True, slots=True)
class Status:
    revision: str
    """Of the database."""
    head: str
    """What this version wants."""
    pending: list[str]
    """What lies between."""


@dataclass(frozen=True, slots=True)
class Migrated:
    before: str
    after: str
    backup: str | None
    """The stamp of the backup that was made before; None when nothing was to be done."""


def revisions() -> list[str]:
    """All versions of the schema, oldest first."""
    from alembic.script import ScriptDirectory

    folder = Path(migrations.__file__).parent
    return [script.revision for script in ScriptDirectory(str(folder)).walk_revisions()][::-1]


_TAGS = "0006"
"""From this version on, content is called by its SHA-256 and a tag."""


def copy_for_older(place: Place, to: str, held: Collection[str], progress: Progress) -> None:
    """Before a way down to ``to``: content gets the name by which that version looks for it, beside its own.

    ``held``: names of blobs.
    """
    names = [name for name in held if "-" in name]
    if to >= _TAGS or not names:
        return
    store = blobs.at(place.bucket or place.files)
    for done, name in enumerate(names, 1):
        with suppress(FileNotFoundError), store.open(name) as content:
            store.put(content, name.split("-")[0])
        progress("copying files", done, len(names))


def status(place: Place) -> Status:
    """Changes nothing. Raises NotFound, StoreTooNew, StoreForeign, StoreCorrupt, StoreUnavailable."""
    current = revision_of(place)
    return Status(current, HEAD, [revision for revision in revisions() if revision > current])


def before(revision: str) -> str:
    """The version before ``revision``. Raises InvalidInput for the first, because nothing of a store is left there."""
    older = [known for known in revisions() if known < revision]
    if not older:
        raise InvalidInput("This is the first version of the schema; there is none before it")
    return older[-1]


def migrate(place: Place, to: str, backup_to: Path | None, progress: Progress = quiet) -> Migrated:
    """Brings the database up or down to the version ``to``, after a verified backup in the folder ``backup_to``.

    A kill leaves the old or the new version. Raises InvalidInput for an unknown version, StoreUnavailable while an app
    has the store open, and as ``status`` and ``make``.
    """
    current = revision_of(place)
    if to not in revisions():
        raise InvalidInput(f"There is no such version of the schema; there are {', '.join(revisions())}")
    if to == current:
        return Migrated(current, current, None)
    with failures():
        refuse_if_open(place)
        made = make(place, backup_to, progress) if backup_to else None
        with closing(read_only(place.database)) as db:
            held = held_blobs(db)
        copy_for_older(place, to, held, progress)
        progress("migrating", 0, 0)
        # Whoever opens the store at this very moment waits for SQLite's lock, and finds the new version.
        sqlite_file.migrate(place.database, "upgrade" if to > current else "downgrade", to)
    return Migrated(current, to, made.stamp if made else None)
