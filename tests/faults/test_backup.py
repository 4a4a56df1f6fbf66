"""Backups, restores, migrations and upkeep on real files, with real processes that write beside them or are killed.

Kills: ``kill_everywhere`` runs an operation in a forked process with an audit hook, and kills it with SIGKILL before
its n-th look at or change of the disk (open, rename, remove, mkdir, rmdir, an SQL statement), for every n there is.
"""

import asyncio
import json
import logging
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalayer import backup as backing
from datalayer import transaction
from datalayer.backup import folder as backup_folder
from datalayer.backup import recovery, schedule, snapshot
from datalayer.backup.access import held_blobs, read_only, stored_blobs
from datalayer.blobs import LocalBlobs
from datalayer.dialects.sqlite_file import check_file
from datalayer.errors import InvalidInput, NotFound, StoreCorrupt, StoreTooNew, StoreUnavailable
from datalayer.lines import to_json
from datalayer.place import Place
from datalayer.schema import HEAD
from datalayer.store import Store
from datalayer.writes import APPLICATION, DeleteElement, UpsertElement, UpsertStep
from tests.contents import content_in

Contents = dict[str, tuple[str, bytes | None]]


async def add(store: Store, first: int, last: int, told: Callable[[int], None] = lambda n: None) -> None:
    """Steps number ``first`` to ``last``, each with an element; ``told`` hears of it when both are durable."""
    for n in range(first, last + 1):
        thread = f"thread-{n % 3}"
        values = {"type": "user_message", "output": f"text {n} " * 20}
        await store.submit(UpsertStep(thread_id=thread, id=f"step-{n:05}", values=values))
        blob = await store.put_blob(f"file {n}".encode() * 100)
        element = {"for_id": f"step-{n:05}"}
        await store.submit(UpsertElement(thread_id=thread, id=f"element-{n:05}", values=element, blob=blob))
        told(n)


def open_store(place: Place) -> Store:
    return Store(f"sqlite+aiosqlite:///{place.database}", files=place.files, spool=place.spool)


def fill(place: Place, first: int, last: int) -> None:
    async def run() -> None:
        store = open_store(place)
        await add(store, first, last)
        await store.close()

    asyncio.run(run())


def reopen(place: Place) -> None:
    """Opens the store as an app does: recovers and migrates. Raises what an app would."""

    async def run() -> None:
        store = open_store(place)
        await store.open()
        await store.close()

    asyncio.run(run())


def contents(place: Place) -> Contents:
    """Each step's text and the content of its file."""
    with closing(read_only(place.database)) as db:
        rows = db.execute(
            "SELECT steps.id, output, blob FROM steps LEFT JOIN elements ON elements.for_id = steps.id ORDER BY 1"
        ).fetchall()
    return {key: (text, content_in(place.files, blob).read_bytes() if blob else None) for key, text, blob in rows}


def expected(first: int, last: int) -> Contents:
    return {f"step-{n:05}": (f"text {n} " * 20, f"file {n}".encode() * 100) for n in range(first, last + 1)}


def tree(folder: Path) -> dict[str, bytes]:
    """What all files hold, but for the index of a WAL, in which readers too leave marks."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith("-shm"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x10]))


def sql(place: Place, *statements: str) -> None:
    with closing(sqlite3.connect(place.database, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of steps 1 to 4 to be copied: making one costs more than a copy."""
    folder = tmp_path_factory.mktemp("small")
    fill(Place.beside(folder / "app.db"), 1, 4)
    return folder


@pytest.fixture
def place(small: Path, tmp_path: Path) -> Place:
    shutil.copytree(small, tmp_path / "home")
    return Place.beside(tmp_path / "home" / "app.db")


@pytest.fixture
def other(tmp_path: Path) -> Place:
    """A place without a store."""
    return Place.beside(tmp_path / "other" / "app.db")


def processes() -> Any:
    """Forks of a process that has imported everything: an interpreter of its own would take seconds to start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["datalayer.backup", "datalayer.store", "alembic.command", "pytest", "hypothesis"])
    return context


def write(pipe: Any, place: Place, first: int, last: int) -> None:
    transaction.PATIENCE = 60.0  # a slow machine is no database that hangs, whose writes the spool would have

    async def run() -> None:
        store = open_store(place)
        await add(store, first, last, pipe.send)
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def writer(place: Place, first: int, last: int) -> Iterator[Callable[[int], int]]:
    """A process that has the store open and adds steps ``first`` to ``last``; killed at the end.

    Yields a function that waits (15 s at most) for the first durable step from a number on, and returns its number.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = processes().Process(target=write, args=(theirs, place, first, last))
    process.start()
    theirs.close()

    def durable(number: int) -> int:
        while ours.poll(15):
            if (told := int(ours.recv())) >= number:
                return told
        raise AssertionError("the writer does not write")

    try:
        yield durable
    finally:
        process.kill()
        process.join(15)


class TestSnapshot:
    def test_is_one_moment_and_is_not_restarted_by_writers(
        self, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(snapshot, "PAGES", 1)
        left: list[int] = []
        with closing(sqlite3.connect(place.database, isolation_level=None, timeout=0)) as db:
            db.execute("PRAGMA wal_autocheckpoint=2")

            def write(_what: str, done: int, total: int) -> None:
                left.append(total - done)
                db.execute("UPDATE steps SET output = output || hex(randomblob(3000))")
                db.execute("INSERT INTO tombstones VALUES ('step', ?, 0)", (f"t{done}",))

            snapshot.copy_database(place.database, tmp_path / "copy.db", write)
        assert len(left) > 20
        assert left == list(range(len(left) - 1, -1, -1))  # one page after the other, none of them again
        with closing(read_only(tmp_path / "copy.db", immutable=True)) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert copy.execute("SELECT count(*) FROM tombstones").fetchone() == (0,)
            assert copy.execute("SELECT max(length(output)) FROM steps").fetchone() == (len("text 1 " * 20),)

    def test_is_one_file_without_wal(self, place: Place, tmp_path: Path) -> None:
        snapshot.copy_database(place.database, tmp_path / "copy.db")
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("copy")] == ["copy.db"]
        assert (tmp_path / "copy.db").read_bytes()[18:20] == b"\x01\x01"  # the header says: no WAL

    def test_never_checkpoints_even_as_the_last_connection(self, place: Place) -> None:
        with writer(place, 5, 20) as durable:
            durable(20)
        wal = place.database.with_name("app.db-wal")
        before = place.database.read_bytes(), wal.read_bytes()
        made = backing.make(place)
        assert (place.database.read_bytes(), wal.read_bytes()) == before
        assert len(before[1]) > 0
        assert made.mark is not None
        assert made.mark.rows["steps"] == 20

    def test_holds_no_write_lock(self, place: Place, tmp_path: Path) -> None:
        with closing(sqlite3.connect(place.database, isolation_level=None, timeout=0)) as db:

            def lock(what: str, _done: int, _total: int) -> None:
                db.execute("BEGIN IMMEDIATE")
                db.execute("COMMIT")

            backing.make(place, progress=lock)


class TestUnderLoad:
    def test_restores_to_a_state_that_some_moment_had(self, place: Place, other: Place) -> None:
        with writer(place, 5, 100_000) as durable:
            since = durable(40)
            made = [backing.make(place) for _ in range(3)]
            assert durable(since + 1) == since + 1  # it was still writing
        assert len({backup.stamp for backup in made}) == 3
        for backup in made:
            shutil.rmtree(other.database.parent, ignore_errors=True)
            backing.restore(backup, other)
            reopen(other)
            found = contents(other)
            steps = len(found)
            assert steps >= since
            # The element of the last step may not have been written yet at that moment.
            whole = expected(1, steps)
            last = f"step-{steps:05}"
            assert found in (whole, whole | {last: (whole[last][0], None)})
            since = steps

    def test_a_file_deleted_meanwhile_makes_it_look_again(self, place: Place, other: Place) -> None:
        deleted: list[str] = []

        async def delete() -> None:
            store = open_store(place)
            await store.submit(DeleteElement(id="element-00002"))
            await store.close()

        def progress(what: str, done: int, total: int) -> None:
            if what == "copying the database" and done == total and not deleted:
                deleted.append(what)
                asyncio.run(delete())

        made = backing.make(place, progress=progress)
        backing.restore(made, other)
        assert contents(other) == expected(1, 4) | {"step-00002": ("text 2 " * 20, None)}
        assert made.mark is not None
        assert made.mark.lost == []

    def test_gives_up_when_files_go_faster_than_it_copies(self, place: Place) -> None:
        store = LocalBlobs(place.files)
        late = [store.put(f"late {n}".encode()) for n in range(20)]
        turns = count()

        def hold(n: int) -> None:
            sql(
                place,
                f"INSERT INTO blobs VALUES ('{late[n].sha256}', 6, 0, NULL, '{late[n].tag}')",
                f"UPDATE elements SET blob = '{late[n].sha256}' WHERE id = 'element-00001'",
            )

        def progress(what: str, done: int, total: int) -> None:
            if what == "copying the database" and done == total:
                n = next(turns)
                hold(n + 1)
                store.remove(late[n].name)

        hold(0)
        with pytest.raises(StoreUnavailable):
            backing.make(place, progress=progress)
        assert backing.backups(place.backups) == []


def blob_of(place: Place, step: int) -> str:
    with closing(read_only(place.database)) as db:
        row = db.execute("SELECT blob FROM elements WHERE for_id = ?", (f"step-{step:05}",)).fetchone()
    return content_in(place.files, row[0]).name


class TestMake:
    def test_is_marked_with_what_it_holds(self, place: Place) -> None:
        made = backing.make(place, clock=lambda: datetime(2026, 11, 20, 8, 21, tzinfo=UTC))
        assert made.stamp == "20261120T082100Z"
        mark = made.mark
        assert mark is not None
        assert (mark.revision, mark.rows["steps"], mark.blobs, mark.lost) == (HEAD, 4, 4, [])
        assert mark.taken_at == "2026-11-20T08:21:00Z"
        report = backing.verify(made)
        assert report.problems == ()
        assert (report.rows, report.blobs, report.bytes, report.sha256) == (mark.rows, 4, mark.bytes, mark.sha256)

    def test_two_of_one_second_have_two_stamps_and_one_content(self, place: Place, tmp_path: Path) -> None:
        folder = tmp_path / "to"
        moment = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
        stamps = [backing.make(place, folder, clock=lambda: moment).stamp for _ in range(2)]
        assert stamps == ["20261120T235959Z", "20261121T000000Z"]
        assert sorted(backup_folder.pool(folder).names()) == sorted(LocalBlobs(place.files).names())

    def test_leaves_nothing_when_the_database_is_damaged(self, place: Place) -> None:
        sql(place, "PRAGMA foreign_keys=OFF", "UPDATE steps SET thread_id = 'nobody' WHERE id = 'step-00001'")
        with pytest.raises(StoreCorrupt):
            backing.make(place)
        assert list(place.backups.glob("*Z")) == []
        assert list(place.backups.glob(".*")) == []

    @pytest.mark.parametrize("phase", ["copying the database", "copying files", "checking files"])
    def test_leaves_nothing_when_the_disk_is_full(self, place: Place, phase: str) -> None:
        def full(what: str, _done: int, _total: int) -> None:
            if what == phase:
                raise OSError(28, "No space left on device")

        with pytest.raises(StoreUnavailable):
            backing.make(place, progress=full)
        assert list(place.backups.glob("*Z")) == []
        assert list(place.backups.glob(".*")) == []

    def test_without_a_database(self, other: Place) -> None:
        other.database.parent.mkdir()
        with pytest.raises(NotFound):
            backing.make(other)
        assert list(other.database.parent.iterdir()) == []

    def test_two_at_once_are_refused(self, place: Place) -> None:
        def progress(what: str, _done: int, _total: int) -> None:
            if what == "copying files":
                with pytest.raises(StoreUnavailable):
                    backing.make(place)

        backing.make(place, progress=progress)

    def test_a_file_that_the_store_lost_does_not_end_all_backups(
        self, place: Place, other: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        gone, bad = blob_of(place, 1), blob_of(place, 2)
        LocalBlobs(place.files).remove(gone)
        flip(LocalBlobs(place.files).path(bad), 3)
        made = backing.make(place)
        assert made.mark is not None
        assert made.mark.lost == sorted([gone, bad])
        assert gone in caplog.text
        assert backing.verify(made).problems == ()
        backing.restore(made, other)
        assert set(LocalBlobs(other.files).names()) == set(LocalBlobs(place.files).names()) - {bad}

    def test_the_pool_keeps_what_the_store_loses_and_gets_back_what_it_lost(self, place: Place) -> None:
        first = backing.make(place)
        kept, damaged = blob_of(place, 1), blob_of(place, 2)
        LocalBlobs(place.files).remove(kept)
        flip(first.pool.path(damaged), 0)
        assert backing.verify(first).damaged == (damaged,)
        second = backing.make(place)
        assert second.mark is not None
        assert second.mark.lost == []
        assert backing.verify(first).problems == backing.verify(second).problems == ()

    def test_a_folder_in_use_is_refused(self, place: Place) -> None:
        for folder in (place.files, place.database.parent):
            with pytest.raises(InvalidInput):
                backing.make(place, folder)

    def test_before_an_upgrade_only(self, place: Place) -> None:
        assert backing.before_upgrade(place) is None
        backing.migrate(place, "0001", None)
        made = backing.before_upgrade(place)
        assert made is not None
        assert made.mark is not None
        assert made.mark.revision == "0001"


def a_message(made: backing.Backup) -> None:
    data = made.database.read_bytes()
    flip(made.database, data.index(b"text 3 text 3") + 40)


def a_structure(made: backing.Backup) -> None:
    flip(made.database, 4096 + 3)


def the_header(made: backing.Backup) -> None:
    flip(made.database, 2)


def half(made: backing.Backup) -> None:
    os.truncate(made.database, made.database.stat().st_size // 2)


def no_database(made: backing.Backup) -> None:
    made.database.unlink()


def a_blob(made: backing.Backup) -> None:
    flip(next(made.pool.folder.glob("??/??/*")), 5)


def no_blob(made: backing.Backup) -> None:
    next(made.pool.folder.glob("??/??/*")).unlink()


def the_mark(made: backing.Backup) -> None:
    mark = made.path / "verified.json"
    mark.write_text(mark.read_text().replace('"steps": 4', '"steps": 5'))


def half_a_mark(made: backing.Backup) -> None:
    os.truncate(made.path / "verified.json", 30)


def no_mark(made: backing.Backup) -> None:
    (made.path / "verified.json").unlink()


DAMAGES = [a_message, a_structure, the_header, half, no_database, a_blob, no_blob, the_mark, half_a_mark, no_mark]


class TestDamage:
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_is_seen_and_refused_with_nothing_changed(
        self, place: Place, other: Place, damage: Callable[[backing.Backup], None]
    ) -> None:
        made = backing.make(place)
        damage(made)
        folder, home = tree(made.path.parent), tree(place.database.parent)
        assert backing.verify(made).problems
        with pytest.raises(StoreCorrupt):
            backing.restore(made, other)
        with pytest.raises(StoreCorrupt):
            backing.restore(made, place, over=True)
        assert tree(made.path.parent) == folder
        assert tree(place.database.parent) == home
        assert tree(other.database.parent) == {}

    def test_every_byte_counts(self, place: Place) -> None:
        made = backing.make(place)
        size = made.database.stat().st_size
        for at in range(0, size, size // 40):
            flip(made.database, at)
            assert backing.verify(made).problems
            flip(made.database, at)
        assert backing.verify(made).problems == ()


class TestRestore:
    def test_into_an_empty_place(self, place: Place, other: Place) -> None:
        made = backing.make(place)
        for folder in (other.files / "incoming", other.spool):
            folder.mkdir(parents=True)
        done = backing.restore(made, other)
        assert done == backing.Restored(made.stamp, [])
        reopen(other)
        assert contents(other) == expected(1, 4)
        assert set(tree(other.database.parent)) - {"app.db-wal"} == {
            "app.db",
            *(f"app.db.files/{name[:2]}/{name[2:4]}/{name}" for name in LocalBlobs(place.files).names()),
        }

    @pytest.mark.parametrize("left", ["app.db", "app.db-wal", "app.db.files/ab/cd/x", "app.db.spool/x.jsonl"])
    def test_a_place_in_use_needs_over(self, place: Place, other: Place, left: str) -> None:
        made = backing.make(place)
        file = other.database.parent / left
        file.parent.mkdir(parents=True)
        file.write_text("something")
        with pytest.raises(InvalidInput):
            backing.restore(made, other)
        assert tree(other.database.parent) == {left: b"something"}

    def test_over_a_store_sets_it_aside_whole(self, place: Place) -> None:
        made = backing.make(place)
        with writer(place, 5, 9) as durable:
            durable(9)
        waiting = UpsertStep(thread_id="thread-0", id="step-00010", values={"output": "spooled"})
        place.spool.mkdir(exist_ok=True)
        (place.spool / "dead.jsonl").write_text(to_json(waiting) + "\n")
        old = tree(place.database.parent)
        assert len(old["app.db-wal"]) > 0
        done = backing.restore(made, place, over=True)
        reopen(place)
        assert contents(place) == expected(1, 4)
        now = tree(place.database.parent).values()
        assert all(content in now for content in old.values())
        database, files, spool = (
            next(Path(path) for path in done.safety if f"{name}.before-restore" in path and path.endswith("Z"))
            for name in ("app.db", "app.db.files", "app.db.spool")
        )
        safety = Place(database, files, spool, place.backups)
        assert contents(safety) == expected(1, 9)
        reopen(safety)  # what waited in the spool is still with the store to which it belongs
        assert contents(safety) == expected(1, 9) | {"step-00010": ("spooled", None)}

    def test_over_a_damaged_store(self, place: Place) -> None:
        made = backing.make(place)
        place.database.write_bytes(b"no database at all" * 1000)
        backing.restore(made, place, over=True)
        reopen(place)
        assert contents(place) == expected(1, 4)

    def test_over_a_live_store_is_refused(self, place: Place, tmp_path: Path) -> None:
        made = backing.make(place)
        with writer(place, 5, 5) as durable:
            durable(5)
            before = tree(place.database.parent)
            for spool in (place.spool, tmp_path / "another"):
                with pytest.raises(StoreUnavailable, match="stop the app"):
                    backing.restore(made, replace(place, spool=spool), over=True)
            assert tree(place.database.parent) == before

    def test_an_app_that_starts_meanwhile_is_seen(self, place: Place) -> None:
        made = backing.make(place)
        live: list[Any] = []

        def progress(what: str, _done: int, _total: int) -> None:
            if what == "copying files" and not live:
                live.append(writer(place, 5, 5))
                live[0].__enter__()(5)

        try:
            with pytest.raises(StoreUnavailable, match="stop the app"):
                backing.restore(made, place, over=True, progress=progress)
        finally:
            live[0].__exit__(None, None, None)
        assert contents(place) == expected(1, 5)

    def test_of_a_newer_version_is_refused(self, place: Place, other: Place) -> None:
        sql(place, "UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(StoreTooNew):
            backing.make(place)
        sql(place, f"UPDATE alembic_version SET version_num = '{HEAD}'")
        made = backing.make(place)
        with closing(sqlite3.connect(made.database)) as db, db:
            db.execute("UPDATE alembic_version SET version_num = '9999'")
        report = backing.verify(made)
        mark = json.loads((made.path / "verified.json").read_text())
        mark |= {"revision": "9999", "sha256": report.sha256}
        (made.path / "verified.json").write_text(json.dumps(mark))
        with pytest.raises(StoreTooNew):
            backing.restore(made, other)
        assert tree(other.database.parent) == {}

    def test_follows_links(self, place: Place, tmp_path: Path) -> None:
        made = backing.make(place)
        disk = tmp_path / "disk"
        shutil.move(place.files, disk)
        place.files.symlink_to(disk)
        backing.restore(made, place, over=True)
        assert place.files.is_symlink()
        assert contents(place) == expected(1, 4)

    def test_a_rename_that_fails_puts_the_old_store_back(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        made = backing.make(place)
        fill(place, 5, 6)
        rename = os.rename

        def refuse(source: str, to: str) -> None:
            if str(source).endswith(".files") and ".before-restore" in str(to):
                raise OSError(16, "Device or resource busy")
            rename(source, to)

        monkeypatch.setattr(os, "rename", refuse)
        with pytest.raises(StoreUnavailable):
            backing.restore(made, place, over=True)
        assert contents(place) == expected(1, 6)
        assert not backing.finish_restore(place)

    def test_a_store_begun_meanwhile_is_not_overwritten(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        made = backing.make(place)
        fill(place, 5, 6)
        with monkeypatch.context() as patch:
            patch.setattr(recovery, "_move", lambda moves: 1 / 0)  # as if killed there
            with pytest.raises(ZeroDivisionError):
                backing.restore(made, place, over=True)
        listed = json.loads((place.database.parent / "app.db.restoring").read_text())
        for source, to in listed["away"]:
            os.rename(source, to)
        place.database.write_text("begun by an app that did not look")
        with pytest.raises(StoreUnavailable):
            backing.finish_restore(place)
        assert place.database.read_text() == "begun by an app that did not look"
        place.database.unlink()
        assert backing.finish_restore(place)
        assert contents(place) == expected(1, 4)

    def test_drill(self, place: Place) -> None:
        folder = place.backups
        with pytest.raises(NotFound):
            backing.drill(folder)
        backing.migrate(place, "0001", None)
        made = backing.make(place)
        before = tree(folder)
        report = backing.drill(folder)
        assert (report.backup, report.revision, report.problems) == (made.stamp, HEAD, ())
        assert (report.rows["steps"], report.blobs) == (4, 4)
        assert tree(folder) == before
        a_message(made)
        with pytest.raises(StoreCorrupt):
            backing.drill(folder)


DISK = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect"}


def run_and_die(operation: str, home: str, at: int) -> None:
    """In a forked process: runs the operation and is killed before its ``at``-th look at the disk."""
    seen = 0

    def tick(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in DISK and home in str(arguments[0]):
            tick()

    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        db = connect(*arguments, **options)
        db.set_trace_callback(tick)
        return db

    sqlite3.connect = sqlite3.dbapi2.connect = traced  # type: ignore[assignment]
    sys.addaudithook(hook)
    OPERATIONS[operation](Place.beside(Path(home) / "app.db"))


def first(place: Place) -> backing.Backup:
    return backing.backups(place.backups)[0]


OPERATIONS: dict[str, Callable[[Place], Any]] = {
    "backup": backing.make,
    "restore": lambda place: backing.restore(first(place), place, over=True),
    "up": lambda place: backing.migrate(place, HEAD, None),
    "down": lambda place: backing.migrate(place, "0001", None),
    "prune": lambda place: backing.prune(place.backups, 0, 0),
    "optimise": backing.optimise,
}


def kill_everywhere(operation: str, home: Path, folder: Path, step: int = 1) -> Iterator[Place]:
    """A copy of ``home`` for every moment at which the operation can be killed, after that kill.

    ``step``: every so manieth moment only, from a random one on, where there are many.
    """
    for at in count(random.randint(1, step), step):
        print(f"{operation} is killed at its look {at}")
        copy = folder / f"{operation}{at}"
        shutil.copytree(home, copy, symlinks=True)
        child = processes().Process(target=run_and_die, args=(operation, str(copy), at))
        child.start()
        child.join(60)
        assert child.exitcode in (0, -signal.SIGKILL)
        yield Place.beside(copy / "app.db")
        if child.exitcode == 0:
            assert at > 10, "the hook saw too little"
            return
        shutil.rmtree(copy)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one. SIGKILL loses nothing that was written, synced or not, and a hundred
    kills of what syncs every file would take a minute on a disk."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else tmp_path) as folder:
        yield Path(folder)


@pytest.fixture
def step(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """Of how many moments one is taken; each with the option ``--thorough``. What tests.conftest imports would cost
    each process that is killed a second."""
    return lambda usually: 1 if request.config.getoption("--thorough") else usually


class TestKills:
    def test_during_a_backup(self, place: Place, memory: Path, step: Callable[[int], int]) -> None:
        backing.make(place)
        fill(place, 5, 5)
        folder = place.database.parent
        for killed in kill_everywhere("backup", folder, memory, step(4)):
            made = backing.backups(killed.backups)
            assert 1 <= len(made) <= 2
            assert [backing.verify(backup).problems for backup in made] == [()] * len(made)
            again = backing.make(killed)
            assert backing.verify(again).problems == ()
            assert again.mark is not None
            assert again.mark.rows["steps"] == 5
            assert list(killed.backups.glob(".*")) == []
            assert contents(killed) == expected(1, 5)

    def test_during_a_restore(self, place: Place, memory: Path, step: Callable[[int], int]) -> None:
        backing.make(place)
        with writer(place, 5, 6) as durable:
            durable(6)
        outcomes: list[tuple[bool, int]] = []
        for killed in kill_everywhere("restore", place.database.parent, memory, step(5)):
            listed = (killed.database.parent / "app.db.restoring").exists()
            if listed and len(outcomes) % 2:  # the same command finishes it, and so does a starting app
                assert backing.restore(first(killed), killed).resumed
            else:
                assert backing.finish_restore(killed) == listed
            found = contents(killed)
            assert found in (expected(1, 4), expected(1, 6))
            outcomes.append((listed, len(found)))
            if found == expected(1, 6):
                backing.restore(first(killed), killed, over=True)
            reopen(killed)
            assert contents(killed) == expected(1, 4)
            assert [expected(1, 6)] == [contents(aside) for aside in set_aside(killed)]
        assert set(outcomes) == {(False, 6), (True, 4), (False, 4)}
        assert outcomes == sorted(outcomes, key=[(False, 6), (True, 4), (False, 4)].index)

    @pytest.mark.parametrize(("way", "start", "end"), [("up", "0001", HEAD), ("down", HEAD, "0001")])
    def test_during_a_migration(
        self, place: Place, memory: Path, step: Callable[[int], int], way: str, start: str, end: str
    ) -> None:
        if start != HEAD:
            backing.migrate(place, start, None)
        revisions = []
        for killed in kill_everywhere(way, place.database.parent, memory, step(7)):
            revisions.append(check_file(killed.database))
            assert contents(killed) == expected(1, 4)
            backing.migrate(killed, end, None)
            assert contents(killed) == expected(1, 4)
            reopen(killed)
        assert revisions[0] == start
        assert revisions[-1] == end
        assert set(revisions) == {start, end}

    def test_during_a_prune(self, place: Place, memory: Path) -> None:
        backing.make(place)
        fill(place, 5, 5)
        backing.make(place)
        sql(place, "DELETE FROM elements WHERE id = 'element-00005'")
        backing.make(place)
        for killed in kill_everywhere("prune", place.database.parent, memory):
            folder = killed.backups
            made = backing.backups(folder)
            assert [backing.verify(backup).problems for backup in made] == [()] * len(made)
            OPERATIONS["prune"](killed)
            assert len(backing.backups(folder)) == 1
            assert len(list(backup_folder.pool(folder).names())) == 4
            assert list(folder.glob(".*")) == []

    def test_during_optimise(self, place: Place, memory: Path) -> None:
        clutter(place)
        for killed in kill_everywhere("optimise", place.database.parent, memory):
            backing.optimise(killed)
            assert unswept(killed) == []
            reopen(killed)
            assert contents(killed) == expected(1, 4)


def set_aside(place: Place) -> Iterator[Place]:
    for database in place.database.parent.glob("app.db.before-restore-*Z"):
        stamp = database.name.removeprefix("app.db")
        yield Place(database, *(Path(f"{folder}{stamp}") for folder in (place.files, place.spool, place.backups)))


def clutter(place: Place) -> None:
    """Everything that a sweep must take."""
    store = LocalBlobs(place.files)
    store.put(b"a file without row")
    (place.files / "incoming" / "tmp123").write_bytes(b"broken off")
    released = store.put(b"a row without element")
    row = "INSERT INTO blobs (sha256, size, created_at, tag) VALUES ({!r}, 1, 0, {!r})"
    sql(place, row.format(released.sha256, released.tag), row.format("0", "0"))


def unswept(place: Place) -> list[str]:
    """What no element holds, be it row or file."""
    with closing(read_only(place.database)) as db:
        held, rows = set(held_blobs(db)), stored_blobs(db)
    files = {path.name for path in place.files.rglob("*") if path.is_file()}
    assert held <= rows & files
    return sorted((rows | files) - held)


class TestOptimise:
    def test_sweeps_exactly_what_nothing_points_to(self, place: Place) -> None:
        clutter(place)
        assert len(unswept(place)) == 4
        done = backing.optimise(place)
        assert (done.rows, done.files, done.leftovers) == (2, 2, 1)
        assert unswept(place) == []
        assert contents(place) == expected(1, 4)
        again = backing.optimise(place)
        assert (again.rows, again.files, again.leftovers, again.rebuilt) == (0, 0, 0, False)

    @pytest.mark.parametrize("name", ["dead.jsonl", "rejected.txt"])
    def test_content_of_what_waits_in_the_spool_stays(self, place: Place, name: str) -> None:
        blob = LocalBlobs(place.files).put(b"not in the database yet")
        waiting = UpsertElement(
            thread_id="thread-1", id="element-late", values={"for_id": "step-00001"}, blob=blob, actor=APPLICATION
        )
        place.spool.mkdir(exist_ok=True)
        (place.spool / name).write_text(to_json(waiting) + "\n")
        backing.optimise(place)
        assert LocalBlobs(place.files).has(blob.name)

    def test_gives_space_back(self, place: Place) -> None:
        fill(place, 5, 60)
        sql(place, "DELETE FROM elements WHERE id > 'element-00004'", "DELETE FROM steps WHERE id > 'step-00004'")
        done = backing.optimise(place)
        assert done.bytes > 0
        assert (done.files, done.rows) == (56, 56)
        with closing(read_only(place.database)) as db:
            assert db.execute("PRAGMA freelist_count").fetchone() == (0,)
            assert db.execute("SELECT count(*) > 0 FROM sqlite_stat1").fetchone() == (1,)
        wal = place.database.with_name("app.db-wal")
        assert not wal.exists() or wal.stat().st_size == 0
        assert contents(place) == expected(1, 4)

    def test_a_database_of_the_older_kind_is_rebuilt_once(self, place: Place) -> None:
        sql(place, "PRAGMA auto_vacuum=NONE", "VACUUM")
        assert backing.optimise(place).rebuilt
        with closing(read_only(place.database)) as db:
            assert db.execute("PRAGMA auto_vacuum").fetchone() == (2,)
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert not backing.optimise(place).rebuilt
        assert contents(place) == expected(1, 4)

    def test_is_refused_while_the_store_is_open(self, place: Place, tmp_path: Path) -> None:
        clutter(place)
        with writer(place, 5, 5) as durable:
            durable(5)
            before = tree(place.database.parent)
            for spool in (place.spool, tmp_path / "another"):
                elsewhere = replace(place, spool=spool)
                for refused in (backing.optimise, lambda place: backing.migrate(place, "0001", None)):
                    with pytest.raises(StoreUnavailable, match="stop the app"):
                        refused(elsewhere)
            assert tree(place.database.parent) == before

    def test_a_damaged_database_is_left_alone(self, place: Place) -> None:
        clutter(place)
        with place.database.open("r+b") as file:
            file.seek(4096 * 6)
            file.write(b"\xff" * 4096 * 4)
        before = tree(place.files)
        with pytest.raises(StoreCorrupt):
            backing.optimise(place)
        assert tree(place.files) == before


class TestMigrate:
    def test_down_and_up_keep_the_data(self, place: Place) -> None:
        folder = place.backups
        assert backing.status(place).pending == []
        down = backing.migrate(place, "0001", folder)
        assert (down.before, down.after) == (HEAD, "0001")
        assert HEAD in backing.status(place).pending
        assert contents(place) == expected(1, 4)
        up = backing.migrate(place, HEAD, folder)
        assert contents(place) == expected(1, 4)
        assert [backup.stamp for backup in backing.backups(folder)] == [down.backup, up.backup]
        assert [b.mark.revision for b in backing.backups(folder) if b.mark] == [HEAD, "0001"]
        assert backing.migrate(place, HEAD, folder).backup is None

    @pytest.mark.parametrize("to", ["base", "9999", "head"])
    def test_an_unknown_version_is_refused(self, place: Place, to: str) -> None:
        with pytest.raises(InvalidInput):
            backing.migrate(place, to, None)
        assert contents(place) == expected(1, 4)

    def test_nothing_changes_when_no_backup_can_be_made(self, place: Place) -> None:
        folder = place.backups
        folder.write_text("in the way")
        with pytest.raises(StoreUnavailable):
            backing.migrate(place, "0001", folder)
        assert check_file(place.database) == HEAD


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
moments = st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)))


class TestKeep:
    def test_a_backup_a_day_for_two_months(self) -> None:
        kept = backing.keep(NOON - timedelta(days=n) for n in range(60))
        # The days of this week and of the last Sundays: 15 is in a week of which the daily ones are no longer there.
        assert sorted((NOON - moment).days for moment in kept) == [0, 1, 2, 3, 4, 5, 6, 12, 19]

    def test_many_a_day(self) -> None:
        kept = backing.keep(NOON - timedelta(hours=n) for n in range(24 * 3))
        assert kept == {
            NOON,
            NOON.replace(day=19, hour=23),
            NOON.replace(day=18, hour=23),
            NOON.replace(day=17, hour=23),
        }

    @given(moments, st.integers(0, 10), st.integers(0, 10))
    def test_always(self, taken: list[datetime], daily: int, weekly: int) -> None:
        kept = backing.keep(taken, daily, weekly)
        assert kept <= set(taken)
        assert len(kept) <= max(daily + weekly, 1)
        assert not taken or max(taken) in kept
        assert backing.keep(kept, daily, weekly) == kept
        days = {moment.date() for moment in taken}
        assert {moment.date() for moment in kept} >= set(sorted(days)[-daily:] if daily else ())


class TestPrune:
    def test_removes_old_backups_and_only_their_files(self, place: Place) -> None:
        folder = place.backups
        gone = blob_of(place, 1)
        for days in (40, 39, 1):
            backing.make(place, clock=lambda days=days: NOON - timedelta(days=days))
        sql(place, "DELETE FROM elements WHERE id = 'element-00001'")
        last = backing.make(place, clock=lambda: NOON)
        pruned = backing.prune(folder, daily=1, weekly=1, now=NOON)
        assert len(pruned.backups) == 3
        assert (pruned.blobs, pruned.bytes) == (1, 600)
        assert backing.backups(folder) == [last]
        assert not last.pool.has(gone)
        assert backing.verify(last).problems == ()

    def test_the_way_back_from_an_upgrade_stays_for_weeks(self, place: Place) -> None:
        folder = place.backups
        backing.migrate(place, "0001", None)
        before = [backing.make(place, clock=lambda h=h: NOON - timedelta(hours=h)) for h in (3, 2)][-1]
        backing.migrate(place, HEAD, None)
        after = backing.make(place, clock=lambda: NOON)
        backing.prune(folder, 1, 4, now=NOON + timedelta(days=20))
        assert backing.backups(folder) == [before, after]
        backing.prune(folder, 1, 1, now=NOON + timedelta(days=40))
        assert backing.backups(folder) == [after]

    def test_a_backup_that_cannot_be_read_keeps_all_content(self, place: Place) -> None:
        made = backing.make(place)
        no_mark(made)
        the_header(made)
        assert backing.prune(made.path.parent).blobs == 0
        assert len(list(made.pool.names())) == 4
        assert made.path.exists()

    def test_foreign_files_stay(self, place: Place) -> None:
        made = backing.make(place)
        notes = [made.path.parent / name for name in (".notes", "README", "old/threads.db")]
        for note in notes:
            note.parent.mkdir(exist_ok=True)
            note.write_text("mine")
        backing.prune(made.path.parent, 0, 0)
        backing.make(place)
        assert all(note.read_text() == "mine" for note in notes)


class TestSchedule:
    def run(self, place: Place, moments: list[datetime], **options: Any) -> list[str]:
        """Lets the loop look once at each of ``moments``. Returns the stamps there were after each look."""
        clock = {"now": moments[0]}
        seen: list[str] = []
        ahead = iter(moments[1:])

        async def sleep(seconds: float) -> None:
            assert seconds == 3600
            seen.append(" ".join(b.stamp for b in backing.backups(place.backups)))
            moment = next(ahead, None)
            if moment is None:
                raise asyncio.CancelledError
            clock["now"] = moment

        async def loop() -> None:
            await backing.keep_backing_up(place, clock=lambda: clock["now"], sleep=sleep, **options)

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(loop())
        return seen

    def test_one_a_day_and_old_ones_go(self, place: Place) -> None:
        seen = self.run(place, [NOON, NOON + timedelta(hours=23), NOON + timedelta(hours=24)], daily=1, weekly=1)
        assert seen == ["20261120T120000Z", "20261120T120000Z", "20261121T120000Z"]

    def test_a_failure_is_logged_and_the_loop_lives(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        failures = iter([StoreUnavailable("the disk is full"), ZeroDivisionError()])
        real = schedule.make

        def fail(*arguments: Any) -> backing.Backup:
            if error := next(failures, None):
                raise error
            return real(*arguments)

        monkeypatch.setattr(schedule, "make", fail)
        seen = self.run(place, [NOON + timedelta(hours=n) for n in range(3)])
        assert seen == ["", "", "20261120T140000Z"]
        assert [record.levelno for record in caplog.records if record.levelno > logging.INFO] == [logging.ERROR] * 2

    def test_a_backup_from_the_future_does_not_stop_it(self, place: Place) -> None:
        backing.make(place, clock=lambda: NOON + timedelta(days=3000))
        assert len(self.run(place, [NOON])[0].split()) == 2

    async def test_stopping_it_gives_up_the_backup(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        begun, stop, ended = threading.Event(), threading.Event(), threading.Event()
        real = schedule.make

        def slow(place: Place, folder: Path, progress: Callable[[str, int, int], None], *rest: Any) -> backing.Backup:
            def waiting(what: str, done: int, total: int) -> None:
                begun.set()
                stop.wait(10)
                progress(what, done, total)

            try:
                return real(place, folder, waiting, *rest)
            finally:
                ended.set()

        monkeypatch.setattr(schedule, "make", slow)
        task = asyncio.create_task(backing.keep_backing_up(place))
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stop.set()
        assert await asyncio.to_thread(ended.wait, 10)
        assert list(place.backups.glob("*Z")) == []
