"""Versions of a question at the screen: switched there and back, on all screens; the model is told those shown."""

import asyncio
import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from assistant.texts import say
from tests.client import Client, until
from tests.conftest import often
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import Model, ask, connected, messages, own, restart, resumed
from tests.e2e.test_again import answer_id
from tests.e2e.test_live import Going, shown
from tests.e2e.test_undo import show


@pytest.fixture(scope="module")
def app(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("versions"), **connected(model))
    yield app
    app.close()


@pytest.fixture
async def me(app: App, tabs: Tabs) -> Client:
    return await tabs(app.alive().url)


def told(client: Client) -> dict[str, tuple[int, int]]:
    """What the page knows of the versions of each question: which is shown, and how many there are."""
    found: dict[str, tuple[int, int]] = {}
    for name, data in client.events:
        if name == "resume_thread":
            given = [step["versions"] for step in data["steps"] if "versions" in step]
            found = {each["id"]: (each["shown"], each["count"]) for each in given}
        elif name == "versions":
            found[data["id"]] = (data["shown"], data["count"])
    return found


async def choose(client: Client, question: str, version: int) -> None:
    await client.call("choose_version", {"question": question, "version": version})


async def test_a_version_is_chosen_on_all_screens_and_the_model_is_told_it(
    me: Client, app: App, model: Model, tabs: Tabs
) -> None:
    for question in ("First", "Second"):
        model.answers(f"{question} answer")
        await ask(me, question)
    first, other = own(me, "First"), await resumed(tabs, app, me.thread_id)
    before = shown(me)
    model.answers("New answer")
    await me.edit(first, "First, edited")
    model.answers("Newer answer")
    await other.action("retry", answer=answer_id(other))
    after = ["First, edited", "Newer answer"]
    for each in (me, other):
        await show(after, {"retry", "undo"}, each)
        assert told(each) == {first: (3, 3)}
    await ask(me, "Going on")
    await choose(other, first, 1)
    await show(before, {"retry"}, me, other)
    await ask(me, "Third")
    assert model.told == [*before, "Third"]
    await choose(me, first, 2)
    await show(["First, edited", "New answer"], {"retry", "undo"}, me, other)
    restart(app)
    page = await resumed(tabs, app, me.thread_id)
    assert told(page) == {first: (2, 3)}
    await choose(page, first, 3)
    await show([*after, "Going on", "Fine."], {"retry"}, page)
    await ask(page, "And now?")
    assert model.told == [*after, "Going on", "Fine.", "And now?"]
    await choose(page, first, 1)
    await show([*before, "Third", "Fine."], {"retry"}, page)
    found = await page.listed("Newer answer")
    assert me.thread_id not in found


async def test_a_vote_and_a_file_stay_with_their_version(me: Client, model: Model) -> None:
    await ask(me, "Read this", files=[await me.attach("a.txt", b"Herons are grey.")])
    question, answer = own(me, "Read this"), me.screen[answer_id(me)]
    assert (await me.vote(answer["parentId"])).status_code == 200
    model.answers("Otherwise.")
    await me.action("retry", answer=answer["id"])
    [run] = [step for step in (await me.stored())["steps"] if step["type"] == "run" and step["parentId"] == question]
    assert run["feedback"] is None
    assert me.screen[answer_id(me)]["parentId"] == run["id"]
    await me.edit(question, "Read it again")
    assert "Herons are grey." in str(model.asked[-1].body)
    await choose(me, question, 1)
    await show(["Read this", "Fine."], {"retry"}, me)
    assert me.screen[answer["parentId"]]["feedback"]["value"] == 1


async def test_a_command_lists_and_compares_versions(me: Client, model: Model) -> None:
    model.answers("It flows like *very thick* honey.")
    await ask(me, "How does a glacier flow?")
    question = own(me, "How does a glacier flow?")
    model.answers("It flows like cold honey.")
    await me.edit(question, "How does an ice sheet flow?")
    _, first, second, _ = re.split("\n\n|\n(?=-)", await ask(me, "/versions"))
    assert re.fullmatch(
        r"- 1 · \d+ \w+ \d{4}, .+ · How does a glacier flow\? → It flows like very thick honey\.", first
    ), first
    assert " · **shown** · How does an ice sheet flow? → It flows like cold honey." in second
    assert await ask(me, "/versions 1") == (
        "**From version 1 to version 2**\n\n"
        "*Message*\n\nHow does ~~a glacier~~ **an ice sheet** flow?\n\n"
        r"*Answer*" + "\n\n" + r"It flows like ~~\*very thick\*~~ **cold** honey."
    )
    assert "**From version 2 to version 1**" in await ask(me, "/versions 2 1")
    assert await ask(me, "/versions 2") == "Both say the same."
    assert await ask(me, "/versions 3") == "There is no version 3: they are numbered from 1 to 2."
    for odd in ("one", "1 2 3", "-1", "1.5"):
        assert "Type `/versions` for the list" in await ask(me, f"/versions {odd}")
    assert "an ice sheet" in str(model.asked[-1].body)


async def test_a_command_lists_and_compares_those_of_an_earlier_question(me: Client, model: Model) -> None:
    assert "No message of this conversation has several" in await ask(me, "/versions #1")
    for subject in ("glacier", "river"):
        await ask(me, f"How does a {subject} flow in 1850?")
        await me.edit(own(me, f"How does a {subject} flow in 1850?"), f"How does the {subject} flow?")
        if subject == "glacier":
            assert "Earlier messages" not in await ask(me, "/versions")
    listed = await ask(me, "/versions")
    assert "How does a river flow in 1850?" in listed
    assert r"- `#2` · How does the glacier flow?" in listed
    for named in ("#2", "GLACIER", '"a glacier"'):
        told = await ask(me, f"/versions {named}")
        assert told.startswith("**Versions of “How does the glacier flow?”**"), named
        assert "How does a glacier flow in 1850?" in told
        assert "From version 1 to version 2" in await ask(me, f"/versions {named} 1")
        assert "From version 2 to version 1" in await ask(me, f"/versions {named} 2 1")
    assert "Only 2 messages" in await ask(me, "/versions #3")
    assert "No message that has several versions says “osprey”" in await ask(me, "/versions osprey 1")
    assert "There is no version 9" in await ask(me, "/versions glacier 9")


async def test_two_tabs_that_choose_at_once_show_one_version(me: Client, app: App, model: Model, tabs: Tabs) -> None:
    model.answers("Answer 1")
    await ask(me, "Question 1")
    question = own(me, "Question 1")
    for number in (2, 3):
        model.answers(f"Answer {number}")
        await me.edit(question, f"Question {number}")
    other = await resumed(tabs, app, me.thread_id)
    for first, second in ((1, 2), (3, 1), (2, 3)):
        await asyncio.gather(choose(me, question, first), choose(other, question, second))

        async def same() -> bool:
            number = told(me)[question][0]
            expected = [f"Question {number}", f"Answer {number}"]
            return shown(me) == shown(other) == messages(await me.stored()) == expected

        await until(same)


async def test_no_version_is_chosen_while_an_answer_is_written_or_the_database_is_away(
    me: Client, app: App, model: Model, tabs: Tabs
) -> None:
    await ask(me, "One")
    question = own(me, "One")
    await me.edit(question, "Another")
    other, going = await resumed(tabs, app, me.thread_id), Going(model)
    await me.post("Count")
    await me.wait_for("stream_start", lambda step: step["output"] == "One")
    since = len(other.events)
    await choose(other, question, 1)
    assert (await other.wait_for("toast", since=since))["message"] == say("version_busy", "en")
    for gate in (0, 1):
        going.on(gate)
    await show(["Another", "Fine.", "Count", "One two three."], {"retry"}, me, other)
    with closing(sqlite3.connect(app.home / "threads.db", isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        await me.edit(own(me, "Count"), "Count again")
        since = len(me.events)
        await choose(me, question, 1)
        await me.wait_for("toast", lambda toast: toast["message"] == say("undo_waits", "en"), since)
        database.execute("ROLLBACK")

    async def stored() -> bool:
        return bool((await me.request("GET", "/health/store")).json()["state"] == "ok")

    await until(stored)
    await choose(me, own(me, "Count again"), 1)
    await show(["Another", "Fine.", "Count", "One two three."], {"retry"}, me, other)


async def test_every_text_that_was_shown_comes_back_and_the_model_is_told_what_is_shown(
    me: Client, app: App, model: Model, tabs: Tabs
) -> None:
    """``paths``: what is shown of each version of a question, as it must come back."""
    chance = random.Random(20_261_128)
    await ask(me, "q0")
    paths: dict[tuple[str, int], list[str]] = {}
    for number in range(1, often(14, 100)):
        asked = [key for key, step in me.screen.items() if step["type"] == "user_message"]
        question, done = chance.choice(asked), chance.choice(("ask", "edit", "edit", "again", "choose", "choose"))
        before, versions = shown(me), told(me)
        if done == "choose" and question in versions:
            now, count = versions[question]
            paths[question, now] = before[before.index(me.screen[question]["output"]) :]
            wanted = chance.choice([version for version in range(1, count + 1) if version != now])
            await choose(me, question, wanted)
            upto = before[: before.index(paths[question, now][0])]
            await show([*upto, *paths[question, wanted]], {"retry"} | _undo(me), me)
            continue
        model.answers(f"a{number}")
        question = asked[-1] if done == "again" else question
        if done in ("edit", "again"):
            paths[question, versions.get(question, (1, 1))[0]] = before[before.index(me.screen[question]["output"]) :]
        upto = before[: before.index(me.screen[question]["output"])]
        if done == "edit":
            await me.edit(question, f"q{number}")
            expected = [*upto, f"q{number}", f"a{number}"]
        elif done == "again":
            await asyncio.sleep(1)  # a person may ask again once a second
            await me.action("retry", answer=answer_id(me))
            expected = [*before[:-1], f"a{number}"]
        else:
            await ask(me, f"q{number}")
            expected = [*before, f"q{number}", f"a{number}"]
        await show(expected, {"retry"} | _undo(me), me)
        assert model.told == expected[:-1]
    assert shown(await resumed(tabs, app, me.thread_id)) == shown(me)


def _undo(client: Client) -> set[str]:
    """What is offered besides another answer: Undo, where the last question is in a version that replaced one."""
    *_, last = (key for key, step in client.screen.items() if step["type"] == "user_message")
    return {"undo"} if told(client).get(last, (1, 1))[0] > 1 else set()
