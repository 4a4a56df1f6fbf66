"""The queue of writes while the database refuses them, without a database: every refusal is decided by the test."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from datalayer import InvalidInput, StoreUnavailable, backlog, transaction, writer
from datalayer.lanes import Lanes
from datalayer.records import Blob
from datalayer.spool import Spool
from datalayer.writer import Event, Lane
from datalayer.writes import DeleteElement, DeleteStep, ImportThread, UpsertElement, UpsertFeedback, UpsertStep, Write


class Database:
    def __init__(self) -> None:
        self.works = True
        self.recovers = False  # after one refusal
        self.takes = 0.0  # seconds for a transaction
        self.most = 1000  # writes in one
        self.answers = asyncio.Event()
        self.answers.set()
        self.stored: list[str] = []
        self.all: list[Write] = []
        self.tries = 0
        self.tried_again = asyncio.Event()

    async def commit(self, writes: Sequence[Write]) -> list[Any]:
        self.tries += 1
        if self.tries == 3:
            self.tried_again.set()
        await asyncio.sleep(self.takes)
        await self.answers.wait()
        if not self.works or len(writes) > self.most:
            self.works = self.works or self.recovers
            raise StoreUnavailable("not now")
        self.all += writes
        self.stored += [write.id for write in writes if isinstance(write, UpsertStep)]
        return [None] * len(writes)


def step(name: str) -> UpsertStep:
    return UpsertStep(thread_id="t", id=name, values={})


async def until_it_waits() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


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


async def test_it_recovers_although_writes_come_faster_than_the_database_takes_one(
    lane: Lane, database: Database
) -> None:
    database.works = False
    database.takes = 0.01  # seconds, in which the spool takes some
    await lane.submit(step("0"))
    database.works = True
    names = ["0"]
    while lane.degraded:
        names.append(str(len(names)))
        await lane.submit(step(names[-1]))
        assert len(names) < 1000
    await lane.close()
    assert database.stored == names


async def test_what_is_too_much_for_one_transaction_is_stored_in_several(lane: Lane, database: Database) -> None:
    database.works = False
    await asyncio.gather(*(lane.submit(step(f"{n}")) for n in range(100)))
    database.works, database.most = True, 5
    while not await lane.catch_up():
        pass
    assert database.stored == [f"{n}" for n in range(100)]


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
    await until_it_waits()
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


async def test_a_try_that_has_failed_just_before_the_call_says_nothing(
    lane: Lane, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "PAUSES", (1000.0,))
    database.works = False
    await lane.submit(step("a"))
    await until_it_waits()
    calls, store = list[asyncio.Task[bool]](), transaction.Transactions.store

    async def then_asked(self: transaction.Transactions, writes: Sequence[Write], waited: float = 0.0) -> list[Any]:
        try:
            return await store(self, writes, waited)
        except StoreUnavailable:
            database.works = True
            calls.append(asyncio.create_task(lane.catch_up()))  # which runs before the backlog hears of it
            raise

    monkeypatch.setattr(transaction.Transactions, "store", then_asked)
    assert await lane.catch_up() is False
    assert await calls[0] is True
    assert database.stored == ["a"]


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


async def test_a_database_that_opens_late_and_then_hangs_is_not_waited_for_as_if_it_still_opened(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "PATIENCE", 0.001)
    monkeypatch.setattr(transaction, "OPENING", 1000.0)
    lane = Lane(database.commit, Spool(tmp_path / "spool"), partial(asyncio.sleep, 0.05))
    database.answers.clear()
    await lane.submit(step("a"))
    assert lane.degraded
    database.answers.set()
    assert await lane.close()


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


async def test_who_has_waited_for_the_one_before_waits_no_longer_than_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "PATIENCE", 300.0)
    transactions = transaction.Transactions(database.commit)
    for waited, most in ((0.0, 300.0), (120.0, 180.0), (290.0, 100.0)):
        database.answers.clear()
        storing = asyncio.create_task(transactions.store([step("a")], waited))
        await until_it_waits()
        assert most - 60.0 < transactions.left <= most
        database.answers.set()
        await storing


class TestContent:
    """A write that waits for its content holds up what may not go before it, and nothing else."""

    @pytest.fixture
    def go_on(self) -> asyncio.Event:
        return asyncio.Event()

    @pytest.fixture
    async def upload(self, lane: Lane, go_on: asyncio.Event) -> asyncio.Future[Any]:
        async def put() -> Blob:
            await go_on.wait()
            return Blob("content", 1)

        return lane.submit(UpsertElement(thread_id="t", id="e", values={}), put)

    async def test_other_threads_do_not_wait(self, lane: Lane, database: Database, upload: Any, go_on: Any) -> None:
        later = lane.submit(step("same thread"))
        await lane.submit(replace(step("other"), thread_id="u"))
        await lane.barrier("u")
        assert (database.stored, lane.pending) == (["other"], 2)
        go_on.set()
        await later
        assert upload.done()

    async def test_what_may_be_of_any_thread_waits_and_what_follows_it_too(
        self, lane: Lane, database: Database, upload: Any, go_on: Any
    ) -> None:
        deleted = lane.submit(DeleteElement(id="e"))
        later = lane.submit(replace(step("other"), thread_id="u"))
        await until_it_waits()
        assert (database.stored, lane.pending) == ([], 3)
        go_on.set()
        await later
        assert deleted.done()

    async def test_the_end_waits_for_it(self, lane: Lane, upload: Any, go_on: Any) -> None:
        closing = asyncio.create_task(lane.close())
        await until_it_waits()
        assert not closing.done()
        go_on.set()
        assert await closing
        assert await upload is None

    async def test_but_not_for_ever_and_its_caller_hears_it(
        self, lane: Lane, upload: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(writer, "CLOSING", 0.01)
        assert await lane.close()
        with pytest.raises(StoreUnavailable, match="before the end"):
            await upload
        assert (lane.pending, [record.name for record in caplog.records]) == (0, ["datalayer"])


async def test_the_end_tries_once_more_what_is_in_the_spool(
    lane: Lane, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "PAUSES", (1000.0,))
    database.works = False
    await lane.submit(step("a"))
    assert await lane.catch_up() is False
    database.works = True
    assert await lane.close()
    assert (database.stored, lane.degraded) == (["a"], False)


async def test_the_end_spools_what_a_slow_transaction_holds_up(
    lane: Lane, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = transaction.Watch.leave

    def leave_and_wait_long(self: transaction.Watch) -> None:
        monkeypatch.setattr(writer, "CLOSING", 60.0)
        leave(self)

    monkeypatch.setattr(transaction, "PATIENCE", 1000.0)
    monkeypatch.setattr(transaction.Watch, "leave", leave_and_wait_long)
    monkeypatch.setattr(writer, "CLOSING", 0.01)
    database.answers.clear()
    held = lane.submit(step("a"))
    await until_it_waits()
    behind = lane.submit(step("b"))
    closing = asyncio.create_task(lane.close())
    assert (await held, await behind, database.stored) == (None, None, [])
    assert [write.id for write in lane.spooled() if isinstance(write, UpsertStep)] == ["a", "b"]
    database.answers.set()
    assert await closing
    assert database.stored == ["a", "b"]


async def test_a_flood_is_stored_in_transactions_of_256(tmp_path: Path) -> None:
    sizes: list[int] = []

    async def commit(writes: Sequence[Write]) -> list[None]:
        sizes.append(len(writes))
        return [None] * len(writes)

    lane = Lane(commit, Spool(tmp_path / "spool"))
    await asyncio.gather(*(lane.submit(step(f"{n}")) for n in range(600)))
    assert await lane.close()
    assert sizes == [256, 256, 88]


async def test_writes_of_many_rows_share_a_transaction_until_it_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    async def commit(writes: Sequence[Write]) -> list[None]:
        sizes.append(len(writes))
        await asyncio.sleep(0.02)
        return [None] * len(writes)

    def rows(count: int) -> list[Any]:
        steps = [{"id": str(number)} for number in range(15)]
        return [lane.submit(ImportThread(thread_id=f"{n}", user=None, values={}, steps=steps)) for n in range(count)]

    monkeypatch.setattr(transaction, "PATIENCE", 1000.0)
    lane = Lane(commit, Spool(tmp_path / "spool"))
    await asyncio.gather(*rows(32))
    assert sizes == [16, 16]
    monkeypatch.setattr(transaction, "PATIENCE", 0.03)  # which a transaction uses more than half of
    monkeypatch.setattr(transaction.Transactions, "stalled", False)
    await asyncio.gather(*rows(32))
    assert sizes[2:] == [16, 8, 4, 4]
    monkeypatch.setattr(transaction, "PATIENCE", 1000.0)
    await asyncio.gather(*rows(16))
    assert sizes[6:] == [4, 8, 4]
    await asyncio.gather(*(lane.submit(step(f"{n}")) for n in range(256)))
    assert sizes[9:] == [256]
    assert await lane.close()


async def test_what_nobody_waits_for_is_told_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(writes: Sequence[Write]) -> list[Any]:
        return [InvalidInput("no") for _ in writes]

    lane = Lane(refuse, Spool(tmp_path / "spool"))
    lane.submit(step("a"))
    lane.submit(step("b")).cancel()
    assert await lane.close()
    await until_it_waits()
    gc.collect()
    assert [record.name for record in caplog.records] == ["datalayer"] * 2


@pytest.mark.parametrize("later", [DeleteStep(id="a"), UpsertFeedback(id="v", step_id="a", value=1)])
@pytest.mark.parametrize("lane", [0, 1, 2])
async def test_a_write_that_knows_its_row_only_goes_through_the_lane_where_the_row_waits(
    database: Database, tmp_path: Path, later: Write, lane: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "PAUSES", (1000.0,))
    thread = next(name for name in map(str, range(100)) if crc32(name.encode()) % 3 == lane)
    lanes = Lanes(database.commit, Spool(tmp_path / "spool"), count=3)
    database.works = False
    await lanes.submit(replace(step("a"), thread_id=thread))
    await lanes.submit(later)
    assert (database.all, lanes.pending) == ([], 2)
    database.works = True
    assert await lanes.catch_up()
    assert [type(write) for write in database.all] == [UpsertStep, type(later)]
    assert await lanes.close()
    await lanes.ended()
