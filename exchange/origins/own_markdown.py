"""A page of our own Markdown (``exchange/formats/markdown.py``), read back: what its readers see of a conversation."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from posixpath import dirname, join, normpath
from typing import Any
from urllib.parse import unquote

from ..texts import say
from .base import File, Said, SpokenBy
from .markdown_lines import Lines, unescaped
from .values import Keys, moment

_TIME = r"(\d{4}-\d\d-\d\d \d\d:\d\d) UTC"
_MESSAGE = re.compile(rf"(##|#####) (.+) · {_TIME}(?: · (?:{'|'.join(say('error', to) for to in ('en', 'fr'))}))?$")
_VERSION = re.compile(rf"#### .* (\d+), {_TIME}$")
_LONGEST = 2_000
"""Characters of a line of ours."""
_VOTE = re.compile(r"(👍|👎) \*[^*]+\*(?:: (.*))?$")
_FILE = re.compile(r"- !?\[(.*)\]\(([^()\s]+)\)$")
_MISSING = re.compile(rf"- (.+) \((?:{'|'.join(re.escape(say('missing', to)) for to in ('en', 'fr'))})\)$")
_SOURCES = {say("sources", to) for to in ("en", "fr")}
_NOT_WHOLE = {f"*{say('not_whole', to)}*" for to in ("en", "fr")}
_VERSIONS = {f"### {say('versions', to)}" for to in ("en", "fr")}
_PROMPT = {f"> **{say('system_prompt', to)}**" for to in ("en", "fr")}
_ERRORS = tuple(f" · {say('error', to)}" for to in ("en", "fr"))
_YOU = {say("you", to) for to in ("en", "fr")} | {"User", "user", "You"}


@dataclass(slots=True)
class Page:
    said: list[Said] = field(default_factory=list)
    tip: str | None = None
    prompt: str = ""
    """The instructions that the model was given."""


def is_own(front: dict[str, Any]) -> bool:
    return {"title", "id", "created", "exported"} <= front.keys()


def page_of(lines: Lines, front: dict[str, Any], member: str, members: Collection[str]) -> Page:
    places = [(at, line.rstrip()) for at, line in lines if line[:1] == "#" and len(line) < _LONGEST]
    heads = [(at, line) for at, line in places if _MESSAGE.match(line) or _VERSION.match(line) or line in _VERSIONS]
    first = heads[0][0] if heads else len(lines.lines)
    page, keys = Page(prompt=_prompt(lines.lines[lines.first : first])), Keys()
    names = [found[2] for _, line in heads if (found := _MESSAGE.match(line))]
    own = _own(names, front)
    last: str | None = None  # of those that are shown
    before: str | None = None
    """What a version of the last question follows, which is shown."""
    question: str | None = None
    for (at, line), (end, _) in zip(heads, [*heads[1:], (len(lines.lines), "")], strict=True):
        found = _MESSAGE.match(line)
        if found is None:
            last = last if line in _VERSIONS else before
            continue
        by: SpokenBy = "user" if found[2] in own else "assistant"
        said = _said(by, found, line, lines.lines[at + 1 : end], member, members)
        said.key = keys.add(None, by, said.text)
        if found[1] == "##":
            before = page.tip if by == "user" else before
            said.parent, page.tip = page.tip, said.key
            question = said.key if by == "user" else question
        else:
            said.parent, last = last, said.key
        page.said.append(said)
    page.said.sort(key=lambda each: each.at or 0)
    return page


def _own(names: list[str], front: dict[str, Any]) -> set[str]:
    """The names of those who ask. Else it is whoever has spoken first."""
    author = front.get("author")
    known = {name for name in names if name in _YOU or unescaped(name) == author}
    return known or set(names[:1])


def _prompt(lines: list[str]) -> str:
    begin = next((at for at, line in enumerate(lines) if line.rstrip() in _PROMPT), None)
    if begin is None:
        return ""
    quoted = []
    for line in lines[begin + 1 :]:
        if not line.startswith(">"):
            break
        quoted.append(line.removeprefix(">").removeprefix(" "))
    return "\n".join(quoted).strip()


def _said(
    by: SpokenBy, found: re.Match[str], line: str, lines: list[str], member: str, members: Collection[str]
) -> Said:
    rest = list(lines)
    vote = _taken(rest, _VOTE)
    _without_sources(rest)
    files = _files(rest, member, members)
    _trim(rest)
    whole = not rest or rest[-1] not in _NOT_WHOLE
    name = unescaped(found[2])
    said = Said("", by, "\n".join(rest if whole else rest[:-1]).strip(), at=moment(found[3]), name=name, files=files)
    said.failed = line.endswith(_ERRORS)
    said.metadata = {} if whole else {"not_whole": True}
    if vote and by == "assistant":
        said.vote, said.comment = int(vote[1] == "👍"), unescaped(vote[2]) if vote[2] else None
    return said


def _trim(lines: list[str]) -> None:
    while lines and not lines[-1].strip():
        lines.pop()


def _taken(lines: list[str], pattern: re.Pattern[str]) -> re.Match[str] | None:
    """The last line, which is taken away, where it is such a one."""
    _trim(lines)
    found = pattern.match(lines[-1]) if lines and len(lines[-1]) < 100 * _LONGEST else None
    if found:
        lines.pop()
    return found


def _without_sources(lines: list[str]) -> None:
    """They cite what is not in the page."""
    _trim(lines)
    at = len(lines) - 1
    while at > 0 and (lines[at].startswith("- ") or not lines[at].strip()):
        at -= 1
    if at >= 0 and lines[at : at + 1] and lines[at].rstrip() in _SOURCES:
        del lines[at:]


def _files(lines: list[str], member: str, members: Collection[str]) -> list[File]:
    """Those that are listed at the end, and lie beside the page."""
    found: list[File] = []
    _trim(lines)
    while lines and len(lines[-1]) < _LONGEST:
        at = len(found)
        if there := _FILE.match(lines[-1]):
            path = normpath(join(dirname(member), unquote(there[2])))
            if path not in members and not path.startswith(f"{member.rpartition('.')[0]} files/"):
                break
            found.append(File(str(at), unescaped(there[1]), member=path if path in members else None))
        elif gone := _MISSING.match(lines[-1]):
            found.append(File(str(at), unescaped(gone[1])))
        else:
            break
        lines.pop()
    for number, file in enumerate(reversed(found), 1):
        file.key = str(number)
    return found[::-1]
