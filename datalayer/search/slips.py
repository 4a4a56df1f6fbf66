"""What a person most likely meant of whom nothing was found: a word of their own that is one slip away from theirs."""

import re
from collections.abc import Iterator

from sqlalchemy import Connection

from . import documents, engines, find
from .find import Cursor
from .query import Query, Term, parse
from .tokens import tokens

_LENGTHS = range(4, 25)
"""Characters of a word that is looked into: shorter ones have too many neighbours."""
_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "אבגדהוזחטיךכלםמןנסעףפץצקרשת",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
)


def meant(connection: Connection, user_id: str, query: Query, question: str, now: int, offset: int) -> str | None:
    """``question`` with each word that the user has nowhere replaced by a neighbour that they have; None: there is
    none, or nothing is found by it either. ``now``, ``offset``: as ``parse`` was given them."""
    asked = question
    for term in query.terms:
        if _is_unknown(connection, user_id, term):
            if (word := _neighbour(connection, user_id, term.tokens[0])) is None:
                return None
            asked = "".join(_instead(part, term, word) for part in re.split(r"(\s+)", asked))
    if asked == question:
        return None
    found = find.found(connection, user_id, parse(asked, now, offset), 1, Cursor(), a_thread_once=True)
    return asked if found.messages or found.titles or found.scattered or found.stops else None


def _is_unknown(connection: Connection, user_id: str, term: Term) -> bool:
    if term.excluded or len(term.tokens) != 1 or len(term.tokens[0]) not in _LENGTHS:
        return False
    found = find.found(connection, user_id, Query(terms=(term,)), 1, Cursor())
    return not (found.messages or found.titles)


def _neighbour(connection: Connection, user_id: str, word: str) -> str | None:
    candidates = list(dict.fromkeys(neighbours(word)))
    known = engines.of(connection).known(connection, documents.key_of(user_id), candidates)
    return next((each for each in candidates if each in known), None)


def neighbours(word: str) -> Iterator[str]:
    """What is one slip away: two letters swapped, one too few, too many or wrong, in this order. None has another first
    letter, but for a swap."""
    letters = next((alphabet for alphabet in _ALPHABETS if word[1] in alphabet), "")
    places = range(1, len(word))
    yield from (word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :] for at in places if word[at - 1] != word[at])
    yield from (word[:at] + letter + word[at:] for at in range(1, len(word) + 1) for letter in letters)
    yield from (word[:at] + word[at + 1 :] for at in places)
    yield from (word[:at] + letter + word[at + 1 :] for at in places for letter in letters if letter != word[at])


def _instead(part: str, term: Term, word: str) -> str:
    return word if '"' not in part and tuple(tokens(part)) == term.tokens else part
