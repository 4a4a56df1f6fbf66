"""All files of one person, in whichever conversations they are. I8: as of the writes called before.

None of these reads checks who asks: each has the user whose files it tells of as its first argument.
"""

import asyncio
from collections.abc import Collection
from functools import partial

from .files import Files
from .passages import FileSort, FileUse, OwnFiles, Passage
from .sql import own_files as sql
from .sql import passages


class EveryFile(Files):
    """Every method raises StoreUnavailable when the database does not answer."""

    async def own_files(
        self,
        user_id: str,
        first: int = 50,
        cursor: str | None = None,
        sort: FileSort = "newest",
        element_id: str | None = None,
        like: str = "",
    ) -> OwnFiles:
        """A page of the user's files in conversations that are not in the trash, each content once: those that came
        last, the largest, or by name. Of the 10,000 newest elements. ``cursor``: ``OwnFiles.next`` of the page before,
        of the same sort. ``element_id``: of one to be found, too, on whichever page it is. ``like``: only
        those in whose names all of these words are, as in ``facets``. Raises InvalidInput."""
        parts = await self._list(user_id, partial(sql.newest, user_id=user_id), content=True)
        page = await asyncio.to_thread(sql.chosen, parts, first, cursor, sort, element_id, like)
        opened = [page.opened] if page.opened else []
        read = await self._now(sql.read_of, [*page.files, *opened])
        known = [read[each.uses[0].sha256] for each in page.files + opened]
        shown = known[: len(page.files)]
        return OwnFiles(shown, page.next, page.count, page.size, page.complete, known[-1] if opened else None)

    async def own_uses(self, user_id: str, element_ids: Collection[str]) -> list[FileUse]:
        """Those of these elements that are files of the user's, as in ``own_files``, but without their versions."""
        ask = partial(sql.named, user_id=user_id, element_ids=list(element_ids))
        return [use for part in await self._list(user_id, ask, content=True) for use in part]

    async def own_trashed_files(self, user_id: str) -> list[FileUse]:
        """The user's files that are in the trash while their conversations are not, the last 500; what came there last
        is first."""
        parts = await self._list(user_id, partial(sql.trashed, user_id=user_id), content=True)
        return sorted((use for part in parts for use in part), key=lambda use: -use.trashed_at)

    async def trashed_files(self, thread_id: str) -> list[FileUse]:
        """The same of one thread, whoever's."""
        return await self._read(sql.trashed_of, thread_id, thread_id=thread_id)

    async def own_passages(self, user_id: str, element_id: str, first: int = 1, last: int = 20) -> list[Passage]:
        """Those of a file of the user's with these numbers, in order, both ends included, whether answers draw on it or
        not. None at all when the user has no such file, or nobody has read it."""
        for use in await self.own_uses(user_id, [element_id]):
            if (number := await self._now(sql.number_of, use)) is not None:
                return await self._now(passages.read, number, first, last)
        return []

    async def own_files_tally(self, user_id: str) -> tuple[int, int]:
        """How many contents ``own_files`` has on all its pages, and their bytes, all that the database has by now. It
        costs what the user's conversations are."""
        return await self._now(sql.tally, user_id)
