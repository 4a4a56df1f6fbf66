"""I2, I7: again and again ``kill -9`` under load. What was acknowledged is there, whole; nothing is there by halves.

A run costs seconds where the whole server would cost minutes: most kills hit a process that does with a DataLayer what
the app does with it (users, messages, files, answers saved while they stream, deletions), some the real server. Every
moment is drawn from a seed that a failure prints; ``KILLS_SEED`` repeats one.
"""

import asyncio
import hashlib
import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from datalayer import DataLayer
from tests.client import Client
from tests.conftest import often
from tests.e2e.conftest import App
from tests.processes import Server, start

SEED = int(os.environ.get("KILLS_SEED") or random.randrange(10**6))
KILLS, SERVER_KILLS, CHATS = often(20, 200), often(3, 50), 6
OWNERLESS = "SELECT count(*) FROM threads WHERE user_id IS NULL"
HOMELESS = (
    "SELECT count(*) FROM steps WHERE thread_id NOT IN (SELECT id FROM threads) OR type IS NULL OR output IS NULL"
)

# Prints a line once a call has returned: what the caller then knows to be safe. Argument: the database's URL.
LOAD = """
import asyncio, hashlib, os, random, sys, uuid
from chainlit.user import User
from datalayer import DataLayer

class File:
    def __init__(self, thread, step, content):
        self.id, self.thread_id, self.type = str(uuid.uuid4()), thread, "file"
        self.path, self.content, self.for_id = None, content, step
    def to_dict(self):
        return {"id": self.id, "threadId": self.thread_id, "forId": self.for_id, "type": "file", "name": "f"}

def say(*words):
    os.write(1, (" ".join(words) + "\\n").encode())

def step(thread, kind, **values):
    return {"id": str(uuid.uuid4()), "threadId": thread, "type": kind, "name": kind, **values}

async def chat(layer, user):
    while True:
        thread = str(uuid.uuid4())
        asked = step(thread, "user_message", output="a question " * 20)
        await asyncio.gather(
            layer.update_thread(thread, name=thread, user_id=user.id, metadata={"n": 1}), layer.create_step(asked)
        )
        say("asked", thread, asked["id"])
        file = File(thread, asked["id"], os.urandom(random.choice([10, 3000, 100_000])))
        stored = layer.create_element(file)
        answer = step(thread, "assistant_message", output="", parentId=asked["id"], streaming=True, status="streaming")
        for n in range(random.randrange(1, 9)):
            answer["output"] += f"word{n} "
            await layer.update_step(dict(answer))
            say("shown", answer["id"], str(len(answer["output"])))
        await layer.update_step({**answer, "streaming": False, "status": "complete", "end": answer.get("end")})
        say("done", answer["id"], str(len(answer["output"])))
        await stored
        say("file", file.id, hashlib.sha256(file.content).hexdigest())
        if random.random() < 0.2:
            await layer.delete_step(answer["id"])
            say("deleted", answer["id"])

async def main():
    layer = DataLayer(sys.argv[1], files=sys.argv[2], author_required=True)
    say("start")
    user = await layer.create_user(User(identifier="kim"))
    say("open")
    await asyncio.gather(*(chat(layer, user) for _ in range(6)))

asyncio.run(main())
"""


class Told:
    """What the killed processes had acknowledged."""

    def __init__(self) -> None:
        self.asked: dict[str, str] = {}
        self.shown: dict[str, int] = {}
        self.done: dict[str, int] = {}
        self.files: dict[str, str] = {}
        self.deleted: set[str] = set()

    def hear(self, line: str) -> None:
        match line.split():
            case "asked", thread, step:
                self.asked[step] = thread
            case "shown", step, length:
                self.shown[step] = int(length)
            case "done", step, length:
                self.done[step] = int(length)
            case "file", element, sha256:
                self.files[element] = sha256
            case "deleted", step:
                self.deleted.add(step)


def query(database: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA query_only=ON")
        return connection.execute(sql).fetchall()


def assert_sound(database: Path) -> None:
    assert query(database, "PRAGMA integrity_check") == [("ok",)]
    assert query(database, "PRAGMA foreign_key_check") == []
    assert query(database, OWNERLESS) == [(0,)]
    assert query(database, HOMELESS) == [(0,)]


def assert_kept(database: Path, files: Path, told: Told) -> None:
    steps = {row[0]: row[1:] for row in query(database, "SELECT id, thread_id, output, status FROM steps")}
    assert {key: steps[key][0] for key in told.asked if key in steps} == told.asked
    assert {steps[key][1] for key in told.asked} <= {"a question " * 20}
    for key in told.shown.keys() - told.deleted:
        if key not in steps:  # only when its deletion was called and not yet told
            assert key in told.done
            continue
        _, output, status = steps[key]
        words = "".join(f"word{n} " for n in range(10))
        assert words.startswith(output)
        assert told.shown[key] <= len(output) <= told.shown[key] + len("word0 ")  # at most the last save is missing
        if key in told.done:
            assert (len(output), status) == (told.done[key], "complete")
    assert not told.deleted & steps.keys()
    stored = dict(query(database, "SELECT id, blob FROM elements"))
    assert {key: stored[key] for key in told.files} == told.files
    for blob in set(told.files.values()):
        [path] = files.rglob(blob + "-*")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == blob


async def test_kills_of_a_process_that_does_what_the_app_does(tmp_path: Path) -> None:
    print(f"KILLS_SEED={SEED}")
    draw, told = random.Random(SEED), Told()
    database, files = tmp_path / "threads.db", tmp_path / "files"
    url = f"sqlite+aiosqlite:///{database}"
    for _ in range(KILLS):
        lines = draw.choice([0, 1, 2, *(draw.randrange(3, 150) for _ in range(7))])
        with start(LOAD, url, str(files), cwd=tmp_path) as child:
            assert child.stdout is not None
            for _ in range(lines):
                told.hear(child.stdout.readline().decode())
            assert child.kill() == -9
            for line in child.stdout.read().decode().splitlines():
                told.hear(line)
        if database.exists() and told.asked:
            assert_sound(database)
    layer = DataLayer(url, files=files)
    await layer.store.open()
    try:
        assert (await layer.health())["pending"] == 0
        assert_sound(database)
        assert_kept(database, files, told)
        assert query(database, "SELECT count(*) FROM steps WHERE status = 'streaming'") == [(0,)]
        cut_off = told.shown.keys() - told.done.keys()
        marked = {key for (key,) in query(database, "SELECT id FROM steps WHERE status = 'interrupted'")}
        whole = {key for (key,) in query(database, "SELECT id FROM steps WHERE status = 'complete'")}
        assert cut_off <= marked | whole  # complete, where the last save was stored and not yet told
        assert marked
        assert [path.name for path in (tmp_path / "threads.db.spool").iterdir()] == [f"{layer.store.instance}.jsonl"]
    finally:
        await layer.close()
    assert len(told.asked) > 5 * KILLS


class Chat:
    """A tab, and what the server has acknowledged to it.

    A question counts from ``first_interaction``, from ``kept`` or from the first token of its answer, a whole answer
    from the ``new_message`` that ends it: these are what a person sees. Each tab has a conversation of its own, or a
    token could be of an answer to another tab's question while its own waits for its turn.
    """

    def __init__(self, client: Client) -> None:
        self.client, self.kept, self.seen = client, dict[str, str](), dict[str, str]()
        self.question = ""

    def hear(self, name: str, data: Any) -> None:
        screen = self.client.screen
        told = name in ("first_interaction", "stream_token") or (name == "kept" and data == self.question)
        if told and self.question:
            self.kept[self.question] = screen[self.question]["output"]
        if name == "new_message" and data["type"] == "assistant_message":
            self.kept[data["id"]] = data["output"]
        if name in ("stream_start", "stream_token"):
            self.seen[data["id"]] = screen[data["id"]]["output"]

    async def talk(self, server: Server) -> None:
        number = 0
        while server.process.poll() is None:
            mark, number = len(self.client.events), number + 1
            text = f"Question {number} of {self.client.session_id}"
            self.question = ""
            self.question = await self.client.post(text)
            over = [asyncio.create_task(self.client.wait_for(n, since=mark)) for n in ("task_end", "disconnect")]
            _, left = await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
            await asyncio.gather(*over, return_exceptions=True)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = App(tmp_path)
    yield app
    app.close()


async def test_kills_of_the_real_server_amid_the_chats_of_many(app: App) -> None:
    print(f"KILLS_SEED={SEED}")
    draw = random.Random(SEED)
    kept: dict[str, dict[str, str]] = {}
    seen: dict[str, dict[str, str]] = {}
    database = app.home / "threads.db"
    for round_ in range(SERVER_KILLS):
        server = app.alive()
        if round_:
            assert query(database, "SELECT count(*) FROM steps WHERE status = 'streaming'") == [(0,)]
        left = draw.randrange(50, 400)

        def count(chat: Chat, name: str, data: Any, server: Server = server) -> None:
            nonlocal left
            if left > 0:  # what arrives after the kill was sent before it
                left -= 1
            chat.hear(name, data)
            if left == 0 and server.process.poll() is None:
                server.kill()

        async with AsyncExitStack() as stack:
            chats: list[Chat] = []
            before = draw.sample(list(kept), len(kept))
            for number in range(CHATS):
                client = await (await stack.enter_async_context(Client(server.url))).login()
                resumed = before.pop() if before and number % 2 else None
                await client.connect(resumed)
                chats.append(Chat(client))
            for chat in chats:
                chat.client.react = lambda name, data, chat=chat: count(chat, name, data)  # type: ignore[misc]
            await asyncio.gather(*(chat.talk(server) for chat in chats), return_exceptions=True)
            assert server.process.wait(60) == -9
            for chat in chats:
                assert chat.client.thread_id or not chat.kept
                if chat.kept:
                    kept.setdefault(chat.client.thread_id, {}).update(chat.kept)
                    seen.setdefault(chat.client.thread_id, {}).update(chat.seen)
        assert_sound(database)
    server = app.alive()
    async with Client(server.url) as reader:
        await reader.login()
        for thread_id, outputs in kept.items():
            thread = await reader.stored(thread_id)
            stored = {step["id"]: step for step in thread["steps"]}
            assert thread["userIdentifier"] == "local"
            assert {key: stored.get(key, {}).get("output") for key in outputs} == outputs
            for key, output in seen[thread_id].items():
                if key in outputs:
                    continue
                if key in stored:  # not so when the kill came within the first save
                    assert stored[key]["output"].startswith(output) or output.startswith(stored[key]["output"])
                    assert stored[key]["status"] in ("interrupted", "complete")
                print(f"shown {len(output)}, stored {len(stored.get(key, {}).get('output', ''))}")
    assert_sound(database)
    assert query(database, "SELECT count(*) FROM steps WHERE status = 'streaming'") == [(0,)]
    assert query(database, "SELECT count(*) FROM steps WHERE status = 'interrupted'") > [(0,)]
