"""A search in files by words and by meaning, as ``fused`` is one in messages.

Always true: where there are no vectors, or the model does not answer in time, words alone find, and nobody is told of
an error.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .embeddings import LONGEST
from .passages import FoundPassage
from .questions import Questions
from .sql import near_passages as sql
from .sql.passages import Held


class FusedPassages:
    """``read``: the store's ``_now``."""

    def __init__(self, questions: Questions, read: Callable[..., Awaitable[Any]]) -> None:
        self._questions, self._read = questions, read

    async def find(
        self, some: Sequence[Held], question: str, before: Sequence[str], limit: int
    ) -> list[FoundPassage] | None:
        """As ``sql.passages.find``; None: words alone find."""
        asked = [text[:LONGEST] for text in (question, *before) if text.strip()]
        if not question.strip() or not self._questions.asks(asked):
            return None
        model = self._questions.model
        if (length := await self._read(sql.length, some, model)) is None:
            return None
        if (vectors := await self._questions.vectors(asked, length)) is None:
            return None
        found: list[FoundPassage] = await self._read(sql.find, some, question, before, limit, vectors, model)
        return found
