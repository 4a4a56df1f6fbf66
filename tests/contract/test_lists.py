"""I9: the sidebar and the search cost O(page), page by keyset, and find any text."""

import asyncio
import random
from typing import Any

import pytest
from chainlit.types import Feedback, Pagination, ThreadFilter

from datalayer import DataLayer, InvalidInput
from tests.conftest import make_run, make_step, often, register, start_thread, start_threads
from tests.statements import queries

ENDLESS = [
    pytest.param(" ".join(map(str, range(100_000))), id="100,000 words"),
    pytest.param("x" + "\u0301\u0327" * 200_000, id="accents, which would take hours to put in order"),
]


async def page(layer: DataLayer, user: Any, first: int = 35, cursor: str | None = None, **filters: Any) -> Any:
    return await layer.list_threads(Pagination(first=first, cursor=cursor), ThreadFilter(userId=user.id, **filters))


async def found(layer: DataLayer, user: Any, search: str) -> list[str]:
    return [thread["id"] for thread in (await page(layer, user, search=search)).data]


async def fill(layer: DataLayer, user: Any, count: int, first: int = 0) -> list[str]:
    """``count`` threads, a minute apart; their ids, latest activity first."""
    moments = [f"2026-01-01T{n // 60:02}:{n % 60:02}:00Z" for n in range(first, first + count)]
    messages = await start_threads(layer, user, *({"createdAt": moment} for moment in moments))
    return [message["threadId"] for message in reversed(messages)]


class TestCost:
    async def test_the_number_of_statements_does_not_grow_and_no_step_is_carried(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        counts = []
        for threads in (5, 195):
            await fill(layer, ann, threads)
            for filters in ({}, {"search": "good"}, {"feedback": 1}):
                with queries(layer) as seen:
                    listed = await page(layer, ann, **filters)
                counts.append(len(seen))
                assert all(thread["steps"] == [] and thread["elements"] == [] for thread in listed.data)
        assert [counts[n] for n in (0, 2, 3, 5)] == [1] * 4
        # A search takes one for each word, each kind of document and each part of a page.
        assert max(counts[1], counts[4]) <= 16

    async def test_reading_a_thread_takes_as_many_statements_with_1_step_as_with_200(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        counts = []
        for more in (0, 199):
            await asyncio.gather(*(layer.create_step(make_step(message["threadId"])) for _ in range(more)))
            with queries(layer) as seen:
                await layer.get_thread(message["threadId"])
            counts.append(len(seen))
        assert counts == [3, 3]


class TestPages:
    async def test_they_hold_every_thread_once_latest_activity_first(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        wanted = await fill(layer, ann, 25)
        first = await page(layer, ann, 10)
        second = await page(layer, ann, 10, first.pageInfo.endCursor)
        third = await page(layer, ann, 10, second.pageInfo.endCursor)
        assert [thread["id"] for thread in first.data + second.data + third.data] == wanted
        assert [p.pageInfo.hasNextPage for p in (first, second, third)] == [True, True, False]
        assert third.pageInfo.endCursor is None

    async def test_a_last_page_that_is_full_promises_no_other(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        await fill(layer, ann, 10)
        assert (await page(layer, ann, 10)).pageInfo.hasNextPage is False

    async def test_threads_of_one_moment_are_neither_skipped_nor_repeated(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = await start_threads(layer, ann, *([{"createdAt": "2026-01-01T00:00:00Z"}] * 9))
        wanted = {each["threadId"] for each in said}
        listed, cursor = [], None
        for _ in range(5):
            part = await page(layer, ann, 2, cursor)
            listed += [thread["id"] for thread in part.data]
            cursor = part.pageInfo.endCursor
        assert len(listed) == 9
        assert set(listed) == wanted

    @pytest.mark.parametrize("filters", [{}, {"feedback": 0}], ids=["all", "voted down"])
    async def test_no_gap_and_no_repeat_while_threads_come_move_and_go(
        self, layer: DataLayer, filters: dict[str, int]
    ) -> None:
        for seed in range(often(2, 20)):
            await self._page_meanwhile(layer, await register(layer, f"ann {seed}"), random.Random(seed), filters)

    async def _page_meanwhile(self, layer: DataLayer, ann: Any, dice: random.Random, filters: dict[str, int]) -> None:
        old = await fill(layer, ann, 40)
        shown = await asyncio.gather(*map(layer.get_thread, old)) if filters else []
        votes = [Feedback(forId=each["steps"][0]["id"], value=dice.choice([0, 1])) for each in shown if each]
        of_one_moment = (make_step(key, createdAt="2026-02-01T00:00:00Z") for key in old[::3])
        await asyncio.gather(*map(layer.upsert_feedback, votes), *map(layer.create_step, of_one_moment))
        every, after = [], None
        while after is not None or not every:
            part = await page(layer, ann, 7, after, **filters)
            every, after = every + [thread["id"] for thread in part.data], part.pageInfo.endCursor
        assert len(every) == len(set(every))
        assert set(every) < set(old) if filters else set(every) == set(old)
        old = every
        moved, gone, listed, cursor = set(), set(), [], None
        while True:
            part = await page(layer, ann, 4, cursor, **filters)
            listed += [thread["id"] for thread in part.data]
            if (cursor := part.pageInfo.endCursor) is None:
                break
            touched, deleted = dice.sample([key for key in old if key not in gone | {listed[-1]}], 2)
            await asyncio.gather(
                start_thread(layer, ann, createdAt="2026-06-01T00:00:00Z"),
                layer.create_step(make_step(touched, createdAt="2026-06-02T00:00:00Z")),
                *map(layer.delete_thread, (deleted, listed[-1])),
            )
            moved.add(touched)
            gone |= {deleted, listed[-1]}
        assert len(listed) == len(set(listed))
        assert [key for key in old if key not in moved | gone] == [key for key in listed if key not in moved | gone]

    @pytest.mark.parametrize("cursor", ["", "x", "12", ".", "x.y", "1" * 40 + ".a", "9" * 19 + ".a", "1.\ud800"])
    async def test_a_cursor_that_is_none_is_refused(self, layer: DataLayer, cursor: str) -> None:
        with pytest.raises(InvalidInput):
            await page(layer, await register(layer, "ann"), cursor=cursor)

    @pytest.mark.parametrize("first", [0, -1, 201, 10**20])
    async def test_a_size_that_is_none_is_refused(self, layer: DataLayer, first: int) -> None:
        with pytest.raises(InvalidInput):
            await page(layer, await register(layer, "ann"), first)

    async def test_an_unknown_user_has_an_empty_list(self, layer: DataLayer) -> None:
        listed = await layer.list_threads(Pagination(first=9), ThreadFilter(userId="nobody"))
        assert (listed.data, listed.pageInfo.startCursor, listed.pageInfo.endCursor) == ([], None, None)


class TestSearch:
    @pytest.mark.parametrize(
        ("text", "search"),
        [
            ("Déjà vu à Zürich", "deja"),
            ("Déjà vu à Zürich", "ZÜRICH"),
            ("deja vu", "DÉJÀ"),
            ("Straße", "STRASSE"),
            ("100% sure", "100%"),
            ("snake_case", "snake_c"),
            ('it\'s "quoted"', "it's"),
            ('it\'s "quoted"', '"quoted"'),
            ("back\\slash", "back\\sl"),
            ("pizza 🍕 time", "🍕"),
            ("family 👩‍👩‍👧", "👩‍👩‍👧"),
            ("שלום עולם", "עולם"),
            ("مرحبا بالعالم", "بالعالم"),
            ("今日は世界", "は世"),
            ("안녕하세요", "하세"),
            ("one two three", "three one"),
            ("[a-z]*?", "[a-z]*?"),
            ("AND OR NOT NEAR(", "near("),
        ],
    )
    async def test_it_finds(self, layer: DataLayer, text: str, search: str) -> None:
        ann = await register(layer, "ann")
        hit = await start_thread(layer, ann, output=f"see: {text}!")
        await start_thread(layer, ann, output="something else")
        assert await found(layer, ann, search) == [hit["threadId"]]

    @pytest.mark.parametrize("search", ["%", "_", "*", "'", '"', "' OR 1=1 --", "see xyzzy"])
    async def test_a_special_character_stands_for_itself_only(self, layer: DataLayer, search: str) -> None:
        ann = await register(layer, "ann")
        await start_thread(layer, ann, output="see plain words")
        assert await found(layer, ann, search) == []

    @pytest.mark.parametrize("search", ["\x00", "a\x00b", "\ud83c", "x" * 100_000, "\u0301x", "x " * 100_000, *ENDLESS])
    async def test_no_text_is_an_error(self, layer: DataLayer, search: str) -> None:
        ann = await register(layer, "ann")
        await start_thread(layer, ann, output="plain words")
        assert await found(layer, ann, search) == []

    @pytest.mark.parametrize("search", ["", "   ", None])
    async def test_no_word_finds_everything(self, layer: DataLayer, search: str) -> None:
        ann = await register(layer, "ann")
        message = await start_thread(layer, ann)
        assert await found(layer, ann, search) == [message["threadId"]]

    async def test_titles_inputs_and_outputs_are_searched_and_tools_are_not(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        by_name, by_output, by_input = [(await start_thread(layer, ann, output="-"))["threadId"] for _ in range(3)]
        await layer.update_thread(by_name, name="The Needle")
        await layer.create_step(make_step(by_output, output="a needle", createdAt="2020-01-01T00:00:00Z"))
        await layer.create_step(make_step(by_input, input="needles", createdAt="2020-01-01T00:00:00Z"))
        tool = await start_thread(layer, ann, output="-")
        await layer.create_step(make_run(tool["threadId"], output="needle", type="tool"))
        assert await found(layer, ann, "needle") == [by_name, by_input, by_output]

    async def test_it_pages_like_the_list(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        wanted = await fill(layer, ann, 5)
        first = await page(layer, ann, 3, search="morning")
        second = await page(layer, ann, 3, first.pageInfo.endCursor, search="morning")
        assert [thread["id"] for thread in first.data + second.data] == wanted

    async def test_what_was_deleted_or_edited_away_is_not_found(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        gone, edited = await start_thread(layer, ann, output="secret"), await start_thread(layer, ann, output="secret")
        await layer.delete_step(gone["id"])
        await layer.update_step(edited | {"output": "public"})
        assert await found(layer, ann, "secret") == []
