"""Text of people and of models as HTML that does nothing: no script, no picture of another server, no heading."""

from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from datalayer.search.snippets import Snippet
from exchange.harmless import reader

LONGEST = 20_000
"""Characters that are shown of a message."""
MOST = 200_000
"""Characters of all messages of a page that are read as Markdown: what follows is shown as it was written."""


def marked(snippet: Snippet) -> Markup:
    """What was found, with each match marked."""
    said, at = Markup(), 0
    for start, end in snippet.marks:
        said += escape(snippet.text[at:start]) + Markup("<mark>{}</mark>").format(snippet.text[start:end])
        at = end
    return said + escape(snippet.text[at:])


def rendered(messages: Sequence[str], longest: int = LONGEST) -> list[Markup]:
    """Each message, as far as it is shown: so many characters at most."""
    shown, left = [], MOST
    for said in messages:
        cut = said[:longest] + ("…" if len(said) > longest else "")
        left -= len(cut)
        shown.append(Markup(_reader().render(cut)) if left >= 0 else _plain(cut))
    return shown


def _plain(said: str) -> Markup:
    return Markup('<p class="plain">{}</p>').format(said)


@cache
def _reader() -> MarkdownIt:
    """A keyboard can scroll what is wide."""
    return reader(_code, ' target="_blank"', ' tabindex="0"')


def _code(token: Token) -> str:
    return f'<pre tabindex="0"><code>{escape(token.content)}</code></pre>\n'
