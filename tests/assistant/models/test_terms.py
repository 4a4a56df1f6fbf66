"""What a server refuses of how it is asked is left out at once, and from then on."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from assistant.models.anthropic import Anthropic
from assistant.models.base import Attachment, ChatMessage, ChatModel, ChatRequest, InvalidRequest, ModelError
from assistant.models.openai import OpenAI
from tests.servers import anthropic, openai
from tests.servers.anthropic import AnthropicServer
from tests.servers.http import Failure, ScriptServer
from tests.servers.openai import OpenAIServer, failure

PICTURE = Attachment("ice.png", "image/png", b"png")
REQUEST = ChatRequest([ChatMessage("user", "Who?", (PICTURE,))], "m", 1.5, "Be brief.", max_tokens=9_000)
TITLE = ChatRequest([ChatMessage("user", "Name it.")], "gpt-5-mini", 0.2, "Be brief.", max_tokens=1024, thinking=False)
YES = (openai.text("Yes."), openai.finish())
WITH_PICTURE = ["image_url", "text"]


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenAIServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with OpenAIServer(YES) as running:
        yield running


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[OpenAI]:
    made = OpenAI(None, server.url)
    yield made
    await made.close()


async def collect(model: ChatModel, request: ChatRequest = REQUEST) -> str:
    async with asyncio.timeout(30):
        return "".join([piece async for piece in model.stream(request) if isinstance(piece, str)])


def shape(body: dict[str, Any]) -> dict[str, Any]:
    """What is in a request that a server may refuse."""
    last = body["messages"][-1]["content"]
    return {
        "usage": "stream_options" in body,
        "stream": body["stream"],
        "temperature": body.get("temperature"),
        "max_tokens": body.get("max_tokens"),
        "max_completion_tokens": body.get("max_completion_tokens"),
        "effort": body.get("reasoning_effort"),
        "system": body["messages"][0]["role"] == "system",
        "parts": [part["type"] for part in last] if isinstance(last, list) else last,
    }


USUAL = {
    "usage": True,
    "stream": True,
    "temperature": 1.5,
    "max_tokens": 9_000,
    "max_completion_tokens": None,
    "effort": None,
    "system": True,
    "parts": WITH_PICTURE,
}
NO_PICTURE = "[ice.png: a file that cannot be shown to this model]\n\nWho?"


@pytest.mark.parametrize(
    ("refusal", "changed"),
    [
        (
            Failure(
                422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs"}]}
            ),
            {"usage": False},
        ),
        (failure(400, "Extra inputs are not permitted, field: 'stream_options', value: {}"), {"usage": False}),
        (failure(400, "Unrecognized request argument supplied: stream_options"), {"usage": False}),
        (failure(400, "Unsupported value: 'temperature' does not support 1.5 with this model."), {"temperature": None}),
        (failure(400, "temperature must be between 0 and 1"), {"temperature": 1.0}),
        (
            failure(400, "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."),
            {"max_tokens": None, "max_completion_tokens": 9_000},
        ),
        (
            failure(400, "max_tokens is too large: 9000. This model supports at most 4096 completion tokens"),
            {"max_tokens": 4096},
        ),
        (failure(400, "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"), {"max_tokens": 8192}),
        (failure(400, "Only user and assistant roles are supported: System role not supported"), {"system": False}),
        (failure(500, "Conversation roles must alternate user/assistant/user/assistant/..."), {"system": False}),
        (failure(400, "Developer instruction is not enabled for models/gemma-3-27b-it"), {"system": False}),
        (failure(404, "No endpoints found that support image input", 404), {"parts": NO_PICTURE}),
        (
            failure(500, "image input is not supported - hint: you may need to provide the mmproj"),
            {"parts": NO_PICTURE},
        ),
        (
            Failure(422, {"detail": "messages[0].content: invalid type: sequence, expected a string"}),
            {"parts": NO_PICTURE},
        ),
        (
            failure(400, "Your organization must be verified to stream this model.", "unsupported_value"),
            {"stream": False, "usage": False},
        ),
        (Failure(200, {"error": {"message": "Unknown field: stream_options", "code": 400}}), {"usage": False}),
    ],
    ids=lambda value: str(value.body)[:60] if isinstance(value, Failure) else "",
)
async def test_what_is_refused_is_left_out_at_once_and_from_then_on(
    server: OpenAIServer,
    model: OpenAI,
    refusal: Failure,
    changed: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.script(refusal)
    with caplog.at_level(logging.INFO, "assistant"):
        assert [await collect(model), await collect(model)] == ["Yes.", "Yes."]
    assert [shape(received.body) for received in server.requests] == [USUAL, USUAL | changed, USUAL | changed]
    assert len(caplog.records) == 1  # one line tells whoever runs the app


async def test_a_system_prompt_that_has_no_role_stands_before_the_first_question(
    server: OpenAIServer, model: OpenAI
) -> None:
    server.script(failure(400, "System role not supported"))
    await collect(model, ChatRequest([ChatMessage("user", "Who?")], "m", 0.5, "Be brief."))
    assert server.requests[1].body["messages"] == [{"role": "user", "content": "Be brief.\n\nWho?"}]


@pytest.mark.parametrize(
    ("said", "effort"),
    [
        ("Unsupported value: 'reasoning_effort' does not support 'minimal' with this model.", None),
        ("'reasoning_effort' does not support 'minimal'. Supported values are: 'none', 'low', 'high'.", "none"),
        ("'reasoning_effort' does not support 'minimal'. Supported values are: 'low', 'medium', 'high'.", "low"),
    ],
)
async def test_an_effort_that_is_refused_is_replaced_by_the_least_there_is(
    server: OpenAIServer, model: OpenAI, said: str, effort: str | None
) -> None:
    server.script(failure(400, said, "unsupported_value"))
    assert [await collect(model, TITLE), await collect(model, TITLE)] == ["Yes.", "Yes."]
    efforts = [received.body.get("reasoning_effort") for received in server.requests]
    assert efforts == ["minimal", effort, effort]


async def test_one_thing_after_the_other_is_left_out(server: OpenAIServer, model: OpenAI) -> None:
    said = [
        "unknown field stream_options",
        "temperature is not supported",
        "max_tokens: extra inputs are not permitted",
    ]
    for each in [*said, "max_completion_tokens: extra inputs are not permitted"]:
        server.script(failure(400, each))
    assert [await collect(model), await collect(model)] == ["Yes.", "Yes."]
    plain = USUAL | {"usage": False, "temperature": None, "max_tokens": None}
    assert [shape(received.body) for received in server.requests[-2:]] == [plain, plain]
    assert len(server.requests) == 6


async def test_what_is_said_of_this_conversations_length_holds_for_no_other(
    server: OpenAIServer, model: OpenAI
) -> None:
    server.script(
        failure(
            400,
            "This model's maximum context length is 8192 tokens. However, you requested 9800 tokens "
            "(800 in the messages, 9000 in the completion).",
        )
    )
    assert [await collect(model), await collect(model)] == ["Yes.", "Yes."]
    assert [received.body.get("max_tokens") for received in server.requests] == [9_000, None, 9_000]


async def test_another_model_of_the_server_is_asked_as_ever(server: OpenAIServer, model: OpenAI) -> None:
    server.script(failure(400, "unknown field: stream_options"))
    await collect(model)
    await collect(model, ChatRequest(REQUEST.messages, "another", 0.5, ""))
    assert "stream_options" in server.requests[-1].body


async def test_a_server_that_refuses_the_same_for_ever_is_not_asked_for_ever(
    server: OpenAIServer, model: OpenAI
) -> None:
    server.default = (failure(400, "stream_options, temperature, max_tokens, image, 'system': not supported"),)
    with pytest.raises(InvalidRequest):
        await collect(model)
    assert len(server.requests) < 12


@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_who_asks_and_how_often_is_not_negotiated(server: OpenAIServer, model: OpenAI, status: int) -> None:
    server.script(failure(status, "temperature, stream_options"))
    with pytest.raises(ModelError):
        await collect(model)
    assert len(server.requests) == 1


async def test_nothing_is_asked_again_once_a_piece_came(server: OpenAIServer, model: OpenAI) -> None:
    server.script(openai.text("Hel"), openai.Chunk({"error": {"message": "stream_options", "code": 400}}))
    with pytest.raises(InvalidRequest):
        await collect(model)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ("temperature is deprecated for this model.", {"temperature": None}),
        ('"thinking.type.disabled" is not supported for this model.', {"thinking": None}),
        ("max_tokens: 9000 > 8192, which is the maximum allowed number of output tokens for m", {"max_tokens": 8192}),
        (
            "input length and `max_tokens` exceed context limit: 190000 + 16000 > 200000, decrease input length",
            {"max_tokens": 1024},
        ),
    ],
)
async def test_anthropic(said: str, changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server: ScriptServer
    async with AnthropicServer([anthropic.text("Yes."), *anthropic.finish()]) as server:
        model = Anthropic("key", server.url)
        server.script(anthropic.failure(400, "invalid_request_error", said))
        assert await collect(model) == "Yes."
        first, second = (
            {key: each.body.get(key) for key in ("temperature", "thinking", "max_tokens")} for each in server.requests
        )
        assert first == {"temperature": 1.0, "thinking": {"type": "disabled"}, "max_tokens": 9_000}
        assert second == first | changed
        await model.close()
