"""What questions mean, as vectors: a model is not waited for long, and left alone for a while after it has failed."""

import logging
import time
from collections import OrderedDict
from collections.abc import Sequence

from .asking import asked
from .embeddings import EmbeddingFailed, EmbeddingRefused, Embeddings
from .search.numbers import Packed

logger = logging.getLogger("datalayer")

WITHIN = 2.0
"""Seconds that the model has to say what a question means."""
_AGAIN = 30.0
"""Seconds after a failure until it is asked again: nobody else waits for nothing meanwhile."""
_REMEMBERED = 256
"""Questions whose vectors are kept: further pages, and what is asked next, ask for the same."""


class Questions:
    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self._known: OrderedDict[str, Packed] = OrderedDict()
        self._not_before = 0.0

    @property
    def model(self) -> str:
        return self._embeddings.name

    def asks(self, texts: Sequence[str]) -> bool:
        """Whether ``vectors`` may have an answer: it knows it, or the model is not left alone just now."""
        return time.monotonic() >= self._not_before or all(text in self._known for text in texts)

    def knows(self, text: str) -> bool:
        return text in self._known

    async def vectors(self, texts: Sequence[str], length: int | None) -> list[Packed] | None:
        """Of each text. ``length``: as of ``asked``. None: the model does not answer in time, or takes no such text."""
        if not self.asks(texts):
            return None
        known = {text: self._known[text] for text in texts if text in self._known}
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            try:
                found = await asked(self._embeddings, new, query=True, within=WITHIN, length=length)
            except (EmbeddingFailed, EmbeddingRefused) as error:
                if isinstance(error, EmbeddingFailed):
                    self._not_before = time.monotonic() + _AGAIN
                logger.warning("found by words alone: %s", str(error) or "the model takes no such question")
                return None
            known |= zip(new, found, strict=True)
        self._remember(known)
        return [known[text] for text in texts]

    def _remember(self, known: dict[str, Packed]) -> None:
        for text, packed in known.items():
            self._known[text] = packed
            self._known.move_to_end(text)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
