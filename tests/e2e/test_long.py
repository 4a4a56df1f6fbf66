"""A long conversation: what a page is sent of it, and that whatever is done to it is done to all of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import Model, connected
from tests.long import long_thread
from tests.servers.gemini import Act, text

TURNS = 120


@pytest.fixture(scope="module")
def app(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("long"), **connected(model))
    yield app
    app.close()


Thread = tuple[str, list[str]]


@pytest.fixture
async def thread(app: App, tabs: Tabs) -> Thread:
    """Its id, and those of its messages."""
    await tabs(app.alive().url)
    return long_thread(app.home, "Long", TURNS)


def said(client: Client) -> list[str]:
    return [step["output"] for step in client.screen.values() if "message" in step["type"]]


def texts(first: int, last: int) -> list[str]:
    return [f"{who} {number}" for number in range(first, last + 1) for who in ("Question", "Answer")]


async def more(client: Client, **wish: Any) -> dict[str, Any]:
    since = len(client.events)
    await client.emit("show_part", wish)
    return dict((await client.wait_for("resume_thread", since=since))["part"])


def sent(client: Client) -> list[str]:
    """The messages that came with the last part."""
    last = next(data for name, data in reversed(client.events) if name == "resume_thread")
    return [step["output"] for step in last["steps"] if "message" in step["type"]]


async def opened(app: App, tabs: Tabs, thread_id: str, **wish: Any) -> Client:
    """A page that has said, before it was connected, what it is to show."""
    client = await tabs(app.alive().url, connect=False)
    if wish:
        client.before = ("show_part", wish)
    return await client.connect(thread_id)


async def test_the_end_is_sent_and_the_rest_when_it_is_asked_for(app: App, tabs: Tabs, thread: Thread) -> None:
    client = await opened(app, tabs, thread[0])
    assert said(client) == texts(71, 120)
    assert (await client.wait_for("resume_thread"))["part"] == {"earlier": True, "gap": None}
    for first, last, earlier in ((21, 70, True), (1, 20, False)):
        assert (await more(client, more="earlier"))["earlier"] is earlier
        assert sent(client) == texts(first, last)
        assert said(client) == texts(first, 120)


async def test_a_link_opens_at_its_message_wherever_that_is(app: App, tabs: Tabs, thread: Thread) -> None:
    client = await opened(app, tabs, thread[0], at=thread[1][0])
    assert said(client) == texts(1, 50) + texts(71, 120)
    part = (await client.wait_for("resume_thread"))["part"]
    assert part == {"earlier": False, "gap": thread[1][140]}
    part = await more(client, more="later")
    assert (part["earlier"], part["gap"]) == (False, None)
    assert sent(client) == texts(51, 70)
    assert said(client) == texts(1, 120)


@pytest.mark.parametrize("odd", [None, [], "at", {"at": 1}, {"at": "x" * 9999}, {"more": []}, {"back_to": None}])
async def test_what_nobody_would_ask_for_shows_what_is_shown(app: App, tabs: Tabs, thread: Thread, odd: Any) -> None:
    client = await opened(app, tabs, thread[0])
    since = len(client.events)
    await client.emit("show_part", odd)
    await client.wait_for("resume_thread", since=since)
    assert said(client) == texts(71, 120)


async def test_no_page_is_shown_a_step_of_another_conversation(app: App, tabs: Tabs, thread: Thread) -> None:
    _, foreign = long_thread(app.home, "Another", 3)
    client = await opened(app, tabs, thread[0], at=foreign[0], back_to=foreign[1])
    assert said(client) == texts(71, 120)


async def test_a_page_that_comes_back_to_a_new_server_has_what_it_had(app: App, tabs: Tabs, thread: Thread) -> None:
    client = await opened(app, tabs, thread[0], back_to=thread[1][20], at=thread[1][2])
    assert said(client) == texts(1, 120)
    client = await opened(app, tabs, thread[0], back_to=thread[1][200], at=thread[1][2])
    assert said(client) == texts(1, 51) + texts(71, 120)


async def test_more_comes_in_the_midst_of_an_answer(app: App, tabs: Tabs, thread: Thread, model: Model) -> None:
    client = await opened(app, tabs, thread[0])
    model.script(text("Half"), Act.STALL)
    await client.post("And now?")
    await client.wait_for("stream_start")
    await more(client, more="earlier")
    assert said(client) == [*texts(21, 120), "And now?", "Half"]
    await client.stop()


async def test_what_was_sent_meanwhile_leaves_no_hole(app: App, tabs: Tabs, thread: Thread) -> None:
    client = await opened(app, tabs, thread[0])
    for wish in ({"more": "earlier"}, {}, {"more": "earlier"}):
        await client.emit("show_part", wish)
    shown = [data for name, data in client.events if name == "resume_thread"]

    async def all_came() -> bool:
        shown[:] = [data for name, data in client.events if name == "resume_thread"]
        return len(shown) == 4

    await until(all_came)
    assert said(client) == texts(1, 120)


async def test_of_many_messages_the_furthest_are_no_longer_shown(app: App, tabs: Tabs, thread: Thread) -> None:
    thread_id, ids = long_thread(app.home, "Longer", 400)
    client = await opened(app, tabs, thread_id)
    for _ in range(6):
        part = await more(client, more="earlier")
    assert said(client) == texts(51, 300) + texts(351, 400)
    assert part["gap"] == ids[700]
    await more(client, more="earlier")
    assert said(client) == texts(1, 250) + texts(351, 400)
    await more(client, more="later")
    assert said(client) == texts(51, 300) + texts(351, 400)
    part = await more(client, more="later")
    assert (part["gap"], part["earlier"]) == (None, True)
    assert said(client) == texts(151, 400)


async def test_an_edit_far_above_takes_all_along_that_came_after_it(
    app: App, tabs: Tabs, thread: Thread, model: Model
) -> None:
    thread_id, ids = thread
    other = await opened(app, tabs, thread_id)
    client = await opened(app, tabs, thread_id, at=ids[8])
    model.answers("Otherwise.")
    await client.edit(ids[8], "Question 5, asked otherwise")
    expected = [*texts(1, 4), "Question 5, asked otherwise", "Otherwise."]
    assert model.told == expected[:-1]
    client = await opened(app, tabs, thread_id)
    assert said(client) == expected
    assert len(client.screen) == 10 + 5  # with the runs

    async def shown() -> bool:
        return said(other) == expected

    await until(shown)
    await client.action("undo")
    await client.wait_for("resume_thread", lambda shown: shown["steps"][-1]["output"] == "Answer 120")
    assert said(client) == texts(71, 120)
    assert [step["output"] for step in (await client.stored())["steps"] if "message" in step["type"]] == texts(1, 120)


async def test_an_edit_that_is_sent_again_is_known_although_it_is_far_above(
    app: App, tabs: Tabs, thread: Thread, model: Model
) -> None:
    client = await opened(app, tabs, thread[0])
    asked, step = len(model.asked), {"id": thread[1][8], "type": "user_message", "output": "Question 5"}
    await client.emit("edit_message", {"message": step, "again": True})
    await client.wait_for("kept", lambda key: key == step["id"])
    assert len(model.asked) == asked
    assert len((await client.stored())["steps"]) == 3 * TURNS


async def test_a_message_far_above_can_be_given_a_star_and_a_vote(app: App, tabs: Tabs, thread: Thread) -> None:
    client, foreign = await opened(app, tabs, thread[0], at=thread[1][0]), long_thread(app.home, "Another", 3)[1]
    for key in (thread[1][0], foreign[0]):
        await client.call("message_favorite", {"message": {"id": key, "metadata": {"favorite": True}}})
    starred = [data for name, data in client.events if name == "set_favorites"][-1]
    assert [step["id"] for step in starred] == [thread[1][0]]
    assert (await client.vote(thread[1][1])).status_code == 200
    again = await opened(app, tabs, thread[0], at=thread[1][1])
    assert again.screen[thread[1][0]]["metadata"]["favorite"]
    assert again.screen[thread[1][1]]["feedback"]["value"] == 1


async def test_the_model_is_told_it_while_the_database_is_away(
    app: App, tabs: Tabs, thread: Thread, model: Model
) -> None:
    client = await opened(app, tabs, thread[0])
    asked = []
    for question in ("Once?", "Twice?", "Three times?"):
        with closing(sqlite3.connect(app.home / "threads.db")) as database:
            if asked:
                database.execute("BEGIN EXCLUSIVE")
            model.answers("Yes.")
            await client.send(question)
        asked += [question, "Yes."]
        assert model.told == [*texts(1, 120), *asked[:-1]]


async def test_the_model_is_told_what_the_page_does_not_show(
    app: App, tabs: Tabs, thread: Thread, model: Model
) -> None:
    client = await opened(app, tabs, thread[0])
    model.answers("That was the first.")
    await client.send("What did I ask first?")
    assert model.told == [*texts(1, 120), "What did I ask first?"]
