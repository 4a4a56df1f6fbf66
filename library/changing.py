"""What is done to conversations, and what takes it back.

Always true: a change touches only conversations of the person who asks, and only where they still are as they were
read; what takes a change back names exactly those that it has changed, and leaves alone those that are no longer as it
has left them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from datalayer import DataLayer, Forbidden, InvalidInput, NotFound, text
from datalayer.records import Thread, now
from datalayer.writes import DeleteThread, RestoreThread, TrashThread, UpdateThread, Write

from .kinds import KINDS, MOST_TAGS, Back, Kind, spelled

MOST = 1_000
"""Conversations that a form can name."""
CHANGES = frozenset({*KINDS, "trash", "restore", "purge"})


@dataclass(frozen=True, slots=True)
class Change:
    """``what`` is done, to ``ids``, with these ``values``: a folder, or tags."""

    what: str
    ids: tuple[str, ...]
    values: tuple[str, ...] = ()
    """What takes another one back has more: for a move the folder in which it must still find what it moves; when that
    was put into the trash, or taken out of it, in UTC microseconds."""
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
    full: int = 0
    """Left alone, because it would have too many tags."""
    undo: tuple[Change, ...] = ()

    def __add__(self, other: "Outcome") -> "Outcome":
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return Outcome(**counts, undo=self.undo + other.undo)


NOTHING = Outcome()
COUNTS = ("changed", "missing", "already", "since", "empty", "full")


@dataclass(frozen=True, slots=True)
class _Step:
    """``back`` None: nothing takes it back."""

    write: Write
    back: Back | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written, and what is known before."""

    layer: DataLayer
    steps: list[_Step] = field(default_factory=list)
    counted: Outcome = NOTHING
    """Those for which there is no step."""
    deletes: bool = False
    """Whoever has one of them open is told that it is deleted."""

    def undo(self, without: Sequence[_Step] = ()) -> tuple[Change, ...]:
        """What takes back all of it but some."""
        back: dict[Back, list[str]] = {}
        for step in self.steps:
            if step.back is not None and step not in without and step.write.thread_id:
                back.setdefault(step.back, []).append(step.write.thread_id)
        return tuple(Change(what, tuple(ids), values, undoes=True) for (what, values), ids in back.items())

    async def make(self) -> Outcome:
        """Raises the first error but those that say that a conversation has been changed since it was read."""
        answers = await asyncio.gather(*(self._write(step.write) for step in self.steps), return_exceptions=True)
        gone, since = list[_Step](), list[_Step]()
        for step, answer in zip(self.steps, answers, strict=True):
            if isinstance(answer, (NotFound, Forbidden)):
                gone.append(step)
            elif answer is False or isinstance(answer, InvalidInput):
                since.append(step)
            elif isinstance(answer, BaseException):
                raise answer
        changed = len(self.steps) - len(gone) - len(since)
        made = Outcome(changed, missing=len(gone), since=len(since), undo=self.undo([*gone, *since]))
        return self.counted + made

    async def _write(self, write: Write) -> Any:
        answer = await self.layer.store.submit(write)
        if answer is not False and write.thread_id and self.deletes:
            await self.layer.on_delete(write.actor, write.thread_id)
        return answer


Ready = Callable[[], Awaitable[Outcome]]


async def ready(layer: DataLayer, identifier: str, user_id: str, change: Change) -> Ready:
    """What makes the change, once all is checked. Raises DataLayerError: InvalidInput for what cannot be asked for."""
    found = await planned(layer, identifier, user_id, change)
    if found.counted.full:
        raise InvalidInput(f"A conversation has at most {MOST_TAGS} tags")
    return found.make


async def planned(layer: DataLayer, identifier: str, user_id: str, change: Change) -> Plan:
    """Of what the change names. Raises DataLayerError."""
    ids = [each for each in dict.fromkeys(change.ids) if text.is_identifier(each)]
    threads = await layer.store.own_threads(user_id, ids, trashed=True)
    missing = Outcome(missing=len(set(change.ids)) - len(threads))
    found = plan(layer, identifier, change, threads)
    return replace(found, counted=found.counted + missing)


def plan(layer: DataLayer, identifier: str, change: Change, threads: Sequence[Thread]) -> Plan:
    """``threads``: of the user ``identifier``. Raises InvalidInput."""
    trashed = [thread for thread in threads if thread.trashed_at]
    others = [thread for thread in threads if not thread.trashed_at]
    if change.what in ("restore", "purge"):
        return _of_trash(layer, identifier, change, trashed, len(others))
    missing = Outcome(missing=len(trashed))
    if change.what == "trash":
        found = _to_trash(layer, identifier, change, others)
    elif (kind := KINDS.get(change.what)) is not None:
        found = _updates(layer, identifier, change, others, kind)
    else:
        raise InvalidInput("There is no such action")
    return replace(found, counted=found.counted + missing)


def _updates(layer: DataLayer, identifier: str, change: Change, threads: Sequence[Thread], kind: Kind) -> Plan:
    values, steps, since, full = kind.values(change.values), list[_Step](), 0, 0
    for thread in threads:
        stored = values if change.undoes else spelled(thread, values)
        if (back := kind.back(thread, stored)) is None:  # it is so already
            continue
        if change.what == "move" and change.undoes and change.values[1:] != (thread.folder or "",):
            since += 1
        elif len({*(thread.tags or ()), *stored.get("tags_added", ())}) > MOST_TAGS and "tags_added" in stored:
            full += 1
        else:
            of: dict[str, Any] = {"actor": identifier, "thread_id": thread.id, "stored_only": True}
            as_it_was = {kind.column: getattr(thread, kind.column)}
            write = UpdateThread(at=now(), only_if=as_it_was, **of, **stored)
            steps.append(_Step(write, back))
    return Plan(layer, steps, Outcome(already=len(threads) - len(steps) - since - full, since=since, full=full))


def _to_trash(layer: DataLayer, identifier: str, change: Change, threads: Sequence[Thread]) -> Plan:
    """What takes back a restoring leaves alone those in which something was said since."""
    at, steps = now(), list[_Step]()
    since = next((int(value) for value in change.values if value.isdecimal() and len(value) < 20), None)
    going = threads if since is None else [thread for thread in threads if thread.last_activity_at <= since]
    for thread in going:
        seen = None if since is None else {"last_activity_at": thread.last_activity_at}
        if layer.has_trash:
            write: Write = TrashThread(actor=identifier, thread_id=thread.id, at=at, only_if=seen)
            steps.append(_Step(write, ("restore", (str(at),))))
        else:
            steps.append(_Step(DeleteThread(actor=identifier, thread_id=thread.id, at=at), None))
    return Plan(layer, steps, Outcome(since=len(threads) - len(going)), deletes=True)


def _of_trash(layer: DataLayer, identifier: str, change: Change, trashed: Sequence[Thread], others: int) -> Plan:
    """What is not in the trash is left alone, and by what takes a deletion back, too, what was put there by another."""
    at, back = now(), None
    steps, since = list[_Step](), 0
    for thread in trashed:
        if change.what == "purge":
            write: Write = DeleteThread(actor=identifier, thread_id=thread.id, at=at, trashed_before=at)
        elif change.values[:1] not in ((), (str(thread.trashed_at),)):
            since += 1
            continue
        else:
            write = RestoreThread(actor=identifier, thread_id=thread.id, at=at, trashed_at=thread.trashed_at)
            back = "trash", (str(at),)
        steps.append(_Step(write, back))
    return Plan(layer, steps, Outcome(already=others, since=since))
