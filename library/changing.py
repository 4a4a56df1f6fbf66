"""What is done to many conversations at once, and what takes it back.

Always true: a change touches only conversations of the person who asks; what takes a change back names exactly those
that it has changed, and leaves alone those that are no longer as it has left them.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from datalayer import DataLayer, Forbidden, InvalidInput, NotFound, text
from datalayer.records import Thread, now
from datalayer.text import fold
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
    """What takes a move back has two: where to, and the folder in which it must still find what it moves."""
    undoes: bool = False
    """Takes another one back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    changed: int = 0
    missing: int = 0
    """Of those that were named: gone, or of somebody else."""
    already: int = 0
    """So already."""
    since: int = 0
    """Left alone, because changed since."""
    empty: int = 0
    """Not merged, because nothing was said there."""
    undo: tuple[Change, ...] = ()


Ready = Callable[[], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class _Step:
    """What is done to the conversation ``id``. ``back`` None: nothing takes it back."""

    id: str
    call: Call
    back: _Back | None


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
    return ("move", (was.folder or "", stored["folder"])) if (was.folder or "") != stored["folder"] else None


def _tags(field: str) -> Callable[[Change], dict[str, Any]]:
    def values(change: Change) -> dict[str, Any]:
        if not change.values:
            raise InvalidInput("A tag needs a name")
        if len(change.values) > MOST_TAGS:
            raise InvalidInput(f"A conversation has at most {MOST_TAGS} tags")
        return {field: list(dict.fromkeys(map(text.tag, change.values)))}

    return values


def _spelled(was: Thread, stored: dict[str, Any]) -> dict[str, Any]:
    """``stored`` with tags as they are spelled already: case and accents make no other one."""
    held = {tag: fold(tag) for tag in was.tags or () if isinstance(tag, str)}
    if "tags_added" in stored:
        added = {fold(tag): tag for tag in reversed(stored["tags_added"]) if fold(tag) not in held.values()}
        return {"tags_added": list(reversed(added.values()))}
    if "tags_removed" in stored:
        removed = set(map(fold, stored["tags_removed"]))
        return {"tags_removed": [tag for tag, folded in held.items() if folded in removed]}
    return stored


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


async def ready(layer: DataLayer, identifier: str, user_id: str, change: Change) -> Ready:
    """What makes the change, once all is checked. Raises DataLayerError: InvalidInput for what cannot be asked for."""
    if change.what in ("restore", "purge"):
        steps, counted = await _in_trash(layer, identifier, user_id, change)
        return partial(_made, steps, counted)
    threads = await _own(layer, user_id, change.ids)
    missing = Outcome(missing=len(set(change.ids)) - len(threads))
    if change.what == "trash":
        deleted = [_Step(each.id, partial(_delete, layer, identifier, each.id), ("restore", ())) for each in threads]
        return partial(_made, deleted, missing)
    if (kind := _KINDS.get(change.what)) is None:
        raise InvalidInput("There is no such action")
    steps, counted = _updates(layer, identifier, change, threads, kind)
    return partial(_made, steps, replace(counted, missing=missing.missing))


def _updates(
    layer: DataLayer, identifier: str, change: Change, threads: list[Thread], kind: _Kind
) -> tuple[list[_Step], Outcome]:
    values, steps, since = kind.values(change), list[_Step](), 0
    for thread in threads:
        stored = values if change.undoes else _spelled(thread, values)
        if len({*(thread.tags or ()), *stored.get("tags_added", ())}) > MOST_TAGS and "tags_added" in stored:
            raise InvalidInput(f"A conversation has at most {MOST_TAGS} tags")
        if (back := kind.back(thread, stored)) is None:  # it is so already
            continue
        if change.what == "move" and change.undoes and change.values[1:] != (thread.folder or "",):
            since += 1
            continue
        write = UpdateThread(actor=identifier, thread_id=thread.id, at=now(), stored_only=True, **stored)
        steps.append(_Step(thread.id, partial(layer.store.submit, write), back))
    return steps, Outcome(already=len(threads) - len(steps) - since, since=since)


async def _in_trash(layer: DataLayer, identifier: str, user_id: str, change: Change) -> tuple[list[_Step], Outcome]:
    """What is not in the trash is left alone. Nothing reads what is: the write says whose it is."""
    ids = [each for each in dict.fromkeys(change.ids) if text.is_identifier(each)]
    elsewhere = {thread.id: thread.user_id for thread in await _found(layer, ids)}
    own = sum(owner == user_id for owner in elsewhere.values())
    writes = [
        RestoreThread(actor=identifier, thread_id=each, at=now())
        if change.what == "restore"
        else DeleteThread(actor=identifier, thread_id=each, at=(at := now()), trashed_before=at)
        for each in ids
        if each not in elsewhere
    ]
    back: _Back | None = ("trash", ()) if change.what == "restore" else None
    steps = [_Step(write.thread_id, partial(layer.store.submit, write), back) for write in writes]
    return steps, Outcome(missing=len(set(change.ids)) - len(steps) - own, already=own)


async def _made(steps: Sequence[_Step], counted: Outcome) -> Outcome:
    """``counted``: those for which there is no step. Raises the first error but those that say that a conversation has
    been changed since it was read."""
    answers = await asyncio.gather(*(step.call() for step in steps), return_exceptions=True)
    gone, since, back = 0, 0, dict[_Back, list[str]]()
    for step, answer in zip(steps, answers, strict=True):
        if isinstance(answer, (NotFound, Forbidden)):
            gone += 1
        elif isinstance(answer, InvalidInput):
            since += 1
        elif isinstance(answer, BaseException):
            raise answer
        elif step.back is not None:
            back.setdefault(step.back, []).append(step.id)
    undo = tuple(Change(what, tuple(ids), values, undoes=True) for (what, values), ids in back.items())
    return replace(
        counted,
        changed=len(steps) - gone - since,
        missing=counted.missing + gone,
        since=counted.since + since,
        undo=undo,
    )


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
        changes = [Change(what, tuple(ids), tuple(values), undoes=True) for what, values, ids in json.loads(given)]
    except (ValueError, TypeError, RecursionError):
        changes = []
    texts = [part for change in changes for part in (change.what, *change.ids, *change.values)]
    known = all(isinstance(part, str) for part in texts) and all(change.what in _UNDOS for change in changes)
    if not (changes and known) or sum(len(change.ids) for change in changes) > MOST:
        raise InvalidInput("This cannot be undone any more")
    return changes
