"""What is told of the vectors of messages and passages to whoever configures a model, and asks whether all shall be
made."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from .reports import PassageCounts, VectorCounts
from .sql import passage_vectors
from .sql import vectors as sql

T = TypeVar("T")


class Vectors(ABC):
    """Every method raises StoreUnavailable when the database does not answer, and the kinds of it."""

    @abstractmethod
    async def _now(self, query: Callable[..., T], *args: Any, changes: bool = False) -> T:
        """``query(connection, *args)``, without waiting for writes; ``changes``: in a transaction that may write."""

    async def vector_counts(self, model: str, messages: int | None = None) -> VectorCounts:
        """``model``: the name of an ``Embeddings``. ``messages``: how many there are, as it was told before; None: all
        are read to count them."""
        return await self._now(sql.counts, model, messages)

    async def texts_without_vector(self, model: str) -> AsyncIterator[list[str]]:
        """What would be sent to the model if all messages shall have a vector, some at a time."""
        after: str | None = ""
        while after is not None:
            found, after = await self._now(sql.lacking, (model,), after)
            yield [sql.text_of(each) for each in found.values()]

    async def passage_counts(self, model: str) -> PassageCounts:
        """``model``: as of ``vector_counts``."""
        return PassageCounts(*await self._now(passage_vectors.counts, model))

    async def passages_without_vector(self, model: str) -> AsyncIterator[list[str]]:
        """As ``texts_without_vector``, of the passages of files."""
        after: tuple[int, int] | None = (0, -1)
        while after is not None:
            found, after = await self._now(passage_vectors.texts_lacking, model, after)
            yield found

    async def make_all_vectors(self, model: str) -> None:
        """Somebody has agreed: what was said and read before the model was configured gets vectors, too, in the
        background of whichever process has the store open with this model. A second call has it look through all
        again."""
        await self._now(sql.agree, model, changes=True)

    async def remove_vectors(self) -> int:
        """Removes those of all models. Returns how many. A process that has a model begins anew, with new messages."""
        gone = 0
        await self._now(sql.stop, changes=True)
        while some := await self._now(sql.tidy, None, changes=True):
            gone += some
        while some := await self._now(passage_vectors.remove, changes=True):
            gone += some
        return gone
