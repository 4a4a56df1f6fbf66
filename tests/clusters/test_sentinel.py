"""Redis behind Sentinels: another takes over, and nobody is given what was true before the last turn."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from assistant.memory import HotLimits, Memory, open_memory
from assistant.memory import redis as memory_redis
from assistant.screen import relay
from assistant.screen.relay import Relay
from tests.assistant.memory.memories import keep, look, session
from tests.conftest import new_id
from tests.servers import sentinel
from tests.servers.process import wait_until
from tests.servers.sentinel import SentinelGroup

pytestmark = pytest.mark.services
PASSWORD = "s3cret"


@pytest.fixture(scope="module")
def started() -> Iterator[SentinelGroup]:
    with sentinel.running(PASSWORD) as group:
        yield group


@pytest.fixture
def group(started: SentinelGroup) -> SentinelGroup:
    """All of it lives when a test begins."""
    for node in (*started.redises, *started.sentinels):
        if node.alive:
            node.thaw()
        else:
            node.start()
    started.wait_until_followed()
    return started


@pytest.fixture
def thread() -> str:
    """Another one for each test: what a turn of a test has left counts for ten minutes."""
    return new_id()


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(memory_redis, "PAUSE", 0.1)
    monkeypatch.setattr(relay, "PAUSE", 0.1)
    caplog.set_level(logging.INFO, "assistant")
    yield
    assert PASSWORD not in caplog.text


@pytest.fixture
async def memory(group: SentinelGroup) -> AsyncIterator[Memory]:
    memory = open_memory(group.url, HotLimits())
    yield memory
    await memory.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what it waits for is said by a server
            await asyncio.sleep(0.05)


async def until_it_keeps(memory: Memory, thread: str) -> None:
    async with asyncio.timeout(60):
        while await look(memory, "anna", thread) != session():
            await keep(memory, "anna", thread)
            await asyncio.sleep(0.05)


async def test_another_takes_over_and_turns_go_on(
    group: SentinelGroup, thread: str, memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    await keep(memory, "anna", thread)
    assert await look(memory, "anna", thread) == session()
    old = group.leader
    old.kill()
    assert await look(memory, "anna", thread) is None
    assert await keep(memory, "anna", thread) == []
    new = await asyncio.to_thread(group.wait_until_led_by_another, old)
    await until_it_keeps(memory, thread)
    new.raw.execute_command("SELECT", 3)
    assert new.raw.exists(f"chat_history:{thread}")
    assert [line for line in caplog.messages if "away" in line]
    assert caplog.messages[-1] == "the memory is back"


async def test_one_that_is_frozen_is_left_and_comes_back_as_a_replica(
    group: SentinelGroup, thread: str, memory: Memory
) -> None:
    await keep(memory, "anna", thread)
    old = group.leader
    old.freeze()
    await asyncio.to_thread(group.wait_until_led_by_another, old)
    await until_it_keeps(memory, thread)
    old.thaw()
    await asyncio.to_thread(wait_until, lambda: old.raw.info("replication")["role"] == "slave", "it as a replica")
    await until_it_keeps(memory, thread)


async def test_what_a_replica_missed_is_not_given_to_anyone(group: SentinelGroup, thread: str, memory: Memory) -> None:
    """Redis replicates behind its answers: the one that takes over may have an old session of a thread."""
    await keep(memory, "anna", thread, session("old"))
    old = group.leader
    replica = next(node for node in group.redises if node is not old)
    assert old.raw.wait(1, 5000) == 1
    replica.raw.config_set("masterauth", "another")
    old.raw.client_kill_filter(_type="replica")
    await keep(memory, "anna", thread, session("old", "new"))
    old.kill()
    new = await asyncio.to_thread(group.wait_until_led_by_another, old)
    new.raw.config_set("masterauth", PASSWORD)
    new.raw.execute_command("SELECT", 3)
    assert "new" not in str(new.raw.hget(f"chat_history:{thread}", "body"))
    async with asyncio.timeout(60):
        while new.raw.exists(f"chat_history:{thread}"):  # until it has been asked, and is not only away
            ticket, found = await memory.take("anna", thread)
            assert found is None
            await memory.put(ticket, None)
            await asyncio.sleep(0.05)


async def test_sentinels_that_are_gone_or_mute_are_passed_over(group: SentinelGroup, thread: str) -> None:
    gone, mute, _ = group.sentinels
    gone.kill()
    mute.freeze()
    memory = open_memory(group.url, HotLimits())
    try:
        await keep(memory, "anna", thread)
        assert await look(memory, "anna", thread) == session()
    finally:
        await memory.close()


class Room:
    """A conversation on the screens of one instance."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def state(self) -> str:
        return "state"

    async def hear(self, by: str, event: str, data: Any) -> None:
        self.heard.append(event)


async def test_instances_share_conversations_again_through_the_new_one(group: SentinelGroup) -> None:
    relays, rooms = [Relay(group.url), Relay(group.url)], [Room(), Room()]
    lines = [relay.open("anna", "t", room) for relay, room in zip(relays, rooms, strict=True)]
    try:
        await until(lambda: all("state" in room.heard for room in rooms))
        old = group.leader
        old.kill()
        await until(lambda: all("alone" in room.heard for room in rooms))
        for room in rooms:
            room.heard.clear()
        await until(lambda: all("state" in room.heard for room in rooms))
        lines[0].say("word")
        await until(lambda: "word" in rooms[1].heard)
    finally:
        for each in relays:
            await each.close()
