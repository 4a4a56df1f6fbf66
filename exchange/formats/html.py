"""HTML: a conversation as one page that needs no other file, for a screen in the light or in the dark and for paper.

Always true: it runs nothing and loads nothing, whatever was said in the conversation; its own policy forbids it, too.
"""

import base64
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from markupsafe import Markup

from datalayer.records import Element, to_iso
from datalayer.text import one_line, undirected
from datalayer.whole import WholeThread

from .. import withheld
from ..names import safe
from ..texts import Language, say
from ..transcript import Other, Said, Transcript, cost, models, system_prompt, title
from .base import About, Contents, encoded
from .markdown import moment_of
from .rendering import colours, rendered

_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif")
"""What a browser shows without running anything."""
_EACH, _ALL = 10_000_000, 50_000_000
"""Bytes of a file that a page holds, of all its files."""
_PART = 3 << 16
"""Bytes that are encoded at a time: three become four letters."""
_FONT = Path(__file__).parents[1] / "fonts/NotoSansMath-subset.woff2"
_POLICY = (
    "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_HEAD = Markup(
    '<!doctype html>\n<html lang="{to}">\n<head>\n<meta charset="utf-8">\n'
    '<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
    "<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
)
_MESSAGE = Markup(
    '<article class="{kind}">\n<p class="who"><bdi>{name}</bdi> <time datetime="{iso}">{moment}</time></p>\n'
    '<div class="said" dir="auto">\n{said}</div>\n'
)


class Html:
    ending, mime, beside, slow = ".html", "text/html; charset=utf-8", False, False

    def page(self, whole: WholeThread, about: About, files: dict[str, str], contents: Contents) -> Iterator[bytes]:
        return map(encoded, self._page(whole, about, contents))

    def _page(self, whole: WholeThread, about: About, contents: Contents) -> Iterator[str]:
        to, found = about.to, Transcript(whole, about.to)
        holder = _Holder(whole, to, contents)
        yield _HEAD.format(to=to, policy=_POLICY, title=title(whole, to), style=Markup(_style()))
        yield from _about(whole, about)
        for said in found.said:
            yield from _message(said, to, holder)
            if said.others:
                yield Markup("<details open>\n<summary>{}</summary>\n").format(say("versions", to))
                for other in said.others:
                    yield from _version(other, to, holder)
                yield "</details>\n"
        yield from holder.files(found.loose)
        yield "</main>\n"
        if holder.has_formulas:
            yield _font_of_formulas()
        yield "</body>\n</html>\n"


@cache
def _style() -> str:
    return Path(__file__).with_name("page.css").read_text("utf-8") + colours()


@cache
def _font_of_formulas() -> str:
    """Some systems have none whose brackets grow."""
    font = base64.b64encode(_FONT.read_bytes()).decode()
    return f'<style>\n@font-face {{ font-family: Formulas; src: url("data:font/woff2;base64,{font}"); }}\n</style>\n'


def _about(whole: WholeThread, about: About) -> Iterator[str]:
    to, thread, spent = about.to, whole.thread, cost(whole)
    tags = [tag for tag in thread.tags or () if isinstance(tag, str)]
    told = {
        "folder": thread.folder,
        "tags": ", ".join(tags),
        "model": ", ".join(models(whole)),
        "cost": f"{spent} $" if spent else None,
        "system_prompt": system_prompt(whole),
    }
    yield Markup("<header>\n<h1><bdi>{}</bdi></h1>\n<dl>\n").format(title(whole, to))
    for key, value in told.items():
        if value:
            yield Markup("<dt>{}</dt><dd><bdi>{}</bdi></dd>\n").format(say(key, to), value)
    yield Markup("</dl>\n<p class='note'>{}</p>\n</header>\n<main>\n").format(
        say("exported", to, at=moment_of(about.at))
    )


def _message(said: Said, to: Language, holder: "_Holder") -> Iterator[str]:
    kind = " ".join(["own"] * said.own + ["error"] * bool(said.step.is_error))
    moment, text = said.step.created_at, rendered(said.text)
    holder.has_formulas |= "<math" in text
    yield _MESSAGE.format(
        kind=kind,
        name=one_line(said.name),
        iso=to_iso(moment),
        moment=moment_of(moment),
        said=text,
    )
    if not said.is_whole:
        yield Markup('<p class="note">{}</p>\n').format(say("not_whole", to))
    yield from holder.files(said.files)
    if said.sources:
        yield Markup('<ul class="sources" aria-label="{}">\n').format(say("sources", to))
        yield from (Markup("<li>{} <bdi>{}</bdi></li>\n").format(*map(one_line, each)) for each in said.sources)
        yield "</ul>\n"
    if said.vote is not None:
        sign, told = ("👍", "vote_for") if said.vote.value else ("👎", "vote_against")
        comment = f": {said.vote.comment}" if said.vote.comment else ""
        yield Markup('<p class="vote">{} {}{}</p>\n').format(sign, say(told, to), comment)
    yield "</article>\n"


def _version(other: Other, to: Language, holder: "_Holder") -> Iterator[str]:
    yield Markup("<h2>{}</h2>\n").format(say("version", to, n=other.number, at=moment_of(other.at)))
    for said in other.said:
        yield from _message(said, to, holder)


class _Holder:
    """The files that a page holds, and whether it has formulas."""

    def __init__(self, whole: WholeThread, to: Language, contents: Contents) -> None:
        self._whole, self._to, self._contents, self._left = whole, to, contents, _ALL
        self.has_formulas = False

    def files(self, elements: list[Element]) -> Iterator[str]:
        if elements:
            yield '<ul class="files">\n'
            for element in elements:
                yield "<li>"
                yield from self._file(element)
                yield "</li>\n"
            yield "</ul>\n"

    def _file(self, element: Element) -> Iterator[str]:
        name = one_line(undirected(element.name or "")) or "–"
        blob = self._whole.contents.get(element.blob or "")
        if blob is None and element.url:
            yield Markup('<a href="{}" rel="noopener noreferrer nofollow"><bdi>{}</bdi></a>').format(
                _followed(element.url), name
            )
        elif blob is None:
            yield self._told(name, "missing")
        elif blob.size > min(_EACH, self._left):
            yield self._told(name, "large")
        else:
            yield from self._held(element, name, blob.name, blob.size)

    def _held(self, element: Element, name: str, blob: str, size: int) -> Iterator[str]:
        try:
            content = self._contents.open(blob)
        except FileNotFoundError:
            yield self._told(name, "missing")
            return
        self._left -= size
        shown = element.mime in _PICTURES
        mime = element.mime if shown else "application/octet-stream"
        start = '<img alt="{}" src="' if shown else '<a download="{}" href="'
        yield Markup(start).format(name if shown else safe(name, "file")) + f"data:{mime};base64,"
        with content:
            while piece := _read(content):
                yield base64.b64encode(piece).decode()
        yield Markup('"><bdi>{}</bdi>').format(name) if shown else Markup('"><bdi>{}</bdi></a>').format(name)

    def _told(self, name: str, why: str) -> str:
        return Markup('<bdi>{}</bdi> <span class="note">({})</span>').format(name, say(why, self._to))


def _read(content: io.BufferedIOBase) -> bytes:
    """_PART bytes, fewer only at the end."""
    piece = content.read(_PART)
    while 0 < len(piece) < _PART and (more := content.read(_PART - len(piece))):
        piece += more
    return piece


def _followed(url: str) -> str:
    """A ``#`` for what is no address of the web."""
    return withheld.address(url) if url.startswith(("https://", "http://")) else "#"
