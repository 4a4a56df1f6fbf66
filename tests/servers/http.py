"""A server on the loopback that answers by script, whatever protocol it speaks; and the same as a process of its own.

Each request for an answer takes the oldest script left, then ``default``; without either it is answered with 501.
"""

import argparse
import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
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


@dataclass(frozen=True)
class Pause:
    """Send nothing for a time. For the benchmark and for people: tests wait for events."""

    seconds: float


@dataclass(frozen=True)
class Until:
    """Send nothing until ``event`` is set."""

    event: asyncio.Event


class Act(Enum):
    BREAK_OFF = "close the connection without the end of the body"
    STALL = "send nothing more and wait until the client is gone; as the first step, not even headers"


Step = Chunk | Failure | Pause | Until | Act


@dataclass
class Received:
    """A request as it arrived. `over` is set when its answer or its connection has ended, `abandoned` when the client
    ended it. `port`: the client's, so that one can see which requests shared a connection."""

    method: str
    target: str
    headers: dict[str, str]
    body: Any
    port: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: bool = False


@dataclass(frozen=True)
class Framing:
    """How the events of a stream are written: ``before`` the first, ``between`` two, ``around`` each, ``after`` all."""

    media_type: str
    around: str = "{}"
    before: str = ""
    between: str = ""
    after: str = ""


def sse(after: str = "") -> Framing:
    return Framing("text/event-stream", "data: {}\r\n\r\n", after=after)


class ScriptServer:
    """``requests``: those for an answer. ``lists``: those for the models, answered from ``models``: a list in the words
    of the protocol, or a step."""

    def __init__(self, default: Sequence[Step] = ()) -> None:
        self.url = ""
        self.default = tuple(default)
        self.requests: list[Received] = []
        self.lists: list[Received] = []
        self.models: Any = []
        self._scripts: deque[tuple[Step, ...]] = deque()
        self._arrivals: asyncio.Queue[Received] = asyncio.Queue()
        self._handlers: set[asyncio.Task[None]] = set()

    def framing(self, received: Received) -> Framing:
        """How the answer to ``received`` is written."""
        raise NotImplementedError

    def aside(self, received: Received) -> Any:
        """The answer to what asks for no answer of a model, JSON or a step; None for all else."""
        raise NotImplementedError

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        await self.start()
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
        """Wait for the next request, of whatever kind, that no call of this has returned yet."""
        return await self._arrivals.get()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A plain callback with a task of its own: asyncio's would report the cancellation at the end as an error.
        handler = asyncio.create_task(self._handle(reader, writer))
        self._handlers.add(handler)
        handler.add_done_callback(self._handlers.discard)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received: Received | None = None
        try:
            # A client may keep its connection for more requests.
            while received := await _read(reader):
                received.port = writer.get_extra_info("peername")[1]
                if not await self._answer(received, reader, writer):
                    break
                received.over.set()
                received = None
        except (ConnectionError, asyncio.IncompleteReadError):
            if received:
                received.abandoned = True
        finally:
            writer.close()
            if received:
                received.over.set()

    async def _answer(self, received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the answer came to its end."""
        aside = self.aside(received)
        if aside is None:
            self.requests.append(received)
        self._arrivals.put_nowait(received)
        if aside is None:
            steps = self._scripts.popleft() if self._scripts else self.default
            steps = steps or (Failure(501, "No script."),)
        else:
            steps = (aside if isinstance(aside, Step) else Failure(200, aside),)
        return await _play(steps, self.framing(received), reader, writer, received)


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, target, headers, json.loads(body) if body else None)


async def _play(
    steps: Sequence[Step],
    framing: Framing,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    received: Received,
) -> bool:
    begun = sent = False
    for step in steps:
        match step:
            case Failure():
                await _send_whole(writer, step)
                return True
            case Pause(seconds):
                await asyncio.sleep(seconds)
                continue
            case Until(event):
                await event.wait()
                continue
            case Act.STALL:
                received.abandoned = not await reader.read()
                return False
        if not begun:
            begun = True
            content = f"{framing.media_type}; charset=UTF-8"
            _send_head(writer, 200, {"Content-Type": content, "Transfer-Encoding": "chunked"})
        if step is Act.BREAK_OFF:
            await writer.drain()
            return False
        assert isinstance(step, Chunk)
        body = step.body if isinstance(step.body, str) else json.dumps(step.body)
        _send_chunk(writer, (framing.between if sent else framing.before) + framing.around.replace("{}", body))
        sent = True
        await writer.drain()
    if not begun:
        _send_head(writer, 200, {"Content-Type": framing.media_type, "Transfer-Encoding": "chunked"})
    _send_chunk(writer, ("" if sent else framing.before) + framing.after)
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def _send_head(writer: asyncio.StreamWriter, code: int, headers: Mapping[str, str]) -> None:
    lines = [f"HTTP/1.1 {code} {HTTPStatus(code).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())


async def _send_whole(writer: asyncio.StreamWriter, step: Failure) -> None:
    body = (step.body if isinstance(step.body, str) else json.dumps(step.body)).encode()
    plain = {"Content-Type": "application/json; charset=UTF-8", "Content-Length": str(len(body))}
    _send_head(writer, step.code, plain | dict(step.headers))
    writer.write(body)
    await writer.drain()


def _send_chunk(writer: asyncio.StreamWriter, text: str) -> None:
    data = text.encode()
    if data:
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))


def main(make: Callable[[Sequence[Step]], ScriptServer], text: Callable[[str], Step], *end: Step) -> None:
    """Run the server as a process that answers every request alike. Ends with the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--tokens", type=int, default=50, help="pieces of an answer")
    parser.add_argument("--first", type=float, default=0.0, help="seconds to the first piece")
    parser.add_argument("--between", type=float, default=0.0, help="seconds between two pieces")
    given = parser.parse_args()
    steps: list[Step] = [Pause(given.first)]
    for number in range(given.tokens):
        steps += [text(f"word{number} "), Pause(given.between)]
    asyncio.run(_serve(make([*steps, *end]), given.port))


async def _serve(server: ScriptServer, port: int) -> None:
    await server.start(port)
    print(server.url, flush=True)
    await asyncio.Event().wait()
