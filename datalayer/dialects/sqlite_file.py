"""The file of a SQLite database, looked at before it is opened and while it is open."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import NullPool, create_engine, event

from .. import migrations
from ..errors import StoreCorrupt, StoreForeign, StoreTooNew, StoreUnavailable, StoreUnusable
from ..schema import HEAD
from . import sqlite
from .base import reason


def check_file(path: Path) -> str | None:
    """The schema revision of the database at ``path``, None when there is none yet. Changes nothing.

    Raises StoreTooNew, StoreForeign, StoreCorrupt, StoreUnusable for a folder, StoreUnavailable.
    """
    try:
        if not path.parent.is_dir():
            raise StoreUnavailable("The folder of the database does not exist")
        if path.is_dir():
            raise StoreUnusable("The database is a folder: name a file, which need not be there yet")
        if path.stat().st_size == 0:
            return None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailable("The database cannot be read") from error
    try:
        with closing(_read_only(path)) as db:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            ours = "alembic_version" in tables
            row = db.execute("SELECT version_num FROM alembic_version").fetchone() if ours else None
    except sqlite3.Error as error:
        raise sqlite.translate(error) from error
    revision = str(row[0]) if row else None
    if revision is None and tables:
        raise StoreForeign("This database belongs to another application; name a file of its own for this one")
    if revision is not None and not (revision.isdecimal() and "tombstones" in tables):
        raise StoreForeign("This database is kept by another application's migrations")
    if revision is not None and revision > HEAD:
        raise StoreTooNew("This database was written by a newer version; upgrade, or restore an older backup")
    return revision


def migrate(
    path: Path, direction: migrations.Direction = "upgrade", revision: str = "head", patience: float = 5.0
) -> None:
    """Brings the database up or down to ``revision``, in one transaction: a kill leaves the old version or the new one.

    ``patience``: seconds to wait for another process's lock. Blocks; call it in a thread.

    A connection of its own, because SQLite checks foreign keys while it rebuilds a table unless they are switched off,
    which is impossible inside a transaction (https://www.sqlite.org/lang_altertable.html#otheralter).
    """
    engine = create_engine(sqlite.url_of(path), poolclass=NullPool, connect_args={"timeout": patience})

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "secure_delete=ON"):
            connection.execute("PRAGMA " + pragma)

    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        migrations.run(connection, direction, revision)
        if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
            raise RuntimeError(f"the migration would leave {len(broken)} rows without what they point to")
        connection.commit()


def check_content(path: Path) -> bool:
    """Reads the whole database at ``path`` for damage, unless another process has locked it; changes nothing.

    False: there is nothing in it yet. Raises StoreCorrupt, StoreUnavailable.
    """
    try:
        if check_file(path) is None:
            return False
        with closing(_read_only(path)) as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except (sqlite3.Error, StoreUnavailable) as error:
        if reason(error).startswith("SQLITE_BUSY"):
            return True
        raise sqlite.translate(error) from error
    if found != "ok":
        raise StoreCorrupt("The database is damaged")
    return True


def _read_only(path: Path) -> sqlite3.Connection:
    if path.with_name(path.name + "-journal").exists():
        # A power cut in the very first transaction, before there is a log: only who may write can take it back.
        with closing(_connected(path, "rw")) as db:
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
    return _connected(path, "ro")


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=sqlite.BUSY_TIMEOUT)


Identity = tuple[int, int]
"""Device and inode of a file."""


def log_identity(database: Path) -> Identity | None:
    """Which file is the database's write-ahead log right now; None without one."""
    return file_identity(f"{database}-wal")


def file_identity(path: Path | str) -> Identity | None:
    """Which file ``path`` names right now; None for none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
