"""What is peculiar to Google's API, for both of its SDKs; what all models do is in test_models_contract.py."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from assistant.models.base import (
    Blocked,
    ChatMessage,
    ChatModel,
    ChatRequest,
    InvalidRequest,
    ModelError,
    ModelUnavailable,
    NotPaid,
    QuotaExhausted,
)
from assistant.models.google.api import until_midnight
from assistant.models.google.gemini import Gemini
from assistant.models.google.generativeai import GenerativeAI
from tests.processes import environment
from tests.servers.gemini import (
    Chunk,
    Failure,
    GeminiServer,
    Step,
    error_body,
    error_info,
    failure,
    finish,
    parts,
    quota,
    quota_failure,
    retry_info,
    text,
)

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


@pytest.fixture(params=[Gemini, GenerativeAI], ids=lambda make: make.__name__)
async def gemini(
    request: pytest.FixtureRequest, server: GeminiServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ChatModel]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    make: Callable[[str, str], ChatModel] = request.param
    model = make(KEY, server.url)
    yield model
    await model.close()


async def collect(model: ChatModel, request: ChatRequest = REQUEST) -> list[str]:
    async with asyncio.timeout(30):
        return [piece async for piece in model.stream(request) if isinstance(piece, str)]


async def fails(model: ChatModel, request: ChatRequest = REQUEST) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await collect(model, request)
    return caught.value


class TestRequest:
    async def test_it_goes_where_google_expects_it_and_sets_no_deadline(
        self, server: GeminiServer, gemini: ChatModel
    ) -> None:
        server.script(text("Yes."), finish())
        await collect(gemini)
        [received] = server.requests
        assert received.target.startswith("/v1beta/models/gemini-2.5-flash:streamGenerateContent?")
        assert KEY not in received.target
        assert "x-server-timeout" not in received.headers

    async def test_pro_cannot_be_told_not_to_think(self, server: GeminiServer, gemini: ChatModel) -> None:
        server.script(text("Yes."), finish())
        await collect(gemini, ChatRequest(REQUEST.messages, "gemini-2.5-pro", 1.0, "", thinking=False))
        assert "thinkingConfig" not in server.requests[0].body["generationConfig"]

    async def test_gemma_knows_no_system_prompt(self, server: GeminiServer, gemini: ChatModel) -> None:
        server.script(text("Yes."), finish())
        await collect(gemini, ChatRequest(REQUEST.messages, "gemma-3-27b-it", 0.0, PROMPT))
        body = server.requests[0].body
        assert "systemInstruction" not in body
        assert [part["text"] for part in body["contents"][0]["parts"]] == [f"{PROMPT}\n\n{REQUEST.messages[0].text}"]

    @pytest.mark.parametrize(("model", "asked"), [("gemini-2.5-pro", True), ("gemini-2.0-flash", False)])
    async def test_thoughts_are_asked_for_where_there_are_some(
        self, server: GeminiServer, gemini: ChatModel, model: str, asked: bool
    ) -> None:
        server.script(text("Yes."), finish())
        await collect(gemini, ChatRequest(REQUEST.messages, model, 0.0, "", thoughts=True))
        config = server.requests[0].body["generationConfig"].get("thinkingConfig", {})
        assert (True in config.values()) is asked

    async def test_a_model_that_will_not_be_told_how_to_think_is_not_told(
        self, server: GeminiServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        gemini = Gemini(KEY, server.url)
        server.default = (text("Yes."), finish())
        server.script(failure(400, "INVALID_ARGUMENT", "Budget 0 is invalid. This model only works in thinking mode."))
        title = ChatRequest(REQUEST.messages, "gemini-9-flash", 0.0, PROMPT, thinking=False)
        assert [await collect(gemini, title), await collect(gemini, title)] == [["Yes."], ["Yes."]]
        configs = ["thinkingConfig" in received.body["generationConfig"] for received in server.requests]
        assert configs == [True, False, False]
        await gemini.close()

    async def test_nothing_is_sent_that_was_not_given(self, server: GeminiServer, gemini: ChatModel) -> None:
        server.script(text("Yes."), finish())
        await collect(gemini, ChatRequest(REQUEST.messages, REQUEST.model, 0.0, ""))
        assert server.requests[0].body["generationConfig"] == {"temperature": 0.0}
        assert "systemInstruction" not in server.requests[0].body

    @pytest.mark.parametrize("model", ["", "../files"])
    async def test_a_model_name_that_is_none(self, server: GeminiServer, gemini: ChatModel, model: str) -> None:
        error = await fails(gemini, ChatRequest(REQUEST.messages, model, 1.0, ""))
        assert isinstance(error, InvalidRequest)
        assert not server.requests

    async def test_a_request_that_the_sdk_refuses(self, server: GeminiServer, gemini: ChatModel) -> None:
        warm: Any = "warm"
        error = await fails(gemini, ChatRequest(REQUEST.messages, REQUEST.model, warm, PROMPT))
        assert isinstance(error, InvalidRequest)
        assert PROMPT not in str(error)
        assert error.__context__ is None
        assert not server.requests


class TestAnswer:
    async def test_the_parts_of_a_chunk_are_one_piece(self, server: GeminiServer, gemini: ChatModel) -> None:
        server.script(parts({"text": "Hel"}, {"text": "lo"}), finish())
        assert await collect(gemini) == ["Hello"]

    async def test_chunks_without_a_text_are_not_shown(self, server: GeminiServer, gemini: ChatModel) -> None:
        mixed = parts({"text": "Hmm", "thought": True}, {"text": "Yes."})
        server.script(parts(), Chunk({"candidates": []}), Chunk({}), mixed, finish())
        assert await collect(gemini) == ["Yes."]

    async def test_the_last_chunk_may_hold_text_and_reason(self, server: GeminiServer, gemini: ChatModel) -> None:
        last = {"content": {"parts": [{"text": "Yes."}], "role": "model"}, "finishReason": "STOP"}
        server.script(Chunk({"candidates": [last]}))
        assert await collect(gemini) == ["Yes."]

    @pytest.mark.parametrize("reason", ["RECITATION", "SPII", "A_FILTER_OF_TOMORROW"])
    async def test_filters(self, server: GeminiServer, gemini: ChatModel, reason: str) -> None:
        server.script(text("Hel"), finish(reason))
        error = await fails(gemini)
        assert isinstance(error, Blocked)

    @pytest.mark.parametrize("reason", ["OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"])
    async def test_ends_that_are_no_filters(self, server: GeminiServer, gemini: ChatModel, reason: str) -> None:
        server.script(text("Hel"), finish(reason))
        assert isinstance(await fails(gemini), ModelUnavailable)


class TestErrors:
    @pytest.mark.parametrize(("delay", "seconds"), [("37s", 37.0), ("0.5s", 0.5), ("soon", None), (None, None)])
    async def test_quota(
        self, server: GeminiServer, gemini: ChatModel, delay: str | None, seconds: float | None
    ) -> None:
        server.script(quota(delay))
        error = await fails(gemini)
        assert isinstance(error, QuotaExhausted)
        assert error.retry_after == seconds
        assert str(error) == "429 RESOURCE_EXHAUSTED"

    async def test_quota_that_ends_in_mid_stream_says_when_it_is_back(
        self, server: GeminiServer, gemini: ChatModel
    ) -> None:
        details = quota_failure("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), retry_info("2s")
        server.script(text("Hel"), Chunk(error_body(429, "RESOURCE_EXHAUSTED", "Enough.", *details)))
        error = await fails(gemini)
        assert isinstance(error, QuotaExhausted)
        assert (error.retry_after, error.scope) == (2.0, "minute")

    async def test_a_model_that_the_plan_does_not_have_is_never_back(
        self, server: GeminiServer, gemini: ChatModel
    ) -> None:
        said = (
            "You exceeded your current quota.\n* Quota exceeded for metric: requests, limit: 0, model: gemini-2.5-pro"
        )
        day = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
        server.script(failure(429, "RESOURCE_EXHAUSTED", said, quota_failure(day), retry_info("37s")))
        error = await fails(gemini)
        assert isinstance(error, NotPaid)
        assert error.reason == "no_quota"

    @pytest.mark.parametrize(
        ("step", "reason"),
        [
            (failure(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), "location"),
            (failure(400, "FAILED_PRECONDITION", "Please enable billing on project 7."), "balance"),
            (failure(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta"), "unknown_model"),
            (failure(404, "NOT_FOUND", "models/embed is not supported for generateContent."), "not_chat"),
            (failure(403, "PERMISSION_DENIED", "Your project has no access."), "permission"),
            (suspended, "key"),
            (Failure(404, "<html>Not here</html>"), "address"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_refusals_name_who_can_help(
        self, server: GeminiServer, gemini: ChatModel, step: Step, reason: str
    ) -> None:
        server.script(step)
        assert (await fails(gemini)).reason == reason

    async def test_an_error_in_a_list(self, server: GeminiServer, gemini: ChatModel) -> None:
        """As the REST API answers where a list was asked for."""
        server.script(Failure(429, [error_body(429, "RESOURCE_EXHAUSTED", "Enough.", retry_info("3s"))]))
        error = await fails(gemini)
        assert isinstance(error, QuotaExhausted)
        assert error.retry_after == 3.0

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
    async def test_code_words_are_kept(
        self, server: GeminiServer, gemini: ChatModel, step: Step, words: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.script(step)
        with caplog.at_level(logging.DEBUG):
            error = await fails(gemini)
        assert isinstance(error, InvalidRequest)
        assert str(error) == words
        assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        (datetime(2026, 11, 25, 20, tzinfo=UTC), 12),  # 12:00 in California, in winter
        (datetime(2026, 7, 25, 20, tzinfo=UTC), 11),
        (datetime(2026, 7, 25, 7, tzinfo=UTC), 24),
    ],
)
def test_daily_quotas_are_back_at_midnight_in_california(moment: datetime, hours: int) -> None:
    assert until_midnight(moment) == hours * 3600


@pytest.mark.parametrize(
    ("module", "libraries"),
    [
        ("google.gemini", ["google.genai", "httpx2"]),
        ("google.generativeai", ["google.generativeai", "google.api_core", "requests"]),
        ("openai", ["openai", "httpx2"]),
        ("anthropic", ["anthropic", "httpx2"]),
    ],
)
def test_importing_the_module_does_not_import_the_sdk(module: str, libraries: list[str]) -> None:
    code = f"import sys, importlib; importlib.import_module('assistant.models.{module}')"
    code += f"; sys.exit(any(name in sys.modules for name in {libraries}))"
    assert subprocess.run([sys.executable, "-c", code], env=environment({})).returncode == 0
