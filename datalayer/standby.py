"""What a mirror says, as a database of its own, for reads while the true one cannot be read.

Always true: it is asked only of a mirror that has all (``Mirrored.since`` is 0), and nothing of it is ever written
back. Contents of files are not in a mirror.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TypeVar

from .errors import DataLayerError, StoreUnavailable
from .mirror import BEFORE, Mirrored, Replica, replay

T = TypeVar("T")
logger = logging.getLogger("datalayer")
WAIT = 10.0
"""Seconds that a read waits for it to be made."""


class Read(Replica, Protocol):
    async def _ask(self, query: Callable[..., T], *args: Any) -> T: ...

    async def close(self) -> None: ...


class Standby:
    """``make``: a store for this address. ``folder``: of the mirror; None: there is none. It is made when it is needed
    first, again when the mirror has grown since, and thrown away with the process."""

    def __init__(self, folder: Path | None, make: Callable[[str], Read]) -> None:
        self.folder, self._make = folder, make
        self._making: asyncio.Task[Read] | None = None
        self._of: tuple[int, ...] = ()
        self._place: TemporaryDirectory[str] | None = None

    def covers(self) -> AbstractContextManager[None]:
        """In which a database may be unavailable, where there is a mirror."""
        return suppress(StoreUnavailable) if self.folder else nullcontext()

    async def ask(self, error: DataLayerError, query: Callable[..., T], *args: Any) -> T:
        """What ``query(connection, *args)`` returns here. Raises ``error``, by which the true database has refused it,
        where there is no mirror, or it does not know."""
        size = await asyncio.to_thread(_size, self.folder) if self.folder is not None else ()
        if self.folder is None or not size or not isinstance(error, StoreUnavailable):
            raise error
        if self._making is None or (self._making.done() and size != self._of):
            await self.close()
            self._of, self._making = size, asyncio.create_task(self._made(self.folder))
        done, _ = await asyncio.wait([self._making], timeout=WAIT)
        if not done or self._making.exception():
            raise error
        answer = await self._making.result()._ask(query, *args)
        if answer is None:
            raise error
        return answer

    async def _made(self, folder: Path) -> Read:
        self._place = TemporaryDirectory(prefix="threadkeep-standby-")
        store, found = self._make(f"sqlite+aiosqlite:///{self._place.name}/threads.db"), Mirrored()
        refused = await replay(store, folder, found, lambda _: None)
        logger.error(
            "the database cannot be read: what is read comes from the mirror; of %s writes %s could not be done again, "
            "%s are missing, %s damaged",
            *(found.writes, refused, found.missing, found.damaged),
        )
        return store

    async def close(self) -> None:
        making, place, self._making, self._place = self._making, self._place, None, None
        if making is not None:
            making.cancel()
            await asyncio.wait([making])
            if not making.cancelled() and not making.exception():
                await making.result().close()
        if place is not None:
            await asyncio.to_thread(place.cleanup)


def _size(folder: Path) -> tuple[int, ...]:
    """Of its files; none where it has not all."""
    try:
        folder.joinpath(BEFORE).stat()
        return tuple(path.stat().st_size for path in sorted(folder.glob("*.jsonl")))
    except OSError:
        return ()
