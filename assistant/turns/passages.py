"""A passage of a file for a person to read, in Markdown: nothing that stands in it is taken for a mark."""

import re
from pathlib import PurePosixPath

from datalayer.passages import Passage, Place
from datalayer.text import undirected

from ..texts import Language, say
from ..texts.markdown import escape
from . import places, rows

_TICKS = re.compile("`+")
# What Chainlit's page colours; others are shown as they are.
_LANGUAGES = {
    **{".py": "python", ".js": "javascript", ".ts": "typescript", ".java": "java", ".c": "c", ".cpp": "cpp"},
    **{".cs": "csharp", ".go": "go", ".rs": "rust", ".rb": "ruby", ".php": "php", ".sh": "bash", ".sql": "sql"},
    **{".html": "html", ".css": "css", ".json": "json", ".yaml": "yaml", ".yml": "yaml", ".xml": "xml"},
}
_PROSE = frozenset({".txt", ".md", ".markdown", ".rst", ".eml", ".tex", ".org", ".adoc", ""})


def title(name: str, place: Place, to: Language) -> str:
    """``report.pdf, page 3``, as plain text."""
    name = " ".join(undirected(name).split())[:100]
    return ", ".join(filter(None, (name, places.told(place, to))))


def markdown(
    name: str, said: Passage, to: Language, before: Passage | None = None, after: Passage | None = None
) -> str:
    """What it says, below its ``title``: code with the numbers of its lines, rows as a table with some of those
    ``before`` and ``after`` it, the rest as text."""
    return rows.table(said, before, after, to) if said.place.rows else _body(name, said.place, said.text)


def _body(name: str, place: Place, text: str) -> str:
    ending = PurePosixPath(name.lower()).suffix
    if place.lines and ending not in _PROSE:
        return _fenced(_with_lines(text, place.lines), _LANGUAGES.get(ending, ""))
    return "\n\n".join(escape(paragraph).replace("\n", "  \n") for paragraph in re.split(r"\n\s*\n", text))


def _with_lines(text: str, lines: tuple[int, int]) -> str:
    """The numbers of the lines before them, where it is known which they are."""
    said, (first, last) = text.split("\n"), lines
    if len(said) != last - first + 1:
        return text
    width = len(str(last))
    return "\n".join(f"{number:>{width}}  {line}".rstrip() for number, line in enumerate(said, first))


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, 1 + max((len(ticks) for ticks in _TICKS.findall(text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


_SHOWN = 20_000
"""Characters of a message that are shown beside another conversation."""


def message(name: str, text: str | None, link: str | None, to: Language) -> str:
    """A message of another conversation. ``text`` None: it is gone, or not this reader's."""
    head = f"**{escape(' '.join(name.split())[:100]) or say('source_other', to)}**"
    if text is None or link is None:
        return f"{head}\n\n{say('source_elsewhere_gone', to)}"
    return f"{head}\n\n{text[:_SHOWN]}\n\n[{say('source_elsewhere', to)}]({link})"


def gone(name: str, place: Place, to: Language) -> str:
    """What is shown where the file is no longer there, or says something else."""
    return f"**{escape(title(name, place, to))}**\n\n{say('source_gone', to)}"
