"""Where a text has what is sought: what a person is shown of it."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from unicodedata import category

from .matching import matcher
from .query import Query, Term
from .tokens import finder, folded

LENGTH = 160
"""Characters of a snippet, where nothing else is asked for."""
_READ = 1_000_000
"""Characters of a text that are looked at: they take 50 to 300 ms."""
_PIECE = 2000
"""Characters that are looked at together."""
_BEYOND = 100
"""How many more of them than a snippet has are looked at on both sides, so that no token there is half a word."""
# What nobody sees of Markdown: what a line of a fence, a heading, a quotation, a list or a table begins with; what is
# around strong words, struck ones, code and links. And what parts words.
_UNSEEN = re.compile(
    r"""(?! [ ][^-*~`!\]\[|>\#+\s\x00-\x1f\x7f-\x9f] )(?:  # a space alone may stay
    ^[ ]{0,3}(?: (?:```+|~~~+)[^`\n]*$ | [#]{1,6}[ ]+ | >[ ]? | [-*+][ ]+ | [|]?[ ]*:?--[-|: ]*$ )
    | [*][*] | ~~ | `+ | !?\[(?=[^]\n]{1,500}\]\([^)\s]{0,500}[/.\#:]) | \]\([^)\s]{0,500}[/.\#:][^)\s]{0,2000}\)
    | [|\s\x00-\x1f\x7f-\x9f]
    )+""",
    re.MULTILINE | re.VERBOSE,
)
_PARTS = re.compile(r"[|\s\x00-\x1f\x7f-\x9f]")
_JOINER = "\u200d"
_JOINS = f"{_JOINER}🏻🏼🏽🏾🏿"


@dataclass(frozen=True, slots=True)
class Snippet:
    text: str  # on one line, without marks of Markdown, with … where something was left out
    marks: tuple[tuple[int, int], ...]  # where in ``text`` each match begins and ends, in order, none touches another


class _Match(NamedTuple):
    start: int
    end: int
    term: int  # the place of what matches among what is sought


def snippet(text: str, query: Query, length: int = LENGTH) -> Snippet:
    """At most ``length`` characters of what a reader sees of ``text``, Markdown, cut at words, around the first place
    where most of what is sought is together; its beginning where nothing is."""
    text, terms = text.strip(), [term for term in query.terms if not term.excluded]
    margin, best, most = length + _BEYOND, list[_Match](), 0
    for at in range(0, min(len(text), _READ), _PIECE):
        if most == len(terms):
            break
        start = max(0, at - margin)
        piece = text[start : at + _PIECE + margin]
        if len(text) > _PIECE and _how_many(terms, piece) <= most:  # which is sooner known than where they are
            continue
        found = [match for match in _found(piece, start, terms) if match.start >= at]
        together = _together(found, at + _PIECE, length - 2)
        if (distinct := len({match.term for match in together})) > most:
            best, most = together, distinct
    return _cut(text, best, length)


def _how_many(terms: Sequence[Term], text: str) -> int:
    return sum(matcher((term,))(text) for term in terms)


def _found(piece: str, start: int, terms: Sequence[Term]) -> list[_Match]:
    """The matches in ``piece``, which begins at ``start`` of its text; in order."""
    said, begins, ends = folded(piece)
    found = []
    for place, term in enumerate(terms):
        for at in finder(term.tokens, term.prefix).finditer(said):
            end = ends[at.end() - 1]
            while end < len(piece) and _continues(piece, end):
                end += 1
            found.append(_Match(start + begins[at.start()], start + end, place))
    return sorted(found)


def _together(found: Sequence[_Match], before: int, room: int) -> list[_Match]:
    """Of ``found``, the first matches within ``room`` characters that have most different terms among them; the first
    of them begins before ``before``."""
    best, most, until = list[_Match](), 0, 0
    for at, first in enumerate(found):
        if first.start >= before:
            break
        until = max(until, at + 1)
        while until < len(found) and found[until].end <= first.start + room:
            until += 1
        if (distinct := len({match.term for match in found[at:until]})) > most:
            best, most = list(found[at:until]), distinct
    return best


def _cut(text: str, found: Sequence[_Match], length: int) -> Snippet:
    """``found``: what is to be seen, in order."""
    room = length - 2  # for the ellipses
    first, last = (found[0].start, found[-1].end) if found else (0, 0)
    begin, finish = max(0, first - 2 * length), last + 2 * length
    line, marks = _seen(text[begin:finish], [(match.start - begin, match.end - begin) for match in found])
    start, end = len(line) - len(line.lstrip()), len(line.rstrip())
    if end - start > room:
        first, last = (marks[0][0], min(marks[-1][1], marks[0][0] + room)) if marks else (start, start)
        from_ = max(start, min(first - (room - (last - first)) // 3, end - room))
        start, end = _word_start(line, from_, first), _word_end(line, min(end, from_ + room), last)
    before, after = begin > 0 or line[:start].strip(), finish < len(text) or line[end:].strip()
    shift = bool(before) - start
    return Snippet(
        "…" * bool(before) + line[start:end] + "…" * bool(after),
        tuple((a + shift, min(b, end) + shift) for a, b in marks),
    )


def _seen(text: str, spans: Sequence[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """What a reader sees of ``text``, on one line, and ``spans`` of it, which may overlap, as marks there."""
    line, begins, shifts, copied = "", [0], [0], 0
    for unseen in _UNSEEN.finditer(text):
        start, end = unseen.span()
        if any(a < end and start < b for a, b in spans) and any(map(str.isalnum, unseen[0])):
            continue  # it matches, in the address of a link
        line += text[copied:start] + " " * bool(_PARTS.search(unseen[0]))
        begins.append(end)
        shifts.append(len(line) - end)
        copied = end

    def place(at: int) -> int:
        return at + shifts[bisect_right(begins, at) - 1]

    marks = list[tuple[int, int]]()
    for start, end in spans:
        if marks and place(start) <= marks[-1][1]:
            marks[-1] = marks[-1][0], max(place(end), marks[-1][1])
        else:
            marks.append((place(start), place(end)))
    return line + text[copied:], marks


def _word_start(line: str, at: int, latest: int) -> int:
    """The first place from ``at`` to ``latest`` where a word begins; without one, where a character does."""
    if at and (space := line.find(" ", at - 1, latest)) >= 0:
        return space + 1
    while at < latest and _continues(line, at):
        at += 1
    return at


def _word_end(line: str, at: int, earliest: int) -> int:
    if at < len(line) and (space := line.rfind(" ", earliest, at + 1)) >= 0:
        return space
    while earliest < at < len(line) and _continues(line, at):
        at -= 1
    return at


def _continues(line: str, at: int) -> bool:
    """Whether what a reader sees as one character goes on at ``at``."""
    here = line[at]
    return at > 0 and (category(here)[0] == "M" or here in _JOINS or line[at - 1] == _JOINER)
