"""What an app brings for a search by meaning: the data layer knows no models."""

from collections.abc import Sequence
from typing import Protocol


class Embeddings(Protocol):
    """A model that makes vectors of texts. Two of its vectors are the closer, by their cosine, the more alike the
    meaning of their texts is."""

    @property
    def name(self) -> str:
        """The model and the number of its dimensions: 1 to 64 characters of ASCII. Vectors of another name are never
        compared with these."""

    async def embed(self, texts: Sequence[str], query: bool) -> Sequence[Sequence[float]]:
        """A vector of each text, in their order, all of one length. At most ``AT_ONCE`` texts, none of them empty, each
        of ``LONGEST`` characters at most; what is too long for the model is cut by the model's side.

        ``query``: the texts are what somebody looks for, else what is found. Raises EmbeddingRefused, EmbeddingFailed;
        any other error counts as the latter.
        """

    async def close(self) -> None:
        """Called once, when the data layer is closed."""


class EmbeddingFailed(Exception):
    """No vectors now; the same texts may have some later. The message is for the log: it holds no text of a message.

    ``retry_after``: seconds until there is any use in asking again; None: nobody knows."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EmbeddingRefused(Exception):
    """The model takes one of these texts neither now nor later; each of the others alone may have a vector."""


AT_ONCE = 64
"""Texts of one call at most."""
LONGEST = 8_000
"""Characters of a message that a vector is made of: its beginning, some 2,000 tokens of English."""
