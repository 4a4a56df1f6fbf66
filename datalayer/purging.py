"""The trash: what has been in it longer than it is kept goes for good, as by a deletion at once.

Only what is still in it then: what was taken out of the trash meanwhile stays.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .dialects.base import reason
from .records import TRASH_DAYS, now
from .writes import APPLICATION, DeleteElement, DeleteThread, Write

logger = logging.getLogger("datalayer")

_DAY = 86_400 * 1_000_000
_FIRST, _EVERY = 90.0, 3_600.0
"""Seconds after the start, which has other things to do, and from then on."""
_AT_ONCE = 100
"""Threads, or files, that are deleted together."""


class Purging:
    """``expired``: ids and users of threads that are in the trash since before a moment, at most so many. ``submit``:
    as ``Store.submit``. ``gone``: is told user ("": nobody) and thread. ``files``: threads and ids of files in the
    trash, as ``expired``."""

    def __init__(
        self,
        expired: Callable[[int, int], Awaitable[Sequence[tuple[str, str | None]]]],
        submit: Callable[[Write], Awaitable[Any]],
        days: int,
        gone: Callable[[str, str], Awaitable[None]],
        files: Callable[[int, int], Awaitable[Sequence[tuple[str, str]]]],
    ) -> None:
        self._files = files
        self._expired = expired
        self._submit = submit
        self._gone = gone
        self._kept = (days or TRASH_DAYS) * _DAY
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Soon, and then once an hour."""
        if self._task is None:
            self._task = asyncio.create_task(self._go_on(), name="datalayer-purging")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def purge(self, at: int | None = None) -> int:
        """How many threads went. ``at``: what counts as now. What cannot be done now is done the next time."""
        before, gone = (now() if at is None else at) - self._kept, 0
        try:
            while some := await self._expired(before, _AT_ONCE):
                writes = [
                    DeleteThread(actor=APPLICATION, thread_id=key, at=now(), trashed_before=before) for key, _ in some
                ]
                await asyncio.gather(*map(self._submit, writes))
                for key, user in some:
                    await self._gone(user or "", key)
                gone += len(some)
            while files := await self._files(before, _AT_ONCE):
                of = {"actor": APPLICATION, "at": now(), "trashed_before": before}
                each = (DeleteElement(thread_id=thread, id=key, **of) for thread, key in files)  # type: ignore[arg-type]
                await asyncio.gather(*map(self._submit, each))
        except Exception as error:
            logger.warning("the trash is left for later: %s", reason(error))
        if gone:
            logger.info("%s conversations of the trash are gone for good", gone)
        return gone

    async def _go_on(self) -> None:
        await asyncio.sleep(_FIRST)
        while True:
            await self.purge()
            await asyncio.sleep(_EVERY)
