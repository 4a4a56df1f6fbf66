"""Whether a text has what is sought. Thousands are looked at for a page, so one takes some microseconds."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from .query import Term
from .tokens import LONGEST, spaced

Matcher = Callable[[str], bool]


@lru_cache(maxsize=256)
def matcher(terms: Sequence[Term]) -> Matcher:
    """Tells whether a text has every one of ``terms``, a tuple, that is not excluded, and none that is."""
    wanted = [_standing(term) for term in terms if not term.excluded]
    unwanted = [_standing(term) for term in terms if term.excluded]

    def matches(text: str) -> bool:
        said = b" " + spaced(text) + b" "
        return all(stands(said) for stands in wanted) and not any(stands(said) for stands in unwanted)

    return matches


def _standing(term: Term) -> Callable[[bytes], bool]:
    """Tells whether what ``spaced`` gave, between spaces, has it."""
    *before, last = term.tokens
    if not before and (term.prefix or len(last) < LONGEST):
        one = f" {last}".encode() if term.prefix else f" {last} ".encode()
        return lambda said: one in said
    parts = [_word(token) + b" +" for token in before] + [re.escape(last.encode()) if term.prefix else _word(last)]
    found = re.compile(b" " + b"".join(parts) + (b"" if term.prefix else b" ")).search
    return lambda said: found(said) is not None


def _word(token: str) -> bytes:
    return re.escape(token.encode()) + (b"[^ ]*" if len(token) == LONGEST else b"")
