"""Writes and reads of the data layers."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from . import Sizes, contestants, data
from .contestants import BARE, CHAINLIT, NORMAL, OURS, SHIPPED, TRIGGERS, Contestant, Triggers
from .measure import Result, measure, middle, repeat

Contestants = dict[str, Contestant]
Make = Callable[[], Iterable[data.Conversation]]
Ask = Callable[[Contestant, str], Awaitable[list[Any]]]

CREATE, CONCURRENT = "create_step, one after another", "create_step, {:,} callers at once"
RESUME = "get_thread, {:,} steps"


async def create(folder: Path, sizes: Sizes) -> list[Result]:
    return await _writes(folder, sizes, CREATE, 1, sizes.creates, threads=1)


async def concurrent(folder: Path, sizes: Sizes) -> list[Result]:
    case = CONCURRENT.format(sizes.callers)
    return await _writes(folder, sizes, case, sizes.callers, sizes.creates_each, sizes.spread)


async def _writes(folder: Path, sizes: Sizes, case: str, callers: int, each: int, threads: int) -> list[Result]:
    make = partial(data.conversations, threads, 2)
    held = [conversation.id for conversation in make()]
    async with _opened(folder, make, (OURS, NORMAL, CHAINLIT, SHIPPED, BARE, TRIGGERS)) as opened:
        results = [
            Result(case, name, partial(_create_steps, contestant, held, callers, each), "/s")
            for name, contestant in opened.items()
        ]
        await measure(results, sizes.rounds)
        whole = {result.contestant: opened[result.contestant] for result in results if not result.lost}
        if not {OURS, NORMAL, BARE, TRIGGERS} <= whole.keys():
            lost = ", ".join(f"{result.lost} of {result.contestant}" for result in results if result.lost)
            raise RuntimeError(f"Steps were lost: {lost}")
        for thread in held:
            await _check(case, whole, lambda contestant, thread: contestant.thread(thread), thread)
        return results


async def _create_steps(
    contestant: Contestant, threads: list[str], callers: int, each: int, result: Result, number: int
) -> tuple[float, float]:
    # Copies, because Chainlit's layer changes its argument.
    plans = [
        deepcopy(data.new_steps(threads[caller % len(threads)], each, number * callers + caller))
        for caller in range(callers)
    ]
    count = "SELECT count(*) FROM steps"
    (before,) = data.stored(contestant.path, count)
    started = time.perf_counter()
    if isinstance(contestant, Triggers):
        waits = [await _timed(contestant.create_steps(steps)) for steps in zip(*plans, strict=True)]
    else:
        waits = [*chain(*await asyncio.gather(*(_one_by_one(contestant, plan) for plan in plans)))]
    taken = time.perf_counter() - started
    if await contestant.settle():
        result.note = "some through the spool, because the disk was slow"
    stored = int(data.stored(contestant.path, count)[0] - before)
    result.written += callers * each
    result.lost += callers * each - stored
    return taken / max(stored, 1), middle(waits)[1]


async def _one_by_one(contestant: Contestant, steps: list[data.Step]) -> list[float]:
    return [await _timed(contestant.create_step(step)) for step in steps]


async def _timed(work: Awaitable[None]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def resume(folder: Path, sizes: Sizes) -> list[Result]:
    stores = {RESUME.format(count): (1, count) for count in sizes.thread_steps}
    return await _reads(folder, sizes, stores, lambda contestant, thread: contestant.thread(thread))


async def _reads(folder: Path, sizes: Sizes, stores: dict[str, tuple[int, int]], ask: Ask) -> list[Result]:
    """``stores``: how many threads of how many steps, by the name of the case."""
    results: list[Result] = []
    async with AsyncExitStack() as stack:
        for case, (threads, steps) in stores.items():
            make = partial(data.conversations, threads, steps)
            names = (OURS, CHAINLIT, BARE)
            opened = await stack.enter_async_context(_opened(folder / f"{threads}-{steps}", make, names, shared=True))
            thread = next(make()).id
            await _check(case, opened, ask, thread)
            for name, contestant in opened.items():
                results.append(Result(case, name, partial(_read, contestant, ask, thread, sizes.read_for)))
        return await measure(results, sizes.rounds)


async def _read(contestant: Contestant, ask: Ask, thread: str, at_least: float, *_: Any) -> tuple[float, float]:
    async def call() -> None:
        if not await ask(contestant, thread):
            raise RuntimeError("There was no answer")

    return await repeat(call, at_least)


async def _check(case: str, opened: Contestants, ask: Ask, thread: str) -> None:
    """Raises RuntimeError unless all answer the same, and something."""
    answers = {name: [_essence(row) for row in await ask(contestant, thread)] for name, contestant in opened.items()}
    for name, answer in answers.items():
        if not answer or answer != answers[OURS]:
            raise RuntimeError(f"{case}: {name} does not answer as {OURS} does")


def _essence(row: dict[str, Any]) -> list[Any]:
    """What a thread or a step is recognised by."""
    return [row.get(key) for key in ("id", "type", "name", "output")]


@asynccontextmanager
async def _opened(folder: Path, make: Make, names: Sequence[str], shared: bool = False) -> AsyncIterator[Contestants]:
    """Databases of the same data. ``shared``: bare sqlite3 reads the very file of ours."""
    os.makedirs(folder)
    opened: Contestants = {}
    for number, name in enumerate(names):
        path = folder / f"{number}.db"
        if name == BARE and shared:
            path = opened[OURS].path
        else:
            (data.fill_chainlit if name in (CHAINLIT, SHIPPED) else data.fill_ours)(path, make())
        opened[name] = await contestants.opened(name, path)
    try:
        yield opened
    finally:
        for contestant in opened.values():
            await contestant.close()
