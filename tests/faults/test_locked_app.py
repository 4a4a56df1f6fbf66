"""The real app while another process has the database: each turn ends as always, and all of it is stored afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs, tabs, tracebacks
from tests.e2e.listening import Model, connected, listening, messages
from tests.processes import Child, start

__all__ = ["tabs"]  # a fixture

# Takes the lock, says so, and keeps it until it is killed.
HOLD = """
import sqlite3, sys, threading
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
threading.Event().wait()
"""


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with listening() as model:
        yield model


@pytest.fixture
def app(tmp_path: Path, model: Model) -> Iterator[App]:
    app = App(tmp_path, TEST_PATIENCE="0.3", **connected(model))
    yield app
    app.close()


def locked(app: App) -> Child:
    child = start(HOLD, str(app.home / "threads.db"), cwd=app.home)
    assert child.stdout is not None
    assert child.stdout.readline() == b"locked\n"
    return child


def says(*questions: str) -> list[str]:
    return [said for question in questions for said in (question, "Fine.")]


async def recovered(tab: Client) -> None:
    async def healthy() -> bool:
        return bool((await tab.request("GET", "/health/store")).json() == {"state": "ok", "pending": 0})

    await until(healthy)


async def test_turns_go_on_and_all_is_stored_in_order_and_once(app: App, tabs: Tabs) -> None:
    url = app.alive().url
    old, gone, voted = [await tabs(url) for _ in range(3)]
    for tab in (old, gone, voted):
        await tab.send("before")
    answer = next(step for step in voted.screen.values() if step["type"] == "assistant_message")
    with locked(app) as other:
        new = await tabs(url)
        for question in ("one", "two", "three"):
            for tab in (new, old):
                assert [step["output"] for step in await tab.send(question)] == ["Fine."]
        resumed = await tabs.resume(url, voted.thread_id)
        assert [step["output"] for step in resumed.screen.values() if "message" in step["type"]] == says("before")
        await resumed.send("resumed")
        [info] = await resumed.send("/info")
        assert "Messages" in info["output"]
        [uploaded] = [await old.upload("a.txt", b"words in a file")]
        await old.send("see the file", [uploaded.json()["id"]])
        await old.edit(next(key for key, step in old.screen.items() if step["output"] == "three"), "three, edited")
        changes = [await resumed.vote(answer["id"]), await old.rename("Renamed"), await gone.delete()]
        assert [change.status_code for change in changes] == [200] * 3
        assert (await old.request("GET", "/health/store")).json()["state"] == "degraded"
        other.kill()
    await recovered(old)
    assert messages(await new.stored()) == says("one", "two", "three")
    assert messages(await old.stored()) == says("before", "one", "two", "three, edited")
    assert messages(await resumed.stored()) == [*says("before", "resumed"), "/info", info["output"]]
    assert (await old.stored())["name"] == "Renamed"
    assert (await gone.thread()).status_code == 404
    votes = [step["feedback"] for step in (await resumed.stored())["steps"] if step.get("feedback")]
    assert [vote["value"] for vote in votes] == [1]
    assert tracebacks(app.alive().log) == []


async def test_a_server_starts_and_answers_while_the_database_is_locked(app: App, tabs: Tabs) -> None:
    first = await tabs(app.alive().url)
    await first.send("before")
    app.alive().kill()
    with locked(app) as other:
        url = app.alive().url
        resumed, new = await tabs.resume(url, first.thread_id), await tabs(url)
        for tab in (resumed, new):
            await tab.send("locked")
        app.alive().kill()  # what it was told is in its spool
        url = app.alive().url
        again = await tabs.resume(url, first.thread_id)
        await again.send("locked again")
        other.kill()
    await recovered(again)
    assert messages(await again.stored()) == says("before", "locked", "locked again")
    assert messages(await again.stored(new.thread_id)) == says("locked")
