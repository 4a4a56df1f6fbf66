"""Vectors by the real SDKs, of servers on the loopback: what is sent, and what odd answers and errors mean."""

import base64
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from assistant.models.embedding import Embedder, ModelEmbeddings, cut
from assistant.models.google.gemini import Gemini
from assistant.models.openai import OpenAI
from assistant.models.patience import Patience
from assistant.models.tokens import estimate
from datalayer import EmbeddingFailed, EmbeddingRefused
from tests.servers import gemini as google
from tests.servers import openai
from tests.servers.gemini import GeminiServer
from tests.servers.http import Act, Failure, ScriptServer
from tests.servers.openai import OpenAIServer

KEY = "some-not-so-secret-key-0123456789"
QUICK = Patience(pause=0.001)
Answer = Callable[..., Failure]


def of_openai(*vectors: Any, **more: Any) -> Failure:
    data = [{"object": "embedding", "index": n, "embedding": each} for n, each in enumerate(vectors)]
    return Failure(200, {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 1}} | more)


def of_google(*vectors: Any) -> Failure:
    return Failure(200, {"embeddings": [{"values": each} for each in vectors]})


@pytest.fixture(params=["openai", "google"])
async def both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A server, what is asked of it, and how it answers."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server: ScriptServer = OpenAIServer() if request.param == "openai" else GeminiServer()
    async with server:
        maker: Embedder = OpenAI(KEY, server.url) if request.param == "openai" else Gemini(KEY, server.url)
        model = ModelEmbeddings(maker, "some-embedding", 3, QUICK)
        yield server, model, of_openai if request.param == "openai" else of_google
        await model.close()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenAIServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with OpenAIServer() as running:
        yield running


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[ModelEmbeddings]:
    made = ModelEmbeddings(OpenAI(KEY, server.url), "some-embedding", None, QUICK)
    yield made
    await made.close()


async def fails(model: ModelEmbeddings, *texts: str, query: bool = False) -> EmbeddingFailed:
    with pytest.raises(EmbeddingFailed) as caught:
        await model.embed(texts or ["text"], query)
    assert KEY not in str(caught.value)
    return caught.value


class TestBoth:
    async def test_each_text_has_its_vector(self, both: Any) -> None:
        server, model, answer = both
        server.script(answer([1, 2, 3], [4.5, 5, 6]))
        assert [list(each) for each in await model.embed(["one", "two"], False)] == [[1, 2, 3], [4.5, 5, 6]]
        assert len(server.requests) == 1
        assert model.name == "some-embedding/3"

    async def test_long_texts_are_cut_and_many_go_in_several_requests(self, both: Any) -> None:
        server, model, answer = both
        server.default = (answer([1, 2, 3]),)
        for _ in range(2):
            server.script(answer(*[[1, 2, 3]] * 8))
        await model.embed(["long " * 2000] * 16, False)
        assert len(server.requests) == 2
        assert max(len(text) for text in texts_of(server.requests[0].body)) == 8_000

    async def test_what_fails_is_asked_again_for_messages_and_not_for_a_question(self, both: Any) -> None:
        server, model, answer = both
        server.script(Failure(503, "busy"))
        server.script(answer([1, 2, 3]))
        assert await model.embed(["text"], False)
        server.script(Failure(503, "busy"))
        await fails(model, query=True)
        assert len(server.requests) == 3

    async def test_a_connection_that_breaks_off_is_a_failure(self, both: Any) -> None:
        server, model, _ = both
        server.default = (Act.BREAK_OFF,)
        await fails(model, query=True)

    @pytest.mark.parametrize("count", [0, 1, 3])
    async def test_a_wrong_number_of_vectors_is_a_failure(self, both: Any, count: int) -> None:
        server, model, answer = both
        server.default = (answer(*[[1, 2, 3]] * count),)
        await fails(model, "one", "two")

    @pytest.mark.parametrize(
        "body", ["", "no JSON", "[]", "null", "{}", '{"data": null}', '{"data": [1]}', '{"embeddings": 3}']
    )
    async def test_an_answer_without_vectors_is_a_failure(self, both: Any, body: str) -> None:
        server, model, _ = both
        server.default = (Failure(200, body),)
        await fails(model)

    async def test_a_text_that_is_refused_is_told_from_a_server_that_fails(self, both: Any) -> None:
        server, model, _ = both
        is_google = isinstance(server, GeminiServer)
        refused = (
            google.failure(400, "INVALID_ARGUMENT", "Bad text.") if is_google else openai.failure(400, "Bad text.")
        )
        server.default = (refused,)
        with pytest.raises(EmbeddingRefused):
            await model.embed(["text"], False)


def texts_of(body: Any) -> list[str]:
    if "input" in body:
        return list(body["input"])
    return [each["content"]["parts"][0]["text"] for each in body["requests"]]


class TestGoogle:
    async def test_it_is_told_what_a_text_is_for_and_how_many_dimensions_are_wanted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with GeminiServer((of_google([1.0, 2.0]),)) as server:
            model = ModelEmbeddings(Gemini(KEY, server.url), "gemini-embedding-001", 768)
            for query in (True, False):
                await model.embed(["text"], query)
            await model.close()
            asked = [each.body["requests"][0] for each in server.requests]
            assert [each["taskType"] for each in asked] == ["RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT"]
            assert {each["outputDimensionality"] for each in asked} == {768}
            assert server.requests[0].target.startswith("/v1beta/models/gemini-embedding-001:batchEmbedContents")

    async def test_a_quota_says_when_to_ask_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with GeminiServer((google.quota("21s", "GenerateRequestsPerMinutePerProject"),)) as server:
            model = ModelEmbeddings(Gemini(KEY, server.url), "gemini-embedding-001", 768, QUICK)
            error = await fails(model)
            await model.close()
            assert error.retry_after == 21


class TestOpenAI:
    async def test_the_request(self, server: OpenAIServer, model: ModelEmbeddings) -> None:
        server.script(of_openai([1, 2]))
        await model.embed(["text"], False)
        (request,) = server.requests
        assert request.target == "/v1/embeddings"
        assert request.body == {"model": "some-embedding", "input": ["text"], "encoding_format": "float"}
        assert request.headers["authorization"] == f"Bearer {KEY}"

    async def test_vectors_out_of_order_are_put_in_order(self, server: OpenAIServer, model: ModelEmbeddings) -> None:
        answer = [{"index": 1, "embedding": [2, 2]}, {"index": 0, "embedding": [1, 1]}]
        server.script(Failure(200, {"data": answer}))
        assert await model.embed(["one", "two"], False) == [[1, 1], [2, 2]]

    @pytest.mark.parametrize("places", [[0, 0], [1, 2], [0, "1"], [0, None], [True, False]])
    async def test_vectors_that_cannot_be_told_apart_are_a_failure(
        self, server: OpenAIServer, model: ModelEmbeddings, places: list[Any]
    ) -> None:
        server.default = (Failure(200, {"data": [{"index": place, "embedding": [1, 1]} for place in places]}),)
        await fails(model, "one", "two")

    async def test_base64_is_read_though_numbers_were_asked_for(
        self, server: OpenAIServer, model: ModelEmbeddings
    ) -> None:
        server.script(of_openai(base64.b64encode(struct.pack("<3f", 1, -2.5, 3)).decode()))
        assert [list(each) for each in await model.embed(["text"], False)] == [[1, -2.5, 3]]

    @pytest.mark.parametrize("vector", ["no base64!", "AAA=", [], None, ["1"], [None], {"a": 1}, [[1], [2]], [True]])
    async def test_what_is_no_vector_is_a_failure(
        self, server: OpenAIServer, model: ModelEmbeddings, vector: Any
    ) -> None:
        server.default = (of_openai(vector),)
        await fails(model)

    async def test_an_answer_of_any_size_is_not_read_to_its_end(
        self, server: OpenAIServer, model: ModelEmbeddings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("assistant.models.openai.embeddings._MOST_BYTES", 1_000)
        server.default = (of_openai([1.0] * 10_000),)
        await fails(model)

    async def test_an_error_that_is_said_to_be_well_is_one(self, server: OpenAIServer, model: ModelEmbeddings) -> None:
        server.default = (Failure(200, {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}),)
        assert "quota" in str(await fails(model))

    async def test_a_quota_says_when_to_ask_again(self, server: OpenAIServer, model: ModelEmbeddings) -> None:
        server.default = (openai.failure(429, "Rate limit reached", headers={"retry-after": "7"}),)
        assert (await fails(model)).retry_after == 7
        assert len(server.requests) == 1

    async def test_a_wrong_key_is_no_text_that_is_refused(self, server: OpenAIServer, model: ModelEmbeddings) -> None:
        server.default = (openai.failure(401, f"Incorrect API key provided: {KEY}", "invalid_api_key"),)
        assert (await fails(model)).retry_after == 3600

    async def test_where_texts_are_too_long_less_of_them_is_sent(
        self, server: OpenAIServer, model: ModelEmbeddings
    ) -> None:
        too_long = openai.failure(400, "This model's maximum context length is 512 tokens.", "context_length_exceeded")
        for answer in (too_long, too_long, of_openai([1, 2]), of_openai([1, 2])):
            server.script(answer)
        for _ in range(2):
            await model.embed(["long " * 2000], False)
        assert [len(each.body["input"][0]) for each in server.requests] == [8_000, 4_000, 2_000, 2_000]

    async def test_a_text_that_is_always_too_long_is_refused(
        self, server: OpenAIServer, model: ModelEmbeddings
    ) -> None:
        server.default = (openai.failure(400, "too many tokens: maximum context length", "context_length_exceeded"),)
        with pytest.raises(EmbeddingRefused):
            await model.embed(["long " * 2000], False)

    async def test_a_server_that_is_not_there_is_a_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        model = ModelEmbeddings(OpenAI(None, "http://127.0.0.1:9/v1"), "m", None, QUICK)
        await fails(model)
        await model.close()


@pytest.mark.parametrize("text", ["", "short", "long " * 5000, "語" * 5000, "é" * 9000, "a語é" * 3000, "🚂" * 3000])
def test_a_text_is_cut_to_its_tokens(text: str) -> None:
    kept = cut(text, 500)
    assert text.startswith(kept)
    assert estimate(kept) <= 500
    assert kept == text or estimate(kept) > 450


@pytest.mark.parametrize("name", ["m", "x" * 200, "modèle", "a" * 63 + "é"])
def test_a_name_fits_the_store(name: str) -> None:
    made = ModelEmbeddings(OpenAI(None, "http://127.0.0.1:9/v1"), name).name
    assert 0 < len(made) <= 64
    assert made.isascii()


def test_names_that_are_cut_differ() -> None:
    maker = OpenAI(None, "http://127.0.0.1:9/v1")
    assert ModelEmbeddings(maker, "x" * 100).name != ModelEmbeddings(maker, "x" * 101).name
