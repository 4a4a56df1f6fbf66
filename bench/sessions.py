"""Sessions in the data layer beside a store of JSON, as apps begin with one: a file a session, or one file for all.

The JSON stores do the least that works: they read all to find some, replace a file whole, and fsync nothing. What
Threadkeep has answered is on the disk.
"""

import asyncio
import json
import os
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, Protocol

from datalayer import DataLayer
from datalayer.records import Which, now
from datalayer.writes import UpdateThread, UpsertStep, UpsertUser

from . import Sizes, data
from .contestants import OURS
from .data import USER, USER_ID
from .measure import Result, measure, repeat

FILES, ONE = "JSON, a file a session", "JSON, one file"
ALL, BY_TYPE, COMPLEX = "all of {:,} sessions", "of one type, {:,} sessions", "complex query, {:,} sessions"
INSERT, UPDATE = "insert, {:,} sessions", "update, {:,} sessions"
TIMES = {ALL: 25, BY_TYPE: 50, COMPLEX: 17, INSERT: 12, UPDATE: 15}
"""How many times faster than JSON each is to be, at least."""
_MESSAGES, _TYPES, _STATES = 10, ("chat", "review", "build", "plan", "test"), ("open", "done")
_FOUND, _PAGE = 20, 200
_BEGAN = 1_780_000_000_000_000
_MINUTE = 60_000_000

Session = dict[str, Any]


class Sessions(Protocol):
    async def all(self) -> list[Any]: ...

    async def by_type(self, kind: str) -> list[Any]: ...

    async def complex(self, kind: str, since: int) -> list[Any]:
        """The newest that are of this type, still open, in a workspace, and were gone on with since then."""

    async def insert(self, session: Session) -> None: ...

    async def update(self, id: str, message: dict[str, Any]) -> None: ...


class Json:
    def __init__(self, folder: Path, sessions: list[Session]) -> None:
        os.makedirs(folder)
        self.folder = folder

    def load(self) -> list[Session]:
        raise NotImplementedError

    async def all(self) -> list[Any]:
        return sorted(self.load(), key=lambda each: each["updated_at"], reverse=True)

    async def by_type(self, kind: str) -> list[Any]:
        return [each for each in await self.all() if each["type"] == kind]

    async def complex(self, kind: str, since: int) -> list[Any]:
        found = [each for each in await self.by_type(kind) if each["status"] == "open"]
        return [each for each in found if each["workspace"] == "w1" and each["updated_at"] >= since][:_FOUND]

    def _write(self, path: Path, value: Any) -> None:
        path.with_suffix(".new").write_text(json.dumps(value))
        os.replace(path.with_suffix(".new"), path)


class Files(Json):
    def __init__(self, folder: Path, sessions: list[Session]) -> None:
        super().__init__(folder, sessions)
        for each in sessions:
            self._write(self._path(each["id"]), each)

    def _path(self, id: str) -> Path:
        return self.folder / f"{id}.json"

    def load(self) -> list[Session]:
        return [json.loads(path.read_text()) for path in self.folder.glob("*.json")]

    async def insert(self, session: Session) -> None:
        self._write(self._path(session["id"]), session)

    async def update(self, id: str, message: dict[str, Any]) -> None:
        session = json.loads(self._path(id).read_text())
        session["chat_messages"].append(message)
        self._write(self._path(id), session | {"updated_at": message["at"]})


class OneFile(Json):
    def __init__(self, folder: Path, sessions: list[Session]) -> None:
        super().__init__(folder, sessions)
        self._path = folder / "sessions.json"
        self._write(self._path, {each["id"]: each for each in sessions})

    def load(self) -> list[Session]:
        return list(json.loads(self._path.read_text()).values())

    async def insert(self, session: Session) -> None:
        self._write(self._path, json.loads(self._path.read_text()) | {session["id"]: session})

    async def update(self, id: str, message: dict[str, Any]) -> None:
        every = json.loads(self._path.read_text())
        every[id]["chat_messages"].append(message)
        every[id]["updated_at"] = message["at"]
        self._write(self._path, every)


class Ours:
    def __init__(self, layer: DataLayer) -> None:
        self._store = layer.store

    async def _all(self, which: Which) -> list[Any]:
        found: list[Any] = []
        after = None
        while True:
            page = await self._store.threads(USER_ID, _PAGE, after, which=which, sort="activity")
            found += page.threads
            if (after := page.next) is None:
                return found

    async def all(self) -> list[Any]:
        return await self._all(Which())

    async def by_type(self, kind: str) -> list[Any]:
        return await self._all(Which(kind=kind))

    async def complex(self, kind: str, since: int) -> list[Any]:
        which = Which(kind=kind, status="open", folder="w1", since=since)
        return list((await self._store.threads(USER_ID, _FOUND, which=which, sort="activity")).threads)

    async def insert(self, session: Session) -> None:
        named = {"name": session["task"], "kind": session["type"], "folder": session["workspace"]}
        begun = UpdateThread(
            actor=USER, thread_id=session["id"], at=now(), user_id=USER_ID, status=session["status"], **named
        )
        said = [self._step(session["id"], message) for message in session["chat_messages"]]
        await asyncio.gather(*map(self._store.submit, [begun, *said]))

    async def update(self, id: str, message: dict[str, Any]) -> None:
        await self._store.submit(self._step(id, message))

    def _step(self, thread: str, message: dict[str, Any]) -> UpsertStep:
        values = {"type": f"{message['role']}_message", "output": message["content"], "created_at": message["at"]}
        return UpsertStep(actor=USER, thread_id=thread, id=message["id"], at=now(), values=values)


async def sessions(folder: Path, sizes: Sizes) -> list[Result]:
    results: list[Result] = []
    async with AsyncExitStack() as stack:
        for threads in sizes.sessions:
            place = folder / str(threads)
            os.makedirs(place)
            held = [_session(number, threads) for number in range(threads)]
            layer = DataLayer(f"sqlite+aiosqlite:///{place / 'threads.db'}")
            stack.push_async_callback(layer.close)
            ours = Ours(layer)
            await layer.store.submit(UpsertUser(identifier=USER, at=now()))
            for first in range(0, threads, 50):
                await asyncio.gather(*map(ours.insert, held[first : first + 50]))
            stores: dict[str, Sessions] = {
                OURS: ours,
                FILES: Files(place / "files", held),
                ONE: OneFile(place / "one", held),
            }
            await _check(stores, threads)
            results += [each for name, store in stores.items() for each in _results(name, store, threads, sizes)]
        return await measure(results, sizes.rounds)


def _since(threads: int) -> int:
    """When half of the sessions had been gone on with for the last time."""
    return _BEGAN + _MINUTE * threads // 2


async def _check(stores: dict[str, Sessions], threads: int) -> None:
    """Raises RuntimeError unless all answer the same, and something."""
    for ask in _asked(threads).values():
        answers = {name: [_id(each) for each in await ask(store)] for name, store in stores.items()}
        if not answers[OURS] or any(answer != answers[OURS] for answer in answers.values()):
            raise RuntimeError("The stores do not answer the same")


def _id(found: Any) -> str:
    return str(found["id"] if isinstance(found, dict) else found.id)


def _asked(threads: int) -> dict[str, Callable[[Sessions], Awaitable[list[Any]]]]:
    return {
        ALL: lambda store: store.all(),
        BY_TYPE: lambda store: store.by_type("review"),
        COMPLEX: lambda store: store.complex("review", _since(threads)),
    }


def _results(name: str, store: Sessions, threads: int, sizes: Sizes) -> list[Result]:
    reads = [
        Result(case.format(threads), name, partial(_read, partial(ask, store), sizes.read_for))
        for case, ask in _asked(threads).items()
    ]
    insert = Result(INSERT.format(threads), name, partial(_insert, store, threads, count(threads), sizes))
    return [*reads, insert, Result(UPDATE.format(threads), name, partial(_update, store, threads, count(), sizes))]


async def _read(ask: Callable[[], Awaitable[list[Any]]], at_least: float, *_: Any) -> tuple[float, float]:
    return await repeat(ask, at_least)


async def _insert(store: Sessions, threads: int, numbers: "count[int]", sizes: Sizes, *_: Any) -> float:
    """Of a session that begins: a question with its answer."""
    made = [_session(number, threads, messages=2) for number in islice(numbers, sizes.session_writes)]
    started = time.perf_counter()
    for each in made:
        await store.insert(each)
    return (time.perf_counter() - started) / len(made)


async def _update(store: Sessions, threads: int, numbers: "count[int]", sizes: Sizes, *_: Any) -> float:
    """Of a session that goes on by a message."""
    made = []
    for number in islice(numbers, sizes.session_writes):
        id, at = _session(number % threads, threads, 0)["id"], _BEGAN + _MINUTE * (3 * threads + number)
        made.append((id, _message(random.Random(f"update {number}"), f"{id} more {number}", 0, at)))
    started = time.perf_counter()
    for id, message in made:
        await store.update(id, message)
    return (time.perf_counter() - started) / len(made)


def _session(number: int, threads: int, messages: int = _MESSAGES) -> Session:
    draw = random.Random(f"session {threads} {number}")
    id, at = data.new_id(draw), _BEGAN + _MINUTE * number
    said = [_message(draw, f"{id} {each}", each, at + each) for each in range(messages)]
    kind, status = _TYPES[number % len(_TYPES)], _STATES[number // len(_TYPES) % 2]
    about = {"id": id, "type": kind, "status": status, "workspace": f"w{number // 10 % 3}", "task": f"task {number}"}
    return about | {"updated_at": at + max(messages - 1, 0), "instances": [], "chat_messages": said}


def _message(draw: random.Random, id: str, number: int, at: int) -> dict[str, Any]:
    role = "assistant" if number % 2 else "user"
    return {"id": id, "role": role, "content": data.prose(draw, 1_100), "at": at}
