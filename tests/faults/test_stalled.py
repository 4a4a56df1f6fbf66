"""I7: whatever a database that does not answer does in the end, the store is what it would be without the trouble."""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from chainlit.element import Text
from chainlit.types import Feedback

from datalayer import DataLayer, StoreClosed, StoreUnavailable, backlog, transaction
from datalayer.chainlit.events import editing
from datalayer.dialects import sqlite
from datalayer.records import now
from datalayer.spool import live_instances
from datalayer.writes import RecordUsage
from tests.conftest import make_run, make_step
from tests.gate import Gate

AT = "2026-11-20T08:21:00.00000{}Z"
TIMES = {"seq", "written_at", "last_activity_at", "deleted_at", "instance"}


def step(name: str, output: str, number: int, **over: Any) -> Any:
    at = AT.format(number)
    return make_step("t", id=name, output=output, createdAt=at, start=at, end=at, **over)


def question(output: str) -> Any:
    return step("q", output, 0, type="user_message")


async def edited(layer: DataLayer, output: str) -> None:
    with editing("q"):
        await layer.update_step(question(output))


async def before(layer: DataLayer) -> None:
    await layer.update_thread("t", name="Untitled", metadata={"a": 1, "b": 1})
    await layer.create_step(question("first wording"))
    await layer.create_step(step("a1", "answer to the first", 1, parentId="q"))
    await layer.upsert_feedback(Feedback(forId="q", value=0, threadId="t"))
    await layer.create_element(Text(id="gone", thread_id="t", for_id="q", name="note", content="equal content"))


async def during(layer: DataLayer) -> None:
    """Each write depends on one before it, and comes after the answer to it."""
    usage = {"thread_id": "t", "id": "u", "kind": "turn", "model": "m", "provider": "p", "status": "complete"}
    await edited(layer, "second wording")
    await layer.create_step(step("a2", "answer to the second", 2, parentId="q"))
    await layer.store.submit(RecordUsage(at=now(), tokens_in=1, started_at=1, latency=1, **usage))  # type: ignore[arg-type]
    await layer.delete_element("gone")
    await layer.create_element(Text(id="kept", thread_id="t", for_id="q", name="note", content="equal content"))
    await edited(layer, "third wording")
    await layer.create_step(step("a3", "answer to the third", 3, parentId="q"))
    await layer.store.submit(RecordUsage(at=now(), tokens_in=2, started_at=1, latency=1, **usage))  # type: ignore[arg-type]
    vote = await layer.upsert_feedback(Feedback(forId="q", value=1, threadId="t"))
    assert await layer.delete_feedback(vote)
    await layer.upsert_feedback(Feedback(forId="a3", value=1, threadId="t", comment="good"))
    await layer.upsert_feedback(Feedback(forId="a3", value=0, threadId="t", comment="bad"))
    await layer.update_thread("t", name="Named", metadata={"a": 2, "b": None}, tags=["x"])
    await layer.create_step(step("lost", "said and deleted", 4))
    await layer.delete_step("lost")
    await layer.update_step(step("lost", "a late write to it", 4))
    await layer.create_step(make_run("other", id="r", createdAt=AT.format(5), start=None))
    await layer.delete_thread("other")
    await layer.update_step(make_run("other", id="r", output="late", createdAt=AT.format(5), start=None))
    await layer.update_step(step("a3", "answer to the third, whole", 3, parentId="q"))


def content(folder: Path) -> dict[str, list[Any]]:
    """All that is stored, in the order in which it came, but for the moments at which it was, the chains, whose salts
    are random, and the versions of the store's own values, which are, too."""
    with closing(sqlite3.connect(folder / "threads.db")) as db:
        db.row_factory = sqlite3.Row
        every = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = [name for (name,) in every if not name.startswith("search_") and name != "links"]
        found: dict[str, list[Any]] = {"words": [tuple(row) for row in db.execute("SELECT term FROM search_words")]}
        for table in tables:
            rows = [dict(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY rowid")]
            hidden = TIMES if table == "steps" else TIMES | {"created_at", "tag", "version"}
            found[table] = [{k: v for k, v in row.items() if k not in hidden} for row in rows]
        found["tombstones"].sort(key=str)
        assert [tuple(row) for row in db.execute("PRAGMA integrity_check")] == [("ok",)]
    # The content that a kill left twice goes when the store is tidied.
    names = sorted({path.name[:64] for path in (folder / "files").glob("??/??/*")})
    return found | {"files": names}


def open_in(folder: Path) -> DataLayer:
    return DataLayer(f"sqlite+aiosqlite:///{folder}/threads.db", files=folder / "files", spool=folder / "spool")


def as_a_kill_leaves_it(folder: Path, to: Path) -> None:
    """A copy of the files of this moment; what is locked here is not locked there."""
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*-shm"))


def until_nobody_lives(spool: Path) -> None:
    while live_instances(spool):
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "PATIENCE", 0.05)
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.03)
    monkeypatch.setattr(backlog, "PAUSES", (0.01,))


@pytest.fixture
async def untroubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    with monkeypatch.context() as patient:
        patient.setattr(transaction, "PATIENCE", 20.0)
        (folder := tmp_path / "untroubled").mkdir()
        layer = open_in(folder)
        await before(layer)
        await during(layer)
        await layer.close()
    assert [row["id"] for row in content(folder)["steps"]] == ["q", "a3"]
    return content(folder)


@pytest.fixture
async def layer(tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DataLayer]:
    (tmp_path / "store").mkdir()
    layer = open_in(tmp_path / "store")
    await layer.store.open()
    await before(layer)
    assert await layer.store.catch_up()
    yield layer
    gate.open()
    await layer.close()


async def replayed(folder: Path) -> dict[str, list[Any]]:
    layer = open_in(folder)
    await layer.store.open()
    await layer.close()
    return content(folder)


class TestEndsTheSame:
    async def test_when_another_process_locks_the_database(
        self, layer: DataLayer, tmp_path: Path, untroubled: Any
    ) -> None:
        with closing(sqlite3.connect(tmp_path / "store" / "threads.db")) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            await during(layer)
            assert (await layer.health())["state"] == "degraded"
            as_a_kill_leaves_it(tmp_path / "store", tmp_path / "killed")
        assert await layer.store.catch_up()
        await layer.close()
        assert content(tmp_path / "store") == untroubled
        assert await replayed(tmp_path / "killed") == untroubled

    async def test_when_a_transaction_hangs_and_commits_at_last(
        self, layer: DataLayer, gate: Gate, tmp_path: Path, untroubled: Any
    ) -> None:
        gate.shut()
        await during(layer)
        as_a_kill_leaves_it(tmp_path / "store", tmp_path / "killed")
        gate.open()
        assert await layer.store.catch_up()
        await layer.close()
        assert content(tmp_path / "store") == untroubled
        assert await replayed(tmp_path / "killed") == untroubled

    async def test_when_a_transaction_hangs_and_fails_at_last(
        self, layer: DataLayer, gate: Gate, tmp_path: Path, untroubled: Any
    ) -> None:
        gate.shut("BEGIN IMMEDIATE")
        with closing(sqlite3.connect(tmp_path / "store" / "threads.db")) as lock:
            lock.execute("BEGIN IMMEDIATE")
            await during(layer)
            gate.open()
            assert not await layer.store.catch_up()
        assert await layer.store.catch_up()
        await layer.close()
        assert content(tmp_path / "store") == untroubled

    async def test_when_the_process_dies_after_the_commit_of_what_hung_and_before_the_rest(
        self, layer: DataLayer, gate: Gate, tmp_path: Path, untroubled: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate.shut()
        await during(layer)
        monkeypatch.setattr(backlog, "MAX_BATCH", 1)
        for number in range(3):  # one transaction more each time
            await gate.arrival()
            as_a_kill_leaves_it(tmp_path / "store", tmp_path / f"killed {number}")
            gate.pass_one()
        gate.open()
        for number in range(3):
            assert await replayed(tmp_path / f"killed {number}") == untroubled

    async def test_when_the_process_dies_after_all_and_before_the_spool_is_emptied(
        self, layer: DataLayer, gate: Gate, tmp_path: Path, untroubled: Any
    ) -> None:
        gate.shut()
        await during(layer)
        left = (tmp_path / "store" / "spool" / f"{layer.store.instance}.jsonl").read_bytes()
        gate.open()
        assert await layer.store.catch_up()
        await layer.close()
        (tmp_path / "store" / "spool").mkdir()
        (tmp_path / "store" / "spool" / "dead.jsonl").write_bytes(left)
        assert await replayed(tmp_path / "store") == untroubled


class TestNobodyWaits:
    """``PATIENCE`` is short here; what would hang for ever is ended by the time limit of each test."""

    async def test_for_a_commit_that_does_not_return(self, layer: DataLayer, gate: Gate) -> None:
        gate.shut()
        await asyncio.gather(*(layer.create_step(make_step("t")) for _ in range(600)))
        health = await layer.health()
        assert (health["state"], health["pending"]) == ("degraded", 600)

    async def test_to_read_while_only_writing_hangs(
        self, layer: DataLayer, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate.shut()
        await layer.create_step(make_step("t", id="hangs"))
        monkeypatch.setattr(transaction, "PATIENCE", 20.0)  # a slow machine may take some of it to read
        thread = await layer.get_thread("t")
        assert thread is not None
        assert "hangs" in {step["id"] for step in thread["steps"]}

    async def test_to_read_while_everything_hangs(self, layer: DataLayer, gate: Gate) -> None:
        await layer.get_thread("t")
        gate.shut("")
        await layer.create_step(make_step("t", id="hangs"))
        for _ in range(12):  # more than there are connections
            with pytest.raises(StoreUnavailable, match="does not answer"):
                await layer.get_thread("t")
        gate.open()
        assert await layer.store.catch_up()
        thread = await layer.get_thread("t")
        assert thread is not None
        assert "hangs" in {step["id"] for step in thread["steps"]}

    async def test_to_read_what_a_short_trouble_kept_from_the_database(
        self, layer: DataLayer, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate.shut()
        await layer.create_step(make_step("t", id="late"))
        monkeypatch.setattr(transaction, "PATIENCE", 20.0)
        reading = asyncio.create_task(layer.get_thread("t"))
        await asyncio.wait([reading], timeout=0)
        gate.open()
        assert "late" in {step["id"] for step in (await reading)["steps"]}  # type: ignore[index]

    async def test_to_be_cancelled_while_reading_hangs(self, layer: DataLayer, gate: Gate) -> None:
        await layer.get_thread("t")
        gate.shut("SELECT")
        reading = asyncio.create_task(layer.get_thread("t"))
        await gate.arrival()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    async def test_to_close_while_a_transaction_hangs_and_nobody_replays_beside_it(
        self, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("datalayer.writer.CLOSING", 0.05)
        layer = open_in(tmp_path)
        await layer.create_step(make_step("t", id="first"))
        gate.shut()
        await layer.update_step(make_step("t", id="first", output="hangs"))
        await layer.update_step(make_step("t", id="first", output="after it"))
        await layer.close()
        with pytest.raises(StoreClosed):
            await layer.create_step(make_step("t"))
        other = open_in(tmp_path)
        spool = other.store.place.spool
        assert live_instances(spool) == {layer.store.instance}
        gate.open()
        await asyncio.to_thread(until_nobody_lives, spool)
        await other.store.open()
        await other.update_step(make_step("t", id="first", output="newest"))
        await other.close()
        with closing(sqlite3.connect(tmp_path / "threads.db")) as db:
            assert db.execute("SELECT id, output FROM steps").fetchall() == [("first", "newest")]

    async def test_to_close_while_the_database_is_locked(self, layer: DataLayer, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "store" / "threads.db")) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            await layer.create_step(make_step("t", id="spooled"))
            await layer.close()
        assert "spooled" in {row["id"] for row in (await replayed(tmp_path / "store"))["steps"]}


class TestAtStart:
    @pytest.mark.parametrize("lock", ["BEGIN EXCLUSIVE", "PRAGMA locking_mode=EXCLUSIVE"])
    @pytest.mark.parametrize("is_new", [True, False], ids=["new", "old"])
    async def test_a_locked_database_takes_part_later(self, tmp_path: Path, lock: str, is_new: bool) -> None:
        if not is_new:
            first = open_in(tmp_path)
            await first.create_step(make_step("t", id="old"))
            await first.close()
        with closing(sqlite3.connect(tmp_path / "threads.db", isolation_level=None)) as other:
            other.execute(lock)
            if "BEGIN" not in lock:
                other.execute("BEGIN EXCLUSIVE")
            DataLayer.check(DataLayer.place(f"sqlite+aiosqlite:///{tmp_path}/threads.db"))
            layer = open_in(tmp_path)
            await layer.create_step(make_step("t", id="new"))
            await layer.update_step(make_step("t", id="new", output="newer"))
            assert (await layer.health())["state"] == "degraded"
        assert await layer.store.catch_up()
        await layer.close()
        expected = ([] if is_new else [("old", "Good morning")]) + [("new", "newer")]
        with closing(sqlite3.connect(tmp_path / "threads.db")) as db:
            assert db.execute("SELECT id, output FROM steps ORDER BY seq").fetchall() == expected

    async def test_reading_does_not_wait_for_what_a_dead_process_left(self, tmp_path: Path) -> None:
        first = open_in(tmp_path)
        await first.create_step(make_step("t", id="old"))
        await first.close()
        with closing(sqlite3.connect(tmp_path / "threads.db")) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            layer = open_in(tmp_path)
            thread = await layer.get_thread("t")
            assert thread is not None
            assert [step["id"] for step in thread["steps"]] == ["old"]
        await layer.close()


async def test_when_the_spool_is_full_too_each_caller_hears_it_and_what_hung_may_still_be_stored(
    gate: Gate, tmp_path: Path
) -> None:
    (tmp_path / "spool").touch()  # no folder
    layer, kinds = open_in(tmp_path), list[str]()
    layer.store.listeners.append(lambda event: kinds.append(event.kind))
    await layer.store.open()
    gate.shut()
    for name in ("hangs", "refused"):
        with pytest.raises(StoreUnavailable, match="could not be saved"):
            await layer.create_step(make_step("t", id=name))
    assert kinds == ["lost", "lost"]
    gate.open()
    assert await layer.store.catch_up()
    await layer.create_step(make_step("t", id="after"))
    await layer.close()
    with closing(sqlite3.connect(tmp_path / "threads.db")) as db:
        assert db.execute("SELECT id FROM steps ORDER BY seq").fetchall() == [("hangs",), ("after",)]
