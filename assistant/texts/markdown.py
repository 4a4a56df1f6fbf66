"""Markdown as plain text, and plain text as Markdown."""

import re
from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_LONGEST = 20_000
"""Characters that are read; behind them the text stays as it is."""
# Chainlit's page takes ":word" for a directive. Marks of direction would turn round the rest of a line.
_MARKS = re.compile(r"([\\`*_{}<>#|~!$]|:(?=\w)|&(?=[#\w]+;))")
# A bracket behind a backslash begins a formula there.
_BRACKETS = re.compile(r"[\[\]]|(?<=\\)[()]")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069\u200b]")


def plain(text: str) -> str:
    """What a reader sees of ``text``, without its marks."""
    return " ".join(_seen(_MARKDOWN.parse(text[:_LONGEST]))) + text[_LONGEST:]


def _seen(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "inline":
            yield "".join(_inline(token.children or ()))
        elif token.type in ("fence", "code_block", "html_block"):
            yield token.content.strip()


def _inline(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        yield " " if token.type in ("softbreak", "hardbreak") else token.content


def code(text: str) -> str:
    """``text`` on one line, as it is put between two backticks."""
    return " ".join(_DIRECTION.sub("", text).replace("`", "").split())


def escape(text: str) -> str:
    """``text`` so that a reader sees it as it is."""
    marked = _MARKS.sub(r"\\\1", _DIRECTION.sub("", text))
    return _BRACKETS.sub(lambda bracket: f"&#{ord(bracket[0])};", marked)
