"""The files of a conversation and what is found in them. I8: as of the writes called before.

The files are read as the thread is, writes that wait in the spool included; what was read of them is derived, and only
in the database.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, TypeVar

from .embedding import Embedding
from .fused_passages import FusedPassages
from .passages import ContextFile, FileText, FoundPassage, Passage
from .releases import Releases
from .sql import passages as sql
from .sql.passages import Held

T = TypeVar("T")
_MOST = 200
"""Passages of one answer."""
_TO_THE_END = 1 << 20


class Files(ABC):
    """None of them checks who asks. Every method raises StoreUnavailable when the database does not answer."""

    _releases: Releases
    _embedding: Embedding | None = None
    _fused_passages: FusedPassages | None = None
    """What finds by meaning, too; None: there is no model for that."""

    @abstractmethod
    async def _settled(self, thread_id: str | None = None) -> None:
        """Returns when the database can be read, with the writes called before."""

    @abstractmethod
    async def _read(self, query: Callable[..., T], *args: Any, thread_id: str | None = None) -> T:
        """As ``Reads._read``."""

    @abstractmethod
    async def _list(self, user_id: str, query: Callable[..., T], content: bool) -> list[T]:
        """As ``Reads._list``."""

    @abstractmethod
    async def _now(self, query: Callable[..., T], *args: Any, changes: bool = False) -> T:
        """``query(connection, *args)``, without waiting for writes."""

    async def keep_text(self, sha256: str, read: FileText) -> bool:
        """Keeps what was read of a content, for all elements that have it: whole, or nothing of it. What another reader
        has read before gives way. False: no element has the content, or the last one went meanwhile. Raises
        InvalidInput for a text that is too long."""
        await self._settled()
        kept = await self._releases.texts.keep(sha256, read)
        if kept and self._embedding:
            self._embedding.stir()
        return kept

    async def context_files(self, thread_id: str, left_out: bool = False) -> list[ContextFile]:
        """What answers of the conversation may draw on, in the order in which the files came: none of a version that is
        aside, no citation of an answer; none at all of a thread in the trash. ``left_out``: with those that a person
        has left out."""
        return [each.file for each in await self._files(thread_id, left_out)]

    async def find_passages(
        self,
        thread_id: str,
        question: str,
        *,
        before: Sequence[str] = (),
        limit: int = 20,
        elements: Collection[str] | None = None,
    ) -> list[FoundPassage]:
        """The passages of the conversation's files that are most about ``question``, the best first, of files that are
        not superseded: by words, and, where the store has a model for that, by meaning. ``before``: the questions
        asked before it, which tell what it is about. ``elements``: only of these files, superseded ones too; None: of
        all."""
        wanted = [
            each
            for each in await self._files(thread_id)
            if (not each.file.superseded if elements is None else each.file.element_id in elements)
        ]
        # Of files with equal content the newest is named.
        some = sql.once(reversed(wanted))
        if self._fused_passages and limit > 0:
            found = await self._fused_passages.find(some, question, before, min(limit, _MOST))
            if found is not None:
                return found
        return await self._best(some, question, before, limit)

    async def read_passages(
        self, thread_id: str, element_id: str, first: int = 1, last: int | None = None
    ) -> list[Passage]:
        """Those of one of the conversation's files with these numbers, in order, both ends included. None: to the end.
        Of a file that is left out, too: what was cited stays readable. None at all when there is no such file in the
        conversation."""
        files = await self._files(thread_id, left_out=True)
        number = next((each.number for each in files if each.file.element_id == element_id), None)
        if number is None:
            return []
        return await self._now(sql.read, number, first, _TO_THE_END if last is None else last)

    async def find_in_files(self, user_id: str, question: str, limit: int = 20) -> list[FoundPassage]:
        """As ``find_passages``, of the 1,000 newest files of a user's conversations that are not in the trash; by words
        alone."""
        parts = await self._list(user_id, partial(sql.user_files, user_id=user_id), content=True)
        newest = sorted((each for part in parts for each in part), key=lambda each: -each.file.created_at)
        return await self._best(sql.once(newest), question, (), limit)

    async def _files(self, thread_id: str, left_out: bool = False) -> list[Held]:
        return await self._read(sql.files, thread_id, left_out, thread_id=thread_id)

    async def _best(self, some: Sequence[Held], question: str, before: Sequence[str], limit: int) -> list[FoundPassage]:
        if not any(each.blocks for each in some):
            return []
        return await self._now(sql.find, some, question, before, min(max(limit, 0), _MOST))
