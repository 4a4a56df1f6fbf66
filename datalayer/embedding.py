"""Vectors of messages, made in the background: of new messages soon after they are complete, and, once somebody has
agreed, of all that was said before. In turn with them, those of passages of files (``passage_embedding``).

Always true: nothing waits for the model, neither a write nor a search by words; no transaction is open while it is
asked; a kill costs a batch at most. Of several processes one at a time makes them.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from .asking import Asking
from .dialects.base import Database, reason
from .embeddings import AT_ONCE, EmbeddingFailed, Embeddings
from .errors import DataLayerError, InvalidInput
from .passage_embedding import PassageEmbedding
from .records import now
from .spool import Spool
from .sql import vectors
from .sql.vectors import State

logger = logging.getLogger("datalayer")

_LOOKED_AT = 10.0
"""Seconds until it is looked for work at the latest: another process may have left some."""
_SETTLING = 2.0
"""Seconds after a write until its messages are sent, and others with them."""
_LEASE = 2 * 90_000_000
"""Microseconds that a process alone makes vectors after it has begun a batch."""
PAUSES = (5.0, 20.0, 60.0, 300.0, 600.0)
"""Seconds after one failure, two, …; the last one from then on."""
_NAMELESS = "?"
"""Begins what stands for a process without a spool: nobody can tell whether that one lives."""


class Embedding:
    """Of one process."""

    def __init__(
        self,
        database: Database,
        embeddings: Embeddings,
        spool: Spool,
        is_dead: Callable[[str], Awaitable[bool]],
        gone: Callable[[], None],
    ) -> None:
        """``spool``: names this process, once it is open. ``is_dead``: as of ``Opening``. ``gone``: as of
        ``PassageEmbedding``."""
        if not (0 < len(embeddings.name) <= 64 and embeddings.name.isascii()):
            raise InvalidInput("The name of an embedding model has 1 to 64 characters of ASCII")
        try:
            import numpy  # noqa: F401
        except ImportError:
            raise InvalidInput("A search by meaning needs the package numpy") from None
        self._database = database
        self._embeddings = embeddings
        self._asking = Asking(embeddings, "messages")
        self._passages = PassageEmbedding(database, embeddings, self._has_turn, gone)
        self._spool, self._is_dead = spool, is_dead
        self._nameless = _NAMELESS + uuid.uuid4().hex
        self._begun: State | None = None
        self._looked_to: str | None = ""
        """Up to where it was looked for what was said while no model was configured; None: everywhere."""
        self._started = now()
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures = 0

    @property
    def since(self) -> int:
        """Messages made since this moment, in UTC microseconds, wait for a vector when they are written."""
        return self._started if self._begun is None else self._begun.since

    @property
    def _holder(self) -> str:
        return self._spool.instance or self._nameless

    def open(self) -> None:
        if self._task is None:
            self._stirred.set()
            self._task = asyncio.create_task(self._go_on(), name="datalayer-embedding")

    def stir(self) -> None:
        """To be called after a write."""
        self._stirred.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            with suppress(DataLayerError):  # it ends by itself
                await self._database.write.run(partial(vectors.leave, holder=self._holder))
        try:
            await self._embeddings.close()
        except Exception as error:
            logger.warning("the model could not be closed: %s", type(error).__name__)

    async def _go_on(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOKED_AT):
                    await self._stirred.wait()
                    await asyncio.sleep(_SETTLING)
            self._stirred.clear()
            if pause := await self._try():
                await asyncio.sleep(pause)
                self._stirred.set()

    async def _try(self) -> float:
        """Seconds to wait before the next try; 0: all is done."""
        try:
            while await self.step():
                pass
        except Exception as error:
            self._failures += 1
            pause = PAUSES[min(self._failures, len(PAUSES)) - 1]
            what = reason(error)
            if isinstance(error, EmbeddingFailed):
                pause, what = max(pause, min(error.retry_after or 0.0, 3600.0)), str(error)
            logger.warning("messages or files wait for vectors of %s: %s", self._embeddings.name, what)
            return pause
        return 0.0

    async def step(self) -> bool:
        """Makes the next vectors. Whether there was something to do, and nobody else does it. Raises DataLayerError,
        EmbeddingFailed."""
        model, database = self._embeddings.name, self._database
        if self._begun is None:
            self._begun = await database.write.run(partial(vectors.begin, model=model))
        found = await database.read.run(vectors.state)
        if found is None or found.model != model:  # another process has another model, or all was removed
            return False
        self._begun = found
        made = await self._of_messages(found)
        return await self._passages.step(found.since) or made

    async def _of_messages(self, found: State) -> bool:
        """As ``step``, of messages."""
        model, database = found.model, self._database
        batch = await database.read.run(partial(vectors.batch, most=AT_ONCE))
        if not (batch.texts or batch.gone or found.walk not in (None, vectors.DONE)):
            if found.walk == vectors.DONE and self._looked_to is not None:
                return await self._look_back(self._looked_to)
            tidy = found.walk == vectors.DONE and await database.read.run(partial(vectors.others, model=model))
            return bool(tidy and await database.write.run(partial(vectors.tidy, model=model)))
        if not await self._has_turn():
            return False
        if batch.gone:
            await database.write.run(partial(vectors.forget, gone=batch.gone))
        if batch.texts:
            length = await database.read.run(partial(vectors.length, model=model))
            packed = await self._asking.packed(batch.texts, length)
            await database.write.run(partial(vectors.put, model=model, made_of=batch.texts, packed=packed))
            self._failures = 0
            return True
        return bool(batch.gone) or await database.write.run(partial(vectors.walk, model=model))

    async def _has_turn(self) -> bool:
        """Whether this process alone makes vectors for a while. Who is dead needs no turn."""
        read, write = self._database.read.run, self._database.write.run
        lease = partial(vectors.lease, holder=self._holder, until=now() + _LEASE)
        if await write(lease):
            return True
        holder = await read(vectors.holder)
        if holder is None or holder.startswith(_NAMELESS) or not await self._is_dead(holder):
            return False
        await write(partial(vectors.leave, holder=holder))
        return await write(lease)

    async def _look_back(self, after: str) -> bool:
        """Nothing waits, but something may have been said or edited while no model was configured. Of 500 messages at a
        time it is looked for in a read, so that a start costs no writes where there is none."""
        look = partial(vectors.lacking, known=(self._embeddings.name, vectors.WAITS), after=after)
        some, following = await self._database.read.run(look)
        if some:
            await self._database.write.run(partial(vectors.want, model=self._embeddings.name, ids=list(some)))
        self._looked_to = following
        return True
