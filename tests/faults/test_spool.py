"""I7: what the database refuses is in the spool, and from there in the database, in order, once, whatever dies when."""

import asyncio
import fcntl
import json
import os
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from chainlit.types import Feedback
from chainlit.user import User

from assistant.texts import say
from datalayer import DataLayer, StoreUnavailable, backlog, transaction
from datalayer.dialects import sqlite
from datalayer.lines import to_json
from datalayer.opening import OfFile
from datalayer.place import Place
from datalayer.spool import Spool, count, live_instances
from datalayer.writer import Event
from datalayer.writes import UpsertStep
from tests.client import Client
from tests.conftest import make_step, new_id, start_thread, steps_of
from tests.e2e.conftest import App
from tests.processes import Child, start

WRITES = 11

# Stores a step, locks the database, then writes what the database refuses, says so, and waits to be killed.
REFUSED = """
import asyncio, sqlite3, sys
from datalayer import DataLayer, backlog
from datalayer.dialects import sqlite
sqlite.BUSY_TIMEOUT, backlog.PAUSES = 0.05, (1000,)

def step(key, output):
    return {"id": key, "threadId": "t", "type": "user_message", "output": output}

async def main():
    layer = DataLayer(sys.argv[1], files="files", spool=sys.argv[2])
    await layer.create_step(step("first", "stored"))
    await layer.create_step(step("gone", "stored"))
    lock = sqlite3.connect(layer.store.place.database)
    lock.execute("BEGIN IMMEDIATE")
    for n in range(int(sys.argv[3])):
        await layer.create_step(step(f"s{n}", f"text {n}"))
        await layer.update_step(step("first", f"text {n}"))
    await layer.delete_step("gone")
    print("spooled", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
# Opens the store, in groups of four writes; kills itself at the moment in argv[3], after argv[4] times of it.
REPLAY = """
import asyncio, os, signal, sys
from datalayer import DataLayer, lanes, spool, store
lanes.MAX_BATCH = 4
left = int(sys.argv[4])

def die_at(owner, name):
    call = getattr(owner, name)
    def mortal(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    setattr(owner, name, mortal)

if sys.argv[3] == "before a group":
    die_at(store.Store, "_apply")
elif sys.argv[3] == "inside a transaction":
    inner = store.apply
    def half(connection, **how):
        global left
        left -= 1
        done = inner(connection, **how)
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    store.apply = half
elif sys.argv[3] == "before it forgets":
    die_at(spool.Spool, "forget")

async def main():
    layer = DataLayer(sys.argv[1], files="files", spool=sys.argv[2])
    await layer.store.open()
    os.write(1, b"open\\n")
    await layer.close()

asyncio.run(main())
"""


def url_of(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/threads.db"


def refused(folder: Path, spool: Path, count: int = WRITES) -> Child:
    child = start(REFUSED, url_of(folder), str(spool), str(count), cwd=folder)
    assert child.stdout is not None
    assert child.stdout.readline() == b"spooled\n"
    return child


def replay(folder: Path, spool: Path, moment: str = "", after: int = 0) -> bool:
    """Whether a process opened the store without being killed first."""
    with start(REPLAY, url_of(folder), str(spool), moment, str(after), cwd=folder) as child:
        code = child.wait(60)
        assert code in (0, -signal.SIGKILL)
        return code == 0


def content(folder: Path) -> list[Any]:
    """All rows that are stored. The index of words cannot be read like a table."""
    with closing(sqlite3.connect(folder / "threads.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        every = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        tables = [name for (name,) in every if not name.startswith("search_")]
        return [row for table in tables for row in connection.execute(f"SELECT '{table}', * FROM {table}")]


def texts(folder: Path) -> dict[str, str]:
    with closing(sqlite3.connect(folder / "threads.db")) as connection:
        return dict(connection.execute("SELECT id, output FROM steps ORDER BY seq"))


ALL = {"first": f"text {WRITES - 1}"} | {f"s{n}": f"text {n}" for n in range(WRITES)}


def immutable(on: bool, *files: Path) -> bool:
    """Whether the system lets us change that."""
    return subprocess.run(["chattr", "+i" if on else "-i", *files], capture_output=True).returncode == 0


@contextmanager
def locked(layer: DataLayer) -> Iterator[None]:
    with closing(sqlite3.connect(layer.store._database.path)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        yield
        lock.rollback()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are given up at once, and no try comes but those that a test makes."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    monkeypatch.setattr(backlog, "PAUSES", (1000.0,))


def write(name: str, at: int = 0) -> UpsertStep:
    return UpsertStep(thread_id="t", id=name, at=at, values={"output": name})


def names(kept: Iterable[Any]) -> list[str]:
    return [each.id for each in kept]


def left_by_a_dead_one(folder: Path, *names: str) -> Path:
    spool = Spool(folder)
    spool.append(map(write, names))
    spool.close(keep=True)
    return folder / f"{spool.instance}.jsonl"


class TestFile:
    """What the processes that share the folder see of each other; here they are several spools of one process."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "spool"

    @pytest.fixture
    def spools(self, folder: Path) -> Iterator[list[Spool]]:
        made = [Spool(folder) for _ in range(2)]
        for spool in made:
            spool.open()
        yield made
        for spool in made:
            spool.close(keep=False)
        assert not folder.exists()

    def test_nobody_else_reads_what_is_in_it(self, folder: Path) -> None:
        before = os.umask(0)
        try:
            one = Spool(folder)
            one.append([write("a")])
            one.branch().append([write("b")])
            one.reject(write("c"))
        finally:
            os.umask(before)
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
        assert (folder.stat().st_mode & 0o777, len(modes), set(modes.values())) == (0o700, 3, {0o600})

    def test_the_living_see_each_other_and_take_nothing_from_each_other(
        self, spools: list[Spool], folder: Path
    ) -> None:
        one, other = spools
        one.append([write("a")])
        assert one.open() is one.open()
        assert other.take_over() == one.take_over() == []
        assert one.live() == other.live() == live_instances(folder) == {one.instance, other.instance}
        one.close(keep=False)
        assert other.live() == live_instances(folder) == {other.instance}

    def test_what_a_dead_one_left_is_one_ones_until_it_is_forgotten(self, spools: list[Spool], folder: Path) -> None:
        one, other = spools
        left = left_by_a_dead_one(folder, "a", "b")
        assert one.live() == live_instances(folder) == {one.instance, other.instance}
        assert names(one.take_over()) == names(one.take_over()) == ["a", "b"]
        assert other.take_over() == []
        assert one.live() == {one.instance, other.instance}
        one.forget()
        assert not left.exists()
        one.forget()
        assert one.take_over() == other.take_over() == []

    def test_what_one_took_over_and_did_not_store_is_the_next_ones(self, spools: list[Spool], folder: Path) -> None:
        left_by_a_dead_one(folder, "a")
        third = Spool(folder)
        third.open()
        assert names(third.take_over()) == ["a"]
        third.close(keep=False)
        assert names(spools[0].take_over()) == ["a"]
        spools[0].forget()

    def test_a_file_that_was_removed_meanwhile_is_forgotten_too(self, spools: list[Spool], folder: Path) -> None:
        left = left_by_a_dead_one(folder, "a")
        assert names(spools[0].take_over()) == ["a"]
        left.unlink()
        spools[0].forget()
        assert spools[0].take_over() == []

    @pytest.mark.parametrize("torn", [b'{"kind": "Upse', b'{"kind": "Nothing"}', b"[]", b"\x00" * 4096])
    def test_nothing_that_follows_a_torn_line_is_believed(
        self, spools: list[Spool], folder: Path, caplog: pytest.LogCaptureFixture, torn: bytes
    ) -> None:
        """It was written later, and may be what the torn one would have deleted."""
        left = left_by_a_dead_one(folder, "a", "b")
        first, second = left.read_bytes().splitlines()
        left.write_bytes(b"\n".join([first, torn, second]))
        assert names(spools[0].take_over()) == ["a"]
        assert f"{left.name} ends in the middle of a write" in caplog.text
        spools[0].forget()

    def test_a_file_that_goes_while_it_is_looked_at_is_nobodys(self, spools: list[Spool], folder: Path) -> None:
        (folder / "gone.jsonl").symlink_to("removed")  # is listed, and cannot be opened
        assert spools[0].take_over() == []
        assert spools[0].live() == live_instances(folder) == {spool.instance for spool in spools}
        (folder / "gone.jsonl").unlink()

    def test_one_that_was_never_opened_leaves_nothing(self, folder: Path) -> None:
        spool = Spool(folder)
        spool.clear()
        spool.close(keep=False)
        assert not folder.exists()

    def test_those_of_several_come_by_their_time_then_by_that_of_their_files(
        self, spools: list[Spool], folder: Path
    ) -> None:
        for file, changed, moments in (("a", 2, (1, 4)), ("b", 1, (2, 3, 4)), ("c", 3, (4,))):
            lines = "".join(to_json(write(f"{file}{at}", at)) + "\n" for at in moments)
            (folder / f"{file}.jsonl").write_text(lines)
            os.utime(folder / f"{file}.jsonl", (changed, changed))
        assert names(spools[0].take_over()) == ["a1", "b2", "b3", "b4", "a4", "c4"]
        spools[0].forget()

    def test_what_was_stored_is_not_replayed(self, spools: list[Spool], folder: Path) -> None:
        dead = Spool(folder)
        dead.clear()
        dead.append([write("stored")])
        dead.clear()
        dead.append([write("later")])
        dead.close(keep=True)
        assert names(spools[0].take_over()) == ["later"]
        spools[0].forget()

    def test_a_disk_that_fills_up_in_the_middle_of_a_line_hides_nothing(
        self, spools: list[Spool], folder: Path
    ) -> None:
        dead = Spool(folder)
        dead.append([write("before")])
        own = folder / f"{dead.instance}.jsonl"
        before, limit = own.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limit[1]))  # takes a part, then refuses
        try:
            with pytest.raises(OSError, match="too large"):
                dead.append([write("refused" * 9)] * 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        assert own.read_bytes() == before
        dead.append([write("after")])
        dead.close(keep=True)
        assert names(spools[0].take_over()) == ["before", "after"]
        spools[0].forget()

    @pytest.mark.parametrize("removed", [False, True])
    def test_a_new_file_that_another_process_takes_for_a_dead_ones_is_made_again(
        self, spools: list[Spool], folder: Path, monkeypatch: pytest.MonkeyPatch, removed: bool
    ) -> None:
        flock, taken = fcntl.flock, list[Path]()

        def take_the_first(file: Any, how: int) -> None:
            if not taken:
                taken.append(Path(file.name))
                if not removed:
                    raise BlockingIOError
                taken[0].unlink()
            flock(file, how)

        third = Spool(folder)
        with monkeypatch.context() as busy:
            busy.setattr(fcntl, "flock", take_the_first)
            third.open()
        assert third.live() == {each.instance for each in (*spools, third)}
        assert taken[0].stem != third.instance
        third.append([write("a")])
        third.close(keep=True)
        assert names(spools[0].take_over()) == ["a"]
        spools[0].forget()


class TestNextProcess:
    def test_stores_what_a_killed_one_left_in_order_and_forgets_it(self, tmp_path: Path) -> None:
        spool = tmp_path / "elsewhere" / "spool"
        spool.parent.mkdir()
        assert refused(tmp_path, spool).kill() == -9
        assert texts(tmp_path) == {"first": "stored", "gone": "stored"}
        assert len(list(spool.glob("*.jsonl"))) == 1
        assert replay(tmp_path, spool)
        assert texts(tmp_path) == ALL
        assert list(texts(tmp_path)) == list(ALL)
        assert not spool.exists()

    @pytest.mark.parametrize("moment", ["before a group", "inside a transaction", "before it forgets"])
    def test_may_itself_be_killed_at_any_moment_of_it(self, tmp_path: Path, moment: str) -> None:
        refused(tmp_path, tmp_path / "spool").kill()
        deaths = 0
        while not replay(tmp_path, tmp_path / "spool", moment, deaths):
            stored = texts(tmp_path)
            numbers = [int(key[1:]) for key in stored if key.startswith("s")]
            assert numbers == list(range(len(numbers)))  # a beginning of it, without a gap
            assert list((tmp_path / "spool").glob("*.jsonl"))
            deaths += 1
        assert deaths >= (1 if moment == "before it forgets" else 6)
        assert texts(tmp_path) == ALL

    def test_stores_it_twice_with_the_same_result(self, tmp_path: Path) -> None:
        refused(tmp_path, tmp_path / "spool").kill()
        assert not replay(tmp_path, tmp_path / "spool", "before it forgets")
        once = content(tmp_path)
        assert list((tmp_path / "spool").glob("*.jsonl"))
        assert replay(tmp_path, tmp_path / "spool")
        assert content(tmp_path) == once

    @pytest.mark.parametrize("tail", [b'{"kind": "Upse', b"\x00" * 4096, b'{"kind": "Nothing"}\n', b"[]\n"])
    def test_ignores_a_torn_last_line(self, tmp_path: Path, tail: bytes) -> None:
        refused(tmp_path, tmp_path / "spool").kill()
        [path] = (tmp_path / "spool").glob("*.jsonl")
        with path.open("ab") as file:
            file.write(tail)
        assert replay(tmp_path, tmp_path / "spool")
        assert texts(tmp_path) == ALL

    def test_leaves_the_spool_of_a_living_process_alone(self, tmp_path: Path) -> None:
        with refused(tmp_path, tmp_path / "spool", 3) as living:
            [path] = (tmp_path / "spool").glob("*.jsonl")
            before = path.read_bytes()
            other = Spool(tmp_path / "spool")
            other.open()
            assert other.take_over() == []
            assert other.live() == {path.stem, other.instance}
            other.forget()
            other.close(keep=False)
            assert path.read_bytes() == before
            living.kill()
        assert replay(tmp_path, tmp_path / "spool")
        assert texts(tmp_path) == {"first": "text 2", "s0": "text 0", "s1": "text 1", "s2": "text 2"}

    def test_takes_several_dead_ones_the_oldest_first(self, tmp_path: Path) -> None:
        for name, output in (("a", "newest"), ("b", "older")):
            write = UpsertStep(thread_id="t", id="s", at=1, values={"type": "user_message", "output": output})
            (tmp_path / "spool").mkdir(exist_ok=True)
            path = tmp_path / "spool" / f"{name}.jsonl"
            path.write_text(to_json(write) + "\n")
        os.utime(tmp_path / "spool" / "b.jsonl", (1, 1))
        assert replay(tmp_path, tmp_path / "spool")
        assert texts(tmp_path) == {"s": "newest"}

    async def test_does_not_undo_what_a_living_process_has_written_since(self, tmp_path: Path) -> None:
        living = DataLayer(url_of(tmp_path), files=tmp_path / "files", spool=tmp_path / "spool")
        await living.store.open()
        refused(tmp_path, tmp_path / "spool", 3).kill()
        await living.update_step({"id": "first", "threadId": "t", "type": "user_message", "output": "newest"})  # type: ignore[typeddict-item]
        assert replay(tmp_path, tmp_path / "spool")
        await living.close()
        assert texts(tmp_path)["first"] == "newest"


@pytest.mark.usefixtures("patience")
class TestRecovery:
    async def test_nobody_waits_for_a_long_one_to_write(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        left_by_a_dead_one(tmp_path / "spool", "old")
        layer = DataLayer(url_of(tmp_path), files=tmp_path / "files", spool=tmp_path / "spool")
        await layer.store.open()  # the schema is up to date
        await layer.close()
        left_by_a_dead_one(tmp_path / "spool", "old")
        recovers, tell_time = asyncio.Event(), OfFile.tell_time

        async def tell_late(self: OfFile) -> None:
            await recovers.wait()
            await tell_time(self)

        monkeypatch.setattr(OfFile, "tell_time", tell_late)
        monkeypatch.setattr(transaction, "PATIENCE", 0.1)
        monkeypatch.setattr(transaction, "OPENING", 1000.0)
        layer = DataLayer(url_of(tmp_path), files=tmp_path / "files", spool=tmp_path / "spool")
        await layer.create_step(make_step("t", id="new"))
        assert (await layer.health())["state"] == "degraded"
        recovers.set()
        assert await layer.store.catch_up()
        assert list(await steps_of(layer, "t")) == ["old", "new"]
        await layer.close()


class TestWhileDegraded:
    @pytest.fixture
    async def layer(self, tmp_path: Path) -> Any:
        layer = DataLayer(url_of(tmp_path), files=tmp_path / "files", spool=tmp_path / "spool")
        self.events: list[Event] = []
        layer.store.listeners.append(self.events.append)
        yield layer
        await layer.close()

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    async def test_a_newer_text_of_a_step_wins_over_the_spooled_one(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        with locked(layer):
            await layer.update_step(message | {"output": "spooled"})
            assert (await layer.health())["pending"] == 1
        await layer.update_step(message | {"output": "newest"})  # the database would take this one
        assert await layer.store.catch_up()
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["output"] == "newest"

    @pytest.mark.usefixtures("patience")
    async def test_a_person_who_signs_in_for_the_first_time_is_known(self, layer: DataLayer) -> None:
        await start_thread(layer)
        with locked(layer):
            made = await layer.create_user(User("ann", metadata={"role": "new"}))
            assert made is not None
            assert (await layer.get_user("ann"), await layer.get_user("bob")) == (made, None)
        await layer.store.catch_up()
        known = await layer.get_user("ann")
        assert known is not None
        assert (known.id, known.metadata) == (made.id, {"role": "new"})

    async def test_votes_and_deletions_are_kept_too(self, layer: DataLayer) -> None:
        first, second, third = [await start_thread(layer) for _ in range(3)]
        vote = await layer.upsert_feedback(Feedback(forId=first["id"], value=1, threadId=first["threadId"]))
        with locked(layer):
            new = await layer.upsert_feedback(Feedback(forId=second["id"], value=0, threadId=second["threadId"]))
            assert new
            assert await layer.delete_feedback(vote)
            await layer.delete_thread(third["threadId"])
            await layer.delete_step(first["id"])
            late = make_step(third["threadId"])
            await layer.create_step(late)
        await layer.store.catch_up()
        assert self.kinds()[-1] == "recovered"
        assert await layer.get_thread(third["threadId"]) is None
        assert await steps_of(layer, first["threadId"]) == {}
        [step] = (await steps_of(layer, second["threadId"])).values()
        assert (step["feedback"]["id"], step["feedback"]["value"]) == (new, 0)

    async def test_a_write_that_can_never_be_stored_is_set_aside_and_the_others_are_stored(
        self, layer: DataLayer, tmp_path: Path
    ) -> None:
        message, thread = await start_thread(layer), new_id()
        with locked(layer):
            await layer.create_step(make_step(thread, id="one"))
            await layer.create_step(make_step(thread, id=message["id"]))  # another thread's: forbidden
            bad = UpsertStep(thread_id=thread, id="bad", at=1, values={"type": "user_message", "start": 2**70})
            await layer.store.submit(bad)
            await layer.create_step(make_step(thread, id="two"))
        await layer.store.catch_up()
        assert set(await steps_of(layer, thread)) == {"one", "two"}
        lines = (tmp_path / "spool" / "rejected.txt").read_text().splitlines()
        assert {json.loads(line)["id"] for line in lines} == {message["id"], "bad"}
        assert [event.threads for event in self.events if event.kind == "rejected"] == [frozenset({thread})] * 2
        assert self.kinds()[-1] == "recovered"
        assert await layer.health() == {"state": "ok", "pending": 0}

    async def test_without_a_spool_the_caller_has_an_error_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "no folder").touch()
        layer = DataLayer(url_of(tmp_path), files=tmp_path / "files", spool=tmp_path / "no folder" / "spool")
        kinds: list[str] = []
        layer.store.listeners.append(lambda event: kinds.append(event.kind))
        message = await start_thread(layer)
        with locked(layer), pytest.raises(StoreUnavailable, match="could not be saved"):
            await layer.update_step(message | {"output": "new"})
        assert kinds == ["lost"]
        assert await layer.health() == {"state": "ok", "pending": 0}
        await layer.update_step(message | {"output": "newer"})
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["output"] == "newer"
        await layer.close()

    async def test_a_spool_that_is_full_or_read_only_is_reported_and_does_not_hide_what_is_in_it(
        self, layer: DataLayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = await start_thread(layer)
        spool = next((tmp_path / "spool").glob("*.jsonl"))
        with locked(layer):
            await layer.update_step(message | {"output": "kept"})
            if not immutable(True, spool):
                pytest.skip("chattr +i needs root and a file system that knows it")
            try:
                with pytest.raises(StoreUnavailable):
                    await layer.update_step(message | {"output": "refused"})
            finally:
                immutable(False, spool)
            await layer.update_step(message | {"tags": ["kept too"]} | {"output": "last"})
        assert self.kinds() == ["degraded", "lost", "degraded"]
        await layer.store.catch_up()
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["output"] == "last"

    async def test_closing_while_degraded_leaves_all_to_the_next_process(self, tmp_path: Path) -> None:
        layer = DataLayer(url_of(tmp_path), files=tmp_path / "files", spool=tmp_path / "spool")
        message = await start_thread(layer)
        with locked(layer):
            await layer.update_step(message | {"output": "spooled"})
            await layer.close()
        again = DataLayer(url_of(tmp_path), files=tmp_path / "files", spool=tmp_path / "spool")
        assert (await steps_of(again, message["threadId"]))[message["id"]]["output"] == "spooled"
        await again.close()
        assert not (tmp_path / "spool").exists()

    async def test_a_spool_that_cannot_be_emptied_never_overwrites_newer_text_at_the_next_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer = DataLayer(url_of(tmp_path), files=tmp_path / "files", spool=tmp_path / "spool")
        message = await start_thread(layer)
        with locked(layer):
            await layer.update_step(message | {"output": "spooled"})

        def fails(_: Any) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as broken:
            broken.setattr(Spool, "clear", fails)
            await layer.store.catch_up()
        await layer.update_step(message | {"output": "newest"})
        spool = next((tmp_path / "spool").glob("*.jsonl")).read_bytes()
        await layer.close()
        (tmp_path / "spool").mkdir(exist_ok=True)
        (tmp_path / "spool" / "dead.jsonl").write_bytes(spool)  # as a kill would have left it
        again = DataLayer(url_of(tmp_path), files=tmp_path / "files", spool=tmp_path / "spool")
        assert (await steps_of(again, message["threadId"]))[message["id"]]["output"] == "newest"
        await again.close()


class TestRealApp:
    @pytest.fixture
    def app(self, tmp_path: Path) -> Iterator[App]:
        """The app with a short patience: the seconds of a real one are not what is tested."""
        app = App(tmp_path, THREADKEEP_SPOOL=str(tmp_path / "other disk"))
        lines = (app.folder / "app.py").read_text()
        (app.folder / "app.py").unlink()
        short = "from datalayer import backlog\nfrom datalayer.dialects import sqlite\n"
        short += "sqlite.BUSY_TIMEOUT, backlog.PAUSES = 0.05, (0.2,)\n"
        (app.folder / "app.py").write_text(short + lines)
        yield app
        app.close()

    async def test_people_hear_once_that_writes_wait_and_once_that_all_is_stored(self, app: App) -> None:
        server = app.alive()
        async with Client(server.url) as me, Client(server.url) as idle:
            await (await me.login()).connect()
            await (await idle.login()).connect()
            await me.send("before")
            with closing(sqlite3.connect(app.home / "threads.db")) as lock:
                lock.execute("BEGIN IMMEDIATE")
                await me.send("during")
                await me.send("still")
                health = (await me.request("GET", "/health/store")).json()
                assert health["state"] == "degraded"
                assert health["pending"] > 0
                lock.rollback()
            await me.wait_for("toast", toast("store_recovered"))
            assert (await me.request("GET", "/health/store")).json() == {"state": "ok", "pending": 0}
            outputs = [s["output"] for s in (await me.stored())["steps"] if s["type"] == "user_message"]
            assert outputs == ["before", "during", "still"]
            assert [data["type"] for name, data in me.events if name == "toast"] == ["warning", "success"]
            assert len([1 for name, data in me.events if name == "toast" and toast("store_degraded")(data)]) == 1
            assert "toast" not in [name for name, _ in idle.events]
            assert messages(me.screen.values()) == messages((await me.stored())["steps"])

    async def test_what_was_said_while_degraded_survives_a_kill_and_is_there_after_the_next_start(
        self, app: App, tmp_path: Path
    ) -> None:
        server = app.alive()
        async with Client(server.url) as me:
            await (await me.login()).connect()
            await me.send("before")
            with closing(sqlite3.connect(app.home / "threads.db")) as lock:
                lock.execute("BEGIN IMMEDIATE")
                await me.send("during")
                server.kill()
                lock.rollback()
            assert list((tmp_path / "other disk").glob("*.jsonl"))
            server = app.alive()
            assert messages((await me.stored())["steps"]) == messages(me.screen.values())


def toast(key: str) -> Callable[[Any], bool]:
    return lambda data: bool(data["message"] == say(key, "en"))


def messages(steps: Iterable[Any]) -> dict[str, str]:
    return {step["id"]: step["output"] for step in steps if "message" in step["type"]}


class TestTheSpoolOfAnotherDatabase:
    """Nobody's writes are stored where they were not meant to be."""

    ONE, OTHER = "postgresql://localhost:5432/chat?schema=one", "postgresql://localhost:5432/chat?schema=other"

    def test_is_left_alone_and_said(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        dead = Spool(tmp_path / "spool", self.ONE)
        dead.append([write("a"), write("b")])
        dead.close(keep=True)
        other, own = Spool(tmp_path / "spool", self.OTHER), Spool(tmp_path / "spool", self.ONE)
        assert other.take_over() == []
        assert f"holds writes for {self.ONE}" in caplog.text
        assert count(tmp_path / "spool") == 2
        other.close(keep=False)
        assert names(own.take_over()) == ["a", "b"]
        own.forget()
        own.close(keep=False)

    def test_of_two_files_in_one_folder(self, tmp_path: Path) -> None:
        places = [Place.of(f"sqlite+aiosqlite:///{tmp_path}/{name}.db", spool=tmp_path / "spool") for name in "ab"]
        for place in places:
            place.database.touch()
        dead = Spool(tmp_path / "spool", places[0].owner)
        dead.append([write("a")])
        dead.close(keep=True)
        assert Spool(tmp_path / "spool", places[1].owner).take_over() == []
        places[0].database.rename(tmp_path / "moved.db")  # with its spool
        moved = Spool(tmp_path / "spool", Place.of(f"sqlite:///{tmp_path}/moved.db", spool=tmp_path / "spool").owner)
        assert names(moved.take_over()) == ["a"]
        moved.forget()
        moved.close(keep=False)

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("postgresql://ann:secret@127.0.0.1/chat", "postgresql+asyncpg://bob@localhost:5432/chat", True),
            ("postgresql://u@/chat?host=one:1&host=two:2", "postgresql://u@/chat?host=two:2&host=one:1", True),
            ("postgresql://u@[::1]/chat", "postgresql://u@localhost/chat?lanes=3", True),
            ("postgresql://u@localhost/chat", "postgresql://u@localhost/chat?schema=one", False),
            ("postgresql://u@localhost/chat", "postgresql://u@localhost:5433/chat", False),
            ("postgresql://u@localhost/chat", "mysql://u@localhost:5432/chat", False),
            ("postgresql://u@one/chat", "postgresql://u@two/chat", False),
        ],
    )
    def test_is_told_by_the_address(self, one: str, other: str, same: bool) -> None:
        places = Place.of(one), Place.of(other)
        assert (places[0].owner == places[1].owner) == same
        assert (places[0].spool == places[1].spool) == (same or "mysql" in other)
        assert "secret" not in places[0].owner


async def test_the_log_tells_how_many_writes_a_dead_process_has_left(
    layer: DataLayer, caplog: pytest.LogCaptureFixture
) -> None:
    dead = Spool(layer.store.place.spool, layer.store.place.owner)
    dead.append([write("a"), write("b")])
    dead.close(keep=True)
    with caplog.at_level("INFO", "datalayer"):
        await layer.store.open()
    assert "a process that died left in its spool: 0 of 2 writes" in caplog.text
