"""The servers of the world, as in tests/servers/shapes.py: what each sends is read, and what it refuses is named."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from assistant.models.base import (
    ChatMessage,
    ChatRequest,
    InvalidRequest,
    ModelError,
    ModelUnavailable,
    QuotaExhausted,
    Thought,
    Usage,
)
from assistant.models.calls import Meter, call
from assistant.models.openai import OpenAI
from assistant.models.patience import Patience
from assistant.models.providers import Providers
from tests.servers.http import Act
from tests.servers.shapes import ODD, SHAPES, RecordedServer, Refusal, Shape, chunk, sse

REQUEST = ChatRequest([ChatMessage("user", "Who wrote it?")], "m", 0.5, "Be brief.")


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RecordedServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with RecordedServer() as running:
        yield running


@pytest.fixture
async def model(server: RecordedServer) -> AsyncIterator[OpenAI]:
    made = OpenAI("sk-some-key", server.url)
    yield made
    await made.close()


@pytest.mark.parametrize("shape", [*SHAPES, *ODD], ids=lambda shape: shape.server)
async def test_what_it_sends_is_read(shape: Shape, server: RecordedServer, model: OpenAI) -> None:
    server.script(*shape.stream)
    async with asyncio.timeout(30):
        pieces = [piece async for piece in model.stream(REQUEST)]
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == shape.text
    assert "".join(piece.text for piece in pieces if isinstance(piece, Thought)) == shape.thought
    assert ([None] + [piece for piece in pieces if isinstance(piece, Usage)])[-1] == shape.usage
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(each, id=f"{shape.server}-{n}-{each.reason}")
        for shape in SHAPES
        for n, each in enumerate(shape.refusals)
    ],
)
async def test_what_it_refuses_is_named(refusal: Refusal, server: RecordedServer, model: OpenAI) -> None:
    written = refusal.body if isinstance(refusal.body, str) else json.dumps(refusal.body)
    text = written.replace("{in 2 hours, ms}", str(int((time.time() + 7200) * 1000)))
    server.script(Refusal(refusal.status, text, refusal.reason, headers=refusal.headers).step())
    by = Providers([model], patience=Patience(attempts=1))
    choice = by.find("m")
    assert choice is not None
    with pytest.raises(ModelError) as caught:
        [piece async for piece in call(choice, REQUEST, by, Meter("m", ""))]
    assert caught.value.reason == refusal.reason
    assert getattr(caught.value, "retry_after", None) == pytest.approx(refusal.back, abs=30)
    # The breaker closes for what time heals, and for nothing else.
    if isinstance(caught.value, QuotaExhausted):
        with pytest.raises(QuotaExhausted):
            by.breaker.check(choice.key)
    else:
        by.breaker.check(choice.key)


@pytest.mark.parametrize(
    "end",
    [
        [],
        sse(chunk({}, "error")),
        sse(chunk({}, "insufficient_system_resource")),
        sse(chunk({}, "abort")),
        sse('data: {"choices": [{"del'),
        sse({"choices": 7}),
        sse({"error": {"message": "Provider disconnected", "code": "server_error"}}, done=False),
        sse({"object": "error", "message": "EngineDeadError", "code": 500}, done=False),
        sse("event: error", {"code": 500, "message": "failed", "status": "error"}, done=False),
    ],
    ids=["cut", "error", "no resources", "aborted", "half a chunk", "odd", "an error", "vllm", "no choices"],
)
async def test_an_answer_that_broke_off(end: list[object], server: RecordedServer, model: OpenAI) -> None:
    server.script(*sse(chunk({"content": "Ada"}), done=False), *end)  # type: ignore[arg-type]
    stream = model.stream(REQUEST)
    assert await anext(stream) == "Ada"
    with pytest.raises(ModelUnavailable):
        [piece async for piece in stream]


async def test_a_connection_that_stays_open_after_the_end_does_not_hold_the_answer(
    server: RecordedServer, model: OpenAI
) -> None:
    server.script(*sse(chunk({"content": "Ada"}), chunk({}, "stop")), Act.STALL)
    async with asyncio.timeout(30):
        assert [piece async for piece in model.stream(REQUEST)] == ["Ada"]


async def test_thoughts_that_the_template_begins_are_seen_by_their_end_and_expected_from_then_on(
    server: RecordedServer, model: OpenAI
) -> None:
    stream = sse(chunk({"content": "They ask who.\n</th"}), chunk({"content": "ink>\n\nAda."}), chunk({}, "stop"))
    code = sse(chunk({"content": "Write:\n```\n</think>\n```"}), chunk({}, "stop"))
    found = []
    for each in (code, stream, stream, sse(chunk({"content": "No thoughts."}), chunk({}, "stop"))):
        server.script(*each)
        pieces = [piece async for piece in model.stream(REQUEST) if isinstance(piece, str)]
        found.append("".join(pieces))
    assert found == [
        "Write:\n```\n</think>\n```",
        "They ask who.\n</think>\n\nAda.",  # nobody could know
        "Ada.",
        "No thoughts.",
    ]
    # What was taken for an answer is none in what the model is shown.
    said = [*REQUEST.messages, ChatMessage("assistant", found[1]), ChatMessage("user", "When?")]
    server.script(*stream)
    [_ async for _ in model.stream(ChatRequest(said, "m", 0.5, ""))]
    assert server.requests[-1].body["messages"][1] == {"role": "assistant", "content": "Ada."}


@pytest.mark.parametrize(("limit", "reason"), [(50, "spent"), (None, "spent_bound")])
async def test_an_answer_that_is_all_thoughts(
    limit: int | None, reason: str, server: RecordedServer, model: OpenAI
) -> None:
    request = ChatRequest(REQUEST.messages, "m", 0.5, "", max_tokens=limit)
    server.script(*sse(chunk({"content": "<think>Where do I"}), chunk({}, "length")))
    with pytest.raises(InvalidRequest) as caught:
        [piece async for piece in model.stream(request)]
    assert caught.value.reason == reason
