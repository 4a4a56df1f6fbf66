"""What a library page asks of a store of any size, and what it does to many conversations at once."""

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

from datalayer import DataLayer
from datalayer.records import Sort, Which, now
from datalayer.sql import counts
from datalayer.writes import RestoreThread, TrashThread, UpdateThread, Write

from . import Sizes, data, library
from .contestants import OURS
from .data import USER, USER_ID
from .library import BEGAN, SPAN, key
from .measure import Result, Taken, measure, middle, repeat

PAGE, FACETS = "a page of 50 and all facets, {:,} threads", "all facets, {:,} threads"
UNCOUNTED = "all facets, {:,} threads, just after {:,} were moved"
LISTS: dict[str, tuple[Which, Sort]] = {
    "50 by creation, {:,} threads": (Which(), "created"),
    "50 of a folder, {:,} threads": (Which(folder="Work/Client 3"), "pinned"),
    "50 with a tag, {:,} threads": (Which(tag="tag3"), "pinned"),
    "50 of a model, {:,} threads": (Which(model="model1"), "pinned"),
    "50 that are not there, {:,} threads": (Which(folder="Nowhere"), "pinned"),
}
BULK = "{1:,} of {0:,} threads {2}"
_FIRST = 50
_THREAD = """INSERT INTO threads (id, user_id, name, name_source, metadata, tags, created_at, last_activity_at, folder,
    pinned, archived, model) VALUES (?, ?, ?, 'user', ?, ?, ?, ?, ?, ?, ?, ?)"""

Run = Callable[[Result, int], Coroutine[Any, Any, Taken]]


def _update(**values: Any) -> Callable[[str], Write]:
    return lambda thread: UpdateThread(actor=USER, thread_id=thread, at=now(), stored_only=True, **values)


def changes(number: int) -> dict[str, Callable[[str], Write]]:
    """What is done to each of many in a round, which is not what was done in the one before."""
    return {
        "moved": _update(folder=f"Work/Client 3/{number}"),
        "tagged": _update(tags_added=[f"round {number}"]),
        "archived": _update(archived=True),
        "unarchived": _update(archived=False),
        "trashed": lambda thread: TrashThread(actor=USER, thread_id=thread, at=now()),
        "restored": lambda thread: RestoreThread(actor=USER, thread_id=thread, at=now()),
    }


async def organised(folder: Path, sizes: Sizes) -> list[Result]:
    results: list[Result] = []
    async with AsyncExitStack() as stack:
        for threads in sizes.organised:
            layer = await _filled(folder, threads)
            stack.push_async_callback(layer.close)
            many = min(sizes.at_once, threads)
            works: dict[str, Run] = {
                PAGE.format(threads): partial(_read, partial(_page, layer), sizes.read_for),
                FACETS.format(threads): partial(_read, partial(_facets, layer), sizes.read_for),
            }
            for case, of in LISTS.items():
                works[case.format(threads)] = partial(_read, partial(_list, *of, layer), sizes.read_for)
            for what in changes(0):
                works[BULK.format(threads, many, what)] = partial(_change, layer, threads, many, what)
            works[UNCOUNTED.format(threads, many)] = partial(_uncounted, layer, threads, many)
            results += [Result(case, OURS, run) for case, run in works.items()]
        return await measure(results, sizes.rounds)


async def _read(ask: Callable[[], Any], at_least: float, *_: Any) -> tuple[float, float]:
    return await repeat(ask, at_least)


async def _page(layer: DataLayer) -> None:
    page, _ = await asyncio.gather(layer.store.threads(USER_ID, _FIRST), layer.store.facets(USER_ID))
    if not page.threads:
        raise RuntimeError("There are no threads")


async def _facets(layer: DataLayer) -> None:
    if not (await layer.store.facets(USER_ID)).folders:
        raise RuntimeError("Nothing was counted")


async def _list(which: Which, sort: Sort, layer: DataLayer) -> None:
    found = (await layer.store.threads(USER_ID, _FIRST, which=which, sort=sort)).threads
    if bool(found) == (which.folder == "Nowhere"):
        raise RuntimeError("Not what was asked for")


async def _change(layer: DataLayer, threads: int, many: int, what: str, result: Result, number: int) -> float:
    """Until the last one is durable; then all is counted, so that what is measured next begins alike."""
    make = changes(number)[what]
    started = time.perf_counter()
    await asyncio.gather(*(layer.store.submit(make(key("thread", each * threads // many))) for each in range(many)))
    taken = time.perf_counter() - started
    result.written += many
    if (await layer.health())["state"] != "ok":
        result.note = "some through the spool, because the disk was slow"
    await _counted(layer)
    return taken


async def _uncounted(layer: DataLayer, threads: int, many: int, _result: Result, number: int) -> tuple[float, float]:
    times = []
    for each in range(5):
        make = _update(folder=f"Work/Client 3/{number}.{each}")
        await asyncio.gather(*(layer.store.submit(make(key("thread", n * threads // many))) for n in range(many)))
        await _stored(layer)
        started = time.perf_counter()
        await _facets(layer)
        times.append(time.perf_counter() - started)
    await _counted(layer)
    return middle(times)


async def _counted(layer: DataLayer) -> None:
    """Returns when all is counted, as a task of the store does within seconds."""
    await _stored(layer)
    while not await layer.store._database.read.run(counts.is_done):
        await layer.store._counting.count()


async def _stored(layer: DataLayer) -> None:
    """Returns when nothing waits in the spool."""
    for _ in range(600):
        if await layer.store.catch_up():
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("The database does not take what waits")


async def _filled(folder: Path, threads: int) -> DataLayer:
    os.makedirs(folder, exist_ok=True)
    path = folder / f"{threads}.db"
    _fill(path, threads)
    await library.index(path)
    layer = DataLayer(f"sqlite+aiosqlite:///{path}", trash_days=30)
    await layer.store.open()
    await _counted(layer)
    return layer


def _fill(path: Path, threads: int) -> None:
    """Threads with a name, a message, and what people give them."""
    path.write_bytes(data.empty())
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA synchronous=OFF")
        user = "INSERT INTO users (id, identifier, metadata, created_at) VALUES (?, ?, '{}', ?)"
        db.execute(user, (USER_ID, USER, BEGAN))
        db.executemany(_THREAD, (_thread(number, BEGAN + SPAN * number // threads) for number in range(threads)))
        db.execute(
            "INSERT INTO thread_tags (thread_id, tag, user_id) SELECT threads.id, value, user_id FROM threads,"
            " json_each(threads.tags)"
        )
        db.execute(
            "INSERT INTO steps (id, thread_id, name, type, output, is_error, metadata, favorite, created_at)"
            " SELECT 'step ' || id, id, 'user', 'user_message', name, 0, '{}', 0, created_at FROM threads"
        )
        db.execute("INSERT INTO thread_facets (thread_id, user_id, stale) SELECT id, user_id, 1 FROM threads")


def _thread(number: int, at: int) -> tuple[Any, ...]:
    model = f"model{number % 4}"
    folder = f"Work/Client {number % 41}" if number % 3 == 0 else None
    tags = json.dumps(sorted({f"tag{number * step % 50}" for step in (1, 7)[: number % 3]}))
    return (
        *(key("thread", number), USER_ID, f"conversation {number}", f'{{"chat_settings":{{"model":"{model}"}}}}'),
        *(tags, at, at, folder, number % 5_000 == 0, number % 10 == 1, model),
    )
