"""What was read of files is kept beside the writes, in short transactions with pauses as long, and removed so, too.

Nothing of it goes to the spool: who finds a file unread reads it again. What a kill leaves, the next start removes, or
an hour later.
"""

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial

from .dialects.base import Database, T, reason
from .errors import DataLayerError, InvalidInput, StoreClosed
from .passages import FileText
from .schema import passage_words, passages
from .search import postings
from .sql import file_texts as sql

logger = logging.getLogger("datalayer")

_ROWS, _CHARACTERS = 100, 100_000
"""Of one transaction: some milliseconds."""
_AT_ONCE = 500
"""Rows that are removed in one."""


class FileTexts:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._again = self._closed = False
        self._task: asyncio.Task[None] | None = None

    async def keep(self, sha256: str, read: FileText) -> bool:
        """As ``Files.keep_text``."""
        if len(read.passages) >= sql.FIRST:
            raise InvalidInput("This file has more passages than can be kept")
        if await self._database.read.run(partial(sql.is_kept, sha256=sha256, read=read)):
            return True
        lengths, blocks = await asyncio.to_thread(_indexed, read)
        begin = partial(sql.begin, sha256=sha256, read=read, lengths=lengths, blocks=len(blocks))
        if (number := await self._slowly(begin)) is None:
            return False
        await self._add(number, read, blocks)
        kept = await self._slowly(partial(sql.finish, number=number, sha256=sha256, read=read))
        self.stir()  # what is there no more, or was kept before
        return kept

    async def _add(self, number: int, read: FileText, blocks: list[str]) -> None:
        """Ends early when the text is removed meanwhile."""
        for table, name, rows in (
            (passages, "text", sql.passage_rows(number, read.passages)),
            (passage_words, "words", sql.word_rows(number, blocks)),
        ):
            for some in sql.pieces(rows, name, _ROWS, _CHARACTERS):
                if not await self._slowly(partial(sql.add, number=number, table=table, rows=some)):
                    return

    async def _slowly(self, work: "partial[T]") -> T:
        """Leaves others as much time as it takes."""
        if self._closed:
            raise StoreClosed("The data layer is closed")
        began = time.monotonic()
        found = await self._database.write.run(work)
        await asyncio.sleep(min(time.monotonic() - began, 0.1))
        return found

    def stir(self) -> None:
        """To be called when there may be something to remove."""
        if self._closed:
            return
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._sweep(), name="datalayer-file-texts")

    async def settled(self, seconds: float) -> None:
        """Returns when what is to be removed is, or could not be, but in so many seconds at the latest."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)

    async def close(self) -> None:
        """Leaves what is not removed yet for the next start, and what is being kept."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _sweep(self) -> None:
        try:
            while self._again:
                self._again = False
                while not await self._database.read.run(sql.is_swept):
                    if not await self._slowly(partial(sql.sweep, most=_AT_ONCE)):
                        break  # another process is at it
        except DataLayerError as error:
            logger.warning("texts of files left for later: %s", reason(error))


def _indexed(read: FileText) -> tuple[list[int], list[str]]:
    """The headings above a passage are found as its own words are."""
    found = postings.index(postings.said(each) for each in read.passages)
    return list(found.lengths), postings.packed(found.words) if found.words else []
