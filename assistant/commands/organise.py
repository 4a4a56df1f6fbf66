"""``/pin``, ``/archive``, ``/done``, ``/tag`` and ``/folder``: where the conversation at hand is kept."""

import re
from typing import Any

from datalayer import InvalidInput, text
from datalayer.records import Thread, now
from datalayer.reports import Facets
from datalayer.text import fold
from datalayer.writes import UpdateThread

from ..texts import Language, say
from ..texts.markdown import escape
from .asked import Asked, Reply

_SHOWN = 30
"""Folders or tags."""
_MOST = 100
"""Tags of a conversation."""
_NONE = ("/", "-")
"""What takes a conversation out of its folder."""


def place(thread: Thread, to: Language) -> list[str]:
    """Where a conversation is kept, as far as it is anywhere, in Markdown."""
    states = (("pinned", thread.pinned), ("archived", thread.archived), ("done", thread.status == "done"))
    told = [say(key, to) for key, has in states if has]
    return [*told, *([say("in_folder", to, folder=escape(thread.folder))] if thread.folder else [])]


async def pin(asked: Asked) -> Reply:
    """A second time takes it back."""
    pinned = not asked.thread.pinned
    await _store(asked, pinned=pinned)
    return Reply(say("pin_on" if pinned else "pin_off", asked.to), moved=True)


async def archive(asked: Asked) -> Reply:
    """A second time takes it back."""
    archived = not asked.thread.archived
    await _store(asked, archived=archived)
    return Reply(say("archive_on" if archived else "archive_off", asked.to), moved=True)


async def done(asked: Asked) -> Reply:
    """A second time takes it back."""
    is_done = asked.thread.status != "done"
    await _store(asked, status="done" if is_done else "open")
    return Reply(say("done_on" if is_done else "done_off", asked.to))


async def tag(asked: Asked) -> Reply:
    """Those after a minus sign are removed."""
    to, stored = asked.to, [each for each in asked.thread.tags or () if isinstance(each, str)]
    parts = [part.strip() for part in re.split("[,;，、\\n]", asked.words) if part.strip(" -")]
    if not parts:
        others = [name for name in (await _facets(asked)).tags if name not in stored]
        told = say("tags_here", to, tags=_listed(stored)) if stored else say("tags_none", to)
        known = [say("tags_known", to, tags=_listed(others))] if others else []
        return Reply("\n\n".join([told, *known, say("tag_how", to)]))
    try:
        names = [text.tag(part.removeprefix("-")) for part in parts]
    except InvalidInput:
        return Reply(say("tag_bad", to, most=text.TAG_LENGTH))
    gone = {fold(name) for name, part in zip(names, parts, strict=True) if part.startswith("-")}
    removed = [each for each in stored if fold(each) in gone]
    stored_as = set(map(fold, stored))
    added = [name for name, part in zip(names, parts, strict=True) if not part.startswith("-")]
    added = [each for each in added if fold(each) not in stored_as]
    if len(stored) + len(added) > _MOST:
        return Reply(say("tag_many", to, most=_MOST))
    await _store(asked, tags_added=added, tags_removed=removed)
    tags = [each for each in stored if each not in removed] + [each for each in added if each not in removed]
    if not tags:
        return Reply(say("tags_gone", to))
    return Reply(say("tags_here", to, tags=_listed(list(dict.fromkeys(tags)))))


async def folder(asked: Asked) -> Reply:
    to, before = asked.to, asked.thread.folder
    if not asked.words.strip():
        here = say("folder_here", to, folder=escape(before)) if before else say("folder_none", to)
        folders = (await _facets(asked)).folders
        known = [f"- {escape(path)} ({count})" for path, count in list(folders.items())[:_SHOWN]]
        return Reply("\n\n".join([here, *(["\n".join(known)] if known else []), say("folder_how", to)]))
    try:
        path = text.folder("" if asked.words.strip() in _NONE else asked.words)
    except InvalidInput:
        return Reply(say("folder_bad", to, deep=text.FOLDER_DEPTH, most=text.ID_LENGTH))
    await _store(asked, folder=path)
    back = say("folder_back", to, folder=before or "/") if (before or "") != path else ""
    moved = say("folder_moved", to, folder=escape(path)) if path else say("folder_left", to)
    return Reply(f"{moved} {back}".rstrip())


async def _store(asked: Asked, **values: Any) -> None:
    write = UpdateThread(actor=asked.actor, thread_id=asked.thread.id, at=now(), stored_only=True, **values)
    await asked.services.layer.store.submit(write)


async def _facets(asked: Asked) -> Facets:
    return await asked.services.layer.store.facets(asked.user)


def _listed(tags: list[str]) -> str:
    return ", ".join(f"**{escape(each)}**" for each in tags[:_SHOWN]) + ("…" if len(tags) > _SHOWN else "")
