"""What instances count together, through a Redis that is killed while they do."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from assistant.access.throttle import SharedThrottle
from assistant.access.together import Together
from assistant.memory import link as links
from assistant.memory.link import Link
from datalayer.door import Buckets
from tests.client import until
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "PAUSE", 0.02)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def two(redis: RedisServer) -> AsyncIterator[list[Link]]:
    found = [Link(redis.url), Link(redis.url)]
    yield found
    for link in found:
        await link.close()


async def back(link: Link) -> None:
    async def answers() -> bool:
        return await link.run("return 1", [], []) == 1

    await until(answers)


class TestTries:
    @pytest.fixture
    def throttles(self, two: list[Link]) -> list[SharedThrottle]:
        return [SharedThrottle("name", link, tries=4, window=900) for link in two]

    async def test_tries_at_both_are_one_count(self, throttles: list[SharedThrottle]) -> None:
        here, there = throttles
        assert [await each.admit("ann") for each in (here, there, here, there)] == [0, 0, 0, 0]
        for each in throttles:
            assert 0 < await each.admit("ann") <= 900
        assert await here.admit("bob") == 0

    async def test_many_at_the_same_moment_do_not_pass_the_bound(self, throttles: list[SharedThrottle]) -> None:
        waits = await asyncio.gather(*(each.admit("ann") for each in throttles * 8))
        assert waits.count(0) == 4

    async def test_a_success_at_one_is_a_success_at_the_other(self, throttles: list[SharedThrottle]) -> None:
        here, there = throttles
        for _ in range(4):
            await here.admit("ann")
        await here.take_back("ann")
        assert await there.admit("ann") == 0
        assert await there.admit("ann") > 0
        await here.reset("ann")
        assert await there.admit("ann") == 0

    async def test_the_count_of_another_bound_is_another(self, two: list[Link]) -> None:
        name, device = SharedThrottle("name", two[0], tries=1), SharedThrottle("device", two[1], tries=1)
        assert [await name.admit("ann"), await device.admit("ann")] == [0, 0]

    async def test_without_redis_each_goes_on_from_its_own_count(
        self, throttles: list[SharedThrottle], two: list[Link], redis: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        here, there = throttles
        for _ in range(3):
            await here.admit("ann")
        redis.kill()
        assert await here.admit("ann") == 0
        assert await here.admit("ann") > 0
        assert await there.admit("ann") == 0
        assert [message for message in caplog.messages if "by each instance" in message] == [
            "limits are counted by each instance for itself: no connection (ConnectionError)"
        ] * 2
        redis.start()
        for link in two:
            await back(link)
        assert await here.admit("ann") > 0

    async def test_a_redis_that_says_nothing_is_not_waited_for_twice(
        self, throttles: list[SharedThrottle], redis: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here, _ = throttles
        assert await here.admit("ann") == 0
        monkeypatch.setattr(links, "CALL", 0.05)
        monkeypatch.setattr(links, "PAUSE", 1000)
        redis.send(signal.SIGSTOP)
        try:
            assert await here.admit("ann") == 0
            monkeypatch.setattr(links, "CALL", 1000)
            assert [await here.admit("ann") for _ in range(3)][:2] == [0, 0]
        finally:
            redis.send(signal.SIGCONT)

    async def test_redis_learns_no_name(self, throttles: list[SharedThrottle], redis: RedisServer) -> None:
        await throttles[0].admit("ann\udc00")
        [key] = redis.raw.keys("*")
        assert key.startswith("chat_tries:name:")
        assert "ann" not in key
        assert 0 < redis.raw.pttl(key) <= 900_000


class TestLimits:
    @pytest.fixture
    def doors(self) -> list[dict[str, Buckets]]:
        return [{"requests": Buckets(2)}, {"requests": Buckets(2)}]

    @pytest.fixture
    def together(self, two: list[Link], doors: list[dict[str, Buckets]]) -> list[Together]:
        return [Together(link, door) for link, door in zip(two, doors, strict=True)]

    def ask(self, door: dict[str, Buckets], who: str, times: int) -> int:
        """How many were let through. A bucket of ten that all but never fills again."""
        bucket = door["requests"].of(who, 5)
        bucket._rate = 0.001
        return sum(bucket.try_take() for _ in range(times))

    async def test_what_one_lets_through_the_other_takes_off(
        self, together: list[Together], doors: list[dict[str, Buckets]]
    ) -> None:
        for each, door in zip(together, doors, strict=True):
            assert self.ask(door, "ann", 1) == 1
            await each.tell()
        assert self.ask(doors[0], "ann", 7) == 7
        await together[0].tell()
        assert self.ask(doors[1], "ann", 1) == 1
        await together[1].tell()
        assert self.ask(doors[1], "ann", 9) == 1
        assert self.ask(doors[1], "bob", 9) == 9

    async def test_without_redis_each_counts_for_itself(
        self, together: list[Together], doors: list[dict[str, Buckets]], redis: RedisServer
    ) -> None:
        redis.kill()
        for each, door in zip(together, doors, strict=True):
            assert self.ask(door, "ann", 6) == 6
            await each.tell()
            assert self.ask(door, "ann", 6) == 4
