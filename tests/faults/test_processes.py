"""I2, I7, I12: processes beside and after each other, and their ends; a database that cannot be used is left alone."""

import asyncio
import os
import re
import shlex
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from datalayer import DataLayer, backup
from datalayer.dialects import sqlite
from tests.conftest import make_step, new_id, rows, start_thread, steps_of
from tests.e2e.conftest import App
from tests.gate import Gate
from tests.processes import ROOT, Child, free_port, start
from tests.statements import statements

# Streams an answer into the thread "t" and stays.
STREAMER = """
import asyncio, sys
from datalayer import DataLayer

async def main():
    layer = DataLayer(sys.argv[1])
    for text in ("half", "half an ans"):
        await layer.update_step({"id": "answer", "threadId": "t", "type": "assistant_message", "output": text,
                                 "streaming": True, "status": "streaming"})
    print("streaming", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
# Writes into the thread that all share, and changes each step once.
WRITER = """
import asyncio, sys
from datalayer import DataLayer

async def write(layer, key):
    step = {"id": key, "threadId": "t", "type": "user_message", "output": "first"}
    await asyncio.gather(layer.create_step(step), layer.update_step({**step, "output": key}))

async def main():
    layer = DataLayer(sys.argv[1])
    for n in range(0, 300, 20):
        await asyncio.gather(*(write(layer, f"{sys.argv[2]}-{n + k}") for k in range(20)))
    await layer.close()

asyncio.run(main())
"""
# 500 writes that nobody awaits wait for a lock, which is given back when the server closes its data layer.
QUEUED_APP = """
import asyncio, sqlite3
import chainlit as cl
from chainlit.data import get_data_layer
from datalayer import DataLayer, backup, transaction
from datalayer.dialects import sqlite
sqlite.BUSY_TIMEOUT = transaction.PATIENCE = 60.0  # on a slow machine the spool would take them meanwhile

@cl.data_layer
def data_layer(): return DataLayer("sqlite+aiosqlite:///threads.db")

@cl.on_message
async def answer(message): pass

tasks = []

@cl.on_app_startup
async def startup():
    layer = get_data_layer()
    await layer.store.open()
    lock = sqlite3.connect("threads.db", check_same_thread=False)
    lock.execute("BEGIN IMMEDIATE")
    close = layer.close
    async def unlock_and_close():
        print("closing with", (await layer.health())["pending"], flush=True)
        lock.rollback()
        await close()
    layer.close = unlock_and_close
    for n in range(500):
        step = {"id": f"s{n}", "threadId": f"t{n % 9}", "type": "user_message", "output": f"text {n}"}
        tasks.append(asyncio.create_task(layer.create_step(step)))
"""
SERVER = "from chainlit.cli import cli; cli(['run', 'app.py', '-h'], prog_name='chainlit')"
# Root without the right to pass over permissions.
UNPRIVILEGED = """
import ctypes
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert ctypes.CDLL(None).capset(header, data) == 0
"""


@pytest.fixture
def streaming(store_url: str, tmp_path: Path) -> Iterator[Child]:
    with start(STREAMER, store_url, cwd=tmp_path) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"streaming\n"
        yield child


class TestReconciliation:
    async def state(self, layer: DataLayer) -> Any:
        step = (await steps_of(layer, "t"))["answer"]
        return step["status"], step["streaming"], step["output"]

    async def test_never_touches_what_a_living_process_streams(
        self, streaming: Child, open_layer: Callable[..., DataLayer]
    ) -> None:
        for _ in range(2):
            layer = open_layer(spool=None)
            assert await self.state(layer) == ("streaming", True, "half an ans")
            await layer.close()
        streaming.kill()
        assert await self.state(open_layer()) == ("interrupted", False, "half an ans")

    async def test_a_clean_end_without_a_last_word_counts_as_an_interruption_too(
        self, open_layer: Callable[..., DataLayer]
    ) -> None:
        layer = open_layer()
        await layer.update_step(make_step("t", id="answer", output="half", streaming=True, status="streaming"))
        await layer.close()
        assert await self.state(open_layer()) == ("interrupted", False, "half")

    async def test_marks_all_of_the_dead_with_one_update(self, open_layer: Callable[..., DataLayer]) -> None:
        layer = open_layer()
        thread = new_id()
        steps = [make_step(thread, status=status) for status in ["streaming"] * 300 + ["complete"] * 3]
        await asyncio.gather(*(layer.create_step(step) for step in steps))
        await layer.close()
        again = open_layer()
        with statements(again, "write") as sent:
            await again.store.open()
        assert sum(each.startswith("UPDATE steps") for each, _ in sent) == 1
        found = rows(again, "SELECT status, count(*) FROM steps GROUP BY status ORDER BY status")
        assert found == [("complete", 3), ("interrupted", 300)]
        await again.close()


class TestTwoProcesses:
    @pytest.mark.new_database
    async def test_hundreds_of_writes_each_into_one_thread(
        self, store_url: str, open_layer: Callable[..., DataLayer], tmp_path: Path
    ) -> None:
        children = [start(WRITER, store_url, name, cwd=tmp_path) for name in "ab"]
        assert [await asyncio.to_thread(child.wait, 120) for child in children] == [0, 0]
        stored = await steps_of(open_layer(), "t")
        assert {key: step["output"] for key, step in stored.items()} == {
            key: key for key in (f"{name}-{n}" for name in "ab" for n in range(300))
        }
        for name in "ab":
            mine = [int(key[2:]) for key in stored if key.startswith(name)]
            assert mine == sorted(mine)


class TestCancelled:
    async def test_callers_cancelled_while_commit_waits_for_a_lock_do_not_take_their_writes_along(
        self, gate: Gate, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 60.0)
        layer = DataLayer(store_url, files=tmp_path / "files")
        message = await start_thread(layer)
        gate.shut("BEGIN IMMEDIATE")
        with closing(sqlite3.connect(layer.store._database.path)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            call = layer.update_step(message | {"output": "new"})
            calls = [asyncio.create_task(call)]
            await gate.arrival()
            gate.open()
            calls += [asyncio.create_task(layer.create_step(make_step(message["threadId"]))) for _ in range(50)]
            await asyncio.wait(calls, timeout=0)
            for task in calls:
                task.cancel()
            assert {type(answer) for answer in await asyncio.gather(*calls, return_exceptions=True)} == {
                asyncio.CancelledError
            }
            lock.rollback()
        stored = await steps_of(layer, message["threadId"])
        assert len(stored) == 51
        assert stored[message["id"]]["output"] == "new"
        await layer.close()


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
    def test_five_hundred_queued_writes_are_stored_before_the_server_ends(
        self, tmp_path: Path, number: signal.Signals
    ) -> None:
        (tmp_path / "app.py").write_text(QUEUED_APP)
        log = tmp_path / "log"
        env = {"CHAINLIT_PORT": str(free_port()), "CHAINLIT_AUTH_SECRET": "t" * 64}
        with log.open("wb") as output, start(SERVER, cwd=tmp_path, env=env, output=output) as child:
            wait_for_line(log, "Your app is available", child)
            child.send_signal(number)
            assert child.wait(60) in (0, 130, -number)
        said = log.read_text()
        assert "closing with 500" in said
        with closing(sqlite3.connect(tmp_path / "threads.db")) as connection:
            stored = dict(connection.execute("SELECT id, output FROM steps ORDER BY seq"))
        assert stored == {f"s{n}": f"text {n}" for n in range(500)}
        assert list(stored) == [f"s{n}" for n in range(500)]


def wait_for_line(log: Path, text: str, child: Child) -> None:
    while text not in log.read_text():
        with pytest.raises(TimeoutError):  # that is: it must not have ended
            child.wait(0.05)


class TestUnusable:
    """``app.py`` with a database that it cannot use: a clear word, an exit code, and the bytes are still there."""

    @pytest.fixture
    def app(self, tmp_path: Path) -> Iterator[App]:
        app = App(tmp_path)
        app.home.mkdir(mode=0o700)
        yield app
        app.close()

    @pytest.fixture
    async def database(self, app: App) -> Path:
        path = app.home / "threads.db"
        layer = DataLayer(f"sqlite+aiosqlite:///{path}")
        thread = new_id()
        await asyncio.gather(*(layer.create_step(make_step(thread, output=f"{n} " * 500)) for n in range(200)))
        await layer.close()
        return path

    def refusal(self, app: App, code: str = SERVER) -> list[str]:
        """What the server says before it ends by itself."""
        log = app.folder / "log"
        with log.open("wb") as output:
            env = {"CHAINLIT_PORT": str(free_port()), **app.env}
            with start(code, cwd=app.folder, env=env, output=output) as child:
                assert child.wait(60) > 0
        said = log.read_text()
        assert "Traceback" not in said
        assert "Threadkeep keeps its data" not in said
        return [line for line in said.splitlines() if line]

    async def test_a_damaged_database_is_set_aside_whole_with_what_to_do(self, app: App, database: Path) -> None:
        damaged = damage(database)
        lines = self.refusal(app)
        assert "damaged" in lines[0]
        assert len(lines) > 1
        assert damaged in [path.read_bytes() for path in app.home.rglob("*") if path.is_file()]

    async def test_a_damaged_database_that_another_process_has_open_stays_where_it_is(
        self, app: App, database: Path
    ) -> None:
        layer = DataLayer(f"sqlite+aiosqlite:///{database}")
        await layer.store.open()
        damaged = damage(database)
        [line] = self.refusal(app)
        assert "damaged" in line
        assert "process" in line
        assert damaged in content(app.home).values()
        assert str(database) in content(app.home)
        await layer.store._database.close()

    @pytest.mark.parametrize(
        ("spoil", "word"),
        [
            (lambda path: path.write_bytes(b"This is a letter, not a database. " * 400), "no database"),
            (lambda path: change(path, "UPDATE alembic_version SET version_num = '9999'"), "newer version"),
            (lambda path: change(path, "DROP TABLE alembic_version"), "another application"),
            (lambda path: (path.unlink(), path.mkdir()), "cannot"),
        ],
        ids=["no database", "newer schema", "another application's", "a folder"],
    )
    async def test_a_database_that_is_none_of_ours_is_left_as_it_is(
        self, app: App, database: Path, spoil: Callable[[Path], object], word: str
    ) -> None:
        spoil(database)
        before = content(app.home)
        [line] = self.refusal(app)
        assert word in line
        assert content(app.home) == before

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda path: path.write_bytes(b"This is a letter, not a database. " * 400),
            lambda path: path.write_bytes(b""),
            lambda path: (path.unlink(), change(path, "CREATE TABLE notes (text)")),
        ],
        ids=["garbage", "emptied", "another application's"],
    )
    async def test_what_has_taken_the_place_of_a_database_with_backups_is_set_aside_with_what_to_do(
        self, app: App, database: Path, spoil: Callable[[Path], object]
    ) -> None:
        kept = backup.make(DataLayer.place(f"sqlite+aiosqlite:///{database}", app.home / "files")).stamp
        spoil(database)
        before = content(app.home)
        lines = self.refusal(app)
        assert any(kept in line and "restore" in line for line in lines)
        aside = [path for path in content(app.home) if re.search(r"/threads\.db\.damaged-\w+Z$", path)]
        assert [content(app.home)[path] for path in aside] == [before[str(database)]]
        [command] = [shlex.split(line) for line in lines if line.startswith("  ")]
        await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, check=True)
        layer = DataLayer(f"sqlite+aiosqlite:///{database}")
        assert rows(layer, "SELECT count(*) FROM steps") == [(200,)]

    def test_a_folder_that_is_missing(self, app: App, tmp_path: Path) -> None:
        app.env["THREADKEEP_DATABASE_URL"] = f"sqlite+aiosqlite:///{tmp_path}/missing/threads.db"
        [line] = self.refusal(app)
        assert "folder" in line
        assert not (tmp_path / "missing").exists()

    @pytest.mark.parametrize("mode", [0o000, 0o200])
    async def test_a_file_that_may_not_be_read(self, app: App, database: Path, mode: int) -> None:
        if os.geteuid() == 0 and start(UNPRIVILEGED, cwd=app.folder).wait(30) != 0:
            pytest.skip("capabilities cannot be dropped here")
        before = content(app.home)
        os.chmod(database, mode)
        [line] = self.refusal(app, (UNPRIVILEGED if os.geteuid() == 0 else "") + SERVER)
        assert "cannot" in line
        assert content(app.home) == before


def change(database: Path, sql: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(sql)
        connection.commit()


def damage(database: Path) -> bytes:
    """Overwrites a part of a page in the middle, which opening does not show, and returns what is there now."""
    damaged = bytearray(database.read_bytes())
    middle = len(damaged) // 2 // 4096 * 4096
    damaged[middle : middle + 300] = os.urandom(300)
    database.write_bytes(damaged)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchall() == [(1,)]
        with suppress(sqlite3.DatabaseError):
            assert connection.execute("PRAGMA quick_check").fetchall() != [("ok",)]
    return bytes(damaged)


def content(folder: Path) -> dict[str, bytes]:
    """All files but the index and the empty log that reading a database leaves beside it."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
    return {str(path): path.read_bytes() for path in files if path.stat().st_size or not path.name.endswith("-wal")}
