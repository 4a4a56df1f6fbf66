"""What is peculiar to Anthropic's protocol, and to servers that speak it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assistant.models.anthropic import Anthropic
from assistant.models.base import (
    Attachment,
    ChatMessage,
    ChatRequest,
    ModelError,
    ModelInfo,
    NotPaid,
    QuotaExhausted,
    Thought,
    Usage,
)
from tests.servers.anthropic import AnthropicServer, Chunk, Failure, delta, failure, finish, model, start, text
from tests.servers.http import Step

REQUEST = ChatRequest([ChatMessage("user", "Who was Ada?")], "claude-sonnet-4-5", 0.25, "Be brief.")


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AnthropicServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with AnthropicServer([text("Yes."), *finish()]) as running:
        yield running


@pytest.fixture
async def claude(server: AnthropicServer) -> AsyncIterator[Anthropic]:
    made = Anthropic("sk-ant-some-key", server.url)
    yield made
    await made.close()


async def collect(model: Anthropic, request: ChatRequest = REQUEST) -> list[str | Usage | Thought]:
    async with asyncio.timeout(30):
        return [piece async for piece in model.stream(request)]


async def fails(model: Anthropic) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await collect(model)
    return caught.value


class TestRequest:
    @pytest.mark.parametrize(
        ("name", "temperature"),
        [
            ("claude-sonnet-4-5", 0.25),
            ("claude-opus-4-6", 0.25),
            ("claude-opus-4-7", None),
            ("claude-sonnet-5-5", None),
        ],
    )
    async def test_newer_models_take_no_temperature(
        self, server: AnthropicServer, claude: Anthropic, name: str, temperature: float | None
    ) -> None:
        await collect(claude, ChatRequest(REQUEST.messages, name, 0.25, ""))
        assert server.requests[0].body.get("temperature") == temperature

    async def test_the_highest_temperature_is_one(self, server: AnthropicServer, claude: Anthropic) -> None:
        await collect(claude, ChatRequest(REQUEST.messages, REQUEST.model, 1.8, ""))
        assert server.requests[0].body["temperature"] == 1.0

    async def test_it_thinks_when_its_thoughts_are_wanted(self, server: AnthropicServer, claude: Anthropic) -> None:
        for thinking, thoughts in [(True, True), (True, False), (False, True)]:
            await collect(claude, ChatRequest(REQUEST.messages, "m", 0.5, "", thinking=thinking, thoughts=thoughts))
        aloud, silent = {"type": "adaptive", "display": "summarized"}, {"type": "disabled"}
        assert [received.body["thinking"] for received in server.requests] == [aloud, silent, silent]

    async def test_a_document_has_its_name(self, server: AnthropicServer, claude: Anthropic) -> None:
        file = Attachment("ice.pdf", "application/pdf", b"%PDF")
        await collect(claude, ChatRequest([ChatMessage("user", "Read.", (file,))], "m", 1.0, ""))
        [document, question] = server.requests[0].body["messages"][0]["content"]
        assert (document["type"], document["title"]) == ("document", "ice.pdf")
        assert question == {"type": "text", "text": "Read."}

    async def test_an_address_that_ends_in_v1(self, server: AnthropicServer) -> None:
        claude = Anthropic("key", f"{server.url}/v1/")
        assert await collect(claude) == ["Yes.", Usage(0, 1)]
        assert server.requests[0].target == "/v1/messages"
        await claude.close()


_WHOLE = {
    "type": "message",
    "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Yes."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 2},
}


class TestAnswer:
    @pytest.mark.parametrize(
        "steps",
        [
            [Failure(200, _WHOLE)],
            [
                start(5),
                Chunk({"type": "content_block_start", "content_block": {"type": "thinking", "thinking": "Hm"}}),
                Chunk({"type": "a_word_of_tomorrow", "delta": 7}),
                Chunk({"type": "content_block_start", "content_block": {"type": "text", "text": "Yes."}}),
                delta("signature_delta", signature="x"),
                delta("citations_delta", citation={}),
                Chunk({"type": "content_block_delta", "delta": None}),
                Chunk("7"),
                *finish(said=2),
            ],
            [start(5), delta("thinking_delta", thinking="Hm"), text("Yes."), *finish(None, said=2)],  # type: ignore[arg-type]
        ],
        ids=["whole", "odd events", "no reason"],
    )
    async def test_whatever_form_it_has(self, server: AnthropicServer, claude: Anthropic, steps: list[Step]) -> None:
        server.script(*steps)
        pieces = await collect(claude)
        assert [piece for piece in pieces if not isinstance(piece, Usage)] == [Thought("Hm"), "Yes."]
        assert [piece for piece in pieces if isinstance(piece, Usage)][-1] == Usage(5, 2)

    async def test_what_a_cache_held_is_part_of_what_was_read(self, server: AnthropicServer, claude: Anthropic) -> None:
        counts = {
            "input_tokens": 5,
            "cache_read_input_tokens": 20,
            "cache_creation_input_tokens": 3,
            "output_tokens": 1,
        }
        server.script(Chunk({"type": "message_start", "message": {"usage": counts}}), text("Yes."), *finish(said=9))
        assert (await collect(claude))[-1] == Usage(28, 9, 20)


class TestErrors:
    async def test_a_limit_with_the_day_on_which_it_ends(self, server: AnthropicServer, claude: Anthropic) -> None:
        back = (datetime.now(UTC) + timedelta(hours=30)).replace(second=0)
        said = (
            f"You have reached your specified API usage limits. You will regain access on {back:%Y-%m-%d at %H:%M} UTC."
        )
        server.script(failure(400, "invalid_request_error", said))
        error = await fails(claude)
        assert isinstance(error, QuotaExhausted)
        assert error.retry_after == pytest.approx(30 * 3600, abs=120)

    async def test_a_limit_with_the_moment_in_a_header(self, server: AnthropicServer, claude: Anthropic) -> None:
        moment = (datetime.now(UTC) + timedelta(seconds=90)).isoformat(timespec="seconds")
        headers = {
            "anthropic-ratelimit-input-tokens-remaining": "0",
            "anthropic-ratelimit-input-tokens-reset": moment,
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": datetime.now(UTC).isoformat(),
        }
        server.script(failure(429, "rate_limit_error", "Too many tokens per minute.", headers))
        error = await fails(claude)
        assert isinstance(error, QuotaExhausted)
        assert (error.retry_after, error.scope) == (pytest.approx(90, abs=30), "minute")

    async def test_an_empty_account(self, server: AnthropicServer, claude: Anthropic) -> None:
        said = "Your credit balance is too low to access the Anthropic API."
        server.script(failure(400, "invalid_request_error", said))
        assert isinstance(await fails(claude), NotPaid)

    async def test_an_error_that_came_with_200(self, server: AnthropicServer, claude: Anthropic) -> None:
        server.script(Failure(200, {"type": "error", "error": {"type": "authentication_error", "message": "No."}}))
        assert (await fails(claude)).reason == "key"


@pytest.mark.parametrize(
    ("more", "takes"),
    [
        ({}, {"image", "gif", "pdf"}),
        ({"capabilities": {"image_input": {"supported": False}}}, {"pdf"}),
        ({"capabilities": {"pdf_input": {"supported": False}, "image_input": 7}}, {"image", "gif"}),
    ],
)
async def test_what_the_list_says_of_a_model(
    server: AnthropicServer, claude: Anthropic, more: dict[str, Any], takes: set[str]
) -> None:
    server.models = [{"id": 7}, model("claude-x", "X", 0) | more, model("claude-x", "Twin")]
    assert await claude.models() == [ModelInfo("claude-x", "X", None, frozenset(takes))]  # type: ignore[arg-type]
