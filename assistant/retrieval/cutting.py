"""What was read, cut into passages of 200 to 300 words. Pure; holds two of them at a time, however long the file is.

Always true: a passage never crosses a page or a sheet; it ends where a paragraph, a row or a line does, unless one of
them is longer than a passage; all that was read is in the passages, in its order.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import NamedTuple

from datalayer.passages import Passage, Place

ENOUGH, MOST = 200, 300
"""Words: from the first on a paragraph begins a new passage, and more than the second are none, but for a rest."""
FEW = 40
"""Words of a section below which the next one is in the same passage, and of a rest that is no passage of its own."""
_LONG = 10
"""Characters of a word beyond which it counts as several, as in data that has no spaces."""
_WIDE = 60
"""Words of a table's head beyond which it is not repeated."""
_MISSING = 10
"""Empty rows between others of which each is an empty line."""
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_SENTENCE = re.compile(r"""[.!?…;]["'”’»)\]]*\s|[。！？．；؟۔।]["'”’」』）]*""")
# PostgreSQL takes no NUL; the others are not seen, and half a pair is no character.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Block(NamedTuple):
    """A piece of a file as its reader meets it: a line, a row, a paragraph."""

    text: str
    place: Place
    opens: bool = True
    """Whether a passage had better begin here than go on."""
    above: str = ""
    """What each passage of the table begins with: its head. It is a block of its own where it stands."""
    after: str = "\n"
    """What is between it and the block before."""


def size(text: str) -> int:
    """In words; of scripts without spaces two characters are one."""
    words = len(text.split())
    if not text.isascii():
        words += sum(len(run) for run in _SPACELESS.findall(text)) // 2
    return max(words, len(text) // _LONG)


def cut(blocks: Iterable[Block]) -> Iterator[Passage]:
    before: _Open | None = None
    for passage in _filled(blocks):
        if before and before.takes_rest(passage):
            before.join(passage)
        else:
            if before:
                yield before.closed()
            before = passage
    if before:
        yield before.closed()


def _filled(blocks: Iterable[Block]) -> Iterator["_Open"]:
    passage = _Open()
    for block in blocks:
        block = block._replace(text=_UNSEEN.sub("", block.text).rstrip())
        if not block.text.strip():
            continue
        words = size(block.text)
        if passage.ends_before(block, words):
            yield passage
            passage = _Open()
        if words <= MOST:
            passage.add(block, words)
            continue
        if passage.text:
            yield passage
        for piece in _pieces(block.text):
            yield (passage := _Open()).add(block._replace(text=piece), size(piece))
        passage = _Open()
    if passage.text:
        yield passage


class _Open:
    """A passage that may get longer."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.words = 0
        self.place = Place()
        self.above = ""
        """What the text begins with besides its blocks."""

    def ends_before(self, block: Block, words: int) -> bool:
        if not self.text:
            return False
        if not _same_part(self.place, block.place):
            return True
        if block.place.heading != self.place.heading and self.words >= FEW:
            return True
        return self.words + words > MOST or (block.opens and self.words >= ENOUGH)

    def add(self, block: Block, words: int) -> "_Open":
        if self.text:
            self.text += _between(self.place, block.place) or block.after, block.text
            self.place = _both(self.place, block.place)
        else:
            self.place = block.place
            if block.above and block.above != block.text and (head := size(block.above)) <= _WIDE:
                self.text += block.above, "\n"
                self.words += head
                self.above = block.above
            self.text.append(block.text)
        self.words += words
        return self

    def takes_rest(self, after: "_Open") -> bool:
        """Whether ``after`` is a few last words of the same page and section, such as a page's number."""
        return after.words < FEW and _same_part(self.place, after.place) and self.place.heading == after.place.heading

    def join(self, after: "_Open") -> None:
        known = after.above and after.above in self.text
        self.text += _between(self.place, after.place) or "\n", *(after.text[2:] if known else after.text)
        self.words += after.words
        self.place = _both(self.place, after.place)

    def closed(self) -> Passage:
        return Passage("".join(self.text), self.place)


def _between(first: Place, second: Place) -> str:
    """Between rows of a table, by which the lines of a passage can be counted: rows without words are empty lines. "":
    these are none."""
    if first.rows is None or second.rows is None:
        return ""
    return "\n" * min(max(second.rows[0] - first.rows[1], 1), _MISSING + 1)


def _same_part(first: Place, second: Place) -> bool:
    return (first.pages, first.sheet) == (second.pages, second.sheet)


def _both(first: Place, second: Place) -> Place:
    """From the beginning of ``first`` to the end of ``second``, which is below a heading of ``first`` that says little
    itself, or else with it below the ones that both have."""
    rows, lines = _span(first.rows, second.rows), _span(first.lines, second.lines)
    return Place(first.pages, _path(first.heading, second.heading), first.sheet, rows, lines)


def _path(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    if second[: len(first)] == first:
        return second
    return tuple(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _span(first: tuple[int, int] | None, second: tuple[int, int] | None) -> tuple[int, int] | None:
    if first is None or second is None:
        return first or second
    return min(first[0], second[0]), max(first[1], second[1])


def _pieces(text: str) -> Iterator[str]:
    """``text`` cut at the end of a sentence, else at a space, else anywhere."""
    start = 0
    while start < len(text):
        window = text[start : start + MOST * _LONG]
        if (words := size(window)) > MOST:
            window = window[: len(window) * MOST // words]
        if start + len(window) < len(text):
            window = window[: _break(window)]
        start += len(window)
        if window.strip():
            yield window.strip()


def _break(window: str) -> int:
    """Where it is best cut, in its second half."""
    half = len(window) // 2
    ends = [found.end() for found in _SENTENCE.finditer(window, half)]
    if ends:
        return ends[-1]
    space = max(window.rfind(each, half) for each in " \n\t,、，")
    return space + 1 if space >= half else len(window)
