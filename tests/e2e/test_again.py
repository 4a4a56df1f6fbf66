"""Retry, Try again and Continue: one answer to a question, and never a worse one in the place of a better."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from assistant.texts import say
from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import Model, ask, connected, messages, restart, resumed
from tests.servers.gemini import Act, finish, quota, text
from tests.servers.http import Until


@pytest.fixture(scope="module")
def app(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("again"), **connected(model))
    yield app
    app.close()


@pytest.fixture
async def me(app: App, tabs: Tabs) -> Client:
    """In an app that knows of no quota."""
    restart(app)
    return await tabs(app.alive().url)


def answer_id(client: Client) -> str:
    *_, last = (key for key, step in client.screen.items() if step["type"] == "assistant_message")
    return str(last)


async def test_an_answer_of_the_model_gives_way_to_no_other_words(me: Client, model: Model) -> None:
    model.answers("A precious answer.")
    await ask(me, "Who was Ada?")
    model.refuses(quota("300s"))
    await me.action("retry", answer=answer_id(me))
    assert messages(await me.stored()) == ["Who was Ada?", "A precious answer."]
    toast = await me.wait_for("toast")
    why = say("quota", "en", model="Gemini 2.5 Flash")
    assert toast["message"] == say("no_other", "en", why=why)
    model.answers("A better one.")
    await asyncio.sleep(1)  # a person may ask again once a second
    await me.action("retry", answer=answer_id(me))
    assert messages(await me.stored()) == ["Who was Ada?", "A better one."]


async def test_pressed_twice_it_is_one_answer(me: Client, model: Model) -> None:
    await ask(me, "Who was Ada?")
    given, go = answer_id(me), asyncio.Event()
    model.script(text("Once"), Until(go), text(" more."), finish())
    first = asyncio.create_task(me.action("retry", answer=given))
    await me.wait_for("stream_start", lambda step: step["id"] != given)
    await me.action("retry", answer=given)
    model.loop.call_soon_threadsafe(go.set)
    await first
    assert messages(await me.stored()) == ["Who was Ada?", "Once more."]


async def test_two_tabs_are_one_answer(me: Client, app: App, model: Model, tabs: Tabs) -> None:
    await ask(me, "Who was Ada?")
    given, other = answer_id(me), await resumed(tabs, app, me.thread_id)
    model.answers("Once more.")
    await me.action("retry", answer=given)
    await other.action("retry", answer=given)
    assert messages(await me.stored()) == ["Who was Ada?", "Once more."]
    assert (await other.wait_for("toast"))["message"] == say("gone_on", "en")


async def test_it_asks_under_the_settings_of_the_conversation(me: Client, app: App, model: Model, tabs: Tabs) -> None:
    await ask(me, "Who was Ada?")
    other = await resumed(tabs, app, me.thread_id)
    await other.settings(**{**other.shown_settings(), "system_prompt": "Answer in verse."})
    await me.action("retry", answer=answer_id(me))
    assert "Answer in verse." in str(model.asked[-1].body["systemInstruction"])


async def test_what_was_to_be_continued_stays_when_the_quota_is_gone(
    me: Client, app: App, model: Model, tabs: Tabs
) -> None:
    model.script(text("Once upon a"), Act.STALL)
    await me.post("Tell me a story")
    await me.wait_for("stream_start")
    await until(lambda: _begun(me))
    restart(app)
    page = await resumed(tabs, app, me.thread_id)
    offered = await page.wait_for("action", lambda action: action["name"] == "continue")
    model.refuses(quota("300s"))
    await page.action("continue", **offered["payload"])
    [_, told] = messages(await page.stored())
    assert told.startswith("Once upon a\n\n**The answer broke off here")
    restart(app)  # which forgets the quota
    page = await resumed(tabs, app, me.thread_id)
    await ask(page, "And then?")
    assert [each for each in model.told if each.startswith("Once upon a")]


async def _begun(client: Client) -> bool:
    steps = (await client.stored())["steps"]
    return any(step["output"] == "Once upon a" for step in steps)


async def test_stop_ends_the_answer_to_an_edited_question(me: Client, model: Model) -> None:
    await ask(me, "First")
    [first] = [key for key, step in me.screen.items() if step["output"] == "First"]
    model.script(text("Once upon"), Act.STALL)
    since = len(me.events)
    await me.emit("edit_message", {"message": {**me.screen[first], "output": "First, edited"}})
    await me.wait_for("stream_start", since=since)
    await me.stop()
    await me.wait_for("task_end", since=since)
    assert messages(await me.stored()) == ["First, edited", "Once upon"]


async def test_a_second_stop_does_not_cut_off_the_saving_of_the_first(me: Client, model: Model) -> None:
    model.script(text("Once upon"), Act.STALL)
    await me.post("Tell me a story")
    await me.wait_for("stream_start")
    await asyncio.gather(*(me.emit("stop") for _ in range(3)))
    await me.wait_for("task_end", since=len(me.events) - 1)

    async def stored() -> Any:
        return [step for step in (await me.stored())["steps"] if step["type"] == "assistant_message"]

    async def stopped() -> bool:
        return [(step["output"], step.get("status")) for step in await stored()] == [("Once upon", "stopped")]

    await until(stopped)
