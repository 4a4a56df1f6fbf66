"""What the files of a conversation have for one question: the passages that are about it, or all of small files."""

import asyncio
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from datalayer.passages import ContextFile, FoundPassage, Passage
from datalayer.search.stems import tells
from datalayer.text import fold

from ..models.base import ChatMessage
from .sources import NOTHING, Context, Part

_FOUND = 40
"""Passages that are looked for; a window holds fewer, most often."""
_AROUND = 3
"""The best ones, whose neighbours come with them."""
_WHOLE = 60
"""Passages of all files together up to which they come whole, where a window has room: about 15,000 words."""
_ASKED_BEFORE = 2
"""Questions that the last one may go on with."""
_MOST_NAMED, _BEGINNING, _LONG = 5, 20, 4
"""Files that are meant by their names, passages of the beginning of each, and letters of a name without its ending."""
NATIVE_PAGES, NATIVE_BYTES = 20, 4_000_000
"""Of a PDF up to which a model that sees PDFs is shown its pages, beside its passages."""


class Shelf(Protocol):
    """The files of one conversation, wherever they are kept. All methods raise DataLayerError."""

    async def files(self) -> Sequence[ContextFile]:
        """Those of the context, oldest first."""

    async def find(
        self, question: str, before: Sequence[str], limit: int, elements: Collection[str]
    ) -> Sequence[FoundPassage]:
        """The passages that are most about ``question``, the best first. ``before``: what was asked before it."""

    async def read(self, element_id: str, first: int, last: int) -> Sequence[Passage]:
        """The passages with these numbers, both included, as far as the file has them; the first is 1."""


async def context_of(shelf: Shelf, files: Sequence[ContextFile], messages: Sequence[ChatMessage]) -> Context:
    """What ``files`` of ``shelf`` have for the last of ``messages``. Raises DataLayerError."""
    now = [file for file in files if not file.superseded]
    answering, unread = [file for file in now if file.status == "read"], _unread(now)
    if not answering:
        return Context(unread=unread) if unread else NOTHING
    before = _asked_before(messages)
    by_id = {file.element_id: file for file in answering}
    found = await _about(shelf, by_id, messages[-1].text, before)
    near = [_read(shelf, by_id[each.element_id], each.number - 1) for each in found[:_AROUND]]
    around = [part for some in await asyncio.gather(*near) for part in some]
    whole = sum(file.passages for file in answering) <= _WHOLE
    count = _WHOLE if whole else 0 if found else _AROUND  # "sum it up" has no word of a file: how it begins tells most
    missing = [file for file in reversed(answering) if count and not _is_whole(file, found)]
    rest = [part for some in await asyncio.gather(*(_read(shelf, file, 1, count) for file in missing)) for part in some]
    parts = {part.key: part for part in (*found, *around, *rest)}
    cut = tuple(dict.fromkeys(file.name for file in answering if file.cut))
    names = tuple(file.name for file in answering)
    return Context(tuple(parts.values()), len(found), unread, not whole or bool(cut), names, cut)


@dataclass(frozen=True, slots=True)
class Quotes:
    """What is quoted without a model."""

    parts: Sequence[Part]
    """The best first."""
    asked: str
    """What they are about."""
    before: bool = False
    """Nothing is about the question itself: they are about what was asked before it."""


async def quotes(
    context: Context, shelf: Shelf, files: Sequence[ContextFile], messages: Sequence[ChatMessage]
) -> Quotes:
    """What ``files`` have for the last of ``messages`` alone; else for those before it, which tell a model what it is
    about. ``context``: what ``context_of`` these has come to. Raises DataLayerError."""
    question, before, found = messages[-1].text, _asked_before(messages), context.parts[: context.found]
    if not before or not found:
        return Quotes(found, question)
    by_id = {file.element_id: file for file in files if file.status == "read" and not file.superseded}
    alone = await _about(shelf, by_id, question, ()) if tells(question) else await _named_parts(shelf, by_id, question)
    return Quotes(alone, question) if alone else Quotes(found, "\n".join(before), before=True)


def _asked_before(messages: Sequence[ChatMessage]) -> list[str]:
    return [message.text for message in messages[:-1] if message.role == "user"][-_ASKED_BEFORE:]


async def _about(shelf: Shelf, files: Mapping[str, ContextFile], question: str, before: Sequence[str]) -> list[Part]:
    """The best first; those of files that the question names before all others, and then how these files begin."""
    best = await shelf.find(question, before, _FOUND, files.keys())
    found = [_part(files[each.element_id], each.number, each) for each in best]
    begin = await _named_parts(shelf, files, question)
    named = {part.element_id for part in begin}
    of_named = [part for part in found if part.element_id in named]
    return list({part.key: part for part in (*of_named, *begin, *found)}.values())


async def _named_parts(shelf: Shelf, files: Mapping[str, ContextFile], question: str) -> list[Part]:
    """How the files begin that the question names."""
    named = _named(question, files.values())
    return list(chain.from_iterable(await asyncio.gather(*(_read(shelf, files[key], 1, _BEGINNING) for key in named))))


def _named(question: str, files: Iterable[ContextFile]) -> dict[str, None]:
    """Ids of the files that the question calls by their name, with or without its ending."""
    asked = fold(question)
    found = (file.element_id for file in files if _is_in(asked, fold(file.name)))
    return dict.fromkeys(list(found)[:_MOST_NAMED])


def _is_in(asked: str, name: str) -> bool:
    alone = name.rpartition(".")[0]
    return name in asked or (len(alone) >= _LONG and re.search(rf"(?<!\w){re.escape(alone)}(?!\w)", asked) is not None)


def _is_whole(file: ContextFile, parts: Sequence[Part]) -> bool:
    return sum(part.element_id == file.element_id for part in parts) >= file.passages


async def _read(shelf: Shelf, file: ContextFile, first: int, count: int = 3) -> list[Part]:
    first = max(first, 1)
    read = await shelf.read(file.element_id, first, first + count - 1)
    return [_part(file, number, each) for number, each in enumerate(read, first)]


def _part(file: ContextFile, number: int, said: FoundPassage | Passage) -> Part:
    return Part(file.element_id, file.name, file.sha256, number, said.place, said.text)


def is_native(file: ContextFile, kind: str) -> bool:
    """Whether a model that can is shown the file itself. ``kind``: as ``models.parts.kind``.

    A picture is. A small PDF is, because a page shows more than its text; so is one whose text cannot be had.
    """
    if kind in ("image", "gif") or file.refused == "not_text":
        return True
    if kind != "pdf" or file.refused not in (None, "scanned"):
        return False
    small = file.size <= NATIVE_BYTES and (file.pages or 1) <= NATIVE_PAGES
    return file.status != "read" or (small and not file.superseded)


def _unread(files: Sequence[ContextFile]) -> dict[str, str]:
    """Names of files of which a model is shown nothing, and why."""
    told = {file.name: _WHY.get(file.refused or "waiting", "it cannot be read") for file in files if _is_unread(file)}
    return dict(list(told.items())[-_NAMED:])


def _is_unread(file: ContextFile) -> bool:
    seen = (file.mime or "").startswith(("image/", "audio/", "video/")) or file.refused in ("scanned", "not_text")
    return file.status != "read" and not seen


_NAMED = 20
_WHY = {
    "waiting": "it is still being read; say so where it matters",
    "encrypted": "it is protected by a password, and cannot be read",
    "broken": "it is damaged, and cannot be read",
    "empty": "it has no text",
    "too_large": "it is too large to be read",
    "too_slow": "reading it took too long",
    "old_format": "it is in a format of Office from before 2007, which is not read here",
}
