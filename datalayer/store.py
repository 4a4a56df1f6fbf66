"""Opens and closes the parts, and is the one face of them. I8: a read of a thread sees the writes called before it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec

from . import blobs as stores
from . import dialects, opening, transaction
from .answers import failed, nobody, nothing, succeeded
from .app_values import AppValues
from .blobs import in_thread
from .counting import Counting
from .dialects.base import translated
from .embedding import Embedding
from .embeddings import Embeddings
from .errors import DataLayerError, InvalidInput, StoreClosed, StoreUnavailable, WrongLoop
from .fused import Fused
from .fused_passages import FusedPassages
from .indexing import Indexing
from .lanes import Lanes
from .mirror import Mirror
from .observer import observer
from .own_files import EveryFile
from .place import Place
from .pruning import Pruning
from .purging import Purging
from .questions import Questions
from .reads import Found, Reads, T
from .records import Blob, User, user_id
from .releases import Releases, vanished
from .reports import Readiness
from .retention import Cleanup, Removed, Retention
from .sharing import Sharing
from .spool import Spool
from .sql import lists, own_files, queries, tombstones
from .sql.apply import apply
from .sql.overlay import Overlay, Rows
from .standby import Standby
from .takeover import Takeover
from .transaction import Verdict
from .vectors import Vectors
from .writer import CLOSING, Event
from .writes import UpsertUser, Write

logger = logging.getLogger("datalayer")
P = ParamSpec("P")

READ_TIMEOUT = 10.0
"""Seconds a read waits for the recovery at start, for content that a write before it stores, and for its answer."""


class Store(Reads, EveryFile, AppValues, Vectors, Sharing):
    """``url``: sqlite+aiosqlite:///path, or a server's: see ``dialects``. ``files``: folder of the blobs, or
    ``s3://bucket/prefix``; None: ``<database>.files`` beside it. ``spool``: folder of the writes that the database
    refused, None: ``<database>.spool``; another disk is best. ``backups``: folder of the backups, None:
    ``<database>.backups``; another disk is best. "Beside" a server's database is the current folder, and its address
    the name. ``trash_days``: how long the trash keeps what is put into it; 0: there is none, and what is in it from
    before is kept for 30 days.
    ``embeddings``: a model by which messages and files are found by their meaning, too; None: by their words alone.
    ``retention``: what need not be kept for ever; None: all is.
    ``kept``: what of a write is accepted, None: nothing; it is asked when the write is called.
    ``mirror``: a folder in which each stored write is copied as JSON, and from which is read while the database cannot
    be read; None: none.

    Cheap and synchronous; everything is opened by the first call. Raises InvalidInput for an address it cannot keep.
    All calls belong into the event loop of the first: WrongLoop tells any other.
    """

    def __init__(
        self,
        url: str,
        files: str | Path | None = None,
        spool: str | Path | None = None,
        backups: str | Path | None = None,
        synchronous: str = "FULL",
        trash_days: int = 0,
        embeddings: Embeddings | None = None,
        retention: Retention | None = None,
        kept: Callable[[Write], Write | None] = lambda write: write,
        mirror: str | Path | None = None,
    ) -> None:
        self._kept_of = kept
        self.mirror = Mirror(Path(mirror) if mirror is not None else None)
        self._standby = Standby(self.mirror.folder, lambda at: Store(at, synchronous="OFF"))
        self._database = dialects.database(dialects.parse_url(url), synchronous)
        self.place = Place.of(url, files, spool, backups)
        self.blobs = stores.at(self.place.bucket or self.place.files)
        self._releases = Releases(self.blobs, self._database, self._alone, self._blobs_to_come)
        self._spool = Spool(self.place.spool, self.place.owner)
        self._pruning = Pruning(partial(self._now, tombstones.prune, changes=True), self.place.spool)
        self.trash_days = trash_days
        expired, files_expired = partial(self._ask, lists.expired), partial(self._ask, own_files.expired)
        self._purging = Purging(expired, self.submit, trash_days, self._tell_gone, files_expired)
        self.cleanup = Cleanup(retention, self._now, self.submit, self.blobs, self._tell_gone, self.catch_up)
        self.on_gone: Callable[[str, str], Awaitable[None]] = nobody
        questions = Questions(embeddings) if embeddings else None
        self._fused = Fused(questions, self._read, self._list) if questions else None
        self._fused_passages = FusedPassages(questions, self._now) if questions else None
        self._open = opening.of(self._database, self.place, self._spool, self._vectors_since)
        self._takeover = Takeover(self._spool, self._open, lambda left: self._lanes.store_kept(left, self._apply))
        if embeddings:
            alive = self._spool, self._open.is_dead
            self._embedding = Embedding(self._database, embeddings, *alive, gone=self._releases.texts.stir)
        self._indexing = Indexing(self._database)
        self._counting = Counting(self._database)
        self._lanes = Lanes(
            lambda writes: self._translated(self._commit(writes)),
            self._spool,
            lambda: self._translated(self._ready()),
            self._database.lanes,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Task[None] | None = None
        self._recovering: asyncio.Task[None] | None = None
        self._stuck: set[asyncio.Task[Any]] = set()
        self._shutting: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def instance(self) -> str:
        """The name under which this process is known to others while it lives."""
        return self._spool.instance

    @property
    def listeners(self) -> list[Callable[[Event], None]]:
        """Called in the event loop when the state of the store changes."""
        return self._lanes.listeners

    def _here(self) -> None:
        """Raises WrongLoop: what waits in one loop is never woken by another."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise WrongLoop("This DataLayer belongs to another event loop: make one in each, and close it there")

    async def open(self) -> None:
        """Brings the schema up to date and stores what dead processes left. Raises StoreTooNew, StoreForeign,
        StoreCorrupt, StoreUnavailable."""
        await self._upgraded()
        await asyncio.shield(self._recovery())

    async def _upgraded(self) -> None:
        """Returns when the database can be read."""
        self._here()
        if self._closed:
            raise StoreClosed("The data layer is closed")
        if self._opening is None or failed(self._opening):
            self._opening = asyncio.create_task(self._upgrade())
        await asyncio.shield(self._opening)

    async def _upgrade(self) -> None:
        await asyncio.to_thread(self._spool.show_up)  # before this process has the store open
        await self._open.prepare()
        await self._indexing.open()
        if self._embedding:
            self._embedding.open()

    def _recovery(self) -> asyncio.Task[None]:
        if self._recovering is None or failed(self._recovering):
            self._recovering = asyncio.create_task(self._recover())
            self._recovering.add_done_callback(failed)  # whoever began it may not wait for it
        return self._recovering

    def _blobs_to_come(self) -> set[str]:
        return self._lanes.blobs() | self._takeover.blobs

    async def _recover(self) -> None:
        """Stores what dead processes left in their spools, marks the answers that they were streaming, and removes the
        content that they let go."""
        await self._open.tell_time()
        await self._takeover.run()
        self._takeover.begin()
        self._releases.begin(await self._database.read.run(queries.unused_blobs))
        self._counting.begin()
        self._pruning.begin()
        self._purging.begin()
        self.cleanup.begin()

    async def close(self) -> None:
        """Stores what was accepted, then closes. A second call does nothing.

        What a database that does not answer has not taken within seconds stays in the spool, for the next process.
        """
        self._here()
        if self._closed:
            return
        ended = await self._lanes.close()
        self._closed = True
        self._shutting = asyncio.create_task(self._shut())
        if ended:
            await asyncio.wait([self._shutting], timeout=CLOSING)
        else:
            logger.error("the database does not answer; what it has not taken is in the spool")

    async def _shut(self) -> None:
        await self._takeover.close()
        await self._lanes.ended()
        await self.mirror.close(CLOSING)
        await self._standby.close()
        await self._pruning.close()
        await self.cleanup.close()
        await self._releases.close(CLOSING)
        await self._indexing.close(CLOSING)
        await self._counting.close(CLOSING)
        if self._embedding:
            await self._embedding.close()
        await self._open.leave()
        await self._database.close()

    async def drain(self) -> None:
        """Returns when every accepted write is durable or its caller has its error, and what they let go is removed or
        left for later."""
        self._here()
        await self._lanes.barrier()
        await self._releases.settled(CLOSING)

    async def catch_up(self) -> bool:
        """Tries now to store what waits in the spool, which else is tried about once a second. Whether nothing is left
        in it."""
        return await self._lanes.catch_up()

    async def health(self) -> dict[str, Any]:
        """``state``: "ok", or "degraded" (writes wait in the spool); ``pending``: writes not in the database yet."""
        return {"state": "degraded" if self._lanes.degraded else "ok", "pending": self._lanes.pending}

    async def readiness(self, within: float = 1.0) -> Readiness:
        """Whether there is any use in sending somebody here now. ``within``: seconds that the database has to answer.
        Changes nothing; raises nothing."""
        answers = False
        with suppress(DataLayerError, TimeoutError):
            async with asyncio.timeout(within):
                await self._upgraded()
                await self._answer(self._database.read.run(queries.ping))
                answers = True
        if answers and not self._lanes.degraded:
            return Readiness(database=True)
        return Readiness(answers, spool=not self._closed and await asyncio.to_thread(self._spool.takes))

    def submit(self, write: Write, source: bytes | Path | None = None) -> Awaitable[Any]:
        """Accepts ``write`` now; the answer comes when it is durable. Raises StoreClosed; the answer, DataLayerError.

        ``source``: content of an element, put into the blob store and named in the write. Of what ``kept`` drops, the
        answer is None.
        """
        self._here()
        kept = self._kept_of(write)
        put = None if source is None else partial(self.put_blob, source)
        return nothing() if kept is None else self._lanes.submit(kept, put)

    async def put_blob(self, source: bytes | Path) -> Blob:
        """Stores content; it survives a power cut when this returns. Raises InvalidInput without a file, OSError,
        StoreUnavailable."""
        if isinstance(source, Path) and not await asyncio.to_thread(source.is_file):
            raise InvalidInput("The file to store does not exist")
        return await in_thread(self.blobs.put, source)

    async def with_files(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """What ``work`` returns, which reads ``blobs``: in threads that nothing else waits for."""
        return await in_thread(work, *args, **named)

    async def _ready(self) -> None:
        if await self._open.renew():
            self._opening, self._recovering = None, None
        await self._upgraded()

    async def _commit(self, writes: Sequence[Write]) -> list[Verdict]:
        if not succeeded(self._recovering):  # nobody waits for it as long as for an upgrade
            await asyncio.shield(self._recovery())
        verdicts = await self._apply(writes)
        self._open.committed()
        return verdicts

    async def _apply(self, writes: Sequence[Write]) -> list[Verdict]:
        lost = await vanished(self.blobs, writes, CLOSING)
        changed = partial(apply, writes=writes, vanished=lost, vectors_since=self._vectors_since())
        verdicts, released, left = await self._database.write.run(changed)
        self.mirror.add(writes, verdicts)
        self._releases.add(released)
        self._counting.stir()
        if left:
            self._indexing.stir()
        if self._embedding:
            self._embedding.stir()
        return verdicts

    def _vectors_since(self) -> int | None:
        return self._embedding.since if self._embedding else None

    async def _alone(self, write: Write) -> Any:
        """Its result. Raises DataLayerError."""
        (verdict,), *_ = await self._database.write.run(partial(apply, writes=[write]))
        return verdict

    async def purge(self, at: int | None = None) -> int:
        """Deletes for good what has been in the trash longer than it is kept; it is done once an hour anyway. ``at``:
        what counts as now, in UTC microseconds. Returns how many threads went."""
        return await self._purging.purge(at)

    async def clean_up(self, dry_run: bool = False, at: int | None = None) -> Removed:
        """Archives and removes what ``retention`` does not keep, as it is done in the background. ``dry_run``: only
        counts it. ``at``: as for ``purge``. Raises DataLayerError, OSError."""
        return await self.cleanup.run(dry_run, at)

    async def _tell_gone(self, user_id: str, thread_id: str) -> None:
        await self.on_gone(user_id, thread_id)

    async def _read(self, query: Callable[..., T], *args: Any, thread_id: str | None = None) -> T:
        await self._settled(thread_id)
        if thread_id is None or not (waiting := self._lanes.spooled(thread_id)):
            return await self._ask(query, *args)
        overlay = Overlay(waiting)
        return await self._through(overlay, await self._ask(overlay.copy, overlay.around(thread_id)), query, *args)

    async def user(self, identifier: str) -> User | None:
        """Also one who waits in the spool, who is nowhere else yet."""
        found = await super().user(identifier)
        for write in self._lanes.spooled():
            if isinstance(write, UpsertUser) and write.identifier == identifier:
                made = write.at if found is None else found.created_at
                found = User(user_id(identifier), identifier, write.metadata, made)
        return found

    async def _find(self, query: Callable[..., Found | None], key: str) -> Found | None:
        found = await self._read(query, key)
        named = (write.thread_id for write in self._lanes.spooled() if getattr(write, "id", None) == key)
        where = found.thread_id if found else next(named, None)
        if where is None or not self._lanes.spooled(where):
            return found
        return await self._read(query, key, thread_id=where)

    async def _list(self, user_id: str, query: Callable[..., T], content: bool) -> list[T]:
        await self._settled()
        if not (waiting := self._lanes.spooled()):
            return [await self._ask(query)]
        part, overlay, rows = await self._ask(Overlay(waiting).beside, user_id, query, content)
        return [part, await self._through(overlay, rows, query)]

    async def _settled(self, thread_id: str | None = None) -> None:
        """Returns when the database can be read, with the writes called before or a spool that has them."""
        self._here()
        if self._closed or not succeeded(self._opening):
            with self._standby.covers():
                await self._answer(self._upgraded())
            if not succeeded(self._opening):
                return
        failed_before = failed(self._recovering)
        recovery = self._recovery()
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                if not failed_before and not recovery.done():
                    await asyncio.wait([recovery])
                await self._lanes.settled(thread_id)
        except TimeoutError:
            logger.warning("reading without the writes that are still waiting")

    async def _ask(self, query: Callable[..., T], *args: Any) -> T:
        try:
            answer = await self._answer(self._database.read.run(lambda connection: query(connection, *args)))
        except DataLayerError as error:
            observer().read(answered=False)
            return await self._standby.ask(error, query, *args)
        observer().read(answered=True)
        return answer

    async def _now(self, query: Callable[..., T], *args: Any, changes: bool = False) -> T:
        await self._answer(self._upgraded())
        runs = self._database.write if changes else self._database.read
        return await self._answer(runs.run(lambda connection: query(connection, *args)))

    async def _through(self, overlay: Overlay, rows: Rows, query: Callable[..., T], *args: Any) -> T:
        return await self._translated(asyncio.to_thread(overlay.ask, rows, query, *args))

    async def _translated(self, work: Coroutine[Any, Any, T]) -> T:
        return await translated(work, self._database.translate)

    async def _answer(self, reading: Coroutine[Any, Any, T]) -> T:
        """What ``reading`` returns. While a transaction hangs, it must not take longer than one may."""
        task = asyncio.create_task(reading)
        task.add_done_callback(failed)
        end = time.monotonic() + READ_TIMEOUT
        while time.monotonic() < end:
            # What still reads for somebody who has given up tells that there is no use in waiting.
            done, _ = await asyncio.wait(
                [task], timeout=0 if self._stuck and self._lanes.stalled else transaction.PATIENCE
            )
            if done:
                return task.result()
            if self._lanes.stalled:
                break
        self._stuck.add(task)
        task.add_done_callback(self._stuck.discard)
        raise StoreUnavailable("The database does not answer")
