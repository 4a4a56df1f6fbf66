"""The move of an app from a store of JSON to this one: how far it is, and whether both still say the same.

foundation: the store is there, and what the JSON had has been imported. dual_write: each stored write goes into a
mirror as well (``DataLayer(…, mirror=…)``). sqlite_primary: the app relies on the store, the mirror is kept for the way
back. complete: the mirror is no more. Always true: from dual_write on a phase is left forwards only after a comparison
that found no difference.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datalayer import APPLICATION, InvalidInput, Store, durable, imports
from datalayer.mirror import BEFORE, Mirrored, read, replay, write_before
from datalayer.records import Blob, from_iso, now, to_iso
from datalayer.whole import WholeThread
from datalayer.writes import ImportThread, UpsertElement, Write

from .returning import bring_back
from .selection import Selection, batches

logger = logging.getLogger("exchange")

KEY = "migration_metadata"
PHASES = ("foundation", "dual_write", "sqlite_primary", "complete")
_THREADS = 50
_OF_THREAD = ("user_id", "name", "metadata", "tags", "folder", "pinned", "archived", "status", "kind", "trashed_at")
_OF_STEP = ("type", "name", "input", "output", "is_error", "parent_id")
"""Columns that are compared."""
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
    """From foundation to dual_write. ``mirror``: its folder, as the app has it, which gets all that is there already.
    Raises InvalidInput, OSError."""
    await _checked(store, "foundation")
    await _put_before(store, mirror)
    return await _turned(store, "foundation", "dual_write", {"mirror": str(mirror), "compared": None})


async def _put_before(store: Store, mirror: Path) -> None:
    await asyncio.to_thread(mirror.mkdir, mode=0o700, parents=True, exist_ok=True)
    path = mirror / BEFORE
    part = path.with_suffix(".part")  # which is no file of the mirror until it is whole
    with await asyncio.to_thread(part.open, "wb") as file:
        async for batch in batches(store, Selection(APPLICATION, trash=True)):
            writes = [part for whole in batch.threads for part in imports.parts(whole.as_import())]
            await asyncio.to_thread(write_before, file, writes)
    await asyncio.to_thread(durable.sync, part)
    await asyncio.to_thread(part.replace, path)


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
    """One phase back. What was written since the move began is brought back as sessions, a file each, into the folder
    ``sessions`` of the mirror, and ``sessions/deleted.json`` has the ids of those that were deleted; ``brought``: how
    many of both. Raises InvalidInput from foundation, and from complete, which has no mirror; OSError."""
    state, _ = await _state(store)
    if state["phase"] not in ("dual_write", "sqlite_primary"):
        raise InvalidInput(f"From the phase {state['phase']} there is no way back")
    mirror = Path(state["mirror"])
    brought = await bring_back(store, mirror, await asyncio.to_thread(_threads_of, mirror), _began(state))
    back = PHASES[PHASES.index(state["phase"]) - 1]
    return await _turned(store, state["phase"], back, {"compared": None, "brought": brought})


def _threads_of(mirror: Path) -> set[str]:
    """That it has seen written to, and not only found there."""
    return {key for write in read(mirror, Mirrored(), before=False) for key in write.threads}


def _began(state: dict[str, Any]) -> int:
    """When the app began to write both."""
    turns = list(takewhile(lambda turn: turn[0] != "foundation", reversed(state["history"])))
    return from_iso(turns[-1][1]) or 0


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
            threads, contents = dict[str, None](), dict[str, str]()

            def seen(write: Write) -> None:
                threads.update(dict.fromkeys(write.threads))
                contents.update(_contents(write))

            found.refused = await replay(again, folder, mirrored, seen)
            checked = _Files(store, contents)
            for some in _pieces(list(threads), _THREADS):
                await _beside(store, again, some, began, mirrored, checked, found)
        finally:
            await again.close()
    found.mirror = asdict(mirrored)
    return found


def _pieces(of: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (of[at : at + size] for at in range(0, len(of), size))


async def _beside(
    store: Store, again: Store, ids: Sequence[str], began: int, mirrored: Mirrored, files: "_Files", found: Compared
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
            for element in copy.elements:
                if what := await files.problem(element.id, here):
                    found.tell(copy.thread.id, f"file {element.id}: {what}")
    for thread in ours.values():
        if _is_whole(thread, mirrored):
            found.tell(thread.thread.id, "the mirror does not have the thread")


def _is_whole(thread: WholeThread, mirrored: Mirrored) -> bool:
    """Whether the mirror has seen it from its beginning on."""
    return mirrored.since is not None and thread.thread.created_at >= mirrored.since


def _compare(here: WholeThread, copy: WholeThread, mirrored: Mirrored, found: Compared) -> None:
    thread, whole = here.thread.id, _is_whole(here, mirrored)
    told = _other(_OF_THREAD, here.thread, copy.thread, whole)
    if told:
        found.tell(thread, f"another {told}")
    steps = {step.id: step for step in here.steps}
    for step in copy.steps:
        found.steps += 1
        other = steps.pop(step.id, None)
        if other is None:
            found.tell(thread, "the store does not have the step", step.id)
        elif told := _other(_OF_STEP, other, step, False):
            found.tell(thread, f"another {told}", step.id)
    for step_id in steps if whole else ():
        found.tell(thread, "the mirror does not have the step", step_id)
    votes, known = (
        {(vote.step_id, vote.user_id): (vote.value, vote.comment) for vote in each.votes} for each in (here, copy)
    )
    for place in sorted(known.keys() | (votes.keys() if whole else set())):
        if votes.get(place) != known.get(place):
            found.tell(thread, "another vote", place[0])


def _other(names: Sequence[str], here: Any, copy: Any, whole: bool) -> str:
    """Which of these columns differ. ``whole``: also those of which the mirror says nothing."""
    pairs = ((name, getattr(here, name), getattr(copy, name)) for name in names)
    return ", ".join(name for name, one, other in pairs if one != other and (whole or other))


def _contents(write: Write) -> Iterator[tuple[str, str]]:
    """The ids of elements and the SHA-256 that their contents have from this write on."""
    if isinstance(write, UpsertElement) and write.blob is not None:
        yield write.id, write.blob.sha256
    if isinstance(write, ImportThread):
        yield from ((row["id"], row["blob"]) for row in write.elements if row.get("blob"))


class _Files:
    """``wanted``: SHA-256 by the ids of elements."""

    def __init__(self, store: Store, wanted: dict[str, str]) -> None:
        self._store, self._wanted = store, wanted
        self._known: dict[str, bool] = {}
        """Whether what lies under the name of a content has its SHA-256."""

    async def problem(self, element_id: str, here: WholeThread) -> str:
        """What is wrong with it in the store; "": nothing."""
        element = next((each for each in here.elements if each.id == element_id), None)
        if element is None:
            return "the store does not have it"
        if (wanted := self._wanted.get(element_id)) is None:
            return ""
        blob = here.contents.get(element.blob or "")
        if blob is None or blob.sha256 != wanted:
            return "another content"
        if blob.name not in self._known:
            self._known[blob.name] = await self._store.with_files(self._is_there, blob)
        return "" if self._known[blob.name] else "its content is damaged or lost"

    def _is_there(self, blob: Blob) -> bool:
        try:
            with self._store.blobs.open(blob.name) as content:
                return hashlib.file_digest(content, "sha256").hexdigest() == blob.sha256
        except OSError:
            return False


async def _state(store: Store) -> tuple[dict[str, Any], int]:
    """And its version, 0: there is none yet."""
    kept = (await store.app_values([KEY])).get(KEY)
    if kept is None:
        return {"phase": "foundation", "since": None, "mirror": None, "compared": None, "history": []}, 0
    return dict(kept.value), kept.version


async def _checked(store: Store, phase: str) -> tuple[dict[str, Any], int]:
    state, version = await _state(store)
    if state["phase"] != phase:
        raise InvalidInput(f"The move is in the phase {state['phase']}, not in {phase}")
    return state, version


async def _turned(store: Store, old: str, new: str, more: dict[str, Any]) -> dict[str, Any]:
    state, version = await _checked(store, old)
    at = to_iso(now())
    turned = state | more | {"phase": new, "since": at, "history": [*state["history"], [new, at]][-100:]}
    if await store.put_app_value(KEY, turned, version) is None:
        raise InvalidInput("The phase was changed meanwhile: look at it again")
    return turned
