"""Vectors of passages, made in the background as those of messages are: of files that are read from now on, and, once
somebody has agreed, of all that were read before. A kill costs a batch at most.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from .asking import Asking
from .dialects.base import Database
from .embeddings import AT_ONCE, Embeddings
from .search.numbers import NO_VECTOR, Packed
from .sql import passage_vectors as sql
from .sql.passage_vectors import Block


class PassageEmbedding:
    def __init__(
        self,
        database: Database,
        embeddings: Embeddings,
        has_turn: Callable[[], Awaitable[bool]],
        gone: Callable[[], None],
    ) -> None:
        """``has_turn``: whether this process alone makes vectors for a while. ``gone``: called when a text was removed
        while the model worked, which may have kept others from removing it."""
        self._database = database
        self._model = embeddings.name
        self._asking = Asking(embeddings, "passages")
        self._has_turn, self._gone = has_turn, gone
        self._made: dict[tuple[int, int], Packed] = {}
        """Of blocks that are not whole: the model failed in the midst of one. By text and passage."""

    async def step(self, since: int) -> bool:
        """Makes the next vectors. ``since``: as in ``vectors.State``. Whether there was something to do, and nobody
        else does it. Raises DataLayerError, EmbeddingFailed."""
        find = partial(sql.blocks, model=self._model, since=since, most=AT_ONCE)
        if not (blocks := await self._database.read.run(find)) or not await self._has_turn():
            return False
        await self._make(blocks)
        for block in blocks:
            if all((block.number, number) in self._made for number in block.texts):
                await self._put(block)
        return True

    async def _make(self, blocks: list[Block]) -> None:
        texts = {(block.number, number): text for block in blocks for number, text in block.texts.items()}
        self._made = {at: NO_VECTOR for at, text in texts.items() if not text.strip()} | {
            at: packed for at, packed in self._made.items() if at in texts
        }
        if asked := {at: text for at, text in texts.items() if at not in self._made}:
            length = await self._database.read.run(partial(sql.length, model=self._model))
            self._made |= await self._asking.packed(asked, length)

    async def _put(self, block: Block) -> None:
        packed = {number: self._made[block.number, number] for number in block.texts}
        put = partial(sql.put, model=self._model, block=block, packed=packed)
        if not await self._database.write.run(put):
            self._gone()
