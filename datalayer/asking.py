"""How an embedding model is asked: within a time, for vectors that can be kept. A text that it cannot do holds up no
other."""

import asyncio
import logging
from collections.abc import Hashable, Mapping
from typing import TypeVar

from .embeddings import EmbeddingFailed, EmbeddingRefused, Embeddings
from .search.numbers import NO_VECTOR, SCALE, Packed, pack

logger = logging.getLogger("datalayer")

_CALL = 90.0
"""Seconds that the model has for a batch."""
_PROBE = "Hello"
"""What any model takes: so it is told whether it cannot do a text, or none at all."""

Key = TypeVar("Key", bound=Hashable)


class Asking:
    """For vectors of ``what``: "messages", "passages"."""

    def __init__(self, embeddings: Embeddings, what: str) -> None:
        self._embeddings = embeddings
        self._what = what
        self._failed = False

    async def packed(self, texts: Mapping[Key, str], length: int | None) -> dict[Key, Packed]:
        """The vectors of ``texts``, NO_VECTOR of those that the model cannot do; what is left out waits. ``length``: as
        of ``asked``. Raises EmbeddingFailed."""
        try:
            found = dict(zip(texts, await self._ask(list(texts.values()), length), strict=True))
            self._failed = False
            return found
        except EmbeddingRefused:
            pass  # one of them is; each alone tells which
        except EmbeddingFailed as error:
            again, self._failed = self._failed, True
            if not again or error.retry_after is not None:
                raise  # most failures end by themselves
            length = await self._probe(length)
        return await self._one_by_one(texts, length)

    async def _one_by_one(self, texts: Mapping[Key, str], length: int | None) -> dict[Key, Packed]:
        """As ``packed``, with four calls a text at most."""
        found: dict[Key, Packed] = {}
        for key, text in texts.items():
            try:
                found[key] = await self._alone(text, length)
            except EmbeddingFailed:
                if not any(each != NO_VECTOR for each in found.values()):
                    raise
                return found
            length = length or len(found[key].vector) or None
        if not any(each != NO_VECTOR for each in found.values()):  # then it may be for no text's sake
            await self._probe(length)
        if without := sum(each == NO_VECTOR for each in found.values()):
            logger.warning("%s makes no vector of %s %s", self._embeddings.name, without, self._what)
        self._failed = False
        return found

    async def _alone(self, text: str, length: int | None) -> Packed:
        """NO_VECTOR: the model refuses this text, or fails at it twice and not at another. Raises EmbeddingFailed."""
        for _ in range(2):
            try:
                return (await self._ask([text], length))[0]
            except EmbeddingRefused:
                break
            except EmbeddingFailed as error:
                if error.retry_after is not None:
                    raise
                await self._probe(length)
        return NO_VECTOR

    async def _probe(self, length: int | None) -> int:
        """The length of what the model makes now. Raises EmbeddingFailed: it makes no vector of any text."""
        try:
            return len((await self._ask([_PROBE], length))[0].vector)
        except EmbeddingRefused:
            raise EmbeddingFailed("the model refuses every text") from None

    async def _ask(self, texts: list[str], length: int | None) -> list[Packed]:
        return await asked(self._embeddings, texts, query=False, within=_CALL, length=length)


async def asked(
    embeddings: Embeddings, texts: list[str], query: bool, within: float, length: int | None
) -> list[Packed]:
    """The vectors of ``texts``, as they are kept. ``length``: that of ``Packed.vector``; None: any, but all the same.
    Raises EmbeddingFailed, EmbeddingRefused."""
    try:
        async with asyncio.timeout(within):
            found = await embeddings.embed(texts, query)
        packed = [pack(each) for each in found]
    except (EmbeddingFailed, EmbeddingRefused):
        raise
    except TimeoutError:
        raise EmbeddingFailed(f"no answer within {within:.0f} s") from None
    except Exception as error:
        raise EmbeddingFailed(f"no vectors: {type(error).__name__}") from error
    lengths = {len(each.vector) for each in packed}
    if len(packed) != len(texts) or len(lengths) > 1:
        raise EmbeddingFailed(f"{len(packed)} vectors of {len(texts)} texts, or of several lengths")
    if length is not None and lengths != {length}:
        raise EmbeddingFailed(
            f"vectors of {lengths.pop() - SCALE} dimensions, where those before have {length - SCALE}"
        )
    return packed
