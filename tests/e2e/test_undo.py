"""An edit and another answer destroy nothing: Undo brings back what they replace, and what replaced it is kept, too."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import Model, ask, connected, kept, messages, own, restart, resumed
from tests.e2e.test_again import answer_id
from tests.e2e.test_live import buttons, shown
from tests.servers.gemini import Act, text


@pytest.fixture(scope="module")
def app(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("undo"), **connected(model))
    yield app
    app.close()


@pytest.fixture
async def me(app: App, tabs: Tabs) -> Client:
    return await tabs(app.alive().url)


async def show(texts: list[str], offered: set[str], *screens: Client) -> None:
    """What is pressed is answered before all that it brings has come."""

    async def so() -> bool:
        return all(shown(each) == texts and buttons(each) == offered for each in screens)

    await until(so)


def everything(app: App, thread_id: str) -> list[Any]:
    """The texts of the conversation, also those that are not shown, and what a question was in another version."""
    steps = kept(app, thread_id)
    texts = [step for step in steps if step["metadata"].get("aside", {}).get("type") not in ("run", "versions")]
    return [step["output"] for step in texts if "message" in step["type"] or "aside" in step["metadata"]]


async def test_undo_brings_an_earlier_answer_back_on_all_screens(
    me: Client, app: App, model: Model, tabs: Tabs
) -> None:
    model.answers("A precious answer.")
    await ask(me, "Who was Ada?")
    other = await resumed(tabs, app, me.thread_id)
    for answer in ("Another.", "A third."):
        model.answers(answer)
        await me.action("retry", answer=answer_id(me))
        assert (await me.wait_for("replaced")).startswith("The earlier answer was replaced.")
        await show(["Who was Ada?", answer], {"retry", "undo"}, me, other)
    await other.action("undo")
    await show(["Who was Ada?", "Another."], {"retry", "undo"}, me, other)
    await me.action("undo")
    await show(["Who was Ada?", "A precious answer."], {"retry"}, me, other)
    assert {"Another.", "A third."} < set(everything(app, me.thread_id))
    assert messages(await me.stored()) == ["Who was Ada?", "A precious answer."]
    await ask(other, "And then?")
    assert model.told == ["Who was Ada?", "A precious answer.", "And then?"]


async def test_undo_brings_back_what_came_after_a_message_that_was_edited(me: Client, model: Model) -> None:
    for question in ("First", "Second"):
        model.answers(f"{question} answer")
        await ask(me, question, files=[await me.attach(f"{question}.txt", question.encode())])
    model.answers("New answer")
    await me.edit(own(me, "First"), "First, edited")
    await show(["First, edited", "New answer"], {"retry", "undo"}, me)
    assert messages(await me.stored()) == ["First, edited", "New answer"]
    assert "(3 messages)" in (await me.wait_for("replaced"))
    await me.action("undo")
    await show(["First", "First answer", "Second", "Second answer"], {"retry"}, me)
    assert messages(await me.stored()) == shown(me)
    assert len((await me.stored())["elements"]) == 2
    await ask(me, "Third")
    assert [said for said in model.told if "answer" in said] == ["First answer", "Second answer"]


async def test_when_the_conversation_goes_on_undo_has_nothing_to_bring_back(me: Client, app: App, model: Model) -> None:
    await ask(me, "First")
    await me.edit(own(me, "First"), "First, edited")
    await ask(me, "Second")
    assert messages(await me.stored()) == shown(me) == ["First, edited", "Fine.", "Second", "Fine."]
    assert "First" in everything(app, me.thread_id)
    await show(shown(me), {"retry"}, me)
    since = len(me.events)
    await me.action("undo")
    assert "nothing to bring back" in (await me.wait_for("toast", since=since))["message"]
    await show(["First, edited", "Fine.", "Second", "Fine."], {"retry"}, me)


async def test_a_question_that_was_edited_and_stopped_can_be_brought_back(me: Client, model: Model) -> None:
    await ask(me, "First")
    model.script(Act.STALL)
    since, before = len(me.events), len(model.asked)

    async def asked() -> bool:
        return len(model.asked) > before

    await me.emit("edit_message", {"message": {**me.screen[own(me, "First")], "output": "First, edited"}})
    await until(asked)
    await me.stop()
    await me.wait_for("action", lambda action: action["name"] == "undo", since)
    await me.action("undo")
    await show(["First", "Fine."], {"retry"}, me)


@pytest.mark.parametrize("goes_on", [True, False])
async def test_after_a_crash_it_is_as_edited_and_what_was_replaced_is_there(
    me: Client, app: App, model: Model, tabs: Tabs, goes_on: bool
) -> None:
    model.answers("A precious answer.")
    await ask(me, "First")
    model.script(text("Once upon"), Act.STALL)
    since = len(me.events)
    await me.emit("edit_message", {"message": {**me.screen[own(me, "First")], "output": "First, edited"}})
    await me.wait_for("stream_start", since=since)

    async def saved() -> bool:
        return "Once upon" in everything(app, me.thread_id)

    await until(saved)
    restart(app)
    page = await resumed(tabs, app, me.thread_id)
    assert [said for said in shown(page) if "interrupted" not in said] == ["First, edited", "Once upon"]
    assert sorted(everything(app, page.thread_id)) == ["A precious answer.", "First", "First, edited", "Once upon"]
    if not goes_on:

        async def offered() -> bool:
            return buttons(page) == {"continue", "retry", "undo"}

        await until(offered)
        await page.action("undo")
        await show(["First", "A precious answer."], {"retry"}, page)
    await ask(page, "Second")
    told = ["First, edited", "Once upon"] if goes_on else ["First", "A precious answer."]
    assert model.told == [*told, "Second"]
    assert messages(await page.stored()) == [*told, "Second", "Fine."]
    assert {"A precious answer.", "First", "First, edited", "Once upon"} <= set(everything(app, page.thread_id))
