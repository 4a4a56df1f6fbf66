"""Text of people and of models as HTML that does nothing: no script, no picture of another server, no heading."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from datalayer.search.snippets import Snippet

_LONGEST = 20_000
"""Characters of a message that are read as Markdown, and that are shown of one."""
_MOST = 200_000
"""Of all messages of a page: what follows is shown as it was written."""


def marked(snippet: Snippet) -> Markup:
    """What was found, with each match marked."""
    said, at = Markup(), 0
    for start, end in snippet.marks:
        said += escape(snippet.text[at:start]) + Markup("<mark>{}</mark>").format(snippet.text[start:end])
        at = end
    return said + escape(snippet.text[at:])


def rendered(messages: Sequence[str]) -> list[Markup]:
    """Each message, as far as it is shown."""
    shown, left = [], _MOST
    for said in messages:
        cut = said[:_LONGEST] + ("…" if len(said) > _LONGEST else "")
        left -= len(cut)
        shown.append(Markup(_reader().render(cut)) if left >= 0 else _plain(cut))
    return shown


def _plain(said: str) -> Markup:
    return Markup('<p class="plain">{}</p>').format(said)


@cache
def _reader() -> MarkdownIt:
    """Headings are paragraphs: those of the page are its own. Pictures are links."""
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    for kind, tag in (("heading_open", '<p class="heading">'), ("heading_close", "</p>\n")):
        reader.add_render_rule(kind, _always(tag))
    reader.add_render_rule("link_open", _link)
    reader.add_render_rule("image", _picture)
    reader.add_render_rule("table_open", _always('<div class="table" tabindex="0"><table>\n'))
    reader.add_render_rule("table_close", _always("</table></div>\n"))
    reader.add_render_rule("code_block", _code)
    reader.add_render_rule("fence", _code)
    return reader


def _always(tag: str) -> Any:
    return lambda _renderer, _tokens, _at, _options, _env: tag


def _link(_renderer: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return _opened(str(tokens[at].attrs.get("href", "")))


def _picture(_renderer: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return f"{_opened(str(tokens[at].attrs.get('src', '')))}{escape(tokens[at].content or '🖼')}</a>"


def _opened(address: str) -> str:
    return f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer nofollow">'


def _code(_renderer: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    """A keyboard can scroll it."""
    return f'<pre tabindex="0"><code>{escape(tokens[at].content)}</code></pre>\n'
