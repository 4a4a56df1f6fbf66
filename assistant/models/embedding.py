"""Vectors of texts, by the configured model: what is sent at once, how long a text may be, what an error means.

Always true: a question is asked once, since somebody waits for it; texts of messages are tried again as calls of models
are (``patience``).
"""

import hashlib
import itertools
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from datalayer import EmbeddingFailed, EmbeddingRefused

from .base import Blocked, InvalidRequest, ModelError, ModelUnavailable, NotPaid, QuotaExhausted
from .families import FAMILIES
from .family import Family
from .patience import Patience
from .pricing import Price
from .tokens import estimate

if TYPE_CHECKING:
    from ..config import Config

logger = logging.getLogger("assistant")

MOST_TOKENS = 2_000
"""Of a text that are sent, as an estimate: what gemini-embedding-001 reads
(https://ai.google.dev/gemini-api/docs/embeddings); less where a server refuses so many."""
_FEWEST_TOKENS = 100
_TOGETHER = 16_000
"""Tokens of one request: a quota a minute may be 30,000."""
_LATER = 3_600.0
"""Seconds until there is any use in asking again where somebody has to pay first, or to mend the configuration."""


class Embedder(Protocol):
    """The models of one provider that make vectors."""

    async def embed(
        self, texts: Sequence[str], model: str, dimensions: int | None, query: bool
    ) -> Sequence[Sequence[float]]:
        """A vector of each text, in their order. ``dimensions`` None: as many as the model gives. ``query``: as in
        ``datalayer.Embeddings``. Raises ModelError."""

    async def close(self) -> None: ...


class ModelEmbeddings:
    """What ``datalayer.Embeddings`` promises, of one model."""

    def __init__(
        self, embedder: Embedder, model: str, dimensions: int | None = None, patience: Patience | None = None
    ) -> None:
        self._embedder, self._model, self._dimensions = embedder, model, dimensions
        self._patience = patience or Patience()
        self._most = MOST_TOKENS
        self.name = _name(f"{model}/{dimensions}" if dimensions else model)

    async def embed(self, texts: Sequence[str], query: bool) -> list[Sequence[float]]:
        found: list[Sequence[float]] = []
        for some in _batches(texts, self._most):
            found += await self._embed(some, query)
        return found

    async def close(self) -> None:
        await self._embedder.close()

    async def _embed(self, texts: list[str], query: bool) -> Sequence[Sequence[float]]:
        while True:
            sent = [cut(text, self._most) for text in texts]
            try:
                return await self._asked(sent, query)
            except InvalidRequest as error:
                if error.reason != "too_long" or self._most // 2 < _FEWEST_TOKENS:
                    raise _failure(error) from None
                self._most //= 2
                logger.info("%s: too long; from now on %s tokens of a text are sent", self._model, self._most)
            except ModelError as error:
                raise _failure(error) from None

    async def _asked(self, texts: list[str], query: bool) -> Sequence[Sequence[float]]:
        for attempt in itertools.count(1):
            try:
                return await self._embedder.embed(texts, self._model, self._dimensions, query)
            except ModelUnavailable as error:
                if query or error.reason != "unavailable" or attempt == self._patience.attempts:
                    raise
                logger.info("%s: %s; asking again", self._model, error)
            await self._patience.wait(attempt)
        raise AssertionError


def _failure(error: ModelError) -> Exception:
    if isinstance(error, Blocked) or (isinstance(error, InvalidRequest) and error.reason in ("refused", "too_long")):
        return EmbeddingRefused(str(error))
    if isinstance(error, QuotaExhausted):
        return EmbeddingFailed(f"no quota left ({error})", error.retry_after)
    if isinstance(error, NotPaid | InvalidRequest):
        return EmbeddingFailed(f"{error.reason} ({error})", _LATER)
    return EmbeddingFailed(str(error))


def _name(name: str) -> str:
    """In 64 characters of ASCII."""
    if len(name) <= 64 and name.isascii() and name.isprintable():
        return name
    return name.encode("ascii", "replace").decode()[:40] + "~" + hashlib.sha256(name.encode()).hexdigest()[:16]


def cut(text: str, most: int) -> str:
    """The beginning of ``text`` that has ``most`` tokens at most, as an estimate."""
    while (tokens := estimate(text)) > most:
        text = text[: min(len(text) - 1, len(text) * most // tokens)]
    return text


def _batches(texts: Sequence[str], most: int) -> Iterator[list[str]]:
    some, size = list[str](), 0
    for text in texts:
        tokens = min(estimate(text), most)
        if some and size + tokens > _TOGETHER:
            yield some
            some, size = [], 0
        some.append(text)
        size += tokens
    if some:
        yield some


def make(config: "Config") -> ModelEmbeddings | None:
    """The configured model; None: none is. Raises SystemExit with one line where nobody serves it."""
    if (model := config.embedding_model) is None:
        return None
    family = family_of(config, model)
    embedder = family.make_embedder(config) if family.make_embedder else None
    if embedder is None:
        raise SystemExit(
            f"THREADKEEP_EMBEDDING_MODEL: {model} needs "
            + (family.embedding_needs or "THREADKEEP_EMBEDDING_BASE_URL")
            + "."
        )
    return ModelEmbeddings(embedder, model, config.embedding_dimensions or _usual_dimensions(family, model))


def family_of(config: "Config", model: str) -> Family:
    """Whose model it is; a server that is named for it speaks OpenAI's protocol."""
    if config.embedding_base_url is None:
        for family in FAMILIES:
            if family.embeds and family.embeds.match(model):
                return family
    return FAMILIES[-1]


def _usual_dimensions(family: Family, model: str) -> int | None:
    """768 where the maker's models can be asked for fewer than they have: the rest adds little, and takes its place."""
    return 768 if family.shortens and family.shortens.match(model) else None


def price_of(config: "Config", model: str) -> tuple[Price, str] | None:
    """What a million tokens cost, and the day of the list; None: nobody knows, or a server of one's own."""
    family = family_of(config, model)
    if config.embedding_base_url or family.embedding_prices is None:
        return None
    if family is FAMILIES[-1] and config.openai_base_url:
        return None
    name = family.embedding_prices.find(model)
    return (family.embedding_prices.prices[name], family.embedding_prices.date) if name else None
