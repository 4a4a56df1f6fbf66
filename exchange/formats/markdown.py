"""Markdown: a conversation to be read, with front matter in YAML; its files lie in a folder beside it.

What people and models have written stays as it is, so it may have headings of its own; what they have left open (a
block of code, a comment) is closed, so that it takes nothing of what follows.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote

from markdown_it import MarkdownIt

from datalayer.records import Element, to_iso
from datalayer.text import one_line, undirected
from datalayer.whole import WholeThread

from .. import withheld
from ..texts import Language, say
from ..transcript import Other, Said, Transcript, cost, models, system_prompt, title
from .base import About, Contents, encoded

_MARKS = re.compile(r"([\\`*_{}<>\[\]#|~!$&])")
_UNQUOTED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_MAY_BE_OPEN = re.compile(r"`{3}|~{3}|<[!?]|<(script|pre|style|textarea)", re.IGNORECASE)
_ENDS = ("\n-->", "\n?>", "\n]]>", "\n>", "\n</script>", "\n</pre>", "\n</style>", "\n</textarea>")
_LONGEST = 1_000_000
"""Characters that are looked through."""


class Markdown:
    ending, mime, beside, slow = ".md", "text/markdown; charset=utf-8", True, False

    def page(self, whole: WholeThread, about: About, files: dict[str, str], contents: Contents) -> Iterator[bytes]:
        held = {element.id: "" for element in whole.elements if element.blob in whole.contents}
        return map(encoded, self._page(whole, about, held | files))

    def _page(self, whole: WholeThread, about: About, files: dict[str, str]) -> Iterator[str]:
        to, found = about.to, Transcript(whole, about.to)
        yield _front_matter(whole, about)
        yield f"# {escape(title(whole, to))}\n"
        if prompt := system_prompt(whole):
            yield f"\n> **{say('system_prompt', to)}**\n>\n{_quoted(prompt)}\n"
        for said in found.said:
            yield from _message(said, to, files, 2)
            if said.others:
                yield f"\n### {say('versions', to)}\n"
            for other in said.others:
                yield from _version(other, to, files)
        yield from _files(found.loose, to, files)


def _front_matter(whole: WholeThread, about: About) -> str:
    thread = whole.thread
    given = {
        "title": title(whole, about.to),
        "id": thread.id,
        "author": thread.user_identifier,
        "created": to_iso(thread.created_at),
        "last_activity": to_iso(thread.last_activity_at),
        "folder": thread.folder,
        "tags": [tag for tag in thread.tags or () if isinstance(tag, str)],
        "pinned": thread.pinned or None,
        "archived": thread.archived or None,
        "status": thread.status,
        "kind": thread.kind,
        "models": models(whole),
        "cost_usd": cost(whole),
        "forked_from": _origin(thread.metadata.get("forked_from"), "thread"),
        "merged_from": _origin(thread.metadata.get("merged_from"), "threads"),
        "exported": to_iso(about.at),
    }
    lines = [f"{name}: {_yaml(value)}\n" for name, value in given.items() if value not in (None, [], "")]
    return f"---\n{''.join(lines)}---\n\n"


def _origin(of: object, key: str) -> object:
    return of.get(key) if isinstance(of, dict) else None


def _yaml(value: object) -> str:
    """JSON is YAML, but for some characters that YAML wants escaped."""
    return _UNQUOTED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _message(said: Said, to: Language, files: dict[str, str], level: int) -> Iterator[str]:
    moment = moment_of(said.step.created_at)
    error = f" · {say('error', to)}" if said.step.is_error else ""
    yield f"\n{'#' * level} {escape(one_line(said.name))} · {moment}{error}\n\n"
    yield closed(said.text) + "\n"
    if not said.is_whole:
        yield f"\n*{say('not_whole', to)}*\n"
    yield from _files(said.files, to, files)
    if said.sources:
        yield f"\n{say('sources', to)}\n\n"
    for name, cited in said.sources:
        yield f"- {escape(one_line(name))} {escape(one_line(cited))}\n"
    if said.vote is not None:
        told = say("vote_for" if said.vote.value else "vote_against", to)
        comment = f": {escape(one_line(said.vote.comment))}" if said.vote.comment else ""
        yield f"\n{'👍' if said.vote.value else '👎'} *{told}*{comment}\n"


def _version(other: Other, to: Language, files: dict[str, str]) -> Iterator[str]:
    yield f"\n#### {say('version', to, n=other.number, at=moment_of(other.at))}\n"
    for said in other.said:
        yield from _message(said, to, files, 5)


def _files(elements: list[Element], to: Language, files: dict[str, str]) -> Iterator[str]:
    """``files``: where the contents are, by the ids of the elements; "": in no file beside this one."""
    if elements:
        yield "\n"
    for element in elements:
        name = escape(one_line(undirected(element.name or ""))) or "–"
        where = quote(files.get(element.id, ""))
        if not where and element.url:
            where = quote(withheld.address(element.url), safe=":/?#[]@!$&'*+,;=%")
        picture = "!" if element.type == "image" and files.get(element.id) else ""
        why = "elsewhere" if element.id in files else "missing"
        yield f"- {picture}[{name}]({where})\n" if where else f"- {name} ({say(why, to)})\n"


def moment_of(microseconds: int) -> str:
    return (to_iso(microseconds) or "")[:16].replace("T", " ") + " UTC"


def escape(text: str) -> str:
    return _MARKS.sub(r"\\\1", text)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def closed(text: str) -> str:
    """``text`` with what it leaves open closed: a block of code, a comment, HTML of some kinds."""
    text = text.rstrip()
    if len(text) > _LONGEST or not _MAY_BE_OPEN.search(text) or not _takes(text):
        return text
    fences = (max(re.findall(f"{sign}{{3,}}", text), default="") for sign in "`~")
    ends = [*(f"\n{fence}" for fence in fences if fence), *_ENDS]
    return next((text + end for end in ends if not _takes(text + end)), text)


def _takes(text: str) -> bool:
    """Whether it takes a heading that follows."""
    tokens = _blocks().parse(f"{text}\n\n# x\n")
    return len(tokens) < 3 or tokens[-3].type != "heading_open" or tokens[-3].level > 0


@cache
def _blocks() -> MarkdownIt:
    reader = MarkdownIt("commonmark")
    reader.core.ruler.disable("inline")
    return reader
