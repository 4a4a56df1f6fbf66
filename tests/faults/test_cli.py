"""``python -m datalayer``: each command's text and JSON, and that a failure is one line and exit code 1."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from datalayer.__main__ import app
from datalayer.blobs import LocalBlobs
from datalayer.place import Place
from datalayer.retention import Retention
from datalayer.schema import HEAD
from datalayer.spool import Spool
from datalayer.store import Store
from datalayer.writes import UpsertElement, UpsertStep

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A store of one message with one file."""
    place = Place.beside(tmp_path / "home" / "app.db")
    place.database.parent.mkdir()

    async def run() -> None:
        store = Store(f"sqlite+aiosqlite:///{place.database}")
        await store.submit(UpsertStep(thread_id="t", id="s", values={"type": "user_message", "output": "hello"}))
        blob = await store.put_blob(b"content")
        await store.submit(UpsertElement(thread_id="t", id="e", values={"for_id": "s"}, blob=blob))
        await store.close()

    asyncio.run(run())
    return place


def run(place: Place | None, *arguments: str, code: int = 0) -> str:
    """What the command prints, on either stream."""
    options = ["--database", str(place.database)] if place else []
    result = CliRunner().invoke(app, [*arguments, *options])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def ask(place: Place | None, *arguments: str, code: int = 0) -> Any:
    return json.loads(run(place, *arguments, "--json", code=code))


class TestJson:
    def test_backup_verify_list_drill_prune(self, place: Place) -> None:
        made = ask(place, "backup")
        assert (made["revision"], made["rows"]["steps"], made["blobs"], made["lost"]) == (HEAD, 1, 1, [])
        assert Path(made["path"]) == place.backups / made["backup"]
        for report in (ask(place, "verify"), ask(place, "verify", made["backup"]), ask(place, "backup", "drill")):
            assert (report["backup"], report["problems"], report["rows"]) == (made["backup"], [], made["rows"])
        assert [found["backup"] for found in ask(place, "backup", "list")] == [made["backup"]]
        assert ask(place, "backup", "prune") == {"backups": [], "blobs": 0, "bytes": 0}

    def test_restore(self, place: Place, tmp_path: Path) -> None:
        made = ask(place, "backup")
        other = Place.beside(tmp_path / "other.db")
        assert ask(other, "restore", made["path"]) == {"backup": made["backup"], "safety": [], "resumed": False}
        assert other.database.exists()
        assert "--over" in ask(place, "restore", "newest", code=1)["error"]
        done = ask(place, "restore", made["backup"], "--over")
        assert all(Path(path).exists() for path in done["safety"])

    def test_optimise(self, place: Place) -> None:
        LocalBlobs(place.files).put(b"orphan")
        done = ask(place, "optimise")
        assert (done["rows"], done["files"], done["leftovers"]) == (0, 1, 0)

    def test_migrate(self, place: Place) -> None:
        assert ask(place, "migrate", "status") == {"revision": HEAD, "head": HEAD, "pending": []}
        done = ask(place, "migrate", "down", "--to", "0001")
        assert (done["before"], done["after"]) == (HEAD, "0001")
        assert ask(place, "verify")["backup"] == done["backup"]
        assert HEAD in ask(place, "migrate", "status")["pending"]
        assert "other way" in ask(place, "migrate", "down", "--to", HEAD, code=1)["error"]
        assert "first version" in ask(place, "migrate", "down", code=1)["error"]
        assert ask(place, "migrate", "up")["after"] == HEAD
        assert ask(place, "migrate", "up")["backup"] is None

    def test_verify_history(self, place: Place) -> None:
        found = ask(place, "verify", "--history")
        assert (found["threads"], found["messages"], found["wrong"]) == (1, 1, 0)
        assert ask(place, "verify", "--history", "--thread", "t")["messages"] == 1
        assert "no messages" in ask(place, "verify", "--history", "--thread", "nowhere", code=1)["error"]
        assert "1 messages in 1 conversations are what their chains say" in run(place, "verify", "--history")
        with closing(sqlite3.connect(place.database)) as database, database:
            database.execute("UPDATE steps SET output = 'goodbye'")
        (problem,) = ask(place, "verify", "--history", code=1)["problems"]
        assert (problem["thread_id"], problem["number"], problem["step_id"]) == ("t", 2, "s")
        printed = run(place, "verify", "--history", code=1)
        assert f"conversation t, link 2, {problem['at']}, message s: the message was changed" in printed
        assert "goodbye" not in printed

    def test_restore_archive(self, place: Place, tmp_path: Path) -> None:
        async def clean_up() -> None:
            retention = Retention(archive=tmp_path / "archive", max_age_days=1)
            store = Store(f"sqlite+aiosqlite:///{place.database}", retention=retention)
            await store.clean_up()
            await store.close()

        asyncio.run(clean_up())
        for arguments, count in ((["--dry-run"], "threads"), ([], "threads"), ([], "there")):
            report = ask(place, "restore-archive", str(tmp_path / "archive"), *arguments)
            assert {key: value for key, value in report.items() if value} == {count: 1}
        assert "no archive" in ask(place, "restore-archive", str(place.database), code=1)["error"]
        assert "There is no file" in run(place, "restore-archive", str(tmp_path / "none"), code=1)

    def test_info(self, place: Place) -> None:
        spool = Spool(place.spool)
        spool.append([UpsertStep(thread_id="t", id=str(n), values={}) for n in range(3)])
        found = ask(place, "info")
        spool.close(keep=False)
        assert (found["revision"], found["rows"]["steps"], found["files"]) == (HEAD, 1, 1)
        assert (found["live_instances"], found["spooled_writes"]) == ([spool.instance], 3)
        assert (found["backups"], found["newest_backup"]) == (0, None)
        made = ask(place, "backup")
        found = ask(place, "info")
        assert (found["live_instances"], found["newest_backup"]) == ([], made["backup"])


class TestText:
    def test_every_command_says_what_it_did(self, place: Place) -> None:
        assert "verified" in run(place, "backup")
        assert "is whole: " in run(place, "verify")
        assert "can be restored: " in run(place, "backup", "drill")
        assert f"schema {HEAD}" in run(place, "backup", "list")
        assert "0 backups" in run(place, "backup", "prune")
        assert "given back" in run(place, "optimise")
        assert "the old store" in run(place, "restore", "newest", "--over")
        assert f"this version wants {HEAD}" in run(place, "migrate", "status")
        assert f"schema {HEAD} -> 0001, after backup" in run(place, "migrate", "down", "--to", "0001")
        assert f"-> {HEAD}, after backup" in run(place, "migrate", "up")
        assert "1 steps" in run(place, "info")

    def test_to_and_backups_name_the_folder(self, place: Place, tmp_path: Path) -> None:
        run(place, "backup", "--to", str(tmp_path / "one"))
        run(place, "backup", "--backups", str(tmp_path / "two"))
        for name in ("one", "two"):
            assert len(ask(place, "backup", "list", "--backups", str(tmp_path / name))) == 1
        assert not place.backups.exists()

    def test_environment_and_url(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATALAYER_DATABASE", f"sqlite+aiosqlite:///{place.database}")
        monkeypatch.setenv("DATALAYER_FILES", str(place.files))
        assert ask(None, "info")["files"] == 1
        made = ask(None, "backup")
        monkeypatch.delenv("DATALAYER_DATABASE")
        assert ask(None, "verify", made["path"])["problems"] == []


class TestFailures:
    @pytest.mark.parametrize(
        "arguments", [["backup"], ["verify"], ["optimise"], ["migrate", "status"], ["info"], ["backup", "drill"]]
    )
    def test_without_a_store(self, tmp_path: Path, arguments: list[str]) -> None:
        nowhere = Place.beside(tmp_path / "no.db")
        assert list(ask(nowhere, *arguments, code=1)) == ["error"]
        assert run(nowhere, *arguments, code=1).count("\n") == 1
        assert "--database" in ask(None, *arguments, code=1)["error"]
        assert list(tmp_path.iterdir()) == []

    def test_a_damaged_backup(self, place: Place, tmp_path: Path) -> None:
        made = ask(place, "backup")
        next((place.backups / "blobs").glob("??/??/*")).unlink()
        report = ask(place, "verify", code=1)
        assert report["problems"] == ["the content of 1 attached files is missing or damaged"]
        assert "is damaged" in run(place, "verify", code=1)
        other = Place.beside(tmp_path / "other.db")
        assert "damaged" in ask(other, "restore", made["path"], code=1)["error"]
        assert "damaged" in ask(place, "backup", "drill", code=1)["error"]

    def test_a_live_store(self, place: Place) -> None:
        run(place, "backup")
        spool = Spool(place.spool)
        spool.open()
        for arguments in (["optimise"], ["restore", "newest", "--over"], ["migrate", "down", "--to", "0001"]):
            assert "stop the app" in ask(place, *arguments, code=1)["error"]
        spool.close(keep=False)

    @pytest.mark.parametrize("arguments", [["copy", "{db}", "{folder}"], ["copy", "{folder}", "{db}.new"], ["info"]])
    def test_a_folder_is_no_database(self, place: Place, tmp_path: Path, arguments: list[str]) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        given = [each.format(db=place.database, folder=folder) for each in arguments]
        where = Place.beside(folder) if arguments == ["info"] else None
        assert "is a folder" in ask(where, *given, code=1)["error"]
        assert list(folder.iterdir()) == []

    def test_the_cause_is_named(self, place: Place) -> None:
        place.backups.write_text("in the way")
        assert "File exists" in run(place, "backup", code=1)

    @pytest.mark.parametrize("name", ["20200101T000000Z", "newest", "/nowhere"])
    def test_an_unknown_backup(self, place: Place, name: str) -> None:
        assert ask(place, "restore", name, "--over", code=1) == {"error": "There is no such backup"}


def test_as_a_process(place: Place) -> None:
    """The real entry point: one document on stdout, nothing on stderr, no colour without a terminal."""
    command = [sys.executable, "-m", "datalayer", "backup", "--database", str(place.database), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["rows"]["steps"] == 1


def test_a_progress_bar_on_a_terminal_only(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "copying" not in run(place, "backup")
    monkeypatch.setattr("datalayer.__main__._on_a_terminal", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "files" in run(place, "backup")
