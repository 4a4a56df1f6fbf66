"""The real SDK against a server on the loopback that speaks Gemini's protocol."""

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from assistant.models.base import (
    ChatMessage,
    ChatModel,
    ChatRequest,
    InvalidRequest,
    ModelError,
    ModelUnavailable,
    QuotaExhausted,
)
from assistant.models.gemini import Gemini
from tests.gemini_server import (
    Act,
    Chunk,
    Failure,
    GeminiServer,
    Step,
    blocked_prompt,
    error_body,
    error_info,
    failure,
    finish,
    parts,
    quota,
    retry_info,
    text,
    thought,
)
from tests.servers import environment

KEY = "AIzaSy-not-a-real-key-0123456789"
PROMPT = "Be brief."
QUESTION = "Who was Ada?"
REQUEST = ChatRequest([ChatMessage("user", QUESTION)], "gemini-2.5-flash", 0.25, PROMPT)

suspended = failure(
    403,
    "PERMISSION_DENIED",
    f"Permission denied: Consumer 'api_key:{KEY}' has been suspended.",
    error_info("CONSUMER_SUSPENDED", consumer=f"api_key:{KEY}"),
)


@pytest.fixture
async def server() -> AsyncIterator[GeminiServer]:
    async with GeminiServer() as running:
        yield running


@pytest.fixture
async def gemini(server: GeminiServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gemini]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    model = Gemini(KEY, server.url)
    yield model
    await model.close()


async def collect(model: ChatModel, request: ChatRequest = REQUEST) -> list[str]:
    return [delta async for delta in model.stream(request)]


async def fails(model: Gemini, request: ChatRequest = REQUEST) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await collect(model, request)
    return caught.value


async def happened(event: asyncio.Event) -> None:
    """Wait for it; the bound is only there for a test that fails."""
    async with asyncio.timeout(30):
        await event.wait()


class TestRequest:
    async def test_it_carries_the_conversation_and_the_settings(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("A poet's daughter."), finish())
        history = [ChatMessage("user", QUESTION), ChatMessage("assistant", "A writer."), ChatMessage("user", "Whose?")]
        await collect(gemini, ChatRequest(history, "gemini-2.5-pro", 0.25, PROMPT))
        [received] = server.requests
        assert received.method == "POST"
        assert received.target == "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
        assert received.headers["x-goog-api-key"] == KEY
        assert [(each["role"], each["parts"]) for each in received.body["contents"]] == [
            ("user", [{"text": QUESTION}]),
            ("model", [{"text": "A writer."}]),
            ("user", [{"text": "Whose?"}]),
        ]
        assert received.body["systemInstruction"]["parts"] == [{"text": PROMPT}]
        assert received.body["generationConfig"] == {"temperature": 0.25}

    async def test_it_sets_the_server_no_deadline(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("Yes."), finish())
        await collect(gemini)
        assert "x-server-timeout" not in server.requests[0].headers

    async def test_temperature_zero_is_sent_and_an_empty_prompt_is_not(
        self, server: GeminiServer, gemini: Gemini
    ) -> None:
        server.script(text("Yes."), finish())
        await collect(gemini, ChatRequest(REQUEST.messages, REQUEST.model, 0.0, ""))
        assert server.requests[0].body["generationConfig"] == {"temperature": 0.0}
        assert "systemInstruction" not in server.requests[0].body

    async def test_empty_messages_are_left_out(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("Yes."), finish())
        stopped = [ChatMessage("user", "Hello"), ChatMessage("assistant", ""), ChatMessage("user", QUESTION)]
        await collect(gemini, ChatRequest(stopped, REQUEST.model, 1.0, ""))
        sent = [each["parts"][0]["text"] for each in server.requests[0].body["contents"]]
        assert sent == ["Hello", QUESTION]

    async def test_the_environment_does_not_redirect_it(
        self, server: GeminiServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in {
            "GOOGLE_API_KEY": "another",
            "GOOGLE_GENAI_USE_VERTEXAI": "true",
            "GOOGLE_GENAI_API_VERSION": "v9",
            "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9/",
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        server.script(text("Yes."), finish())
        model = Gemini(KEY, server.url)
        assert await collect(model) == ["Yes."]
        assert server.requests[0].headers["x-goog-api-key"] == KEY
        assert server.requests[0].target == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
        await model.close()


class TestAnswer:
    async def test_deltas_come_in_order(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("Hel"), text("lo, "), text("Zoë 🌱\n"), finish())
        assert await collect(gemini) == ["Hel", "lo, ", "Zoë 🌱\n"]

    async def test_the_parts_of_a_chunk_are_one_delta(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(parts({"text": "Hel"}, {"text": "lo"}), finish())
        assert await collect(gemini) == ["Hello"]

    async def test_empty_chunks_and_thoughts_are_not_shown(self, server: GeminiServer, gemini: Gemini) -> None:
        mixed = parts({"text": "Hmm", "thought": True}, {"text": "Yes."})
        server.script(thought("Hmm"), text(""), parts(), Chunk({"candidates": []}), Chunk({}), mixed, finish())
        assert await collect(gemini) == ["Yes."]

    async def test_an_answer_at_its_limit_is_an_answer(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("Once upon a"), finish("MAX_TOKENS"))
        assert await collect(gemini) == ["Once upon a"]

    async def test_answers_at_the_same_time_do_not_mix(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("a"), Act.STALL)
        server.script(text("b"), text("c"), finish())
        async with aclosing(gemini.stream(REQUEST)) as first:
            assert await anext(first) == "a"
            assert await collect(gemini) == ["b", "c"]
            assert not server.requests[0].over.is_set()


class TestErrors:
    @pytest.mark.parametrize(("delay", "seconds"), [("37s", 37.0), ("0.5s", 0.5), ("soon", None), (None, None)])
    async def test_quota(self, server: GeminiServer, gemini: Gemini, delay: str | None, seconds: float | None) -> None:
        server.script(quota(delay))
        error = await fails(gemini)
        assert isinstance(error, QuotaExhausted)
        assert error.retry_after == seconds
        assert str(error) == "429 RESOURCE_EXHAUSTED"

    async def test_quota_that_ends_in_mid_stream(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("Hel"), Chunk(error_body(429, "RESOURCE_EXHAUSTED", "Enough.", retry_info("2s"))))
        error = await fails(gemini)
        assert isinstance(error, QuotaExhausted)
        assert error.retry_after == 2.0

    @pytest.mark.parametrize(
        ("step", "words"),
        [
            (
                failure(400, "INVALID_ARGUMENT", "", error_info("API_KEY_INVALID")),
                "400 INVALID_ARGUMENT API_KEY_INVALID",
            ),
            (failure(401, "UNAUTHENTICATED"), "401 UNAUTHENTICATED"),
            (suspended, "403 PERMISSION_DENIED CONSUMER_SUSPENDED"),
            (failure(404, "NOT_FOUND"), "404 NOT_FOUND"),
            (Failure(404, "<html>Not here</html>"), "404"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_refusals(self, server: GeminiServer, gemini: Gemini, step: Step, words: str) -> None:
        server.script(step)
        error = await fails(gemini)
        assert isinstance(error, InvalidRequest)
        assert str(error) == words

    @pytest.mark.parametrize(
        "step",
        [
            failure(408, "DEADLINE_EXCEEDED"),
            failure(500, "INTERNAL"),
            failure(503, "UNAVAILABLE"),
            Failure(502, "<html>Bad gateway</html>"),
            Failure(503, ["not", {"an": "error"}]),
            Failure(503, {"error": {"details": {"a": 1}}}),
            Failure(503, "null"),
        ],
        ids=str,
    )
    async def test_failures_of_the_server(self, server: GeminiServer, gemini: Gemini, step: Step) -> None:
        server.script(step)
        assert isinstance(await fails(gemini), ModelUnavailable)

    async def test_nothing_is_tried_twice(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(failure(503, "UNAVAILABLE"))
        server.script(text("Hel"), Act.BREAK_OFF)
        await fails(gemini)
        await fails(gemini)
        assert len(server.requests) == 2

    @pytest.mark.parametrize(
        "end",
        [
            (Act.BREAK_OFF,),
            (),
            (Chunk('{"candidates": [{"cont'),),
            (Chunk({"candidates": 7}),),
            (Chunk(error_body(500, "INTERNAL")),),
            (Chunk({"error": {"code": "odd"}}),),
            (Chunk({"error": "odd"}),),
        ],
        ids=["cut", "no reason", "half a chunk", "odd chunk", "error", "odd code", "odd error"],
    )
    async def test_an_answer_that_breaks_off(self, server: GeminiServer, gemini: Gemini, end: tuple[Step, ...]) -> None:
        server.script(text("Hel"), *end)
        stream = gemini.stream(REQUEST)
        assert await anext(stream) == "Hel"
        with pytest.raises(ModelUnavailable):
            await anext(stream)

    async def test_a_connection_cut_before_the_answer(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(Act.BREAK_OFF)
        assert isinstance(await fails(gemini), ModelUnavailable)

    async def test_nobody_listens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with socket.socket() as taken:
            # Bound without listening: nobody else can get the port, and connections to it are refused.
            taken.bind(("127.0.0.1", 0))
            model = Gemini(KEY, f"http://127.0.0.1:{taken.getsockname()[1]}")
            error = await fails(model)
        assert isinstance(error, ModelUnavailable)
        assert "no connection" in str(error)
        await model.close()

    async def test_a_server_that_falls_silent(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("Hel"), Act.STALL)
        stream = gemini.stream(REQUEST)
        assert await anext(stream) == "Hel"
        gemini.patience = 0
        with pytest.raises(ModelUnavailable):
            await anext(stream)
        await happened(server.requests[0].over)
        assert server.requests[0].abandoned

    async def test_a_blocked_prompt(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(blocked_prompt("PROHIBITED_CONTENT"))
        error = await fails(gemini)
        assert isinstance(error, InvalidRequest)
        assert "PROHIBITED_CONTENT" in str(error)

    async def test_a_blocked_answer(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("Hel"), finish("SAFETY"))
        error = await fails(gemini)
        assert isinstance(error, InvalidRequest)
        assert "SAFETY" in str(error)

    async def test_an_answer_without_a_word(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(thought("Hmm"), finish())
        assert isinstance(await fails(gemini), ModelUnavailable)

    @pytest.mark.parametrize("model", ["", "../files"])
    async def test_a_model_name_that_is_none(self, server: GeminiServer, gemini: Gemini, model: str) -> None:
        error = await fails(gemini, ChatRequest(REQUEST.messages, model, 1.0, ""))
        assert isinstance(error, InvalidRequest)
        assert not server.requests

    async def test_a_redirect_is_not_followed(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(Failure(307, "", {"Location": f"{server.url}/elsewhere"}))
        assert isinstance(await fails(gemini), ModelUnavailable)
        assert len(server.requests) == 1


class TestSecrets:
    @pytest.mark.parametrize(
        "steps",
        [
            (suspended,),
            (failure(429, "RESOURCE_EXHAUSTED", f"Quota of {KEY}", retry_info("1s")),),
            (failure(500, KEY, KEY, error_info(KEY)),),
            (Failure(502, f"<html>{KEY} {QUESTION}</html>"),),
            (text("Hel"), Chunk(f"{{{KEY} {QUESTION}")),
            (text("Hel"), Chunk(error_body(500, "INTERNAL", KEY))),
            (text("Hel"), Chunk({"candidates": KEY})),
        ],
    )
    async def test_errors_and_logs_hold_neither_key_nor_conversation(
        self, server: GeminiServer, gemini: Gemini, caplog: pytest.LogCaptureFixture, steps: tuple[Step, ...]
    ) -> None:
        server.script(*steps)
        with caplog.at_level(logging.DEBUG):
            error = await fails(gemini)
            logging.error("turn failed", exc_info=error)
        assert error.__cause__ is None
        assert error.__context__ is None
        assert server.requests[0].headers["x-goog-api-key"] == KEY
        for secret in (KEY, QUESTION, PROMPT):
            assert secret not in caplog.text

    @pytest.mark.parametrize("key", ["", " ", "AIza-two\nlines", "AIza-two\0", "AIza-…"])
    async def test_a_key_that_cannot_be_sent(
        self, server: GeminiServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, key: str
    ) -> None:
        monkeypatch.setenv("GOOGLE_API_KEY", "another")
        model = Gemini(key, server.url)
        with caplog.at_level(logging.DEBUG):
            error = await fails(model)
        assert isinstance(error, InvalidRequest)
        assert "AIza" not in str(error) + caplog.text
        assert not server.requests
        await model.close()

    async def test_a_request_that_the_sdk_refuses(self, server: GeminiServer, gemini: Gemini) -> None:
        warm: Any = "warm"
        error = await fails(gemini, ChatRequest(REQUEST.messages, REQUEST.model, warm, PROMPT))
        assert isinstance(error, InvalidRequest)
        assert PROMPT not in str(error)
        assert error.__context__ is None


class TestStop:
    async def test_closing_the_stream_closes_the_request(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("Hel"), Act.STALL)
        stream = gemini.stream(REQUEST)
        assert await anext(stream) == "Hel"
        await stream.aclose()
        await happened(server.requests[0].over)
        assert server.requests[0].abandoned

    async def test_cancelling_before_the_first_word_closes_the_request(
        self, server: GeminiServer, gemini: Gemini
    ) -> None:
        server.script(Act.STALL)
        turn = asyncio.create_task(collect(gemini))
        received = await server.arrival()
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        await happened(received.over)
        assert received.abandoned

    async def test_cancelling_between_two_words_closes_the_request(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("Hel"), Act.STALL)
        first = asyncio.Event()

        async def read() -> None:
            async for _ in gemini.stream(REQUEST):
                first.set()

        turn = asyncio.create_task(read())
        await happened(first)
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        await happened(server.requests[0].over)
        assert server.requests[0].abandoned

    async def test_the_next_answer_comes_after_a_stop(self, server: GeminiServer, gemini: Gemini) -> None:
        server.script(text("Hel"), Act.STALL)
        server.script(text("Yes."), finish())
        async with aclosing(gemini.stream(REQUEST)) as stream:
            await anext(stream)
        assert await collect(gemini) == ["Yes."]


def test_importing_the_module_does_not_import_the_sdk() -> None:
    code = "import sys, assistant.models.gemini; sys.exit('google.genai' in sys.modules or 'httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=environment({})).returncode == 0
