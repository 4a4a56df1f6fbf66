"""What is done to many conversations at once, and what takes it back.

Always true: a change touches only conversations of the person who asks; what takes a change back names exactly those
that it has changed.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from datalayer import DataLayer, Forbidden, InvalidInput, NotFound, text
from datalayer.records import Thread, now
from datalayer.writes import DeleteThread, RestoreThread, UpdateThread

MOST = 1_000
"""Conversations at once."""
MOST_TAGS = 100
"""Of a conversation."""
_AT_ONCE = 50
Call = Callable[[], Awaitable[Any]]
_Back = tuple[str, tuple[str, ...]]
"""What takes a change back, and with which values."""


@dataclass(frozen=True, slots=True)
class Change:
    """``what`` is done, to ``ids``, with these ``values``: a folder, or tags."""

    what: str
    ids: tuple[str, ...]
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    changed: int = 0
    missing: int = 0
    """Of those that were named: gone, or of somebody else."""
    undo: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kind:
    values: Callable[[Change], dict[str, Any]]
    """What ``UpdateThread`` stores."""
    back: Callable[[Thread, dict[str, Any]], _Back | None]
    """What takes it back for a thread as it was; None: nothing is changed."""


def _flag(name: str, value: Any, other: str) -> _Kind:
    return _Kind(
        lambda _: {name: value},
        lambda was, _: (other, ()) if getattr(was, name) != value else None,
    )


def _folder(change: Change) -> dict[str, Any]:
    return {"folder": text.folder(change.values[0] if change.values else "")}


def _back_to_folder(was: Thread, stored: dict[str, Any]) -> _Back | None:
    return ("move", (was.folder or "",)) if (was.folder or "") != stored["folder"] else None


def _tags(field: str) -> Callable[[Change], dict[str, Any]]:
    def values(change: Change) -> dict[str, Any]:
        if not change.values:
            raise InvalidInput("A tag needs a name")
        if len(change.values) > MOST_TAGS:
            raise InvalidInput(f"A conversation has at most {MOST_TAGS} tags")
        return {field: list(dict.fromkeys(map(text.tag, change.values)))}

    return values


def _back_from_tags(was: Thread, stored: dict[str, Any]) -> _Back | None:
    held = {tag for tag in was.tags or () if isinstance(tag, str)}
    if "tags_added" in stored:
        return ("untag", tuple(added)) if (added := [tag for tag in stored["tags_added"] if tag not in held]) else None
    return ("tag", tuple(gone)) if (gone := [tag for tag in stored["tags_removed"] if tag in held]) else None


_KINDS = {
    "move": _Kind(_folder, _back_to_folder),
    "tag": _Kind(_tags("tags_added"), _back_from_tags),
    "untag": _Kind(_tags("tags_removed"), _back_from_tags),
    "pin": _flag("pinned", True, "unpin"),
    "unpin": _flag("pinned", False, "pin"),
    "archive": _flag("archived", True, "unarchive"),
    "unarchive": _flag("archived", False, "archive"),
    "done": _flag("status", "done", "reopen"),
    "reopen": _flag("status", "open", "done"),
}
CHANGES = frozenset({*_KINDS, "trash", "restore", "purge"})
_UNDOS = CHANGES - {"purge"} | {"unmerge"}


async def apply(layer: DataLayer, identifier: str, user_id: str, change: Change) -> Outcome:
    """Raises DataLayerError: InvalidInput for what cannot be asked for, with nothing changed."""
    if change.what in ("restore", "purge"):
        return await _in_trash(layer, identifier, change)
    threads = await _own(layer, user_id, change.ids)
    if change.what == "trash":
        back: dict[_Back, list[str]] = {("restore", ()): [thread.id for thread in threads]}
        calls = [partial(_delete, layer, identifier, thread.id) for thread in threads]
        return await _made(calls, back, len(set(change.ids)), len(threads))
    if (kind := _KINDS.get(change.what)) is None:
        raise InvalidInput("There is no such action")
    stored = kind.values(change)
    return await _update(layer, identifier, change, threads, kind, stored)


async def _update(
    layer: DataLayer, identifier: str, change: Change, threads: list[Thread], kind: _Kind, stored: dict[str, Any]
) -> Outcome:
    calls, back = list[Call](), dict[_Back, list[str]]()
    for thread in threads:
        if "tags_added" in stored and len({*(thread.tags or ()), *stored["tags_added"]}) > MOST_TAGS:
            raise InvalidInput(f"A conversation has at most {MOST_TAGS} tags")
        if (taken_back := kind.back(thread, stored)) is not None:  # else it is so already
            back.setdefault(taken_back, []).append(thread.id)
            write = UpdateThread(actor=identifier, thread_id=thread.id, at=now(), stored_only=True, **stored)
            calls.append(partial(layer.store.submit, write))
    return await _made(calls, back, len(set(change.ids)), len(threads))


async def _in_trash(layer: DataLayer, identifier: str, change: Change) -> Outcome:
    """What is not in the trash is left alone. Nothing reads what is: the write says whose it is."""
    ids = [each for each in dict.fromkeys(change.ids) if text.is_identifier(each)]
    elsewhere = {thread.id for thread in await _found(layer, ids)}
    ids = [each for each in ids if each not in elsewhere]
    writes = [
        RestoreThread(actor=identifier, thread_id=each, at=now())
        if change.what == "restore"
        else DeleteThread(actor=identifier, thread_id=each, at=(at := now()), trashed_before=at)
        for each in ids
    ]
    back: dict[_Back, list[str]] = {("trash", ()): ids} if change.what == "restore" else {}
    return await _made([partial(layer.store.submit, each) for each in writes], back, len(set(change.ids)), len(ids))


async def _made(calls: Sequence[Call], back: Mapping[_Back, list[str]], named: int, found: int) -> Outcome:
    """``named``: how many conversations were, of which so many were ``found``. Raises the first error but those that
    say that there is nothing to change any more."""
    answers = await asyncio.gather(*(call() for call in calls), return_exceptions=True)
    gone = 0
    for answer in answers:
        if isinstance(answer, (NotFound, Forbidden)):
            gone += 1
        elif isinstance(answer, BaseException):
            raise answer
    undo = tuple(Change(what, tuple(ids), values) for (what, values), ids in back.items() if ids)
    return Outcome(found - gone, named - found + gone, undo if found > gone else ())


async def _delete(layer: DataLayer, identifier: str, thread_id: str) -> None:
    with layer.acting_as(identifier):
        await layer.delete_thread(thread_id)


async def _own(layer: DataLayer, user_id: str, ids: Sequence[str]) -> list[Thread]:
    """Those of the threads that are this user's."""
    known = [each for each in dict.fromkeys(ids) if text.is_identifier(each)]
    return [thread for thread in await _found(layer, known) if thread.user_id == user_id]


async def _found(layer: DataLayer, ids: Sequence[str]) -> list[Thread]:
    found: list[Thread | None] = []
    for start in range(0, len(ids), _AT_ONCE):
        found += await asyncio.gather(*map(layer.store.thread, ids[start : start + _AT_ONCE]))
    return [thread for thread in found if thread is not None]


def to_text(changes: Iterable[Change]) -> str:
    """What ``from_text`` reads."""
    return json.dumps([[change.what, change.values, change.ids] for change in changes], separators=(",", ":"))


def from_text(given: str) -> list[Change]:
    """Raises InvalidInput for what ``to_text`` has not written."""
    try:
        changes = [Change(what, tuple(ids), tuple(values)) for what, values, ids in json.loads(given)]
    except (ValueError, TypeError, RecursionError):
        changes = []
    texts = [part for change in changes for part in (change.what, *change.ids, *change.values)]
    known = all(isinstance(part, str) for part in texts) and all(change.what in _UNDOS for change in changes)
    if not (changes and known) or sum(len(change.ids) for change in changes) > MOST:
        raise InvalidInput("This cannot be undone any more")
    return changes
