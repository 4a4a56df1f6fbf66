"""The tables on a server: looked at before they are used, made and brought up to date under a lock.

The table of versions is made first, and only where none of our names is taken: what is beside it is ours.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, column, inspect, select, table
from sqlalchemy.engine import URL

from .. import migrations
from ..errors import DataLayerError, StoreForeign, StoreTooNew, StoreTooOld, StoreUnusable
from ..schema import HEAD, metadata
from . import database, rights
from .base import T
from .server import Server

logger = logging.getLogger("datalayer")

VERSIONS = "datalayer_version"
"""The name of the table of versions: other applications in the same schema may use Alembic, too."""


_TRIES, _PAUSE = 5, 0.5
"""A lock of Galera's is each node's own: a process at another node may be at the same, and one of both fails."""


async def upgrade(server: Server) -> None:
    """Brings the tables up to date. Raises StoreTooOld, StoreTooNew, StoreForeign, StoreUnusable, StoreUnavailable."""
    for left in reversed(range(_TRIES)):
        if await server.read.run(lambda connection: look(connection, server)) == HEAD:
            return
        try:
            return await server.upkeep(lambda connection: _upgrade(connection, server))
        except StoreUnusable:
            raise
        except DataLayerError:
            if not left:
                raise
        await asyncio.sleep(_PAUSE)


def look(connection: Connection, server: Server) -> str | None:
    """The revision of the tables, None when there are none yet. Changes nothing. Raises as ``upgrade``."""
    if not server.supports(connection):
        raise StoreTooOld(f"This server is too old; {server.oldest} or newer is needed")
    schema = server.options.schema
    names = set(inspect(connection).get_table_names(schema))
    if VERSIONS not in names:
        if taken := sorted(names & metadata.tables.keys()):
            raise StoreForeign(
                f"Another application has tables of these names here: {', '.join(taken)}; name a database or a schema"
                " of its own for this one"
            )
        return None
    version = connection.execute(select(column("version_num")).select_from(table(VERSIONS, schema=schema))).scalar()
    revision = str(version) if version is not None else None
    if revision is not None and revision > HEAD:
        raise StoreTooNew("This database was written by a newer version; upgrade, or restore an older backup")
    return revision


def _upgrade(connection: Connection, server: Server) -> None:
    with server.lock(connection):
        if (revision := look(connection, server)) == HEAD:
            return  # another process has done it meanwhile
        logger.info("bringing the database from schema %s to %s", revision, HEAD)
        migrations.run(connection, versions=VERSIONS, schema=server.options.schema)


def check(url: URL, further: Callable[[Connection], None] = lambda _: None) -> None:
    """Whether the tables at ``url`` can be used. ``further`` is asked besides, where they are of this version; what it
    raises is raised. Blocks. Raises as ``upgrade``."""

    def checked(connection: Connection, server: Server) -> None:
        if look(connection, server) == HEAD:
            rights.check(connection, server)
            further(connection)

    ask(url, checked)


def migrate(url: URL, direction: migrations.Direction = "upgrade", revision: str = "head") -> None:
    """Brings the tables at ``url`` up or down to ``revision``. Blocks. Raises as ``upgrade``."""

    def move(connection: Connection, server: Server) -> None:
        with server.lock(connection):
            migrations.run(connection, direction, revision, VERSIONS, server.options.schema)

    ask(url, move)


def ask(url: URL, query: Callable[[Connection, Server], T], isolation: str = "READ COMMITTED") -> T:
    """What ``query`` finds, in one transaction of a connection of its own, or in none where ``isolation`` is
    AUTOCOMMIT. Blocks. Raises DataLayerError."""

    async def asked() -> T:
        server = database(url)
        assert isinstance(server, Server)
        try:
            return await server.upkeep(lambda connection: query(connection, server), isolation)
        finally:
            await server.close()

    with ThreadPoolExecutor(1) as thread:  # a loop may run in this one
        return thread.submit(lambda: asyncio.run(asked())).result()
