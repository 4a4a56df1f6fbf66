"""How a database is opened, and who else has it open: a file of SQLite's here, or a server's tables elsewhere."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from . import backup, dialects
from .backup.damage import set_log_aside
from .chain import beginning
from .dialects import server_schema, sqlite
from .dialects.base import Database
from .dialects.server import Server
from .dialects.sqlite_file import Identity, check_file, file_identity, log_identity, migrate
from .errors import DataLayerError
from .place import Place
from .records import not_before, now
from .schema import HEAD
from .spool import Spool, live_instances
from .sql import copying, instances, queries
from .sql.apply import mark_interrupted
from .transaction import OPENING

logger = logging.getLogger("datalayer")

Since = Callable[[], int | None]

MAX_SKEW = 2_000_000
"""Microseconds between a server's clock and ours that are nobody's concern."""


class Opening(Protocol):
    async def prepare(self) -> None:
        """Brings the tables up to date. Raises StoreUnavailable, and its kinds: StoreUnusable for a copy that was cut
        off."""

    async def renew(self) -> bool:
        """Whether the database is another than the one that was opened; it is closed then."""

    def committed(self) -> None:
        """To be called after each transaction."""

    async def tell_time(self) -> None:
        """Has ``records.now`` give later times than what is stored."""

    async def mark_interrupted(self) -> int:
        """Marks the answers that processes streamed which are no more. Returns how many."""

    async def is_dead(self, instance: str) -> bool:
        """Whether a process that had the database open is no more. False where nobody can tell."""

    async def leave(self) -> None:
        """Lets others know that this process is no more."""


class OfFile:
    def __init__(self, database: sqlite.Database, place: Place, spool: Spool, since: Since) -> None:
        self._database = database
        self._since = since
        self._place = place
        self._spool = spool
        self._opened_as: Identity | None = None
        self._log: Identity | None = None

    async def prepare(self) -> None:
        await dialects.base.translated(asyncio.to_thread(self._prepare), self._database.translate)
        await self._database.read.run(copying.refuse_unfinished)
        self._opened_as = file_identity(self._database.path)

    def _prepare(self) -> None:
        """Ends a restore that was cut off, then brings the schema up to date, with a verified backup of the old one."""
        backup.finish_restore(self._place)
        revision = check_file(self._place.database)
        if revision not in (None, HEAD):
            backup.before_upgrade(self._place)
        if revision != HEAD:
            # Another process of ours that starts now may be at the same.
            others = live_instances(self._place.spool) - {self._spool.instance}
            migrate(self._place.database, patience=OPENING if others else sqlite.BUSY_TIMEOUT)

    async def renew(self) -> bool:
        if self._opened_as in (None, file_identity(self._database.path)):
            return False
        # Replaced or removed under us: what we still have open is a file that nobody will ever see again.
        self._opened_as = None
        await self._database.close()
        await asyncio.to_thread(set_log_aside, self._place.database, self._log)
        return True

    def committed(self) -> None:
        self._log = log_identity(self._place.database)

    async def tell_time(self) -> None:
        not_before(await self._database.read.run(queries.newest_write))

    async def mark_interrupted(self) -> int:
        try:
            live = await asyncio.to_thread(self._spool.live)
        except OSError:
            return 0  # nobody can tell
        await _note(self._database)
        return await self._database.write.run(partial(mark_interrupted, live=live, vectors_since=self._since()))

    async def is_dead(self, instance: str) -> bool:
        try:
            return instance not in await asyncio.to_thread(self._spool.live)
        except OSError:
            return False

    async def leave(self) -> None:
        """The lock of the spool's file ends by itself."""


class OfServer:
    """A task of its own gives signs of life, and looks after those who give none any more."""

    def __init__(self, server: Server, spool: Spool, since: Since) -> None:
        self._server = server
        self._since = since
        self._spool = spool
        self._beating: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        await server_schema.upgrade(self._server)
        await self._server.read.run(copying.refuse_unfinished)

    async def renew(self) -> bool:
        return False

    def committed(self) -> None:
        pass

    async def tell_time(self) -> None:
        ahead = await self._server.read.run(self._server.clock) - now()
        if abs(ahead) > MAX_SKEW:
            logger.warning("the clock of the database's server is %.1f s ahead of this one's", ahead / 1e6)
        not_before(now() + ahead)

    async def mark_interrupted(self) -> int:
        await _note(self._server)
        found = await self._beat()
        if self._beating is None:
            self._beating = asyncio.create_task(self._go_on(), name="datalayer-signs-of-life")
        return found

    async def _beat(self) -> int:
        silence = instances.silence(self._server)
        who: dict[str, Any] = {"server": self._server, "instance": self._spool.instance, "silence": silence}
        return await self._server.write.run(partial(instances.beat, **who, vectors_since=self._since()))

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(self._server.options.heartbeat)
            try:
                if found := await self._beat():
                    logger.warning("%s answers of an instance that is no more are marked as interrupted", found)
            except Exception as error:
                logger.warning("no sign of life could be given: %s", dialects.base.reason(error))

    async def is_dead(self, instance: str) -> bool:
        return await self._server.read.run(partial(instances.is_dead, server=self._server, instance=instance))

    async def leave(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            with suppress(DataLayerError):  # then the others will miss it
                await self._server.write.run(partial(instances.leave, instance=self._spool.instance))


async def _note(database: sqlite.Database | Server) -> None:
    if not await database.read.run(beginning.is_noted):
        await database.write.run(beginning.note)


def of(database: Database, place: Place, spool: Spool, since: Since) -> Opening:
    """``since``: which messages wait for a vector now, as in ``vectors.note``."""
    if isinstance(database, sqlite.Database):
        return OfFile(database, place, spool, since)
    assert isinstance(database, Server)
    return OfServer(database, spool, since)
