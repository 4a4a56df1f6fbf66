"""Turns of the real app with a real SDK and a model server on the loopback."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.servers import openai
from tests.servers.gemini import (
    Act,
    Chunk,
    Failure,
    GeminiServer,
    Received,
    error_info,
    failure,
    finish,
    quota,
    text,
)
from tests.servers.http import Until
from tests.servers.openai import OpenAIServer

KEY = "AIzaSy-not-a-real-key-0123456789"
NO_TITLE = failure(400, "INVALID_ARGUMENT")
SOON = 10.0
"""Seconds after which a request that was stopped goes on. How soon it ends is what `make bench` shows."""


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiServer]:
    async with GeminiServer() as server:
        yield server


@pytest.fixture
def app(tmp_path: Path, gemini: GeminiServer, request: pytest.FixtureRequest) -> Any:
    app = App(tmp_path, GEMINI_API_KEY=KEY, GEMINI_BASE_URL=gemini.url, **getattr(request, "param", {}))
    yield app
    app.close()


@pytest.fixture
async def me(app: App, tabs: Tabs) -> Client:
    return await tabs((await _alive(app)).url)


async def _alive(app: App) -> Any:
    return await asyncio.to_thread(app.alive)  # the model's server must go on answering


def said(received: Received) -> list[str]:
    return [part.get("text", "") for turn in received.body["contents"] for part in turn["parts"]]


async def ask(me: Client, gemini: GeminiServer, question: str, *answer: Any, title: Any = NO_TITLE) -> Any:
    """Sends ``question`` as the first of a conversation and returns the answer, once the title was asked for too."""
    gemini.script(*answer)
    gemini.script(title)
    [reply] = await me.send(question)
    await until(lambda: _asked_for_title(gemini))
    return reply


async def _asked_for_title(gemini: GeminiServer) -> bool:
    return any("title" in json.dumps(each.body.get("systemInstruction", "")) for each in gemini.requests if each.body)


def text_of(thread: dict[str, Any]) -> list[tuple[str, str]]:
    """The messages of a thread without those that Undo would bring back."""
    return [(s["type"], s["output"]) for s in thread["steps"] if s["type"] in ("user_message", "assistant_message")]


def usage(app: App) -> list[dict[str, Any]]:
    """The rows of usage, oldest first."""
    code = "import sqlite3, json, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.row_factory = sqlite3.Row\n"
    code += "print(json.dumps([dict(r) for r in db.execute('SELECT * FROM usage ORDER BY started_at')]))"
    return list(json.loads(app.run(code, str(app.home / "threads.db")).splitlines()[-1]))


async def test_an_answer_its_usage_and_its_title(me: Client, gemini: GeminiServer, app: App) -> None:
    counted = finish(usage={"promptTokenCount": 12, "candidatesTokenCount": 5, "cachedContentTokenCount": 4})
    reply = await ask(me, gemini, "Who was Ada?", text("A "), text("poet's daughter."), counted, title=text("x"))
    assert reply["output"] == "A poet's daughter."
    assert said(gemini.requests[0]) == ["Who was Ada?"]
    [row, *_] = usage(app)
    assert (row["kind"], row["status"], row["model"], row["provider"]) == (
        "turn",
        "complete",
        "gemini-2.5-flash",
        "gemini",
    )
    assert (row["tokens_in"], row["tokens_out"], row["tokens_cached"], row["estimated"]) == (12, 5, 4, 0)
    assert row["cost"] > 0
    assert row["price_version"]
    assert 0 < row["first_token"] <= row["latency"]
    assert row["id"] == reply["id"]


async def test_the_title_is_the_models_until_a_person_names_the_conversation(me: Client, gemini: GeminiServer) -> None:
    gemini.script(text("Yes."), finish())
    gemini.script(text('"The first computer poet of all the world"'), finish())
    await me.send("Tell me about Ada")

    async def named() -> bool:
        return bool((await me.stored())["name"] == "The first computer poet of all")

    await until(named)
    assert (await me.listed())[me.thread_id] == "The first computer poet of all"
    thinking = gemini.requests[1].body["generationConfig"]["thinkingConfig"]
    assert set(thinking.values()) == {0}  # its budget
    gemini.script(text("More."), finish())
    await me.send("And then?")
    assert len(gemini.requests) == 3  # once


async def test_a_name_given_by_a_person_meanwhile_stays(me: Client, gemini: GeminiServer, app: App) -> None:
    renamed = asyncio.Event()
    gemini.script(text("Yes."), finish())
    gemini.script(Until(renamed), text("The first computer poet"), finish())
    await me.send("Tell me about Ada")
    await until(lambda: _asked_for_title(gemini))
    assert (await me.rename("Mine")).status_code == 200
    renamed.set()

    async def written() -> list[str]:
        return [row["status"] for row in usage(app) if row["kind"] == "title"]

    assert await until(written) == ["complete"]
    # The title is stored after its usage: what a whole turn stores is stored later still.
    gemini.script(text("More."), finish())
    await me.send("And then?")
    assert (await me.stored())["name"] == "Mine"


async def test_stop_ends_the_request_and_keeps_and_counts_what_was_shown(
    me: Client, gemini: GeminiServer, app: App
) -> None:
    gemini.script(text("Once upon"), Act.STALL)
    await me.post("Tell me a story")
    await me.wait_for("stream_start")
    async with asyncio.timeout(SOON):
        await me.stop()
        await gemini.requests[0].over.wait()
    assert gemini.requests[0].abandoned
    await me.wait_for("task_end")
    assert text_of(await me.stored()) == [("user_message", "Tell me a story"), ("assistant_message", "Once upon")]

    async def counted() -> list[Any]:
        return usage(app)

    [row] = await until(counted)
    assert (row["status"], row["estimated"], row["tokens_out"]) == ("stopped", 1, 3)
    assert row["tokens_in"] > 0


async def test_stop_before_the_first_word(me: Client, gemini: GeminiServer, app: App) -> None:
    gemini.script(Act.STALL)
    await me.post("Tell me a story")
    while not gemini.requests:
        await gemini.arrival()
    async with asyncio.timeout(SOON):
        await me.stop()
        await gemini.requests[0].over.wait()
    assert gemini.requests[0].abandoned
    await me.wait_for("task_end")
    assert text_of(await me.stored()) == [("user_message", "Tell me a story")]


async def test_an_edit_asks_anew_with_what_came_before(me: Client, gemini: GeminiServer) -> None:
    await ask(me, gemini, "First", text("One."), finish())
    gemini.script(text("Two."), finish())
    await me.send("Second")
    own = next(key for key, step in me.screen.items() if step["output"] == "Second")
    gemini.script(text("Three."), finish())
    [reply] = await me.edit(own, "Third")
    assert reply["output"] == "Three."
    assert said(gemini.requests[-1]) == ["First", "One.", "Third"]
    assert [output for _, output in text_of(await me.stored())] == ["First", "One.", "Third", "Three."]


async def test_after_the_quota_nothing_is_asked_until_a_person_insists(
    me: Client, gemini: GeminiServer, app: App, tabs: Tabs
) -> None:
    gemini.script(quota("300s", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"))
    [reply] = await me.send("Who was Ada?")
    assert "today's quota of Gemini 2.5 Flash is used up" in reply["output"]
    assert reply["metadata"]["fallback"] == "quota_day"
    other = await tabs(me.url)
    await other.send("And Grace?")
    assert len(gemini.requests) == 1
    stored = next(step for step in (await me.stored())["steps"] if step["id"] == reply["id"])
    assert stored["metadata"]["fallback"] == "quota_day"

    await me.wait_for("action", lambda action: action["forId"] == reply["id"])
    gemini.script(text("A mathematician."), finish())
    gemini.script(NO_TITLE)
    since = len(me.events)

    async def reached() -> bool:
        offered = [action for name, action in me.events if name == "action"]
        await me.action("retry", **offered[-1]["payload"])  # the last answer, which each try replaces
        return len(gemini.requests) > 1

    await until(reached)
    await me.wait_for("delete_message", lambda step: step["id"] == reply["id"], since)
    assert text_of(await me.stored()) == [("user_message", "Who was Ada?"), ("assistant_message", "A mathematician.")]
    rows = [(row["status"], row["fallback"]) for row in usage(app) if row["kind"] == "turn"]
    assert ("failed", "quota_day") in rows
    assert ("complete", None) in rows


@pytest.mark.parametrize(
    ("app", "step", "says", "reason"),
    [
        ({}, failure(400, "INVALID_ARGUMENT", f"bad {KEY}", error_info("API_KEY_INVALID")), "is not accepted", "key"),
        ({}, failure(403, "PERMISSION_DENIED", f"Consumer 'api_key:{KEY}'"), "has no right to", "permission"),
        ({}, failure(404, "NOT_FOUND"), "knows no model", "unknown_model"),
        ({}, failure(400, "INVALID_ARGUMENT", "The input token count exceeds the maximum"), "larger than", "too_long"),
        ({}, Chunk({"promptFeedback": {"blockReason": "SAFETY"}}), "safety filter", "blocked"),
        ({}, finish(), "empty answer", "empty"),
        ({}, Failure(200, "not json at all"), "Gemini 2.5 Flash is not answering right now", "unavailable"),
        ({"THREADKEEP_FIRST_TOKEN_TIMEOUT": "2"}, Act.STALL, "did not answer in time", "silent"),
    ],
    indirect=["app"],
    ids=["key", "forbidden", "model", "too long", "blocked", "empty", "garbage", "never"],
)
async def test_what_goes_wrong_is_a_sentence_and_a_stored_turn(
    me: Client, gemini: GeminiServer, app: App, step: Any, says: str, reason: str
) -> None:
    for _ in range(3):
        gemini.script(step)
    [reply] = await me.send("Who was Ada?")
    first = reply["output"].split("\n")[0]
    assert says in first
    assert len(first) < 300
    assert reply["metadata"]["fallback"] == reason
    assert text_of(await me.stored()) == [("user_message", "Who was Ada?"), ("assistant_message", reply["output"])]
    [row] = usage(app)
    assert row["status"] == "failed"
    log = app.alive().log.read_text()
    assert KEY not in log + json.dumps(me.events)
    assert "Traceback" not in log


async def test_a_server_that_recovers_is_asked_again_and_nobody_notices(me: Client, gemini: GeminiServer) -> None:
    gemini.script(failure(503, "UNAVAILABLE"))
    gemini.script(Act.BREAK_OFF)
    reply = await ask(me, gemini, "Who was Ada?", text("A poet's daughter."), finish())
    assert reply["output"] == "A poet's daughter."


async def test_the_models_on_offer_are_asked_for_once(me: Client, gemini: GeminiServer, tabs: Tabs) -> None:
    for _ in range(3):
        await tabs(me.url)
    assert len(gemini.lists) == 1


async def test_a_picture_is_sent_and_stays_with_its_message(me: Client, gemini: GeminiServer, tabs: Tabs) -> None:
    file = await me.attach("dot.png", b"\x89PNG\r\n\x1a\n", "image/png")
    gemini.script(text("A dot."), finish())
    gemini.script(NO_TITLE)
    await me.send("What is this?", [file])
    assert '"iVBORw0KGgo="' in json.dumps(gemini.requests[0].body["contents"][0])
    await until(lambda: _asked_for_title(gemini))
    again = await tabs.resume(me.url, me.thread_id)
    gemini.script(text("Still a dot."), finish())
    await again.send("Sure?")
    assert '"iVBORw0KGgo="' in json.dumps(gemini.requests[-1].body["contents"][0])


async def test_a_server_of_ones_own_serves_by_openais_protocol(tmp_path: Path, tabs: Tabs) -> None:
    async with OpenAIServer() as server:
        server.models = [{"id": "llama3.2"}, {"id": "nomic-embed-text"}]
        app = App(tmp_path, OPENAI_BASE_URL=server.url, NO_PROXY="127.0.0.1")
        try:
            me = await tabs((await _alive(app)).url)
            assert me.shown_settings()["model"] == "llama3.2"
            server.script(openai.text("From "), openai.text("here."), openai.finish())
            server.script(openai.failure(400, "no title"))
            [reply] = await me.send("Who answers?")
            assert reply["output"] == "From here."
            assert server.requests[0].body["model"] == "llama3.2"

            async def accounted() -> list[Any]:
                return [row for row in usage(app) if row["kind"] == "turn"]

            [row] = await until(accounted)
            assert (row["provider"], row["cost"]) == ("openai", None)
        finally:
            app.close()


async def test_googles_former_sdk_serves_when_it_is_chosen(tmp_path: Path, gemini: GeminiServer, tabs: Tabs) -> None:
    env = {"GEMINI_API_KEY": KEY, "GEMINI_BASE_URL": gemini.url, "THREADKEEP_GEMINI_SDK": "google-generativeai"}
    app = App(tmp_path, NO_PROXY="127.0.0.1", **env)
    try:
        me = await tabs((await _alive(app)).url)
        reply = await ask(me, gemini, "Who was Ada?", text("A poet's "), text("daughter."), finish())
        assert reply["output"] == "A poet's daughter."
        assert "alt=sse" not in gemini.requests[0].target  # the other SDK's way
    finally:
        app.close()


async def test_words_that_come_together_are_shown_together(me: Client, gemini: GeminiServer) -> None:
    words = [f"word{number} " for number in range(500)]
    reply = await ask(me, gemini, "Tell me all at once", *map(text, words), finish())
    assert reply["output"].split() == "".join(words).split()
    shown = [data["token"] for name, data in me.events if name == "stream_token" and data["id"] == reply["id"]]
    [started] = [step["output"] for name, step in me.events if name == "stream_start" and step["id"] == reply["id"]]
    assert started + "".join(shown) == "".join(words)
    assert started == words[0]  # nobody waits for the first
    assert len(shown) < len(words) / 2
