"""What a server takes of what a request can hold: learnt from what it refuses.

The same request is asked again at once without what was refused, and so is every later one to that model.
"""

import logging
import re
from collections.abc import AsyncGenerator, Callable, Collection, Iterator
from contextlib import aclosing
from dataclasses import dataclass, fields, replace
from typing import Literal

from .answer import Piece
from .refusals import Said, words_of

logger = logging.getLogger("assistant")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a model is asked for, and with what."""

    stream: bool = True
    """An answer in pieces."""
    usage: bool = True
    """Its tokens."""
    temperature: float | None = 2.0
    """The highest that it takes, None: it takes none at all."""
    limit: Literal["max_tokens", "max_completion_tokens"] | None = "max_tokens"
    """The name under which the longest answer is given, None: it is not."""
    most: int | None = None
    """Tokens of the longest answer that it takes."""
    bounded: bool = True
    """Whether the limit is given this time, beside a conversation as long as this one."""
    effort: str | None = None
    """The least effort of thinking, None: it takes none."""
    thinking: bool = True
    """Whether to think."""
    system: bool = True
    """A message of the role ``system``."""
    files: bool = True
    """Pictures and documents."""


@dataclass(frozen=True, slots=True)
class Held:
    """What of that a request held."""

    temperature: float | None = None
    limit: bool = False
    effort: bool = False
    thinking: bool = False
    system: bool = False
    files: bool = False


_USAGE = re.compile("stream_options|include_usage")
_STREAM = re.compile("to stream\\b|streaming? (?:is |mode )?not|not support stream|'stream'")
_EFFORT = re.compile("reasoning[_. ]effort")
_THINKING = re.compile("thinking")
_TEMPERATURE = re.compile("temperature")
_RANGE = re.compile("between|less than|at most|maximum|must be|range|<=|≤|greater")
_LIMIT = re.compile("max_(?:completion_|output_|new_)?tokens|max(?:imum)? (?:completion|output) tokens|the completion")
_NOT_IT = re.compile("not supported|unsupported|not permitted|unrecognized|unknown|unexpected|use '|instead")
_AT_MOST = re.compile(r"(?:at most|<=|less than or equal to|maximum|maximum value|up to|of|is|\[1,|>) ?'?(\d{2,6})\b")
_SYSTEM = re.compile(
    "system[ _](?:role|message|prompt|instruction)s?\\b.{0,60}\\bnot|not support.{0,30}\\bsystem|developer instruction"
    "|roles? must alternate|unknown role|'system'|\"system\""
)
_FILES = re.compile(
    "image|multi-?modal|vision|mmproj|\\bfiles?\\b|document|pdf|content part|sequence, expected|expected a? ?str"
    "|unmarshal array|valid string|must be a string|content.{0,30}string"
)
_EFFORTS = ("none", "minimal", "low")


async def negotiated(
    model: str,
    book: "Book",
    usual: Terms,
    ask: Callable[[Terms], AsyncGenerator[Piece, None]],
    held: Callable[[Terms], Held],
    said: Callable[[Exception], Said | None],
) -> AsyncGenerator[Piece, None]:
    """What ``ask`` gives; asked again at once where the server does not take what it was asked with.

    ``usual``: what it takes as far as its name tells; ``held``: what was held under the terms; ``said``: what the
    server says with an error, None: nothing. Raises what ``ask`` raises.
    """
    terms = before = book.of(model, usual)
    tried: set[Terms] = set()
    while True:
        tried.add(terms)
        begun = False
        try:
            async with aclosing(ask(terms)) as pieces:
                async for piece in pieces:
                    if not begun:
                        book.note(model, before, terms)
                    begun = True
                    yield piece
            return
        except Exception as error:
            response = None if begun else said(error)
            if response is None or not response.negotiable:
                raise
            new = renegotiated(terms, words_of(response.body), held(terms), tried)
            if new is None:
                raise
            terms = new


def renegotiated(terms: Terms, words: str, held: Held, tried: Collection[Terms]) -> Terms | None:
    """What the server takes, when it says ``words``, in lower case, to what was asked; None: that is about something
    else."""
    return next((new for new in _proposals(terms, words, held) if new not in tried), None)


def _proposals(terms: Terms, words: str, held: Held) -> Iterator[Terms]:
    if terms.usage and _USAGE.search(words):
        yield replace(terms, usage=False)
    if held.effort and _EFFORT.search(words):
        offered = (word for word in _EFFORTS if word != terms.effort and re.search(rf"'{word}'|\"{word}\"", words))
        yield replace(terms, effort=next(offered, None))
    if held.thinking and _THINKING.search(words):
        yield replace(terms, thinking=False)
    if held.temperature is not None and _TEMPERATURE.search(words):
        high = held.temperature > 1 and _RANGE.search(words)
        yield replace(terms, temperature=1.0 if high else None)
    if held.limit and _LIMIT.search(words):
        yield from _limits(terms, words)
    if held.files and _FILES.search(words):
        yield replace(terms, files=False)
    if held.system and _SYSTEM.search(words):
        yield replace(terms, system=False)
    if terms.stream and _STREAM.search(words):
        yield replace(terms, stream=False, usage=False)


def _limits(terms: Terms, words: str) -> Iterator[Terms]:
    most = _AT_MOST.search(words)
    if "context" in words or "in the completion" in words:
        yield replace(terms, bounded=False)
    elif _NOT_IT.search(words) and not most:
        yield replace(terms, limit="max_completion_tokens" if terms.limit == "max_tokens" else "max_tokens")
        yield replace(terms, limit=None)
    elif most:
        yield replace(terms, most=int(most[1]))
    yield replace(terms, bounded=False)


class Book:
    """The terms of each model of one server."""

    def __init__(self) -> None:
        self._terms: dict[str, Terms] = {}

    def of(self, model: str, usual: Terms) -> Terms:
        return self._terms.get(model, usual)

    def note(self, model: str, old: Terms, new: Terms) -> None:
        """The server took ``new`` and not ``old``. What it says of this conversation's length holds for no other."""
        new = replace(new, bounded=True)
        changed = [each.name for each in fields(Terms) if getattr(old, each.name) != getattr(new, each.name)]
        if changed:
            self._terms[model] = new
            logger.warning(
                "%s does not take what it was asked with, asked otherwise now: %s", model, ", ".join(changed)
            )
