"""Markdown of people and of models as HTML that does nothing and loads nothing; code in colours.

Raw HTML is shown as it is written, pictures of other servers are links, and only some kinds of addresses can be
followed (markdown-it-py's own rule: no scripts).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_LONGEST, _LONGEST_CODE = 100_000, 20_000
"""Characters of a message that is read as Markdown, of code that is coloured: some texts take the square of their
length, and what is longer is shown as it was written."""


def rendered(said: str) -> Markup:
    if len(said) > _LONGEST:
        return Markup('<p class="plain">{}</p>\n').format(said)
    return Markup(_reader().render(said))


@cache
def colours() -> str:
    """The style sheet of code."""
    light, dark = (_style(name) for name in ("default", "github-dark"))
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def _style(name: str) -> str:
    lines = HtmlFormatter(style=name).get_style_defs("pre code").splitlines()
    return "\n".join(line for line in lines if line.startswith("pre code .") and "{" in line)


@cache
def _reader() -> MarkdownIt:
    """Headings are paragraphs: those of the page are its own."""
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    for kind, tag in (
        ("heading_open", '<p class="heading">'),
        ("heading_close", "</p>\n"),
        ("table_open", '<div class="table"><table>\n'),
        ("table_close", "</table></div>\n"),
    ):
        reader.add_render_rule(kind, _always(tag))
    for kind, rule in (("link_open", _link), ("image", _picture), ("code_block", _code), ("fence", _code)):
        reader.add_render_rule(kind, rule)
    return reader


def _always(tag: str) -> Any:
    return lambda _renderer, _tokens, _at, _options, _env: tag


def _link(_renderer: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return _opened(str(tokens[at].attrs.get("href", "")))


def _picture(_renderer: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return f"{_opened(str(tokens[at].attrs.get('src', '')))}{escape(tokens[at].content or '🖼')}</a>"


def _opened(address: str) -> str:
    return f'<a href="{escape(address)}" rel="noopener noreferrer nofollow">'


def _code(_renderer: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    token = tokens[at]
    return f"<pre><code>{_coloured(token.content, (token.info or '').strip().split(' ')[0])}</code></pre>\n"


def _coloured(code: str, language: str) -> str:
    if not language or len(code) > _LONGEST_CODE:
        return escape(code)
    try:
        lexer = get_lexer_by_name(language.lower()[:40], stripnl=False, ensurenl=False)
    except ClassNotFound:
        return escape(code)
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))
