"""I9: a part of a long thread: whole turns, nothing twice, nothing left out, and no more read than is shown."""

import asyncio
import random
from typing import Any

import chainlit as cl
import pytest

from datalayer import DataLayer
from datalayer.schema import MESSAGES
from datalayer.views import BEGINNING, Part, View, Wish
from tests.conftest import make_run, make_step, new_id, start_thread, steps_of
from tests.contract.test_lists import queries

EQUAL = "2026-03-01T08:00:00Z"


async def part_of(
    layer: DataLayer,
    thread_id: str,
    view: View | None = None,
    count: int = 4,
    hidden: str | None = None,
    **wish: Any,
) -> Part:
    found = await layer.store.part(thread_id, view, Wish(**wish), count, hidden)
    assert found is not None
    return found


def ids(part: Part) -> list[str]:
    return [step.id for step in part.upper + part.steps]


async def store(layer: DataLayer, steps: list[Any]) -> list[str]:
    """The ids of ``steps``, stored in this order."""
    await asyncio.gather(*(layer.create_step(step) for step in steps))
    return [step["id"] for step in steps]


def moment(number: int) -> str:
    return f"2026-03-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z"


def messages(thread_id: str, count: int, **over: Any) -> list[Any]:
    return [make_step(thread_id, **{"createdAt": moment(number)} | over) for number in range(count)]


def turns(thread_id: str, count: int, tools: int = 1) -> list[Any]:
    """As Chainlit stores them: a question, below it a run with tools and the answer."""
    steps: list[Any] = []
    for number in range(count):
        asked = make_step(thread_id, type="user_message", createdAt=moment(10 * number))
        run = make_run(thread_id, parentId=asked["id"], createdAt=moment(10 * number + 1))
        below = [make_run(thread_id, parentId=run["id"], type="tool", createdAt=moment(10 * number + 2))] * bool(tools)
        below += [make_run(thread_id, parentId=run["id"], type="tool", createdAt=EQUAL) for _ in range(tools - 1)]
        said = make_step(thread_id, parentId=run["id"], createdAt=moment(10 * number + 3))
        steps += [asked, run, *below, said]
    return steps


class TestLast:
    @pytest.mark.parametrize("count", [1, 3, 4])
    async def test_a_thread_that_is_no_longer_is_shown_whole(self, layer: DataLayer, count: int) -> None:
        stored = await store(layer, messages(thread_id := new_id(), count))
        part = await part_of(layer, thread_id)
        assert ids(part) == stored
        assert part.view == View(BEGINNING)

    async def test_one_more_is_left_out_and_comes_when_it_is_wished_for(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 5))
        part = await part_of(layer, thread_id)
        assert ids(part) == stored[1:]
        assert part.view.first > BEGINNING
        part = await part_of(layer, thread_id, part.view, more="earlier")
        assert ids(part) == stored
        assert part.view.first == BEGINNING

    async def test_no_turn_is_torn(self, layer: DataLayer) -> None:
        stored = await store(layer, turns(thread_id := new_id(), 5))
        for count, shown in ((1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (10, 5)):
            assert ids(await part_of(layer, thread_id, count=count)) == stored[-4 * shown :]

    async def test_what_comes_late_below_a_message_further_up_has_that_message(self, layer: DataLayer) -> None:
        steps = messages(thread_id := new_id(), 12)
        steps.append(make_run(thread_id, parentId=steps[6]["id"], createdAt=moment(60)))
        stored = await store(layer, steps)
        assert ids(await part_of(layer, thread_id)) == stored[6:]

    @pytest.mark.parametrize("parent", ["first", "gone"])
    async def test_a_parent_that_is_far_above_or_gone_is_not_looked_for_for_ever(
        self, layer: DataLayer, parent: str
    ) -> None:
        steps = messages(thread_id := new_id(), 50)
        below = make_run(thread_id, parentId=steps[0]["id"] if parent == "first" else new_id(), createdAt=moment(60))
        stored = await store(layer, [*steps, below])
        assert ids(await part_of(layer, thread_id)) == stored[-9:]
        shown, _, _ = await layer.get_part(thread_id, count=4) or ({}, [], None)
        assert shown["steps"][-1]["parentId"] is None

    async def test_a_turn_of_many_steps_is_shown_whole_and_alone(self, layer: DataLayer) -> None:
        stored = await store(layer, turns(thread_id := new_id(), 1) + turns(thread_id, 2, tools=30)[-33:])
        part = await part_of(layer, thread_id)
        assert set(ids(part)) == set(stored[-33:])

    async def test_steps_of_one_moment_are_neither_twice_there_nor_left_out(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 11, createdAt=EQUAL))
        part = await part_of(layer, thread_id)
        assert ids(part) == stored[-4:]
        for shown in (8, 11, 11):
            part = await part_of(layer, thread_id, part.view, more="earlier")
            assert ids(part) == stored[-shown:]

    async def test_messages_of_an_app_without_any_are_not_waited_for(self, layer: DataLayer) -> None:
        thread_id = new_id()
        stored = await store(layer, [make_run(thread_id, createdAt=EQUAL) for _ in range(30)])
        assert ids(await part_of(layer, thread_id)) == stored

    async def test_there_is_no_part_of_no_thread(self, layer: DataLayer) -> None:
        assert await layer.store.part(new_id()) is None
        assert await layer.get_part("\0") is None


class TestChange:
    async def test_what_is_said_meanwhile_is_shown_too(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 9))
        view = (await part_of(layer, thread_id)).view
        new = await store(layer, [make_step(thread_id, createdAt=moment(20 + number)) for number in range(9)])
        assert ids(await part_of(layer, thread_id, view)) == stored[-4:] + new

    async def test_where_the_message_was_deleted_at_which_it_begins_nothing_moves(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 9))
        view = (await part_of(layer, thread_id, count=6)).view
        await layer.delete_step(stored[3])
        assert ids(await part_of(layer, thread_id, view)) == stored[4:]

    async def test_where_all_of_it_was_deleted_what_is_before_is_shown(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 9))
        view = (await part_of(layer, thread_id)).view
        for key in stored[4:]:
            await layer.delete_step(key)
        assert ids(await part_of(layer, thread_id, view)) == stored[:4]

    async def test_a_page_that_comes_back_is_shown_what_it_had(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 12))
        assert ids(await part_of(layer, thread_id, back_to=stored[2])) == stored[2:]
        assert ids(await part_of(layer, thread_id, back_to=stored[10])) == stored[-4:]
        other = (await start_thread(layer))["id"]
        for nowhere in (other, new_id(), ""):
            assert ids(await part_of(layer, thread_id, back_to=nowhere, at=nowhere)) == stored[-4:]


class TestFurtherUp:
    async def test_a_message_deep_inside_stands_between_others(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 40))
        part = await part_of(layer, thread_id, at=stored[20])
        assert [step.id for step in part.upper] == stored[17:24]
        assert [step.id for step in part.steps] == stored[-4:]

    async def test_it_grows_both_ways_until_nothing_is_left_out(self, layer: DataLayer) -> None:
        stored = await store(layer, turns(thread_id := new_id(), 20))
        part = await part_of(layer, thread_id, at=stored[40])
        assert stored[40] in [step.id for step in part.upper]
        while part.view.upper is not None:
            before = [step.id for step in part.upper]
            part = await part_of(layer, thread_id, part.view, more="later")
            assert len(before) < len(ids(part))
            assert ids(part)[: len(before)] == before
        assert ids(part) == stored[stored.index(ids(part)[0]) :]
        while part.view.first > BEGINNING:
            part = await part_of(layer, thread_id, part.view, more="earlier")
        assert ids(part) == stored

    async def test_what_is_shown_already_moves_nothing(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 40))
        part = await part_of(layer, thread_id, at=stored[20])
        for shown in (stored[18], stored[38]):
            assert (await part_of(layer, thread_id, part.view, at=shown)).view == part.view
        assert (await part_of(layer, thread_id, part.view, back_to=stored[19])).view == View(part.view.first)

    async def test_near_the_end_there_is_no_gap(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 40))
        assert ids(await part_of(layer, thread_id, at=stored[33])) == stored[30:]

    @pytest.mark.parametrize("seed", range(5))
    async def test_whatever_is_wished_for_it_is_in_order_once_and_with_its_parents(
        self, layer: DataLayer, seed: int
    ) -> None:
        draw, thread_id = random.Random(seed), new_id()
        steps: list[Any] = []
        for number in range(80):
            parents = [None, *(step["id"] for step in steps[-6:])]
            make, type = draw.choice(
                ((make_run, "tool"), (make_step, "user_message"), (make_step, "assistant_message"))
            )
            parent = draw.choice(parents) if make is make_run else draw.choice([None, None, *parents])
            steps.append(make(thread_id, type=type, parentId=parent, createdAt=moment(number // 3)))
        await store(layer, steps)
        stored = list(await steps_of(layer, thread_id))
        parents_of = {step["id"]: step["parentId"] for step in steps}
        said = [step["id"] for step in steps if step["type"] in MESSAGES]
        part = await part_of(layer, thread_id)
        assert len(set(ids(part)) & set(said)) >= 4
        assert all(parents_of[key] in (None, *ids(part)) for key in ids(part)) or len(set(ids(part)) & set(said)) >= 8
        for _ in range(12):
            wish = draw.choice([{"more": "earlier"}, {"more": "later"}, {"at": draw.choice(stored)}])
            part = await part_of(layer, thread_id, part.view, **wish)
            assert ids(part) == [key for key in stored if key in ids(part)]
            assert {key for key in wish.values() if key in stored} <= set(ids(part))
            last = [step.id for step in part.steps]
            assert last == stored[-len(last) :]


class Screen:
    """What a page shows that is sent no more than it asks for."""

    def __init__(self, layer: DataLayer, thread_id: str, shown: Part) -> None:
        self.layer, self.thread_id, self.view = layer, thread_id, shown.view
        self.ids = ids(shown)

    async def more(self, which: Any, most: int = 1000) -> list[str]:
        """The ids that were sent."""
        more = await self.layer.store.more(self.thread_id, self.view, Wish(which), 4, None, most)
        assert more is not None
        sent, self.view = [step.id for step in more.steps], more.view
        place = self.ids.index(more.before) if which == "later" else 0
        assert not set(sent) & set(self.ids)
        self.ids[place:place] = sent
        if more.view.upper and more.until in self.ids:
            self.ids[self.ids.index(more.until) : self.ids.index(more.since)] = []
        self.ids = self.ids[self.ids.index(more.first) :]
        return sent


class TestMore:
    async def test_what_is_shown_is_not_sent_again(self, layer: DataLayer) -> None:
        stored = await store(layer, turns(thread_id := new_id(), 12))
        screen = Screen(layer, thread_id, await part_of(layer, thread_id, at=stored[20]))
        assert len(screen.ids) < len(stored)
        while screen.view.upper:
            assert 0 < len(await screen.more("later")) <= 3 * 4
        while screen.view.first > BEGINNING:
            assert 0 < len(await screen.more("earlier")) <= 3 * 4
        assert screen.ids == stored
        assert await screen.more("earlier") == await screen.more("later") == []

    async def test_what_is_furthest_is_no_longer_shown(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 40))
        screen = Screen(layer, thread_id, await part_of(layer, thread_id))
        for _ in range(9):
            assert len(await screen.more("earlier", 12)) == 4
        assert screen.ids == stored[:12] + stored[-4:]
        for _ in range(6):
            assert len(await screen.more("later", 12)) == 4
        assert screen.ids == stored[-12:]

    async def test_its_elements_are_those_of_what_comes(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 12))
        for number in (1, 5, 9):
            element = cl.Text(thread_id=thread_id, for_id=stored[number], name=str(number), content="x")
            await layer.create_element(element)
        view = (await part_of(layer, thread_id)).view
        shown, more = await layer.get_more(thread_id, view, Wish("earlier"), 4) or ({}, None)
        assert [element["name"] for element in shown["elements"]] == ["5"]
        assert more is not None
        assert [step["id"] for step in shown["steps"]] == stored[4:8]
        assert await layer.get_more(new_id(), View(), Wish("earlier")) is None

    async def test_what_was_removed_meanwhile_leaves_no_hole(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 40))
        screen = Screen(layer, thread_id, await part_of(layer, thread_id, at=stored[20]))
        for key in stored[-4:-1]:
            await layer.delete_step(key)
            screen.ids.remove(key)
        while screen.view.upper:
            await screen.more("later")
        assert screen.ids == [key for key in stored[17:] if key not in stored[-4:-1]]

    @pytest.mark.parametrize("seed", range(5))
    async def test_it_shows_what_would_be_shown_at_once(self, layer: DataLayer, seed: int) -> None:
        draw, thread_id = random.Random(seed), new_id()
        stored = await store(layer, messages(thread_id, 60))
        screen = Screen(layer, thread_id, await part_of(layer, thread_id, at=draw.choice(stored)))
        for _ in range(15):
            await screen.more(draw.choice(["earlier", "later"]), draw.choice([8, 16, 1000]))
            if draw.random() < 0.3 and screen.ids[2:-4]:
                await layer.delete_step(gone := draw.choice(screen.ids[2:-4]))
                screen.ids.remove(gone)
            assert screen.ids == ids(await part_of(layer, thread_id, screen.view))


class TestWhatBelongsToIt:
    async def test_its_elements_are_those_of_its_steps_and_those_of_none(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 9))
        names = {"early": stored[0], "late": stored[-1], "of none": ""}
        for name, key in names.items():
            await layer.create_element(cl.Text(thread_id=thread_id, for_id=key, name=name, content="x"))
        part = await part_of(layer, thread_id)
        assert {element.name for element in part.elements} == {"late", "of none"}
        part = await part_of(layer, thread_id, part.view, at=stored[0])
        assert {element.name for element in part.elements} == {*names}
        shown, upper, _ = await layer.get_part(thread_id, part.view, count=4) or ({}, [], None)
        assert {element["name"] for element in shown["elements"]} == {*names}
        assert [step["id"] for step in upper + shown["steps"]] == ids(part)

    async def test_a_type_that_no_page_shows_is_left_out_and_told_of(self, layer: DataLayer) -> None:
        stored = await store(layer, messages(thread_id := new_id(), 9))
        assert not (await part_of(layer, thread_id, hidden="aside")).hidden
        aside = [make_run(thread_id, type="aside", createdAt=moment(4)) for _ in range(40)]
        await store(layer, aside)
        assert not (await part_of(layer, thread_id, hidden="aside")).hidden
        await store(layer, [make_run(thread_id, type="aside", createdAt=moment(30))])
        assert "aside" in [step.type for step in (await part_of(layer, thread_id)).steps]
        part = await part_of(layer, thread_id, hidden="aside")
        assert part.hidden
        assert ids(part) == stored[-4:]
        _, steps, _ = await layer.store.whole_thread(thread_id) or (None, [], [])
        assert len(steps) == 50

    async def test_a_part_of_many_messages_is_read_as_one_of_few(self, layer: DataLayer) -> None:
        few, many = new_id(), new_id()
        counts = []
        for thread_id, count in ((few, 5), (many, 300)):
            await store(layer, turns(thread_id, count))
            with queries(layer) as seen:
                part = await part_of(layer, thread_id)
            counts.append((len(seen), len(part.steps)))
        assert counts[0] == counts[1]


async def test_without_steps_a_thread_is_read_without_them(layer: DataLayer) -> None:
    message = await start_thread(layer)
    with layer.without_steps(), queries(layer) as seen:
        thread = await layer.get_thread(message["threadId"])
    assert len(seen) == 1
    assert thread is not None
    assert thread["steps"] == thread["elements"] == []
    assert list(await steps_of(layer, message["threadId"])) == [message["id"]]
