"""What is found among many messages, beside bare sqlite3 with FTS5 and Chainlit's own layer.

Words come as often as in a language (Zipf's law: the second half as often as the first): the commonest here is in 40 of
100 messages, others in one of 100 or in three of all.
"""

import os
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing
from functools import partial
from itertools import accumulate
from pathlib import Path
from statistics import quantiles
from typing import Any

from chainlit.types import Pagination, ThreadFilter

from datalayer import DataLayer
from datalayer.search import building

from . import Sizes, data
from .contestants import BARE, OURS
from .data import USER_ID
from .measure import Result, measure

FOUND = "search among {:,} messages: {}"
KINDS = ("rare", "middle", "common", "two words", "phrase", "prefix", "Chinese", "miss", "with a filter")
PAGE = 20
_EACH, _WORDS, _LENGTH, _FIRST = 50, 20_000, 30, 6
"""Messages of a thread, words there are, words of a message; the commonest words are no commoner than the sixth of a
language, which is in 40 of 100 messages of this length."""
_RARE, _CHINESE = "zygomorphic", "東京都の天気"


async def search(folder: Path, sizes: Sizes) -> list[Result]:
    os.makedirs(folder)
    results: list[Result] = []
    async with AsyncExitStack() as stack:
        for count in sizes.search_messages:
            path = folder / f"{count}.db"
            sought = _fill(path, count)
            layer = DataLayer(f"sqlite+aiosqlite:///{path}")
            stack.push_async_callback(layer.close)
            await _index(layer)
            db = stack.enter_context(closing(_bare(path)))
            size = f"; {path.stat().st_size / _text_bytes(path):.2f} times the bytes of the texts"
            for kind, (ours, bare) in sought.items():
                asks = {OURS: (partial(_ours, layer, ours), size), BARE: (partial(_of_bare, db, bare), "")}
                results += [
                    Result(FOUND.format(count, kind), name, partial(_ask, ask, note, sizes.read_for))
                    for name, (ask, note) in asks.items()
                    if bare or name == OURS
                ]
        return await measure(results, sizes.rounds)


def _fill(path: Path, count: int) -> dict[str, tuple[str, str]]:
    """Messages, and what is looked for: to our layer, to FTS5; "" where it has no such thing."""
    draw = random.Random(count)
    words = ["".join(draw.choices("abcdefghijklmnoprstuvwy", k=draw.randint(3, 9))) for _ in range(_WORDS)]
    weights = list(accumulate(1 / (rank + _FIRST) for rank in range(_WORDS)))
    rare = set(draw.sample(range(count), 3))
    phrase = f"{words[40]} {words[41]}"

    def messages() -> Iterator[dict[str, Any]]:
        for number in range(count):
            said = draw.choices(words, cum_weights=weights, k=_LENGTH)
            said += [_RARE] * (number in rare) + [_CHINESE] * (number % 50 == 0) + [phrase] * (number % 100 == 0)
            yield {
                **{"id": f"{number:036}", "threadId": f"{number // _EACH:036}", "at": number, "metadata": "{}"},
                **{"name": "", "type": ("user_message", "assistant_message")[number % 2], "output": " ".join(said)},
                **dict.fromkeys(("input", "streaming", "isError", "waitForAnswer", "shown")),
                **dict.fromkeys(("defaultOpen", "autoCollapse")),
            }

    path.write_bytes(data._empty())
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute("INSERT INTO users (id, identifier, metadata, created_at) VALUES (?, 'anna', '{}', 0)", (USER_ID,))
        rows = ((f"{n:036}", USER_ID, n, n * _EACH) for n in range(-(-count // _EACH)))
        db.executemany(
            "INSERT INTO threads (id, user_id, metadata, created_at, last_activity_at) VALUES (?, ?, '{}', ?, ?)", rows
        )
        db.executemany(data.OUR_STEP, messages())
        db.commit()
    common, middle = words[0], words[400]
    return {
        "rare": (_RARE, _RARE),
        "middle": (middle, middle),
        "common": (common, common),
        "two words": (f"{common} {middle}", f"{common} {middle}"),
        "phrase": (f'"{phrase}"', f'"{phrase}"'),
        "prefix": (middle[:2], f"{middle[:2]}*"),
        "Chinese": (_CHINESE[:3], ""),  # FTS5 cuts words at spaces
        "miss": ("qqqqqq", "qqqqqq"),
        "with a filter": (f"from:assistant {middle}", ""),
    }


async def _index(layer: DataLayer) -> None:
    await layer.store.open()
    runs = layer.store._database.write
    await runs.run(building.begin_again)
    while await runs.run(partial(building.build, batch=2_000)) is not None:
        pass


def _bare(path: Path) -> sqlite3.Connection:
    """An index of the same texts by themselves, which points at ours."""
    db = sqlite3.connect(path.with_suffix(".fts"), isolation_level=None)
    db.execute("ATTACH ? AS ours", (str(path),))
    db.execute("CREATE VIRTUAL TABLE found USING fts5(output, content='', detail=full)")
    db.execute("INSERT INTO found (rowid, output) SELECT seq, output FROM ours.steps")
    return db


def _text_bytes(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT sum(length(CAST(output AS BLOB))) FROM steps").fetchone()[0])


async def _ours(layer: DataLayer, question: str) -> int:
    page = await layer.list_threads(Pagination(first=PAGE), ThreadFilter(userId=USER_ID, search=question))
    return len(page.data)


async def _of_bare(db: sqlite3.Connection, question: str) -> int:
    """The newest messages with their texts; ours makes threads and snippets of them."""
    newest = """SELECT steps.id, steps.thread_id, steps.output FROM found JOIN ours.steps ON seq = found.rowid
        WHERE found MATCH ? ORDER BY found.rowid DESC LIMIT ?"""
    return len(db.execute(newest, (question, PAGE)).fetchall())


async def _ask(ask: Callable[[], Awaitable[int]], note: str, at_least: float, result: Result, _number: int) -> float:
    """The median; noted is the 95th of 100."""
    times: list[float] = []
    until = time.perf_counter() + at_least
    while len(times) < 20 or time.perf_counter() < until:
        started = time.perf_counter()
        found = await ask()
        times.append(time.perf_counter() - started)
        if (found == 0) != result.case.endswith("miss"):
            raise RuntimeError(f"{result.case}: {result.contestant} found {found}")
    cuts = quantiles(times, n=20)
    result.note = f"95 % in {cuts[-1] * 1000:.3g} ms{note}"
    return cuts[9]
