"""Makes a store small and quick again, and says how it is."""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..blobs import LocalBlobs
from ..dialects.sqlite import failures
from ..errors import StoreCorrupt
from ..place import Place
from ..schema import HEAD, MESSAGES
from ..spool import count, live_instances
from ..sql.copying import is_unfinished
from .access import alone, read_only, revision_of, stored_blobs
from .disk import Progress, quiet
from .folder import backups
from .proof import row_counts

_INCREMENTAL = 2


@dataclass(frozen=True, slots=True)
class Optimised:
    """What went."""

    rows: int
    """Of content that no element had."""
    files: int
    """Without a row."""
    leftovers: int
    """Of broken-off uploads."""
    bytes: int
    """What the database and those files gave back."""
    rebuilt: bool
    """The database was of an older kind and was written anew, so that from now on it can give back single pages."""


def optimise(place: Place, progress: Progress = quiet) -> Optimised:
    """Sweeps what nothing points to, renews the planner's statistics, gives free pages and the WAL back to the disk.

    Raises StoreUnavailable while an app has the store open, NotFound without a database, StoreCorrupt for a damaged
    one, of which nothing is touched.
    """
    with failures(), alone(place) as db:
        progress("checking", 0, 0)
        if [line for (line,) in db.execute("PRAGMA quick_check")] != ["ok"]:
            raise StoreCorrupt("The database is damaged; restore a backup")
        before = _size(place.database)
        rows, files, leftovers, freed = _sweep(db, place, progress)
        rebuilt = _compact(db, progress)
        return Optimised(rows, files, leftovers, freed + before - _size(place.database), rebuilt)


def _size(database: Path) -> int:
    parts = (database, database.with_name(database.name + "-wal"))
    return sum(path.stat().st_size for path in parts if path.exists())


def _sweep(db: sqlite3.Connection, place: Place, progress: Progress) -> tuple[int, int, int, int]:
    """Rows first: after a kill there are files without a row, which the next sweep takes, and never the reverse."""
    if place.bucket:
        return 0, 0, 0, 0  # the app itself lets go there what its rows say
    store, freed = LocalBlobs(place.files), 0
    used = "SELECT blob FROM elements WHERE blob IS NOT NULL"
    rows = db.execute(f"DELETE FROM blobs WHERE sha256 NOT IN ({used})").rowcount
    needed, spooled = stored_blobs(db), _spooled(place.spool)
    orphans = [store.path(name) for name in store.names() if name not in needed and name.split("-")[0] not in spooled]
    leftovers = [path for path in (place.files / "incoming").glob("*") if path.is_file()]
    for done, path in enumerate(orphans + leftovers, 1):
        freed += path.stat().st_size
        path.unlink()
        progress("sweeping", done, len(orphans) + len(leftovers))
    return rows, len(orphans), len(leftovers), freed


def _spooled(spool: Path) -> set[str]:
    """Every hash in the spool: the element that waits there, or was set aside there, still needs its content."""
    files = (path for path in spool.glob("*") if path.is_file())
    return {name.decode() for path in files for name in re.findall(rb"\b[0-9a-f]{64}\b", path.read_bytes())}


def _compact(db: sqlite3.Connection, progress: Progress) -> bool:
    progress("optimising", 0, 0)
    rebuilt: bool = db.execute("PRAGMA auto_vacuum").fetchone()[0] != _INCREMENTAL
    if rebuilt:
        db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        db.execute("VACUUM")
    db.executescript("PRAGMA incremental_vacuum")  # execute() would take one step of it, which frees one page
    db.execute("ANALYZE")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return rebuilt


def info(place: Place, folder: Path | None = None) -> dict[str, Any]:
    """How the store is, also while an app writes to it. ``folder``: of its backups, None for the place's own.

    Raises NotFound without a database, StoreTooNew, StoreForeign, StoreCorrupt, StoreUnavailable.
    """
    with failures():
        revision = revision_of(place)
        with closing(read_only(place.database)) as db:
            rows, vectors = row_counts(db), _vectors(db)
            count, size = _files(db, place)
            unfinished = is_unfinished(db)
        made = backups(folder or place.backups)
        return {
            "revision": revision,
            "head": HEAD,
            "unfinished_copy": unfinished,
            "rows": rows,
            "vectors": vectors,
            "database_bytes": _size(place.database),
            "files": count,
            "files_bytes": size,
            "live_instances": sorted(live_instances(place.spool)),
            **spooled(place.spool),
            "backups": len(made),
            "newest_backup": made[-1].stamp if made else None,
        }


def _vectors(db: sqlite3.Connection) -> dict[str, int]:
    """How many messages there are that can have one, and how many have one, by the model, or wait; empty where none
    has."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'vectors'").fetchone():
        return {}
    found = {model or "waiting": count for model, count in db.execute("SELECT model, count(*) FROM vectors GROUP BY 1")}
    return {"messages": db.execute(_MESSAGES).fetchone()[0], **found} if found else {}


_MESSAGES = (
    "SELECT count(*) FROM steps JOIN threads ON threads.id = thread_id WHERE threads.user_id IS NOT NULL"
    f" AND steps.type IN {MESSAGES} AND steps.status IS NOT 'streaming'"
)


def spooled(spool: Path) -> dict[str, int]:
    """How many writes wait in the spool, and how many can never be stored. Raises OSError."""
    return {"spooled_writes": count(spool), "rejected_writes": _lines(spool / "rejected.txt")}


def _files(db: sqlite3.Connection, place: Place) -> tuple[int, int]:
    """How many contents there are, and their bytes; in a bucket, those that the database knows of."""
    if place.bucket:
        count, size = db.execute("SELECT count(*), coalesce(sum(size), 0) FROM blobs").fetchone()
        return count, size
    store = LocalBlobs(place.files)
    sizes = [store.path(name).stat().st_size for name in store.names()]
    return len(sizes), sum(sizes)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
