"""A damaged database: moved aside, never deleted."""

import os
from datetime import UTC, datetime
from pathlib import Path

from .errors import StoreUnavailable
from .spool import live_instances


def set_aside(database: Path, spool: Path) -> Path:
    """Renames ``database`` and its log to ``<name>.damaged-<UTC stamp>``, and returns that name.

    Raises StoreUnavailable while another process has the store open, or when the folder cannot be written.
    """
    if live_instances(spool):
        raise StoreUnavailable("Another process has this database open; stop it first")
    aside = database.with_name(f"{database.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    try:
        # The log first: a new database under the old name must never meet the old one's log.
        for ending in ("-wal", "-shm", ""):
            part = database.with_name(database.name + ending)
            if part.exists():
                os.rename(part, aside.with_name(aside.name + ending))
    except OSError as error:
        raise StoreUnavailable("The damaged database cannot be moved aside") from error
    return aside
