"""What is shown of a conversation on one instance, told to the others: Redis pub/sub, one channel a conversation.

Always true: nobody waits for Redis here, and nothing raises because of it. Who hears another instance gets a state of
it first, then all that it says after that, in order, without a gap and without a double.
"""

import asyncio
import json
import logging
import secrets
import time
from contextlib import suppress
from contextvars import Context
from typing import Any, Protocol
from weakref import ReferenceType, WeakValueDictionary, finalize, ref

from redis.asyncio.client import PubSub

from datalayer.records import user_id

from ..memory.link import CALL, PAUSE, connect, reason

logger = logging.getLogger("assistant")

PREFIX = "chat_live:"
_BYTES, _WAITING = 8_000_000, 32_000_000
"""Of one message, and of all that wait for Redis. What is more is not sent: who misses it asks for the state."""
_ASK, _CHECK = 0.5, 5.0
"""Seconds between two questions for a state that is missing; and for one that should be known."""


class Hears(Protocol):
    def state(self) -> Any:
        """All that an instance that comes now must be told: JSON."""

    async def hear(self, by: str, event: str, data: Any) -> None:
        """What the instance ``by`` has said; "state": what its `state` gave. Of nobody in particular (""): "alone":
        nobody else can be heard now, "back": what was said meanwhile is lost."""


class Line:
    """A conversation's way to the other instances that show it."""

    def __init__(self, relay: "Relay", channel: str, room: Hears) -> None:
        self.id, self.channel = secrets.token_hex(8), channel
        self.said, self.heard, self.asked = 0, dict[str, int](), 0.0
        self.shared = self.missed = False
        self._relay, self._room = relay, ref(room)

    def say(self, event: str, data: Any = None) -> None:
        """To the other instances, if there are any."""
        if self.shared:
            self.said += 1
            self._relay.send(self, event, data)

    def ask(self, every: float = 0.0) -> None:
        if time.monotonic() - self.asked >= every:
            self.asked = time.monotonic()
            self._relay.send(self, "ask", None)

    async def take(self, by: str, number: int, event: str, data: Any) -> None:
        room, known = self._room(), self.heard.get(by)
        if room is None or by == self.id:
            return
        self.shared = True
        if event == "ask":
            self._relay.send(self, "state", room.state())
        elif (event == "state" and number != known) or number == (known or 0) + 1:
            self.heard[by] = number
            await room.hear(by, event, data)
        elif event != "state" and number > (known or 0):
            self.ask(_ASK)

    async def confirmed(self) -> None:
        """Redis tells what is said from now on."""
        room = self._room()
        if self.missed and room is not None:
            self.missed = False
            await room.hear("", "back", None)
        self.ask()

    async def alone(self) -> None:
        self.shared = False
        self.heard.clear()
        if (room := self._room()) is not None:
            await room.hear("", "alone", None)


class Relay:
    def __init__(self, url: str) -> None:
        """Connects when there is a conversation. Raises ValueError or TypeError for a URL that cannot be Redis's."""
        self._client = connect(url, retries=0, socket_keepalive=True)
        self._lines: WeakValueDictionary[str, Line] = WeakValueDictionary()
        self._known: dict[str, ReferenceType[Line]] = {}
        """By channel, what Redis was asked to tell."""
        self._out: list[tuple[str, str]] = []
        self._bytes = 0
        self._wake = asyncio.Event()
        self._away = False
        self._runner: asyncio.Task[None] | None = None

    def open(self, user: str, thread_id: str, room: Hears) -> Line:
        """For as long as it is held. ``user``: the identifier."""
        line = Line(self, f"{PREFIX}{user_id(user)}:{thread_id}", room)
        self._lines[line.channel] = line
        finalize(line, self._wake.set)
        self._wake.set()
        if self._runner is None:
            # Not as the page that happens to be the first: what is heard is nobody's in particular.
            self._runner = asyncio.create_task(self._run(), context=Context())
        return line

    def send(self, line: Line, event: str, data: Any) -> None:
        body = json.dumps([line.id, line.said, event, data])
        if not self._away and len(body) <= _BYTES and self._bytes + len(body) <= _WAITING:
            self._out.append((line.channel, body))
            self._bytes += len(body)
            self._wake.set()

    async def close(self) -> None:
        if self._runner:
            self._runner.cancel()
            await asyncio.wait([self._runner])
        await self._client.aclose()

    async def _run(self) -> None:
        while True:
            try:
                async with self._client.pubsub() as heard, asyncio.TaskGroup() as both:
                    async with asyncio.timeout(CALL):
                        await heard.subscribe(PREFIX)  # there is no listening to nothing
                    both.create_task(self._listen(heard))
                    both.create_task(self._write(heard))
            except Exception as error:  # also what redis-py makes of a server that is none
                await self._lose(error)
            await asyncio.sleep(PAUSE)

    async def _lose(self, error: Exception) -> None:
        cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
        if not self._away:
            logger.warning("conversations are not shared with other instances: %s", reason(cause))
        self._away = True
        self._known.clear()
        self._out.clear()
        self._bytes = 0
        for line in list(self._lines.values()):
            line.missed = True
            await line.alone()

    async def _listen(self, heard: PubSub) -> None:
        async for message in heard.listen():
            await self._hear(message)

    # Not within the loops, whose frames would hold the last line while they wait.
    async def _hear(self, message: dict[str, Any]) -> None:
        line = self._lines.get(message["channel"].decode("utf-8", "surrogatepass"))
        if message["type"] == "subscribe":
            if self._away:
                logger.info("conversations are shared with other instances again")
            self._away = False
            if line is not None:
                await line.confirmed()
        elif message["type"] == "message" and line is not None:
            await _take(line, message["data"])

    def _ask_all(self) -> None:
        for line in self._lines.values():
            if line.heard:  # whether it is still there, and has said nothing that was lost
                line.ask()

    async def _write(self, heard: PubSub) -> None:
        """The only one who writes."""
        while True:
            async with asyncio.timeout(CALL):
                await self._subscribe(heard)
                await self._publish()
            try:
                async with asyncio.timeout(_CHECK):
                    await self._wake.wait()
            except TimeoutError:
                self._ask_all()
            self._wake.clear()

    async def _subscribe(self, heard: PubSub) -> None:
        lines = dict(self._lines)
        if gone := self._known.keys() - lines.keys():
            await heard.unsubscribe(*gone)
        if new := lines.keys() - self._known.keys():
            await heard.subscribe(*new)
        for channel in self._known.keys() & lines.keys():
            if self._known[channel]() is not lines[channel]:  # a new one, in the place of one that has just gone
                lines[channel].ask()
        self._known = {channel: ref(line) for channel, line in lines.items()}

    async def _publish(self) -> None:
        out, self._out, self._bytes = self._out, [], 0
        if not out:
            return
        pipeline = self._client.pipeline(transaction=False)
        for channel, body in out:
            pipeline.publish(channel, body)
        for (channel, _), listeners in zip(out, await pipeline.execute(), strict=True):
            if listeners < 2 and (line := self._lines.get(channel)) is not None:
                await line.alone()


async def _take(line: Line, body: bytes) -> None:
    by, number = "", 0
    with suppress(ValueError, TypeError):
        by, number, event, data = json.loads(body)
    if not (isinstance(by, str) and by and isinstance(number, int) and isinstance(event, str)):
        logger.warning("another program has written to a channel of ours; it is not heard")
        return
    try:
        await line.take(by, number, event, data)
    except (KeyError, TypeError, AttributeError):
        logger.warning("another instance has said what this version does not understand")
