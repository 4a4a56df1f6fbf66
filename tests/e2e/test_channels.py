"""Somebody else's app in Slack: Chainlit's own ``slack/app.py`` in a server whose pages need a login, with Slack's side
played by ``tests/servers/slack.py``. Discord and Teams open their sessions in the same way."""

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client import until
from tests.e2e.conftest import tracebacks
from tests.processes import ROOT, Server, free_port, running_server
from tests.servers import slack

APP = Path(__file__).with_name("other_app.py")
Read = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("slack")
    (folder / "app.py").symlink_to(APP)
    slack.install(folder)
    env = {
        "CHAINLIT_AUTH_SECRET": "t" * 64,
        "PYTHONPATH": f"{folder}:{ROOT}",
        "SLACK_BOT_TOKEN": "t",
        "SLACK_SIGNING_SECRET": "s",
    }
    with running_server(folder, env, free_port()) as server:
        yield server


@pytest.fixture
def read(server: Server) -> Read:
    def read(query: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(f"{(server.log.parent / 'threads.db').as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    return read


def post(server: Server, event: str, **payload: Any) -> Any:
    answer = httpx.post(server.url + "/slack/events", json={"event": event, "payload": payload}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def thread_id(moment: str) -> str:
    """As Chainlit makes it of a Slack thread's time stamp."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, moment))


SAID = "SELECT output FROM steps WHERE thread_id = ? AND type = 'assistant_message' ORDER BY created_at"
AUTHOR = "SELECT threads.name, identifier FROM threads LEFT JOIN users ON users.id = user_id WHERE threads.id = ?"


async def test_what_two_people_say_in_one_channel_is_stored(server: Server, read: Read) -> None:
    moment = "1700000000.000100"
    for user, text in (("U1", "<@B> hello from one"), ("U2", "<@B> hello from two")):
        post(server, "app_mention", user=user, text=text, ts=moment, channel="C")

    async def said() -> Any:
        return [row[0] for row in read(SAID, thread_id(moment))] == ["hello from one", "hello from two"]

    await until(said)
    assert read(AUTHOR, thread_id(moment)) == [("hello from one", None)]


async def test_a_direct_message_belongs_to_whom_chainlit_says_and_its_votes_are_stored(
    server: Server, read: Read
) -> None:
    moment = "1700000000.000200"
    [message] = post(server, "message", user="U1", text="hello", ts=moment, channel="D")
    assert read(AUTHOR, thread_id(moment)) == [("hello", "slack_U1@example.org")]
    [step] = [block["elements"][0]["value"] for block in message["blocks"] if block["type"] == "actions"]
    shown = {"thread_ts": moment, "text": "hello", "blocks": []}
    place = {"channel": {"id": "D"}, "container": {"message_ts": moment}}
    # Chainlit looks for the client in a context of slack_bolt's, which the app stands for here.
    post(server, "thumbdown", actions=[{"value": step}], message=shown, **place)
    assert read("SELECT step_id, value FROM feedbacks") == [(step, 0)]
    assert tracebacks(server.log) == []
