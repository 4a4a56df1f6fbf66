"""Proves that a database and its blobs are whole, and that a backup is still what it was when it was made.

``integrity_check`` looks at the structure of the file and not at what people wrote: a bit that flips inside a message
passes it. So the mark of a backup holds the SHA-256 of the database too.
"""

import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from ..blobs import LocalBlobs
from ..dialects.sqlite import failures
from ..errors import InvalidInput
from ..schema import metadata
from ..sql.copying import is_unfinished
from .access import held_blobs, read_only
from .disk import Progress, locked, quiet, sha256
from .folder import Backup, Mark

_LINES = 5  # of what SQLite says about a damaged file; it can be a hundred


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found."""

    backup: str
    revision: str | None
    rows: dict[str, int]
    """Of each table."""
    blobs: int
    """Contents that elements point to and that are intact."""
    bytes: int
    """Theirs and the database's."""
    sha256: str
    damaged: tuple[str, ...]
    """Names of contents that are missing or changed."""
    lost: tuple[str, ...]
    """Names of those which the store itself no longer had when the backup was made: the backup holds all that there
    was, so this is no problem of it."""
    problems: tuple[str, ...]
    """Sentences; empty means whole."""
    seconds: float


def verify(backup: Backup, progress: Progress = quiet) -> Report:
    """Checks a backup and compares it with its mark. Changes nothing. Raises StoreUnavailable."""
    with failures(), locked(backup.path.parent, shared=True):
        mark = backup.mark
        report = examine(backup.database, backup.pool, backup.stamp, mark.lost if mark else (), progress)
    return replace(report, problems=(*_differences(report, mark), *report.problems))


def _differences(report: Report, mark: Mark | None) -> Iterator[str]:
    if mark is None:
        yield "the backup was never verified, or its verified.json is damaged"
        return
    if report.sha256 != mark.sha256:
        yield "the database is not the one that was verified"
    if report.rows != mark.rows:
        yield f"there are {sum(report.rows.values())} rows instead of {sum(mark.rows.values())}"
    if report.revision != mark.revision:
        yield "the schema is of another version"


def examine(
    database: Path, blobs: LocalBlobs, name: str, lost: Collection[str] = (), progress: Progress = quiet
) -> Report:
    """Checks a database that nobody writes to, and its blobs. ``lost``: those that need not be there.

    What is wrong is in the report; nothing is raised for it.
    """
    started, problems = time.monotonic(), list[str]()
    revision, rows, held = None, dict[str, int](), dict[str, int]()
    digest, size = "", 0
    try:
        size = database.stat().st_size
        digest = sha256(database, _Meter(progress, "checking the database", size))
        with closing(read_only(database, immutable=True)) as db:
            problems += _structure(db, progress)
            revision, rows, held = _revision(db), row_counts(db), held_blobs(db)
            problems += ["it is of a copy that was cut off"] if is_unfinished(db) else []
    except (OSError, sqlite3.Error) as error:
        problems.append(f"the database cannot be read ({getattr(error, 'sqlite_errorname', type(error).__name__)})")
    bad = damaged_blobs(blobs, held, progress)
    damaged = tuple(blob for blob in bad if blob not in lost)
    if damaged:
        problems.append(f"the content of {len(damaged)} attached files is missing or damaged")
    return Report(
        backup=name,
        revision=revision,
        rows=rows,
        blobs=len(held) - len(bad),
        bytes=size + sum(held[blob] for blob in held.keys() - bad),
        sha256=digest,
        damaged=damaged,
        lost=tuple(blob for blob in bad if blob in lost),
        problems=tuple(problems),
        seconds=round(time.monotonic() - started, 3),
    )


class _Meter:
    def __init__(self, progress: Progress, what: str, total: int) -> None:
        self.progress, self.what, self.total, self.done = progress, what, total, 0

    def __call__(self, size: int) -> None:
        self.done += size
        self.progress(self.what, self.done, self.total)


def _structure(db: sqlite3.Connection, progress: Progress) -> list[str]:
    progress("checking the structure", 0, 0)
    found = [line for (line,) in db.execute("PRAGMA integrity_check") if line != "ok"]
    orphans = db.execute("PRAGMA foreign_key_check").fetchall()
    if orphans:
        found.append(f"{len(orphans)} rows point to a row that is not there")
    return found[:_LINES]


def _revision(db: sqlite3.Connection) -> str | None:
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def row_counts(db: sqlite3.Connection) -> dict[str, int]:
    """Rows per table of this package that the database has. Raises sqlite3.Error."""
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    ours = sorted(there & set(metadata.tables))
    return {table: db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in ours}


def damaged_blobs(blobs: LocalBlobs, held: dict[str, int], progress: Progress) -> set[str]:
    """Names of the held content that is missing or changed."""
    meter, damaged = _Meter(progress, "checking files", sum(held.values())), set[str]()
    for name in held:
        try:
            if sha256(blobs.path(name), meter) != name.split("-")[0]:
                damaged.add(name)
        except (OSError, InvalidInput):  # a damaged row may hold what is no name
            damaged.add(name)
    return damaged
