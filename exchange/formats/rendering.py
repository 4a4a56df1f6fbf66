"""What was said as HTML, code in colours, formulas as MathML."""

from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from .. import maths
from ..harmless import reader
from .formulas import mathml

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
    return reader(_code, formula=_formula)


def _code(token: Token) -> str:
    return f"<pre><code>{_coloured(token.content, (token.info or '').strip().split(' ')[0])}</code></pre>\n"


def _formula(token: Token) -> str:
    display = token.type == maths.DISPLAY
    shown = mathml(token.content, display) or Markup("<code>{}</code>").format(token.markup)
    return f'<div class="formula">{shown}</div>\n' if token.block else str(shown)


def _coloured(code: str, language: str) -> str:
    if not language or len(code) > _LONGEST_CODE:
        return escape(code)
    try:
        lexer = get_lexer_by_name(language.lower()[:40], stripnl=False, ensurenl=False)
    except ClassNotFound:
        return escape(code)
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))
