"""What a command, or another page, adds to the files of a conversation and takes from them, on all its screens."""

import logging
import shutil
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import chainlit as cl
from chainlit.element import Element

from datalayer import DataLayer, DataLayerError
from datalayer.records import StepFile, now
from datalayer.writes import VISITOR, UpsertElement

from ..commands.asked import Reply
from . import citing, live

logger = logging.getLogger("assistant")


async def bring(answer: Reply, shown: cl.Message, layer: DataLayer) -> None:
    """``shown``: the stored reply, which the files belong to from then on."""
    for key in answer.gone:
        await cl.context.emitter.emit("remove_element", {"id": key})
    for key in answer.shows:
        await _show(key, layer)
    if answer.cited_anew:
        with suppress(DataLayerError):  # a page that is loaded anew shows it
            for page in await citing.pages_as_now(cl.context.session.thread_id, layer):
                await cl.context.emitter.emit("element", page)
    for file in answer.adds:
        try:
            await _copy(file, shown, layer)
        except (DataLayerError, OSError) as error:
            logger.warning("a file is not added: %s", type(error).__name__)


async def _copy(file: StepFile, shown: cl.Message, layer: DataLayer) -> None:
    """The content is put once more, and found to be there: what it is copied from may be removed at this moment."""
    session = cl.context.session
    kind = Element.infer_type_from_mime(file.mime or "")
    write = UpsertElement(
        actor=session.user.identifier if session.user else VISITOR,
        thread_id=session.thread_id,
        id=str(uuid.uuid4()),
        at=now(),
        values={"for_id": shown.id, "name": file.name, "mime": file.mime, "type": kind, "display": "inline"},
    )
    with tempfile.TemporaryDirectory(prefix="threadkeep-") as folder:
        path = Path(folder) / "file"
        await layer.store.with_files(_fetch, layer, file.blob, path)
        await layer.store.submit(write, path)
    await _show(write.id, layer)


async def _show(key: str, layer: DataLayer) -> None:
    with suppress(DataLayerError):  # a page that is loaded anew shows it
        if (element := await layer.get_element(cl.context.session.thread_id, key)) is not None:
            await cl.context.emitter.send_element(element)


def _fetch(layer: DataLayer, blob: str, to: Path) -> None:
    with layer.store.blobs.open(blob) as source, to.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)


async def changed(layer: DataLayer, identifier: str, thread_id: str, element_id: str) -> None:
    """Another page has brought a file to the conversation, or taken it out: see ``library.mount``."""
    if (room := live.find(identifier, thread_id)) is None:
        return
    with suppress(DataLayerError):  # a page that is loaded anew shows it
        element: Any = await layer.get_element(thread_id, element_id)
        event = "element" if element else "remove_element"
        room.say(event, {"id": element_id})
        await live.tell(room.others(), event, element or {"id": element_id})
        for page in await citing.pages_as_now(thread_id, layer):
            await live.tell(room.others(), "element", page)
