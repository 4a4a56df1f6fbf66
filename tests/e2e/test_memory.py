"""Hot sessions of the real app: what the model is told is the same with and without them, whatever happens to them."""

import asyncio
import json
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import Model, ask, connected, messages, own, restart, resumed
from tests.processes import ServerFailed, free_port, running_server
from tests.servers.gemini import text
from tests.servers.http import Act
from tests.servers.redis import RedisServer


def holds(server: RedisServer, thread_id: str) -> bool:
    return bool(server.raw.hexists(f"chat_history:{thread_id}", "body"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def embedded(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("embedded"), **connected(model))
    yield app
    app.close()


@pytest.fixture(scope="module")
def with_redis(model: Model, server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("with-redis"), THREADKEEP_MEMORY_URL=server.url, **connected(model))
    yield app
    app.close()


@pytest.fixture(params=["embedded", pytest.param("with_redis", marks=pytest.mark.services)])
def app(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
async def me(app: App, tabs: Tabs) -> Client:
    return await tabs(app.alive().url)


def change(app: App, old: str, new: str) -> None:
    """Changes a stored text behind the app's back: who is told the new one has read the database."""
    with closing(sqlite3.connect(app.home / "threads.db", timeout=20)) as database, database:
        assert database.execute("UPDATE steps SET output = ? WHERE output = ?", (new, old)).rowcount == 1


async def again(client: Client, reply: Any) -> None:
    """Asks for another answer in the place of this one."""
    since = len(client.events)
    await client.action("retry", answer=reply["id"])
    await client.wait_for("task_end", since=await client.begun(since))


async def cold(app: App, tabs: Tabs, thread_id: str) -> Client:
    """A tab after the loss of all hot sessions."""
    app.alive().kill()
    if url := app.env.get("THREADKEEP_MEMORY_URL"):
        redis.Redis.from_url(url).flushdb()
    return await resumed(tabs, app, thread_id)


class TestHotAndCold:
    async def test_a_hot_turn_reads_no_history_and_a_cold_one_does(
        self, app: App, tabs: Tabs, me: Client, model: Model
    ) -> None:
        for question in ("My dog is called Rex", "He is brown"):
            await ask(me, question)
        change(app, "My dog is called Rex", "My dog is called Max")
        await ask(me, "What is he called?")
        assert model.told[0] == "My dog is called Rex"
        await ask(await cold(app, tabs, me.thread_id), "Really?")
        assert model.told[0] == "My dog is called Max"

    async def test_the_model_is_asked_the_same(self, app: App, tabs: Tabs, me: Client, model: Model) -> None:
        """After every kind of turn, in two conversations: one is hot, the other one is lost before each question."""
        other = await tabs(me.url)
        file = {client: await client.attach("note.txt", b"Remember the milk") for client in (me, other)}

        async def steps(client: Client) -> Any:
            yield await client.settings(system_prompt="Be brief.", temperature=0.3)
            yield await client.send("First, with a file", [file[client]] if client.session_id in sessions else [])
            yield await client.send("/help")
            yield await client.send("Second  \n with `odd` é字😀 \x00 characters")
            yield await client.edit(own(client, "First, with a file"), "First, edited")
            yield await client.send("Third")
            yield await client.send("Fourth")
            yield await client.edit(own(client, "Fourth"), "Fourth, edited")
            yield await client.send("Fifth")
            yield await client.send("/clear")
            yield await client.send("Sixth")
            yield await client.send("Seventh")

        async def bodies(client: Client, lost: bool) -> list[Any]:
            before = len(model.asked)
            async for _ in steps(client):
                if lost and client.thread_id:
                    await forget(app, tabs, client)
            asked = json.dumps([each.body for each in model.asked[before:]])
            return list(json.loads(re.sub(r"(files )[0-9a-f]{24}", r"\1…", asked)))

        sessions = {me.session_id, other.session_id}
        hot = await bodies(me, lost=False)
        assert json.dumps(hot).count("Remember the milk") == 7  # also with the edited question, until /clear
        assert hot == await bodies(other, lost=True)

    async def test_after_another_answer_to_the_same_question(
        self, app: App, tabs: Tabs, me: Client, model: Model
    ) -> None:
        await ask(me, "First")
        [reply] = await me.send("Second")
        model.answers("Better.")
        await again(me, reply)
        assert model.told == ["First", "Fine.", "Second"]
        await ask(me, "Third")
        assert model.told == ["First", "Fine.", "Second", "Better.", "Third"]
        await ask(await cold(app, tabs, me.thread_id), "Fourth")
        assert model.told == ["First", "Fine.", "Second", "Better.", "Third", "Fine.", "Fourth"]

    async def test_an_answer_that_was_stopped(self, app: App, tabs: Tabs, me: Client, model: Model) -> None:
        await ask(me, "First")
        model.script(text("Once upon"), Act.STALL)
        since = len(me.events)
        await me.post("Second")
        await me.wait_for("stream_start", since=since)
        await me.stop()
        await me.wait_for("task_end", since=since)
        await ask(me, "Third")
        assert model.told == ["First", "Fine.", "Second", "Once upon", "Third"]
        await ask(await cold(app, tabs, me.thread_id), "Fourth")
        assert model.told[:5] == ["First", "Fine.", "Second", "Once upon", "Third"]

    async def test_kill_9_loses_nothing(self, app: App, tabs: Tabs, me: Client, model: Model) -> None:
        for number in range(3):
            await ask(me, f"Question {number}")
            restart(app)
            me = await resumed(tabs, app, me.thread_id)
        await ask(me, "Last")
        assert model.told == [*(x for n in range(3) for x in (f"Question {n}", "Fine.")), "Last"]


async def forget(app: App, tabs: Tabs, client: Client) -> None:
    """Has the conversation's hot session pushed out by three others, or lost."""
    if url := app.env.get("THREADKEEP_MEMORY_URL"):
        redis.Redis.from_url(url).flushdb()
        return
    for _ in range(3):
        other = await tabs(client.url)
        await other.send("/help")
        await other.disconnect()


class TestLimit:
    async def test_the_oldest_goes_when_a_fourth_opens_and_the_log_says_so(
        self, app: App, tabs: Tabs, model: Model
    ) -> None:
        chats = [await tabs(app.alive().url) for _ in range(4)]
        for number, chat in enumerate(chats):
            await ask(chat, f"Question {number}")
        line = f"Session {chats[0].thread_id} removed (limit of 3 reached)"
        assert app.alive().log.read_text().count(line) == 1
        await ask(chats[0], "Still there?")
        assert model.told == ["Question 0", "Fine.", "Still there?"]
        assert f"Session {chats[1].thread_id} removed (limit of 3 reached)" in app.alive().log.read_text()

    async def test_a_conversation_that_is_opened_again_is_hot_before_its_next_question(
        self, app: App, tabs: Tabs, me: Client, model: Model
    ) -> None:
        await ask(me, "My cat is called Tom")
        opened = await cold(app, tabs, me.thread_id)
        observer = await tabs(opened.url)

        async def hot() -> bool:
            return opened.thread_id in await ask(observer, "sessions")

        await until(hot)
        change(app, "My cat is called Tom", "My cat is called Tim")
        await ask(opened, "What is she called?")
        assert model.told[0] == "My cat is called Tom"

    async def test_a_deleted_conversation_is_not_continued(
        self, app: App, tabs: Tabs, me: Client, model: Model
    ) -> None:
        await ask(me, "First")
        before = len(model.requests)
        assert (await me.delete()).status_code == 200
        await ask(await tabs(me.url), "/trash empty")
        await me.send("Second")
        assert len(model.requests) == before
        assert me.thread_id not in await ask(await tabs(me.url), "sessions")


class TestTabs:
    async def test_two_tabs_see_each_others_messages(self, app: App, tabs: Tabs, me: Client, model: Model) -> None:
        await ask(me, "One")
        other = await resumed(tabs, app, me.thread_id)
        await ask(other, "Two")
        assert model.told == ["One", "Fine.", "Two"]
        await ask(me, "Three")
        assert model.told == ["One", "Fine.", "Two", "Fine.", "Three"]
        await ask(other, "Four")
        assert model.told == ["One", "Fine.", "Two", "Fine.", "Three", "Fine.", "Four"]

    async def test_two_tabs_at_once(self, app: App, tabs: Tabs, me: Client, model: Model) -> None:
        await ask(me, "One")
        other = await resumed(tabs, app, me.thread_id)
        await asyncio.gather(me.send("Two"), other.send("Three"))
        await ask(me, "Four")
        told = "\n\n".join(model.told[2:-1]).split("\n\n")  # neighbours of one role are one message
        assert sorted(told) == ["Fine.", "Fine.", "Three", "Two"]
        told = model.told
        await ask(await cold(app, tabs, me.thread_id), "Five")
        assert model.told[:-2] == told

    async def test_another_answer_in_one_tab_keeps_what_the_other_asked_since(
        self, app: App, tabs: Tabs, me: Client, model: Model
    ) -> None:
        [reply] = await me.send("One")
        other = await resumed(tabs, app, me.thread_id)
        await ask(other, "Two")
        asked = len(model.asked)
        await again(me, reply)
        assert len(model.asked) == asked  # there is no other answer to what is not the last question
        await ask(me, "Three")
        assert {"One", "Two", "Three"} <= set(model.told)
        told = model.told
        await ask(await cold(app, tabs, me.thread_id), "Four")
        assert model.told[:-2] == told


async def test_what_was_said_while_the_database_was_locked_is_told_afterwards(
    app: App, tabs: Tabs, me: Client, model: Model
) -> None:
    await ask(me, "One")
    with closing(sqlite3.connect(app.home / "threads.db")) as lock:
        lock.execute("BEGIN IMMEDIATE")
        await ask(me, "Two")
        assert model.told == ["One", "Fine.", "Two"]
        await me.send("/help")
        await resumed(tabs, app, me.thread_id)
        lock.rollback()

    async def recovered() -> bool:
        return bool((await me.request("GET", "/health/store")).json() == {"state": "ok", "pending": 0})

    await until(recovered)
    for question in ("Three", "Four"):
        await ask(me, question)
    assert model.told == ["One", "Fine.", "Two", "Fine.", "Three", "Fine.", "Four"]


@pytest.mark.services
class TestRedis:
    async def test_it_is_shown(self, with_redis: App, tabs: Tabs) -> None:
        me = await tabs(with_redis.alive().url, **{"Accept-Language": "fr"})
        await ask(me, "Bonjour")
        assert (await ask(me, "historique")).startswith("## 📊 Sessions actives (Backend Redis)\n")

    async def test_gone_in_mid_chat_and_back(
        self, with_redis: App, tabs: Tabs, model: Model, server: RedisServer
    ) -> None:
        me = await tabs(with_redis.alive().url)
        log = with_redis.alive().log
        before = log.read_text()
        await ask(me, "One")
        assert holds(server, me.thread_id)
        server.kill()
        for question in ("Two", "Three"):
            await ask(me, question)
        assert model.told == ["One", "Fine.", "Two", "Fine.", "Three"]
        assert "Redis backend" in await ask(me, "sessions")
        news = log.read_text().removeprefix(before)
        assert news.count("the memory is away: no connection") == 1
        assert "Traceback" not in news
        server.start()

        async def back() -> bool:
            return "the memory is back" in log.read_text().removeprefix(before)

        await until(back)
        for question in ("Four", "Five"):
            await ask(me, question)
        assert holds(server, me.thread_id)
        assert model.told == [x for q in ("One", "Two", "Three", "Four") for x in (q, "Fine.")] + ["Five"]
        assert messages(await me.stored()) == [
            *(x for q in ("One", "Two", "Three") for x in (q, "Fine.")),
            *("sessions", messages(await me.stored())[7]),
            *(x for q in ("Four", "Five") for x in (q, "Fine.")),
        ]

    async def test_nothing_stays_of_a_deleted_conversation(
        self, with_redis: App, tabs: Tabs, server: RedisServer
    ) -> None:
        me = await tabs(with_redis.alive().url)
        await ask(me, "A secret aubergine")
        assert holds(server, me.thread_id)
        assert (await me.delete()).status_code == 200
        assert not holds(server, me.thread_id)

    async def test_silent_in_mid_turn(self, with_redis: App, tabs: Tabs, model: Model, server: RedisServer) -> None:
        me = await tabs(with_redis.alive().url)
        log = with_redis.alive().log
        before = log.read_text()
        await ask(me, "One")
        server.send(signal.SIGSTOP)
        await ask(me, "Two")
        server.send(signal.SIGCONT)
        assert model.told == ["One", "Fine.", "Two"]

        async def back() -> bool:
            return "the memory is back" in log.read_text().removeprefix(before)

        await until(back)
        assert log.read_text().removeprefix(before).count("the memory is away: no answer") == 1
        await ask(me, "Three")
        assert model.told == ["One", "Fine.", "Two", "Fine.", "Three"]

    @pytest.mark.parametrize("kind", ["text", "list", "another hash", "broken body", "foreign body"])
    async def test_garbage_under_our_key(
        self, with_redis: App, tabs: Tabs, model: Model, server: RedisServer, kind: str
    ) -> None:
        me, other = await tabs(with_redis.alive().url), await tabs(with_redis.alive().url)
        await ask(me, "One")
        await ask(other, "Elsewhere")
        key = f"chat_history:{me.thread_id}"
        match kind:
            case "text":
                server.raw.set(key, "\x00garbage")
            case "list":
                server.raw.delete(key)
                server.raw.rpush(key, "a", "b")
            case "another hash":
                server.raw.hset(key, "format", "999")
            case "broken body":
                server.raw.hset(key, "body", '{"messages": [')
            case "foreign body":
                server.raw.hset(key, "body", str(server.raw.hget(f"chat_history:{other.thread_id}", "body")))
        for question in ("Two", "Three"):
            await ask(me, question)
        assert model.told == ["One", "Fine.", "Two", "Fine.", "Three"]
        assert holds(server, me.thread_id)
        assert "Traceback" not in with_redis.alive().log.read_text()

    async def test_two_instances_on_the_same_conversation(
        self, with_redis: App, tabs: Tabs, model: Model, server: RedisServer, tmp_path: Path
    ) -> None:
        first = with_redis.alive()
        twin = App(tmp_path)  # a folder and a port of its own, the home of the first
        with running_server(twin.folder, with_redis.env, twin.port) as second:
            one = await tabs(first.url)
            await ask(one, "One")
            two = await tabs(second.url, connect=False)
            await two.connect(one.thread_id)
            await ask(two, "Two")
            assert model.told == ["One", "Fine.", "Two"]
            await ask(one, "Three")
            assert model.told == ["One", "Fine.", "Two", "Fine.", "Three"]
            await asyncio.gather(one.send("Four"), two.send("Five"))
            await ask(two, "Six")
            told = "\n\n".join(model.told).split("\n\n")  # neighbours of one role are one message
            assert {"Four", "Five"} <= set(told)
            assert len(told) == 11
            told = model.told
            second.kill()
            await ask(one, "Seven")
            assert model.told[:-2] == told
            assert one.thread_id in await ask(one, "sessions")

    async def test_a_password_is_not_in_the_log(self, model: Model, tabs: Tabs, tmp_path: Path) -> None:
        url = f"redis://:s3cret-word@127.0.0.1:{free_port()}/0"
        with App(tmp_path, THREADKEEP_MEMORY_URL=url, **connected(model)).running() as server:
            me = await tabs(server.url)
            await ask(me, "One")
            assert "the memory is away: no connection" in server.log.read_text()
            assert "s3cret-word" not in server.log.read_text()


class TestConfigured:
    async def test_a_limit_of_one_and_a_log_in_french(self, model: Model, tabs: Tabs, tmp_path: Path) -> None:
        own = {"THREADKEEP_HOT_SESSIONS": "1", "THREADKEEP_HOT_MINUTES": "5", "THREADKEEP_LANGUAGE": "fr"}
        with App(tmp_path, **own, **connected(model)).running() as server:
            first, second = await tabs(server.url), await tabs(server.url)
            await ask(first, "One")
            await ask(second, "Two")
            shown = await ask(second, "sessions")
            assert f"Session {first.thread_id} supprimée (limite de 1 atteinte)" in server.log.read_text()
            assert "Limit: 1 at a time" in shown
            assert "TTL: 5 minutes" in shown
            assert "Expires in: 4 min" in shown
            assert first.thread_id not in shown

    @pytest.mark.parametrize(
        ("variable", "value", "says"),
        [
            ("THREADKEEP_HOT_SESSIONS", "0", "a whole number, 1 or more"),
            ("THREADKEEP_HOT_SESSIONS", "-1", "a whole number, 1 or more"),
            ("THREADKEEP_HOT_SESSIONS", "many", "a whole number, 1 or more"),
            ("THREADKEEP_HOT_MINUTES", "0", "a number of minutes from 0.1 to 525600"),
            ("THREADKEEP_HOT_MINUTES", "-5", "a number of minutes from 0.1 to 525600"),
            ("THREADKEEP_HOT_MINUTES", "nan", "a number of minutes from 0.1 to 525600"),
            ("THREADKEEP_MEMORY_URL", "http://localhost", "an address of Redis such as redis://127.0.0.1:6379/0"),
            ("THREADKEEP_MEMORY_URL", "redis://:pass@host:port", "an address such as redis://host:6379/0"),
        ],
    )
    def test_a_bad_value_is_one_clear_line(self, tmp_path: Path, variable: str, value: str, says: str) -> None:
        app = App(tmp_path, **{variable: value})
        with pytest.raises(ServerFailed) as failed, app.running():
            pass
        assert failed.value.returncode == 1
        *before, line = failed.value.output.splitlines()
        assert before in ([], [f"Threadkeep keeps its data in {app.home}"])
        assert line == f"{variable}: expected {says}."
