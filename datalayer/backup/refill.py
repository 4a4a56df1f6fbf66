"""Fills an empty database of a server from a backup: to prove it, or to have the store again. All of it blocks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..blobs import LocalBlobs
from ..dialects import URL, server_schema
from ..dialects.mysql_tools import MySQLTools
from ..dialects.postgres_tools import PostgresTools
from ..dialects.server_schema import ask, look
from ..dialects.sqlite import failures
from ..dialects.tools import Tools
from ..errors import InvalidInput, StoreCorrupt, StoreTooNew
from ..place import Place
from ..schema import HEAD
from ..search import building
from ..sql.digests import Digests, digests, held_blobs
from .disk import Progress, locked, quiet, sha256
from .folder import Backup, Dump, Mark
from .proof import Report, damaged_blobs
from .snapshot import bring

_TOOLS: dict[str, type[Tools]] = {"postgresql": PostgresTools, "mysql": MySQLTools}


@dataclass(frozen=True, slots=True)
class Found:
    """What a database holds at one moment."""

    rows: Digests
    held: dict[str, int]


def tools_of(url: URL) -> Tools:
    return _TOOLS[url.get_backend_name()](url)


def server_of(place: Place) -> URL:
    assert place.server is not None
    return place.server


def files_of(place: Place) -> Path | None:
    """Of the attached files; None: they are in a bucket."""
    return None if place.bucket else place.files


def in_schema(url: URL, schema: str | None) -> URL:
    return url.update_query_dict({"schema": schema}) if schema else url


def contents(connection: Any, schema: str | None) -> Found:
    return Found(digests(connection, schema), held_blobs(connection))


def filled(dump: Path, tools: Tools, url: URL, schema: str | None) -> Found:
    """Fills an empty database at ``url`` and reads what it holds then."""
    ask(url, lambda connection, _: tools.ready(connection, schema))
    tools.fill(dump, str(url.database))
    at = in_schema(url, schema)
    return ask(at, lambda connection, _: contents(connection, schema), "REPEATABLE READ")


def verify(backup: Backup, progress: Progress = quiet) -> Report:
    """Checks the files of a backup against its mark. Changes nothing, and asks no server. Raises StoreUnavailable."""
    with failures(), locked(backup.path.parent, shared=True):
        return _examine(backup, progress)


def _examine(backup: Backup, progress: Progress) -> Report:
    mark, dump = _marked(backup)
    started, problems, held, digest = time.monotonic(), list[str](), dict[str, int](), ""
    progress("checking the dump", 0, 0)
    try:
        digest = sha256(backup.path / dump.file)
        held = backup.held(dump)
    except (OSError, ValueError) as error:
        problems.append(f"the dump or the list of its files cannot be read ({type(error).__name__})")
    if digest not in ("", mark.sha256):
        problems.append("the dump is not the one that was verified")
    bad = damaged_blobs(backup.pool, held, progress)
    damaged = tuple(sorted(bad - set(mark.lost)))
    if damaged:
        problems.append(f"the content of {len(damaged)} attached files is missing or damaged")
    return Report(
        backup=backup.stamp,
        revision=mark.revision,
        rows=mark.rows,
        blobs=len(held) - len(bad),
        bytes=mark.bytes,
        sha256=digest,
        damaged=damaged,
        lost=tuple(sorted(bad & set(mark.lost))),
        problems=tuple(problems),
        seconds=round(time.monotonic() - started, 3),
    )


def _marked(backup: Backup) -> tuple[Mark, Dump]:
    if (mark := backup.mark) is None or mark.dump is None:
        raise InvalidInput("This backup is not a server's")
    return mark, mark.dump


def drill(backup: Backup, url: URL, progress: Progress = quiet) -> Report:
    """Fills an empty database of the server at ``url`` from the backup, compares it with what was dumped, and brings
    its schema up to date as an app would. The database is gone afterwards. What is wrong is in the report. Raises
    StoreCorrupt for a damaged backup, and as ``make``."""
    started = time.monotonic()
    mark, dump = _marked(backup)
    tools = _same_kind(dump, url)
    with failures(), locked(backup.path.parent, shared=True):
        report = _whole(_examine(backup, progress))
        ask(url, lambda connection, _: tools.find(connection))

        def restored(scratch: URL) -> list[str]:
            progress("restoring", 0, 0)
            found = filled(backup.path / dump.file, tools, scratch, dump.schema)
            _make_index(in_schema(scratch, dump.schema), report.revision)
            server_schema.migrate(in_schema(scratch, dump.schema))
            return _differences(found.rows, mark, dump)

        problems = tools.tried(restored)
    return replace(report, problems=tuple(problems), seconds=round(time.monotonic() - started, 3))


def _same_kind(dump: Dump, url: URL) -> Tools:
    if dump.database != url.get_backend_name():
        raise InvalidInput(f"This backup was made of another kind of database, {dump.database}")
    return tools_of(url)


def _whole(report: Report) -> Report:
    if report.problems:
        raise StoreCorrupt("This backup is damaged: " + "; ".join(report.problems))
    if report.revision is not None and report.revision > HEAD:
        raise StoreTooNew("This backup was made by a newer version; upgrade first")
    return report


def _make_index(url: URL, revision: str | None) -> None:
    """A dump has no index of words: it is made anew by the app, where this version of the schema has one."""
    if revision is not None and revision >= building.SINCE:
        ask(url, lambda connection, _: building.make(connection))


def _differences(rows: Digests, mark: Mark, dump: Dump) -> list[str]:
    kept = {name: (count, dump.digests.get(name, "")) for name, count in mark.rows.items()}
    other = sorted(name for name in rows.keys() | kept.keys() if rows.get(name) != kept.get(name))
    return [f"these tables do not hold what was dumped: {', '.join(other)}"] if other else []


def restore(backup: Backup, place: Place, progress: Progress = quiet) -> Sequence[str]:
    """Fills the empty database of ``place``, and its folder of files, from the backup. Returns what to say besides.

    Raises, with nothing changed, StoreCorrupt for a damaged backup, StoreTooNew, InvalidInput for a database in use.
    """
    mark, dump = _marked(backup)
    url = server_of(place)
    tools = _same_kind(dump, url)
    with failures(), locked(backup.path.parent, shared=True):
        _whole(_examine(backup, progress))
        ask(url, lambda connection, server: _refuse(connection, server, tools, dump))
        if (files := files_of(place)) is not None:
            bring(backup.held(dump), backup.pool, LocalBlobs(files), progress)
        progress("restoring", 0, 0)
        found = filled(backup.path / dump.file, tools, url, dump.schema)
        _make_index(url, mark.revision)
    if problems := _differences(found.rows, mark, dump):
        raise StoreCorrupt("The database was filled, but " + "; ".join(problems))
    return dump.notes


def _refuse(connection: Any, server: Any, tools: Tools, dump: Dump) -> None:
    tools.find(connection)
    schema = server.options.schema or tools.schema(connection)
    if schema != dump.schema:
        raise InvalidInput(
            f"The tables of this backup are in the schema {dump.schema}; end the URL in ?schema={dump.schema}"
        )
    if not tools.interrupted(connection) and look(connection, server) is not None:
        raise InvalidInput("There is a store in this database already; make an empty one, and name that in the URL")
