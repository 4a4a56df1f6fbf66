"""I7 on a real file system: whatever happens to the database file, no call fails, and all is stored once it is over."""

import asyncio
import itertools
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from datalayer import DataLayer, StoreUnavailable, backlog
from datalayer.dialects import sqlite
from datalayer.writer import Event
from tests.conftest import make_step, new_id, steps_of
from tests.gate import Gate
from tests.processes import start

LARGE = "x" * 30_000


class Case:
    """A layer on ``folder``, its spool elsewhere, and a thread that was stored before the trouble."""

    def __init__(self, folder: Path, spool: Path | None) -> None:
        self.database = folder / "threads.db"
        self.layer = DataLayer(f"sqlite+aiosqlite:///{self.database}", files=folder / "files", spool=spool)
        self.events: list[str] = []
        self.heard = asyncio.Event()
        self.layer.store.listeners.append(self._hear)
        self.thread = new_id()
        self.sent: list[Any] = []

    def _hear(self, event: Event) -> None:
        self.events.append(event.kind)
        self.heard.set()

    async def say(self, *outputs: str) -> None:
        """Sends messages one after the other; none of the calls may raise."""
        for output in outputs:
            self.sent.append(make_step(self.thread, output=output))
            await self.layer.create_step(self.sent[-1])

    async def replay(self) -> bool:
        return await self.layer.store.catch_up()

    async def assert_degraded(self, pending: int) -> None:
        assert await self.layer.health() == {"state": "degraded", "pending": pending}
        assert set(self.events) == {"degraded"}

    async def assert_all_stored(self) -> None:
        """Now, in order, and also after everything was closed."""
        assert await self.layer.health() == {"state": "ok", "pending": 0}
        for layer in (self.layer, again := DataLayer(f"sqlite+aiosqlite:///{self.database}")):
            stored = await steps_of(layer, self.thread)
            assert [step["output"] for step in stored.values()] == [step["output"] for step in self.sent]
            if layer is self.layer:
                await layer.close()
        await again.close()
        with closing(sqlite3.connect(self.database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    async def assert_recovers(self) -> None:
        """The trouble is over: one try stores everything."""
        assert await self.replay()
        assert self.events[-1] == "recovered"
        assert self.events.count("recovered") == 1
        await self.say("after")
        await self.assert_all_stored()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are given up at once, and no try comes but those that a test makes."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    monkeypatch.setattr(backlog, "PAUSES", (1000.0,))


@pytest.fixture
async def make_case(tmp_path: Path) -> Any:
    made: list[Case] = []

    async def make(folder: Path = tmp_path, spool: Path | None = tmp_path / "spool") -> Case:
        made.append(Case(folder, spool))
        await made[-1].say("before")
        return made[-1]

    yield make
    for case in made:
        await case.layer.close()


Make = Callable[..., Any]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("a file system of its own needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def immutable(on: bool, *files: Path) -> bool:
    """Whether the system lets us change that."""
    return subprocess.run(["chattr", "+i" if on else "-i", *files], capture_output=True).returncode == 0


def remount(folder: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", folder], check=True)


def write_for_ever(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for _ in itertools.repeat(None):
            file.write(b"x" * 512)


def fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with pytest.raises(OSError, match="No space"):
        write_for_ever(ballast)
    return ballast


class TestDiskFull:
    async def test_what_finds_no_room_waits_in_the_spool_on_another_disk(
        self, make_case: Make, small_disk: Path
    ) -> None:
        case = await make_case(small_disk)
        ballast = fill(small_disk)
        await case.say(*(f"{n} {LARGE}" for n in range(5)))
        assert not await case.replay()
        await case.assert_degraded(5)
        ballast.unlink()
        await case.assert_recovers()

    async def test_with_the_spool_on_the_same_disk_the_caller_hears_at_once_and_may_call_again(
        self, make_case: Make, small_disk: Path
    ) -> None:
        case = await make_case(small_disk, None)
        ballast = fill(small_disk)
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await case.layer.create_step(make_step(case.thread, output=LARGE))
        assert set(case.events) == {"lost"}
        assert await case.layer.health() == {"state": "ok", "pending": 0}
        ballast.unlink()
        await case.say("after", LARGE)
        await case.assert_all_stored()

    async def test_half_a_line_in_the_spool_is_not_taken_for_safe(self, make_case: Make, small_disk: Path) -> None:
        """A write to a file on a full disk takes what fits and reports no error."""
        (small_disk / "spool").mkdir()
        (small_disk.parent / "db").mkdir()
        case = await make_case(small_disk.parent / "db", small_disk / "spool")
        with closing(sqlite3.connect(case.database)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            await case.say("fits")
            ballast = fill(small_disk)
            with ballast.open("r+b") as file:
                file.truncate(ballast.stat().st_size - 8192)  # room for a part of the next
            with pytest.raises(StoreUnavailable):
                await case.layer.create_step(make_step(case.thread, output=LARGE))
            await case.say("small")
            lock.rollback()
        assert [e for e in case.events if e == "lost"] == ["lost"]
        left = [step["output"] for step in case.sent]
        assert (await case.layer.health())["pending"] == 2
        spool = (small_disk / "spool" / f"{case.layer.store.instance}.jsonl").read_bytes()
        assert spool.count(b'{"kind"') == 2
        assert await case.replay()
        assert [step["output"] for step in (await steps_of(case.layer, case.thread)).values()] == left


HOLD = """
import sqlite3, sys, threading
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
threading.Event().wait()
"""


class TestLock:
    async def test_a_lock_that_another_process_holds_longer_than_the_busy_timeout(self, make_case: Make) -> None:
        case = await make_case()
        with start(HOLD, str(case.database), cwd=case.database.parent) as other:
            assert other.stdout is not None
            other.stdout.readline()
            await asyncio.gather(*(case.say(f"{n}") for n in range(300)))
            assert not await case.replay()
            await case.assert_degraded(300)
            assert len(await steps_of(case.layer, case.thread)) == 301  # reading goes on, and sees what waits
            other.kill()
        await case.assert_recovers()

    async def test_the_retry_comes_by_itself(self, make_case: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(backlog, "PAUSES", (0.01,))
        case = await make_case()
        with closing(sqlite3.connect(case.database)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            await case.say("during")
            assert case.events == ["degraded"]
            case.heard.clear()
            lock.rollback()
            await asyncio.wait_for(case.heard.wait(), 20)
        assert case.events == ["degraded", "recovered"]
        await case.assert_all_stored()

    async def test_a_lock_given_back_in_time_is_no_trouble(
        self, gate: Gate, make_case: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 60.0)
        case = await make_case()
        gate.shut("BEGIN IMMEDIATE")
        with closing(sqlite3.connect(case.database)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            call = asyncio.create_task(case.say("during"))
            await gate.arrival()
            gate.open()
            lock.rollback()
            await call
        assert case.events == []
        await case.assert_all_stored()


class TestReadOnly:
    async def test_a_file_that_becomes_immutable_while_open(self, make_case: Make) -> None:
        case = await make_case()
        files = [case.database, case.database.with_name("threads.db-wal")]
        if not immutable(True, *files):
            pytest.skip("chattr +i needs root and a file system that knows it")
        try:
            await case.say("one", "two", LARGE)
            assert not await case.replay()
            await case.assert_degraded(3)
        finally:
            immutable(False, *files)
        await case.assert_recovers()

    async def test_a_disk_that_is_mounted_read_only(self, make_case: Make, small_disk: Path, tmp_path: Path) -> None:
        """From the start of a process on; the database is one that an earlier process wrote."""
        first = await make_case(small_disk)
        await first.layer.close()
        remount(small_disk, "ro")
        case = Case(small_disk, tmp_path / "spool")
        case.thread, case.sent = first.thread, first.sent
        await case.say("one", "two", LARGE)
        assert not await case.replay()
        await case.assert_degraded(3)
        remount(small_disk, "rw")
        await case.assert_recovers()


class TestDamage:
    async def test_a_file_overwritten_by_garbage_while_open(self, make_case: Make) -> None:
        case = await make_case()
        log = case.database.with_name("threads.db-wal")
        await case.say(*(f"{n} {LARGE}" for n in range(3)))
        whole = {path: path.read_bytes() for path in (case.database, log)}
        for path in whole:
            with path.open("r+b") as file:
                file.write(os.urandom(len(whole[path])))
        await case.layer.store._database.close()  # as the next connection would find it
        await case.say("one", "two")
        assert not await case.replay()
        await case.assert_degraded(2)
        for path, content in whole.items():
            path.write_bytes(content)
        case.database.with_name("threads.db-shm").unlink(missing_ok=True)
        await case.assert_recovers()

    async def test_an_empty_header_while_open_is_reported_and_nothing_is_lost(self, make_case: Make) -> None:
        case = await make_case()
        with closing(sqlite3.connect(case.database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole = case.database.read_bytes()
        with case.database.open("r+b") as file:
            file.write(b"not a database at all")
        await case.layer.store._database.close()
        await case.say("one", "two")
        await case.assert_degraded(2)
        with case.database.open("r+b") as file:
            file.write(whole[:64])
        await case.assert_recovers()


class TestReplaced:
    async def test_another_database_renamed_over_the_open_one_takes_the_writes_from_then_on(
        self, make_case: Make, tmp_path: Path
    ) -> None:
        (tmp_path / "other").mkdir()
        other = Case(tmp_path / "other", None)
        for n in range(40):
            await other.layer.create_step(make_step(f"thread-{n % 7}", output=f"{n} {LARGE}"))
        await other.layer.close()
        case = await make_case()
        await case.say("in the old one only", *(LARGE for _ in range(9)))
        other.database.replace(case.database)
        case.sent.clear()
        await case.say("one", "two")
        with closing(sqlite3.connect(case.database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("SELECT count(*) FROM steps").fetchall() == [(42,)]
        await case.assert_all_stored()
        assert case.events == []

    async def test_a_removed_database_is_made_anew_for_the_writes_from_then_on(self, make_case: Make) -> None:
        case = await make_case()
        for path in case.database.parent.glob("threads.db*"):
            if path.is_file():
                path.unlink()
        case.sent.clear()
        await case.say("one", "two")
        await case.assert_all_stored()

    async def test_a_database_moved_away_and_back(self, make_case: Make, tmp_path: Path) -> None:
        """As on a disk that drops out: its whole folder is gone for a while."""
        folder = tmp_path / "disk"
        folder.mkdir()
        case = await make_case(folder)
        folder.rename(tmp_path / "unplugged")
        await case.say("one", "two")
        assert not await case.replay()
        await case.assert_degraded(2)
        if folder.exists():  # nothing may have been made in its place
            assert [path.name for path in folder.rglob("*") if path.is_file()] == []
            shutil.rmtree(folder)
        (tmp_path / "unplugged").rename(folder)
        await case.assert_recovers()

    async def test_a_file_of_another_application_in_its_place(self, make_case: Make, tmp_path: Path) -> None:
        case = await make_case()
        other = tmp_path / "other.db"
        with closing(sqlite3.connect(other)) as connection:
            connection.execute("CREATE TABLE theirs (a)")
            connection.commit()
        kept = tmp_path / "kept.db"
        with closing(sqlite3.connect(case.database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(case.database, kept)
        theirs = other.read_bytes()
        other.replace(case.database)
        await case.say("one", "two")
        await case.assert_degraded(2)
        assert case.database.read_bytes() == theirs
        kept.replace(case.database)
        await case.assert_recovers()


class TestConnection:
    @pytest.mark.parametrize("role", ["write", "read"])
    async def test_a_connection_that_is_gone_is_made_anew(self, make_case: Make, role: str) -> None:
        case = await make_case()
        await steps_of(case.layer, case.thread)
        for connection in getattr(case.layer.store._database, role)._idle:
            connection.connection.driver_connection.close()
        await case.say("one", "two")
        if "degraded" in case.events:
            await case.assert_recovers()
        else:
            await case.say("after")
            await case.assert_all_stored()
