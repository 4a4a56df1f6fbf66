"""What every memory of hot sessions does, in the process and in Redis alike."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from assistant.memory import HotLimits, Ticket, open_memory
from assistant.memory.base import MAX_TURN
from assistant.memory.embedded import EmbeddedMemory
from assistant.memory.packing import pack
from tests.assistant.memory.memories import KINDS, PLACES, Embedded, Place, keep, listed, look, message, session


@pytest.fixture(params=KINDS)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    place = PLACES[request.param]()
    yield place
    await place.close()


@pytest.fixture
def anna(place: Place) -> str:
    return place.name("anna")


@pytest.fixture
def threads(place: Place) -> list[str]:
    return [place.name(f"thread-{number}") for number in range(6)]


class TestOneThread:
    async def test_what_a_turn_leaves_is_what_the_next_one_is_given(self, place: Place, anna: str) -> None:
        memory = place.open()
        left = session("Bonjour à tous 👋", 'a "quoted"\nline', summary="They greet.", summary_until="m0")
        ticket, found = await memory.take(anna, place.name("t"))
        assert found is None
        assert await memory.put(ticket, left) == []
        _, found = await memory.take(anna, place.name("t"))
        assert found == left

    async def test_a_turn_adds_to_the_session(self) -> None:
        grown = session().extended(message(1), message(2))
        assert [m.id for m in grown.messages] == ["m0", "m1", "m2"]

    async def test_text_is_held_as_the_database_gives_it_back(self, place: Place, anna: str) -> None:
        memory = place.open()
        await keep(memory, anna, place.name("t"), session("a\x00b\ud800c"))
        found = await look(memory, anna, place.name("t"))
        assert found
        assert found.messages[0].text == "a\ufffdb\ufffdc"

    async def test_what_the_database_would_change_elsewhere_is_not_held(self, place: Place, anna: str) -> None:
        memory = place.open()
        await keep(memory, anna, place.name("t"), replace(session(), summary="\ud800"))
        assert await look(memory, anna, place.name("t")) is None

    async def test_names_of_any_characters(self, place: Place, anna: str) -> None:
        memory = place.open()
        for name in (f"{place.tag} é\n:\x00{{}}*", place.tag + "x" * 300):
            await keep(memory, anna, name)
            assert await look(memory, anna, name) == session()
            assert (await listed(memory, anna))[0] == name

    async def test_a_name_that_no_database_holds_is_not_held(self, place: Place, anna: str) -> None:
        memory, name = place.open(), place.name("\ud800")
        await keep(memory, anna, name)
        assert await look(memory, anna, name) is None
        assert await listed(memory, anna) == []

    async def test_another_user_gets_nothing_and_takes_nothing_away(self, place: Place, anna: str) -> None:
        memory, bruno, thread = place.open(), place.name("bruno"), place.name("t")
        await keep(memory, anna, thread)
        ticket, found = await memory.take(bruno, thread)
        assert found is None
        await memory.drop(bruno, thread)
        await memory.put(ticket, None)
        assert await listed(memory, bruno) == []
        assert await look(memory, anna, thread) == session()

    async def test_a_drop_forgets(self, place: Place, anna: str) -> None:
        memory, thread = place.open(), place.name("t")
        await keep(memory, anna, thread)
        await memory.drop(anna, thread)
        assert await listed(memory, anna) == []
        assert await look(memory, anna, thread) is None


class TestNothingStale:
    """A session that may be older than the database is not given to anyone."""

    async def test_a_turn_that_is_stopped_leaves_nothing(self, place: Place, anna: str) -> None:
        memory, thread = place.open(), place.name("t")
        await keep(memory, anna, thread)
        ticket, _ = await memory.take(anna, thread)
        await memory.put(ticket, None)
        assert await look(memory, anna, thread) is None
        await keep(memory, anna, thread)
        assert await look(memory, anna, thread) == session()

    async def test_a_turn_that_was_killed_leaves_nothing_and_the_thread_is_hot_again_later(
        self, place: Place, anna: str
    ) -> None:
        memory, thread = place.open(), place.name("t")
        await keep(memory, anna, thread)
        await memory.take(anna, thread)
        await keep(memory, anna, thread)
        assert await look(memory, anna, thread) is None
        place.age(MAX_TURN)
        await keep(memory, anna, thread)
        assert await look(memory, anna, thread) == session()

    @pytest.mark.parametrize("first", [0, 1])
    async def test_two_turns_at_once_leave_nothing_whoever_ends_first(
        self, place: Place, anna: str, first: int
    ) -> None:
        tabs, thread = (place.open(), place.open()), place.name("t")  # two tabs, or two instances
        await keep(tabs[0], anna, thread)
        tickets = [(await tab.take(anna, thread))[0] for tab in tabs]
        assert await listed(tabs[0], anna) == []
        assert (await tabs[0].take(anna, thread))[1] is None
        await tabs[first].put(tickets[first], session("of one"))
        assert (await tabs[0].take(anna, thread))[1] is None
        await tabs[1 - first].put(tickets[1 - first], session("of the other"))
        assert (await tabs[0].take(anna, thread))[1] is None

    async def test_when_both_have_ended_the_thread_is_hot_again(self, place: Place, anna: str) -> None:
        memory, thread = place.open(), place.name("t")
        for ticket in [(await memory.take(anna, thread))[0] for _ in range(2)]:
            await memory.put(ticket, session())
        await keep(memory, anna, thread)
        assert await look(memory, anna, thread) == session()

    async def test_instances_take_turns(self, place: Place, anna: str) -> None:
        one, other, thread = place.open(), place.open(), place.name("t")
        await keep(one, anna, thread, session("a"))
        ticket, found = await other.take(anna, thread)
        assert found == session("a")
        await other.put(ticket, session("a", "b"))
        assert await look(one, anna, thread) == session("a", "b")

    async def test_a_change_during_a_turn_wins_over_the_turn(self, place: Place, anna: str) -> None:
        memory, thread = place.open(), place.name("t")
        ticket, _ = await memory.take(anna, thread)
        await memory.drop(anna, thread)
        await memory.put(ticket, session())
        assert await look(memory, anna, thread) is None

    async def test_a_turn_ends_once(self, place: Place, anna: str) -> None:
        memory, thread = place.open(), place.name("t")
        ticket, _ = await memory.take(anna, thread)
        await memory.put(ticket, session("a"))
        await memory.put(ticket, session("b"))
        assert await look(memory, anna, thread) is None

    async def test_the_dead_do_not_spoil_those_who_came_after_them(self, place: Place, anna: str) -> None:
        memory, thread = place.open(), place.name("t")
        await memory.take(anna, thread)
        place.age(200)
        await memory.take(anna, place.name("another"))
        place.age(100)
        ticket, _ = await memory.take(anna, thread)
        place.age(350)
        await memory.put(ticket, session())
        await keep(memory, anna, thread)
        assert await look(memory, anna, thread) == session()

    async def test_a_turn_that_was_taken_for_dead_spoils_what_came_after_it(self, place: Place, anna: str) -> None:
        memory, thread = place.open(), place.name("t")
        late, _ = await memory.take(anna, thread)
        place.age(MAX_TURN)
        await keep(memory, anna, thread)
        await memory.put(late, session("late"))
        assert await look(memory, anna, thread) is None


class TestLimits:
    async def test_the_oldest_goes_when_a_fourth_opens(
        self, place: Place, anna: str, threads: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        memory = place.open()
        caplog.set_level(logging.INFO, "assistant")
        removed = [await keep(memory, anna, thread) for thread in threads[:4]]
        assert removed == [[], [], [], threads[:1]]
        assert await listed(memory, anna) == threads[3:0:-1]
        assert [r.getMessage() for r in caplog.records] == [f"Session {threads[0]} removed (limit of 3 reached)"]
        assert await look(memory, anna, threads[0]) is None

    async def test_the_line_of_the_log_in_french(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "assistant")
        memory = open_memory(None, HotLimits(per_user=1), "fr")
        await keep(memory, "anna", "xxx")
        await keep(memory, "anna", "yyy")
        assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
            (logging.INFO, "Session xxx supprimée (limite de 1 atteinte)")
        ]

    async def test_the_oldest_is_the_one_used_longest_ago(self, place: Place, anna: str, threads: list[str]) -> None:
        memory = place.open()
        for thread in threads[:3]:
            await keep(memory, anna, thread)
        await look(memory, anna, threads[0])
        assert await keep(memory, anna, threads[3]) == [threads[1]]

    async def test_users_are_counted_apart(self, place: Place, anna: str, threads: list[str]) -> None:
        memory, bruno = place.open(), place.name("bruno")
        for thread in threads[:3]:
            await keep(memory, anna, thread)
        assert await keep(memory, bruno, threads[3]) == []
        assert len(await listed(memory, anna)) == 3

    async def test_instances_count_together(self, place: Place, anna: str, threads: list[str]) -> None:
        for thread in threads[:3]:
            await keep(place.open(), anna, thread)
        assert await keep(place.open(), anna, threads[3]) == threads[:1]

    async def test_at_once_no_more_than_the_limit_stay(self, place: Place, anna: str, threads: list[str]) -> None:
        memory = place.open()
        removed = await asyncio.gather(*(keep(memory, anna, thread) for thread in threads))
        assert len(await listed(memory, anna)) == 3
        assert len({thread for some in removed for thread in some}) == 3

    async def test_a_session_that_a_turn_holds_is_listed_and_counted(
        self, place: Place, anna: str, threads: list[str]
    ) -> None:
        memory = place.open()
        for thread in threads[:3]:
            await keep(memory, anna, thread, session("a", "b"))
        await memory.take(anna, threads[0])
        found = await memory.sessions(anna)
        assert [(info.thread_id, info.messages) for info in found] == [
            (thread, 2) for thread in (threads[0], threads[2], threads[1])
        ]

    async def test_it_lives_for_its_time_after_the_last_use(self, place: Place, anna: str) -> None:
        memory, thread = place.open(), place.name("t")
        await keep(memory, anna, thread)
        place.age(3000)
        [info] = await memory.sessions(anna)
        assert 500 < info.expires_in <= 600
        assert await look(memory, anna, thread) == session()
        place.age(3000)
        assert await look(memory, anna, thread) == session()
        place.age(3600)
        assert await listed(memory, anna) == []
        assert await look(memory, anna, thread) is None

    async def test_the_expired_do_not_count(self, place: Place, anna: str, threads: list[str]) -> None:
        memory = place.open()
        for thread in threads[:3]:
            await keep(memory, anna, thread)
        place.age(3600)
        assert await keep(memory, anna, threads[3]) == []
        assert await listed(memory, anna) == [threads[3]]

    @pytest.mark.parametrize(
        "bad",
        [
            {"per_user": 0},
            {"per_user": -1},
            {"ttl": 0},
            {"ttl": -1},
            {"ttl": float("nan")},
            {"ttl": float("inf")},
            {"max_bytes": 0},
            {"total_bytes": 1},
        ],
    )
    def test_bad_limits_are_refused_in_a_sentence(self, bad: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"^A (user|hot session) .* not .*\.$"):
            HotLimits(**bad)


class TestBytes:
    async def test_a_session_that_is_too_large_loses_its_oldest_messages_and_says_so(
        self, place: Place, anna: str
    ) -> None:
        memory, thread = place.open(max_bytes=4000), place.name("t")
        whole = session(*("x" * 500 for _ in range(20)))
        await keep(memory, anna, thread, whole)
        [info] = await memory.sessions(anna)
        found = await look(memory, anna, thread)
        assert found == replace(whole, messages=whole.messages[-info.messages :], complete=False)
        assert 500 * info.messages < 4000 < 700 * (info.messages + 1)

    async def test_what_is_kept_of_it_is_the_most_that_fits(self) -> None:
        whole, ticket = session(*"abcdef"), Ticket("anna", "t")
        sizes = [len(packed[0]) for max_bytes in range(1000) if (packed := pack(ticket, whole, max_bytes))]
        counts = [packed[1] for max_bytes in range(1000) if (packed := pack(ticket, whole, max_bytes))]
        assert counts == sorted(counts)
        assert set(counts) == {1, 2, 3, 4, 5, 6}
        assert all(size <= 1000 - len(sizes) + place for place, size in enumerate(sizes))

    async def test_messages_that_the_summary_covers_are_not_missed(self, place: Place, anna: str) -> None:
        memory, thread = place.open(max_bytes=4000), place.name("t")
        texts = [str(n) * 500 for n in range(8)]
        await keep(memory, anna, thread, session(*texts, summary="They counted.", summary_until="m3"))
        found = await look(memory, anna, thread)
        assert found
        assert found.complete
        assert 1 < len(found.messages) < 8

    async def test_one_whose_last_message_is_too_large_is_not_kept_nor_what_was_there_before(
        self, place: Place, anna: str
    ) -> None:
        memory, thread = place.open(max_bytes=1000), place.name("t")
        await keep(memory, anna, thread)
        ticket, found = await memory.take(anna, thread)
        assert found
        await memory.put(ticket, found.extended(message(1, "x" * 1000)))
        assert await listed(memory, anna) == []
        assert await look(memory, anna, thread) is None

    async def test_megabytes_go_in_and_come_out(self, place: Place, anna: str) -> None:
        memory, large = place.open(max_bytes=8_000_000), session("é" * 2_000_000, "x" * 3_000_000)
        await keep(memory, anna, place.name("t"), large)
        assert await look(memory, anna, place.name("t")) == large


class TestInTheProcess:
    async def test_all_together_stay_within_their_bytes_and_the_oldest_go_first(self) -> None:
        memory = EmbeddedMemory(HotLimits(max_bytes=20_000, total_bytes=50_000))
        for number in range(20):
            await keep(memory, f"user-{number}", f"t{number}", session("x" * 9_000))
            assert memory._bytes <= 50_000
        kept = [number for number in range(20) if await listed(memory, f"user-{number}")]
        assert kept == [16, 17, 18, 19]

    async def test_nothing_piles_up_for_users_who_never_come_back(self) -> None:
        place = Embedded()
        memory = place.open()
        assert isinstance(memory, EmbeddedMemory)
        for number in range(100):
            await keep(memory, f"user-{number}", f"t{number}")
            await memory.take(f"user-{number}", f"abandoned-{number}")
        place.age(3600)
        await memory.sessions("somebody else")
        assert (len(memory._entries), len(memory._turns), len(memory._users), memory._bytes) == (0, 0, 0, 0)

    async def test_dead_turns_are_forgotten_in_the_order_in_which_they_die(self) -> None:
        place = Embedded()
        memory = place.open()
        assert isinstance(memory, EmbeddedMemory)
        for thread in ("t", "u", "t"):
            await memory.take("anna", thread)
            place.age(250)
        place.age(150)
        await memory.sessions("anna")
        assert list(memory._turns) == [("anna", "t")]

    async def test_a_turn_that_has_ended_leaves_no_trace(self) -> None:
        memory = EmbeddedMemory(HotLimits())
        await memory.put((await memory.take("anna", "t"))[0], None)
        assert (len(memory._entries), len(memory._turns), len(memory._users), memory._bytes) == (0, 0, 0, 0)
