"""Markdown of people and of models as HTML that does nothing and loads nothing.

Raw HTML is shown as it is written, pictures of other servers are links, and only some kinds of addresses can be
followed (markdown-it-py's own rule: no scripts). Headings are paragraphs: those of the page are its own.
"""

from collections.abc import Callable, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import escape

from . import maths


def reader(
    code: Callable[[Token], str],
    link: str = "",
    table: str = "",
    formula: Callable[[Token], str] | None = None,
) -> MarkdownIt:
    """``code``: the HTML of a block of code. ``link``, ``table``: attributes of links, and of what a wide table is
    scrolled in, as HTML with a space before. ``formula``: the HTML of a token of ``maths``; None: formulas are text."""

    def opened(address: Any) -> str:
        return f'<a href="{escape(str(address))}"{link} rel="noopener noreferrer nofollow">'

    made = plain()
    for kind, rule in {
        "heading_open": lambda _: '<p class="heading">',
        "heading_close": lambda _: "</p>\n",
        "table_open": lambda _: f'<div class="table"{table}><table>\n',
        "table_close": lambda _: "</table></div>\n",
        "link_open": lambda token: opened(token.attrs.get("href", "")),
        "image": lambda token: f"{opened(token.attrs.get('src', ''))}{escape(token.content or '🖼')}</a>",
        "code_block": code,
        "fence": code,
    }.items():
        made.add_render_rule(kind, _of_token(rule))
    if formula is not None:
        maths.add(made)
        for kind in (maths.INLINE, maths.DISPLAY):
            made.add_render_rule(kind, _of_token(formula))
    return made


def plain() -> MarkdownIt:
    """Which Markdown is read."""
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _of_token(rule: Callable[[Token], str]) -> Any:
    """As markdown-it-py calls it."""

    def rendered(_renderer: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
        return rule(tokens[at])

    return rendered
