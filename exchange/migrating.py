"""The move of an app from a store of JSON to this one: how far it is, and whether both still say the same.

foundation: the store is there, and what the JSON had has been imported. dual_write: each stored write goes into a
mirror as well (``DataLayer(…, mirror=…)``). sqlite_primary: the app relies on the store, the mirror is kept for the way
back. complete: the mirror is no more. Always true: from dual_write on a phase is left forwards only after a comparison
that found no difference.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datalayer import APPLICATION, InvalidInput, Store
from datalayer.mirror import Mirrored, read
from datalayer.records import now, to_iso
from datalayer.whole import WholeThread
from datalayer.writes import ImportThread, RestoreArchived, UpsertElement, Write

logger = logging.getLogger("exchange")

KEY = "migration_metadata"
PHASES = ("foundation", "dual_write", "sqlite_primary", "complete")
_AT_ONCE = 200
_THREADS = 50
_COMPARED = ("type", "name", "input", "output", "is_error", "parent_id")
"""Columns of a step."""
MOST_TOLD = 100
"""Differences that are told one by one."""


@dataclass(slots=True)
class Compared:
    """A mirror beside the store. What is told of a difference are ids, never what people have said."""

    at: str
    threads: int = 0
    steps: int = 0
    differences: int = 0
    told: list[dict[str, str]] = field(default_factory=list)
    """The first of them: ``thread``, ``step``, ``what``."""
    busy: int = 0
    """Threads that were written to meanwhile, which are not compared."""
    refused: int = 0
    """Writes that could not be done again without what was there before the mirror."""
    mirror: dict[str, Any] = field(default_factory=dict)
    """As ``datalayer.mirror.Mirrored``."""

    @property
    def clean(self) -> bool:
        return not (self.differences or self.mirror.get("missing") or self.mirror.get("damaged"))

    def tell(self, thread: str, what: str, step: str = "") -> None:
        self.differences += 1
        if len(self.told) < MOST_TOLD:
            self.told.append({"thread": thread, "step": step, "what": what})
            logger.warning("the mirror and the store differ: thread %s, step %s: %s", thread, step or "–", what)


async def status(store: Store) -> dict[str, Any]:
    """``phase``, its ``since``, ``mirror``, ``compared`` and ``history``: phases with their moments."""
    return (await _state(store))[0]


async def start(store: Store, mirror: Path) -> dict[str, Any]:
    """From foundation to dual_write. ``mirror``: its folder, as the app has it. Raises InvalidInput."""
    return await _turned(store, "foundation", "dual_write", {"mirror": str(mirror), "compared": None})


async def finish(store: Store) -> dict[str, Any]:
    """One phase on, to sqlite_primary and then to complete. Raises InvalidInput where the last comparison has found a
    difference, or there was none in this phase."""
    state, _ = await _state(store)
    if state["phase"] not in ("dual_write", "sqlite_primary"):
        raise InvalidInput(f"In the phase {state['phase']} there is nothing to finish")
    compared = state.get("compared") or {}
    if not compared.get("clean"):
        raise InvalidInput("Compare first: the last comparison of this phase must find no difference")
    return await _turned(store, state["phase"], PHASES[PHASES.index(state["phase"]) + 1], {"compared": None})


async def rollback(store: Store) -> dict[str, Any]:
    """One phase back; nothing is removed. Raises InvalidInput from foundation, and from complete, which has no
    mirror."""
    state, _ = await _state(store)
    if state["phase"] not in ("dual_write", "sqlite_primary"):
        raise InvalidInput(f"From the phase {state['phase']} there is no way back")
    return await _turned(store, state["phase"], PHASES[PHASES.index(state["phase"]) - 1], {"compared": None})


async def compare(store: Store) -> Compared:
    """Does again, in a store that is thrown away, what the mirror says, and looks for all of it in ``store``. The
    result is kept in the state. Raises InvalidInput without a mirror, OSError."""
    state, version = await _state(store)
    if state["phase"] not in ("dual_write", "sqlite_primary"):
        raise InvalidInput(f"In the phase {state['phase']} there is no mirror to compare")
    found = await compared(store, Path(state["mirror"]))
    kept = asdict(found) | {"clean": found.clean}
    if await store.put_app_value(KEY, state | {"compared": kept}, version) is None:
        raise InvalidInput("The phase was changed meanwhile: compare again")
    return found


async def compared(store: Store, folder: Path) -> Compared:
    if not await asyncio.to_thread(folder.is_dir):
        raise InvalidInput("There is no mirror there")
    began, mirrored = now(), Mirrored()
    found = Compared(to_iso(began) or "")
    with TemporaryDirectory(prefix="threadkeep-compare-") as place:
        again = Store(f"sqlite+aiosqlite:///{place}/threads.db", synchronous="OFF")
        try:
            threads = await _done_again(again, folder, mirrored, found)
            for some in _pieces(threads, _THREADS):
                await _beside(store, again, some, began, mirrored, found)
        finally:
            await again.close()
    found.mirror = asdict(mirrored)
    return found


async def _done_again(again: Store, folder: Path, mirrored: Mirrored, found: Compared) -> list[str]:
    """The threads that the mirror has writes of."""
    threads: dict[str, None] = {}
    writes = read(folder, mirrored)
    while some := await asyncio.to_thread(lambda: list(islice(writes, _AT_ONCE))):
        for write in some:
            threads |= dict.fromkeys(write.threads)
        answers = await asyncio.gather(
            *(again.submit(_without_content(write)) for write in some), return_exceptions=True
        )
        found.refused += sum(isinstance(answer, Exception) for answer in answers)
    await again.drain()
    return list(threads)


def _without_content(write: Write) -> Write:
    """Contents of files are not in the mirror."""
    if isinstance(write, UpsertElement):
        return replace(write, blob=None)
    if isinstance(write, (ImportThread, RestoreArchived)):
        return replace(write, blobs=[])
    return write


def _pieces(of: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (of[at : at + size] for at in range(0, len(of), size))


async def _beside(
    store: Store, again: Store, ids: Sequence[str], began: int, mirrored: Mirrored, found: Compared
) -> None:
    ours = {each.thread.id: each for each in await store.whole_threads(APPLICATION, ids, trashed=True)}
    for copy in await again.whole_threads(APPLICATION, ids, trashed=True):
        here = ours.pop(copy.thread.id, None)
        found.threads += 1
        if here is None:
            found.tell(copy.thread.id, "the store does not have the thread")
        elif here.thread.last_activity_at >= began:
            found.busy += 1
        else:
            _compare(here, copy, mirrored, found)
    for thread in ours.values():
        if _is_whole(thread, mirrored):
            found.tell(thread.thread.id, "the mirror does not have the thread")


def _is_whole(thread: WholeThread, mirrored: Mirrored) -> bool:
    """Whether the mirror has seen it from its beginning on."""
    return mirrored.since is not None and thread.thread.created_at >= mirrored.since


def _compare(here: WholeThread, copy: WholeThread, mirrored: Mirrored, found: Compared) -> None:
    thread = here.thread.id
    steps = {step.id: step for step in here.steps}
    for step in copy.steps:
        found.steps += 1
        other = steps.pop(step.id, None)
        if other is None:
            found.tell(thread, "the store does not have the step", step.id)
            continue
        differ = [
            name
            for name in _COMPARED
            if getattr(step, name) is not None and getattr(step, name) != getattr(other, name)
        ]
        if differ:
            found.tell(thread, f"another {', '.join(differ)}", step.id)
    for step_id in steps if _is_whole(here, mirrored) else ():
        found.tell(thread, "the mirror does not have the step", step_id)


async def _state(store: Store) -> tuple[dict[str, Any], int]:
    """And its version, 0: there is none yet."""
    kept = (await store.app_values([KEY])).get(KEY)
    if kept is None:
        return {"phase": "foundation", "since": None, "mirror": None, "compared": None, "history": []}, 0
    return dict(kept.value), kept.version


async def _turned(store: Store, old: str, new: str, more: dict[str, Any]) -> dict[str, Any]:
    state, version = await _state(store)
    if state["phase"] != old:
        raise InvalidInput(f"The move is in the phase {state['phase']}, not in {old}")
    at = to_iso(now())
    turned = state | more | {"phase": new, "since": at, "history": [*state["history"], [new, at]][-100:]}
    if await store.put_app_value(KEY, turned, version) is None:
        raise InvalidInput("The phase was changed meanwhile: look at it again")
    return turned
