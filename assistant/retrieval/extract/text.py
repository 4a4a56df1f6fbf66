"""Text as it stands, with the numbers of its lines; Markdown with its headings."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from datalayer.passages import Place

from ..cutting import Block
from .headings import Headings
from .source import Source

_LINE = re.compile(r"[^\r\n]*(?:\r\n|[\r\n]|\Z)")  # as editors count
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_NO_PARAGRAPH = re.compile(r"\s*(?:[-*+>|#=]|\d+[.)]|    )")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def lines(text: str) -> Iterator[str]:
    """With their ends; one at a time, since a list of all takes several times the memory of the text."""
    position = 0
    while position < len(text):
        found = _LINE.match(text, position)
        assert found
        yield found.group()
        position = found.end()


def read(source: Source) -> Iterator[Block]:
    return blocks(source.text())


def blocks(text: str) -> Iterator[Block]:
    """A block a line; a paragraph begins after an empty one."""
    opens = True
    for number, line in zip(count(1), lines(text), strict=False):
        if line.strip():
            yield Block(line.rstrip(), Place(lines=(number, number)), opens, after="\n\n" if opens else "\n")
        opens = not line.strip()


def read_markdown(source: Source) -> Iterator[Block]:
    headings, fence, held = Headings(), "", None
    opens = True
    for number, line in zip(count(1), lines(source.text()), strict=False):
        if held and not fence and _UNDERLINE.match(line) and _can_be_underlined(held):
            headings.enter(1 if line.strip()[0] == "=" else 2, held.text)
            held = held._replace(place=replace(held.place, heading=headings.path()))
        elif not fence and (found := _HEADING.match(line)):
            headings.enter(len(found[1]), found[2] or "")
            opens = True
        fence = _fence(line, fence)
        if held:
            yield held
        held = None
        if line.strip():
            place = Place(heading=headings.path(), lines=(number, number))
            held = Block(line.rstrip(), place, opens, after="\n\n" if opens else "\n")
        opens = not line.strip()
    if held:
        yield held


def _can_be_underlined(block: Block) -> bool:
    return block.opens and not _NO_PARAGRAPH.match(block.text)


def _fence(line: str, fence: str) -> str:
    """What ends the code that ``line`` is in, "": it is in none."""
    found = _FENCE.match(line)
    if not found:
        return fence
    if not fence:
        return found[1]
    return "" if found[1].startswith(fence) and not line.strip(" \t\r\n`~") else fence
