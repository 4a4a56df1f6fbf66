"""A conversation as what ``page.typ`` shows: who has said what, when, and what belongs to it."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datalayer.records import Element
from datalayer.text import one_line
from datalayer.whole import WholeThread

from ... import withheld
from ...texts import Language, say
from ...transcript import Other, Said, Transcript, cost, models, system_prompt, title
from ..base import About, Contents
from ..markdown import moment_of
from . import setting
from .content import as_written, blocks
from .letters import breakable, clean, direction

_PICTURES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/svg+xml": "svg",
}
"""What Typst shows, and the ending by which it tells them."""
_EACH, _ALL = 10_000_000, 50_000_000
"""Bytes of a picture that a page holds, of all its pictures."""
_CHUNK = 1 << 18
_LONGEST_ADDRESS = 2_000
_WORDS = 80
"""Letters of a question in the bookmarks."""


class Pdf:
    ending, mime, beside, slow = ".pdf", "application/pdf", False, True

    def page(self, whole: WholeThread, about: About, files: dict[str, str], contents: Contents) -> Iterator[bytes]:
        with TemporaryDirectory(prefix="threadkeep-pdf-") as name:
            folder = Path(name)
            made = setting.made(folder, _document(whole, about, _Pictures(whole, about.to, contents, folder)))
            with made.open("rb") as file:
                yield from iter(lambda: file.read(_CHUNK), b"")


def _document(whole: WholeThread, about: About, pictures: "_Pictures") -> dict[str, Any]:
    to, thread, found = about.to, whole.thread, Transcript(whole, about.to)
    named = clean(title(whole, to))
    tags = [clean(tag) for tag in thread.tags or () if isinstance(tag, str)]
    return {
        "lang": to,
        "dir": direction(named),
        "title": named,
        "author": clean(one_line(thread.user_identifier or "")),
        "keywords": [each for each in (clean(thread.folder or ""), *tags) if each],
        "at": about.at,
        "about": list(_about(whole, about)),
        "messages": list(_messages(found, to, pictures)),
        "files": pictures.of(found.loose),
        "cut": say("cut", to),
    }


def _about(whole: WholeThread, about: About) -> Iterator[tuple[str, str]]:
    to, thread, spent = about.to, whole.thread, cost(whole)
    told = {
        "author": thread.user_identifier,
        "begun": moment_of(thread.created_at),
        "last": moment_of(thread.last_activity_at),
        "folder": thread.folder,
        "tags": ", ".join(tag for tag in thread.tags or () if isinstance(tag, str)),
        "model": ", ".join(models(whole)),
        "cost": f"{spent} $" if spent else None,
        "system_prompt": system_prompt(whole),
        "exported_at": moment_of(about.at),
    }
    for key, value in told.items():
        if value:
            yield say(key, to), breakable(value)


def _messages(found: Transcript, to: Language, pictures: "_Pictures") -> Iterator[dict[str, Any]]:
    for said in found.said:
        yield _message(said, to, pictures, inside=False)
        if said.others:
            yield {"kind": "title", "title": say("versions", to)}
        for other in said.others:
            yield from _version(other, to, pictures)


def _version(other: Other, to: Language, pictures: "_Pictures") -> Iterator[dict[str, Any]]:
    yield {"kind": "title", "title": say("version", to, n=other.number, at=moment_of(other.at))}
    for said in other.said:
        yield _message(said, to, pictures, inside=True)


def _message(said: Said, to: Language, pictures: "_Pictures", inside: bool) -> dict[str, Any]:
    name = clean(one_line(said.name))
    return {
        "kind": "message",
        "inside": inside,
        "own": said.own,
        "error": bool(said.step.is_error),
        "name": name,
        "moment": moment_of(said.step.created_at),
        "words": clean(one_line(said.text[: 10 * _WORDS]))[:_WORDS] or name,
        "body": blocks(said.text),
        "plain": as_written(said.text),
        "notes": list(_notes(said, to)),
        "files": pictures.of(said.files),
        "sources": [breakable(" ".join(map(one_line, each))) for each in said.sources],
    }


def _notes(said: Said, to: Language) -> Iterator[str]:
    if not said.is_whole:
        yield say("not_whole", to)
    if said.vote is not None:
        sign, told = ("👍", "vote_for") if said.vote.value else ("👎", "vote_against")
        yield breakable(f"{sign} {say(told, to)}" + (f": {said.vote.comment}" if said.vote.comment else ""))


class _Pictures:
    """The pictures that a conversation holds, as files beside what is set; its other files are listed."""

    def __init__(self, whole: WholeThread, to: Language, contents: Contents, folder: Path) -> None:
        self._whole, self._to, self._contents, self._folder = whole, to, contents, folder
        self._left, self._count = _ALL, 0

    def of(self, elements: Iterable[Element]) -> list[dict[str, Any]]:
        return [self._file(element) for element in elements]

    def _file(self, element: Element) -> dict[str, Any]:
        name = breakable(one_line(element.name or "")) or "–"
        made: dict[str, Any] = {"name": name, "picture": None, "note": None, "url": None}
        blob = self._whole.contents.get(element.blob or "")
        ending = _PICTURES.get(element.mime or "")
        if blob is None:
            made["url"] = _followed(element.url)
            made["note"] = None if element.url else say("missing", self._to)
        elif ending is None:
            made["note"] = say("listed", self._to)
        elif blob.size > min(_EACH, self._left):
            made["note"] = say("large", self._to)
        else:
            with suppress(FileNotFoundError):
                made["picture"] = self._copy(blob.name, ending)
            self._left -= blob.size
            made["note"] = say("picture" if made["picture"] else "missing", self._to)
        return made

    def _copy(self, blob: str, ending: str) -> str:
        """Its name. Raises FileNotFoundError."""
        with self._contents.open(blob) as content:
            self._count += 1
            name = f"{self._count}.{ending}"
            with (self._folder / name).open("wb") as file:
                while piece := content.read(_CHUNK):
                    file.write(piece)
        return name


def _followed(url: str | None) -> str | None:
    """None: it is no address of the web."""
    return (
        clean(withheld.address(url)) if url and url.startswith(("https://", "http://")) and len(url) < 2_000 else None
    )
