"""The files of a conversation, for a model to read and for the formatter to search."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from datalayer import DataLayer, StoreUnavailable, file_url
from datalayer.records import StepFile

from ..models import Attachment, ChatMessage
from ..models.parts import kind
from .formatter import StoredFile
from .textfiles import decode, is_named_text
from .window import MAX_FILE_BYTES

_TEXT = "text/plain"
_SEARCHED = 64 * 1024
"""Bytes that are searched of a file, from its beginning."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that a person has just sent: it is on disk before it is stored."""

    element_id: str
    for_id: str
    name: str
    mime: str | None
    path: Path


async def attach(
    layer: DataLayer, thread_id: str, sent: Sequence[Sent], messages: Mapping[str, ChatMessage]
) -> list[ChatMessage]:
    """``messages``, by id, with the files that were sent with them; the newest ones where they are too many."""
    try:
        stored = await layer.store.thread_files(thread_id)
    except StoreUnavailable:
        stored = []
    found = {file.element_id: (file.for_id, file.name, file.mime, layer.store.blobs.path(file.blob)) for file in stored}
    new = {file.element_id: (file.for_id, file.name, file.mime, file.path) for file in sent}
    return await asyncio.to_thread(_read, list((found | new).values()), messages)


def _read(
    files: Sequence[tuple[str | None, str, str | None, Path]], messages: Mapping[str, ChatMessage]
) -> list[ChatMessage]:
    left, read = MAX_FILE_BYTES, dict(messages)
    for step, name, mime, path in reversed(files):
        message = read.get(step or "")
        if message is None:
            continue
        file = Attachment(name, _TEXT if is_named_text(name, mime or "") else mime or "", b"")
        if kind(file) and (data := _content(path, left)) is not None and (file := _shown(file, data)).mime:
            left -= len(file.data)
        else:
            file = replace(file, mime="")  # named to the model, not shown
        read[step or ""] = replace(message, files=(file, *message.files))
    return list(read.values())


def _shown(file: Attachment, data: bytes) -> Attachment:
    """With its content, text as UTF-8; without a type where it is no text."""
    if kind(file) != "text":
        return replace(file, data=data)
    text = decode(data)
    return replace(file, mime="") if text is None else replace(file, data=text.encode(errors="replace"))


def _content(path: Path, at_most: int) -> bytes | None:
    try:
        return path.read_bytes() if path.stat().st_size <= at_most else None
    except OSError:
        return None


async def searchable(layer: DataLayer, user_id: str) -> list[StoredFile]:
    """The user's latest files, newest first, with the beginning of those that are text."""
    return await asyncio.to_thread(_beginnings, layer, await layer.store.recent_files(user_id))


def _beginnings(layer: DataLayer, files: Iterable[StepFile]) -> list[StoredFile]:
    return [
        StoredFile(
            file.name, file_url(file.element_id, file.blob), _beginning(layer, file), file.thread_id, file.thread_name
        )
        for file in files
    ]


def _beginning(layer: DataLayer, file: StepFile) -> str:
    if not is_named_text(file.name, file.mime or ""):
        return ""
    try:
        with layer.store.blobs.path(file.blob).open("rb") as content:
            return decode(content.read(_SEARCHED)) or ""
    except OSError:
        return ""
