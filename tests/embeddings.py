"""Embeddings that need no model: words that mean the same are the same dimension, whatever the language."""

import random
from collections.abc import Callable, Sequence
from functools import lru_cache

from datalayer import Store
from datalayer.schema import vectors
from datalayer.search.numbers import Packed
from datalayer.search.tokens import tokens

DIMENSIONS = 768
_SAME = (
    *("car automobile vehicle voiture", "doctor physician medecin", "film movie cinema", "happy glad joyful content"),
    *("buy purchase acheter", "house home maison dwelling", "ill sick malade", "money cash argent", "dog hound chien"),
)
_MEANING = {word: group for group in _SAME for word in group.split()}


@lru_cache(maxsize=10_000)
def _direction(meaning: str, dimensions: int) -> list[float]:
    chance = random.Random(meaning)
    return [chance.gauss(0, 1) for _ in range(dimensions)]


def toy_vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Each meaning has a direction of its own, and each text a part of one that all have."""
    said = ["", *(_MEANING.get(word, word) for word in tokens(text))]
    return [sum(each) for each in zip(*(_direction(each, dimensions) for each in said), strict=True)]


class Toy:
    """``before``: called with each batch before it is answered; it may raise."""

    def __init__(self, name: str = "toy/768", before: Callable[[Sequence[str], bool], None] | None = None) -> None:
        self.name = name
        self.before = before
        self.asked: list[str] = []
        """Texts of messages."""
        self.queries: list[str] = []

    async def embed(self, texts: Sequence[str], query: bool) -> list[list[float]]:
        if self.before:
            self.before(texts, query)
        (self.queries if query else self.asked).extend(texts)
        return [toy_vector(text) for text in texts]

    async def close(self) -> None:
        """There is nothing to close."""


async def give_vectors(store: Store, *step_ids: str, model: str = "toy/768") -> None:
    """Has steps have vectors without asking anybody for them; the bytes are all that there are."""
    odd = Packed(bytes(range(256)), bytes(range(255, -1, -1)))
    rows = [{"step_id": key, "user_id": "u", "model": model, "made": 1, "digest": "d"} for key in step_ids]
    values = [row | odd._asdict() for row in rows]
    if values:
        await store._database.write.run(lambda connection: connection.execute(vectors.insert(), values) and None)
