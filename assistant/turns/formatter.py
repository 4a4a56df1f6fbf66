"""The canned formatter: an answer without any model. Pure; its words are in ``texts``."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from datalayer.search.query import Query, Term
from datalayer.search.snippets import LENGTH, Snippet, snippet
from datalayer.search.stems import wanted, words
from datalayer.text import one_line

from ..models.base import Reason
from ..texts import Language, moment, say
from ..texts.markdown import escape
from .found import line, quotation
from .places import told
from .remembered import FileMatch, Found, telling
from .sources import Part, Source

T = TypeVar("T")
Fallback = Reason | Literal["no_key", "no_key_team", "offline"]


@dataclass(frozen=True, slots=True)
class Said:
    """What the conversation's own files say."""

    sources: Sequence[Source] = ()
    asked: str = ""
    """What they are about."""
    before: bool = False
    """It is what was asked before the question: nothing is about that itself."""
    cut: Sequence[str] = ()
    """Names of the files of which the beginning alone was read."""


def format_response(
    reason: Fallback,
    model: str,
    found: Found | None,
    to: Language,
    root: str = "",
    back_in: float | None = None,
    broke_off: bool = False,
    said: Said = Said(),
) -> str:
    """The answer in Markdown: why no model wrote it and when one will, then what the stored history says, with links.

    ``model``: its label. ``root``: the path the app is mounted under, without a trailing slash. ``back_in``: seconds
    until the model is back, None when nobody knows. ``found`` None: it was not asked. ``broke_off``: it goes on behind
    the beginning of an answer.
    """
    parts = [say("broke_off" if broke_off else "without_model", to, why=say(reason, to, model=model))]
    if back_in is not None:
        at = datetime.now().astimezone() + timedelta(seconds=back_in)
        parts[0] += " " + say("back", to, when=moment(at, to))
    if found is None:
        return parts[0]
    found = _new(found, said.sources, said.asked)
    if said.sources:
        heading = say("found_here_before" if said.before else "found_here", to)
        parts += [heading, "\n".join(_source_line(source, said.asked, to) for source in said.sources)]
    if found.messages:
        parts += [say("found", to), "\n".join(line(hit, to, root) for hit in found.messages)]
    if found.files:
        parts += [say("found_files", to), "\n".join(_file_line(match, to, root) for match in found.files)]
    if not (found.messages or found.files or said.sources):
        parts.append(say("found_nothing", to))
    if said.cut:
        names = ", ".join(f"**{escape(one_line(name)[:_NAME])}**" for name in said.cut[-_PASSAGES:])
        parts.append(say("found_cut", to, names=names))
    return "\n\n".join(parts)


def quotable(parts: Sequence[Part], question: str) -> list[Part]:
    """Those of the best passages that an answer quotes, up to 5: each text once, and what was found by its heading or
    its file alone only where nothing has a word of ``question`` itself."""
    each = _once(parts, lambda part: one_line(part.text))
    asked = wanted(question).keys()
    having = [part for part in each if not asked.isdisjoint(words(part.text))]
    return (having or each)[:_PASSAGES]


def _new(found: Found, sources: Sequence[Source], question: str) -> Found:
    """Without what ``sources`` say already, and without copies."""
    said = {_about(source.part.text, question).text for source in sources}
    files = tuple(match for match in found.files if match.snippet is None or match.snippet.text not in said)
    return Found(tuple(_once(found.messages, lambda hit: hit.snippet.text)), files)


def _once(some: Iterable[T], key: Callable[[T], str]) -> list[T]:
    """The first with each key."""
    first: dict[str, T] = {}
    for each in some:
        first.setdefault(key(each), each)
    return list(first.values())


def _about(text: str, question: str, length: int = LENGTH) -> Snippet:
    return snippet(
        text, Query(tuple(Term((word,), prefix=False, excluded=False) for word in telling(question))), length
    )


def _source_line(source: Source, question: str, to: Language) -> str:
    part = source.part
    where = told(part.place, to)
    place = f", {escape(where)}" if where else ""
    return f"- [{source.n}] {escape(part.name)}{place}{quotation(_about(part.text, question, _QUOTED), to)}"


_PASSAGES, _QUOTED = 5, 300
"""Of the conversation's own files, and characters of each."""
_NAME = 100
"""Characters of a file's name."""


def _file_line(match: FileMatch, to: Language, root: str) -> str:
    file = match.file
    name = escape(file.thread_name or say("untitled", to))
    thread = say("in_thread", to, thread=f"[{name}]({root}/thread/{file.thread_id})")
    said = quotation(match.snippet, to) if match.snippet else ""
    return f"- [{escape(file.name)}]({file.url}) {thread}{said}"
