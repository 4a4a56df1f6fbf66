"""A conversation on several screens: each shows all of a turn, also one that comes in the midst of it."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import Model, ask, connected, messages, own, resumed
from tests.servers.gemini import Act, finish, text
from tests.servers.http import Until


@pytest.fixture(scope="module")
def app(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("live"), **connected(model))
    yield app
    app.close()


@pytest.fixture
async def me(app: App, tabs: Tabs) -> Client:
    return await tabs(app.alive().url)


def shown(client: Client) -> list[str]:
    """The messages on a screen."""
    return [step["output"] for step in client.screen.values() if "message" in step["type"]]


def names(client: Client, since: int = 0) -> list[str]:
    return [name for name, _ in client.events[since:]]


def busy(client: Client) -> bool:
    """Whether its page has a Stop button."""
    return [name for name in names(client) if name in ("task_start", "task_end")][-1] == "task_start"


def buttons(client: Client) -> set[str]:
    found: set[str] = set()
    for name, data in client.events:
        if name == "action":
            assert data["id"] not in found, "the page would show it twice"
            found.add(data["id"])
        elif name == "remove_action":
            found.discard(data["id"])
    return {action.split("-")[0] for action in found}


class Going:
    """An answer that waits after "One" and after " two"."""

    def __init__(self, model: Model) -> None:
        self._model, self._gates = model, (asyncio.Event(), asyncio.Event())
        model.script(text("One"), Until(self._gates[0]), text(" two"), Until(self._gates[1]), text(" three."), finish())

    def on(self, gate: int) -> None:
        self._model.loop.call_soon_threadsafe(self._gates[gate].set)


async def begun(client: Client, model: Model, question: str = "Count") -> Going:
    going = Going(model)
    await client.post(question)
    await client.wait_for("stream_start")
    if not client.thread_id:
        await client.wait_for("first_interaction")
    return going


async def test_a_second_screen_sees_a_turn_of_the_first(me: Client, app: App, model: Model, tabs: Tabs) -> None:
    await ask(me, "Hello")
    other = await resumed(tabs, app, me.thread_id)
    since = len(other.events)
    await ask(me, "And then?")
    await other.wait_for("task_end", since=since)
    assert shown(other) == shown(me) == ["Hello", "Fine.", "And then?", "Fine."]
    assert names(other, since).count("task_start") == names(other, since).count("task_end") == 1
    assert buttons(other) == buttons(me) == {"retry"}
    await ask(other, "From here")
    assert shown(me) == shown(other)
    assert [said for said in model.told if said != "Fine."] == ["Hello", "And then?", "From here"]


async def test_what_comes_in_the_midst_gets_what_is_there_and_then_the_rest(
    me: Client, app: App, model: Model, tabs: Tabs
) -> None:
    going = await begun(me, model)
    other = await resumed(tabs, app, me.thread_id)
    assert shown(other) == ["Count", "One"]
    assert busy(other)
    going.on(0)
    await other.wait_for("stream_token")
    third = await resumed(tabs, app, me.thread_id)
    assert shown(third) == shown(other) == ["Count", "One two"]
    going.on(1)
    for each in (me, other, third):
        await each.wait_for("action")  # the last that a turn brings but for its end
        await each.wait_for("task_end", since=names(each).index("action"))
        assert shown(each) == ["Count", "One two three."]
        assert buttons(each) == {"retry"}


async def test_it_goes_on_where_it_is_opened_after_the_page_has_left(
    me: Client, app: App, model: Model, tabs: Tabs
) -> None:
    going = await begun(me, model)
    thread_id = me.thread_id
    await me.disconnect(leave=True)
    elsewhere = me.tab()
    await elsewhere.connect()
    going.on(0)
    back = await resumed(tabs, app, thread_id)
    going.on(1)
    await back.wait_for("task_end", since=names(back).index("resume_thread"))
    assert shown(back) == ["Count", "One two three."]
    assert shown(elsewhere) == [], "another conversation hears nothing of it"
    await elsewhere.disconnect()


async def test_a_page_that_was_cut_off_for_a_moment_gets_what_it_missed(me: Client, model: Model) -> None:
    going = await begun(me, model)
    session, thread_id = me.session_id, me.thread_id
    await me.disconnect()
    going.on(0)
    await until(lambda: stored(me, thread_id, "One two"))
    me.greets = False
    await me.connect(thread_id, session)
    await me.wait_for("ready")
    assert shown(me) == ["Count", "One two"]
    assert busy(me)
    going.on(1)
    await until(lambda: stored(me, thread_id, "One two three."))
    await me.wait_for("action")
    assert shown(me) == ["Count", "One two three."]


async def stored(client: Client, thread_id: str, answer: str) -> bool:
    return answer in messages(await client.stored(thread_id))


async def test_stop_and_retry_work_from_a_screen_where_it_was_not_asked(
    me: Client, app: App, model: Model, tabs: Tabs
) -> None:
    model.script(text("Once upon"), Act.STALL)
    await me.post("Tell me a story")
    await me.wait_for("stream_start")
    await me.wait_for("first_interaction")
    other = await resumed(tabs, app, me.thread_id)
    since = len(me.events)
    await other.stop()
    await me.wait_for("task_end", since=since)
    await me.wait_for("action", since=since)
    assert buttons(me) == buttons(other) == {"retry", "continue"}
    [answer] = [step for step in other.screen.values() if step["type"] == "assistant_message"]
    model.answers("The end.")
    await other.action("retry", answer=answer["id"])

    async def replaced() -> bool:
        return shown(me) == shown(other) == ["Tell me a story", "The end."]

    await until(replaced)  # the answer to the request can be there before the events


async def test_an_edit_on_one_screen_takes_the_later_messages_off_the_other(
    me: Client, app: App, model: Model, tabs: Tabs
) -> None:
    await ask(me, "First")
    other = await resumed(tabs, app, me.thread_id)
    await ask(me, "Second")
    since = len(me.events)
    await other.edit(own(other, "First"), "First, edited")
    await me.wait_for("task_end", since=since)
    assert shown(me) == shown(other) == ["First, edited", "Fine."]
    assert model.told == ["First, edited"]


async def test_a_model_that_is_chosen_on_one_screen_is_the_chosen_one_on_the_other(
    me: Client, app: App, model: Model, tabs: Tabs
) -> None:
    model.answers("Good morning.")
    await me.send("Hello")
    other = await resumed(tabs, app, me.thread_id)
    since = len(other.events)
    await me.send("And without a model?", modes={"model": "offline"})
    await other.wait_for("set_modes", since=since)
    [mode] = [data for name, data in other.events if name == "set_modes"][-1]
    assert [option["id"] for option in mode["options"] if option["default"]] == ["offline"]
    assert other.shown_settings()["model"] == "offline"


async def test_files_of_a_question_are_on_the_other_screen_by_an_address_that_it_can_read(
    me: Client, app: App, tabs: Tabs
) -> None:
    await ask(me, "Hello")
    other = await resumed(tabs, app, me.thread_id)
    await ask(me, "Read this", files=[await me.attach("note.txt", b"Glaciers move.")])
    element = await other.wait_for("element")
    answer = await other.request("GET", element["url"])
    assert (answer.status_code, answer.content) == (200, b"Glaciers move.")


async def test_a_title_comes_to_all_screens(app: App, model: Model, tabs: Tabs) -> None:
    model.titles = True
    try:
        me = await tabs(app.alive().url)
        going = await begun(me, model, "What is a glacier?")
        other = await resumed(tabs, app, me.thread_id)
        since = len(other.events)
        going.on(0), going.on(1)
        await other.wait_for("first_interaction", lambda data: data["interaction"] != "resume", since)
    finally:
        model.titles = False
