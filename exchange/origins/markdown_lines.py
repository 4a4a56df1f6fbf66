"""Markdown line by line: front matter, and which lines stand in a block of code, a comment or HTML."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_HTML = re.compile(r" {0,3}<(?:(!--)|(pre|script|style|textarea)(?=[\s>]|$))", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([\\`*_{}<>\[\]#|~!$&])")
_KEY = re.compile(r"([\w.-]+):(?:\s+(.*))?$")
_MOST_LINES = 500
"""Of front matter."""


def front_matter(lines: list[str]) -> tuple[dict[str, Any], int]:
    """The values between ``---`` and ``---``, and how many lines they take: JSON, texts, and lists of them."""
    if not lines or lines[0].rstrip() != "---":
        return {}, 0
    end = next((at for at, line in enumerate(lines[1:_MOST_LINES], 1) if line.rstrip() in ("---", "...")), None)
    if end is None:
        return {}, 0
    found: dict[str, Any] = {}
    last = ""
    for line in lines[1:end]:
        if named := _KEY.match(line):
            last = named[1]
            found[last] = _value(named[2] or "")
        elif line.strip().startswith("- ") and (found.get(last) == "" or isinstance(found.get(last), list)):
            found[last] = [*(found[last] or []), _value(line.strip()[2:])]
    return found, end + 1


def _value(text: str) -> Any:
    text = text.strip()
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    if text.startswith("[") and text.endswith("]"):
        return [_value(each) for each in text[1:-1].split(",") if each.strip()]
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text


class Lines:
    """Those of a text that headings and such can be in."""

    def __init__(self, lines: list[str], first: int = 0) -> None:
        self.lines, self.first = lines, first
        self.open: int | None = None
        """Where a block of code begins that does not end."""

    def __iter__(self) -> Iterator[tuple[int, str]]:
        ends: re.Pattern[str] | None = None
        began = 0
        for at in range(self.first, len(self.lines)):
            line = self.lines[at]
            if ends is not None:
                ends = None if ends.search(line) else ends
            elif (fence := _FENCE.match(line)) or (html := _HTML.match(line)):
                ends, began = _end_of(fence, line) if fence else _html_end(html, line), at
            else:
                yield at, line
        self.open = began if ends is not None else None


def _end_of(fence: re.Match[str], line: str) -> re.Pattern[str]:
    sign = re.escape(fence[1][0])
    return re.compile(rf"^ {{0,3}}{sign}{{{len(fence[1])},}}\s*$")


def _html_end(html: re.Match[str] | None, line: str) -> re.Pattern[str] | None:
    """None: it ends in its own line."""
    assert html is not None
    end = re.compile(r"-->") if html[1] else re.compile(r"</(pre|script|style|textarea)>", re.IGNORECASE)
    return None if end.search(line, html.end()) else end


def unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
