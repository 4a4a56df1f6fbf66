"""Markdown as plain text, for a snippet."""

from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_LONGEST = 20_000
"""Characters that are read; behind them the text stays as it is."""


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
