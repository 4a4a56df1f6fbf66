"""What instances keep in the database, as each knows it; and the open sessions of people among that."""

import asyncio
from typing import Any

import pytest

from assistant.access import session_values
from assistant.access import values as module
from assistant.access.session_values import InDatabase
from assistant.access.values import Values
from datalayer import StoreUnavailable
from tests.assistant.access.kept import Kept
from tests.client import until


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def here(kept: Kept, clock: Clock) -> Values:
    return Values(lambda: kept, clock)


@pytest.fixture
def there(kept: Kept, clock: Clock) -> Values:
    """Another instance."""
    return Values(lambda: kept, clock)


def one_more(value: Any) -> Any:
    return (value or 0) + 1


class TestValues:
    async def test_a_change_is_seen_here_at_once_and_elsewhere_soon(
        self, here: Values, there: Values, clock: Clock
    ) -> None:
        assert await there.get("n") is None
        assert await here.change("n", one_more) == 1
        assert await here.get("n") == 1
        clock.now += 0.6
        assert await there.get("n") == 1
        await there.change("n", lambda _: None)
        clock.now += 0.6
        assert await here.get("n") is None

    async def test_what_is_fresh_is_not_asked_for_and_many_are_asked_for_at_once(
        self, here: Values, kept: Kept, clock: Clock
    ) -> None:
        for number in range(20):
            await here.change(f"n{number}", one_more)
            await here.get(f"n{number}")
        clock.now += 0.6
        kept.asked = 0
        assert [await here.get(f"n{number}") for number in range(20)] == [1] * 20
        assert kept.asked == 1
        await asyncio.gather(*(here.get(f"n{number}") for number in range(20)))
        assert kept.asked == 1

    async def test_changes_at_once_lose_nothing(self, here: Values, there: Values, kept: Kept) -> None:
        await asyncio.gather(*(each.change("n", one_more) for each in [here, there] * 20))
        assert kept.rows["n"].value == 40

    async def test_what_was_known_holds_for_an_hour_while_the_database_is_away(
        self, here: Values, kept: Kept, clock: Clock
    ) -> None:
        await here.change("n", one_more)
        kept.away = True
        clock.now += 3599
        assert await here.get("n") == 1
        with pytest.raises(StoreUnavailable):
            await here.get("unknown")
        clock.now += 2
        with pytest.raises(StoreUnavailable):
            await here.get("n")
        kept.away = False
        clock.now += 2
        assert await here.get("n") == 1

    async def test_a_database_that_is_away_is_asked_once_a_second(self, here: Values, kept: Kept, clock: Clock) -> None:
        await here.change("n", one_more)
        kept.away, kept.asked = True, 0
        clock.now += 10
        for _ in range(10):
            assert await here.get("n") == 1
        assert kept.asked == 1
        clock.now += 1.1
        await here.get("n")
        assert kept.asked == 2
        kept.away = False
        assert await here.get("unknown") is None  # of which there is nothing else to say

    async def test_a_database_that_hangs_keeps_nobody_waiting(
        self, here: Values, kept: Kept, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await here.change("n", one_more)
        hanging = asyncio.Event()

        async def hang(keys: Any) -> Any:
            await hanging.wait()
            return {}

        monkeypatch.setattr(kept, "app_versions", hang)
        monkeypatch.setattr(module, "_WAIT", 0.01)
        clock.now += 10
        first = asyncio.create_task(here.get("n"))
        assert await first == 1
        clock.now += 1
        assert [await here.get("n") for _ in range(100)] == [1] * 100
        hanging.set()

    async def test_a_change_that_raises_changes_nothing(self, here: Values, kept: Kept) -> None:
        with pytest.raises(ZeroDivisionError):
            await here.change("n", lambda _: 1 // 0)
        assert kept.rows == {}

    async def test_only_the_newest_are_held(self, here: Values, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_MOST", 10)
        for number in range(30):
            await here.get(f"n{number}")
        assert len(here._known) == 10


class TestSessions:
    @pytest.fixture
    def one(self, here: Values, clock: Clock) -> InDatabase:
        return InDatabase(here, 3, clock)

    @pytest.fixture
    def two(self, there: Values, clock: Clock) -> InDatabase:
        return InDatabase(there, 3, clock)

    async def begin(self, sessions: InDatabase, valid_after: float = 1) -> str:
        return await sessions.open("anna", valid_after, 1000, "Firefox")

    async def test_who_signs_in_at_one_is_known_at_the_other(self, one: InDatabase, two: InDatabase) -> None:
        key = await self.begin(one)
        session = await two.get("anna", key)
        assert session
        assert (session.agent, session.ends_at - session.opened_at) == ("Firefox", 1000)
        assert await two.get("bruno", key) is None

    async def test_who_signs_in_at_one_and_goes_to_the_other_at_once_is_known(
        self, one: InDatabase, two: InDatabase, clock: Clock
    ) -> None:
        assert await two.get("anna", "none yet") is None
        clock.now += 0.001
        key = await self.begin(one)
        assert await two.get("anna", key)
        await one.end("anna", {key})
        clock.now += 0.6
        assert await two.get("anna", key) is None

    async def test_what_ends_at_one_ends_at_the_other(self, one: InDatabase, two: InDatabase, clock: Clock) -> None:
        first, second = await self.begin(one), await self.begin(two)
        assert await two.get("anna", first)
        await one.end("anna", {first})
        assert await one.get("anna", first) is None
        clock.now += 0.6
        assert await two.get("anna", first) is None
        assert list(await two.list("anna")) == [second]

    async def test_a_session_ends_in_time_and_the_last_one_leaves_nothing(
        self, one: InDatabase, kept: Kept, clock: Clock
    ) -> None:
        key = await self.begin(one)
        clock.now += 1000
        assert await one.get("anna", key) is None
        await one.end("anna", {"another"})
        assert kept.rows == {}

    async def test_beyond_the_limit_the_one_used_longest_ago_ends(self, one: InDatabase, clock: Clock) -> None:
        keys = []
        for _ in range(3):
            keys.append(await self.begin(one))
            clock.now += 301
        one.note_use("anna", keys[0])
        await asyncio.gather(*one._tasks)
        new = await self.begin(one)
        assert set(await one.list("anna")) == {keys[0], keys[2], new}

    async def test_a_use_is_stored_every_five_minutes(self, one: InDatabase, kept: Kept, clock: Clock) -> None:
        key = await self.begin(one)
        before = list(kept.rows.values())
        for seconds, stored in ((299, False), (2, False), (300, True)):
            clock.now += seconds
            one.note_use("anna", key)
            await asyncio.gather(*one._tasks)
            assert (list(kept.rows.values()) != before) == stored
        assert (await one.list("anna"))[key].used_at == clock.now

    async def test_what_cannot_be_ended_in_the_database_is_over_here_and_there_when_it_answers(
        self, one: InDatabase, two: InDatabase, kept: Kept, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_CHANGING", 0.05)
        monkeypatch.setattr(session_values, "AGAIN", 0.01)
        key, other = await self.begin(one), await self.begin(one)
        kept.away = True
        await one.end("anna", {key})
        assert await one.get("anna", key) is None
        assert list(await one.list("anna")) == [other]
        kept.away = False

        async def ended() -> bool:
            clock.now += 1.1
            return await two.get("anna", key) is None

        await until(ended)
        assert await two.get("anna", other)

    async def test_while_the_database_is_away_who_is_there_stays_and_nobody_comes(
        self, one: InDatabase, kept: Kept, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_CHANGING", 0.05)
        key = await self.begin(one)
        kept.away = True
        clock.now += 100
        assert await one.get("anna", key)
        with pytest.raises(StoreUnavailable):
            await self.begin(one)
