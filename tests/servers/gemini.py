"""A server on the loopback that speaks Gemini's REST streaming protocol, for the real SDKs to talk to.

    async with GeminiServer() as server:
        server.script(text("Hel"), text("lo"), finish())
        ...  # POST {server.url}/v1beta/models/{model}:streamGenerateContent?alt=sse

Each request takes the oldest script left; one without a script is answered with 501.
"""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Chunk:
    """One event of the stream. A str is sent as it is, JSON or not."""

    body: Mapping[str, Any] | str


@dataclass(frozen=True)
class Failure:
    """An HTTP error in place of a stream: the first and only step of its script."""

    code: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Act(Enum):
    BREAK_OFF = "close the connection without the end of the body"
    STALL = "send nothing more and wait until the client is gone; as the first step, not even headers"


Step = Chunk | Failure | Act


def parts(*given: Mapping[str, Any]) -> Chunk:
    return Chunk({"candidates": [{"content": {"role": "model", "parts": list(given)}, "index": 0}]})


def text(delta: str) -> Chunk:
    return parts({"text": delta})


def thought(delta: str) -> Chunk:
    return parts({"text": delta, "thought": True})


def finish(reason: str = "STOP") -> Chunk:
    """The last chunk of a real answer: no text, the reason and the usage."""
    return Chunk({"candidates": [{"finishReason": reason, "index": 0}], "usageMetadata": {"totalTokenCount": 3}})


def blocked_prompt(reason: str = "SAFETY") -> Chunk:
    return Chunk({"promptFeedback": {"blockReason": reason}})


def error_body(code: int, status: str, message: str = "Refused.", *details: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def failure(code: int, status: str, message: str = "Refused.", *details: Mapping[str, Any]) -> Failure:
    return Failure(code, error_body(code, status, message, *details))


def error_info(reason: str, **metadata: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com", "metadata": metadata}


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota(delay: str | None = None) -> Failure:
    details = [retry_info(delay)] if delay else []
    return failure(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", *details)


@dataclass
class Received:
    """A request as it arrived. `over` is set when its connection ended, `abandoned` when the client ended it."""

    method: str
    target: str
    headers: dict[str, str]
    body: Any
    over: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: bool = False


class GeminiServer:
    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Received] = []
        self._scripts: deque[tuple[Step, ...]] = deque()
        self._arrivals: asyncio.Queue[Received] = asyncio.Queue()
        self._handlers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    def script(self, *steps: Step) -> None:
        """Say how one more request will be answered."""
        self._scripts.append(steps)

    async def arrival(self) -> Received:
        """Wait for the next request that no call of this has returned yet."""
        return await self._arrivals.get()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A plain callback with a task of its own: asyncio's would report the cancellation at the end as an error.
        handler = asyncio.create_task(self._handle(reader, writer))
        self._handlers.add(handler)
        handler.add_done_callback(self._handlers.discard)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received: Received | None = None
        try:
            received = await _read(reader)
            self.requests.append(received)
            self._arrivals.put_nowait(received)
            steps = self._scripts.popleft() if self._scripts else (failure(501, "UNIMPLEMENTED", "No script."),)
            await _play(steps, reader, writer, received)
        except (ConnectionError, asyncio.IncompleteReadError):
            if received:
                received.abandoned = True
        finally:
            writer.close()
            if received:
                received.over.set()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, target, headers, json.loads(body) if body else None)


async def _play(
    steps: tuple[Step, ...], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: Received
) -> None:
    for number, step in enumerate(steps):
        if isinstance(step, Failure):
            return await _send_failure(writer, step)
        if step is Act.STALL:
            received.abandoned = not await reader.read()
            return
        if number == 0:
            _send_head(writer, 200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        if step is Act.BREAK_OFF:
            return await writer.drain()
        assert isinstance(step, Chunk)
        await _send_chunk(writer, step)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _send_head(writer: asyncio.StreamWriter, code: int, headers: Mapping[str, str]) -> None:
    lines = [f"HTTP/1.1 {code} {HTTPStatus(code).phrase}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())


async def _send_failure(writer: asyncio.StreamWriter, step: Failure) -> None:
    body = (step.body if isinstance(step.body, str) else json.dumps(step.body)).encode()
    plain = {"Content-Type": "application/json; charset=UTF-8", "Content-Length": str(len(body))}
    _send_head(writer, step.code, plain | dict(step.headers))
    writer.write(body)
    await writer.drain()


async def _send_chunk(writer: asyncio.StreamWriter, step: Chunk) -> None:
    body = step.body if isinstance(step.body, str) else json.dumps(step.body)
    event = f"data: {body}\r\n\r\n".encode()
    writer.write(b"%x\r\n%s\r\n" % (len(event), event))
    await writer.drain()
