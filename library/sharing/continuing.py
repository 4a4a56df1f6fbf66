"""A shared conversation is gone on with by its reader, in a conversation of his own.

Always true: that one holds what the link shows, and nothing that tells where it comes from: no settings, no metadata,
no id of the other.
"""

from dataclasses import replace
from typing import Any

from chainlit.config import config

from datalayer import InvalidInput, Store, forks
from datalayer.records import Element, Step, Thread
from datalayer.shares import Shared

from ..asking import Person
from . import shown
from .shown import Said


async def go_on(store: Store, found: Shared, who: Person, once: str, storage: int | None) -> str:
    """The id of the conversation. ``once``: what is asked twice with the same is made once. ``storage``: bytes that
    the files of one person may take; None: as many as they like. Raises DataLayerError: InvalidInput where there is no
    room for the files."""
    share = found.share
    messages, _ = await shown.said(store, found)
    size = sum(file.size for each in messages for file in each.files)
    if storage is not None and size and (await store.stored_files(who.id)).bytes + size > storage:
        raise InvalidInput("There is no room for the files")
    steps = [_step(share.thread_id, each, who) for each in messages]
    files = [await _file(store, share.thread_id, each.id, file.id) for each in messages for file in each.files]
    origin = Thread(share.thread_id, None, None, None, {}, None, 0, 0)
    write = forks.fork(
        who.identifier,
        origin,
        steps,
        [file for file in files if file is not None],
        shown.name(found),
        fork_id=f"{share.id} {who.id} {once}",
    )
    await store.submit(replace(write, values=write.values | {"metadata": {}, "name": shown.name(found) or None}))
    return str(write.thread_id)


def _step(thread_id: str, said: Said, who: Person) -> Step:
    blank: dict[str, Any] = dict.fromkeys(Step._fields)
    known = {
        "type": "user_message" if said.own else "assistant_message",
        "name": who.identifier if said.own else config.ui.name,
        "output": said.text,
        "streaming": False,
        "is_error": False,
        "status": "complete" if said.whole else "interrupted",
        **dict.fromkeys(("created_at", "start", "end"), said.at),
    }
    return Step(**blank | {"id": said.id, "thread_id": thread_id} | known)


async def _file(store: Store, thread_id: str, step_id: str, element_id: str) -> Element | None:
    element = await store.element(thread_id, element_id)
    if element is None:
        return None
    blank: dict[str, Any] = dict.fromkeys(Element._fields)
    kept = {name: getattr(element, name) for name in ("type", "name", "display", "size", "language", "mime", "blob")}
    return Element(**blank | kept | {"id": element_id, "thread_id": thread_id, "for_id": step_id})
