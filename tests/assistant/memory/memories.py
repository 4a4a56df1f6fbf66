"""Both memories on one footing for tests: time that the test moves, instances, names that no other test uses."""

import os
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import redis

from assistant.memory import HotLimits, HotMessage, HotSession, Memory, open_memory
from assistant.memory.embedded import EmbeddedMemory
from tests.conftest import missing

REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


class Place:
    """Where the sessions of a test are. ``tag``: is in every user and thread of it."""

    def __init__(self) -> None:
        self.tag = uuid.uuid4().hex
        self.memories: list[Memory] = []
        self.at_end: list[Callable[[], Any]] = []

    def name(self, name: str) -> str:
        return f"{name}-{self.tag}"

    def open(self, language: Any = "en", **limits: Any) -> Memory:
        """The memory, as one more instance of the app sees it."""
        self.memories.append(self.make(HotLimits(**limits), language))
        return self.memories[-1]

    def make(self, limits: HotLimits, language: Any) -> Memory:
        raise NotImplementedError

    def age(self, seconds: float) -> None:
        """Lets time pass for all that the memory holds."""
        raise NotImplementedError

    async def close(self) -> None:
        for memory in self.memories:
            await memory.close()
        for call in self.at_end:
            call()


class Embedded(Place):
    """A process has one, so every instance is the first."""

    now = 0.0

    def make(self, limits: HotLimits, language: Any) -> Memory:
        return self.memories[0] if self.memories else EmbeddedMemory(limits, language, lambda: self.now)

    def age(self, seconds: float) -> None:
        self.now += seconds


class Redis(Place):
    def __init__(self, url: str = REDIS_URL) -> None:
        super().__init__()
        self.url = url
        self.raw = redis.Redis.from_url(url, decode_responses=True)
        try:
            self.raw.ping()
        except redis.RedisError:
            missing(f"no Redis answers at {url}", "REQUIRE_SERVICES")

    def make(self, limits: HotLimits, language: Any) -> Memory:
        return open_memory(self.url, limits, language)

    def age(self, seconds: float) -> None:
        """The clock of Redis cannot be moved; the ends of what it holds can."""
        for key in self.stored():
            if key.startswith("chat_turns:"):
                for version, end in self.raw.zscan_iter(key):
                    if end != float("inf"):
                        self.raw.zincrby(key, -seconds * 1e6, version)
            left: Any = self.raw.pttl(key)
            self.raw.pexpire(key, int(left - seconds * 1000))

    def stored(self) -> list[str]:
        return list(self.raw.scan_iter(f"*{self.tag}*", count=1000))

    async def close(self) -> None:
        await super().close()
        if keys := self.stored():
            self.raw.delete(*keys)
        self.raw.close()


PLACES: dict[str, Callable[[], Place]] = {"embedded": Embedded, "redis": Redis}
KINDS = ["embedded", pytest.param("redis", marks=pytest.mark.services)]


def message(number: int, text: str = "Good morning") -> HotMessage:
    return HotMessage(f"m{number}", "assistant" if number % 2 else "user", text, 1_700_000_000_000_001 + number, 3)


def session(*texts: str, **over: Any) -> HotSession:
    """One of those texts, or of one message."""
    messages = tuple(message(number, text) for number, text in enumerate(texts or ("Good morning",)))
    return HotSession(messages, **over)


async def keep(memory: Memory, user: str, thread_id: str, value: HotSession | None = None) -> list[str]:
    """A whole turn that ends with ``value``."""
    ticket, _ = await memory.take(user, thread_id)
    return await memory.put(ticket, value or session())


async def look(memory: Memory, user: str, thread_id: str) -> HotSession | None:
    """What a turn would be given; it is put back. A use."""
    ticket, found = await memory.take(user, thread_id)
    await memory.put(ticket, found)
    return found


async def listed(memory: Memory, user: str) -> list[str]:
    return [info.thread_id for info in await memory.sessions(user)]
