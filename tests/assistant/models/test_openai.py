"""What is peculiar to OpenAI-compatible servers, each of which has words of its own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from assistant.models.base import (
    Attachment,
    Blocked,
    ChatMessage,
    ChatRequest,
    InvalidRequest,
    ModelError,
    ModelInfo,
    ModelUnavailable,
    NotPaid,
    QuotaExhausted,
    Usage,
)
from assistant.models.openai import OpenAI
from tests.servers.openai import Chunk, Failure, OpenAIServer, Step, chunk, delta, failure, finish, text, usage

REQUEST = ChatRequest([ChatMessage("user", "Who was Ada?")], "gpt-4o-mini", 0.25, "Be brief.")


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenAIServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with OpenAIServer() as running:
        yield running


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[OpenAI]:
    made = OpenAI("sk-some-key", server.url)
    yield made
    await made.close()


async def collect(model: OpenAI, request: ChatRequest = REQUEST) -> list[str | Usage]:
    async with asyncio.timeout(30):
        return [piece async for piece in model.stream(request)]


async def fails(model: OpenAI) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await collect(model)
    return caught.value


class TestRequest:
    async def test_it_asks_for_the_usage(self, server: OpenAIServer, model: OpenAI) -> None:
        server.script(text("Yes."), finish())
        await collect(model)
        assert server.requests[0].target == "/v1/chat/completions"
        assert server.requests[0].body["stream_options"] == {"include_usage": True}

    async def test_without_a_key(self, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "another")
        server.script(text("Yes."), finish())
        model = OpenAI(None, server.url)
        assert await collect(model) == ["Yes."]
        assert "another" not in server.requests[0].headers["authorization"]
        await model.close()

    @pytest.mark.parametrize("name", ["gpt-5-mini", "o1", "o3-mini", "o4-mini"])
    async def test_models_that_reason(self, server: OpenAIServer, model: OpenAI, name: str) -> None:
        server.script(text("Yes."), finish())
        await collect(model, ChatRequest(REQUEST.messages, name, 0.25, "", max_tokens=9, thinking=False))
        body = server.requests[0].body
        assert "temperature" not in body
        assert "max_tokens" not in body
        assert body["max_completion_tokens"] == 9
        assert body.get("reasoning_effort") == ("minimal" if name == "gpt-5-mini" else None)

    async def test_text_is_sent_as_a_string_and_a_document_with_its_name(
        self, server: OpenAIServer, model: OpenAI
    ) -> None:
        server.default = (text("Yes."), finish())
        for file in (Attachment("a.txt", "text/plain", b"ice"), Attachment("a.pdf", "application/pdf", b"%PDF")):
            await collect(model, ChatRequest([ChatMessage("user", "Read.", (file,))], "llama3.2", 1.0, ""))
        contents = [received.body["messages"][0]["content"] for received in server.requests]
        assert contents[0] == "[a.txt]\nice\n\nRead."
        assert contents[1] == [
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
            {"type": "text", "text": "Read."},
        ]


class TestAnswer:
    async def test_servers_that_send_no_usage(self, server: OpenAIServer, model: OpenAI) -> None:
        server.script(text("Yes."), finish())
        assert await collect(model) == ["Yes."]

    async def test_usage_in_the_chunk_that_ends_the_answer(self, server: OpenAIServer, model: OpenAI) -> None:
        counts = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
        last = [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}]
        server.script(chunk(last, usage=counts))
        assert await collect(model) == ["Yes.", Usage(5, 2)]

    async def test_usage_without_details(self, server: OpenAIServer, model: OpenAI) -> None:
        server.script(text("Yes."), finish(), usage(5, 2))
        assert await collect(model) == ["Yes.", Usage(5, 2)]

    async def test_a_refusal_is_an_answer(self, server: OpenAIServer, model: OpenAI) -> None:
        server.script(delta(role="assistant", content=None), delta(refusal="I cannot."), finish())
        assert await collect(model) == ["I cannot."]

    async def test_the_usage_of_a_blocked_answer_counts(self, server: OpenAIServer, model: OpenAI) -> None:
        server.script(text("Hel"), finish("content_filter"), usage(5, 2))
        stream = model.stream(REQUEST)
        assert [await anext(stream), await anext(stream)] == ["Hel", Usage(5, 2)]
        with pytest.raises(Blocked):
            await anext(stream)

    async def test_a_model_that_broke_down(self, server: OpenAIServer, model: OpenAI) -> None:
        server.script(text("Hel"), finish("error"))
        assert isinstance(await fails(model), ModelUnavailable)


class TestErrors:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"retry-after": "20", "retry-after-ms": "1500"}, 1.5),
            ({"retry-after": "2.5"}, 2.5),
            ({"retry-after": "soon"}, None),
            ({"retry-after": "-3"}, None),
            ({"retry-after": "nan"}, None),
            ({"retry-after": "Mon, 99999999999999999999 Jan 2040 00:00:00 GMT"}, None),
            ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
            ({}, None),
        ],
    )
    async def test_quota(
        self, server: OpenAIServer, model: OpenAI, headers: dict[str, str], seconds: float | None
    ) -> None:
        server.script(failure(429, headers=headers))
        error = await fails(model)
        assert isinstance(error, QuotaExhausted)
        assert error.retry_after == seconds

    async def test_a_quota_that_is_back_at_a_moment(self, server: OpenAIServer, model: OpenAI) -> None:
        moment = datetime.now(UTC) + timedelta(days=1)
        server.script(failure(429, headers={"retry-after": format_datetime(moment, usegmt=True)}))
        error = await fails(model)
        assert isinstance(error, QuotaExhausted)
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 86_400

    @pytest.mark.parametrize(
        ("message", "scope"),
        [
            ("Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000", "minute"),
            ("Rate limit reached for gpt-4o on requests per day (RPD): Limit 200", "day"),
            ("Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests", "day"),
            ("Rate limit exceeded: free-models-per-min.", "minute"),
            ("Too many requests", None),
        ],
    )
    async def test_scope(self, server: OpenAIServer, model: OpenAI, message: str, scope: str | None) -> None:
        server.script(failure(429, message))
        error = await fails(model)
        assert isinstance(error, QuotaExhausted)
        assert error.scope == scope

    @pytest.mark.parametrize(
        "step",
        [
            failure(429, "You exceeded your current quota.", "insufficient_quota", headers={"retry-after": "2"}),
            failure(402, "Insufficient credits.", 402, headers={"retry-after": "2"}),
        ],
    )
    async def test_an_empty_account_is_not_filled_by_time(
        self, server: OpenAIServer, model: OpenAI, step: Step
    ) -> None:
        server.script(step)
        error = await fails(model)
        assert isinstance(error, NotPaid)
        assert error.reason == "balance"

    @pytest.mark.parametrize(
        ("said", "kind"),
        [
            ({"code": 429, "message": "Rate limit exceeded: free-models-per-day"}, QuotaExhausted),
            ({"code": "rate_limit_exceeded", "message": "Slow down"}, QuotaExhausted),
            ({"code": 502, "message": "Provider returned error"}, ModelUnavailable),
            ({"code": "server_error", "message": "Provider disconnected"}, ModelUnavailable),
            ({"message": "the request exceeds the available context size"}, InvalidRequest),
            ("stopped", ModelUnavailable),
            (["stopped"], ModelUnavailable),
        ],
        ids=str,
    )
    async def test_errors_in_mid_stream(
        self, server: OpenAIServer, model: OpenAI, said: Any, kind: type[ModelError]
    ) -> None:
        server.script(text("Hel"), Chunk({"error": said}))
        assert isinstance(await fails(model), kind)

    @pytest.mark.parametrize(
        ("step", "reason"),
        [
            (failure(400, "This model's maximum context length is 8192 tokens."), "too_long"),
            (failure(400, "...", 400, "exceed_context_size_error"), "too_long"),
            (failure(500, "the request exceeds the available context size"), "too_long"),
            (Failure(413, "<html>"), "too_long"),
            (failure(400, "foo/bar is not a valid model ID", 400), "unknown_model"),
            (failure(404, 'model "llama9" not found, try pulling it first'), "not_pulled"),
            (failure(403, "Your chosen model requires moderation and your input was flagged", 403), "blocked"),
            (failure(400, "Safety system", "content_policy_violation"), "blocked"),
        ],
        ids=str,
    )
    async def test_words_for_refusals(self, server: OpenAIServer, model: OpenAI, step: Step, reason: str) -> None:
        server.script(step)
        assert (await fails(model)).reason == reason


class TestModels:
    @pytest.mark.parametrize(
        ("entry", "info"),
        [
            (
                {
                    "id": "google/gemma-3-27b-it",
                    "name": "Google: Gemma 3 27B",
                    "context_length": 131_072,
                    "architecture": {"input_modalities": ["text", "image", "file"]},
                },
                ModelInfo("google/gemma-3-27b-it", "Google: Gemma 3 27B", 131_072, frozenset({"image", "gif", "pdf"})),
            ),
            (
                {"id": "vision-lab/llava", "architecture": {"input_modalities": ["text"]}},
                ModelInfo("vision-lab/llava", "vision-lab/llava"),
            ),
            ({"id": "a.gguf", "meta": {"n_ctx_train": 4096}}, ModelInfo("a.gguf", "a.gguf", 4096)),
            ({"id": "qwen2.5vl:7b"}, ModelInfo("qwen2.5vl:7b", "qwen2.5vl:7b", None, frozenset({"image", "gif"}))),
            ({"id": "o4-mini"}, ModelInfo("o4-mini", "o4-mini", None, frozenset({"image", "gif", "pdf"}))),
            ({"id": "mistral", "max_model_len": None, "meta": None}, ModelInfo("mistral", "mistral")),
        ],
        ids=lambda value: value["id"] if isinstance(value, dict) else "",
    )
    async def test_what_servers_tell(
        self, server: OpenAIServer, model: OpenAI, entry: dict[str, Any], info: ModelInfo
    ) -> None:
        server.models = [entry]
        assert await model.models() == [info]

    async def test_only_what_chats_is_offered(self, server: OpenAIServer, model: OpenAI) -> None:
        chats = ["gpt-4o", "o3", "gpt-5-mini", "meta-llama/Llama-3.3-70B-Instruct", "mistral-small", "qwen3:8b"]
        others = [
            *("gpt-3.5-turbo-instruct", "text-embedding-3-small", "o3-pro", "o4-mini-deep-research", "gpt-5-codex"),
            *("gpt-5-pro", "codex-mini-latest", "computer-use-preview", "whisper-large-v3", "nomic-embed-text:latest"),
            *("omni-moderation-latest", "llama-guard-4-12b", "bge-m3", "playai-tts", "mistral-ocr-latest", "sora-2"),
        ]
        server.models = [{"id": name} for name in [*others, *chats]]
        assert [info.name for info in await model.models()] == chats

    async def test_what_servers_say_of_their_models_is_believed(self, server: OpenAIServer, model: OpenAI) -> None:
        server.models = [
            {"id": "pixtral", "capabilities": {"completion_chat": True}},
            {"id": "old", "capabilities": {"completion_chat": False}},
            {"id": "dall-e-3", "capabilities": {"chat_completion": False}},
            {"id": "together/a", "type": "chat"},
            {"id": "together/b", "type": "image"},
            {"id": "lm-studio", "type": "vlm"},
            {"id": "lm-studio-e", "type": "embeddings"},
            {"id": "router/a", "architecture": {"output_modalities": ["text"]}},
            {"id": "router/b", "architecture": {"output_modalities": ["image"]}},
            {"id": "fireworks", "supports_chat": True},
        ]
        names = [info.name for info in await model.models()]
        assert names == ["pixtral", "together/a", "lm-studio", "router/a", "fireworks"]

    async def test_odd_entries_cost_nothing_but_themselves(self, server: OpenAIServer, model: OpenAI) -> None:
        server.models = [
            {"object": "model"},
            {"id": None},
            {"id": ""},
            {"id": "x" * 201},
            {"id": "two\nlines"},
            None,
            ["a"],
            {"id": "a", "name": 7, "context_length": "8192", "meta": [], "architecture": "x", "capabilities": ["y"]},
            {"id": "a", "name": "Twin"},
            {"id": 7},
            "plain",
        ]
        assert await model.models() == [ModelInfo("a", "a", 8192), ModelInfo("7", "7"), ModelInfo("plain", "plain")]

    @pytest.mark.parametrize(
        "body",
        [
            {"models": [{"name": "a", "model": "a"}]},
            {"models": [{"name": "a"}], "data": [{"id": "a"}]},
            {"data": [], "models": [{"name": "a"}]},
            ["a"],
        ],
        ids=str,
    )
    async def test_lists_of_another_form(self, server: OpenAIServer, model: OpenAI, body: Any) -> None:
        server.models = Failure(200, body)
        assert await model.models() == [ModelInfo("a", "a")]

    async def test_a_plain_list(self, server: OpenAIServer, model: OpenAI) -> None:
        server.models = Failure(200, [{"id": "mistral"}])
        assert await model.models() == [ModelInfo("mistral", "mistral")]

    async def test_a_server_without_models(self, server: OpenAIServer, model: OpenAI) -> None:
        """Ollama's answer before the first pull."""
        server.models = Failure(200, {"object": "list", "data": None})
        assert await model.models() == []
