"""Each thread keeps its own settings, saved the moment they change; what cannot be used is refused aloud."""

import asyncio
from typing import Any

import pytest

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.processes import Server

MORE = {"memory": True, "recall": False, "recent": 0, "answer_language": "auto", "max_tokens": 0}
DEFAULTS = {"model": "gemini-2.5-flash", "temperature": 0.7, "system_prompt": "", **MORE}
VERSE = {
    **{"model": "offline", "temperature": 1.3, "system_prompt": "Answer in verse."},
    **{"memory": False, "recall": True, "recent": 12, "answer_language": "fr", "max_tokens": 512},
}
PROSE = {"model": "gemini-2.5-pro", "temperature": 0.1, "system_prompt": "Prose.", **MORE}


async def kept(client: Client, thread_id: str | None = None) -> Any:
    return (await client.stored(thread_id))["metadata"]["chat_settings"]


async def leave(client: Client) -> None:
    """Closes the tab and waits until the server has dealt with it: by then it has written the tab's session back."""
    http = client.tab().http
    await client.disconnect(leave=True)

    async def gone() -> bool:  # 404 while the session is there: it has no such file
        path = f"/project/file/x?session_id={client.session_id}"
        return (await http.get(path)).status_code == 401

    await until(gone)
    await http.aclose()


async def test_a_change_survives_a_kill_at_once_and_so_does_one_before_the_first_message(app: App, tabs: Tabs) -> None:
    server = app.alive()
    running, fresh = [await tabs(server.url) for _ in range(2)]
    await running.send("Hello")
    await fresh.settings(**PROSE)
    await fresh.send("A message after the change")
    await running.settings(**VERSE)
    server.kill()
    server = app.alive()
    for client, settings in ((running, VERSE), (fresh, PROSE)):
        again = await tabs.resume(server.url, client.thread_id)
        assert again.shown_settings() == settings
        assert await kept(again) == settings
        await again.send("Go on")
        assert await kept(again) == settings


async def test_a_new_thread_starts_with_the_defaults_and_stores_them(me: Client) -> None:
    assert me.shown_settings() == DEFAULTS
    await me.send("Hello")
    assert await kept(me) == DEFAULTS


async def test_two_threads_keep_their_own(shared: Server, tabs: Tabs) -> None:
    one, two = [await tabs(shared.url) for _ in range(2)]
    for client, settings in ((one, VERSE), (two, PROSE)):
        await client.send("Hello")
        await client.settings(**settings)
    for client in (one, two):
        await leave(client)
    for client, settings in ((one, VERSE), (two, PROSE)):
        assert (await tabs.resume(shared.url, client.thread_id)).shown_settings() == settings


@pytest.mark.parametrize("named", [False, True])
async def test_a_page_that_connects_twice_while_it_opens_shows_its_conversation(
    shared: Server, tabs: Tabs, named: bool
) -> None:
    """``named``: the first time, too, it says which one."""
    one = await tabs(shared.url)
    await one.send("Hello")
    await one.settings(**VERSE)
    early, page = [await tabs(shared.url, connect=False) for _ in range(2)]
    early.greets = False
    opening = asyncio.create_task(early.connect(one.thread_id if named else None))
    await early.wait_for("task_end")
    await page.connect(one.thread_id, early.session_id)
    await asyncio.wait([opening])
    assert {step["output"] for step in one.screen.values()} <= {step["output"] for step in page.screen.values()}
    assert page.shown_settings() == VERSE
    await page.send("In verse?")
    assert await kept(page) == VERSE
    assert page.thread_id == one.thread_id


async def test_a_stale_tab_that_closes_does_not_undo_the_others_change(shared: Server, tabs: Tabs) -> None:
    one = await tabs(shared.url)
    await one.send("Hello")
    two = await tabs.resume(shared.url, one.thread_id)
    await one.settings(**VERSE)
    await leave(two)
    assert await kept(one) == VERSE
    three = await tabs.resume(shared.url, one.thread_id)
    await three.settings(**PROSE)
    await leave(one)
    assert await kept(three) == PROSE


async def test_a_stale_tab_that_talks_on_does_not_undo_the_others_change(shared: Server, tabs: Tabs) -> None:
    one = await tabs(shared.url)
    await one.send("Hello")
    two = await tabs.resume(shared.url, one.thread_id)
    await one.settings(**VERSE)
    await two.send("From the stale tab")
    assert await kept(one) == VERSE
    await leave(two)
    assert await kept(one) == VERSE


@pytest.mark.parametrize(
    "bad",
    [
        {"temperature": 9},
        {"temperature": "hot"},
        {"temperature": -0.1},
        {"model": "gpt-99"},
        {"model": "offline\n"},
        {"model": ["offline"]},
        {"system_prompt": "x" * 30_000},
        {"system_prompt": {"a": 1}},
        {"memory": "perhaps"},
        {"recent": -1},
        {"recent": 1.5},
        {"answer_language": "xx"},
        {"max_tokens": 10**9},
    ],
    ids=lambda bad: f"{next(iter(bad))}={str(next(iter(bad.values())))[:8]!r}",
)
async def test_a_value_that_cannot_be_used_is_refused_aloud_and_the_earlier_one_stays(
    me: Client, bad: dict[str, Any]
) -> None:
    await me.send("Hello")
    await me.settings(**VERSE)
    since = len(me.events)
    await me.settings(**VERSE | bad)
    toast = await me.wait_for("toast", since=since)
    assert toast["type"] == "error"
    assert len(toast["message"]) < 200
    assert me.shown_settings() == VERSE  # the panel shows again what is in force
    assert await kept(me) == VERSE


async def test_before_the_first_message_too_the_earlier_value_stays(me: Client) -> None:
    await me.settings(**VERSE)
    await me.settings(**VERSE | {"temperature": 9})
    await me.wait_for("toast")
    assert me.shown_settings() == VERSE
    await me.send("Hello")
    assert await kept(me) == VERSE


async def test_the_valid_part_of_a_change_is_kept(me: Client) -> None:
    await me.send("Hello")
    await me.settings(model="offline", temperature=9, system_prompt="Be brief.")
    assert await kept(me) == {**DEFAULTS, "model": "offline", "system_prompt": "Be brief."}


async def test_keys_that_nobody_knows_are_not_stored(me: Client) -> None:
    await me.send("Hello")
    await me.settings(**VERSE, api_key="secret", temperature_2=1)
    assert await kept(me) == VERSE


async def test_new_conversations_begin_with_what_a_person_has_chosen_for_them(app: App, tabs: Tabs) -> None:
    server = app.alive()
    me = await tabs(server.url)
    await me.emit("chat_settings_change", PROSE | {"for_new": True})
    await me.wait_for("toast")
    assert (await tabs(server.url)).shown_settings() == PROSE
    server.kill()
    again = await tabs(app.alive().url)
    assert again.shown_settings() == PROSE
    await again.send("Hello")
    assert await kept(again) == PROSE


async def test_what_is_chosen_before_the_first_message_stays_when_the_page_connects_again(me: Client) -> None:
    await me.settings(**PROSE)
    await me.disconnect()
    shown = len(me.events)
    await me.connect(session_id=me.session_id)
    await me.wait_for("chat_settings", since=shown)
    assert me.shown_settings() == PROSE
    await me.send("Hello")
    assert await kept(me) == PROSE
