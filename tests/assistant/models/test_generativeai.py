"""What is peculiar to google-generativeai: it blocks, in threads that must end, on connections that are shared."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from assistant.models.base import Blocked, ChatMessage, ChatRequest, Usage
from assistant.models.google.blocking import Call, Stopped
from assistant.models.google.generativeai import GenerativeAI
from tests.processes import ROOT, run
from tests.servers.gemini import Act, Chunk, GeminiServer, finish, text
from tests.servers.http import Framing, Received, Until

REQUEST = ChatRequest([ChatMessage("user", "Who was Ada?")], "gemini-2.5-flash", 0.25, "")


@pytest.fixture
async def server() -> AsyncIterator[GeminiServer]:
    async with GeminiServer() as running:
        yield running


@pytest.fixture
async def model(server: GeminiServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GenerativeAI]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = GenerativeAI("AIza-some-key", server.url)
    yield made
    await made.close()


def workers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "model"]


async def ended(threads: list[threading.Thread]) -> None:
    """Wait for them, beside the event loop; the bound is only there for a test that fails."""
    for thread in threads:
        await asyncio.to_thread(thread.join, 30)
        assert not thread.is_alive()


@pytest.mark.parametrize("said", [[], [text("Hel")]], ids=["before the headers", "in mid-stream"])
async def test_a_stop_ends_the_thread(server: GeminiServer, model: GenerativeAI, said: list[Chunk]) -> None:
    server.script(*said, Act.STALL)
    stream = model.stream(REQUEST)
    turn = asyncio.ensure_future(anext(stream))
    await server.arrival()
    if said:
        assert await turn == "Hel"
    threads = workers()
    assert threads
    turn.cancel()
    await asyncio.gather(turn, return_exceptions=True)
    await stream.aclose()
    await ended(threads)


async def test_a_stop_does_not_touch_who_took_over_the_connection(server: GeminiServer, model: GenerativeAI) -> None:
    go = asyncio.Event()
    server.script(text("a"), finish())
    server.script(text("b"), Until(go), text("c"), finish())
    first = model.stream(REQUEST)
    assert await anext(first) == "a"
    assert isinstance(await anext(first), Usage)
    await ended(workers())  # and its connection is free, although nobody has closed the stream
    async with asyncio.timeout(30), aclosing(model.stream(REQUEST)) as second:
        assert await anext(second) == "b"
        assert server.requests[0].port == server.requests[1].port
        await first.aclose()
        go.set()
        assert await anext(second) == "c"


def test_a_call_that_was_stopped_before_it_had_a_connection_takes_none() -> None:
    call = Call()
    call.stop()
    with pytest.raises(Stopped):
        call.uses(None)  # type: ignore[arg-type]


async def test_a_base_url_with_a_path(server: GeminiServer, model: GenerativeAI) -> None:
    server.script(text("Yes."), finish())
    behind = GenerativeAI("AIza-some-key", f"{server.url}/google/")
    async with asyncio.timeout(30):
        assert [piece async for piece in behind.stream(REQUEST) if isinstance(piece, str)] == ["Yes."]
    assert server.requests[0].target.startswith("/google/v1beta/models/gemini-2.5-flash:streamGenerateContent?")
    await behind.close()


async def test_a_filter_that_the_sdk_has_no_name_for(server: GeminiServer, model: GenerativeAI) -> None:
    server.script(text("Hel"), finish(99))
    with pytest.raises(Blocked):
        [piece async for piece in model.stream(REQUEST)]


class Raw(GeminiServer):
    """Sends chunks as they are: the array is their affair."""

    def framing(self, received: Received) -> Framing:
        return Framing("application/json")


async def test_the_array_may_come_in_any_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    said = '{"candidates": [{"content": {"parts": [{"te', 'xt": "a\\"}]{é"}]}}]}\r\n', ",", '{"candidates": [{'
    async with Raw() as server:
        server.script(*map(Chunk, ["\n", " [", *said, '"finishReason": 1}]}', "]", "\n", " "]))
        model = GenerativeAI("AIza-some-key", server.url)
        async with asyncio.timeout(30):
            assert [piece async for piece in model.stream(REQUEST)] == ['a"}]{é']
        await model.close()


def test_its_end_of_life_is_not_printed() -> None:
    code = "from assistant.models.google.generativeai import GenerativeAI; GenerativeAI('AIza-some-key')"
    done = run(code, cwd=ROOT)
    assert done.returncode == 0
    assert "google.generativeai" not in done.stderr
