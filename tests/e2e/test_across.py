"""A conversation that two instances of the app show at once, connected by a Redis: each shows all of every turn."""

import json
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import Model, ask, connected, messages, own, resumed
from tests.e2e.test_live import begun, busy, buttons, shown
from tests.long import long_thread
from tests.servers.gemini import Act, text
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def one(model: Model, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("one"), THREADKEEP_MEMORY_URL=redis.url, **connected(model))
    yield app
    app.close()


@pytest.fixture(scope="module")
def two(one: App, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Another instance with the same data."""
    app = App(tmp_path_factory.mktemp("two"), **one.env)
    one.alive()
    yield app
    app.close()


@pytest.fixture
async def me(one: App, tabs: Tabs) -> Client:
    return await tabs(one.alive().url)


def listeners(redis: RedisServer, thread_id: str) -> int:
    [(_, count)] = redis.raw.pubsub_numsub(channel(redis, thread_id)) or [("", 0)]
    return int(count)


def channel(redis: RedisServer, thread_id: str) -> str:
    return next((str(name) for name in redis.raw.pubsub_channels(f"chat_live:*:{thread_id}")), "chat_live:none")


async def connected_instances(redis: RedisServer, thread_id: str, count: int) -> None:
    async def listening() -> bool:
        return listeners(redis, thread_id) == count

    await until(listening)


async def showing(client: Client, *texts: str) -> None:
    async def shows() -> bool:
        return shown(client) == list(texts)

    with suppress(AssertionError):
        await until(shows)
    assert shown(client) == list(texts)


async def answered(client: Client, *texts: str) -> None:
    """The turn is over, wherever it was."""
    await showing(client, *texts)
    await idle(client)


async def offering(client: Client, *names: str) -> None:
    async def offers() -> bool:
        return buttons(client) == set(names)

    await until(offers)


async def going_on(client: Client, *texts: str) -> None:
    await showing(client, *texts)

    async def going() -> bool:
        return busy(client)

    await until(going)


async def idle(client: Client) -> None:
    async def ended() -> bool:
        return not busy(client)

    await until(ended)


async def test_what_joins_on_another_instance_gets_what_is_there_and_then_the_rest(
    me: Client, two: App, model: Model, tabs: Tabs
) -> None:
    going = await begun(me, model)
    other = await resumed(tabs, two, me.thread_id)
    await going_on(other, "Count", "One")
    going.on(0)
    await showing(other, "Count", "One two")
    going.on(1)
    for each in (me, other):
        await showing(each, "Count", "One two three.")
        await idle(each)
    assert buttons(me) == buttons(other) == {"retry"}


async def test_a_turn_of_each_is_seen_by_the_other(me: Client, two: App, model: Model, tabs: Tabs) -> None:
    await ask(me, "Hello")
    other = await resumed(tabs, two, me.thread_id)
    await other.wait_for("action")
    await ask(me, "From one")
    await answered(other, "Hello", "Fine.", "From one", "Fine.")
    await ask(other, "From two")
    await answered(me, "Hello", "Fine.", "From one", "Fine.", "From two", "Fine.")
    assert model.told == ["Hello", "Fine.", "From one", "Fine.", "From two"]
    await other.edit(own(other, "From one"), "Edited by two")
    await answered(me, "Hello", "Fine.", "Edited by two", "Fine.")
    assert messages(await me.stored()) == shown(me)


async def test_stop_reaches_the_instance_that_runs_the_turn(me: Client, two: App, model: Model, tabs: Tabs) -> None:
    model.script(text("Once upon"), Act.STALL)
    await me.post("Tell me a story")
    await me.wait_for("stream_start")
    await me.wait_for("first_interaction")
    other = await resumed(tabs, two, me.thread_id)
    await going_on(other, "Tell me a story", "Once upon")
    await other.stop()
    await idle(me)
    await idle(other)
    [answer] = [step for step in other.screen.values() if step["type"] == "assistant_message"]
    assert shown(other) == shown(me) == ["Tell me a story", "Once upon"]
    model.answers("The end.")
    await other.action("retry", answer=answer["id"])
    await answered(me, "Tell me a story", "The end.")


async def test_files_of_a_question_are_shown_by_the_other_instance(me: Client, two: App, tabs: Tabs) -> None:
    await ask(me, "Hello")
    other = await resumed(tabs, two, me.thread_id)
    await other.wait_for("action")
    await ask(me, "Read this", files=[await me.attach("note.txt", b"Glaciers move.")])
    element = await other.wait_for("element")
    assert (await other.request("GET", element["url"])).content == b"Glaciers move."


async def test_what_one_has_replaced_the_other_brings_back_until_the_conversation_goes_on(
    me: Client, two: App, model: Model, tabs: Tabs
) -> None:
    await ask(me, "First")
    other = await resumed(tabs, two, me.thread_id)
    await other.wait_for("action")
    for presses in (me, other):
        await me.edit(own(me, "First"), "First, edited")
        for each in (me, other):
            await answered(each, "First, edited", "Fine.")
            await offering(each, "retry", "undo")
        await presses.action("undo")
        for each in (me, other):
            await answered(each, "First", "Fine.")
            await offering(each, "retry")
    await me.edit(own(me, "First"), "Once more")
    await answered(other, "Once more", "Fine.")
    await ask(other, "Going on")
    await answered(me, "Once more", "Fine.", "Going on", "Fine.")
    await offering(me, "retry")
    question = own(me, "Once more")
    for each, version in ((other, 1), (me, 4)):
        await each.call("choose_version", {"question": question, "version": version})
        for screen in (me, other):
            await answered(
                screen, *(("First", "Fine.") if version == 1 else ("Once more", "Fine.", "Going on", "Fine."))
            )


async def test_an_instance_listens_only_while_it_shows_the_conversation(
    me: Client, two: App, redis: RedisServer, tabs: Tabs
) -> None:
    await ask(me, "Hello")
    other = await resumed(tabs, two, me.thread_id)
    thread_id = me.thread_id
    await connected_instances(redis, thread_id, 2)
    await other.disconnect(leave=True)
    await connected_instances(redis, thread_id, 1)
    await me.disconnect(leave=True)
    await connected_instances(redis, thread_id, 0)


async def test_what_a_stranger_writes_into_a_channel_is_not_shown(
    me: Client, one: App, redis: RedisServer, two: App, tabs: Tabs
) -> None:
    await ask(me, "Hello")
    other = await resumed(tabs, two, me.thread_id)
    await connected_instances(redis, me.thread_id, 2)
    for body in (b"", b"\xff", b"5", b"[]", b"{}", json.dumps(["x", 1, "new_message", None]).encode()):
        redis.raw.publish(channel(redis, me.thread_id), body)
    await ask(me, "Again")
    await answered(other, "Hello", "Fine.", "Again", "Fine.")
    assert "Traceback" not in one.alive().log.read_text()


async def test_without_redis_each_goes_on_alone_and_with_it_again_all_is_shown(
    me: Client, one: App, two: App, redis: RedisServer, model: Model, tabs: Tabs
) -> None:
    going = await begun(me, model)
    other = await resumed(tabs, two, me.thread_id)
    await going_on(other, "Count", "One")
    redis.kill()
    await idle(other)
    going.on(0)
    await showing(me, "Count", "One two")
    assert shown(other) == ["Count", "One"]
    redis.start()
    await showing(other, "Count", "One two")
    going.on(1)
    await showing(other, "Count", "One two three.")
    redis.kill()
    await idle(me)
    await ask(me, "Alone")
    redis.start()
    await showing(other, "Count", "One two three.", "Alone", "Fine.")
    log = one.alive().log.read_text()
    assert log.count("conversations are not shared with other instances: no connection") == 2
    assert "Traceback" not in log


async def test_an_instance_that_is_killed_leaves_no_page_waiting(
    me: Client, one: App, two: App, model: Model, tabs: Tabs
) -> None:
    await begun(me, model)
    other = await resumed(tabs, two, me.thread_id)
    await going_on(other, "Count", "One")
    one.alive().kill()
    await idle(other)
    await ask(other, "Still there?")
    assert shown(other) == ["Count", "One", "Still there?", "Fine."]


async def test_an_edit_far_above_is_seen_where_the_message_was_not_shown(
    me: Client, one: App, two: App, model: Model, tabs: Tabs, redis: RedisServer
) -> None:
    thread_id, ids = long_thread(one.home, "Long", 60)
    here = await tabs(one.alive().url, connect=False)
    here.before = ("show_part", {"at": ids[0]})
    await here.connect(thread_id)
    there = await resumed(tabs, two, thread_id)
    await connected_instances(redis, thread_id, 2)
    assert shown(there)[0] == "Question 11"
    model.answers("Otherwise.")
    await here.edit(ids[0], "Otherwise?")
    await answered(there, "Otherwise?", "Otherwise.")
    await there.action("undo")
    for screen in (there, here):

        async def whole(screen: Client = screen) -> bool:
            return shown(screen) == [f"{who} {n}" for n in range(11, 61) for who in ("Question", "Answer")]

        await until(whole)
