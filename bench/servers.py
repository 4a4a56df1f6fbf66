"""The data layer on servers, beside Chainlit's own layer for PostgreSQL on the same server."""

import asyncio
import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from datalayer import DataLayer

from . import Sizes, chainlits, data, databases
from .contestants import OURS, POSTGRES, Layer
from .data import USER_ID
from .databases import database
from .measure import Result, measure, repeat

MARIADB = "Threadkeep (MariaDB)"
ALONE, TOGETHER = "PostgreSQL: create_step, one after another", "PostgreSQL: create_step, {:,} callers at once"
LIST, RESUME = "PostgreSQL: first page of {:,} threads", "PostgreSQL: get_thread, {:,} steps"


async def servers(folder: Path, sizes: Sizes) -> list[Result]:
    postgresql, mariadb = await databases.server(databases.POSTGRES), await databases.server(databases.MYSQL)
    async with database(postgresql) as postgres, database(mariadb) as mysql, database(postgresql) as theirs:
        await databases.execute(theirs, *chainlits.SCHEMA.split(";"), chainlits.USER_ROW)
        opened = {
            OURS: Layer(folder, ours(folder, postgres)),
            POSTGRES: Layer(folder, chainlits.layer(theirs)),
            MARIADB: Layer(folder, ours(folder, mysql)),
        }
        try:
            for layer in opened.values():
                await layer.page()  # 100 calls at once would each make Chainlit's a pool of its own
            results = [*_writes(opened, sizes), *await _reads(opened, sizes)]
            return await measure(results, sizes.rounds)
        finally:
            for layer in opened.values():
                await layer.close()


def ours(folder: Path, url: URL) -> DataLayer:
    where = folder / str(url.database)
    where.mkdir(parents=True, exist_ok=True)
    return DataLayer(url.render_as_string(hide_password=False), files=where / "files", spool=where / "spool")


def _writes(opened: dict[str, Layer], sizes: Sizes) -> list[Result]:
    cases = {
        ALONE: (1, sizes.creates, 1),
        TOGETHER.format(sizes.callers): (sizes.callers, sizes.creates_each, sizes.spread),
    }
    return [
        Result(case, name, partial(_create_steps, layer, *much), "/s")
        for case, much in cases.items()
        for name, layer in opened.items()
    ]


async def _create_steps(layer: Layer, callers: int, each: int, threads: int, result: Result, number: int) -> float:
    names = [f"{result.case}-{number}-{n}" for n in range(threads)]
    for name in names:
        await layer.begin(name)
    seed = (1 + number) * 2 * callers  # 2 and more for one caller, 200 and more for a hundred
    plans = [deepcopy(data.new_steps(names[caller % threads], each, seed + caller)) for caller in range(callers)]
    started = time.perf_counter()
    await asyncio.gather(*(_one_by_one(layer, plan) for plan in plans))
    taken = time.perf_counter() - started
    if await layer.settle():
        result.note = "some through the spool, because the server was slow"
    stored = sum([len(await layer.thread(name)) for name in names])
    result.written += callers * each
    result.lost += callers * each - stored
    return taken / max(stored, 1)


async def _one_by_one(layer: Layer, steps: list[data.Step]) -> None:
    for step in steps:
        await layer.create_step(step)


async def _reads(opened: dict[str, Layer], sizes: Sizes) -> list[Result]:
    pages = sizes.threads[1]
    threads = {f"thread-{count}": count for count in sizes.thread_steps}
    for layer in opened.values():
        await asyncio.gather(*(layer.begin(f"of-a-page-{n}", USER_ID) for n in range(pages)))
        for thread, count in threads.items():
            await layer.begin(thread)
            await asyncio.gather(
                *(layer.create_step(step) for step in deepcopy(data.new_steps(thread, count, 10_000 + count)))
            )
    first: Callable[[Layer], Any] = Layer.page
    asked = {LIST.format(pages): first}
    asked |= {RESUME.format(count): partial(_thread, name) for name, count in threads.items()}
    return [
        Result(case, name, partial(_read, layer, ask, sizes.read_for))
        for case, ask in asked.items()
        for name, layer in opened.items()
    ]


async def _thread(name: str, layer: Layer) -> list[Any]:
    return await layer.thread(name)


async def _read(layer: Layer, ask: Callable[[Layer], Any], at_least: float, *_: Any) -> tuple[float, float]:
    async def call() -> None:
        if not await ask(layer):
            raise RuntimeError("There was no answer")

    return await repeat(call, at_least, calls=1)
