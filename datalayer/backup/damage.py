"""A database that cannot be used: moved aside, never deleted."""

import os
from datetime import UTC, datetime
from pathlib import Path

from ..dialects.sqlite_file import Identity, log_identity
from ..errors import StoreUnavailable
from ..spool import live_instances


def set_aside(database: Path, spool: Path) -> Path:
    """Renames ``database`` and its log to ``<name>.damaged-<UTC stamp>``, and returns that name.

    Raises StoreUnavailable while another process has the store open, or when the folder cannot be written.
    """
    if live_instances(spool):
        raise StoreUnavailable("Another process has this database open; stop it first")
    # The log first: a new database under the old name must never meet the old one's log.
    return _rename(database, ("-wal", "-shm", ""), "damaged")


def set_log_aside(database: Path, log: Identity | None) -> None:
    """Renames the log of a database that was replaced or removed while it was open, if it is still ``log``.

    SQLite leaves it where it is, and would play it into whatever comes to have the database's name.
    """
    if log is not None and log_identity(database) == log:
        _rename(database, ("-wal", "-shm"), "replaced")


def _rename(database: Path, endings: tuple[str, ...], why: str) -> Path:
    aside = database.with_name(f"{database.name}.{why}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    try:
        for ending in endings:
            part = database.with_name(database.name + ending)
            if part.exists():
                os.rename(part, aside.with_name(aside.name + ending))
    except OSError as error:
        raise StoreUnavailable("The database cannot be moved aside") from error
    return aside
