"""What was spent is stored once, outlives its conversation, is summed exactly, and is nobody else's business."""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from datalayer import DataLayer, Forbidden
from datalayer.lines import from_json, to_json
from datalayer.records import user_id
from datalayer.reports import UsageDay, UsageTotal
from datalayer.writes import APPLICATION, RecordUsage
from tests.conftest import OpenLayer, failures, make_step, new_id, often, register, rows, start_thread

NOON = 1_790_000_000_000_000 // 86_400_000_000 * 86_400_000_000 + 43_200_000_000
HOUR, DAY = 3_600_000_000, 86_400_000_000


def call(**over: Any) -> RecordUsage:
    given: dict[str, Any] = {
        "actor": "ann",
        "thread_id": "thread",
        "id": new_id(),
        "kind": "turn",
        "model": "gemini-3-pro",
        "provider": "gemini",
        "status": "complete",
        "tokens_in": 100,
        "tokens_out": 20,
        "tokens_cached": 5,
        "cost": 1_500,
        "price_version": "2026-11-01",
        "started_at": NOON,
        "latency": 2_000_000,
        "first_token": 300_000,
    }
    return RecordUsage(**(given | over))


async def total(layer: DataLayer, user: str | None = "ann", **which: Any) -> UsageTotal | None:
    found = await layer.store.usage_by_model(user_id(user) if user is not None else "", **which)
    assert len(found) < 2
    return found[0] if found else None


class TestRow:
    async def test_it_comes_back_in_the_totals_of_its_user(self, layer: DataLayer) -> None:
        await layer.store.submit(call())
        assert await total(layer) == UsageTotal(
            model="gemini-3-pro",
            turns=1,
            calls=1,
            tokens_in=100,
            tokens_out=20,
            tokens_cached=5,
            cost=1_500,
            unpriced=0,
            fallbacks=0,
            failed=0,
            estimated=0,
        )

    async def test_every_field_is_stored(self, layer: DataLayer) -> None:
        write = call(status="failed", fallback="quota", estimated=True)
        await layer.store.submit(write)
        columns = [field.name for field in fields(RecordUsage) if field.name not in ("actor", "at", "replayed")]
        stored = rows(layer, f"SELECT user_id, {', '.join(columns)} FROM usage")
        assert stored == [(user_id("ann"), *(getattr(write, name) for name in columns))]

    async def test_the_same_again_is_one_row(self, layer: DataLayer) -> None:
        write = call()
        assert await failures(layer.store.submit(write) for _ in range(3)) == [None] * 3
        assert rows(layer, "SELECT count(*) FROM usage") == [(1,)]

    async def test_the_same_id_again_replaces_all_of_it(self, layer: DataLayer) -> None:
        first = call(status="stopped", fallback="quota", tokens_out=None, cost=None, first_token=None)
        await layer.store.submit(first)
        await layer.store.submit(call(id=first.id, model="gemini-3-flash", cost=7))
        found = await total(layer)
        assert found is not None
        assert (found.model, found.calls, found.cost, found.tokens_out, found.fallbacks) == (
            *("gemini-3-flash", 1, 7),
            *(20, 0),
        )

    async def test_out_of_a_spool_it_is_the_same(self, layer: DataLayer) -> None:
        write = call(cost=None, fallback="network", tokens_in=None)
        kept = from_json(to_json(write))
        assert kept == replace(write, replayed=True)
        for each in (write, kept):
            await layer.store.submit(each)
        assert rows(layer, "SELECT count(*), count(cost), max(fallback) FROM usage") == [(1, 0, "network")]

    async def test_a_cost_beyond_32_bits_is_exact(self, layer: DataLayer) -> None:
        costs = (2**40 + 1, 2**53 + 1)
        for cost in costs:
            await layer.store.submit(call(cost=cost))
        found = await total(layer)
        assert found is not None
        assert found.cost == sum(costs)

    async def test_it_needs_no_conversation_and_makes_none(self, layer: DataLayer) -> None:
        await layer.store.submit(call(thread_id="not there yet"))
        assert rows(layer, "SELECT count(*) FROM threads") == [(0,)]
        assert await total(layer, thread_id="not there yet") is not None

    async def test_it_is_there_after_its_conversation_was_deleted_and_may_come_after(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        thread_id = (await start_thread(layer, ann))["threadId"]
        await layer.store.submit(call(thread_id=thread_id))
        await layer.delete_thread(thread_id)
        await layer.store.submit(call(thread_id=thread_id))
        found = await total(layer, thread_id=thread_id)
        assert found is not None
        assert (found.calls, await layer.get_thread(thread_id)) == (2, None)

    async def test_what_comes_after_the_deletion_is_nobodys_in_the_same_group_too(self, layer: DataLayer) -> None:
        thread_id = (await start_thread(layer, await register(layer, "ann")))["threadId"]
        late = call(thread_id=thread_id, actor=APPLICATION)
        await asyncio.gather(layer.delete_thread(thread_id), layer.store.submit(late))
        await layer.store.submit(call(thread_id=thread_id, actor=APPLICATION))
        assert rows(layer, "SELECT DISTINCT user_id FROM usage") == [("",)]

    async def test_it_survives_a_restart(self, layer: DataLayer, open_layer: OpenLayer) -> None:
        await layer.store.submit(call())
        await layer.close()
        assert await total(open_layer()) is not None

    async def test_a_read_sees_what_was_recorded_before_it(self, layer: DataLayer) -> None:
        written = [layer.store.submit(call(thread_id="t")) for _ in range(50)]
        found = await total(layer, thread_id="t")
        assert found is not None
        assert found.calls == 50
        assert await failures(written) == [None] * 50


class TestOwnership:
    async def test_nobody_records_on_a_conversation_of_somebody_else(self, layer: DataLayer) -> None:
        thread_id = (await start_thread(layer, await register(layer, "ann")))["threadId"]
        with pytest.raises(Forbidden):
            await layer.store.submit(call(actor="bob", thread_id=thread_id))
        assert rows(layer, "SELECT count(*) FROM usage") == [(0,)]

    async def test_neither_on_one_that_comes_in_the_same_group(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        calls = [
            layer.update_thread("t", user_id=ann.id),
            layer.store.submit(call(actor="bob", thread_id="t")),
            layer.store.submit(call(actor="ann", thread_id="t")),
        ]
        assert [type(error) for error in await failures(calls)] == [type(None), Forbidden, type(None)]

    @pytest.mark.parametrize("thread_id", ["thread", "bob's"])
    async def test_nobody_replaces_a_row_of_somebody_else(self, layer: DataLayer, thread_id: str) -> None:
        write = call()
        await layer.store.submit(write)
        with pytest.raises(Forbidden):
            await layer.store.submit(call(actor="bob", id=write.id, thread_id=thread_id, cost=0))
        found = await total(layer)
        assert found is not None
        assert (found.cost, await total(layer, "bob")) == (1_500, None)

    async def test_nobody_moves_a_row_to_another_conversation(self, layer: DataLayer) -> None:
        write = call()
        await layer.store.submit(write)
        for actor in ("ann", APPLICATION):
            with pytest.raises(Forbidden):
                await layer.store.submit(call(actor=actor, id=write.id, thread_id="other"))
        assert rows(layer, "SELECT thread_id FROM usage") == [("thread",)]

    async def test_what_the_application_records_is_the_authors(self, layer: DataLayer) -> None:
        thread_id = (await start_thread(layer, await register(layer, "ann")))["threadId"]
        await layer.store.submit(call(actor=APPLICATION, thread_id=thread_id))
        assert await total(layer, thread_id=thread_id) is not None

    async def test_the_application_replaces_a_row_and_leaves_its_user(self, layer: DataLayer) -> None:
        thread_id = (await start_thread(layer, await register(layer, "ann")))["threadId"]
        write = call(actor=APPLICATION, thread_id=thread_id)
        await layer.store.submit(write)
        await layer.delete_thread(thread_id)
        await layer.store.submit(replace(write, cost=3))
        assert rows(layer, "SELECT user_id, cost FROM usage") == [(user_id("ann"), 3)]

    async def test_where_nobody_logs_in_it_is_nobodys(self, layer: DataLayer) -> None:
        thread_id = (await start_thread(layer))["threadId"]
        await layer.store.submit(call(actor=APPLICATION, thread_id=thread_id))
        assert await total(layer, None, thread_id=thread_id) is not None
        assert rows(layer, "SELECT user_id FROM usage") == [("",)]

    async def test_totals_are_of_one_user_also_in_one_conversation(self, layer: DataLayer) -> None:
        for actor, cost in (("ann", 1), ("bob", 10)):
            await layer.store.submit(call(actor=actor, thread_id="not there", cost=cost))
        for which in ({}, {"thread_id": "not there"}, {"since": NOON}):
            costs = [await total(layer, name, **which) for name in ("ann", "bob", "eve")]
            assert [found and found.cost for found in costs] == [1, 10, None]
        assert [day.cost for day in await layer.store.usage_by_day(user_id("bob"), NOON)] == [10]
        assert await layer.store.usage_by_day(user_id("eve"), 0) == []


class TestTotals:
    async def test_only_turns_are_turns(self, layer: DataLayer) -> None:
        for kind in ("turn", "title", "summary", "turn"):
            await layer.store.submit(call(kind=kind))
        found = await total(layer)
        assert found is not None
        assert (found.turns, found.calls) == (2, 4)

    async def test_a_call_without_a_price_is_told_and_one_that_reached_no_model_is_none(self, layer: DataLayer) -> None:
        await layer.store.submit(call(cost=None, price_version=None))
        await layer.store.submit(call(cost=None, tokens_in=None, tokens_out=None, tokens_cached=None, fallback="quota"))
        await layer.store.submit(call(status="failed", cost=0))
        found = await total(layer)
        assert found is not None
        assert (found.unpriced, found.fallbacks, found.failed, found.cost) == (1, 1, 1, 0)

    async def test_the_most_expensive_come_first_then_the_most_used(self, layer: DataLayer) -> None:
        for model, cost, tokens in (("free", 0, 10), ("local", None, 500), ("dear", 9, 1), ("cheap", 2, 900)):
            await layer.store.submit(call(model=model, cost=cost, tokens_in=tokens))
        found = await layer.store.usage_by_model(user_id("ann"))
        assert [each.model for each in found] == ["dear", "cheap", "local", "free"]

    async def test_since_is_included(self, layer: DataLayer) -> None:
        for moment in (NOON - 1, NOON, NOON + 1):
            await layer.store.submit(call(started_at=moment))
        found = await total(layer, since=NOON)
        assert found is not None
        assert found.calls == 2
        assert [day.calls for day in await layer.store.usage_by_day(user_id("ann"), NOON)] == [2]


class TestDays:
    @pytest.mark.parametrize(
        ("offset", "days"),
        [
            (0, ["2026-11-20", "2026-11-21"]),
            (2 * 3600, ["2026-11-21", "2026-11-21"]),
            (-3600, ["2026-11-20", "2026-11-20"]),
            (14 * 3600, ["2026-11-21", "2026-11-21"]),
            (-12 * 3600, ["2026-11-20", "2026-11-20"]),
            (5 * 3600 + 2700, ["2026-11-21", "2026-11-21"]),
        ],
    )
    async def test_a_day_begins_at_midnight_of_the_offset(self, layer: DataLayer, offset: int, days: list[str]) -> None:
        midnight = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp() * 1_000_000)
        for moment in (midnight - 1, midnight):
            await layer.store.submit(call(started_at=moment))
        found = await layer.store.usage_by_day(user_id("ann"), 0, offset)
        assert [day.day for day in found for _ in range(day.calls)] == days

    async def test_they_come_in_order_and_each_model_apart(self, layer: DataLayer) -> None:
        for model, moment in (("b", NOON), ("a", NOON + DAY), ("a", NOON), ("b", NOON + HOUR)):
            await layer.store.submit(call(model=model, started_at=moment))
        found = await layer.store.usage_by_day(user_id("ann"), NOON)
        assert [(day.model, day.calls) for day in found] == [("a", 1), ("b", 2), ("a", 1)]
        assert found[0].day == found[1].day < found[2].day


# Against the same sums made by hand over rows of any kind


def anything(chance: random.Random) -> RecordUsage:
    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.2 else value

    return call(
        actor=chance.choice(["ann", "bob"]),
        thread_id=chance.choice(["t1", "t2", "t3"]),
        kind=chance.choice(["turn", "title", "summary"]),
        model=chance.choice(["m1", "m2", "m3", "é"]),
        status=chance.choice(["complete", "stopped", "failed"]),
        fallback=chance.choice([None, None, "quota", "network"]),
        tokens_in=maybe(chance.randrange(100_000)),
        tokens_out=maybe(chance.randrange(10_000)),
        tokens_cached=maybe(chance.randrange(1_000)),
        estimated=chance.random() < 0.3,
        cost=maybe(chance.randrange(10**10)),
        started_at=NOON + chance.randrange(-5 * DAY, 5 * DAY),
    )


def summed(calls: Iterable[RecordUsage], key: Callable[[RecordUsage], Any]) -> dict[Any, dict[str, int]]:
    sums: dict[Any, dict[str, int]] = {}
    for each in calls:
        into = sums.setdefault(key(each), dict.fromkeys((f.name for f in fields(UsageTotal) if f.name != "model"), 0))
        used = each.tokens_in is not None or each.tokens_out is not None
        for name, more in {
            "turns": each.kind == "turn",
            "calls": 1,
            "tokens_in": each.tokens_in or 0,
            "tokens_out": each.tokens_out or 0,
            "tokens_cached": each.tokens_cached or 0,
            "cost": each.cost or 0,
            "unpriced": each.cost is None and used,
            "fallbacks": each.fallback is not None,
            "failed": each.status == "failed",
            "estimated": each.estimated,
        }.items():
            into[name] += more
    return sums


@pytest.mark.parametrize("seed", range(often(1, 8)))
async def test_all_totals_are_those_of_a_naive_sum(layer: DataLayer, seed: int) -> None:
    chance = random.Random(seed)
    calls = [anything(chance) for _ in range(400)]
    again = [replace(chance.choice(calls), model="m1", cost=chance.randrange(99), at=1) for _ in range(50)]
    assert set(await failures(layer.store.submit(write) for write in calls + again)) == {None}
    stored = list({write.id: write for write in calls + again}.values())
    offset = chance.randrange(-12 * 3600, 14 * 3600)
    zone = timezone(timedelta(seconds=offset))

    def day(each: RecordUsage) -> tuple[str, str]:
        return datetime.fromtimestamp(each.started_at // 1_000_000, zone).date().isoformat(), each.model

    for user in ("ann", "bob"):
        mine = [each for each in stored if each.actor == user]
        for thread_id in (None, "t1", "nowhere"):
            for since in (None, NOON, NOON + 9 * DAY):
                expected = summed(
                    (e for e in mine if thread_id in (None, e.thread_id) and e.started_at >= (since or 0)),
                    lambda each: each.model,
                )
                found = await layer.store.usage_by_model(user_id(user), thread_id, since)
                assert found == [UsageTotal(each.model, **expected[each.model]) for each in found]
                assert len(found) == len(expected)
                assert found == sorted(found, key=lambda each: -each.cost)
        days = summed((each for each in mine if each.started_at >= NOON), day)
        shown = {f.name for f in fields(UsageDay)}
        assert await layer.store.usage_by_day(user_id(user), NOON, offset) == [
            UsageDay(*key, **{name: n for name, n in days[key].items() if name in shown}) for key in sorted(days)
        ]


async def test_a_row_beside_other_writes_of_its_thread_keeps_their_order(layer: DataLayer) -> None:
    """It splits a run of steps into two; what is stored must not depend on it."""
    message = make_step("t", output="1")
    calls: list[Any] = [layer.create_step(message), layer.store.submit(call(actor=APPLICATION, thread_id="t"))]
    calls += [layer.update_step(message | {"output": "2"}), layer.store.submit(call(actor=APPLICATION, thread_id="t"))]
    assert await failures(calls) == [None] * 4
    assert rows(layer, "SELECT output FROM steps") == [("2",)]
