"""What a hot session saves, and what it costs to hold: a turn's history out of the memory and out of the database."""

import asyncio
import gc
import os
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from assistant.memory import HotLimits, HotMessage, HotSession, Memory, open_memory
from assistant.turns.history import Asking, Known, rebuild, recall
from datalayer import DataLayer
from datalayer.records import now

from . import Sizes, data
from .data import USER_ID
from .measure import Result, measure

HOT, COLD, REDIS = "Threadkeep (hot, embedded)", "Threadkeep (cold)", "Threadkeep (hot, Redis)"
TURN = "history of a turn, thread of {:,} steps"
HELD = "{:,} users with a hot session of {:,} messages"
REDIS_URL = os.getenv("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


async def hot(folder: Path, sizes: Sizes) -> list[Result]:
    os.makedirs(folder)
    path = folder / "threads.db"
    (held,) = data.conversations(1, sizes.hot_messages)
    data.fill_ours(path, [held])
    layer = DataLayer(f"sqlite+aiosqlite:///{path}")
    limits = HotLimits(max_bytes=16 * 1024 * 1024)
    async with _memories(limits) as memories:
        turns = [
            Result(TURN.format(sizes.hot_messages), name, partial(_turn, layer, memory, held.id, name == COLD, sizes))
            for name, memory in memories.items()
        ]
        results = await measure(turns, sizes.rounds)
        await layer.close()
        return results + await _held(sizes)


@asynccontextmanager
async def _memories(limits: HotLimits) -> AsyncIterator[dict[str, Memory]]:
    found = {HOT: open_memory(None, limits), COLD: open_memory(None, limits)}
    redis = open_memory(REDIS_URL, limits)
    if await _answers(redis):
        found[REDIS] = redis
    try:
        yield found
    finally:
        for memory in (*found.values(), redis):
            await memory.close()


async def _answers(memory: Memory) -> bool:
    """Whether what is put into it is there again."""
    ticket, _ = await memory.take("bench", "bench")
    await memory.put(ticket, HotSession((HotMessage("1", "user", "x", 1),)))
    ticket, session = await memory.take("bench", "bench")
    await memory.put(ticket, None)
    return session is not None


async def _turn(layer: DataLayer, memory: Memory, thread: str, cold: bool, sizes: Sizes, *_: Any) -> float:
    """Takes the history and gives it back with the turn, as ``conversation.py`` does; the writes are not in it."""
    whole = len((await rebuild(layer, thread)).messages)
    await _give_back(memory, await _ask(layer, memory, thread))
    calls, taken = 0, 0.0
    while taken < sizes.read_for:
        if cold:
            await memory.drop(USER_ID, thread)
        started = time.perf_counter()
        known = await _ask(layer, memory, thread)
        await _give_back(memory, known)
        taken += time.perf_counter() - started
        calls += 1
        if len(known.session.messages) != whole:
            raise RuntimeError("The history is not whole")
    return taken / calls


async def _ask(layer: DataLayer, memory: Memory, thread: str) -> Known:
    return await recall(memory, layer, Asking(USER_ID, thread, "question", now()))


async def _give_back(memory: Memory, known: Known) -> None:
    await memory.put(known.ticket, known.session)


async def _held(sizes: Sizes) -> list[Result]:
    result = Result(HELD.format(sizes.hot_users, sizes.hot_messages_each), HOT, partial(_fill, sizes), " users/s")
    return await measure([result], 1)


async def _fill(sizes: Sizes, result: Result, _number: int) -> float:
    text = "A sentence of a usual length, as people write them in a chat. " * 4
    messages = tuple(HotMessage(str(n), "user", text, n) for n in range(sizes.hot_messages_each))
    memory = open_memory(None, HotLimits(total_bytes=2**40))
    gc.collect()
    tracemalloc.start()
    started = time.perf_counter()
    for user in range(sizes.hot_users):
        ticket, _ = await memory.take(f"user {user}", f"thread {user}")
        await memory.put(ticket, HotSession(messages))
    taken = time.perf_counter() - started
    size, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    content = sizes.hot_users * sizes.hot_messages_each * len(text)
    result.note = f"{size / 1e6:,.0f} MB, {size / content:.2f} times the text"
    await memory.close()
    await asyncio.sleep(0)
    return taken / sizes.hot_users
