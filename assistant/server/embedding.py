"""What `python -m assistant embed` does: vectors of all that was said before an embedding model was configured, once
somebody has seen what it costs. The data layer makes them, here or in an app that runs; this asks, and shows how far
it is."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from datalayer import Store
from datalayer.reports import VectorCounts

from ..config import Config
from ..models.embedding import MOST_TOKENS, cut, price_of
from ..models.tokens import estimate

_EVERY = 0.5
"""Seconds between two looks at how far it is."""
Show = Callable[[int, int], None]
"""Is told how many vectors there are, of how many messages."""


@dataclass(frozen=True, slots=True)
class Estimate:
    model: str
    counts: VectorCounts
    messages: int
    """That lack a vector."""
    tokens: int
    """That are sent for them, as an estimate."""
    cost: Decimal | None
    """US dollars; None: no price is known."""
    prices_of: str | None
    """The day of the price list."""


async def look(store: Store, config: Config, model: str) -> Estimate:
    """``model``: the name of the vectors. Raises DataLayerError."""
    messages = tokens = 0
    async for texts in store.texts_without_vector(model):
        messages += len(texts)
        tokens += await asyncio.to_thread(_tokens, texts)
    price = price_of(config, config.embedding_model or "")
    cost = tokens * Decimal(price[0].tokens_in) / 1_000_000 if price else None
    counts = await store.vector_counts(model, 0)
    counts = replace(counts, messages=counts.made + messages)  # those that can have one: not all are searched
    return Estimate(model, counts, messages, tokens, cost, price[1] if price else None)


def _tokens(texts: list[str]) -> int:
    return sum(estimate(cut(text, MOST_TOKENS)) for text in texts)


def told(found: Estimate) -> str:
    """For a person."""
    cost = f"about ${found.cost:.4f} (prices of {found.prices_of})" if found.cost is not None else "price unknown"
    have = f"{found.counts.made} of {found.counts.messages} messages have a vector of {found.model}"
    if not found.messages:
        return f"{have}; there is nothing to make."
    lines = [f"{have}.", f"{found.messages} are to be sent: about {found.tokens} tokens, {cost}."]
    if found.counts.others:
        lines.append(f"{found.counts.others} vectors of another model go when all are made.")
    return "\n".join(lines)


async def make(store: Store, model: str, messages: int, show: Show) -> VectorCounts:
    """Returns when all messages have vectors; the data layer says in the log why it waits. ``messages``: how many can
    have one, as ``look`` tells. Raises DataLayerError."""
    counts = await store.vector_counts(model, messages)
    if not (counts.agreed and not counts.walked):  # one that was cut off is gone on with
        await store.make_all_vectors(model)
    while True:
        counts = await store.vector_counts(model, messages)
        show(min(counts.made, messages), messages)
        if counts.walked and not counts.waiting and not counts.others:
            return replace(counts, messages=counts.made)
        await asyncio.sleep(_EVERY)
