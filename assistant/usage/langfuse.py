"""Traces in Langfuse: one for each call of a model, and a score for the vote on its answer.

Always true: no turn waits for Langfuse or fails because of it, and no text is sent without going through the masker.
"""

import asyncio
import atexit
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

from langfuse import Langfuse, LangfuseGeneration, LangfuseOtelSpanAttributes
from langfuse.api import CreateScoreRequest, NotFoundError
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from .records import CallRecord

logger = logging.getLogger("assistant")

_TEXT = 50_000
"""Characters of a question or an answer that are sent, so that what waits for a slow Langfuse stays small."""
_KEY = 1_000
"""Characters: no key is as long."""
_BATCH = 32
"""Traces a request: 3 MB with the longest texts."""
_TIMEOUT = 5
_VOTES = 1_000
"""Votes that wait at most; the next ones are lost."""
_CLOSE = 2.0
_TELL_AGAIN = 3_600.0
"""Seconds after which a failure is told again."""

_SDK = ("langfuse", "opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk._shared_internal")
"""Loggers that warn of each request that fails."""


class LangfuseTraces:
    """Traces wait in OpenTelemetry's batch, 2,048 at most, then the oldest are lost. Its provider is our own: spans of
    other libraries do not come here, and ours go nowhere else."""

    def __init__(self, public_key: str, secret_key: str, base_url: str, hide: Callable[[str], str]) -> None:
        self._hide, self._quiet = hide, _Quiet(hide)
        # In full, because OpenTelemetry takes what is not said from variables that were meant for others.
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource({"service.name": "threadkeep"}),
            span_limits=SpanLimits(max_span_attributes=128, max_span_attribute_length=_TEXT),
            shutdown_on_exit=False,
        )
        self._client = Langfuse(
            public_key=public_key,
            secret_key=secret_key,
            base_url=base_url,
            timeout=_TIMEOUT,
            flush_at=_BATCH,
            sample_rate=1.0,
            mask=self._mask,
            tracer_provider=self._provider,
        )
        # It would flush when Python ends, however long Langfuse takes; close() has done so.
        if self._client._resources:
            atexit.unregister(self._client._resources.shutdown)
        self._votes: queue.Queue[Callable[[], None] | None] = queue.Queue(_VOTES)
        self._closed = False
        threading.Thread(target=self._send_votes, name="langfuse-votes", daemon=True).start()

    def record(self, call: CallRecord) -> None:
        try:
            if call.traced and not self._closed:
                self._record(call)
        except Exception as error:
            self._quiet.tell(error)

    def _record(self, call: CallRecord) -> None:
        whose: dict[str, str | bool] = {
            LangfuseOtelSpanAttributes.AS_ROOT: True,
            LangfuseOtelSpanAttributes.TRACE_NAME: call.kind,
            LangfuseOtelSpanAttributes.TRACE_SESSION_ID: call.thread_id,
        }
        if call.user:
            whose[LangfuseOtelSpanAttributes.TRACE_USER_ID] = call.user
        # The tracer underneath, because start_observation() knows no other start than now.
        span = self._client._otel_tracer.start_span(
            call.kind, _inside(_trace_id(call.id)), attributes=whose, start_time=call.started_at * 1_000
        )
        generation = LangfuseGeneration(
            otel_span=span,
            langfuse_client=self._client,
            input=_beginning(call.question),
            output=_beginning(call.answer),
            model=self._hide(call.model),
            level=_level(call),
            status_message=self._hide(call.fallback) if call.fallback else None,
            completion_start_time=None if call.first_token is None else _moment(call.started_at + call.first_token),
            usage_details=_usage(call),
            cost_details={"total": call.cost.nano_usd / 1e9} if call.cost else None,
            metadata=_metadata(call),
        )
        generation.end(end_time=(call.started_at + call.latency) * 1_000)

    def _mask(self, *, data: Any, **_: Any) -> Any:
        if isinstance(data, Mapping):
            return {key: self._mask(data=value) for key, value in data.items()}
        return self._hide(data) if isinstance(data, str) else data

    def score(self, call_id: str, value: int | None, comment: str | None, at: int | None = None) -> None:
        with suppress(queue.Full):
            self._votes.put_nowait(partial(self._vote, call_id, value, comment, at))

    def _vote(self, call_id: str, value: int | None, comment: str | None, at: int | None) -> None:
        trace = _trace_id(call_id)
        score = f"user_feedback-{trace}"
        if value is None:
            with suppress(NotFoundError):
                self._client.api.scores.delete(score)
            return
        fields = {
            "id": score,
            "trace_id": trace,
            "name": "user_feedback",
            "value": value,
            "data_type": "BOOLEAN",
            "comment": self._hide(comment) if comment else None,
            "timestamp": None if at is None else _moment(at),
        }
        # A field that is set to None would be sent as null.
        given = {key: field for key, field in fields.items() if field is not None}
        self._client.api.scores.create(request=[CreateScoreRequest.model_validate(given)])

    def _send_votes(self) -> None:
        # One after the other, so that the last vote counts: the SDK's own queue sends in its own time, and deletes not
        # at all.
        while send := self._votes.get():
            try:
                send()
            except Exception as error:
                self._quiet.tell(f"status {getattr(error, 'status_code', None)}, {type(error).__name__}")
            finally:
                self._votes.task_done()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def finish() -> None:
            self._finish()
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(done.set)

        # Not in an executor: Python would wait at its end for as long as Langfuse takes.
        threading.Thread(target=finish, name="langfuse-close", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE):
                await done.wait()

    def _finish(self) -> None:
        try:
            # First, because it alone gives up by itself: the SDK's flush waits for each batch that is left.
            self._provider.shutdown()
            self._client.shutdown()
            self._votes.join()
        except Exception as error:
            self._quiet.tell(error)
        finally:
            self._votes.put(None)
            self._quiet.end()


class _Quiet(logging.Filter):
    """Tells in one line that Langfuse fails, in place of all that the SDK says of it."""

    def __init__(self, hide: Callable[[str], str]) -> None:
        super().__init__()
        self._hide, self._warned_at = hide, -_TELL_AGAIN
        for name in _SDK:
            logging.getLogger(name).addFilter(self)

    def end(self) -> None:
        for name in _SDK:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            self.tell(record.getMessage())
        return record.levelno < logging.WARNING

    def tell(self, reason: object) -> None:
        if time.monotonic() - self._warned_at >= _TELL_AGAIN:
            self._warned_at = time.monotonic()
            logger.warning("Langfuse takes no traces now; the chat goes on. %s", self._hide(str(reason))[:200])


def _beginning(text: str) -> str:
    """What is kept of ``text``, cut before keys are looked for: between two words, so that none is cut in two."""
    if len(text) <= _TEXT:
        return text
    kept = text[:_TEXT]
    whole, _, last = kept.rpartition(" ")
    return whole if len(last) < _KEY else kept


def _trace_id(call_id: str) -> str:
    return Langfuse.create_trace_id(seed=call_id)


def _inside(trace_id: str) -> Context:
    """A context in which a span belongs to the trace, and to nothing that is current here.

    OpenTelemetry gives a span without a parent an id of its own choice, so it gets one that does not exist, as the
    SDK's ``trace_context`` does. AS_ROOT tells Langfuse.
    """
    flags = TraceFlags(TraceFlags.SAMPLED)
    parent = SpanContext(int(trace_id, 16), int(trace_id[:16], 16), is_remote=False, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _level(call: CallRecord) -> Literal["DEFAULT", "WARNING", "ERROR"]:
    if call.fallback:
        return "WARNING"
    return "ERROR" if call.status == "failed" else "DEFAULT"


def _usage(call: CallRecord) -> dict[str, int] | None:
    """Langfuse adds up all that has "input" in its name, so cached tokens are not among the others."""
    if call.usage is None:
        return None
    cached = min(call.usage.tokens_cached, call.usage.tokens_in)
    return {
        "input": call.usage.tokens_in - cached,
        "output": call.usage.tokens_out,
        **({"input_cached_tokens": cached} if cached else {}),
    }


def _metadata(call: CallRecord) -> dict[str, str | int | None]:
    return {
        "provider": call.provider,
        "status": call.status,
        "fallback": call.fallback,
        "latency_ms": call.latency // 1_000,
        "price_version": call.cost.version if call.cost else None,
        "estimated": call.estimated,
    }


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
