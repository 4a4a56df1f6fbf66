"""What many users come to: a thousandth of them on the real database, and ``docs/scaling.md`` held against that.

The page's tables are read: what is assumed, what a turn leaves, and what follows. Rows and bytes must be within a tenth
of what the database of PostgreSQL says, and what follows must follow.
"""

import asyncio
import random
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import Connection, text

from assistant.memory import HotLimits, HotMessage, HotSession, open_memory
from datalayer import DataLayer
from datalayer.records import now, user_id
from datalayer.writes import RecordUsage, UpdateThread, UpsertElement, UpsertFeedback, UpsertStep, UpsertUser, Write

from . import Sizes, data, databases, servers
from .hot import REDIS_URL
from .measure import Result

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
SHARE, CLOSE = 1000, 0.1
TURNS, FILES, VOTES = 5, 0.1, 0.05
"""Of a conversation; a turn's share of a file, of a vote."""
_DAY = 86_400

Figures = dict[str, float]
"""By the name in the first column of a table; a table of several columns has ``name, column``."""

# What follows from the first two tables, by the name that the page gives it.
FOLLOWS: dict[str, Callable[[Figures], float]] = {
    "turns a day": lambda f: f["users"] * f["active on a day"] * f["turns of an active user"],
    "turns a second at the peak": lambda f: FOLLOWS["turns a day"](f) / _DAY * f["peak over mean"],
    "writes a second at the peak": lambda f: FOLLOWS["turns a second at the peak"](f) * f["writes of a turn"],
    "turns kept": lambda f: FOLLOWS["turns a day"](f) * f["days kept"],
    "steps, billions": lambda f: FOLLOWS["turns kept"](f) * f["steps, rows"] / 1e9,
    "rows, billions": lambda f: FOLLOWS["turns kept"](f) * _rows(f) / 1e9,
    "database, TB": lambda f: FOLLOWS["turns kept"](f) * _bytes(f) * f["room for what is dead"] / 1e12,
    "shards by size": lambda f: FOLLOWS["database, TB"](f) / f["TB of a shard"],
    "shards by writes": lambda f: FOLLOWS["writes a second at the peak"](f) / f["writes a second of a shard"],
    "files, TB": lambda f: FOLLOWS["turns kept"](f) * f["elements, rows"] * f["KB of a file"] / 1e9,
    "S3 requests a second at the peak": lambda f: (
        FOLLOWS["turns a second at the peak"](f) * f["elements, rows"] * (1 + f["reads of a file"])
    ),
    "people at once at the peak": lambda f: FOLLOWS["turns a second at the peak"](f) * f["seconds between two turns"],
    "Redis, GB": lambda f: (
        FOLLOWS["people at once at the peak"](f) * f["hot minutes"] * 60 / f["seconds of a visit"]
        * f["KB of a hot session"] / 1e6
    ),
    "instances": lambda f: FOLLOWS["people at once at the peak"](f) / f["people of an instance"],
    "connections": lambda f: FOLLOWS["instances"](f) * (f["lanes"] + 1 + f["readers"]),
}  # fmt: skip
_TABLES = ("threads", "steps", "usage", "elements", "feedbacks")


def _rows(figures: Figures) -> float:
    return sum(figures[f"{table}, rows"] for table in _TABLES)


def _bytes(figures: Figures) -> float:
    return sum(figures[f"{table}, rows"] * figures[f"{table}, bytes"] for table in _TABLES)


async def scale(folder: Path, sizes: Sizes) -> list[Result]:
    figures = read(PAGE.read_text())
    async with databases.database(await databases.server(databases.POSTGRES)) as made:
        layer = servers.ours(folder, made)
        started = time.perf_counter()
        written = await _write(layer, sizes.scale_users, sizes.scale_turns)
        taken = time.perf_counter() - started
        await databases.execute(made, "VACUUM FULL")  # what updates left behind depends on when it is cleared away
        found = await _measured(layer, sizes.scale_users * sizes.scale_turns)
        await layer.close()
    found["KB of a hot session"] = await _hot_session()
    print(f"{sizes.scale_users:,} users, {written:,} writes, {written / taken:,.0f} writes/s of one process\n")
    wrong = [*_compare(figures, found, CLOSE), *_compare(figures, {k: f(figures) for k, f in FOLLOWS.items()}, 0.05)]
    if wrong and sizes.scale_users * SHARE >= figures["users"]:
        raise RuntimeError(f"docs/scaling.md says otherwise: {', '.join(wrong)}")
    return []


def read(page: str) -> Figures:
    """The numbers of its tables."""
    found: Figures = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        numbers = [re.match(r"[\d,.]+", cell) for cell in cells[1:3]]
        if not line.startswith("|") or not numbers[0]:
            continue
        values = [float(each[0].replace(",", "")) for each in numbers if each]
        names = [f"{cells[0]}, rows", f"{cells[0]}, bytes"] if cells[0] in _TABLES else [cells[0]]
        found.update(zip(names, values, strict=False))
    return found


def _compare(page: Figures, found: Figures, close: float) -> Iterator[str]:
    for name, value in found.items():
        ok = abs(page[name] - value) <= close * value
        print(f"{'  ' if ok else '! '}{name}: {page[name]:,.10g} on the page, {value:,.4g} found")
        if not ok:
            yield name


async def _write(layer: DataLayer, users: int, turns: int) -> int:
    """``turns``: of a user in the mean; a few have most of them. Returns how many writes there were."""
    draw, written = random.Random(users), 0
    names = [f"user{number}@example.org" for number in range(users)]
    weights = [1 / (1 + number) ** 0.7 for number in range(users)]
    talkers = draw.choices(names, weights=weights, k=users * turns // TURNS)
    made = (
        (UpsertUser(identifier=name, at=now()) for name in names),
        chain.from_iterable(_conversation(draw, who) for who in talkers),
    )
    await layer.store.open()
    for writes in made:
        while some := list(islice(writes, 500)):
            await asyncio.gather(*(layer.store.submit(write) for write in some))
            written += len(some)
        while not await layer.store.catch_up():  # noqa: ASYNC110 - what a slow machine has put into the spool
            await asyncio.sleep(0.1)
    return written


def _conversation(draw: random.Random, who: str) -> Iterator[Write]:
    thread, at = data.new_id(draw), now()
    yield UpdateThread(
        actor=who, thread_id=thread, user_id=user_id(who), name=data.prose(draw, 40), at=at, metadata=_SESSION
    )
    for _ in range(TURNS):
        yield from _turn(draw, who, thread)


def _turn(draw: random.Random, who: str, thread: str) -> Iterator[Write]:
    """As the app stores it in the end: a run, a question, an answer, and what the call of the model used."""
    at, here = now(), dict[str, Any](actor=who, thread_id=thread)
    run, asked, answer = (data.new_id(draw) for _ in range(3))
    for key, kind, name, output in (
        (run, "run", "on_message", ""),
        (asked, "user_message", who, data.prose(draw, 200)),
        (answer, "assistant_message", "Assistant", data.prose(draw, 1500)),
    ):
        values = {"name": name, "type": kind, "output": output, "created_at": at, "start": at, "end": at}
        values |= {"parent_id": None if key == run else run, "metadata": _META}
        yield UpsertStep(**here, id=key, values=values, at=at)
    call: dict[str, Any] = {"kind": "turn", "model": "gemini-3-flash", "provider": "gemini", "status": "complete"}
    call |= {"tokens_in": 900, "tokens_out": 400, "tokens_cached": 0, "cost": 120_000, "price_version": "2026-11-01"}
    yield RecordUsage(**here, id=data.new_id(draw), started_at=at, latency=1, at=at, **call)
    if draw.random() < FILES:
        file = {"name": "report.pdf", "type": "file", "mime": "application/pdf", "display": "inline", "for_id": asked}
        yield UpsertElement(**here, id=data.new_id(draw), values=file, at=at)
    if draw.random() < VOTES:
        yield UpsertFeedback(**here, id=data.new_id(draw), step_id=answer, value=1, at=at)


_SESSION = {"chat_profile": None, "chat_settings": {"model": "gemini-3-flash", "temperature": 0.7}}
_META = {"model": "gemini-3-flash", "usage": {"in": 900, "out": 400}}


async def _measured(layer: DataLayer, turns: int) -> Figures:
    """Rows of a turn, and bytes of a row with its share of the indexes."""
    found: Figures = {}
    for table in _TABLES:
        size = text(f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}")
        count, size_of = await layer.store._database.read.run(partial(_one, size))
        found[f"{table}, rows"] = count / turns
        found[f"{table}, bytes"] = size_of / max(count, 1)
    return found


def _one(statement: Any, connection: Connection) -> Any:
    return connection.execute(statement).one()


async def _hot_session(count: int = 100, messages: int = 10) -> float:
    """KB in Redis of a session of ten messages, of the mean length."""
    draw, memory = random.Random(1), open_memory(REDIS_URL, HotLimits())
    raw = redis.Redis.from_url(REDIS_URL, decode_responses=True)
    keys: list[str] = []
    for number in range(count):
        said = (HotMessage(data.new_id(draw), "user", data.prose(draw, 850), now(), 200) for _ in range(messages))
        ticket, _ = await memory.take(f"bench-{number}", thread := data.new_id(draw))
        await memory.put(ticket, HotSession(tuple(said)))
        keys += [f"chat_history:{thread}", f"chat_sessions:bench-{number}"]
    size = sum(int(raw.memory_usage(key) or 0) for key in keys)
    raw.delete(*keys)
    await memory.close()
    return size / count / 1000
