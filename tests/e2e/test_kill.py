"""What a person saw is there after ``kill -9``, whatever the moment."""

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.client import Client, Match
from tests.e2e.conftest import App, Tabs
from tests.processes import Server

ROUNDS = 2  # test_kills.py in tests/faults has the many
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a34b07e0000000049454e44ae426082"
)


def kill_at(client: Client, server: Server, event: str, match: Match = lambda data: True) -> None:
    """Kill the server inside the very callback that brings the first event that matches."""

    def react(name: str, data: Any) -> None:
        if name == event and match(data) and server.process.poll() is None:
            server.kill()

    client.react = react


async def assert_kept(reader: Client, thread_id: str, screen: dict[str, dict[str, Any]]) -> None:
    """Everything on ``screen`` is stored, with its whole text, in the same order."""
    steps = {step["id"]: step for step in (await reader.stored(thread_id))["steps"]}
    assert {key: step["output"] for key, step in steps.items() if key in screen} == {
        key: step["output"] for key, step in screen.items()
    }
    assert [key for key in steps if key in screen] == list(screen)
    assert {key: step["type"] for key, step in steps.items()} == {key: step["type"] for key, step in screen.items()}


async def assert_first_file(reader: Client, thread_id: str, content: bytes) -> None:
    element, *_ = (await reader.stored(thread_id))["elements"]
    answer = await reader.request("GET", element["url"])
    assert (answer.status_code, answer.content) == (200, content)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One installation for all kills of this module: what earlier tests left must not be in the way either."""
    app = App(tmp_path_factory.mktemp("killed"))
    yield app
    app.close()


async def test_what_was_answered_survives_kill_after_kill(installed: App, tabs: Tabs) -> None:
    """In each round: two new conversations, one with a file, and a resumed one; the kill comes with a last event."""
    kept: dict[str, dict[str, Any]] = {}
    files: dict[str, bytes] = {}
    before = set(await (await tabs(installed.alive().url, connect=False)).listed())
    for number in range(ROUNDS):
        server = installed.alive()
        chats = [await tabs(server.url) for _ in range(2)]
        if kept:
            chats.append(await tabs.resume(server.url, next(iter(kept))))
        content = PNG + bytes([number])
        await asyncio.gather(*(chat.send(f"A question {number}") for chat in chats))
        for chat in chats:
            await chat.settings(**settings_of(chat.thread_id))
        last = chats[number % len(chats)]
        picture = await last.attach("dot.png", content, "image/png")
        kill_at(last, server, "task_end")
        await asyncio.gather(*(chat.send(f"And now, {number}?") for chat in chats if chat is not last))
        await last.send(f"And last, {number}?", [picture])
        assert server.process.poll() == -9
        kept |= {chat.thread_id: chat.screen for chat in chats}
        files.setdefault(last.thread_id, content)

        reader = await tabs(installed.alive().url, connect=False)
        assert set(await reader.listed()) - before == set(kept)
        for thread_id, screen in kept.items():
            await assert_kept(reader, thread_id, screen)
            assert (await reader.stored(thread_id))["metadata"]["chat_settings"] == settings_of(thread_id)
        for thread_id, content in files.items():
            await assert_first_file(reader, thread_id, content)


def settings_of(thread_id: str) -> dict[str, Any]:
    return {
        **{"model": "offline", "temperature": 1.3, "system_prompt": f"Answer in verse, {thread_id}."},
        **{"memory": False, "recent": 7, "recall": True, "answer_language": "fr", "max_tokens": 256},
    }


def is_answer(step: dict[str, Any]) -> bool:
    return bool(step["type"] == "assistant_message")


async def test_an_answer_that_was_shown_whole_survives_a_kill_at_its_last_event(installed: App, tabs: Tabs) -> None:
    """``new_message`` of the answer, not ``task_end``: what the browser shows is complete from there on."""
    server = installed.alive()
    chats = [await tabs(server.url) for _ in range(8)]  # the moment between showing and storing is short
    for chat in chats:
        kill_at(chat, server, "new_message", is_answer)
    await asyncio.gather(*(chat.post("Will this last?") for chat in chats))
    for chat in chats:
        await chat.wait_for("disconnect")
    whole = [chat for chat in chats if any(n == "new_message" and is_answer(step) for n, step in chat.events)]
    assert whole
    reader = await tabs(installed.alive().url, connect=False)
    for chat in whole:
        await assert_kept(reader, chat.thread_id, chat.screen)


async def test_words_shown_of_an_answer_survive_a_kill_amid_the_stream(installed: App, tabs: Tabs) -> None:
    """At least those of a second ago. The question does too."""
    server = installed.alive()
    chat = await tabs(server.url)
    tokens = count()
    kill_at(chat, server, "stream_token", lambda data: next(tokens) == 5)
    own = await chat.post("Will half of it last?")
    await chat.wait_for("disconnect")
    [answer] = [step for step in chat.screen.values() if is_answer(step)]
    reader = await tabs(installed.alive().url, connect=False)
    steps = {step["id"]: step["output"] for step in (await reader.stored(chat.thread_id))["steps"]}
    assert steps[own] == "Will half of it last?"
    assert steps.get(answer["id"]), f"nothing is stored of {answer['output']!r}"
    assert answer["output"].startswith(steps[answer["id"]])


async def test_a_message_that_is_sent_again_is_answered_once(installed: App, tabs: Tabs) -> None:
    chat = await tabs(installed.alive().url)
    [answer] = await chat.send("Was this read?")
    [own] = [key for key, step in chat.screen.items() if step["type"] == "user_message"]
    await chat.wait_for("kept", lambda id: id == own)
    await chat.post_again(own)  # the session that has read it
    installed.alive().kill()
    chat = await tabs.resume(installed.alive().url, chat.thread_id)
    await chat.wait_for("ready")
    since = len(chat.events)
    await chat.post_again(own)
    await chat.wait_for("kept", lambda id: id == own, since)
    await chat.post_again(own)
    await chat.call("fetch_favorites")
    assert {name for name, _ in chat.events[since:]} == {"kept", "set_favorites"}
    assert [step["id"] for step in (await chat.stored())["steps"] if "message" in step["type"]] == [own, answer["id"]]


async def test_what_was_said_without_a_connection_follows_what_was_resumed(installed: App, tabs: Tabs) -> None:
    """In the conversation it belongs to, under its settings, and on the page before its answer."""
    chat = await tabs(installed.alive().url)
    await chat.send("Hello")
    await chat.settings(**settings_of(chat.thread_id))
    installed.alive().kill()
    page = await tabs(installed.alive().url, connect=False)
    said = page.message("Are you back?")
    await page.connect(chat.thread_id, waiting=said)
    await page.wait_for("kept", lambda id: id == said["id"])
    await page.post_again(said["id"])
    await page.wait_for("new_message", lambda step: step["type"] == "assistant_message")
    came = [(name, data.get("id") if isinstance(data, dict) else None) for name, data in page.events]
    shown = came.index(("new_message", said["id"]))
    assert came.index(("resume_thread", chat.thread_id)) < shown < [name for name, _ in came].index("stream_start")
    *_, question, answer = [step for step in (await page.stored())["steps"] if "message" in step["type"]]
    assert (question["id"], answer["type"]) == (said["id"], "assistant_message")
    assert answer["metadata"]["fallback"] == "offline"


async def test_a_question_survives_from_the_first_event_that_follows_from_it(installed: App, tabs: Tabs) -> None:
    """``task_start``, the first event of a turn, promises nothing: Chainlit emits it before it looks at the message.

    A new thread and its first message are stored once ``first_interaction`` arrives, a later message once its answer
    starts. A message that the kill came too early for is there whole or not at all, and its thread has an author.
    """
    server = installed.alive()
    before = set(await (await tabs(server.url, connect=False)).listed())
    first, later, early = [await tabs(server.url) for _ in range(3)]
    await later.send("Hello")
    stored = {key: step["output"] for key, step in later.screen.items()}
    mark = len(later.events)
    kill_at(early, server, "task_start")
    asked_first = asyncio.create_task(first.post("A first message"))
    asked_later = asyncio.create_task(later.post("A later message"))
    await first.wait_for("first_interaction")
    await later.wait_for("stream_start", since=mark)
    asked_early = await early.post("Too early?")
    for client in (first, later, early):
        await client.wait_for("disconnect")
    reader = await tabs(installed.alive().url, connect=False)
    outputs = {step["id"]: step["output"] for step in (await reader.stored(later.thread_id))["steps"]}
    assert outputs.items() >= stored.items()
    assert outputs[await asked_later] == "A later message"
    outputs = {step["id"]: step["output"] for step in (await reader.stored(first.thread_id))["steps"]}
    assert outputs[await asked_first] == "A first message"
    for thread_id in set(await reader.listed()) - before - {first.thread_id, later.thread_id}:
        thread = await reader.stored(thread_id)
        assert thread["userIdentifier"] == "local"
        outputs = {step["id"]: step["output"] for step in thread["steps"]}
        assert outputs.get(asked_early, "Too early?") == "Too early?"
