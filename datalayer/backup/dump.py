"""Backups of a server's database, made by the server's own tools and proven by filling another database from them.

A dump lies in a folder as a copy of SQLite's does, with the same mark and the same pool of files beside it. It counts
when an empty database, filled from it, held the same rows as the store had at the moment of the dump. All of it blocks.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..blobs import LocalBlobs
from ..dialects import URL
from ..dialects.server_schema import VERSIONS, ask, look
from ..dialects.tools import Tools
from ..durable import sync, write_durably
from ..errors import NotFound, StoreCorrupt
from ..place import Place
from ..sql.copying import refuse_unfinished
from ..sql.digests import held_blobs, tables_in
from .disk import Progress, quiet, sha256
from .folder import MARK, Backup, Dump, Mark, pool
from .refill import Found, contents, files_of, filled, server_of, tools_of
from .snapshot import bring, now, publish_made, utc

TRIES = 3
"""Dumps that are made where a dump and a transaction may begin at different moments."""

_ON_S3 = "the attached files are on S3, which has backups of its own"
_NOT_COMPARED = "the database was written to while the dump began: it was restored and counted, not compared row by row"


@dataclass(frozen=True, slots=True)
class _Store:
    """``schema``: where the tables are; None: the server has none. ``tool``: its name and version."""

    revision: str
    schema: str | None
    tool: str
    tables: list[str]
    held: dict[str, int]


def make(
    place: Place, folder: Path | None = None, progress: Progress = quiet, clock: Callable[[], datetime] = now
) -> Backup:
    """A verified backup of the store in ``folder`` (None: the place's own), also while apps write to it.

    Raises NotFound without a store, InvalidInput or StoreUnusable where something is missing here or a right there,
    with what to type, StoreCorrupt for a dump that does not hold what the database held, StoreUnavailable.
    """
    folder = folder or place.backups
    tools = tools_of(server_of(place))
    store = ask(tools.url, lambda connection, server: _look(connection, server, tools))

    def fill(making: Path, taken: datetime) -> None:
        mark = _fill(making, place, tools, store, progress)
        write_durably(making / MARK, replace(mark, taken_at=utc(taken)).to_json().encode())

    return publish_made(place, folder, fill, clock)


def _look(connection: Any, server: Any, tools: Tools) -> _Store:
    revision = look(connection, server)
    if revision is None:
        raise NotFound("There is no store in this database yet")
    tool = tools.find(connection)
    schema = server.options.schema or tools.schema(connection)
    tables = [*tables_in(connection, schema), VERSIONS]
    if "app_values" in tables:
        refuse_unfinished(connection)
    return _Store(revision, schema, tool, tables, held_blobs(connection))


def _fill(making: Path, place: Place, tools: Tools, store: _Store, progress: Progress) -> Mark:
    blobs, files, notes = pool(making.parent), files_of(place), list[str]()
    if files is None:
        notes.append(_ON_S3)
    else:
        bring(store.held, LocalBlobs(files), blobs, progress)  # before the dump: what is deleted meanwhile is kept
    dump = making / tools.file
    found, compared = tools.tried(lambda scratch: _dump(dump, tools, scratch, store, progress))
    if not compared:
        notes.append(_NOT_COMPARED)
    held = {} if files is None else found.held
    missing = bring(held, LocalBlobs(files), blobs, progress) if files else set[str]()
    listed = "".join(f"{name} {size}\n" for name, size in held.items()).encode()
    write_durably(Backup(making).held_list, listed)
    sync(dump)
    return Mark(
        taken_at="",
        revision=store.revision,
        rows={name: count for name, (count, _) in found.rows.items()},
        blobs=len(held) - len(missing),
        bytes=dump.stat().st_size + sum(size for name, size in held.items() if name not in missing),
        sha256=sha256(dump),
        lost=sorted(missing),
        dump=Dump(
            database=tools.url.get_backend_name(),
            schema=store.schema,
            tool=store.tool,
            file=tools.file,
            digests={name: digest for name, (_, digest) in found.rows.items()},
            held=hashlib.sha256(listed).hexdigest(),
            notes=notes,
        ),
    )


def _dump(dump: Path, tools: Tools, scratch: URL, store: _Store, progress: Progress) -> tuple[Found, bool]:
    """What the dump holds, and whether it is what the store held. Raises StoreCorrupt for what no write explains."""
    for _ in range(1 if tools.same_moment else TRIES):
        progress("dumping", 0, 0)
        before = ask(
            tools.url,
            lambda connection, _: tools.dump(connection, store.tables, dump, lambda at: contents(at, store.schema)),
            "REPEATABLE READ",
        )
        progress("restoring it to compare", 0, 0)
        after = filled(dump, tools, scratch, store.schema)
        if after == before:
            return after, True
        later = before if tools.same_moment else ask(tools.url, lambda at, _: contents(at, store.schema))
        if other := sorted(_changed(before, after) - _changed(before, later)):
            raise StoreCorrupt(f"The dump does not hold what the database held: {', '.join(other)}")
    return after, False


def _changed(one: Found, two: Found) -> set[str]:
    """Names of the tables in which they differ."""
    return {name for name in one.rows.keys() | two.rows.keys() if one.rows.get(name) != two.rows.get(name)}
