"""Blocks ``<details type="…">`` in which Open WebUI writes what a model thought and which tools it called, in its
answer. Blocks of other kinds, and those in a block of code, are a part of the answer."""

import html
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

_KINDS = {"reasoning", "tool_calls", "code_interpreter"}
_MARK = re.compile(r"<details\b([^<>]*)>|</details>|^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_ATTRIBUTE = re.compile(r'([\w-]{1,50})="([^"]*)"')
_SUMMARY = re.compile(r"\s*<summary>[^<]*</summary>")
_QUOTE = re.compile(r"^> ?", re.MULTILINE)


@dataclass(slots=True)
class Block:
    kind: str
    body: str
    attributes: dict[str, str]

    def json(self, name: str) -> str:
        """An attribute that is JSON; its text where it is that of a string."""
        value = self.attributes.get(name, "")
        for _ in range(2):
            with suppress(ValueError, RecursionError):
                inner = json.loads(value)
                value = inner if isinstance(inner, str) else value
        return value


def parted(text: str) -> tuple[str, list[Block]]:
    """The answer, and the blocks that stood in it. One that does not end is a part of the answer."""
    if "<details" not in text:
        return text, []
    kept, blocks, at = [], [], 0
    for start, inner, outer, end, attributes in _found(text):
        kept.append(text[at:start])
        summary = _SUMMARY.match(text, inner, outer)
        body = text[summary.end() if summary else inner : outer]
        plain = html.unescape(_QUOTE.sub("", body)).strip()
        blocks.append(Block(attributes["type"], plain, attributes))
        at = end
    kept.append(text[at:])
    words = "\n\n".join(each.strip("\n") for each in kept if each.strip())
    return (words if blocks else text), blocks


def _found(text: str) -> Iterator[tuple[int, int, int, int, dict[str, str]]]:
    """Where each begins, its body begins and ends, and it ends."""
    fence, depth, start, inner = "", 0, 0, 0
    attributes: dict[str, str] = {}
    for mark in _MARK.finditer(text):
        if mark[2] and not depth:
            fence = _fence(fence, mark[2])
        elif fence or mark[2]:
            continue
        elif mark[0] == "</details>":
            depth -= depth > 0
            if not depth and attributes:
                yield start, inner, mark.start(), mark.end(), attributes
                attributes = {}
        elif depth:
            depth += 1
        else:
            given = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(mark[1])}
            attributes = given if given.get("type") in _KINDS else {}
            start, inner, depth = mark.start(), mark.end(), 1


def _fence(open_: str, mark: str) -> str:
    """What is open behind a mark of a block of code."""
    if not open_:
        return mark
    return "" if mark[0] == open_[0] and len(mark) >= len(open_) else open_
