"""What every ChatModel does: the real SDKs against servers on the loopback that speak the providers' protocols."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from assistant.models.base import (
    Attachment,
    Blocked,
    ChatMessage,
    ChatModel,
    ChatRequest,
    InvalidRequest,
    ModelError,
    ModelUnavailable,
    QuotaExhausted,
    Thought,
    Usage,
)
from assistant.models.google.api import until_midnight
from tests.servers.dialects import DIALECTS, KEY, SECRET, Dialect
from tests.servers.http import Act, Chunk, Failure, Received, ScriptServer, Step, Until

PROMPT = "Be brief."
QUESTION = "Who was Ada?"
REQUEST = ChatRequest([ChatMessage("user", QUESTION)], "gemini-2.5-flash", 0.25, PROMPT)
SOON = 10.0
"""Seconds after which a request that was stopped goes on. How soon it ends is what `make bench` shows."""


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = request.param
    return found


@pytest.fixture
async def server(dialect: Dialect) -> AsyncIterator[ScriptServer]:
    async with dialect.serve() as running:
        yield running


@pytest.fixture
async def model(dialect: Dialect, server: ScriptServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChatModel]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = dialect.make(KEY, server.url)
    yield made
    await made.close()


async def collect(model: ChatModel, request: ChatRequest = REQUEST) -> list[str]:
    async with asyncio.timeout(30):
        return [piece async for piece in model.stream(request) if isinstance(piece, str)]


async def usage(model: ChatModel) -> Usage | None:
    """The one that counts."""
    return ([None] + [piece async for piece in model.stream(REQUEST) if isinstance(piece, Usage)])[-1]


async def fails(model: ChatModel, request: ChatRequest = REQUEST) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await collect(model, request)
    return caught.value


async def happened(event: asyncio.Event) -> None:
    """Wait for it; the bound is only there for a test that fails."""
    async with asyncio.timeout(30):
        await event.wait()


async def cancel(task: asyncio.Task[Any], received: Received) -> None:
    """Returns once both ``task`` and its request are over. Raises TimeoutError when that is not soon."""
    async with asyncio.timeout(SOON):
        task.cancel()
        await asyncio.wait([task])
        await received.over.wait()


class TestRequest:
    async def test_it_carries_the_conversation_and_the_settings(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        server.script(*dialect.answer("A poet's daughter."))
        history = [ChatMessage("user", QUESTION), ChatMessage("assistant", "A writer."), ChatMessage("user", "Whose?")]
        await collect(model, ChatRequest(history, "a-model", 0.25, PROMPT, max_tokens=99))
        [received] = server.requests
        assert received.method == "POST"
        sent = dialect.sent(received)
        assert (sent.key, sent.model, sent.system, sent.temperature) == (KEY, "a-model", PROMPT, 0.25)
        assert (sent.max_tokens, sent.thinks) == (99, dialect.thinks)
        assert sent.messages == [("user", QUESTION, []), ("assistant", "A writer.", []), ("user", "Whose?", [])]

    async def test_temperature_zero_is_sent_and_what_is_not_given_is_not(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        server.script(*dialect.answer("Yes."))
        await collect(model, ChatRequest(REQUEST.messages, REQUEST.model, 0.0, ""))
        sent = dialect.sent(server.requests[0])
        assert (sent.temperature, sent.system, sent.max_tokens) == (0.0, "", None)

    async def test_user_and_assistant_take_turns_whatever_failed_or_was_stopped(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        server.script(*dialect.answer("Yes."))
        said = [
            ChatMessage("assistant", "Welcome."),
            ChatMessage("user", "Hello"),
            ChatMessage("assistant", " "),
            ChatMessage("user", "Who?"),
            ChatMessage("assistant", "<think>Hmm</think>\n\nAda."),
            ChatMessage("assistant", "Or Byron."),
            ChatMessage("user", ""),
            ChatMessage("user", QUESTION),
        ]
        await collect(model, ChatRequest(said, REQUEST.model, 1.0, ""))
        assert dialect.sent(server.requests[0]).messages == [
            ("user", "Hello\n\nWho?", []),
            ("assistant", "Ada.\n\nOr Byron.", []),
            ("user", QUESTION, []),
        ]

    async def test_it_carries_files(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.script(*dialect.answer("Yes."))
        files = (
            Attachment("ice.png", "image/png", b"\x89PNG"),
            Attachment("ice.pdf", "application/pdf", b"%PDF-1.7"),
            Attachment("ice.csv", "text/csv", "year,°C\n1815,-9".encode()),
            Attachment("ice.json", "application/json", b'{"a": "\xff"}'),
        )
        only_a_file = ChatMessage("user", "", (Attachment("a.jpg", "image/jpeg", b"jpeg"),))
        await collect(model, ChatRequest([ChatMessage("user", QUESTION, files), only_a_file], REQUEST.model, 1.0, ""))
        [(role, text, sent)] = dialect.sent(server.requests[0]).messages
        texts = "\n\n".join(["[ice.csv]\nyear,°C\n1815,-9", '[ice.json]\n{"a": "\ufffd"}', QUESTION])
        binaries = [("image/png", b"\x89PNG"), ("application/pdf", b"%PDF-1.7"), ("image/jpeg", b"jpeg")]
        assert (role, text, sorted(sent)) == ("user", texts, sorted(binaries))

    async def test_a_model_that_can_think_is_told_not_to(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        for name, thinking in [(dialect.thinker, False), (dialect.thinker, True), ("another", False)]:
            server.script(*dialect.answer("Yes."))
            await collect(model, ChatRequest(REQUEST.messages, name, 1.0, "", thinking=thinking))
        assert [dialect.sent(each).thinks for each in server.requests] == [False, dialect.thinks, dialect.thinks]
        assert [dialect.sent(each).messages for each in server.requests] == [[("user", QUESTION, [])]] * 3

    async def test_the_environment_does_not_redirect_it(
        self, dialect: Dialect, server: ScriptServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login another password another\n")
        for name, value in {
            "GOOGLE_API_KEY": "another",
            "GEMINI_API_KEY": "another",
            "GOOGLE_GENAI_USE_VERTEXAI": "true",
            "GOOGLE_GENAI_API_VERSION": "v9",
            "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9/",
            "GOOGLE_CLOUD_PROJECT": "another",
            "GOOGLE_CLOUD_UNIVERSE_DOMAIN": "another.example",
            "GOOGLE_API_USE_MTLS_ENDPOINT": "always",
            "GOOGLE_APPLICATION_CREDENTIALS": "/another",
            "OPENAI_API_KEY": "another",
            "OPENAI_ADMIN_KEY": "another",
            "OPENAI_BASE_URL": "http://127.0.0.1:9/",
            "OPENAI_ORG_ID": "another",
            "OPENAI_PROJECT_ID": "another",
            "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer another\nX-Team: another",
            "ANTHROPIC_API_KEY": "another",
            "ANTHROPIC_AUTH_TOKEN": "another",
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:9/",
            "ANTHROPIC_CUSTOM_HEADERS": "X-Team: another",
            "ANTHROPIC_PROFILE": "another",
            "NETRC": str(netrc),
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        server.script(*dialect.answer("Yes."))
        model = dialect.make(KEY, server.url)
        assert await collect(model) == ["Yes."]
        assert [info.name for info in await model.models()]
        for received in (*server.requests, *server.lists):
            assert "another" not in " ".join(received.headers.values())
            assert "basic" not in received.headers.get("authorization", "").lower()
        assert dialect.sent(server.requests[0]).key == KEY
        await model.close()


class TestAnswer:
    async def test_pieces_come_in_order(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.script(*dialect.answer("Hel", "lo, ", 'Zoë 🌱\n{["\\', "}]"))
        assert await collect(model) == ["Hel", "lo, ", 'Zoë 🌱\n{["\\', "}]"]

    async def test_a_piece_is_shown_before_the_next_one_is_there(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        go = asyncio.Event()
        server.script(dialect.text("Hel"), Until(go), *dialect.answer("lo"))
        async with asyncio.timeout(30), aclosing(model.stream(REQUEST)) as stream:
            assert await anext(stream) == "Hel"
            go.set()
            assert await anext(stream) == "lo"

    async def test_usage(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.script(dialect.text("Yes."), *dialect.end(12, 6, 5))
        server.script(dialect.text("Yes."), *dialect.end(7, 1, 0))
        assert await usage(model) == Usage(12, 6, 5)
        assert await usage(model) == Usage(7, 1, 0)

    async def test_an_answer_at_its_limit_is_an_answer(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        server.script(dialect.text("Once upon a"), *dialect.at_limit)
        assert await collect(model) == ["Once upon a"]

    async def test_thoughts_are_told_apart_and_empty_pieces_are_not_shown(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        server.script(dialect.thought("Hmm"), dialect.text(""), *dialect.answer("Yes."))
        pieces = [piece async for piece in model.stream(REQUEST) if not isinstance(piece, Usage)]
        assert pieces == [Thought("Hmm"), "Yes."]

    async def test_thoughts_in_the_text_are_no_answer(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        pieces = ("\n<th", "ink>Hm", "m</thi", "nk>\n", "\nWrite `<think>` ", "and </think>.")
        server.script(*dialect.answer(*pieces))
        assert await collect(model) == ["Write `<think>` ", "and </think>."]

    async def test_an_emoji_in_two_halves(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.script(*map(dialect.text, ("Hi \ud83d", "\ude00", "!\ud83d")), *dialect.end(2, 1, 0))
        assert "".join(await collect(model)) == "Hi 😀!\ufffd"

    async def test_answers_at_the_same_time_do_not_mix(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        # Server and model share the event loop: one that waits for "a" with the loop in hand would wait for ever.
        go = asyncio.Event()
        server.script(dialect.text("a"), Until(go), *dialect.answer("z"))
        server.script(*dialect.answer("b", "c"))
        async with asyncio.timeout(30), aclosing(model.stream(REQUEST)) as first:
            assert await anext(first) == "a"
            assert await collect(model) == ["b", "c"]
            go.set()
            assert await anext(first) == "z"

    async def test_many_answers_at_the_same_time(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        server.default = (*map(dialect.text, "abc"), *dialect.end(1, 1, 0))
        assert await asyncio.gather(*(collect(model) for _ in range(20))) == [["a", "b", "c"]] * 20

    async def test_answers_one_after_the_other_share_a_connection(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        server.default = tuple(dialect.answer("Yes."))
        for _ in range(3):
            await collect(model)
            await happened(server.requests[-1].over)
        assert len({received.port for received in server.requests}) == 1


class TestModels:
    async def test_what_can_chat_is_offered(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.models = dialect.listed
        assert await model.models() == dialect.offered
        [received] = server.lists
        assert received.method == "GET"
        assert KEY in " ".join(received.headers.values())

    @pytest.mark.parametrize(
        ("failure", "kind"),
        [("wrong key", InvalidRequest), ("refused", InvalidRequest), ("internal", ModelUnavailable)],
    )
    async def test_a_list_that_cannot_be_had(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel, failure: str, kind: type[ModelError]
    ) -> None:
        server.models = dialect.failures[failure]
        with pytest.raises(kind) as caught:
            await model.models()
        assert caught.value.__context__ is caught.value.__cause__ is None
        assert SECRET not in str(caught.value)
        assert len(server.lists) == 1

    @pytest.mark.parametrize("body", ["<html>", '{"data": 7, "models": 7}', "[[]]"])
    async def test_a_list_that_is_none(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel, body: str
    ) -> None:
        server.models = Failure(200, body)
        with pytest.raises(ModelUnavailable):
            await model.models()

    async def test_cancelling_ends_the_request(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.models = Act.STALL
        asking = asyncio.create_task(model.models())
        received = await server.arrival()
        await cancel(asking, received)
        assert asking.cancelled()
        assert received.abandoned

    async def test_tokens_are_counted_where_that_can_be_asked(
        self, dialect: Dialect, server: Any, model: ChatModel
    ) -> None:
        assert await model.count_tokens(REQUEST) == (7 if dialect.counts else None)
        if dialect.counts:
            [received] = server.counts
            assert QUESTION in str(received.body)
            assert PROMPT in str(received.body)
            server.tokens = dialect.failures["overloaded"]
            with pytest.raises(ModelUnavailable):
                await model.count_tokens(REQUEST)


class TestErrors:
    @pytest.mark.parametrize("delay", [37, 0, None])
    @pytest.mark.parametrize(("scope", "reason"), [("minute", "quota_minute"), ("day", "quota_day"), (None, "quota")])
    async def test_quota(
        self,
        dialect: Dialect,
        server: ScriptServer,
        model: ChatModel,
        delay: int | None,
        scope: Literal["minute", "day"] | None,
        reason: str,
    ) -> None:
        server.script(dialect.quota(delay, scope))
        error = await fails(model)
        assert isinstance(error, QuotaExhausted)
        assert (error.scope, error.reason) == (scope, reason)
        if dialect.midnight and scope == "day":
            assert error.retry_after == pytest.approx(until_midnight(datetime.now(UTC)), abs=30)
        else:
            assert error.retry_after == delay

    async def test_quota_that_ends_in_mid_stream(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        server.script(dialect.text("Hel"), dialect.in_mid_stream(429))
        stream = model.stream(REQUEST)
        assert await anext(stream) == "Hel"
        with pytest.raises(QuotaExhausted):
            await anext(stream)

    @pytest.mark.parametrize(
        ("failure", "reason"),
        [
            ("wrong key", "key"),
            ("no key", "key"),
            ("no right", "permission"),
            ("unknown model", "unknown_model"),
            ("too long", "too_long"),
            ("refused", "refused"),
        ],
    )
    async def test_refusals(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel, failure: str, reason: str
    ) -> None:
        server.script(dialect.failures[failure])
        error = await fails(model)
        assert isinstance(error, InvalidRequest)
        assert error.reason == reason
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "failure",
        [
            "timeout",
            "internal",
            "overloaded",
            Failure(502, "<html>Bad gateway</html>"),
            Failure(503, ["not", {"an": "error"}]),
            Failure(503, {"error": {"details": {"a": 1}}}),
            Failure(503, {"error": "odd"}),
            Failure(503, "null"),
            Failure(200, "<html>Not a stream</html>"),
            Failure(200, ""),
        ],
        ids=str,
    )
    async def test_failures_of_the_server(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel, failure: str | Failure
    ) -> None:
        server.script(dialect.failures[failure] if isinstance(failure, str) else failure)
        error = await fails(model)
        is_page = isinstance(failure, Failure) and failure.code == 200 and "<html>" in str(failure.body)
        assert error.reason == "unavailable" or (is_page and error.reason == "address")
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "end",
        [
            (Act.BREAK_OFF,),
            (Chunk('{"candidates": [{"cont'),),
            (Chunk('{"candidates": }'),),
            (Chunk({"candidates": 7, "choices": 7}),),
            (Chunk({"candidates": [7], "choices": [7]}),),
            (Chunk({"error": {"code": "odd"}}),),
            (Chunk({"error": "odd"}),),
        ],
        ids=["cut", "half a chunk", "no JSON", "odd chunk", "odd choice", "odd code", "odd error"],
    )
    async def test_an_answer_that_breaks_off(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel, end: tuple[Step, ...]
    ) -> None:
        server.script(dialect.text("Hel"), *end)
        stream = model.stream(REQUEST)
        assert await anext(stream) == "Hel"
        with pytest.raises(ModelUnavailable) as caught:
            await anext(stream)
        assert caught.value.reason == "unavailable"
        await happened(server.requests[0].over)

    async def test_an_answer_without_the_word_that_ends_it(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        """OpenAI's protocol has another sign of the end, which its server here sends."""
        server.script(dialect.text("Hel"))
        if dialect.name == "openai":
            assert await collect(model) == ["Hel"]
        else:
            assert isinstance(await fails(model), ModelUnavailable)

    async def test_an_error_of_the_server_in_mid_stream(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        server.script(dialect.text("Hel"), dialect.in_mid_stream(500))
        assert isinstance(await fails(model), ModelUnavailable)

    async def test_nothing_is_tried_twice(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.script(Act.BREAK_OFF)
        server.script(dialect.text("Hel"), Act.BREAK_OFF)
        server.script(dialect.quota(0, None))
        for _ in range(3):
            await fails(model)
        assert len(server.requests) == 3

    async def test_nobody_listens(self, dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with socket.socket() as taken:
            # Bound without listening: nobody else can get the port, and connections to it are refused.
            taken.bind(("127.0.0.1", 0))
            model = dialect.make(KEY, f"http://127.0.0.1:{taken.getsockname()[1]}")
            error = await fails(model)
        assert isinstance(error, ModelUnavailable)
        assert "no connection" in str(error)
        await model.close()

    async def test_a_blocked_prompt(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.script(*dialect.blocked_prompt)
        error = await fails(model)
        assert isinstance(error, Blocked)
        assert error.reason == "blocked"

    async def test_a_blocked_answer(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.script(dialect.text("Hel"), *dialect.blocked_answer)
        stream = model.stream(REQUEST)
        assert await anext(stream) == "Hel"
        with pytest.raises(Blocked):
            [piece async for piece in stream]

    async def test_all_tokens_spent_on_thoughts(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.default = (dialect.thought("Hmm"), *dialect.at_limit)
        for limit, reason in [(50, "spent"), (None, "spent_bound")]:
            error = await fails(model, ChatRequest(REQUEST.messages, REQUEST.model, 1.0, "", max_tokens=limit))
            assert isinstance(error, InvalidRequest)
            assert error.reason == reason

    async def test_an_answer_without_a_word(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.script(dialect.thought("Hmm"), *dialect.end(2, 1, 0))
        error = await fails(model)
        assert isinstance(error, ModelUnavailable)
        assert error.reason == "empty"

    async def test_a_redirect_is_not_followed(self, dialect: Dialect, server: ScriptServer, model: ChatModel) -> None:
        server.default = tuple(dialect.answer("From elsewhere."))
        server.script(Failure(307, "", {"Location": f"{server.url}/elsewhere"}))
        assert (await fails(model)).reason in ("unavailable", "address")
        assert len(server.requests) == 1


class TestSecrets:
    @pytest.mark.parametrize("failure", ["wrong key", "no right", "too long", "refused", "internal"])
    async def test_the_words_of_an_error_stay_where_they_are(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel, caplog: pytest.LogCaptureFixture, failure: str
    ) -> None:
        server.script(dialect.failures[failure])
        await self._reveals_nothing(model, caplog)

    @pytest.mark.parametrize(
        "steps",
        [
            (Failure(502, f"<html>{KEY} {QUESTION}</html>"),),
            (Failure(500, {"error": {"message": KEY, "status": KEY, "code": KEY, "type": KEY}}),),
            (Chunk(f"{{{KEY} {QUESTION}"),),
            (Chunk({"error": {"message": QUESTION, "status": KEY, "code": KEY}}),),
            (Chunk({"candidates": KEY, "choices": KEY}),),
            (Act.BREAK_OFF,),
        ],
        ids=["page", "code words", "half a chunk", "in mid-stream", "odd chunk", "cut"],
    )
    async def test_errors_and_logs_hold_neither_key_nor_conversation(
        self,
        dialect: Dialect,
        server: ScriptServer,
        model: ChatModel,
        caplog: pytest.LogCaptureFixture,
        steps: tuple[Step, ...],
    ) -> None:
        server.script(*(steps if isinstance(steps[0], Failure) else (dialect.text("Hel"), *steps)))
        await self._reveals_nothing(model, caplog)
        assert dialect.sent(server.requests[0]).key == KEY

    async def test_a_whole_answer_leaves_no_trace_in_the_logs(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.script(*dialect.answer(SECRET))
        with caplog.at_level(logging.DEBUG):
            await collect(model)
            await model.models()
            await model.count_tokens(REQUEST)
        self._check(caplog)

    @pytest.mark.parametrize("key", ["", " ", "AIza-two\nlines", "AIza-two\0", "AIza-…"])
    async def test_a_key_that_cannot_be_sent(
        self, dialect: Dialect, server: ScriptServer, caplog: pytest.LogCaptureFixture, key: str
    ) -> None:
        model = dialect.make(key, server.url)
        with caplog.at_level(logging.DEBUG):
            error = await fails(model)
            with pytest.raises(InvalidRequest):
                await model.models()
        assert isinstance(error, InvalidRequest)
        assert error.reason == "key"
        assert "AIza" not in str(error) + caplog.text
        assert not server.requests
        await model.close()

    async def _reveals_nothing(self, model: ChatModel, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            error = await fails(model)
            logging.error("turn failed", exc_info=error)
        assert error.__cause__ is None
        assert error.__context__ is None
        self._check(caplog)

    def _check(self, caplog: pytest.LogCaptureFixture) -> None:
        # Also what is not printed: a handler that writes JSON may show all of a record.
        whole = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
        for secret in (KEY, QUESTION, PROMPT, SECRET):
            assert secret not in whole


class TestStop:
    async def test_closing_the_stream_ends_the_request(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        server.script(dialect.text("Hel"), Act.STALL)
        stream = model.stream(REQUEST)
        assert await anext(stream) == "Hel"
        async with asyncio.timeout(SOON):
            await stream.aclose()
            await server.requests[0].over.wait()
        assert server.requests[0].abandoned

    @pytest.mark.parametrize("steps", [0, 1], ids=["before the first word", "between two words"])
    async def test_cancelling_ends_the_request(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel, steps: int
    ) -> None:
        server.script(*[dialect.text("Hel")][:steps], Act.STALL)
        shown = asyncio.Event()

        async def read() -> None:
            async for _ in model.stream(REQUEST):
                shown.set()

        turn = asyncio.create_task(read())
        received = await server.arrival()
        if steps:
            await happened(shown)
        await cancel(turn, received)
        assert turn.cancelled()
        assert received.abandoned

    async def test_a_stream_that_was_never_read_can_be_closed(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        await model.stream(REQUEST).aclose()
        assert not server.requests

    async def test_the_next_answer_comes_after_a_stop(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        server.script(dialect.text("Hel"), Act.STALL)
        server.script(*dialect.answer("Yes."))
        async with aclosing(model.stream(REQUEST)) as stream:
            await anext(stream)
        assert await collect(model) == ["Yes."]

    async def test_a_stop_does_not_touch_the_answer_that_took_over_the_connection(
        self, dialect: Dialect, server: ScriptServer, model: ChatModel
    ) -> None:
        go = asyncio.Event()
        server.script(*dialect.answer("a"))
        server.script(dialect.text("b"), Until(go), *dialect.answer("c"))
        async with asyncio.timeout(30), aclosing(model.stream(REQUEST)) as second:
            first = model.stream(REQUEST)
            assert await anext(first) == "a"
            assert isinstance(await anext(first), Usage)
            await happened(server.requests[0].over)
            assert await anext(second) == "b"
            await first.aclose()
            go.set()
            assert await anext(second) == "c"
