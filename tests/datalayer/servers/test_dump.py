"""Backups of a server's database by its own tools: on real servers, while an app writes, and after what goes wrong."""

import asyncio
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from datalayer import dialects
from datalayer.__main__ import app
from datalayer.backup import backups, dump, find, kinds, prune, refill
from datalayer.dialects import mysql_tools, server_schema, tools
from datalayer.dialects.mysql_tools import MySQLTools
from datalayer.dialects.postgres_tools import PostgresTools
from datalayer.dialects.server_schema import ask
from datalayer.dialects.tools import Tools
from datalayer.errors import InvalidInput, StoreCorrupt, StoreUnavailable
from datalayer.passages import FileText, Passage
from datalayer.passages import Place as At
from datalayer.place import Place
from datalayer.schema import HEAD
from datalayer.store import Store
from datalayer.writes import UpsertElement, UpsertStep
from tests.contract.test_elements import sha256
from tests.embeddings import give_vectors
from tests.servers import databases, mariadb, postgres
from tests.servers.certificates import certificate
from tests.servers.process import private_folder, program, user

pytestmark = pytest.mark.services
ROOT = Path(__file__).resolve().parents[3]
PART = "4711"
HARD = f"p\"a'ss\\w{PART} #;= "
"""A password of all that an option file, a URL or a shell could misread."""


@pytest.fixture(autouse=True)
def _slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql_tools, "PAUSE", 20.0)


def bare(kind: str) -> str:
    """The URL of a new database without tables, on a server whose tools are here."""
    program(*{"postgres": ("pg_dump", "postgresql-client"), "mysql": ("mariadb-dump", "mariadb-client")}[kind])
    return databases.bare_database(kind)


@pytest.fixture(scope="module", params=["postgres", "mysql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(kind: str, tmp_path: Path) -> Place:
    """A store of three messages with a file each."""
    found = place_at(bare(kind), tmp_path)
    fill(found, 3)
    return found


@pytest.fixture(scope="module")
def _kept(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Place:
    found = place_at(bare(kind), tmp_path_factory.mktemp("kept"))
    fill(found, 3)
    kinds.make(found)
    return found


@pytest.fixture
def kept(_kept: Place, tmp_path: Path) -> Place:
    """Such a store with a backup, for tests that leave the database alone: to make one costs more than a copy."""
    shutil.copytree(_kept.backups, tmp_path / "backups")
    shutil.copytree(_kept.files, tmp_path / "files")
    return replace(_kept, files=tmp_path / "files", backups=tmp_path / "backups")


def place_at(url: str, folder: Path) -> Place:
    return Place.of(url, folder / "files", folder / "spool", folder / "backups")


def url_of(place: Place) -> str:
    assert place.server is not None
    return place.server.render_as_string(hide_password=False)


def empty(place: Place, kind: str) -> Place:
    """The same place with a new database and other files."""
    return replace(place, server=dialects.parse_url(bare(kind)), files=place.files.with_name("new"))


def fill(place: Place, count: int) -> None:
    async def run() -> None:
        store = Store(url_of(place), place.files, place.spool)
        for n in range(count):
            await add(store, n)
        await give_vectors(store, *(f"s{n:05}" for n in range(count)[:1]))
        if count:
            said = Passage("The heron, 😀 'q' \"d\" \\ \r\n\t;", At(lines=(1, 1)))
            assert await store.keep_text(sha256(b"file 0"), FileText("tests", (said,)))
        await store.close()

    asyncio.run(run())


async def add(store: Store, n: int) -> None:
    values = {
        "type": "user_message",
        "output": f"Größe {n} 😀 'q' \"d\" \\ \r\n\t;",
        "metadata": {"n": n, "x": [1.5, None]},
    }
    await store.submit(UpsertStep(thread_id="t", id=f"s{n:05}", values=values))
    blob = await store.put_blob(b"file %d" % n)
    await store.submit(UpsertElement(thread_id="t", id=f"e{n:05}", values={"for_id": f"s{n:05}"}, blob=blob))


@contextmanager
def writer(place: Place) -> Iterator[Callable[[int], None]]:
    """Somebody who writes on and on. Yields what waits until that many messages more are stored."""
    stop, done = threading.Event(), [0]

    async def run() -> None:
        store = Store(url_of(place), place.files, place.spool)
        while not stop.is_set():
            await add(store, 100 + done[0])
            done[0] += 1
        await store.close()

    def more(count: int) -> None:
        until(lambda target=done[0] + count: done[0] >= target)  # type: ignore[misc]

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        yield more
    finally:
        stop.set()
        thread.join()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def steps(url: str) -> list[str]:
    return [key for (key,) in databases.rows(url, "SELECT id FROM steps ORDER BY id")]


def scratches(url: str) -> list[str]:
    query = {"postgresql": "SELECT datname FROM pg_database", "mysql": "SHOW DATABASES"}
    names = [name for (name,) in databases.rows(url, query[make_url(url).get_backend_name()])]
    mine = kinds_scratch(url)
    return [name for name in names if name == mine]


def kinds_scratch(url: str) -> str:
    return refill.tools_of(dialects.parse_url(url)).scratch


def run(place: Place, *arguments: str, code: int = 0) -> str:
    """What the command prints, on either stream."""
    files = place.bucket or str(place.files)
    folders = ["--files", files, "--spool", str(place.spool), "--backups", str(place.backups)]
    if arguments[0] in ("verify", "optimise") or arguments[:2] in (("backup", "drill"), ("migrate", "status")):
        folders = ["--backups", str(place.backups)] if arguments[0] in ("verify", "backup") else []
    result = CliRunner().invoke(app, [*arguments, "--database", url_of(place), *folders])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return str(result.output)


class TestWhileSomebodyWrites:
    def test_a_backup_is_one_moment_of_the_database_and_comes_back(self, place: Place, kind: str) -> None:
        with writer(place) as more:
            more(3)
            made = kinds.make(place)
            more(3)
        assert made.mark is not None
        assert made.mark.dump is not None
        assert (made.mark.dump.notes, made.mark.revision, made.mark.lost) == ([], HEAD, [])
        assert kinds.verify(made).problems == ()
        report = kinds.drill(place.backups, place.server)
        assert (report.problems, report.rows) == ((), made.mark.rows)

        new = empty(place, kind)
        kinds.restore(made, new, over=False)
        there, all_of_them = steps(url_of(new)), steps(url_of(place))
        assert 6 <= len(there) == made.mark.rows["steps"] < len(all_of_them)
        assert there == all_of_them[: len(there)]
        query = "SELECT id, output, metadata, created_at FROM steps ORDER BY id"
        assert databases.rows(url_of(new), query) == databases.rows(url_of(place), query)[: len(there)]
        held = set(ask(dialects.parse_url(url_of(new)), lambda connection, _: refill.contents(connection, None).held))
        assert {path.name for path in new.files.glob("??/??/*")} == held
        assert scratches(url_of(place)) == []

    def test_mariadb_holds_writes_back_while_a_dump_begins(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = place_at(bare("mysql"), tmp_path)
        fill(place, 1)
        signed_in, writes = MySQLTools.signed_in, list[threading.Thread]()
        waiting = "SELECT state FROM information_schema.processlist WHERE info LIKE 'INSERT INTO users %'"

        def write_first(self: MySQLTools) -> Any:
            """A write that comes between both moments: it is done when this returns, or waits."""
            if not writes:
                statement = "INSERT INTO users VALUES ('late', 'late', '{}', 0)"
                writes.append(threading.Thread(target=databases.execute, args=(url_of(place), statement)))
                writes[0].start()
                until(
                    lambda: (
                        not writes[0].is_alive()
                        or any("lock" in str(state) for (state,) in databases.rows(url_of(place), waiting))
                    )
                )
            return signed_in(self)

        monkeypatch.setattr(MySQLTools, "signed_in", write_first)
        monkeypatch.setattr(dump, "TRIES", 1)
        made = kinds.make(place)
        writes[0].join()
        assert made.mark is not None
        assert made.mark.dump is not None
        assert (made.mark.dump.notes, made.mark.rows["users"]) == ([], 0)
        assert databases.rows(url_of(place), "SELECT id FROM users") == [("late",)]

    def test_where_writes_cannot_be_held_back_it_says_that_it_only_counted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = place_at(bare("mysql"), tmp_path)
        fill(place, 1)
        signed_in, tries = MySQLTools.signed_in, list[int]()

        def write_first(self: MySQLTools) -> Any:
            tries.append(len(tries))
            databases.execute(url_of(place), f"INSERT INTO users VALUES ('u{len(tries)}', 'u', '{{}}', 0)")
            return signed_in(self)

        monkeypatch.setattr(MySQLTools, "signed_in", write_first)
        monkeypatch.setattr(MySQLTools, "_still", lambda self, tables: nullcontext(threading.Event()))
        assert "not compared row by row" in run(place, "backup")
        assert len(tries) == 2 * dump.TRIES
        monkeypatch.undo()
        assert kinds.drill(place.backups, place.server).problems == ()


class TestDamage:
    @pytest.mark.parametrize("what", ["dump", "list", "file", "mark"])
    def test_a_damaged_backup_is_found_and_never_restored(self, kept: Place, kind: str, what: str) -> None:
        made = find(kept.backups, "newest")
        assert made.mark is not None
        assert made.mark.dump is not None
        path = {
            "dump": made.path / made.mark.dump.file,
            "list": made.held_list,
            "file": next(made.pool.folder.glob("??/??/*")),
            "mark": made.path / "verified.json",
        }[what]
        path.write_bytes(path.read_bytes()[:-9])
        new = empty(kept, kind)
        assert kinds.verify(made).problems
        with pytest.raises((StoreCorrupt, InvalidInput)):
            kinds.restore(made, new, over=False)
        if what != "mark":
            assert "damaged" in run(kept, "backup", "drill", code=1)
            assert prune(kept.backups).blobs == 0
        assert not new.files.exists()
        assert ask(dialects.parse_url(url_of(new)), server_schema.look) is None

    def test_a_dump_that_lacks_a_row_never_counts(
        self, place: Place, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cls = type(refill.tools_of(dialects.parse_url(url_of(place))))
        whole = cls.fill

        def lose_one(self: Tools, source: Path, database: str) -> None:
            whole(self, source, database)
            tools.execute(self.url.set(database=database), "DELETE FROM elements WHERE id = 'e00001'")

        monkeypatch.setattr(cls, "fill", lose_one)
        with pytest.raises(StoreCorrupt, match="elements"):
            kinds.make(place)
        assert backups(place.backups) == []
        assert scratches(url_of(place)) == []

    def test_a_dump_that_ends_early_never_counts(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        def half(self: Tools, head: bytes, rest: Any, target: Path) -> None:
            content = head + rest.read()
            with self.opened(target, "wb") as file:
                file.write(content[: len(content) // 2])

        monkeypatch.setattr(Tools, "_save", half)
        with pytest.raises((StoreUnavailable, StoreCorrupt)):
            kinds.make(place)
        assert list(place.backups.glob("2*")) == list(place.backups.glob(".unfinished-*")) == []

    def test_prune_keeps_the_files_of_dumps_and_removes_what_only_a_removed_one_had(self, place: Place) -> None:
        kinds.make(place)
        assert prune(place.backups).blobs == 0
        databases.execute(url_of(place), "DELETE FROM elements WHERE id = 'e00001'")
        second = kinds.make(place)
        gone = prune(place.backups, daily=1, weekly=0)
        assert (len(gone.backups), gone.blobs) == (1, 1)
        assert kinds.verify(second).problems == ()


class TestKilled:
    def test_in_the_middle_nothing_counts_and_the_next_backup_tidies_up(self, place: Place, kind: str) -> None:
        with locked(place):
            process = start(place, "backup")
            until(lambda: bool(scratches(url_of(place))) and any(place.backups.glob(".unfinished-*/threads*")))
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert backups(place.backups) == []
        assert any(place.backups.glob(".unfinished-*"))
        made = kinds.make(place)
        assert [each.stamp for each in backups(place.backups)] == [made.stamp]
        assert list(place.backups.glob(".unfinished-*")) == scratches(url_of(place)) == []

    def test_two_at_once_do_not_meet(self, place: Place, tmp_path: Path) -> None:
        with locked(place):
            process = start(place, "backup")
            until(lambda: bool(scratches(url_of(place))))
            with pytest.raises(StoreUnavailable, match="at work"):
                kinds.make(replace(place, backups=tmp_path / "elsewhere"))
        assert process.wait() == 0
        assert len(backups(place.backups)) == 1

    def test_a_restore_is_gone_on_with_but_never_over_a_store(self, kept: Place, kind: str) -> None:
        made, new = find(kept.backups, "newest"), empty(kept, kind)
        if kind == "mysql":  # where it is no transaction
            databases.execute(url_of(new), "CREATE TABLE datalayer_restoring (id INT)", "CREATE TABLE steps (id INT)")
        kinds.restore(made, new, over=False)
        assert steps(url_of(new)) == steps(url_of(kept))
        if kind == "mysql":
            databases.execute(url_of(new), "CREATE TABLE datalayer_restoring (id INT)")
        with pytest.raises(InvalidInput, match="already"):
            kinds.restore(made, new, over=False)

    def test_a_restore_that_fails_leaves_postgresql_empty(self, tmp_path: Path) -> None:
        place = place_at(bare("postgres"), tmp_path)
        fill(place, 1)
        made, new = kinds.make(place), empty(place, "postgres")
        databases.execute(
            url_of(new),
            "CREATE FUNCTION steps() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE TYPE usage AS (a int)",
        )
        with pytest.raises(StoreUnavailable, match="pg_restore failed"):
            kinds.restore(made, new, over=False)
        assert databases.rows(url_of(new), "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """A table is locked, so that no dump ends."""
    held, end = threading.Event(), threading.Event()
    lock = {"postgresql": "LOCK TABLE steps IN ACCESS EXCLUSIVE MODE", "mysql": "LOCK TABLES steps WRITE"}

    def hold(connection: Any, _: Any) -> None:
        connection.exec_driver_sql(lock[connection.dialect.name])
        held.set()
        end.wait(60)

    assert place.server is not None
    thread = threading.Thread(target=ask, args=(place.server, hold))
    thread.start()
    held.wait(60)
    try:
        yield
    finally:
        end.set()
        thread.join()


def start(place: Place, *arguments: str) -> subprocess.Popen[bytes]:
    folders = ["--files", place.bucket or str(place.files), "--backups", str(place.backups)]
    command = [sys.executable, "-m", "datalayer", *arguments, *folders]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATALAYER_DATABASE": url_of(place)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


class TestPasswords:
    @pytest.fixture
    def with_password(self, kind: str, tmp_path: Path) -> Iterator[Place]:
        """A store of a user who signs in with ``HARD``, and has only the rights that are written down."""
        if kind == "mysql":
            url = make_url(bare("mysql"))
            user = f"dump_{os.getpid()}"
            quoted = HARD.replace("\\", "\\\\").replace("'", "''").replace("%", "%%")
            databases.execute(
                str(url),
                f"CREATE OR REPLACE USER '{user}'@'%%' IDENTIFIED BY '{quoted}'",
                f"CREATE OR REPLACE USER '{user}'@localhost IDENTIFIED BY '{quoted}'",
                *(f"GRANT ALL ON {url.database}.* TO '{user}'@{host}" for host in ("'%%'", "localhost")),
            )
            yield self._filled(url.set(username=user, password=HARD), tmp_path)
            databases.execute(str(url), *(f"DROP USER '{user}'@{host}" for host in ("'%%'", "localhost")))
            return
        with postgres.running() as server:
            quoted = HARD.replace("'", "''")
            server.sql(f"CREATE ROLE ann LOGIN PASSWORD '{quoted}'")
            server.sql("ALTER DATABASE chat OWNER TO ann")
            rules = Path(server.sql("SHOW hba_file")[0])
            rules.write_text("host all ann all scram-sha-256\n" + rules.read_text())
            server.sql("SELECT pg_reload_conf()")
            yield self._filled(make_url(server.url).set(username="ann", password=HARD), tmp_path)

    def _filled(self, url: Any, folder: Path) -> Place:
        found = place_at(url.render_as_string(hide_password=False), folder)
        fill(found, 2)
        return found

    def allow(self, place: Place, said: str) -> None:
        """Types what the command has said, as the administrator."""
        statement = said[said.index("type: ") + 6 :].splitlines()[0]
        assert place.server is not None
        if place.server.get_backend_name() == "mysql":
            databases.execute(databases.server_url("mysql"), statement.replace("%", "%%"))
        else:
            databases.execute(place.server.set(username="postgres", password=None), statement)

    def test_never_on_a_command_line_nor_in_a_text(self, with_password: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        lines = list[bytes]()

        class Watched(subprocess.Popen[bytes]):
            def __init__(self, *args: Any, **given: Any) -> None:
                super().__init__(*args, **given)
                shown = Path(f"/proc/{self.pid}/cmdline").read_bytes()  # nothing of one that has ended already
                lines.extend([shown, "\0".join(map(str, args[0])).encode()])

        monkeypatch.setattr(tools.subprocess, "Popen", Watched)
        place = with_password
        said = run(place, "backup", code=1)
        assert backups(place.backups) == []
        self.allow(place, said)
        said += run(place, "backup") + run(place, "backup", "drill")
        wrong = replace(place, server=place.server and place.server.set(password=HARD + "?"))
        said += run(wrong, "backup", code=1) + run(wrong, "info", code=1)
        assert any(b"dump" in line for line in lines)
        assert not any(PART.encode() in line for line in lines)
        assert PART not in said
        assert not any(PART.encode() in path.read_bytes() for path in place.backups.rglob("*.*") if path.is_file())

    def test_a_tool_that_is_refused_says_so_without_it(self, with_password: Place) -> None:
        assert with_password.server is not None
        wrong = refill.tools_of(with_password.server.set(password=HARD + "?"))
        ask(with_password.server, lambda connection, _: wrong.find(connection))
        with (
            pytest.raises(StoreUnavailable, match="failed: ") as refused,
            wrong.running(wrong.programs[0], str(wrong.url.database)) as process,
        ):
            process.wait()
        assert wrong.url.username in str(refused.value)
        assert PART not in str(refused.value)


class TestWhatIsMissing:
    def test_what_a_tool_complains_of_quotes_nothing_that_people_wrote(self, place: Place) -> None:
        assert place.server is not None
        found = refill.tools_of(place.server)._said(b"-- note\nERROR 1064 at line 7: a mistake near 'my secret'\nmore")
        assert found == "ERROR 1064 at line 7: a mistake"

    def test_without_tools_it_says_what_to_type(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tools.shutil, "which", lambda name: None)
        said = run(place, "backup", code=1)
        assert place.server is not None
        assert all(word in said for word in ("apt install", "dump --", str(place.server.database)))
        assert "geheim" not in refill.tools_of(place.server.set(password="geheim")).by_hand()
        assert not place.backups.exists()

    def test_a_pooler_is_no_place_for_it(self, tmp_path: Path) -> None:
        url = bare("postgres")
        databases.upgrade(url)
        said = run(place_at(url + "?prepared_statements=false", tmp_path), "backup", code=1)
        assert "name the server itself" in said

    def test_a_tool_older_than_the_server(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        place = place_at(bare("postgres"), tmp_path)
        databases.upgrade(url_of(place))
        monkeypatch.setattr(tools, "_version", lambda program: "9.6")
        assert "pg_dump 9.6 is older than the server" in run(place, "backup", code=1)

    def test_versions_are_read_as_each_tool_says_them(self, tmp_path: Path) -> None:
        said = {
            "pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)": "15.20",
            "mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)": "10.11.19",
            "mariadb-dump from 11.4.2-MariaDB, client 10.19 for debian-linux-gnu (x86_64)": "11.4.2",
            "mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)": "8.0.36",
        }
        for line, version in said.items():
            (tmp_path / "tool").write_text(f"#!/bin/sh\necho '{line}'\n")
            (tmp_path / "tool").chmod(0o700)
            assert tools._version(str(tmp_path / "tool")) == version

    def test_without_a_store(self, kind: str, tmp_path: Path) -> None:
        place = place_at(bare(kind), tmp_path)
        for arguments in (["backup"], ["migrate", "status"], ["info"], ["backup", "drill"]):
            assert run(place, *arguments, code=1).count("\n") == 1
        assert not place.backups.exists()


class TestCommands:
    def test_each_says_what_it_did(self, place: Place, kind: str) -> None:
        assert "verified, " in run(place, "backup")
        assert "is whole: " in run(place, "verify")
        newest = CliRunner().invoke(app, ["verify", str(backups(place.backups)[-1].path)])  # without a server
        assert newest.exit_code == 0, newest.output
        assert "can be restored: " in run(place, "backup", "drill")
        info = run(place, "info")
        assert all(line in info for line in ("3 steps", "files: 3", "backups: 1"))
        assert f"this version wants {HEAD}" in run(place, "migrate", "status")
        assert "by itself" in run(place, "optimise", code=1)
        assert "nothing is restored over" in run(place, "restore", "newest", "--over", code=1)
        assert "already" in run(place, "restore", "newest", code=1)
        new = empty(place, kind)
        assert "is what it was at" in run(new, "restore", "newest")
        assert steps(url_of(new)) == ["s00000", "s00001", "s00002"]

    def test_migrate_goes_both_ways_after_a_backup_and_never_under_an_app(self, place: Place) -> None:
        assert "after backup" in run(place, "migrate", "down")
        assert f"-> {HEAD}, after backup" in run(place, "migrate", "up")
        assert len(backups(place.backups)) == 2
        with writer(place) as more:
            more(1)
            assert "stop the app" in run(place, "migrate", "down", code=1)
            assert "live instances: " in run(place, "info")

    def test_an_old_backup_is_tried_with_the_schema_of_today(self, place: Place, kind: str) -> None:
        run(place, "migrate", "down")
        made = kinds.make(place)
        assert made.mark is not None
        assert made.mark.revision != HEAD
        assert kinds.drill(place.backups, place.server).problems == ()
        assert HEAD in run(place, "migrate", "status")

    def test_kinds_are_not_mixed_up(self, kept: Place, kind: str, tmp_path: Path) -> None:
        made = find(kept.backups, "newest")
        with pytest.raises(InvalidInput, match="server's"):
            kinds.restore(made, Place.beside(tmp_path / "file.db"), over=False)
        with pytest.raises(InvalidInput, match="--database"):
            kinds.drill(kept.backups, None)
        other = {"mysql": "postgres", "postgres": "mysql"}[kind]
        with pytest.raises(InvalidInput, match="another kind"):
            kinds.restore(made, empty(kept, other), over=False)

    def test_files_on_s3_are_the_buckets(self, place: Place) -> None:
        said = run(replace(place, bucket="s3://bucket/prefix"), "backup")
        assert "S3" in said
        assert "files" not in run(replace(place, bucket="s3://bucket/prefix"), "info")
        assert "0 files" in run(place, "verify")

    def test_tables_in_a_schema_of_their_own(self, tmp_path: Path) -> None:
        url = bare("postgres")
        databases.execute(url, "CREATE SCHEMA chat", "CREATE TABLE users (id INT)")
        place = place_at(f"{url}?schema=chat", tmp_path)
        fill(place, 2)
        made = kinds.make(place)
        assert kinds.drill(place.backups, place.server).problems == ()
        new = empty(place, "postgres")
        with pytest.raises(InvalidInput, match="schema=chat"):
            kinds.restore(made, new, over=False)
        assert new.server is not None
        kinds.restore(made, replace(new, server=new.server.update_query_dict({"schema": "chat"})), over=False)
        assert databases.rows(url_of(new), "SELECT id FROM chat.steps ORDER BY id") == [("s00000",), ("s00001",)]


class TestAddresses:
    def test_postgresqls_is_passed_on_whole(self) -> None:
        url = "postgresql+asyncpg://ann:p%40@/chat?host=one:5432&host=two:5433&ssl=verify-full&target_session_attrs=primary"
        with PostgresTools(dialects.parse_url(url)).signed_in() as (arguments, how):
            given = {key: value for key, value in how["env"].items() if key.startswith("PG")}
        assert given == {
            "PGHOST": "one,two",
            "PGPORT": "5432,5433",
            "PGUSER": "ann",
            "PGPASSWORD": "p@",
            "PGDATABASE": "chat",
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": ssl.get_default_verify_paths().cafile,
            "PGTARGETSESSIONATTRS": "primary",
        }
        assert arguments == ["--no-password"]

    def test_tls_of_postgresql_with_a_certificate_that_is_checked(self, tmp_path: Path) -> None:
        with postgres.running() as server:
            cert, key = certificate(server.folder, server.owner)
            for name, value in (("ssl_cert_file", cert), ("ssl_key_file", key), ("ssl", "on")):
                server.sql(f"ALTER SYSTEM SET {name} = '{value}'", "postgres")
            server.sql("SELECT pg_reload_conf()")
            until(lambda: server.sql("SHOW ssl") == ["on"])
            server.sql(f"ALTER ROLE {postgres.USER} CREATEDB")
            self._back_up(f"{server.url}?sslmode=verify-full&sslrootcert={cert}", tmp_path)

    def test_tls_of_mariadb_with_a_certificate_that_is_checked(self, tmp_path: Path) -> None:
        owner = user("mysql")
        with private_folder(owner) as folder:
            cert, key = certificate(folder, owner)
            with mariadb.running(f"--ssl-cert={cert}", f"--ssl-key={key}", "--require-secure-transport=ON") as server:
                server.sql(rf"GRANT ALL ON `datalayer\_scratch\_%`.* TO {mariadb.USER}@localhost")
                self._back_up(f"{server.url}?ssl_ca={cert}", tmp_path)

    def _back_up(self, url: str, folder: Path) -> None:
        databases.upgrade(url)
        assert kinds.verify(kinds.make(place_at(url, folder))).problems == ()

    def test_mariadbs_is_passed_on_whole(self) -> None:
        url = "mysql+asyncmy://ann:secret@localhost/chat?ssl_ca=/ca.pem&ssl_cert=/c.pem&ssl_key=/k.pem"
        options = list(MySQLTools(dialects.parse_url(url))._options())
        assert {"protocol=tcp", 'ssl-ca="/ca.pem"', 'ssl-key="/k.pem"', "loose-ssl-verify-server-cert"} <= set(options)
        loose = list(MySQLTools(dialects.parse_url(url + "&ssl_check_hostname=false"))._options())
        assert "loose-ssl-verify-server-cert" not in loose
        plain = list(MySQLTools(dialects.parse_url("mysql+asyncmy://ann@/chat?unix_socket=/s"))._options())
        assert {"protocol=socket", 'socket="/s"', "loose-skip-ssl"} <= set(plain)
