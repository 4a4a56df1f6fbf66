"""What the chunks of a stream come to, whoever sent them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from .base import Blocked, ModelUnavailable, Usage


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk. ``finish``: the provider's word for the end of a whole answer. ``blocked``: its word for why question
    or answer is held back."""

    text: str = ""
    usage: Usage | None = None
    finish: str | None = None
    blocked: str | None = None


async def read(pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[str | Usage, None]:
    """The answer as ``ChatModel.stream`` gives it; closes ``pieces``. Raises ModelError."""
    finish = blocked = None
    silent = True
    async with aclosing(pieces):
        async for piece in pieces:
            finish, blocked = piece.finish or finish, piece.blocked or blocked
            if piece.text:
                silent = False
                yield piece.text
            if piece.usage:
                yield piece.usage
    # Not before the end: the usage may come after the word that ends the answer.
    if blocked:
        raise Blocked(f"held back: {blocked}")
    if finish is None:
        raise ModelUnavailable("the answer broke off")
    if silent:
        raise ModelUnavailable(f"the answer is empty: {finish}", "empty")
