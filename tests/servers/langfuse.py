"""A server on the loopback that takes what Langfuse's SDK sends: traces as OTLP protobuf, scores as JSON.

    with LangfuseServer() as server:
        ...  # send traces to server.url
        spans = server.wait_for_spans(1)

It answers as Langfuse does until it is told to ``act`` otherwise.
"""

import gzip
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeVar

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

TRACES, SCORES = "/api/public/otel/v1/traces", "/api/public/scores"
_PATIENCE = 60.0
T = TypeVar("T")


class Act(Enum):
    TAKE = "answer as Langfuse does"
    FAIL = "500"
    REFUSE = "401"
    GARBAGE = "200 with a body that is neither JSON nor protobuf"
    STALL = "read the request and answer nothing until the server lets go"
    DROP = "close the connection without an answer"


@dataclass(frozen=True)
class Span:
    """A span as it arrived. ``start``, ``end``: nanoseconds of the epoch. ``scope``: name of who made it."""

    trace_id: str
    span_id: str
    name: str
    scope: str
    start: int
    end: int
    attributes: dict[str, Any]
    resource: dict[str, Any]

    def json(self, key: str) -> Any:
        return json.loads(self.attributes[key])


class LangfuseServer:
    """``requests``: method, path and Authorization header of each. ``held``: set when a request is stalled. ``raw``:
    all that came, uncompressed."""

    def __init__(self) -> None:
        self.act = Act.TAKE
        self.requests: list[tuple[str, str, str]] = []
        self.spans: list[Span] = []
        self.scores: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.raw = b""
        self.held = threading.Event()
        self._free = threading.Event()
        self._news = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free.set()
        self._server.shutdown()
        self._server.server_close()

    def let_go(self) -> None:
        """Closes the connections that are stalled, and takes what comes from now on."""
        self.act = Act.TAKE
        self._free.set()

    def wait_for_spans(self, count: int) -> list[Span]:
        return self._wait(lambda: self.spans if len(self.spans) >= count else None)

    def wait_for_scores(self, count: int) -> list[dict[str, Any]]:
        return self._wait(lambda: self.scores if len(self.scores) >= count else None)

    def wait_for_requests(self, count: int) -> list[tuple[str, str, str]]:
        return self._wait(lambda: self.requests if len(self.requests) >= count else None)

    def _wait(self, found: Callable[[], list[T] | None]) -> list[T]:
        with self._news:
            result = self._news.wait_for(found, _PATIENCE)
        assert result is not None, f"after {_PATIENCE} s: {self.requests}"
        return list(result)

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server._handle(self, gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)

            def do_DELETE(self) -> None:
                server._handle(self, b"")

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _handle(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        act = self.act
        with self._news:
            self.requests.append((request.command, request.path, request.headers["Authorization"] or ""))
            self.raw += body
            if act is Act.TAKE:
                self._keep(request.command, request.path, body)
            self._news.notify_all()
        if act is Act.STALL:
            self.held.set()
            self._free.wait()
        if act in (Act.STALL, Act.DROP):
            request.close_connection = True
            return
        code = {Act.FAIL: 500, Act.REFUSE: 401}.get(act, 200)
        answer = b'{"accepted": 1, "rejected": 0, "errors": []}' if act is Act.TAKE else b"<html>\xff not Langfuse"
        if act is Act.TAKE and request.path == TRACES:
            answer = b""
        request.send_response(code)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def _keep(self, method: str, path: str, body: bytes) -> None:
        if method == "DELETE":
            self.deleted.append(path.removeprefix(f"{SCORES}/"))
        elif path == TRACES:
            self.spans += _spans(ExportTraceServiceRequest.FromString(body))
        else:
            assert path == SCORES, path
            self.scores += json.loads(body)


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    return [
        Span(
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            name=span.name,
            scope=group.scope.name,
            start=span.start_time_unix_nano,
            end=span.end_time_unix_nano,
            attributes=_values(span.attributes),
            resource=_values(sender.resource.attributes),
        )
        for sender in request.resource_spans
        for group in sender.scope_spans
        for span in group.spans
    ]


def _values(pairs: "list[KeyValue]") -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
