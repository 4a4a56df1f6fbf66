"""What the chunks of a stream come to, whoever sent them."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from .base import Blocked, ChatRequest, InvalidRequest, ModelUnavailable, Thought, Usage
from .thoughts import Splitter, begins_in_thoughts

# Google's word, OpenAI's, Anthropic's and Mistral's for an answer that has reached its limit.
_AT_LIMIT = ("MAX_TOKENS", "length", "max_tokens", "model_length", "model_context_window_exceeded")

_BEGINNING = 50_000
"""Characters of an answer, at least, that are looked through for the end of thoughts without a beginning."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk."""

    text: str = ""
    usage: Usage | None = None
    finish: str | None = None
    """The provider's word for the end of a whole answer."""
    blocked: str | None = None
    """The provider's word for why question or answer is held back."""
    thought: str = ""
    """What the model thinks."""


async def read(
    pieces: AsyncGenerator[Piece, None], request: ChatRequest, inside: set[str] | None = None
) -> AsyncGenerator[str | Usage | Thought, None]:
    """The answer as ``ChatModel.stream`` gives it; closes ``pieces``. ``inside``: names of models whose answers begin
    in thoughts, without a tag; more of them are learnt.

    Raises ModelError.
    """
    finish = blocked = None
    silent = True
    text = Text(inside is not None and request.model in inside)
    async with aclosing(pieces):
        async for piece in pieces:
            finish, blocked = piece.finish or finish, piece.blocked or blocked
            if piece.thought:
                yield Thought(whole(piece.thought))
            for part in text.feed(piece.text):
                silent = silent and isinstance(part, Thought)
                yield part
            if piece.usage:
                yield piece.usage
    for part in text.end():
        silent = silent and isinstance(part, Thought)
        yield part
    if inside is not None and begins_in_thoughts(text.said):
        inside.add(request.model)
    # Not before the end: the usage may come after the word that ends the answer.
    if blocked:
        raise Blocked(f"held back: {blocked}")
    if finish is None:
        raise ModelUnavailable("the answer broke off")
    if silent and finish in _AT_LIMIT:
        raise InvalidRequest(
            f"all tokens went into thoughts: {finish}", "spent" if request.max_tokens else "spent_bound"
        )
    if silent:
        raise ModelUnavailable(f"the answer is empty: {finish}", "empty")


class Text:
    """The text of an answer, piece by piece, apart from its thoughts, in whole characters.

    Servers that write JSON in ASCII can cut an emoji between the two halves of its UTF-16. ``inside``: see Splitter.
    ``said``: the beginning of what was taken for text.
    """

    def __init__(self, inside: bool = False) -> None:
        self._splitter = Splitter(inside)
        self._half = self.said = ""

    def feed(self, piece: str) -> Iterator[str | Thought]:
        piece, self._half = self._half + piece, ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        if piece:
            yield from self._noted(self._splitter.feed(whole(piece)))

    def end(self) -> Iterator[str | Thought]:
        if self._half:
            yield from self._noted(self._splitter.feed(whole(self._half)))
        yield from self._noted(self._splitter.end())

    def _noted(self, parts: Iterator[str | Thought]) -> Iterator[str | Thought]:
        for part in parts:
            if isinstance(part, str) and len(self.said) < _BEGINNING:
                self.said += part
            yield part


def whole(text: str) -> str:
    """``text`` with halves of UTF-16 joined; a half without its other half is U+FFFD."""
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
