"""What a person typed into a search, as values: words, phrases, filters, and what of it was not understood."""

from dataclasses import dataclass
from typing import Literal

Sender = Literal["me", "assistant"]
Kind = Literal["file", "picture", "vote"]
Reason = Literal["date", "sender", "kind", "value", "excluded", "wordless", "long", "many"]
"""Why a part was left out: it is no date, neither me nor the assistant, nothing a message can have; a filter has no
value; a filter cannot be excluded; it has neither letter, digit nor emoji; it is beyond the longest query, or the most
terms."""


@dataclass(frozen=True, slots=True)
class Term:
    """Tokens that stand next to each other in this order (``tokens.tokens``), at least one."""

    tokens: tuple[str, ...]
    prefix: bool  # the last token may go on
    excluded: bool  # what has them is not found


@dataclass(frozen=True, slots=True)
class Problem:
    part: str  # as typed, at most 60 characters
    reason: Reason


@dataclass(frozen=True, slots=True)
class Query:
    """All of it holds for what is found; of several models, one."""

    terms: tuple[Term, ...] = ()
    before: int | None = None  # UTC microseconds, excluded
    after: int | None = None  # UTC microseconds, included
    within: str | None = None  # as typed after in:, a folder's or a thread's name
    sender: Sender | None = None
    has: frozenset[Kind] = frozenset()
    tags: tuple[str, ...] = ()  # as typed
    models: tuple[str, ...] = ()  # as typed
    problems: tuple[Problem, ...] = ()
