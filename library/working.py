"""What is done to all that a list has: in batches, as many as there is time for, and on with the next request.

A batch is some hundred writes, so that what other people write meanwhile waits for no more than these.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from datalayer import DataLayer, StoreUnavailable

from . import undoing
from .changing import COUNTS, NOTHING, Change, Outcome, plan, planned
from .selecting import Selection


@dataclass(frozen=True, slots=True)
class Work:
    """How far it is."""

    change: Change
    """Names no ids."""
    selection: Selection
    name: str
    """Of what takes it back (``undoing``)."""
    total: int
    """Conversations that there were at the beginning."""
    after: str | None = None
    """Where to go on."""
    outcome: Outcome = NOTHING
    """Without what takes it back."""
    done: bool = False
    stuck: bool = False
    """The database does not answer."""

    @property
    def seen(self) -> int:
        return sum(getattr(self.outcome, name) for name in COUNTS)


async def go_on(
    layer: DataLayer, identifier: str, user_id: str, work: Work, seconds: float, gone: Callable[[], Awaitable[bool]]
) -> Work:
    """``gone``: whether nobody waits for it any more. Raises DataLayerError for what cannot be asked for."""
    end, store = time.monotonic() + seconds, layer.store
    try:
        async for threads, after in work.selection.batches(store, user_id, work.after):
            found = plan(layer, identifier, work.change, threads)
            kept = await undoing.keep(store, user_id, work.name, undo) if (undo := found.undo()) else None
            made = await found.make()
            if kept and made.undo != undo:
                await undoing.correct(store, kept, made.undo)
            work = replace(work, after=after, outcome=work.outcome + replace(made, undo=()), done=after is None)
            if time.monotonic() >= end or await gone():
                return work
    except StoreUnavailable:
        return replace(work, stuck=True)
    return replace(work, done=True)


async def take_back(
    layer: DataLayer, identifier: str, user_id: str, name: str, outcome: Outcome, seconds: float
) -> tuple[Outcome, bool]:
    """Adds to ``outcome``, and whether nothing is left to be taken back. Raises DataLayerError."""
    end = time.monotonic() + seconds
    async for kept, changes, others in undoing.parts(layer.store, user_id, name):
        for change in changes:
            made = await (await planned(layer, identifier, user_id, change)).make()
            outcome += replace(made, undo=())
        await undoing.forget(layer.store, kept)
        if others and time.monotonic() >= end:
            return outcome, False
    return outcome, True
