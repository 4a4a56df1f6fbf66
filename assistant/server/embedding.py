"""What `python -m assistant embed` does: vectors of all that was said, and read of files, before an embedding model was
configured, once somebody has seen what it costs. The data layer makes them, here or in an app that runs; this asks, and
shows how far it is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from datalayer import Store
from datalayer.reports import PassageCounts, VectorCounts

from ..config import Config
from ..models.embedding import MOST_TOKENS, cut, price_of
from ..models.tokens import estimate

_EVERY = 0.5
"""Seconds between two looks at how far it is."""
Show = Callable[[int, int], None]
"""Is told how many vectors there are, of how many messages and passages."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """Texts that have no vector."""

    texts: int
    tokens: int
    """That are sent for them, as an estimate."""
    cost: Decimal | None
    """US dollars; None: no price is known."""


@dataclass(frozen=True, slots=True)
class Estimate:
    model: str
    counts: VectorCounts
    messages: Lacking
    passage_counts: PassageCounts
    passages: Lacking
    """Of files."""
    prices_of: str | None
    """The day of the price list."""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to make, nor to remove."""
        return not (self.messages.texts or self.passages.texts or self.counts.others)


async def look(store: Store, config: Config, model: str) -> Estimate:
    """``model``: the name of the vectors. Raises DataLayerError."""
    price = price_of(config, config.embedding_model or "")
    each = Decimal(price[0].tokens_in) / 1_000_000 if price else None
    messages = await _lacking(store.texts_without_vector(model), each)
    passages = await _lacking(store.passages_without_vector(model), each)
    counts = await store.vector_counts(model, 0)
    counts = replace(counts, messages=counts.made + messages.texts)  # those that can have one: not all are searched
    of_passages = await store.passage_counts(model)
    return Estimate(model, counts, messages, of_passages, passages, price[1] if price else None)


async def _lacking(texts: AsyncIterator[list[str]], price: Decimal | None) -> Lacking:
    """``price``: of a token."""
    count = tokens = 0
    async for some in texts:
        count += len(some)
        tokens += await asyncio.to_thread(_tokens, some)
    return Lacking(count, tokens, None if price is None else tokens * price)


def _tokens(texts: list[str]) -> int:
    return sum(estimate(cut(text, MOST_TOKENS)) for text in texts)


def told(found: Estimate) -> str:
    """For a person."""
    lines = [f"{found.counts.made} of {found.counts.messages} messages have a vector of {found.model}"]
    lines[0] += _to_be_sent(found.messages, found.prices_of)
    if count := found.passage_counts.passages:
        made = f"{count - found.passages.texts} of {count} passages of files have one"
        lines.append(made + _to_be_sent(found.passages, found.prices_of))
    if found.messages.texts and found.passages.texts:
        tokens = found.messages.tokens + found.passages.tokens
        cost = (found.messages.cost or 0) + found.passages.cost if found.passages.cost is not None else None
        lines.append(f"Together: about {tokens} tokens, {_cost(cost, found.prices_of)}.")
    if found.counts.others and not found.is_done:
        lines.append(f"{found.counts.others} vectors of another model go when all are made.")
    return "\n".join(lines)


def _to_be_sent(lacking: Lacking, prices_of: str | None) -> str:
    if not lacking.texts:
        return "; there is nothing to make."
    return f".\n{lacking.texts} are to be sent: about {lacking.tokens} tokens, {_cost(lacking.cost, prices_of)}."


def _cost(cost: Decimal | None, prices_of: str | None) -> str:
    return f"about ${cost:.4f} (prices of {prices_of})" if cost is not None else "price unknown"


async def make(store: Store, found: Estimate, show: Show) -> tuple[VectorCounts, PassageCounts]:
    """Returns when all messages and passages have vectors; the data layer says in the log why it waits. ``found``: as
    ``look`` tells. Raises DataLayerError."""
    model, messages = found.model, found.counts.messages
    counts = await store.vector_counts(model, messages)
    if not (counts.agreed and not counts.walked):  # one that was cut off is gone on with
        await store.make_all_vectors(model)
    while True:
        counts, passages = await store.vector_counts(model, messages), await store.passage_counts(model)
        show(min(counts.made, messages) + passages.made, messages + passages.passages)
        if counts.walked and not counts.waiting and not counts.others and passages.whole:
            return replace(counts, messages=counts.made), passages
        await asyncio.sleep(_EVERY)


def done(counts: VectorCounts, passages: PassageCounts) -> str:
    """For a person."""
    files = f" and {passages.made} of {passages.passages} passages of files" if passages.passages else ""
    return f"{counts.made} of {counts.messages} messages{files} have a vector."
