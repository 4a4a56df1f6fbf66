"""The files of a conversation, for a model to read and for the formatter to search."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BufferedIOBase
from pathlib import Path

from datalayer import DataLayer, StoreUnavailable, file_url
from datalayer.passages import ContextFile
from datalayer.records import StepFile

from ..models import Attachment, ChatMessage
from ..models.parts import kind
from ..retrieval.textfiles import decode, is_named_text
from .context import is_native
from .window import MAX_FILE_BYTES

_TEXT = "text/plain"
_SEARCHED = 64 * 1024
"""Bytes that are searched of a file, from its beginning."""

Open = Callable[[], BufferedIOBase]


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that a person has just sent: it is on disk before it is stored."""

    element_id: str
    for_id: str
    name: str
    mime: str | None
    path: Path


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the user's."""

    element_id: str
    name: str
    url: str
    """Where it is served."""
    text: str
    """What can be read of its beginning, "": nothing."""
    thread_id: str
    thread_name: str | None


async def attach(
    layer: DataLayer,
    thread_id: str,
    sent: Sequence[Sent],
    messages: Mapping[str, ChatMessage],
    known: Mapping[str, ContextFile] | None,
) -> list[ChatMessage]:
    """``messages``, by id, with the files that were sent with them, as far as a model sees them; the newest ones where
    they are too many. ``known``: the files of the conversation's context, by the ids of their elements; None:
    nobody can tell. What was read of them is no part of this (``context.py``)."""
    try:
        stored = await layer.store.thread_files(thread_id)
    except StoreUnavailable:
        stored = []
    opens = layer.store.blobs.open
    found = {file.element_id: (file.for_id, file.name, file.mime, partial(opens, file.blob)) for file in stored}
    new = {file.element_id: (file.for_id, file.name, file.mime, partial(_open, file.path)) for file in sent}
    every = (found | new).items()
    shown = [each for key, each in every if known is None or _is_shown(known.get(key), each[1], each[2])]
    return await layer.store.with_files(_read, shown, messages)


def _is_shown(file: ContextFile | None, name: str, mime: str | None) -> bool:
    """``file`` None: it is none of the context."""
    what = kind(Attachment(name, _TEXT if is_named_text(name, mime or "") else mime or "", b""))
    return file is not None and is_native(file, what)


def _read(
    files: Sequence[tuple[str | None, str, str | None, Open]], messages: Mapping[str, ChatMessage]
) -> list[ChatMessage]:
    left, read = MAX_FILE_BYTES, dict(messages)
    for step, name, mime, opens in reversed(files):
        message = read.get(step or "")
        if message is None:
            continue
        file = Attachment(name, _TEXT if is_named_text(name, mime or "") else mime or "", b"")
        try:
            data = _content(opens, left) if left and kind(file) else None
        except StoreUnavailable:
            data, left = None, 0  # the others would be waited for as long
        if data is not None and (file := _shown(file, data)).mime:
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


def _open(path: Path) -> BufferedIOBase:
    return path.open("rb")


def _content(opens: Open, at_most: int) -> bytes | None:
    try:
        with opens() as file:
            if file.seek(0, os.SEEK_END) > at_most:
                return None
            file.seek(0)
            return file.read()
    except OSError:
        return None


async def searchable(layer: DataLayer, user_id: str) -> list[StoredFile]:
    """The user's latest files, newest first, with the beginning of those that are text."""
    return await layer.store.with_files(_beginnings, layer, await layer.store.recent_files(user_id))


def _beginnings(layer: DataLayer, files: Iterable[StepFile]) -> list[StoredFile]:
    found, away = [], False
    for file in files:
        try:
            text = "" if away else _beginning(layer, file)
        except StoreUnavailable:
            text, away = "", True  # the others would be waited for as long
        url = file_url(file.element_id, file.blob)
        found.append(StoredFile(file.element_id, file.name, url, text, file.thread_id, file.thread_name))
    return found


def _beginning(layer: DataLayer, file: StepFile) -> str:
    if not is_named_text(file.name, file.mime or ""):
        return ""
    try:
        with layer.store.blobs.open(file.blob) as content:
            return decode(content.read(_SEARCHED)) or ""
    except OSError:
        return ""
