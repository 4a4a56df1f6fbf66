"""What is said while an answer is being written, and more of it than anybody says."""

import asyncio
from collections.abc import Iterator

import pytest

from assistant.texts import say, size
from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import FRENCH, Model, connected, messages
from tests.servers.gemini import finish, text
from tests.servers.http import Until

LIMIT = 100_000


@pytest.fixture(scope="module")
def app(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    limits = {"THREADKEEP_MESSAGE_BYTES": str(LIMIT), "THREADKEEP_WAITING_MESSAGES": "3"}
    app = App(tmp_path_factory.mktemp("queue"), **connected(model), **limits)
    yield app
    app.close()


@pytest.fixture
async def me(app: App, tabs: Tabs) -> Client:
    return await tabs(app.alive().url)


async def test_questions_are_answered_one_after_another_and_what_is_too_much_is_told(me: Client, model: Model) -> None:
    begun, asked = len(model.asked), asyncio.Event()
    model.script(text("Slowly."), Until(asked), finish())
    ids = [await me.post(f"Question {number}") for number in range(6)]
    toast = await me.wait_for("toast")
    assert toast["message"] == say("too_many_waiting", "en", n=3, start="Question 4")
    await me.wait_for("refused", lambda id: id == ids[5])
    assert [id for name, id in me.events if name == "refused"] == ids[4:]
    await me.wait_for("stream_start")
    assert len(model.asked) == begun + 1  # the others wait
    await me.emit("client_message", {"message": me.screen[ids[2]], "fileReferences": [], "again": True})
    model.loop.call_soon_threadsafe(asked.set)
    expected = ["Question 0", "Slowly.", "Question 1", "Fine.", "Question 2", "Fine.", "Question 3", "Fine."]

    async def answered() -> bool:
        return messages(await me.stored()) == expected

    await until(answered)
    await me.send("Question 6")
    assert messages(await me.stored()) == [*expected, "Question 6", "Fine."]


async def test_stop_ends_one_turn_and_the_next_one_begins(me: Client, model: Model) -> None:
    model.script(text("Never ending"), Until(asyncio.Event()))
    await me.post("First")
    await me.wait_for("stream_start")
    second = await me.post("Second")
    await me.stop()
    await me.wait_for("kept", lambda id: id == second)

    async def answered() -> bool:
        return messages(await me.stored())[1:] == ["Never ending", "Second", "Fine."]

    await until(answered)


async def test_a_text_that_is_too_long_is_told_in_the_language_of_the_page(app: App, tabs: Tabs) -> None:
    pierre = await tabs(app.alive().url, **FRENCH)
    own = await pierre.post("é" * (LIMIT // 2) + "x")
    toast = await pierre.wait_for("toast")
    assert toast["message"] == say("message_too_long", "fr", start="é" * 60, most=size(LIMIT, "fr"))
    assert await pierre.wait_for("refused") == own
    await pierre.wait_for("task_end", since=pierre.events.index(("toast", toast)))
    await pierre.send("é" * (LIMIT // 2))
    assert len(messages(await pierre.stored())) == 2


async def test_another_tab_is_not_held_up(me: Client, model: Model, app: App, tabs: Tabs) -> None:
    waiting = asyncio.Event()
    model.script(text("Slowly."), Until(waiting), finish())
    await me.post("Hello")
    await me.wait_for("stream_start")
    other = await tabs(app.alive().url)
    assert [step["output"] for step in await other.send("And I?")] == ["Fine."]
    model.loop.call_soon_threadsafe(waiting.set)
    await me.wait_for("task_end", since=len(me.events))
