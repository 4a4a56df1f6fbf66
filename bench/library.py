"""One collection of conversations in several sizes. Each is filled once a run, into what every contestant reads, by
plain SQL in its own schema: a million messages through Chainlit's layers would take hours."""

import random
import sqlite3
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from hashlib import md5
from itertools import accumulate
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from datalayer import DataLayer
from datalayer.search import building

from . import chainlits, data
from .contestants import BARE, CHAINLIT, OURS, POSTGRES, Bare, Contestant, Layer, opened
from .data import USER, USER_ID

EACH = 10
"""Messages of a conversation, questions and answers in turn: five turns, as in docs/scaling.md."""
BEGAN, DAY = 1_700_000_000_000_000, 86_400_000_000
SPAN = 600 * DAY
"""UTC microseconds: of the first message, and from that to the last."""
RARE, CHINESE = "zygomorphic", "東京都の天気"
_WORDS, _LENGTH, _FIRST = 20_000, 30, 6
"""Words there are, words of a message; the commonest words are no commoner than the sixth of a language, which is in 40
of 100 messages of this length."""
_THREAD = """INSERT INTO threads (id, user_id, name, name_source, metadata, created_at, last_activity_at)
    VALUES (?, ?, ?, 'first_message', '{}', ?, ?)"""
_STEP = """INSERT INTO steps (id, thread_id, created_at, start, "end", name, type, output, is_error, metadata, favorite)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0)"""


class Words:
    """Words as a language has them: few are in most messages, most are in few."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        draw = random.Random(0)
        self.all = ["".join(draw.choices("abcdefghijklmnoprstuvwy", k=draw.randint(3, 9))) for _ in range(_WORDS)]
        self._weights = list(accumulate(1 / (rank + _FIRST) for rank in range(_WORDS)))
        self.common, self.middle, self.phrase = self.all[0], self.all[400], f"{self.all[40]} {self.all[41]}"

    def some(self, count: int) -> list[str]:
        return self._draw.choices(self.all, cum_weights=self._weights, k=count)

    def numbers(self, below: int, count: int) -> set[int]:
        return set(self._draw.sample(range(below), count))


@dataclass(frozen=True)
class Shelf:
    """The collection in one size. ``postgres``: the URL of Chainlit's database on a server; None: there is none."""

    folder: Path
    threads: int
    postgres: URL | None = None

    @property
    def messages(self) -> int:
        return self.threads * EACH

    @property
    def ours(self) -> Path:
        return self.folder / f"threadkeep-{self.threads}.db"

    @property
    def chainlits(self) -> Path:
        return self.folder / f"chainlit-{self.threads}.db"

    @property
    def words_only(self) -> Path:
        """FTS5's index of the texts by themselves."""
        return self.folder / f"fts5-{self.threads}.db"

    @cached_property
    def words(self) -> Words:
        return Words(self.threads)

    def newest(self, number: int) -> str:
        """The id of the thread of which ``number`` are newer."""
        return key("thread", self.threads - 1 - number)

    def at(self, part: float) -> int:
        """When that part of the messages had been written."""
        return BEGAN + int(SPAN * part)

    @cached_property
    def text_bytes(self) -> int:
        with closing(sqlite3.connect(self.ours)) as db:
            return int(db.execute("SELECT sum(length(CAST(output AS BLOB))) FROM steps").fetchone()[0])


class Library:
    """The shelves of a run."""

    def __init__(self, folder: Path, stack: AsyncExitStack, patience: float) -> None:
        """``stack``: drops what was made on a server. ``patience``: seconds after which a server ends a statement."""
        self._folder, self._stack, self._patience = folder, stack, patience
        self._shelves: dict[int, Shelf] = {}

    async def of(self, threads: int) -> Shelf:
        if threads not in self._shelves:
            self._folder.mkdir(exist_ok=True)
            self._shelves[threads] = await self._filled(Shelf(self._folder, threads))
        return self._shelves[threads]

    async def _filled(self, shelf: Shelf) -> Shelf:
        with _told(f"{shelf.messages:,} messages"):
            fill(shelf.ours, shelf.threads, shelf.words)
        with _told("their index"):
            await index(shelf.ours)
        with _told("the same in Chainlit's schema"):
            chainlits.fill(shelf.chainlits, shelf.ours)
        url = await chainlits.database(self._stack)
        if url:
            with _told("the same in Chainlit's schema for PostgreSQL"):
                await chainlits.copy(url, shelf.ours, self._patience)
        with _told("FTS5's index of them"):
            _index_words(shelf)
        return Shelf(shelf.folder, shelf.threads, url)

    async def opened(self, stack: AsyncExitStack, shelf: Shelf) -> dict[str, Contestant]:
        """All who can read that shelf. They are closed with ``stack``."""
        found: dict[str, Contestant] = {
            OURS: await opened(OURS, shelf.ours),
            CHAINLIT: await opened(CHAINLIT, shelf.chainlits),
            BARE: Bare(shelf.ours, shelf.words_only),
        }
        if shelf.postgres:
            found[POSTGRES] = Layer(shelf.folder, chainlits.layer(shelf.postgres))
        for contestant in found.values():
            stack.push_async_callback(contestant.close)
        return found


class _told:
    """Says on stderr how long something took."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        print(f"  {self._what}: {time.perf_counter() - self._started:.0f} s", file=sys.stderr, flush=True)


def key(kind: str, number: int) -> str:
    """A UUID, without an order that an index could profit from."""
    return str(uuid.UUID(md5(f"{kind} {number}".encode()).hexdigest()))


def fill(path: Path, threads: int, words: Words, lengths: tuple[int, int] = (_LENGTH, _LENGTH)) -> None:
    """Into an empty store of ours. ``lengths``: words of a question, of an answer."""
    rare = words.numbers(threads * EACH, 3)
    path.write_bytes(data.empty())
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous=OFF")
        user = "INSERT INTO users (id, identifier, metadata, created_at) VALUES (?, ?, '{}', ?)"
        db.execute(user, (USER_ID, USER, BEGAN))
        for number in range(threads):
            said = [_said(words, number * EACH + n, rare, lengths) for n in range(EACH)]
            times = [BEGAN + SPAN * (number * EACH + n) // (threads * EACH) for n in range(EACH)]
            thread = key("thread", number)
            db.execute(_THREAD, (thread, USER_ID, said[0][:60], times[0], times[-1]))
            db.executemany(_STEP, _steps(thread, number, said, times))
            if number % 1_000 == 0:
                db.commit()
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _said(words: Words, number: int, rare: set[int], lengths: tuple[int, int]) -> str:
    said = words.some(lengths[number % 2])
    said += [RARE] * (number in rare) + [CHINESE] * (number % 50 == 0) + [words.phrase] * (number % 100 == 0)
    return " ".join(said)


def _steps(thread: str, number: int, said: list[str], times: list[int]) -> Iterator[tuple[Any, ...]]:
    for n, (text, at) in enumerate(zip(said, times, strict=True)):
        who = ("assistant", "assistant_message") if n % 2 else (USER, "user_message")
        metadata = '{"model": "gemini-2.5-flash"}' if n % 2 else "{}"
        yield (key("step", number * EACH + n), thread, at, at, at, *who, text, metadata)


async def index(path: Path) -> None:
    """Our index of what ``fill`` put there."""
    layer = DataLayer(f"sqlite+aiosqlite:///{path}")
    await layer.store.open()
    runs = layer.store._database.write
    await runs.run(building.begin_again)
    while await runs.run(partial(building.build, batch=2_000)) is not None:
        pass
    while not await runs.run(building.is_done):
        await runs.run(building.go_on)
    await layer.close()


def _index_words(shelf: Shelf) -> None:
    with closing(sqlite3.connect(shelf.words_only)) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute("ATTACH ? AS ours", (str(shelf.ours),))
        db.execute("CREATE VIRTUAL TABLE found USING fts5(output, content='', detail=full)")
        db.execute("INSERT INTO found (rowid, output) SELECT seq, output FROM ours.steps")
        db.commit()


def day(moment: int) -> str:
    """As a filter takes it."""
    return datetime.fromtimestamp(moment / 1e6, UTC).strftime("%Y-%m-%d")
