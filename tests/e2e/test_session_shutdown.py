"""SIGTERM amid the work of many: a clean exit, and what anybody saw as complete is there afterwards."""

import asyncio
import signal
import time
from typing import Any

from tests.client import Client
from tests.e2e.conftest import App, Tabs, tracebacks

CLIENTS = 20
DECIDED = {"complete", "interrupted"}


def complete(client: Client) -> dict[str, Any]:
    """The messages that came whole, and the questions of a turn in which anything came."""
    whole = {data["id"] for name, data in client.events if name in ("new_message", "update_message")}
    messages = [step for step in client.screen.values() if "message" in step["type"]]
    return {step["id"]: step["output"] for step in messages if step["type"] == "user_message" or step["id"] in whole}


async def test_sigterm_amid_twenty_turns_ends_cleanly_and_keeps_what_was_complete(app: App, tabs: Tabs) -> None:
    with app.running() as server:
        clients = [await tabs(server.url) for _ in range(CLIENTS)]
        await asyncio.gather(*(client.send(f"Question {number}") for number, client in enumerate(clients)))
        marks = [len(client.events) for client in clients]
        # Unevenly in flight: some second turns end about now, some third ones have just begun.
        for number, client in enumerate(clients):
            await client.post(f"A second question {number}")
        await asyncio.gather(
            *(client.wait_for("stream_start", since=mark) for client, mark in zip(clients, marks, strict=True))
        )
        await clients[0].wait_for("task_end", since=marks[0])
        for number, client in enumerate(clients[::2]):
            await client.post(f"A third question {number}")
        await clients[0].wait_for(
            "stream_start", lambda step: step["id"] != first_answer(clients[0], marks[0]), marks[0]
        )
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*(client.wait_for("disconnect") for client in clients))
        assert server.process.wait(20) == 0
        assert time.monotonic() - started < 20
        assert tracebacks(server.log) == []
        assert "The data layer is closed" not in server.log.read_text()
        assert not (app.home / "threads.db-wal").exists() or (app.home / "threads.db-wal").stat().st_size == 0
    with app.running() as server:
        reader = await tabs(server.url, connect=False)
        for client in clients:
            steps = (await reader.stored(client.thread_id))["steps"]
            assert {step.get("status") for step in steps if step["type"] == "assistant_message"} <= DECIDED
            stored = {step["id"]: step["output"] for step in steps}
            seen = complete(client)
            assert {key: stored.get(key) for key in seen} == seen
        assert server.kill(signal.SIGTERM) == 0  # and with nobody there


def first_answer(client: Client, mark: int) -> str:
    return next(data["id"] for name, data in client.events[mark:] if name == "stream_start")
