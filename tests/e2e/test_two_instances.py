"""Two instances on PostgreSQL, Redis and S3, behind nginx as deploy/ configures it.

Sign-in, limits and conversations are the same at both; either may be killed, and what they share may go.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client import Client, until
from tests.conftest import often
from tests.e2e.conftest import PASSWORD, App, tracebacks
from tests.e2e.listening import Model, ask, connected, messages
from tests.e2e.test_live import shown
from tests.processes import module
from tests.servers import postgres
from tests.servers.gemini import finish, text
from tests.servers.http import Until
from tests.servers.nginx import Nginx
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer
from tests.servers.s3 import S3Server

pytestmark = pytest.mark.services

PEOPLE = ("ann", "bob", "cyd", "dan", "eve", "fay")
SECRET = "s" * 64


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def common(database: Postgres, redis: RedisServer, s3_server: S3Server, model: Model) -> dict[str, str]:
    """What deploy/threadkeep.env.example says."""
    return {
        "THREADKEEP_DATABASE_URL": f"{database.url}?heartbeat=0.3",
        "THREADKEEP_FILES": f"s3://{s3_server.new_bucket()}/files",
        **s3_server.environment(),
        "THREADKEEP_MEMORY_URL": redis.url,
        "THREADKEEP_AUTH": "accounts",
        "CHAINLIT_AUTH_SECRET": SECRET,
        "CHAINLIT_AUTH_COOKIE_NAME": "threadkeep",
        "TEST_PATIENCE": "2",
        "THREADKEEP_LOG_LEVEL": "debug",  # which tells no secret, either
        **connected(model),
    }


@pytest.fixture(scope="module")
def apps(common: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[App]]:
    made = [App(tmp_path_factory.mktemp(name), **common) for name in ("one", "two")]
    for app in made:
        app.home.mkdir(mode=0o700)
    made[0].add_users(*PEOPLE)
    yield made
    for app in made:
        app.close()


@pytest.fixture
def one(apps: list[App]) -> App:
    apps[0].alive()
    return apps[0]


@pytest.fixture
def two(apps: list[App]) -> App:
    apps[1].alive()
    return apps[1]


@pytest.fixture(scope="module")
def nginx(apps: list[App], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    proxy = Nginx(tmp_path_factory.mktemp("nginx"), (apps[0].port, apps[1].port))
    proxy.start()
    yield proxy
    proxy.close()


class Browsers:
    """Makes clients, each with cookies of its own, which are closed after the test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def __call__(self, url: str, name: str, *, connect: bool = True) -> Client:
        client = await self._stack.enter_async_context(Client(url))
        await client.login(name, PASSWORD)
        return await client.connect() if connect else client

    async def same(self, client: Client, url: str) -> Client:
        """The same browser at another address."""
        other = await self._stack.enter_async_context(Client(url))
        other.http.cookies = client.http.cookies
        return other


@pytest.fixture
async def browsers() -> AsyncIterator[Browsers]:
    async with AsyncExitStack() as stack:
        yield Browsers(stack)


def place(client: Client) -> str:
    """Which instance holds the page."""
    return str(client.http.cookies["threadkeep_at"])


async def who(client: Client) -> Any:
    answer = await client.request("GET", "/user")
    return answer.json()["identifier"] if answer.status_code == 200 else answer.status_code


async def seen(client: Client, who_is: Any) -> None:
    async def is_so() -> bool:
        return bool(await who(client) == who_is)

    await until(is_so)


class TestPeople:
    async def test_who_signs_in_at_one_is_signed_in_at_the_other_and_signs_out_of_both(
        self, one: App, two: App, browsers: Browsers
    ) -> None:
        here = await browsers(one.alive().url, "ann", connect=False)
        there = await browsers.same(here, two.alive().url)
        assert await who(here) == await who(there) == "ann"
        [kept] = [value for name, value in there.http.cookies.items() if name == "threadkeep"]
        assert (await there.request("POST", "/logout")).is_success
        here.http.cookies.set("threadkeep", kept)
        await seen(here, 401)

    async def test_a_command_on_any_machine_ends_all_sessions(self, one: App, two: App, browsers: Browsers) -> None:
        pages = [await browsers(app.alive().url, "bob") for app in (one, two)]
        two.run(module("assistant"), "users", "passwd", "bob", "--password-stdin", stdin=f"{PASSWORD}\n")
        for page in pages:
            await page.wait_for("disconnect", deadline=20)
            assert await who(page) == 401

    async def test_wrong_passwords_are_one_count(self, one: App, two: App, browsers: Browsers) -> None:
        async with Client(one.alive().url) as here, Client(two.alive().url) as there:
            wrong = {"username": "nobody", "password": "wrong password"}
            tries = [(await each.http.post("/login", data=wrong)).status_code for each in [here, there] * 6]
        assert tries == [401] * 10 + [429] * 2

    async def test_no_hash_is_in_a_log_or_in_what_a_page_is_told(
        self, one: App, two: App, database: Postgres, browsers: Browsers
    ) -> None:
        me = await browsers(one.alive().url, "cyd")
        assert "argon2" not in (await me.request("GET", "/user")).text
        assert [row for row in database.sql("SELECT metadata FROM users") if "argon2" in row] == []
        assert database.sql("SELECT count(*) FROM app_values WHERE value::text LIKE '%$argon2id$%'") == [
            str(len(PEOPLE))
        ]
        for app in (one, two):
            log = app.alive().log.read_text()
            assert [word for word in ("argon2", PASSWORD, SECRET) if word in log] == []


class TestThroughTheProxy:
    async def test_a_page_is_held_by_one_instance_and_each_holds_some(
        self, one: App, two: App, nginx: Nginx, browsers: Browsers
    ) -> None:
        pages = [await browsers(nginx.url, name) for name in PEOPLE]
        assert {place(page) for page in pages} == {"1", "2"}
        for page in pages:
            file = await page.attach("note.txt", b"Glaciers move.")  # an upload knows its page's instance alone
            assert await ask(page, "Read this", files=[file]) == "Fine."
            [element] = (await page.stored())["elements"]
            for app in (one, two):  # either gives it out, from where both keep it
                there = await browsers.same(page, app.alive().url)
                assert (await there.request("GET", element["url"])).content == b"Glaciers move."
        assert await who(pages[0]) == PEOPLE[0]

    async def test_the_health_of_an_instance_is_not_for_people(self, one: App, nginx: Nginx) -> None:
        async with Client(nginx.url) as stranger:
            for path in ("/health/ready", "/health/store", "/metrics", "/chat/metrics", "/chat/health/live"):
                assert (await stranger.request("GET", path)).status_code == 404
        async with Client(one.alive().url) as operator:
            assert (await operator.request("GET", "/health/ready")).json()["status"] == "ready"

    async def test_with_tls_cookies_are_for_tls_alone(self, one: App, two: App, nginx: Nginx) -> None:
        own = {"Origin": nginx.tls_url}
        async with httpx.AsyncClient(base_url=nginx.tls_url, verify=False, headers=own) as client:
            answer = await client.post("/login", data={"username": "ann", "password": PASSWORD})
            given = {header.partition("=")[0]: header for header in answer.headers.get_list("set-cookie")}
            assert {"threadkeep", "threadkeep_at"} <= set(given)
            for header in given.values():
                assert {"secure", "httponly", "samesite=lax"} <= set(header.lower().replace(" ", "").split(";"))
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            assert (await client.get("/user")).json()["identifier"] == "ann"

    async def test_a_conversation_is_live_on_both(
        self, one: App, two: App, nginx: Nginx, model: Model, browsers: Browsers
    ) -> None:
        pages = {place(page): page for page in [await browsers(nginx.url, "ann") for _ in range(4)]}
        here, there = pages["1"], pages["2"]
        await ask(here, "Hello")
        await there.disconnect()
        await there.connect(here.thread_id)
        assert place(there) == "2"
        await ask(here, "From one")
        await showing(there, "Hello", "Fine.", "From one", "Fine.")
        await ask(there, "From two")
        await showing(here, "Hello", "Fine.", "From one", "Fine.", "From two", "Fine.")


async def showing(client: Client, *texts: str) -> None:
    async def shows() -> bool:
        return shown(client) == list(texts)

    await until(shows)


class Held:
    """Answers that have said nine words, and say the last one when they are let."""

    def __init__(self, model: Model, count: int) -> None:
        self._model, self._gate = model, asyncio.Event()
        for _ in range(count):
            words = [text(f"word {number}, ") for number in range(9)]
            model.script(*words, Until(self._gate), text("the end."), finish())

    def go_on(self) -> None:
        self._model.loop.call_soon_threadsafe(self._gate.set)


WHOLE = "".join(f"word {number}, " for number in range(9)) + "the end."


def answer_of(client: Client) -> dict[str, Any]:
    return next(step for step in reversed(client.screen.values()) if step["type"] == "assistant_message")


def asked(client: Client, question: str) -> str:
    return next(key for key, step in client.screen.items() if step["output"] == question)


async def reconnected(page: Client) -> None:
    """As the page does it by itself: its session, its conversation, its cookies of before."""
    thread_id = page.thread_id
    await page.disconnect()
    await page.connect(thread_id, session_id=page.session_id)
    await page.wait_for("ready")


async def held_by_both(nginx: Nginx, browsers: Browsers) -> list[Client]:
    """Two pages of each person, some of them at each instance."""

    async def opened() -> list[Client] | None:
        pages = [await browsers(nginx.url, name) for name in PEOPLE * 2]
        return pages if {place(page) for page in pages} == {"1", "2"} else None

    return list(await until(opened))


@pytest.mark.parametrize("round", range(often(2, 20)))
async def test_one_is_killed_while_answers_stream_and_its_people_go_on_at_the_other(
    apps: list[App], nginx: Nginx, model: Model, database: Postgres, browsers: Browsers, round: int
) -> None:
    for app in apps:
        app.alive()
    killed, place_of_killed = apps[round % 2], "12"[round % 2]
    pages = await held_by_both(nginx, browsers)
    for page in pages:
        await ask(page, "Hello")
    held = Held(model, len(pages))
    for page in pages:
        since = len(page.events)
        await page.post("Tell me a story")
        await page.wait_for("stream_token", lambda data: "word 8" in data["token"], since)
    saved = "SELECT count(*) FROM steps WHERE status = 'streaming' AND output LIKE '%word 8%'"

    async def all_are_saved() -> bool:  # which they are every 150 ms
        return database.sql(saved) == [str(len(pages))]

    await until(all_are_saved)
    gone = [page for page in pages if place(page) == place_of_killed]
    killed.alive().kill(signal.SIGKILL)
    for page in gone:
        await page.wait_for("disconnect")
        told, key = answer_of(page)["output"], answer_of(page)["id"]
        await page.disconnect()
        await reconnected(page)
        assert place(page) != place_of_killed
        await page.post_again(asked(page, "Tell me a story"))
        await page.wait_for("kept", lambda id, page=page: id == asked(page, "Tell me a story"))

        async def marked(key: str = key) -> bool:
            return database.sql(f"SELECT status FROM steps WHERE id = '{key}'") == ["interrupted"]

        await until(marked)
        stored = next(step["output"] for step in (await page.stored())["steps"] if step["id"] == key)
        assert stored == told
    held.go_on()
    for page in set(pages) - set(gone):
        await showing(page, "Hello", "Fine.", "Tell me a story", WHOLE)
    model.requests.clear()
    for page in pages:
        assert await ask(page, "Go on") == "Fine."
        assert messages(await page.stored())[:3] == ["Hello", "Fine.", "Tell me a story"]
        assert len(messages(await page.stored())) == 6
    assert len(model.asked) == len(pages)  # nobody was answered twice


async def test_what_was_said_to_an_instance_that_dies_is_answered_by_the_other_once(
    apps: list[App], nginx: Nginx, browsers: Browsers
) -> None:
    for app in apps:
        app.alive()
    pages = await held_by_both(nginx, browsers)
    for page in pages:
        await ask(page, "Hello")
    apps[1].alive().kill(signal.SIGKILL)
    for page in pages:
        if place(page) != "2":
            continue
        await page.wait_for("disconnect")
        said = page.message("Are you there?")
        thread_id = page.thread_id
        await page.disconnect()
        await page.connect(thread_id, session_id=page.session_id, waiting=said)
        await page.wait_for("kept", lambda id, said=said: id == said["id"])
        await page.post_again(said["id"])

        async def answered(page: Client = page) -> bool:
            return messages(await page.stored()) == ["Hello", "Fine.", "Are you there?", "Fine."]

        await until(answered)


async def test_one_that_is_back_takes_people_again(one: App, two: App, nginx: Nginx, browsers: Browsers) -> None:
    async def taken() -> bool:
        page = await browsers(nginx.url, "dan")
        return place(page) == "1" and await ask(page, "Hello again") == "Fine."

    await until(taken)


async def test_without_redis_all_goes_on(
    one: App, two: App, nginx: Nginx, redis: RedisServer, model: Model, browsers: Browsers
) -> None:
    pages = [await browsers(nginx.url, name) for name in PEOPLE[:4]]
    for page in pages:
        await ask(page, "Hello")
    redis.kill()
    for page in pages:
        assert await ask(page, "Still there?") == "Fine."
        assert messages(await page.stored()) == ["Hello", "Fine.", "Still there?", "Fine."]
    new = await browsers(nginx.url, "eve")
    assert await ask(new, "And new ones?") == "Fine."
    assert await who(await browsers.same(new, one.alive().url)) == "eve"
    redis.start()
    assert await ask(new, "Back again") == "Fine."
    for app in (one, two):
        assert tracebacks(app.alive().log) == []


async def test_without_the_database_nobody_is_signed_out_and_sign_in_says_why(
    one: App, two: App, nginx: Nginx, database: Postgres, model: Model, browsers: Browsers
) -> None:
    pages = [await browsers(nginx.url, name) for name in PEOPLE[:4]]
    for page in pages:
        await ask(page, "Hello")
    database.kill()
    for page, name in zip(pages, PEOPLE, strict=False):
        assert await ask(page, "Kept?") == "Fine."
        assert await who(page) == name
    async with Client(nginx.url) as late:
        answer = await late.http.post("/login", data={"username": "fay", "password": PASSWORD})
        assert (answer.status_code, answer.json()["detail"]) == (503, "away")
        assert "database" in answer.json()["message"]
    database.start()

    async def stored() -> bool:
        found = [messages(await page.stored()) for page in pages]
        return found == [["Hello", "Fine.", "Kept?", "Fine."]] * 4

    await until(stored)

    async def lets_in() -> bool:
        async with Client(nginx.url) as client:
            return (await client.http.post("/login", data={"username": "fay", "password": PASSWORD})).is_success

    await until(lets_in)
    assert await ask(await browsers(nginx.url, "fay"), "Hello") == "Fine."


def test_an_instance_that_no_other_will_agree_with_says_so(common: dict[str, str], tmp_path: Path) -> None:
    for name in ("CHAINLIT_AUTH_SECRET", "CHAINLIT_AUTH_COOKIE_NAME"):
        folder = tmp_path / name
        folder.mkdir()
        app = App(folder, **{key: value for key, value in common.items() if key != name})
        assert "Who signs in here is a stranger at every other instance" in app.alive().log.read_text()
        app.close()
