"""Conversations that are longer than anybody would type, put into the database of a server that runs."""

import asyncio
import sqlite3
import threading
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import chainlit as cl

from datalayer import DataLayer
from datalayer.records import to_iso

BEGAN, TURN = 1_760_000_000_000_000, 60_000_000  # UTC microseconds


def long_thread(home: Path, name: str, turns: int, more: str = "") -> tuple[str, list[str]]:
    """Its id, and those of its messages: "Question 1", "Answer 1", …, each with ``more``. The store has one user."""
    thread_id = str(uuid.uuid4())
    steps = [step for number in range(1, turns + 1) for step in _turn(thread_id, number, more)]
    _done(_store(home, thread_id, name, steps))
    return thread_id, [step["id"] for step in steps if step["type"] != "run"]


def attached(home: Path, thread_id: str, step_id: str, picture: bytes) -> None:
    """Puts a picture below a message."""

    async def store() -> None:
        layer = DataLayer(f"sqlite+aiosqlite:///{home}/threads.db", files=home / "files")
        image = cl.Image(thread_id=thread_id, for_id=step_id, name="picture.png", content=picture, mime="image/png")
        await layer.create_element(image)
        await layer.close()

    _done(store())


def _done(work: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: Playwright's loop may run in this one."""
    storing = threading.Thread(target=lambda: asyncio.run(work))
    storing.start()
    storing.join()


def _turn(thread_id: str, number: int, more: str) -> Iterator[dict[str, Any]]:
    at, above = BEGAN + number * TURN, None
    for type, name, output in (
        ("user_message", "User", f"Question {number}{more}"),
        ("run", "on_message", ""),
        ("assistant_message", "Assistant", f"Answer {number}{more}"),
    ):
        step = {"id": str(uuid.uuid4()), "threadId": thread_id, "parentId": above, "type": type, "name": name}
        yield step | {"output": output, "createdAt": to_iso(at), "start": to_iso(at), "end": to_iso(at)}
        at, above = at + 1, step["id"]


async def _store(home: Path, thread_id: str, name: str, steps: list[Any]) -> None:
    with closing(sqlite3.connect(home / "threads.db")) as database:
        ((user_id,),) = database.execute("SELECT id FROM users")
    layer = DataLayer(f"sqlite+aiosqlite:///{home}/threads.db")
    try:
        await layer.update_thread(thread_id, name=name, user_id=user_id)
        for start in range(0, len(steps), 500):
            await asyncio.gather(*map(layer.create_step, steps[start : start + 500]))
        await layer.drain()
    finally:
        await layer.close()
