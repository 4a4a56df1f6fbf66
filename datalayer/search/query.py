"""What a person typed into a search, as values: words, phrases, filters, and what of it was not understood."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from unicodedata import normalize

from ..text import clean, fold
from .tokens import phrase

Sender = Literal["me", "assistant"]
Kind = Literal["file", "picture", "vote"]
State = Literal["pinned", "archived", "done"]
Reason = Literal["date", "sender", "kind", "state", "value", "excluded", "wordless", "long", "many"]
"""Why a part was left out: it is no date, neither me nor the assistant, nothing that a message can have, nothing that a
conversation can be; a filter has no value, or cannot be excluded; it has neither letter, digit nor emoji; it is beyond
the longest query, or the most terms."""

LONGEST = 1000
"""Characters of a query."""
MOST = 20
"""Terms of a query: each one is looked up."""
_LONGEST_PART = 60

_NAMES = {
    **dict.fromkeys(("before", "avant"), "before"),
    **dict.fromkeys(("after", "après", "apres"), "after"),
    **dict.fromkeys(("in", "dans"), "in"),
    **dict.fromkeys(("from", "de"), "from"),
    **dict.fromkeys(("has", "avec"), "has"),
    **dict.fromkeys(("is", "est"), "is"),
    **dict.fromkeys(("tag", "étiquette", "etiquette"), "tag"),
    **dict.fromkeys(("model", "modèle", "modele"), "model"),
}
_SENDERS: dict[str, Sender] = {"me": "me", "moi": "me", "assistant": "assistant"}
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("file", "files", "fichier", "fichiers"), "file"),
    **dict.fromkeys(("picture", "pictures", "image", "images", "photo", "photos"), "picture"),
    **dict.fromkeys(("vote", "votes"), "vote"),
}
_STATES: dict[str, State] = {
    **dict.fromkeys(("pinned", "epingle", "epinglee", "epinglees"), "pinned"),
    **dict.fromkeys(("archived", "archive", "archivee", "archivees"), "archived"),
    **dict.fromkeys(("done", "termine", "terminee", "terminees"), "done"),
}
_REASONS: dict[str, Reason] = {"before": "date", "after": "date", "from": "sender", "has": "kind", "is": "state"}
_OPEN, _CLOSE = '"“”„«', '"“”»'
_PART = re.compile(
    rf"""
    (?P<minus>-(?=[^\s-]))?  # who types --force looks for it
    (?:(?P<name>{"|".join(_NAMES)}):)?
    (?:[{_OPEN}](?P<quoted>[^{_CLOSE}]*)(?P<closed>[{_CLOSE}])?|(?P<bare>[^\s{_OPEN}{_CLOSE}]+))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DATE = re.compile(r"(\d{4})(?:[-/](\d\d?)(?:[-/](\d\d?))?)?", re.ASCII)
_FRENCH_DATE = re.compile(r"(\d\d?)[-/.](\d\d?)[-/.](\d{4})", re.ASCII)
_DAYS_AGO = re.compile(r"(\d{1,7})[dj]", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000  # microseconds


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

    terms: tuple[Term, ...] = ()  # none twice
    before: int | None = None  # UTC microseconds, excluded
    after: int | None = None  # UTC microseconds, included
    within: str | None = None  # as typed: what the name of a folder or a thread says
    sender: Sender | None = None
    has: frozenset[Kind] = frozenset()
    states: frozenset[State] = frozenset()  # of the thread
    tags: tuple[str, ...] = ()  # as typed
    models: tuple[str, ...] = ()  # as typed
    problems: tuple[Problem, ...] = ()  # what was left out, in the order typed


def parse(text: str, now: int, utc_offset_seconds: int = 0) -> Query:
    """What ``text`` asks for. Nothing is raised, whatever it is.

    A bare word is the beginning of one. Words in quotes stand next to each other; where the quotes are not closed, the
    last one may go on. A word after ``-`` is excluded. Filters have English and French names; of two ``before`` the
    earlier holds, of two ``after`` the later, of two ``in`` or ``from`` the last. A day begins by a clock that is
    ``utc_offset_seconds`` ahead of UTC. ``now`` is in UTC microseconds.
    """
    clock, query = _Clock(now, utc_offset_seconds), Query()
    for part in _PART.finditer(normalize("NFC", clean(text[:LONGEST]))):
        if part["name"]:
            query = _with_filter(query, part, clock)
        elif part[0]:
            query = _with_term(query, part)
    if query == Query() and text.strip():
        return _with_problem(query, text, "wordless")
    return _with_problem(query, text[LONGEST:], "long") if text[LONGEST:].strip() else query


def has_quotes(text: str) -> bool:
    """Whether some words are wanted as they stand."""
    return any(mark in text for mark in _OPEN)


def words(text: str) -> str:
    """What ``text`` asks for in words: without filters, and without what is excluded."""
    parts = _PART.finditer(normalize("NFC", clean(text[:LONGEST])))
    said = (part["bare"] or part["quoted"] for part in parts if not (part["name"] or part["minus"]))
    return " ".join(filter(None, said))


def _with_term(query: Query, part: re.Match[str]) -> Query:
    tokens, prefix = phrase(part["bare"] or part["quoted"] or "", goes_on=not part["closed"])
    term = Term(tokens, prefix, excluded=bool(part["minus"]))
    if not tokens or term in query.terms:
        return query
    if len(query.terms) == MOST:
        told = any(problem.reason == "many" for problem in query.problems)
        return query if told else _with_problem(query, part.string[part.start() :], "many")
    return replace(query, terms=(*query.terms, term))


def _with_filter(query: Query, part: re.Match[str], clock: "_Clock") -> Query:
    value = (part["bare"] or part["quoted"] or "").strip()
    if not value or part["minus"]:
        return _with_problem(query, part[0], "excluded" if part["minus"] else "value")
    name = _NAMES[part["name"].lower()]
    return _filtered(query, name, value, clock) or _with_problem(query, part[0], _REASONS[name])


def _filtered(query: Query, name: str, value: str, clock: "_Clock") -> Query | None:
    """None for a value that is not understood."""
    match name:
        case "before" if (start := clock.start_of(value)) is not None:
            return replace(query, before=start if query.before is None else min(start, query.before))
        case "after" if (start := clock.start_of(value)) is not None:
            return replace(query, after=start if query.after is None else max(start, query.after))
        case "from" if sender := _SENDERS.get(fold(value)):
            return replace(query, sender=sender)
        case "has" if kind := _KINDS.get(fold(value)):
            return replace(query, has=query.has | {kind})
        case "is" if state := _STATES.get(fold(value)):
            return replace(query, states=query.states | {state})
        case "in":
            return replace(query, within=value)
        case "tag":
            return replace(query, tags=(*query.tags, value))
        case "model":
            return replace(query, models=(*query.models, value))
    return None


def _with_problem(query: Query, part: str, reason: Reason) -> Query:
    part = clean(part[: 2 * _LONGEST_PART]).strip()
    shown = part if len(part) <= _LONGEST_PART else part[: _LONGEST_PART - 1] + "…"
    return replace(query, problems=(*query.problems, Problem(shown, reason)))


@dataclass(frozen=True, slots=True)
class _Clock:
    now: int  # UTC microseconds
    utc_offset_seconds: int

    def start_of(self, said: str) -> int | None:
        """When the day, month or year that ``said`` names begins, in UTC microseconds; None when it names none."""
        day = self._day(fold(said).replace("’", "'"))
        return None if day is None else (day - _EPOCH.toordinal()) * _DAY - self.utc_offset_seconds * 1_000_000

    def _day(self, said: str) -> int | None:
        """As the number of days since the year 1."""
        today = (_EPOCH + timedelta(microseconds=self.now, seconds=self.utc_offset_seconds)).toordinal()
        if said in ("today", "aujourd'hui"):
            return today
        if said in ("yesterday", "hier"):
            return today - 1
        if ago := _DAYS_AGO.fullmatch(said):
            return max(1, today - int(ago[1]))
        if found := _DATE.fullmatch(said):
            year, month, day = found[1], found[2] or 1, found[3] or 1
        elif found := _FRENCH_DATE.fullmatch(said):
            day, month, year = found.groups()
        else:
            return None
        try:
            return date(int(year), int(month), int(day)).toordinal()
        except ValueError:
            return None
