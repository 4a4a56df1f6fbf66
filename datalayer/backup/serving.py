"""What can be said of a store on a server and done to it, beside backups."""

from pathlib import Path
from typing import Any

from ..blobs import LocalBlobs
from ..dialects import server_schema
from ..dialects.server import Server
from ..dialects.server_schema import ask, look
from ..errors import InvalidInput, NotFound, StoreUnavailable
from ..place import Place
from ..schema import HEAD, vectors
from ..sql.copying import marked
from ..sql.digests import held_blobs, row_counts, tables_in
from ..sql.instances import live, silence
from ..sql.vectors import countable, of_models
from . import dump
from .disk import Progress, quiet
from .folder import backups
from .refill import files_of, server_of, tools_of
from .upkeep import spooled
from .versions import Migrated, Status, copy_for_older, revisions

TIDY = (
    "A server keeps its tables tidy by itself (VACUUM, OPTIMIZE TABLE), and an app removes content that nothing points"
    " to when it starts: there is nothing to do here"
)


def _revision(connection: Any, server: Server) -> str:
    if (revision := look(connection, server)) is None:
        raise NotFound("There is no store in this database yet")
    return revision


def status(place: Place) -> Status:
    """As ``versions.status``."""
    current = ask(server_of(place), _revision)
    return Status(current, HEAD, [revision for revision in revisions() if revision > current])


def migrate(place: Place, to: str, backup_to: Path | None, progress: Progress = quiet) -> Migrated:
    """As ``versions.migrate``: no app may have the store open."""
    url = server_of(place)
    current = status(place).revision
    if to not in revisions():
        raise InvalidInput(f"There is no such version of the schema; there are {', '.join(revisions())}")
    if to == current:
        return Migrated(current, current, None)
    if ask(url, _live):
        raise StoreUnavailable("The store is open in a running app; stop the app first")
    made = dump.make(place, backup_to, progress) if backup_to else None
    copy_for_older(place, to, ask(url, lambda connection, _server: held_blobs(connection)), progress)
    progress("migrating", 0, 0)
    server_schema.migrate(url, "upgrade" if to > current else "downgrade", to)
    return Migrated(current, to, made.stamp if made else None)


def _live(connection: Any, server: Server) -> list[str]:
    """None of a schema that does not know yet who has it open."""
    if "instances" not in tables_in(connection, server.options.schema):
        return []
    return sorted(live(connection, server.clock(connection) - silence(server)))


def _unfinished(connection: Any, server: Server) -> bool:
    return "app_values" in tables_in(connection, server.options.schema) and marked(connection) is not None


def info(place: Place) -> dict[str, Any]:
    """As ``upkeep.info``, and without the files that are in a bucket."""
    url = server_of(place)
    size = tools_of(url).size

    def asked(connection: Any, server: Server) -> dict[str, Any]:
        return {
            "revision": _revision(connection, server),
            "head": HEAD,
            "unfinished_copy": _unfinished(connection, server),
            "rows": row_counts(connection, server.options.schema),
            "vectors": _vectors(connection, server),
            "database_bytes": int(connection.exec_driver_sql(size).scalar() or 0),
            "live_instances": _live(connection, server),
        }

    found, made = ask(url, asked), backups(place.backups)
    return {
        **found,
        **_files(files_of(place)),
        **spooled(place.spool),
        "backups": len(made),
        "newest_backup": made[-1].stamp if made else None,
    }


def _vectors(connection: Any, server: Server) -> dict[str, int]:
    """As ``upkeep.info`` has it."""
    if vectors.name not in tables_in(connection, server.options.schema):
        return {}
    found = {model or "waiting": count for model, count in of_models(connection).items()}
    return {"messages": countable(connection), **found} if found else {}


def _files(folder: Path | None) -> dict[str, int]:
    if folder is None:
        return {}
    store = LocalBlobs(folder)
    sizes = [store.path(name).stat().st_size for name in store.names()]
    return {"files": len(sizes), "files_bytes": sum(sizes)}
