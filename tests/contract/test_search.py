"""I9, I14: what was said is found again, whatever the script and the database, by its author only, as long as it is
there."""

import asyncio
import random
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from itertools import pairwise
from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Feedback, Pagination, ThreadFilter

from datalayer import DataLayer, InvalidInput, dialects, indexing, reindexing
from datalayer.dialects.sqlite import url_of
from datalayer.search import building, checking, streams
from datalayer.writes import UpsertStep
from tests.conftest import change, make_run, make_step, often, register, start_thread, start_threads
from tests.datalayer.search.texts import BETWEEN, EMOJI, LETTERS, SPACELESS, naive_tokens
from tests.faults.test_overlay import change as a_change

CURSORS = ["", "x", "[]", "[1,2,3]", "[1,2,3,4,5]", '["1","","2",""]', "[true,[],1,1]", "[1e99,0,1,0]", "1", "\ud800"]


async def hits(layer: DataLayer, user: Any, question: str, first: int = 20) -> list[Any]:
    """All of them, page by page."""
    found, cursor = [], None
    while True:
        page = await layer.store.search(user.id, question, first, cursor)
        found += page.hits
        assert len(page.hits) == first or page.next is None or page.since is not None
        if (cursor := page.next) is None:
            return found


async def steps(layer: DataLayer, user: Any, question: str) -> list[str | None]:
    return [hit.step_id for hit in await hits(layer, user, question)]


async def say(layer: DataLayer, thread_id: str, *texts: str) -> list[str]:
    """Their ids."""
    messages = [make_step(thread_id, output=text) for text in texts]
    await asyncio.gather(*map(layer.create_step, messages))
    return [each["id"] for each in messages]


class TestHits:
    async def test_a_hit_says_where_it_is_and_what_it_is_about(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann, output="Where is the Crème brûlée?")
        await layer.update_thread(said["threadId"], name="Desserts")
        (hit,) = await hits(layer, ann, "creme BRULEE")
        assert (hit.thread_id, hit.step_id, hit.thread_name) == (said["threadId"], said["id"], "Desserts")
        assert [hit.snippet.text[start:end] for start, end in hit.snippet.marks] == ["Crème", "brûlée"]

    async def test_what_an_answer_cites_is_no_file_of_it(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann, output="Herons eat fish [731]")
        await layer.create_step(make_step(said["threadId"], id="other", output="Frogs"))
        cited = {"id": "cited", "threadId": said["threadId"], "type": "text", "name": "[731]", "display": "side"}
        props = {"source": {"element": "x", "name": "herons.pdf"}}
        await layer.create_element({**cited, "forId": "other", "props": props})  # type: ignore[arg-type]
        assert await steps(layer, ann, "731") == [said["id"]]
        assert await steps(layer, ann, "has:file") == []
        element = await layer.get_element(said["threadId"], "cited")
        assert element
        assert element["url"] == f"/datalayer/sources/{said['threadId']}/cited"

    async def test_a_title_is_one_without_a_message(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann)
        await layer.update_thread(said["threadId"], name="Desserts")
        (hit,) = await hits(layer, ann, "dessert")
        assert (hit.thread_id, hit.step_id, hit.snippet.text) == (said["threadId"], None, "Desserts")

    async def test_the_newest_comes_first_and_each_once_whatever_the_size_of_a_page(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = [each["id"] for each in await start_threads(layer, ann, *({"output": f"word {n}"} for n in range(70)))]
        for first in (1, 7, 35, 70, 200):
            assert [hit.step_id for hit in await hits(layer, ann, "word", first)] == said[::-1]

    async def test_nobody_finds_what_somebody_else_said(self, layer: DataLayer) -> None:
        ann, bob = await register(layer, "ann"), await register(layer, "bob")
        hers = await start_thread(layer, ann, output="secret")
        await start_thread(layer, None, output="secret")
        assert await steps(layer, bob, "secret") == []
        assert await steps(layer, ann, "secret") == [hers["id"]]

    async def test_what_nobody_had_said_is_found_by_whom_it_is_given_to(self, layer: DataLayer) -> None:
        said = await start_thread(layer, None, output="given")
        ann = await register(layer, "ann")
        await layer.update_thread(said["threadId"], user_id=ann.id)
        assert await steps(layer, ann, "given") == [said["id"]]

    @pytest.mark.parametrize("cursor", CURSORS)
    async def test_a_cursor_that_is_none_is_refused(self, layer: DataLayer, cursor: str) -> None:
        with pytest.raises(InvalidInput):
            await layer.store.search("x", "word", 20, cursor)


class TestChanges:
    async def test_what_is_edited_is_found_by_its_new_words_only(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann, output="the old words")
        await layer.update_step(said | {"output": "the new words"})
        assert await steps(layer, ann, "old") == []
        assert await steps(layer, ann, "the new") == [said["id"]]

    async def test_what_is_deleted_is_not_found(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        one, two = [await start_thread(layer, ann, output="word") for _ in range(2)]
        for said in (one, two):
            await layer.update_thread(said["threadId"], name="word")
            await layer.create_element(
                cl.File(thread_id=said["threadId"], for_id=said["id"], name="word", content=b"x")
            )
        await layer.delete_step(one["id"])
        await layer.delete_thread(two["threadId"])
        assert [(hit.thread_id, hit.step_id) for hit in await hits(layer, ann, "word")] == [(one["threadId"], None)]

    async def test_a_thread_is_found_by_its_name_and_tags_of_now(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        thread_id = (await start_thread(layer, ann))["threadId"]
        await layer.update_thread(thread_id, name="first", tags=["one"])
        await layer.update_thread(thread_id, name="second", tags=["two", "three"])
        assert await hits(layer, ann, "first") == await hits(layer, ann, "one") == []
        assert [hit.thread_id for word in ("second", "two", "three") for hit in await hits(layer, ann, word)] == [
            thread_id
        ] * 3

    async def test_a_message_is_found_by_the_names_of_its_files(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann, output="look")
        file = cl.File(thread_id=said["threadId"], for_id=said["id"], name="Budget 2026.xlsx", content=b"x")
        await layer.create_element(file)
        assert await steps(layer, ann, "look budget xlsx") == [said["id"]]
        await layer.delete_element(file.id, said["threadId"])
        assert await steps(layer, ann, "budget") == []

    async def test_runs_tools_and_half_answers_are_not_found(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann, output="question")
        thread_id = said["threadId"]
        await layer.create_step(make_run(thread_id, output="word"))
        answer = make_step(thread_id, output="word", streaming=True)
        await layer.create_step(answer)
        await layer.update_step(answer | {"output": "words", "streaming": False})
        assert await steps(layer, ann, "word") == [answer["id"]]
        await layer.update_step(answer | {"type": "undefined"})
        assert await steps(layer, ann, "word") == []


class TestWords:
    async def test_each_word_is_the_beginning_of_one(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann, output="Conversations about searching")
        assert await steps(layer, ann, "conv sear") == [said["id"]]
        assert await steps(layer, ann, "onv") == await steps(layer, ann, "conv xyz") == []

    async def test_a_phrase_stands_together(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann, output="one two three")
        await start_thread(layer, ann, output="two one, three")
        assert await steps(layer, ann, '"one two"') == [said["id"]]
        assert await steps(layer, ann, '"two thre"') == []

    async def test_what_is_excluded_is_not_there(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        one = await start_thread(layer, ann, output="apple pie")
        two = await start_thread(layer, ann, output="apple cake with pie")
        assert await steps(layer, ann, "apple -cake") == [one["id"]]
        assert await steps(layer, ann, '-"apple pie"') == [two["id"]]
        assert await steps(layer, ann, "-cake -nothing") == [one["id"]]

    async def test_long_words_of_any_script_are_told_apart(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        noun, adjective = "достопримечательность", "достопримечательный"
        for begin in ("", "連" * 30):
            one = await start_thread(layer, ann, output=f"wort {begin} {noun}")
            two = await start_thread(layer, ann, output=f"wort {begin} {adjective}")
            await layer.update_thread(one["threadId"], tags=[noun])
            await layer.update_thread(two["threadId"], tags=[adjective])
            for question, expected in {
                noun: [one],
                adjective: [two],
                "достопримечательн": [two, one],
                f'"{adjective}"': [two],
                f'"wort {begin} {noun}"': [one],
                f"wort -{adjective}": [one],
                f"wort -{noun} -nothing": [two],
                f'wort -"{noun}"': [two],
                f"wort tag:{adjective}": [two],
                f"wort in:{noun}": [one],
            }.items():
                assert await steps(layer, ann, f"{question} from:me") == [each["id"] for each in expected], question
            for each in (one, two):
                await layer.delete_thread(each["threadId"])

    async def test_more_beginnings_than_can_be_looked_up_are_found_all_the_same(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        thread_id = (await start_thread(layer, ann, output="-"))["threadId"]
        rare = make_step(thread_id, output="b")
        await layer.create_step(rare)
        outputs = [" ".join(f"a{n + k}" for k in range(4)) for n in range(0, 400, 4)] + [f"c{n}" for n in range(400)]
        await say(layer, thread_id, *outputs)
        assert len(await hits(layer, ann, "a", 30)) == 100
        assert len(await hits(layer, ann, "c", 200)) == 400
        assert await steps(layer, ann, "b") == [rare["id"]]

    @pytest.mark.parametrize("seed", range(3))
    async def test_it_finds_what_a_plain_comparison_finds(self, layer: DataLayer, seed: int) -> None:
        dice, ann, bob = random.Random(seed), await register(layer, "ann"), await register(layer, "bob")
        alphabets = [SPACELESS, LETTERS, EMOJI, BETWEEN, "abab"]

        def text(most: int) -> str:
            letters = (dice.choice(dice.choice(alphabets)) for _ in range(dice.randint(1, most)))
            return "".join(letters).replace("\x00", "")

        written = {who.id: [{"output": text(40)} for _ in range(count)] for who, count in ((ann, 40), (bob, 20))}
        messages = [each for who in (ann, bob) for each in await start_threads(layer, who, *written[who.id])]
        said = {each["id"]: each["output"] for each in messages}
        hers = {each["id"] for each in messages[:40]}
        for key in dice.sample(sorted(said), 10):
            said[key] = text(40)
            await layer.store.submit(edited(key, said[key], await layer.store.step(key)))
        for _ in range(40):
            words = dice.choice([text(3), " ".join(naive_tokens(dice.choice(list(said.values())))[:2])])
            phrase = words.translate(dict.fromkeys(map(ord, '"“”„«»\x00')))
            wanted = naive_tokens(phrase)
            if not wanted:
                continue
            expected = {key for key in hers if stands(wanted, naive_tokens(said[key]))}
            assert set(await steps(layer, ann, f'"{phrase}"')) == expected, phrase

    @pytest.mark.parametrize("tried", [10**6, 0])
    async def test_a_beginning_finds_what_a_plain_comparison_finds(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch, tried: int
    ) -> None:
        """Of as many words as are looked at one by one, and of as many as an index is asked for."""
        monkeypatch.setattr(streams, "_TRIED", tried)
        dice, ann = random.Random(tried), await register(layer, "ann")
        letters = ["abc", "абв", "éèe", "東京都"]
        thread_id = (await start_thread(layer, ann, output="-"))["threadId"]
        words = ["".join(dice.choices(dice.choice(letters), k=dice.randint(1, 7))) for _ in range(360)]
        outputs = [" ".join(words[n : n + 4]) for n in range(0, 360, 4)]
        said = dict(zip(await say(layer, thread_id, *outputs), outputs, strict=True))
        beginnings = ["".join(dice.choices(dice.choice(letters), k=n)) for n in (1, 1, 1, 2, 2, 3, 3) for _ in range(4)]
        for one, other in pairwise(beginnings):
            for question, excluded in ((one, None), (f"{one} {other}", None), (f"{one} -{other}", other)):
                wanted = [part for part in question.split() if not part.startswith("-")]
                expected = {
                    key
                    for key, text in said.items()
                    if all(begins(text, part) for part in wanted) and not (excluded and begins(text, excluded))
                }
                assert set(await steps(layer, ann, question)) == expected, question

    async def test_a_page_that_ends_early_says_so_and_the_next_one_goes_on(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(streams, "LOOKED_AT", 30 * streams._READ)
        ann = await register(layer, "ann")
        thread_id = (await start_thread(layer, ann, output="red wine"))["threadId"]
        await say(layer, thread_id, *["wine, red"] * 100)
        page = await layer.store.search(ann.id, '"red wine"')
        assert (page.hits, page.meant) == ([], None)
        assert page.next is not None
        assert page.since is not None
        assert page.since <= (await layer.store.search(ann.id, "wine", 1)).hits[0].at
        assert len(await steps(layer, ann, '"red wine"')) == 1
        threads = await layer.store.found_threads(ann.id, '"red wine"')
        assert threads.hits == []
        assert threads.since is not None
        assert threads.since <= page.since
        whole = await layer.store.search(ann.id, "red wine", 5)
        assert (len(whole.hits), whole.since) == (5, None)


def begins(text: str, part: str) -> bool:
    """Of a script without spaces it may stand anywhere."""
    if part[0] in SPACELESS:
        return part in text
    (sought,) = naive_tokens(part)
    return any(token.startswith(sought) for token in naive_tokens(text))


def edited(key: str, output: str, stored: Any) -> Any:
    return UpsertStep(thread_id=stored.thread_id, id=key, values={"output": output}, at=stored.created_at + 10**6)


def stands(wanted: list[str], said: list[str]) -> bool:
    """Of a script without spaces the last token is a pair or the beginning of one."""
    loose = wanted[-1] in SPACELESS
    if loose and wanted[-2:-1] and wanted[-2][1:] == wanted[-1]:
        wanted, loose = wanted[:-1], False
    for at in range(len(said) - len(wanted) + 1):
        here = said[at : at + len(wanted)]
        if here[:-1] == wanted[:-1] and (here[-1] == wanted[-1] or (loose and here[-1].startswith(wanted[-1]))):
            return True
    return False


class TestMeant:
    @pytest.mark.parametrize("typed", ["zephir", "zepyhr", "zephy", "zephyrs", "zeephyr", "ZEPHIR"])
    async def test_a_slip_is_told_when_nothing_is_found(self, layer: DataLayer, typed: str) -> None:
        ann = await register(layer, "ann")
        await start_thread(layer, ann, output="A zephyr from the west")
        found = await layer.store.search(ann.id, f"west {typed} from:me")
        if typed == "zephy":  # it begins so
            assert (len(found.hits), found.meant) == (1, None)
        else:
            assert (found.hits, found.meant) == ([], "west zephyr from:me")
            assert (await layer.store.found_threads(ann.id, f"west {typed}")).meant == "west zephyr"

    async def test_nobody_is_told_a_word_of_somebody_else(self, layer: DataLayer) -> None:
        ann, bob = await register(layer, "ann"), await register(layer, "bob")
        await start_thread(layer, ann, output="zephyr")
        assert (await layer.store.search(bob.id, "zephir")).meant is None

    async def test_what_finds_nothing_either_is_not_meant(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        await start_thread(layer, ann, output="zephyr")
        for question in ("zephir nowhere", "zebra", "zephir -zephyr", "zep"[:2] + "q", '"zephir"'):
            assert (await layer.store.search(ann.id, question)).meant is None


async def test_by_relevance_comes_first_what_is_most_about_it(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    most = await start_thread(layer, ann, output="tea, tea and tea")
    long = await start_thread(layer, ann, output="tea " + "other words " * 200)
    part = await start_thread(layer, ann, output="teapot " + "and so on " * 3)
    found, cursor = list[Any](), None
    while True:
        page = await layer.store.search(ann.id, "tea", 2, cursor, by="relevance")
        found += [hit.step_id for hit in page.hits]
        if (cursor := page.next) is None:
            break
    assert found[0] == most["id"]
    assert set(found) == {most["id"], long["id"], part["id"]}
    with pytest.raises(InvalidInput):
        await layer.store.search(ann.id, "tea", 2, "x", by="relevance")


class TestThreads:
    async def test_words_in_several_messages_are_found_after_those_in_one(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        both = await start_thread(layer, ann, output="apple and banana")
        apart = await start_thread(layer, ann, output="apple")
        await layer.create_step(make_step(apart["threadId"], output="banana"))
        await start_thread(layer, ann, output="apple")
        found = await layer.store.found_threads(ann.id, "apple banana")
        assert [thread.id for thread in found.threads] == [both["threadId"], apart["threadId"]]
        assert [hit.step_id for hit in found.hits] == [both["id"], None]

    async def test_one_that_says_it_very_often_hides_no_other(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(streams, "LOOKED_AT", 100)
        ann = await register(layer, "ann")
        keys = [(await start_thread(layer, ann, output="word"))["threadId"] for _ in range(3)]
        await say(layer, keys[-1], *["word"] * 200)
        found = await layer.store.found_threads(ann.id, "word")
        assert ([thread.id for thread in found.threads], found.next, found.since) == (keys[::-1], None, None)

    async def test_a_thread_is_on_one_page_only(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        keys = [(await start_thread(layer, ann, output="word"))["threadId"] for _ in range(6)]
        for key in keys:
            await layer.update_thread(key, name="word")
        for _ in range(3):
            for key in keys:
                await layer.create_step(make_step(key, output="word"))
        found, cursor = [], None
        while True:
            page = await layer.store.found_threads(ann.id, "word", 2, cursor)
            found += [thread.id for thread in page.threads]
            if (cursor := page.next) is None:
                break
        assert found == keys[::-1]


class TestFilters:
    async def test_they_choose_among_what_is_found(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        asked = await start_thread(layer, ann, output="word", createdAt="2025-03-01T00:00:00Z")
        key = asked["threadId"]
        answer = make_step(key, output="word", createdAt="2026-03-01T00:00:00Z", metadata={"model": "gemini-2.5"})
        await layer.create_step(answer)
        await layer.create_element(
            cl.Image(thread_id=key, for_id=asked["id"], name="x.png", mime="image/png", content=b"x")
        )
        await layer.upsert_feedback(Feedback(forId=answer["id"], value=1))
        await layer.update_thread(key, name="Journey", tags=["To Do"])
        other = await start_thread(layer, ann, output="word", createdAt="2026-05-01T00:00:00Z")
        for question, expected in {
            "word from:me": [other["id"], asked["id"]],
            "word from:assistant": [answer["id"]],
            "word has:file": [asked["id"]],
            "word has:picture from:me": [asked["id"]],
            "has:vote": [answer["id"]],
            "word has:vote from:me": [],
            "word before:2026": [asked["id"]],
            "word after:2026-02": [other["id"], answer["id"]],
            "word after:2026-02 before:2026-04": [answer["id"]],
            "word in:journ": [answer["id"], asked["id"]],
            "word in:nowhere": [],
            "word tag:to-do": [answer["id"], asked["id"]],
            "word tag:other": [],
            "word model:gemini-2.5": [answer["id"]],
            "word modèle:GEMINI-2.5": [answer["id"]],
            "mot de:moi": [],
        }.items():
            assert await steps(layer, ann, question) == expected, question
        await layer.delete_feedback(await layer.upsert_feedback(Feedback(forId=answer["id"], value=0)))
        assert await steps(layer, ann, "has:vote") == []

    @pytest.mark.parametrize("limit", [0, 2, 3, 100])
    async def test_however_many_threads_they_stand_for(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch, limit: int
    ) -> None:
        monkeypatch.setattr(streams, "_MOST_THREADS", limit)
        ann = await register(layer, "ann")
        said = [await start_thread(layer, ann, output=f"word {n}") for n in range(6)]
        for n, each in enumerate(said):
            await layer.update_thread(each["threadId"], name=f"Trip {n}", tags=["work", "even"] if n % 2 == 0 else [])
        ids = [each["id"] for each in reversed(said)]
        for question, expected in {
            "word in:trip": ids,
            "word tag:work": ids[1::2],
            "word tag:work tag:even": ids[1::2],
            '"word 0" tag:work': ids[5:],
            "word in:trip tag:even -4": ids[3::2],
            "word in:trip-3": ids[2:3],
            'word in:"3 trip"': [],
            "word in:-": [],
            "word tag:other": [],
            "tag:work from:me": ids[1::2],
        }.items():
            assert await steps(layer, ann, question) == expected, question
        assert len(await hits(layer, ann, "in:trip")) == 12
        assert len((await layer.store.found_threads(ann.id, "word tag:work")).threads) == 3
        assert len((await layer.store.found_threads(ann.id, "trip 2 word in:trip")).threads) == 1

    @pytest.mark.parametrize("offset", [0, 3600, -5 * 3600, 14 * 3600, -(9 * 3600 + 1800)])
    async def test_a_day_begins_and_ends_by_the_clock_of_who_asks(self, layer: DataLayer, offset: int) -> None:
        dice, ann = random.Random(offset), await register(layer, "ann")
        thread_id = (await start_thread(layer, ann, output="-"))["threadId"]
        clock = timezone(timedelta(seconds=offset))
        midnights = [datetime(2026, month, day, tzinfo=clock) for month in (1, 2, 3) for day in (1, 15, 28)]
        said, messages = dict[str, datetime](), list[Any]()
        for midnight in midnights:
            for seconds in (-86_400, -1, 0, 1, dice.randrange(86_400)):
                moment = midnight + timedelta(seconds=seconds)
                message = make_step(thread_id, output="word", createdAt=moment.astimezone(UTC).isoformat())
                messages.append(message)
                said[message["id"]] = moment
        await asyncio.gather(*map(layer.create_step, messages))
        for first, last in dice.sample([(a, b) for a in midnights for b in midnights if a <= b], often(5, 30)):
            for asked in (
                f"before:{last.date()}",
                f"after:{first.date()}",
                f"after:{first.date()} before:{last.date()}",
            ):
                found = await layer.store.search(ann.id, f"word {asked}", 200, None, offset)
                assert {hit.step_id for hit in found.hits} == {
                    key
                    for key, moment in said.items()
                    if ("before" not in asked or moment < last) and ("after" not in asked or moment >= first)
                }, asked


async def test_what_is_left_out_of_a_question_is_said(layer: DataLayer) -> None:
    found = await layer.store.search("x", "before:soon word")
    assert [(each.part, each.reason) for each in found.problems] == [("before:soon", "date")]


class TestIndex:
    async def said(self, layer: DataLayer) -> Any:
        ann = await register(layer, "ann")
        for n in range(3):
            message = await start_thread(layer, ann, output=f"word {n} 東京 Ж" + "ж" * 60)
            await layer.update_thread(message["threadId"], name=f"Name {n}", tags=["tag"])
        await layer.update_step(message | {"output": "changed"})
        await layer.drain()
        return ann

    async def test_it_is_what_was_said(self, layer: DataLayer) -> None:
        await self.said(layer)
        assert await reindexing.check(layer.store.place) == checking.Checked(6, ())

    async def test_a_difference_is_found_and_mended_while_the_app_runs(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(indexing, "_LOOKED_AT", 0.1)
        ann = await self.said(layer)
        change(layer, "UPDATE steps SET output = 'mended' WHERE output = 'changed'")
        change(layer, "UPDATE threads SET user_id = NULL WHERE name = 'Name 0'")
        found = await reindexing.check(layer.store.place)
        assert (found.documents, len(found.problems)) == (4, 3)
        assert await steps(layer, ann, "mended") == []
        await reindexing.reindex(layer.store.place)
        assert len(await steps(layer, ann, "mended")) == 1
        assert await reindexing.check(layer.store.place) == checking.Checked(4, ())

    async def test_it_is_made_anew_without_an_app(self, layer: DataLayer, open_layer: Any) -> None:
        ann = await self.said(layer)
        await layer.close()
        assert (await reindexing.reindex(layer.store.place)).rows == 6
        assert await reindexing.check(layer.store.place) == checking.Checked(6, ())
        assert len(await steps(open_layer(), ann, "word")) == 2

    async def test_what_was_there_before_it_is_indexed_when_the_store_is_opened(
        self, layer: DataLayer, open_layer: Any
    ) -> None:
        ann = await self.said(layer)
        await layer.close()
        database = dialects.database(layer.store.place.server or url_of(layer.store.place.database))
        await database.write.run(building.begin_again)
        await database.close()
        assert len(await steps(open_layer(), ann, "word")) == 2

    async def test_how_much_of_it_is_built_is_said(self, layer: DataLayer) -> None:
        ann = await self.said(layer)
        assert (await layer.store.search(ann.id, "word")).indexed is None
        write = layer.store._database.write
        await write.run(building.begin_again)
        seen = []
        while await write.run(partial(building.build, batch=2)) is not None:
            found = await layer.store.found_threads(ann.id, "nothing")
            seen.append(found.indexed)
            assert (await layer.list_threads(Pagination(first=9), ThreadFilter(userId=ann.id, search="x"))).to_dict()[
                "indexed"
            ] == found.indexed
        assert seen == [33, 50, 83, None]
        await write.run(building.ask_anew)
        assert (await layer.store.search(ann.id, "word")).indexed == 0

    @pytest.mark.parametrize("seed", range(often(2, 9)))
    async def test_whatever_changes_it_is_what_was_said(self, layer: DataLayer, seed: int) -> None:
        dice, users = random.Random(seed), [await register(layer, name) for name in ("ann", "bob")]
        for _ in range(60):
            user = dice.choice(users)
            made = await a_change(layer, dice, user, [f"{user.identifier}-{n}" for n in range(4)])
            if made and dice.random() < 0.5:
                await layer.delete_element(made)
        await layer.drain()
        assert (await reindexing.check(layer.store.place)).problems == ()
