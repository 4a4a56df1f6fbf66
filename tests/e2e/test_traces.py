"""The whole app with a Langfuse on the loopback: the trace of a turn and the score of a vote as they arrive."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.servers.gemini import GeminiServer, failure, finish, quota, text
from tests.servers.langfuse import Act, LangfuseServer

KEY, SECRET = "AIzaSy-not-a-real-key-0123456789", "sk-lf-not-a-real-secret"


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiServer]:
    async with GeminiServer() as server:
        yield server


@pytest.fixture
def langfuse() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        yield server


@pytest.fixture
def app(tmp_path: Path, gemini: GeminiServer, langfuse: LangfuseServer) -> Iterator[App]:
    keys = {"LANGFUSE_PUBLIC_KEY": "pk-lf-test", "LANGFUSE_SECRET_KEY": SECRET, "LANGFUSE_BASE_URL": langfuse.url}
    app = App(tmp_path, GEMINI_API_KEY=KEY, GEMINI_BASE_URL=gemini.url, NO_PROXY="127.0.0.1", **keys)
    yield app
    app.close()


@pytest.fixture
async def me(app: App, tabs: Tabs) -> Client:
    return await tabs((await asyncio.to_thread(app.alive)).url)


async def test_a_turn_is_one_trace_and_a_vote_its_score(
    me: Client, gemini: GeminiServer, langfuse: LangfuseServer
) -> None:
    gemini.script(
        text("A poet's "), text("daughter."), finish(usage={"promptTokenCount": 9, "candidatesTokenCount": 4})
    )
    gemini.script(failure(400, "INVALID_ARGUMENT"))
    [reply] = await me.send(f"Who was Ada? My key is {KEY}")
    spans = await asyncio.to_thread(langfuse.wait_for_spans, 1)
    span = next(span for span in spans if span.name == "turn")
    told = span.attributes
    assert told["session.id"] == me.thread_id
    assert told["user.id"] == "local"
    assert told["langfuse.observation.model.name"] == "gemini-2.5-flash"
    assert told["langfuse.observation.output"] == "A poet's daughter."
    assert span.json("langfuse.observation.usage_details") == {"input": 9, "output": 4}
    assert span.json("langfuse.observation.cost_details")["total"] > 0
    assert told.get("langfuse.observation.level", "DEFAULT") == "DEFAULT"
    assert span.end > span.start

    assert (await me.vote(reply["parentId"] or reply["id"], 1, "Just so")).status_code == 200
    [score] = await asyncio.to_thread(langfuse.wait_for_scores, 1)
    assert (score["traceId"], score["value"], score["comment"]) == (span.trace_id, 1, "Just so")
    [vote] = [step["feedback"] for step in (await me.stored())["steps"] if step.get("feedback")]
    assert (await me.unvote(vote["id"])).status_code == 200
    await until(lambda: _gone(langfuse, score["id"]))
    assert not any(secret.encode() in langfuse.raw for secret in (KEY, SECRET))


async def _gone(langfuse: LangfuseServer, score: str) -> bool:
    return score in langfuse.deleted


async def test_the_formatter_is_a_warning(me: Client, gemini: GeminiServer, langfuse: LangfuseServer) -> None:
    gemini.script(quota("60s", "GenerateRequestsPerMinutePerProject"))
    await me.send("Who was Ada?")
    [span] = await asyncio.to_thread(langfuse.wait_for_spans, 1)
    assert span.attributes["langfuse.observation.level"] == "WARNING"
    assert span.attributes["langfuse.observation.status_message"] == "quota_minute"


@pytest.mark.parametrize("act", [Act.STALL, Act.DROP, Act.FAIL])
async def test_a_langfuse_in_trouble_is_not_noticed(
    me: Client, gemini: GeminiServer, langfuse: LangfuseServer, app: App, act: Act
) -> None:
    langfuse.act = act
    for number in range(5):
        gemini.script(text(f"Answer {number}"), finish())
        if number == 0:
            gemini.script(failure(400, "INVALID_ARGUMENT"))
        [reply] = await me.send(f"Question {number}")
        if number == 0:  # the title's request comes before the next question's
            while len(gemini.requests) < 2:
                await gemini.arrival()
        assert reply["output"] == f"Answer {number}"
    log = app.alive().log.read_text()
    assert "Traceback" not in log
    assert SECRET not in log
