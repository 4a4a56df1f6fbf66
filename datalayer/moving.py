"""All of a store brought into another database, and its files into another blob store.

A copy that is cut off, at any moment, is gone on with by the next call: what is there already is compared and left. The
database that is filled says in ``app_values`` that it is not whole yet, so nothing else is ever written over. In the
end both are read whole again, and every table's count and digest must be the same.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import dialects
from .backup.access import refuse_if_open
from .backup.disk import Progress, quiet
from .blobs import Blobs, at
from .dialects import server_schema, sqlite
from .dialects.base import Database
from .dialects.server import Server
from .dialects.sqlite_file import check_file, migrate
from .errors import DataLayerError, InvalidInput, NotFound, StoreCorrupt, StoreUnavailable
from .place import Place
from .records import Blob
from .schema import HEAD, blobs
from .search import building
from .sql import copying, counts, instances
from .sql.copying import TABLES, Key, Row, Table

ROWS = 1000
"""Rows in one transaction."""

FILES = 8
"""Files at once."""

Otherwise = Callable[[str], DataLayerError]


@dataclass(frozen=True, slots=True)
class TableCopied:
    rows: int
    digest: str
    """Of all rows, the same on both sides."""


@dataclass(frozen=True, slots=True)
class Copied:
    tables: dict[str, TableCopied]
    brought: int
    """Rows that were not there yet, or otherwise."""
    files: int
    """Contents brought; those that were there are not counted."""
    bytes: int
    lost: list[str]
    """Contents that the source's store of files has not, or not whole."""
    seconds: float


async def copy(
    source: Place, target: Place, files: tuple[str, str] | None = None, progress: Progress = quiet
) -> Copied:
    """Fills the database of ``target``, which must be empty or a copy that was cut off, with that of ``source``.

    ``files``: blob stores, from and to; None: the content stays where it is. Where the target has the source's
    conversations already, only files are brought, those that both know. No app may have either of them open.
    Raises NotFound without a source or without its files, InvalidInput for a target in use or a source of another
    version, StoreUnavailable, StoreCorrupt when both are not the same in the end.
    """
    started = time.monotonic()
    async with _opened(source) as one, _opened(target) as other:
        await _check_source(source, one)
        names = await _names(one) if files else []
        ways = await asyncio.to_thread(_ways, *files) if files and names else None
        shared = await _prepare(target, other, _name_of(source), names)
        with _failures(" or ".join(files or ())):
            moved = await _files(names if shared is None else shared, *ways, progress) if ways else (0, 0, [])
        brought = await _rows(one, other, progress) if shared is None else 0
        tables = await _compare(one, other, progress, _differs if shared is None else _differs_by_now)
        await other.write.run(_end if shared is None else copying.unmark)
    return Copied(tables, brought, *moved, seconds=round(time.monotonic() - started, 3))


def _end(connection: Any) -> None:
    """What was brought is for the app to index and to count, at its next start."""
    copying.unmark(connection)
    building.begin_again(connection)
    counts.begin_again(connection)


def _differs(where: str) -> DataLayerError:
    return StoreCorrupt(
        f"The copy differs from its source in {where}; was one of them in use? Copy into an empty database again"
    )


def _differs_by_now(where: str) -> DataLayerError:
    return InvalidInput(
        f"The target has conversations already: its files were brought, its rows left alone. They differ in {where}"
    )


def _ways(source: str, target: str) -> tuple[Blobs, Blobs]:
    """The two stores of files. Raises NotFound where the first has none at all, StoreUnavailable where the second
    cannot be written to; InvalidInput."""
    one, other = at(source), at(target)
    with _failures(source):
        if next(iter(one.names()), None) is None:
            raise NotFound(f"There are no files at {source}, though conversations have some. Nothing was copied")
    with _failures(target):
        other.remove(other.put(b"").name)
    return one, other


@contextmanager
def _failures(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"The files at {where} cannot be used") from error


@asynccontextmanager
async def _opened(place: Place) -> AsyncIterator[Database]:
    database = dialects.database(place.server or sqlite.url_of(place.database))
    try:
        yield database
    finally:
        await database.close()


async def _check_source(place: Place, database: Database) -> None:
    revision = await _revision(place, database)
    if revision is None:
        raise NotFound("There is nothing to copy: the source has no tables yet")
    if revision != HEAD:
        raise InvalidInput("The source has an older schema; bring it up to date first (migrate up)")
    await _refuse_if_in_use(place, database)
    if await database.read.run(copying.marked):
        raise InvalidInput("The source is an unfinished copy itself")
    if any(path.stat().st_size for path in place.spool.glob("*.jsonl")):
        raise InvalidInput(f"Writes wait in {place.spool}; start the app once on the source, so that they are stored")


async def _prepare(place: Place, database: Database, source: str, names: Collection[str] = ()) -> list[str] | None:
    """None: the database is to be filled. Else it has conversations already, which are left alone: those of the
    contents ``names`` that it knows, too."""
    if await _revision(place, database) != HEAD:
        if isinstance(database, Server):
            await server_schema.upgrade(database)
        else:
            await asyncio.to_thread(migrate, place.database)
    await _refuse_if_in_use(place, database)
    begun = await database.read.run(copying.marked)
    if begun is None and not await database.read.run(copying.is_empty):
        if shared := sorted({*names} & {*await _names(database)}):
            return shared
        raise InvalidInput("The target has conversations already; name an empty database")
    if begun not in (None, source):
        raise InvalidInput("The target is an unfinished copy of another store; name an empty database")
    await database.write.run(partial(copying.mark, source=source))
    return None


async def _revision(place: Place, database: Database) -> str | None:
    if isinstance(database, Server):
        return await database.read.run(lambda connection: server_schema.look(connection, database))
    return await asyncio.to_thread(check_file, place.database)


async def _refuse_if_in_use(place: Place, database: Database) -> None:
    if not isinstance(database, Server):
        # Not while this process has it open: that would drop its locks.
        await database.close()
        await asyncio.to_thread(refuse_if_open, place)
        return
    since = await database.read.run(database.clock) - instances.silence(database)
    if await database.read.run(partial(instances.live, since=since)):
        raise StoreUnavailable("The store is open in a running app; stop the app first")


def _name_of(place: Place) -> str:
    """What tells this store from others, without its password."""
    where = str(place.database.resolve()) if place.server is None else str(place.server.set(password=None))
    return hashlib.sha256(where.encode()).hexdigest()


async def _batches(database: Database, table: Table) -> AsyncIterator[list[Row]]:
    """The next one is read while one is used."""

    def read(after: Key | None) -> asyncio.Task[list[Row]]:
        query = partial(copying.read, table=table, after=after, limit=ROWS)
        return asyncio.create_task(database.read.run(query))

    reading = read(None)
    try:
        while rows := await reading:
            reading = read(copying.key_of(table, rows[-1]))
            yield rows
    finally:
        reading.cancel()


async def _rows(one: Database, other: Database, progress: Progress) -> int:
    brought = 0
    for table in TABLES:
        total = await one.read.run(partial(copying.count, table=table))
        done = 0
        async for rows in _batches(one, table):
            brought += await other.write.run(partial(copying.bring, table=table, rows=rows))
            done += len(rows)
            progress(f"copying {table.name}", done, total)
    return brought


async def _compare(one: Database, other: Database, progress: Progress, otherwise: Otherwise) -> dict[str, TableCopied]:
    tables = {}
    for done, table in enumerate(TABLES, 1):
        progress("comparing", done, len(TABLES))
        found, brought = await asyncio.gather(_whole(one, table), _whole(other, table))
        if found != brought:
            raise otherwise(f"{table.name} ({found.rows} and {brought.rows} rows)")
        tables[table.name] = found
    return tables


async def _whole(database: Database, table: Table) -> TableCopied:
    rows, digest = 0, ""
    async for some in _batches(database, table):
        rows, digest = rows + len(some), await asyncio.to_thread(copying.digest, some, digest)
    return TableCopied(rows, digest)


async def _files(names: list[str], one: Blobs, other: Blobs, progress: Progress) -> tuple[int, int, list[str]]:
    """How many contents were brought, their bytes, and those that ``one`` has not."""
    found: list[tuple[bool, int] | None] = []
    for start in range(0, len(names), FILES):
        some = names[start : start + FILES]
        found += await asyncio.gather(*(asyncio.to_thread(_bring_file, name, one, other) for name in some))
        progress("copying files", len(found), len(names))
    sizes = [file[1] for file in found if file and file[0]]
    return len(sizes), sum(sizes), [name for name, file in zip(names, found, strict=True) if file is None]


def _bring_file(name: str, one: Blobs, other: Blobs) -> tuple[bool, int] | None:
    """Whether it was brought, and its bytes; None: ``one`` has it not, or not whole. Raises StoreUnavailable."""
    if (size := other.size(name)) is not None and size == one.size(name):
        return False, size
    try:
        content = one.open(name)
    except FileNotFoundError:
        return None
    with content, suppress(InvalidInput):  # which is not the content that its name says
        return True, other.put(content, name).size
    return None


async def _names(database: Database) -> list[str]:
    """Of all content that is in use."""
    return [_name(row) async for rows in _batches(database, blobs) for row in rows if row["released_at"] is None]


def _name(row: Row) -> str:
    return Blob(row["sha256"], row["size"], row["tag"]).name
