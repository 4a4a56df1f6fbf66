"""Traces, as a server on the loopback gets them from the real SDK."""

import base64
import json
import logging
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from assistant.models.base import Usage
from assistant.usage import langfuse as langfuse_traces
from assistant.usage.records import CallRecord, Cost
from assistant.usage.tracing import NoTraces, Traces, masker, traces
from tests.client import until
from tests.processes import ROOT, environment, free_port, run
from tests.servers.langfuse import TRACES, Act, LangfuseServer, Span

Start = Callable[..., Traces]

CALL = CallRecord(
    id="step-1",
    thread_id="thread-1",
    user="ada",
    model="gemini-2.5-flash",
    provider="gemini",
    status="complete",
    usage=Usage(tokens_in=5_000, tokens_out=200, tokens_cached=4_000),
    cost=Cost(nano_usd=920_000, version="2026-08-05"),
    started_at=1_790_000_000_123_456,
    latency=2_500_000,
    first_token=400_000,
    question="What is a fjord?",
    answer="A long, narrow inlet.",
)
# As Langfuse derives it: the first half of the SHA-256 of "step-1".
TRACE_ID = "fec07dd14ac0d78fb9e88ad5bb1e2db3"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine is no Langfuse that stalls."""
    monkeypatch.setattr(langfuse_traces, "_CLOSE", 60.0)
    monkeypatch.setattr(langfuse_traces, "_TIMEOUT", 60)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is to arrive: it is soon given up."""
    monkeypatch.setattr(langfuse_traces, "_CLOSE", 0.1)
    monkeypatch.setattr(langfuse_traces, "_TIMEOUT", 1)
    monkeypatch.setattr(langfuse_traces, "_VOTES", 10)


@pytest.fixture
def server() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        yield server


@pytest.fixture
async def start(server: LangfuseServer) -> AsyncIterator[Start]:
    """Makes traces that are closed after the test. Each has a project of its own: the SDK keeps one client a key."""
    made: list[Traces] = []

    def make(*secrets: str, url: str = server.url) -> Traces:
        made.append(traces(f"pk-lf-{uuid.uuid4()}", "sk-lf-4b1d", url, secrets))
        return made[-1]

    yield make
    server.let_go()
    for each in made:
        await each.close()
    for thread in threading.enumerate():
        if thread.name == "langfuse-close":
            thread.join()


def observation(span: Span, key: str) -> Any:
    return span.attributes.get(f"langfuse.observation.{key}")


async def sent(server: LangfuseServer, langfuse: Traces, call: CallRecord) -> Span:
    """The call as the server has it. Closing is what sends it at once."""
    langfuse.record(call)
    await langfuse.close()
    (span,) = server.spans
    return span


async def until_told(caplog: pytest.LogCaptureFixture) -> None:
    async def any_told() -> bool:
        return bool(told(caplog))

    await until(any_told)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Warnings of whatever logger."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


class TestTrace:
    async def test_a_turn_as_it_arrives(self, server: LangfuseServer, start: Start) -> None:
        span = await sent(server, start(), CALL)
        assert (span.trace_id, span.name) == (TRACE_ID, "turn")
        assert (span.attributes["session.id"], span.attributes["user.id"]) == ("thread-1", "ada")
        assert (span.start, span.end) == (1_790_000_000_123_456_000, 1_790_000_002_623_456_000)
        assert observation(span, "type") == "generation"
        assert observation(span, "model.name") == "gemini-2.5-flash"
        assert observation(span, "input") == "What is a fjord?"
        assert observation(span, "output") == "A long, narrow inlet."
        assert json.loads(observation(span, "completion_start_time")) == "2026-09-21T14:13:20.523456Z"
        assert json.loads(observation(span, "cost_details")) == {"total": 0.00092}
        assert observation(span, "level") == "DEFAULT"
        assert observation(span, "status_message") is None

    async def test_cached_tokens_are_not_counted_twice(self, server: LangfuseServer, start: Start) -> None:
        span = await sent(server, start(), CALL)
        counts = json.loads(observation(span, "usage_details"))
        assert counts == {"input": 1_000, "output": 200, "input_cached_tokens": 4_000}

    async def test_what_else_is_known_is_metadata(self, server: LangfuseServer, start: Start) -> None:
        span = await sent(server, start(), CALL)
        prefix = "langfuse.observation.metadata."
        found = {key.removeprefix(prefix): span.json(key) for key in span.attributes if key.startswith(prefix)}
        assert found == {
            "provider": "gemini",
            "status": "complete",
            "latency_ms": 2_500,
            "price_version": "2026-08-05",
            "estimated": False,
        }

    async def test_an_answer_of_the_formatter_is_a_warning(self, server: LangfuseServer, start: Start) -> None:
        span = await sent(
            server,
            start(),
            replace(CALL, status="failed", fallback="quota_day", usage=None, cost=None, first_token=None),
        )
        assert (observation(span, "level"), observation(span, "status_message")) == ("WARNING", "quota_day")
        assert observation(span, "usage_details") is None
        assert observation(span, "cost_details") is None
        assert observation(span, "completion_start_time") is None

    async def test_a_failure_is_an_error(self, server: LangfuseServer, start: Start) -> None:
        span = await sent(server, start(), replace(CALL, status="failed"))
        assert observation(span, "level") == "ERROR"

    async def test_who_does_not_log_in_has_no_name(self, server: LangfuseServer, start: Start) -> None:
        span = await sent(server, start(), replace(CALL, user=None))
        assert "user.id" not in span.attributes

    async def test_a_very_long_text_is_cut(self, server: LangfuseServer, start: Start) -> None:
        span = await sent(server, start(), replace(CALL, answer="é" * 200_000))
        assert observation(span, "output") == "é" * 50_000

    async def test_a_key_at_the_cut_is_not_cut_in_two(self, server: LangfuseServer, start: Start) -> None:
        key = "sk-" + "a1" * 20
        span = await sent(server, start(), replace(CALL, question="word " * 9_998 + key + " and more"))
        assert "sk-" not in observation(span, "input")

    async def test_closing_sends_what_waits(self, server: LangfuseServer, start: Start) -> None:
        langfuse = start()
        for number in range(100):
            langfuse.record(replace(CALL, id=f"step-{number}"))
        await langfuse.close()
        assert len({span.trace_id for span in server.spans}) == 100

    async def test_the_keys_are_those_given(self, server: LangfuseServer) -> None:
        langfuse = traces("pk-lf-1", "sk-lf-2", f"{server.url}/")
        langfuse.record(CALL)
        await langfuse.close()
        assert server.requests == [("POST", TRACES, "Basic " + base64.b64encode(b"pk-lf-1:sk-lf-2").decode())]


class TestVote:
    async def test_a_thumb_is_a_score_of_the_trace(self, server: LangfuseServer, start: Start) -> None:
        start().score("step-1", 1, "Clear.", at=CALL.started_at)
        (score,) = server.wait_for_scores(1)
        assert score == {
            "id": f"user_feedback-{TRACE_ID}",
            "traceId": TRACE_ID,
            "name": "user_feedback",
            "value": 1,
            "dataType": "BOOLEAN",
            "comment": "Clear.",
            "timestamp": "2026-09-21T14:13:20.123456Z",
        }

    async def test_a_changed_vote_replaces_the_first(self, server: LangfuseServer, start: Start) -> None:
        langfuse = start()
        langfuse.score("step-1", 1, None, at=CALL.started_at)
        langfuse.score("step-1", 0, None, at=CALL.started_at)
        first, second = server.wait_for_scores(2)
        assert (first["value"], second["value"]) == (1, 0)
        assert {key: first[key] for key in ("id", "timestamp")} == {key: second[key] for key in ("id", "timestamp")}

    async def test_what_is_not_said_is_not_sent(self, server: LangfuseServer, start: Start) -> None:
        start().score("step-1", 0, None)
        (score,) = server.wait_for_scores(1)
        assert score.keys() == {"id", "traceId", "name", "value", "dataType"}

    async def test_a_vote_can_be_taken_back_and_given_again(self, server: LangfuseServer, start: Start) -> None:
        langfuse = start()
        langfuse.score("step-1", 1, None)
        langfuse.score("step-1", None, None)
        langfuse.score("step-1", 0, None)
        server.wait_for_scores(2)
        assert [method for method, _, _ in server.requests] == ["POST", "DELETE", "POST"]
        assert server.deleted == [f"user_feedback-{TRACE_ID}"]


class TestSecrets:
    async def test_nothing_secret_is_sent(self, server: LangfuseServer, start: Start) -> None:
        langfuse = start("correct horse", "p@ss/word", "")
        leak = "correct horse, postgresql://me:p%40ss%2Fword@db, p@ss/word, sk-lf-4b1d"
        call = replace(CALL, question=leak, answer=leak, model=leak, provider=leak, fallback=leak)
        langfuse.score("step-1", 0, leak)
        span = await sent(server, langfuse, call)
        (score,) = server.scores
        hidden = "•••, postgresql://me:•••@db, •••, •••"
        assert (observation(span, "input"), observation(span, "output"), score["comment"]) == (hidden, hidden, hidden)
        for secret in (b"horse", b"p%40ss", b"p@ss", b"sk-lf-4b1d"):
            assert secret not in server.raw

    @pytest.mark.parametrize(
        "key",
        [
            "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
            "sk-proj-Zr8uT1xQ0pLw9aBc",
            "sk-ant-api03-Zr8uT1xQ0pLw9aBc_-AA",
            "sk-lf-5f0d3c1e-7d0a-4c63-9f1b-2f6d3c1b7a55",
            "pk-lf-5f0d3c1e-7d0a-4c63-9f1b-2f6d3c1b7a55",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.Et9HFtf9R3GEMA0IICOfFMVXY7kkTX1wr4qCyhIf58U",
        ],
    )
    def test_what_looks_like_a_key_is_hidden(self, key: str) -> None:
        assert masker([])(f"Here: {key}.") in ("Here: •••.", "Here: •••")

    @pytest.mark.parametrize(
        "text", ["risk-management-framework-2024", "sk-learn", "the bearer of this letter", "Bearer of good news", ""]
    )
    def test_words_are_not(self, text: str) -> None:
        assert masker(["", "hunter2"])(text) == text

    def test_a_secret_that_begins_with_another_is_hidden_whole(self) -> None:
        assert masker(["abc", "abcdef"])("abcdef abc") == "••• •••"


# Another library's spans, which the SDK would take by their name, around ours.
_OTHERS = """
import asyncio, sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from assistant.usage.tracing import traces
from tests.assistant.usage.test_tracing import CALL

exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
langfuse = traces("pk-lf-1", "sk-lf-1", sys.argv[1])
with trace.get_tracer("openinference.x").start_as_current_span("theirs", attributes={"gen_ai.system": "x"}):
    langfuse.record(CALL)
asyncio.run(langfuse.close())
print([span.name for span in exporter.get_finished_spans()])
"""
_WITHOUT_KEYS = """
import asyncio, sys
from assistant.usage.tracing import traces
none = traces(None, "sk-lf-1", None)
none.score("step-1", 1, None)
asyncio.run(none.close())
sys.exit(any(name in sys.modules for name in ("langfuse", "opentelemetry", "httpx")))
"""
_END = """
import asyncio, sys
from assistant.usage import langfuse as langfuse_traces
from assistant.usage.tracing import traces
from tests.assistant.usage.test_tracing import CALL
langfuse_traces._CLOSE = 0.1
langfuse = traces("pk-lf-1", "sk-lf-1", sys.argv[1])
for _ in range(1_000):
    langfuse.record(CALL)
    langfuse.score("step-1", 1, None)
if sys.argv[2] == "close":
    asyncio.run(langfuse.close())
print("end of the program")
"""


class TestOthers:
    def test_spans_of_other_libraries_stay_apart(self, server: LangfuseServer) -> None:
        ended = run(_OTHERS, server.url, cwd=ROOT)
        assert ended.stdout == "['theirs']\n", ended.stderr
        assert [(span.name, span.trace_id) for span in server.spans] == [("turn", TRACE_ID)]

    def test_without_keys_nothing_is_imported(self) -> None:
        assert subprocess.run([sys.executable, "-c", _WITHOUT_KEYS], env=environment({})).returncode == 0

    @pytest.mark.parametrize(("public", "secret"), [(None, None), ("pk-lf-1", None), (None, "sk-lf-1"), ("", "")])
    def test_both_keys_are_needed(self, public: str | None, secret: str | None) -> None:
        assert isinstance(traces(public, secret, None), NoTraces)


class TestFailures:
    @pytest.mark.usefixtures("hasty")
    @pytest.mark.parametrize("act", [Act.FAIL, Act.REFUSE, Act.DROP])
    async def test_a_failing_langfuse_is_told_once(
        self, act: Act, server: LangfuseServer, start: Start, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.act = act
        langfuse = start()
        for number in range(64):
            langfuse.record(replace(CALL, id=f"step-{number}"))
        langfuse.score("step-1", 1, None)
        server.wait_for_requests(3)
        await until_told(caplog)
        await langfuse.close()
        (message,) = told(caplog)
        assert message.startswith("Langfuse takes no traces now; the chat goes on. ")
        assert server.spans == []

    @pytest.mark.usefixtures("hasty")
    async def test_garbage_is_told_once(
        self, server: LangfuseServer, start: Start, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.act = Act.GARBAGE
        langfuse = start()
        langfuse.record(CALL)
        langfuse.score("step-1", 1, None)
        langfuse.score("step-1", 0, None)
        server.wait_for_requests(2)
        await until_told(caplog)
        await langfuse.close()
        assert len(told(caplog)) == 1

    @pytest.mark.usefixtures("hasty")
    async def test_nobody_there_is_told_once(self, start: Start, caplog: pytest.LogCaptureFixture) -> None:
        langfuse = start(url=f"http://127.0.0.1:{free_port()}")
        langfuse.record(CALL)
        langfuse.score("step-1", 1, None)
        await until_told(caplog)
        await langfuse.close()
        assert len(told(caplog)) == 1

    @pytest.mark.usefixtures("hasty")
    async def test_nobody_waits_for_a_stalled_langfuse(self, server: LangfuseServer, start: Start) -> None:
        server.act = Act.STALL
        langfuse = start()
        langfuse.score("step-1", 1, None)
        assert server.held.wait(20)
        for number in range(20):  # more votes than may wait
            langfuse.record(replace(CALL, id=f"step-{number}"))
            langfuse.score(f"step-{number}", 1, None)
        await langfuse.close()
        assert "langfuse-close" in {thread.name for thread in threading.enumerate()}  # it goes on, alone
        assert (server.spans, server.scores) == ([], [])

    async def test_the_queue_has_an_end(
        self, server: LangfuseServer, start: Start, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.act = Act.STALL
        langfuse = start()
        for number in range(2_048 + 2 * 32):
            langfuse.record(replace(CALL, id=f"step-{number}"))
        assert told(caplog) == ["Langfuse takes no traces now; the chat goes on. Queue full, dropping Span."]
        server.let_go()
        await langfuse.close()
        assert len(server.spans) <= 2_048 + 32

    async def test_a_bad_record_breaks_nothing(
        self, server: LangfuseServer, start: Start, caplog: pytest.LogCaptureFixture
    ) -> None:
        langfuse = start()
        langfuse.record(replace(CALL, started_at="yesterday"))  # type: ignore[arg-type]
        await sent(server, langfuse, CALL)
        assert len(told(caplog)) == 1

    @pytest.mark.parametrize("how", ["close", "just end"])
    def test_the_program_ends_while_langfuse_stalls(self, how: str, server: LangfuseServer) -> None:
        server.act = Act.STALL
        ended = run(_END, server.url, how, cwd=ROOT)
        assert (ended.returncode, ended.stdout) == (0, "end of the program\n"), ended.stderr
        assert (server.spans, server.scores) == ([], [])
