"""How backups and upkeep open a database: read-only beside a running app, or alone.

A read-only connection cannot checkpoint, not even by closing last (tests/faults/test_backup.py, TestSnapshot). Whoever
writes takes ``locking_mode=EXCLUSIVE``: SQLite then refuses every other connection, so that never two of them write or
checkpoint at once, which can damage a WAL database before SQLite 3.51.3.
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from .. import text
from ..dialects.sqlite import failures
from ..dialects.sqlite_file import check_file
from ..errors import NotFound, StoreUnavailable
from ..place import Place
from ..spool import live_instances

BUSY_TIMEOUT = 5.0
"""Seconds that a command waits for another process's lock."""

_SHARED_LOCK = 0x40000002, 510
"""Start and length of the bytes that every open connection locks in WAL mode: https://www.sqlite.org/src/file/src/os.h"""


def read_only(database: Path, immutable: bool = False) -> sqlite3.Connection:
    """``immutable``: nobody writes to the file, so no lock and no file beside it is needed. Raises sqlite3.Error."""
    options = "mode=ro&immutable=1" if immutable else "mode=ro"
    uri = f"{database.absolute().as_uri()}?{options}"
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None)
    db.execute("PRAGMA mmap_size=0")
    db.create_function("fold", 1, text.fold, deterministic=True)  # an index may be made of it
    return db


def revision_of(place: Place) -> str:
    """The version of the schema. Raises NotFound without a database, and as ``check_file``."""
    with failures():
        revision = check_file(place.database)
    if revision is None:
        raise NotFound("There is no database yet")
    return revision


def held_blobs(db: sqlite3.Connection) -> dict[str, int]:
    """Names and sizes (bytes) of the content that elements point to.

    A row of ``blobs`` that no element points to is about to be removed, and its file may be gone before the row is.
    """
    return dict(
        db.execute(
            f"SELECT DISTINCT elements.blob || {_tag(db)}, coalesce(blobs.size, 0) FROM elements"
            " LEFT JOIN blobs ON blobs.sha256 = elements.blob WHERE elements.blob IS NOT NULL ORDER BY 1"
        )
    )


def stored_blobs(db: sqlite3.Connection) -> set[str]:
    """Names of all content that has a row."""
    return {name for (name,) in db.execute(f"SELECT sha256 || {_tag(db)} FROM blobs")}


def _tag(db: sqlite3.Connection) -> str:
    """In SQL, what follows the SHA-256 in a blob's name. A backup may be older than the column."""
    known = "tag" in (name for _, name, *_ in db.execute("PRAGMA table_info(blobs)"))
    return "coalesce('-' || blobs.tag, '')" if known else "''"


def refuse_if_open(place: Place) -> None:
    """Raises StoreUnavailable while a process has the store open.

    Not to be called in a process that has the database open itself: closing any handle drops its POSIX locks.
    """
    if live_instances(place.spool) or _has_connections(place.database):
        raise StoreUnavailable("The store is open in a running app; stop the app first")


def _has_connections(database: Path) -> bool:
    # Asked besides the spool's locks: an app may run without a spool, or with one that this caller was not told of.
    try:
        with database.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_LOCK[1], _SHARED_LOCK[0])
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def alone(place: Place) -> Iterator[sqlite3.Connection]:
    """The only connection there is to the database, which nobody else can open meanwhile.

    Raises NotFound without a database, StoreUnavailable when it is open elsewhere.
    """
    revision_of(place)
    refuse_if_open(place)
    uri = f"{place.database.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)) as db:
        for pragma in ("locking_mode=EXCLUSIVE", "mmap_size=0", "synchronous=FULL"):
            db.execute("PRAGMA " + pragma)
        db.create_function("fold", 1, text.fold, deterministic=True)
        db.execute("BEGIN EXCLUSIVE")  # takes the lock, which locking_mode then keeps
        db.execute("COMMIT")
        yield db
