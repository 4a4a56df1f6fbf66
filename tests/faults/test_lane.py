"""The queue of writes while the database refuses them, without a database: every refusal is decided by the test."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from datalayer import StoreUnavailable, backlog, transaction
from datalayer.records import Blob
from datalayer.spool import Spool
from datalayer.writer import Event, Lane
from datalayer.writes import UpsertElement, UpsertStep, Write


class Database:
    def __init__(self) -> None:
        self.works = True
        self.recovers = False  # after one refusal
        self.answers = asyncio.Event()
        self.answers.set()
        self.stored: list[str] = []
        self.tries = 0
        self.tried_again = asyncio.Event()

    async def commit(self, writes: Sequence[Write]) -> list[Any]:
        self.tries += 1
        if self.tries == 3:
            self.tried_again.set()
        await asyncio.sleep(0)
        await self.answers.wait()
        if not self.works:
            self.works = self.recovers
            raise StoreUnavailable("not now")
        self.stored += [write.id for write in writes if isinstance(write, UpsertStep)]
        return [None] * len(writes)


def step(name: str) -> UpsertStep:
    return UpsertStep(thread_id="t", id=name, values={})


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def lane(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lane]:
    monkeypatch.setattr(backlog, "PAUSES", (0.001,))
    spool = Spool(tmp_path / "spool")
    yield Lane(database.commit, spool)
    spool.close(keep=True)


async def test_it_recovers_although_writes_never_stop_coming(lane: Lane, database: Database) -> None:
    recovered = asyncio.Event()
    lane.listeners.append(lambda event: recovered.set() if event.kind == "recovered" else None)
    database.works = False
    names: list[str] = []

    async def keep_writing() -> None:
        while not recovered.is_set():
            names.append(str(len(names)))
            await lane.submit(step(names[-1]))

    writing = asyncio.create_task(keep_writing())
    await database.tried_again.wait()  # amid the writes
    database.works = True
    await writing
    await lane.close()
    assert database.stored == names


async def test_while_it_is_degraded_new_writes_wait_behind_the_old_ones(lane: Lane, database: Database) -> None:
    database.works = False
    await lane.submit(step("old"))
    database.works = True
    await lane.submit(step("new"))
    await lane.close()
    assert database.stored == ["old", "new"]


async def test_each_thread_is_told_once_it_is_concerned(lane: Lane, database: Database) -> None:
    events: list[Event] = []
    lane.listeners.append(events.append)
    database.works = False
    await lane.submit(step("a"))
    database.works = True
    await lane.close()
    assert [(event.kind, event.threads) for event in events] == [
        ("degraded", frozenset({"t"})),
        ("recovered", frozenset()),
    ]


async def test_a_listener_that_fails_stops_nothing(lane: Lane, database: Database) -> None:
    def fail(_event: Event) -> None:
        raise RuntimeError

    lane.listeners.append(fail)
    database.works = False
    await lane.submit(step("a"))
    database.works = True
    await lane.close()
    assert database.stored == ["a"]


async def test_what_is_left_at_the_end_is_for_the_next_process(database: Database, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    lane = Lane(database.commit, spool)
    database.works = False
    await lane.submit(step("a"))
    await lane.close()
    spool.close(keep=lane.degraded)
    assert [write.id for write in Spool(tmp_path / "spool").take_over() if isinstance(write, UpsertStep)] == ["a"]


async def test_stored_content_is_named_until_the_write_that_waited_for_it_is_stored(lane: Lane) -> None:
    go_on, stored = asyncio.Event(), asyncio.Event()

    async def slow() -> Blob:
        await go_on.wait()
        return Blob("first", 1)

    async def full() -> Blob:
        raise OSError("disk full")

    async def quick() -> Blob:
        stored.set()
        return Blob("last", 1)

    puts = {"first": slow, "failed": full, "last": quick}
    waiting = [lane.submit(UpsertElement(thread_id="t", id=name, values={}), put) for name, put in puts.items()]
    await stored.wait()
    assert (lane.blobs(), lane.pending) == ({"last"}, 3)  # it waits behind the first one, as the same thread's
    go_on.set()
    await asyncio.wait(waiting)
    assert [type(done.exception()) for done in waiting] == [type(None), StoreUnavailable, type(None)]
    assert (lane.blobs(), lane.pending) == (set(), 0)


async def test_content_is_named_by_what_waits_in_the_spool_between_two_tries(
    lane: Lane, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def put() -> Blob:
        return Blob("content", 1)

    monkeypatch.setattr(backlog, "PAUSES", (1000.0,))
    database.works = False
    await lane.submit(step("a"))
    await lane.submit(UpsertElement(thread_id="t", id="without", values={}))
    await lane.submit(UpsertElement(thread_id="t", id="with", values={}), put)
    assert await lane.catch_up() is False
    assert (lane.blobs(), lane.pending) == ({"content"}, 3)
    tries = database.tries
    for _ in range(50):
        await asyncio.sleep(0)
    assert database.tries == tries  # the call made one try, and the pauses are as long as before
    database.works = True
    assert await lane.catch_up() is True
    assert (lane.blobs(), lane.pending) == (set(), 0)


@pytest.mark.parametrize("works", [True, False])
async def test_a_commit_that_hung_is_tried_again_only_when_it_has_failed(
    lane: Lane, database: Database, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    monkeypatch.setattr(transaction, "PATIENCE", 0.0)
    monkeypatch.setattr(transaction, "OPENING", 1000.0)
    monkeypatch.setattr(backlog, "PAUSES", (1000.0,))
    database.answers.clear()
    database.works, database.recovers = works, True
    await lane.submit(step("a"))
    catching_up = asyncio.create_task(lane.catch_up())
    await asyncio.sleep(0)
    database.answers.set()
    assert await catching_up is True  # what the one that began before the call says is not the last word
    assert (database.stored, database.tries) == (["a"], 1 if works else 2)


async def until_it_waits() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_nobody_gives_up_too_early_and_nothing_hangs_afterwards(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "OPENING", 1000.0)
    opened, events = asyncio.Event(), list[Event]()
    lane = Lane(database.commit, Spool(tmp_path / "spool"), opened.wait)
    lane.listeners.append(events.append)
    database.answers.clear()
    done = lane.submit(step("a"))
    await until_it_waits()
    assert (lane.stalled, database.tries) == (False, 0)
    opened.set()
    await until_it_waits()
    assert (lane.stalled, database.tries) == (False, 1)
    database.answers.set()
    await done
    assert await lane.close()
    assert events == []


async def test_a_database_that_does_not_open_is_given_up_like_one_that_does_not_commit(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "PATIENCE", 0.0)
    monkeypatch.setattr(transaction, "OPENING", 0.0)
    opened, spool = asyncio.Event(), Spool(tmp_path / "spool")
    lane = Lane(database.commit, spool, opened.wait)
    await lane.submit(step("a"))
    assert (lane.degraded, lane.stalled, database.stored) == (True, True, [])
    opened.set()
    assert await lane.catch_up()
    assert database.stored == ["a"]
    assert await lane.close()
    spool.close(keep=False)
