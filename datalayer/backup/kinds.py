"""What each command does with a store in a file and with one on a server."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..dialects import URL
from ..errors import InvalidInput
from ..place import Place
from . import dump, proof, recovery, refill, serving, snapshot, upkeep, versions
from .disk import Progress, quiet
from .folder import Backup, newest
from .proof import Report
from .recovery import Restored
from .upkeep import Optimised
from .versions import Migrated, Status


def make(place: Place, progress: Progress = quiet) -> Backup:
    return snapshot.make(place, progress=progress) if place.server is None else dump.make(place, progress=progress)


def verify(backup: Backup, progress: Progress = quiet) -> Report:
    return refill.verify(backup, progress) if _dumped(backup) else proof.verify(backup, progress)


def _dumped(backup: Backup) -> bool:
    return (mark := backup.mark) is not None and mark.dump is not None


def drill(folder: Path, server: URL | None, progress: Progress = quiet) -> Report:
    """Of the newest backup. ``server``: where a database is made for it, if it is a server's. Raises InvalidInput
    without one, NotFound without a backup, and as the ``drill`` of its kind."""
    found = newest(folder)
    if found is None or not _dumped(found):
        return recovery.drill(folder, progress)
    if server is None:
        raise InvalidInput("This backup is a server's: name one with --database, and it is tried in a database there")
    return refill.drill(found, server, progress)


def restore(backup: Backup, place: Place, over: bool, progress: Progress = quiet) -> tuple[Restored, Sequence[str]]:
    """Also sentences on what the backup does not hold."""
    if place.server is None:
        if _dumped(backup):
            raise InvalidInput("This backup is a server's: name an empty database of such a server with --database")
        return recovery.restore(backup, place, over, progress), []
    if not _dumped(backup):
        raise InvalidInput("This backup is SQLite's: restore it to a file, and copy that into the server's database")
    if over:
        raise InvalidInput("On a server nothing is restored over a store: make an empty database, and name that")
    return Restored(backup.stamp, []), refill.restore(backup, place, progress)


def optimise(place: Place, progress: Progress = quiet) -> Optimised:
    if place.server is not None:
        raise InvalidInput(serving.TIDY)
    return upkeep.optimise(place, progress)


def status(place: Place) -> Status:
    return versions.status(place) if place.server is None else serving.status(place)


def migrate(place: Place, to: str, progress: Progress = quiet) -> Migrated:
    migrate = versions.migrate if place.server is None else serving.migrate
    return migrate(place, to, place.backups, progress)


def info(place: Place) -> dict[str, Any]:
    return upkeep.info(place) if place.server is None else serving.info(place)
