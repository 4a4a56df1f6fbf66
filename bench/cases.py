"""What is measured. All contestants take turns round by round, after a round that is checked instead of counted."""

import asyncio
import gc
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from datalayer import DataLayer

from . import Sizes, data
from .contestants import BARE, CHAINLIT, OPEN, OURS, SHIPPED, Contestant, sign_in

Contestants = dict[str, Contestant]
Make = Callable[[], Iterable[data.Conversation]]

CREATE, CONCURRENT = "create_step, one after another", "create_step, {:,} callers at once"
LIST, RESUME = "first page of {:,} threads", "get_thread, {:,} steps"


@dataclass(slots=True)
class Result:
    """``seconds``: of one operation, by round. ``lost`` of ``written``: reported as stored, and not there."""

    case: str
    contestant: str
    run: Callable[["Result", int], Awaitable[float]]
    seconds: list[float] = field(default_factory=list)
    written: int = 0
    lost: int = 0


async def run(folder: Path, sizes: Sizes, names: Iterable[str]) -> list[Result]:
    sign_in()
    groups = {"create": _create, "concurrent": _concurrent, "list": _list, "resume": _resume}
    results: list[Result] = []
    for name in names:
        started = time.perf_counter()
        results += await groups[name](folder / name, sizes)
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return results


async def _create(folder: Path, sizes: Sizes) -> list[Result]:
    return await _writes(folder, sizes, CREATE, 1, sizes.creates, threads=1)


async def _concurrent(folder: Path, sizes: Sizes) -> list[Result]:
    case = CONCURRENT.format(sizes.callers)
    return await _writes(folder, sizes, case, sizes.callers, sizes.creates_each, sizes.spread)


async def _writes(folder: Path, sizes: Sizes, case: str, callers: int, each: int, threads: int) -> list[Result]:
    make = partial(data.conversations, threads, 2)
    held = [conversation.id for conversation in make()]
    async with _opened(folder, make, (OURS, CHAINLIT, SHIPPED, BARE)) as contestants:
        results = [
            Result(case, name, partial(_create_steps, contestant, held, callers, each))
            for name, contestant in contestants.items()
        ]
        await _warm_up(results)
        whole = {result.contestant: contestants[result.contestant] for result in results if not result.lost}
        if not {OURS, BARE} <= whole.keys():
            raise RuntimeError("Steps were lost")
        for thread in held:
            await _check(case, whole, partial(_steps_of, thread=thread))
        return await _rounds(results, sizes.rounds)


async def _create_steps(
    contestant: Contestant, threads: list[str], callers: int, each: int, result: Result, number: int
) -> float:
    plans = [_plan(threads, caller, each, number * callers + caller) for caller in range(callers)]
    before = data.stored_steps(contestant.path)
    gc.collect()
    started = time.perf_counter()
    await asyncio.gather(*(_one_by_one(contestant, plan) for plan in plans))
    taken = time.perf_counter() - started
    stored = data.stored_steps(contestant.path) - before
    result.written += callers * each
    result.lost += callers * each - stored
    return taken / max(stored, 1)


def _plan(threads: list[str], caller: int, count: int, seed: int) -> list[data.Step]:
    # A copy, because Chainlit's layer changes its argument.
    return deepcopy(data.new_steps(threads[caller % len(threads)], count, seed))


async def _one_by_one(contestant: Contestant, steps: list[data.Step]) -> None:
    for step in steps:
        await contestant.create_step(step)


async def _list(folder: Path, sizes: Sizes) -> list[Result]:
    results: list[Result] = []
    async with AsyncExitStack() as opened:
        for count in sizes.users_threads:
            names = (OURS, CHAINLIT, BARE) if count <= sizes.chainlit_lists_up_to else (OURS, BARE)
            make = partial(data.conversations, count, sizes.steps_each)
            contestants = await opened.enter_async_context(_opened(folder / str(count), make, names, shared=True))
            case = LIST.format(count)
            await _check(case, contestants, _page_ids)
            results += _reading(case, contestants, _page, {CHAINLIT: 1}, 50)
        await _warm_up(results)
        return await _rounds(results, sizes.rounds)


async def _resume(folder: Path, sizes: Sizes) -> list[Result]:
    results: list[Result] = []
    async with AsyncExitStack() as opened:
        for count in sizes.thread_steps:
            make = partial(data.conversations, 1, count)
            names = (OURS, CHAINLIT, BARE)
            contestants = await opened.enter_async_context(_opened(folder / str(count), make, names, shared=True))
            (thread,) = (conversation.id for conversation in make())
            case = RESUME.format(count)
            await _check(case, contestants, partial(_steps_of, thread=thread))
            ask = partial(_thread, thread=thread)
            results += _reading(case, contestants, ask, {}, max(1, 2_000 // count))
        await _warm_up(results)
        return await _rounds(results, sizes.rounds)


def _reading(
    case: str, contestants: Contestants, ask: Callable[[Contestant], Awaitable[Any]], calls: dict[str, int], usual: int
) -> list[Result]:
    return [
        Result(case, name, partial(_read, contestant, ask, calls.get(name, usual)))
        for name, contestant in contestants.items()
    ]


async def _read(
    contestant: Contestant, ask: Callable[[Contestant], Awaitable[Any]], calls: int, _result: Result, _number: int
) -> float:
    gc.collect()
    started = time.perf_counter()
    for _ in range(calls):
        if not await ask(contestant):
            raise RuntimeError("There was no answer")
    return (time.perf_counter() - started) / calls


async def _page(contestant: Contestant) -> list[Any]:
    return await contestant.first_page()


async def _thread(contestant: Contestant, thread: str) -> list[Any]:
    return await contestant.thread(thread)


async def _steps_of(contestant: Contestant, thread: str) -> list[tuple[str, ...]]:
    return [(step["id"], step["type"], step["name"], step["output"]) for step in await contestant.thread(thread)]


async def _page_ids(contestant: Contestant) -> list[str]:
    return [thread["id"] for thread in await contestant.first_page()]


async def _check(case: str, contestants: Contestants, answer: Callable[[Contestant], Awaitable[list[Any]]]) -> None:
    """Raises RuntimeError unless all answer the same, and something."""
    expected = await answer(contestants[OURS])
    for name, contestant in contestants.items():
        if not expected or await answer(contestant) != expected:
            raise RuntimeError(f"{case}: {name} does not answer as {OURS} does")


async def _warm_up(results: Sequence[Result]) -> None:
    for result in results:
        await result.run(result, 0)


async def _rounds(results: list[Result], rounds: int) -> list[Result]:
    for number in range(1, rounds + 1):
        for result in results:
            result.seconds.append(await result.run(result, number))
    return results


@asynccontextmanager
async def _opened(folder: Path, make: Make, names: Sequence[str], shared: bool = False) -> AsyncIterator[Contestants]:
    """Databases of the same data. ``shared``: bare sqlite3 reads the very file of ours."""
    os.makedirs(folder)
    empty = await _empty(folder)
    contestants: Contestants = {}
    for number, name in enumerate(names):
        path = folder / f"{number}.db"
        if name in (CHAINLIT, SHIPPED):
            data.fill_chainlit(path, make())
        elif name == BARE and shared:
            path = contestants[OURS].path
        else:
            shutil.copyfile(empty, path)
            data.fill_ours(path, make())
        contestants[name] = await OPEN[name](path)
    try:
        yield contestants
    finally:
        for contestant in contestants.values():
            await contestant.close()


async def _empty(folder: Path) -> Path:
    """A database just made by our migrations."""
    path = folder / "empty.db"
    layer = DataLayer(f"sqlite+aiosqlite:///{path}")
    await layer.store.open()
    await layer.close()
    return path
