"""Files are taken in before their question is answered, with a step that shows how far it is, and a sentence for each
that is none of the context."""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.utils import utc_now

from datalayer import DataLayer, DataLayerError
from datalayer.passages import ContextFile
from datalayer.records import Thread, now
from datalayer.writes import VISITOR, Actor

from ..marks import forgets, of_command
from ..retrieval.extract import READER, can_read, read
from ..retrieval.extract import close as end_reader
from ..texts import say
from ..turns.history import forgotten
from ..turns.shelves import InMemory, Stored, leave_out
from ..turns.taking_in import TakingIn
from . import temporary
from .conversation import UNKNOWN, Held
from .reading_step import Progress, file_name, of_new
from .session import session_language, state_of

_WAIT = 20.0
"""Seconds that an answer waits for files; then it goes on with what there is, and they are read on."""
_LOOKS = 1_000
_MESSAGES = 2_000
COMMAND = "files"
"""What messages that tell of files are marked with: they are none of a model's business."""


_taking_in = TakingIn(read)


async def close() -> None:
    """What was not read yet is taken in with the next question."""
    await _taking_in.close()
    await end_reader()


async def take_in(asked: cl.Message, thread: Thread | None, layer: DataLayer, new: bool) -> Held:
    """The files of the conversation, once what is new of them was read, or a while has passed. ``new``: the question is
    asked for the first time."""
    try:
        shelf: Stored | InMemory = await _shelf(asked, thread, layer)
        listed = await shelf.files()
        if isinstance(shelf, Stored) and (early := await _forgotten(asked, listed, layer)):
            await leave_out(layer.store, _actor(), asked.thread_id, early)
            listed = await shelf.files()
        todo = [file for file in listed if _is_to_read(file)]
        sent = {element.id for element in asked.elements or []} if new else set[str]()
        known = [file for file in listed if file.element_id in sent and file not in todo and file.status != "waiting"]
        if todo or known:
            await _read(todo, known, shelf, layer)
            listed = await shelf.files()
        if new and asked.elements:
            await tell(of_new(listed, {element.id for element in asked.elements}, session_language()))
    except DataLayerError:  # which is logged: the answer goes on without
        return UNKNOWN
    return Held(shelf, listed)


def _is_to_read(file: ContextFile) -> bool:
    if file.superseded or not can_read(file.name, file.mime):
        return False
    return file.status == "waiting" or file.reader != READER


async def _forgotten(asked: cl.Message, files: Sequence[ContextFile], layer: DataLayer) -> list[str]:
    """Files that nobody has taken in, of what their author had forgotten before there was this."""
    new = {element.id for element in asked.elements or []}
    waiting = [file for file in files if file.status == "waiting" and file.element_id not in new]
    if not waiting:
        return []
    messages = await layer.store.thread_messages(asked.thread_id, limit=_MESSAGES)
    before = {message.id for message in messages[: forgotten(messages)]}
    return [file.element_id for file in waiting if file.for_id in before]


def _actor() -> Actor:
    session = cl.context.session
    return session.user.identifier if session.user else VISITOR


# Where they are


async def _shelf(asked: cl.Message, thread: Thread | None, layer: DataLayer) -> Stored | InMemory:
    if temporary.here():
        return await _of_session(asked.thread_id)
    if thread is None or (await layer.health())["state"] != "ok":
        shelf = InMemory(asked.thread_id)  # what is attached now is on disk, whatever the database does
        await _list(shelf, [asked])
        return shelf
    for _ in range(_LOOKS):
        # Chainlit hands the files of a message over in a task of its own; from then on the store waits for them.
        if all(element.persisted for element in asked.elements or []):
            break
        await asyncio.sleep(0.01)
    return Stored(layer.store, asked.thread_id)


async def _of_session(thread_id: str) -> InMemory:
    state, said = state_of(cl.context.session), chat_context.get()
    shelf = state.shelf = state.shelf or InMemory(thread_id)
    cleared = next((n for n in range(len(said), 0, -1) if forgets(said[n - 1].metadata)), 0)
    await _list(shelf, said[cleared:])
    return shelf


async def held() -> Sequence[ContextFile]:
    """The files of the session's temporary conversation, as far as they are read."""
    return await (await _of_session(cl.context.session.thread_id)).files()


async def _list(shelf: InMemory, messages: Sequence[cl.Message]) -> None:
    """Puts the files of the messages on the shelf, and takes away those whose messages are gone."""
    found = {
        element.id: (element, message)
        for message in messages
        for element in message.elements or []
        if isinstance(element.path, str)
    }
    for key in {file.element_id for file in await shelf.files()} - set(found):
        shelf.drop(key)
    for element, message in found.values():
        with suppress(OSError):  # it was removed from the session's folder
            sha256, size = await asyncio.to_thread(_weighed, Path(str(element.path)))
            shelf.add(_file(element, message, sha256, size))


def _file(element: Any, message: cl.Message, sha256: str, size: int) -> ContextFile:
    what = {"element_id": element.id, "for_id": message.id, "name": element.name, "mime": element.mime, "size": size}
    unread: dict[str, Any] = {"reader": None, "refused": None, "pages": None, "passages": 0, "cut": False}
    return ContextFile(
        **what, **unread, sha256=sha256, blob=element.path, created_at=now(), status="waiting", superseded=False
    )


def _weighed(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


@asynccontextmanager
async def _on_disk(layer: DataLayer, file: ContextFile) -> AsyncIterator[Path]:
    """A copy of stored content, which may be in a bucket and may be removed meanwhile."""
    with tempfile.TemporaryDirectory(prefix="threadkeep-") as folder:
        path = Path(folder) / "file"
        await layer.store.with_files(_copy, layer, file.blob, path)
        yield path


def _copy(layer: DataLayer, blob: str, to: Path) -> None:
    with layer.store.blobs.open(blob) as source, to.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)


@asynccontextmanager
async def _as_it_lies(file: ContextFile) -> AsyncIterator[Path]:
    yield Path(file.blob)


# Reading them


async def _read(
    files: Sequence[ContextFile], known: Sequence[ContextFile], shelf: Stored | InMemory, layer: DataLayer
) -> None:
    """``known``: what has been read before, here or elsewhere. It looks as if it were read now: whether somebody else
    has the same is nobody's business."""
    progress = Progress([*known, *files], session_language())
    await progress.show()
    try:
        for file in known:
            progress.note(file, file.refused, file.pages, file.passages, file.cut)
        if isinstance(shelf, InMemory):
            left = await _taking_in.take(files, str(id(shelf)), _as_it_lies, shelf.keep, progress.told, _WAIT)
        else:
            keep, on_disk = layer.store.keep_text, partial(_on_disk, layer)
            left = await _taking_in.take(files, "", on_disk, keep, progress.told, _WAIT)
    finally:
        await progress.end()
    await tell([*progress.sentences, *(say("file_waiting", progress.to, name=file_name(file)) for file in left)])


async def tell(sentences: Sequence[str]) -> None:
    """In the chat, beside the answer, for nobody but the person."""
    if not sentences:
        return
    message = cl.Message("\n\n".join(sentences), metadata=of_command(COMMAND), created_at=utc_now())
    await message.send()
