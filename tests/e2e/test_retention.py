"""Retention in the real app: counted, archived and removed by command; wrong limits are told at start."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from datalayer import archive
from tests.client import until
from tests.e2e.conftest import App, Tabs
from tests.processes import module, run

DAY = 86_400 * 1_000_000


async def test_what_the_limits_do_not_keep_goes_by_command_into_the_archive(tmp_path: Path, tabs: Tabs) -> None:
    app = App(tmp_path, THREADKEEP_MAX_THREADS="1")
    try:
        me = await tabs(app.alive().url)
        for question in ("A heron", "A stork", "A crane"):
            await me.send(question)
            await me.disconnect(leave=True)
            me = await tabs(app.alive().url)
        app.close()
        with closing(sqlite3.connect(app.home / "threads.db")) as file, file:
            file.execute("UPDATE threads SET last_activity_at = last_activity_at - ?", [DAY])
        folder = app.home / "archive"
        told = f"2 conversations and 0 messages of others go into {folder}."
        assert app.run(module("assistant"), "cleanup", "--dry-run").strip() == told
        assert not folder.exists()
        assert "2 conversations and 0 messages are removed." in app.run(module("assistant"), "cleanup", "--yes")
        (path,) = archive.files(folder)
        said = [each["row"]["output"] for each in archive.read(path) if each.get("table") == "steps"]
        assert {"A heron", "A stork"} < set(said)
        assert "A crane" not in said
        me = await tabs(app.alive().url)
        assert list((await me.listed()).values()) == ["A crane"]
        assert "0 conversations" in app.run(module("assistant"), "cleanup", "--yes")
    finally:
        app.close()


async def test_the_command_spares_what_is_open_on_a_screen_of_the_running_app(tmp_path: Path, tabs: Tabs) -> None:
    app = App(tmp_path, THREADKEEP_MAX_AGE_DAYS="1")
    try:
        me = await tabs(app.alive().url)
        await me.send("A heron")
        other = await tabs(app.alive().url)
        await other.send("A stork")
        private = await tabs(app.alive().url, connect=False)
        await private.connect(profile="temporary")
        await private.send("A canary")
        await other.disconnect(leave=True)
        file = closing(sqlite3.connect(app.home / "threads.db", timeout=20))
        with file as database:

            async def told() -> bool:
                found = database.execute("SELECT value FROM app_values WHERE key LIKE 'assistant.open.%'").fetchall()
                return [json.loads(value)["threads"] for (value,) in found] == [[me.thread_id]]

            await until(told)
            with database:
                database.execute("UPDATE threads SET last_activity_at = last_activity_at - ?", [3 * DAY])
        assert "1 conversations and 0 messages are removed." in app.run(module("assistant"), "cleanup", "--yes")
        assert list(await me.listed()) == [me.thread_id]
        app.close()  # at once, so that what it has said stands there for a quarter of an hour
        with closing(sqlite3.connect(app.home / "threads.db")) as database, database:
            database.execute(
                "UPDATE app_values SET value = json_set(value, '$.at', 0) WHERE key LIKE 'assistant.open.%'"
            )
        assert "1 conversations and 0 messages are removed." in app.run(module("assistant"), "cleanup", "--yes")
    finally:
        app.close()


@pytest.mark.parametrize("value", ["0", "-3", "many", "1.5", "99999999999"])
def test_a_wrong_limit_is_told(tmp_path: Path, value: str) -> None:
    for name in ("MAX_AGE_DAYS", "MAX_THREADS", "MAX_MESSAGES_PER_THREAD", "CLEANUP_INTERVAL_HOURS"):
        variable = f"THREADKEEP_{name}"
        done = run(
            module("assistant"), "cleanup", cwd=tmp_path, env={"THREADKEEP_HOME": str(tmp_path), variable: value}
        )
        assert done.returncode == 1
        assert done.stderr.startswith(f"{variable}: expected a whole number")
        most = {"MAX_AGE_DAYS": " 36500;", "CLEANUP_INTERVAL_HOURS": " 8760."}.get(name, " 1000000000;")
        assert f" 1 to{most}" in done.stderr
