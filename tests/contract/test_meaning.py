"""What was said is found by what it means, too, where the store has a model for that: by its author only, without one
hit twice, and by words alone where the model does not answer."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from chainlit.types import Feedback, Pagination, ThreadFilter

from datalayer import DataLayer, EmbeddingFailed, InvalidInput, embedding, questions
from datalayer.search import nearest
from datalayer.writes import RestoreThread
from tests.client import until
from tests.conftest import OpenLayer, make_step, new_id, register, rows, start_thread, start_threads
from tests.embeddings import Toy


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_SETTLING", 0.0)
    monkeypatch.setattr(embedding, "_LOOKED_AT", 0.05)


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def layer(open_layer: OpenLayer, toy: Toy) -> DataLayer:
    return open_layer(embeddings=toy)


async def embedded(layer: DataLayer) -> None:
    """Returns when nothing waits for a vector."""
    await layer.drain()

    async def done() -> bool:
        said = rows(layer, "SELECT count(*) FROM steps WHERE type LIKE ? AND output <> ?", "%_message", "")
        there = rows(layer, "SELECT count(*) FROM vectors WHERE model <> ?", "")
        return bool(said == there)

    await until(done)


async def say(layer: DataLayer, user: Any, *texts: str, **over: Any) -> list[str]:
    """Each in a thread of its own; their ids."""
    return [each["id"] for each in await start_threads(layer, user, *({"output": text} | over for text in texts))]


async def pages(layer: DataLayer, user: Any, question: str, first: int = 20) -> list[Any]:
    found, cursor = [], None
    while True:
        page = await layer.store.search(user.id, question, first, cursor)
        assert len(page.hits) == first or page.next is None
        found += page.hits
        if (cursor := page.next) is None:
            return found


async def found(layer: DataLayer, user: Any, question: str, first: int = 20) -> list[str | None]:
    return [hit.step_id for hit in await pages(layer, user, question, first)]


OTHERS = [f"{word} number {n}" for n, word in enumerate(["music", "garden", "train", "weather", "bread", "river"] * 5)]


class TestWhatIsFound:
    async def test_what_means_the_same_is_found_without_the_word(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        await say(layer, ann, *OTHERS)
        (car,) = await say(layer, ann, "My automobile needs new tyres")
        await embedded(layer)
        assert await found(layer, ann, "voiture") == [car]

    async def test_what_has_the_word_and_the_meaning_comes_first(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        both, meaning = await say(layer, ann, "the car is here", "the automobile is here")
        await say(layer, ann, *OTHERS)
        await embedded(layer)
        assert (await found(layer, ann, "car"))[:2] == [both, meaning]

    async def test_a_hit_by_meaning_shows_its_beginning_without_a_mark(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        await say(layer, ann, *OTHERS)
        await say(layer, ann, "My automobile needs new tyres")
        await embedded(layer)
        (hit,) = await pages(layer, ann, "voiture")
        assert (hit.snippet.text, hit.snippet.marks) == ("My automobile needs new tyres", ())

    async def test_words_in_quotes_and_filters_alone_ask_no_model(self, layer: DataLayer, toy: Toy) -> None:
        ann = await register(layer, "ann")
        await say(layer, ann, "My automobile")
        await embedded(layer)
        for question in ('"car"', "“car”", "from:me", "-car", "after:7d", "  "):
            await layer.store.search(ann.id, question)
        assert toy.queries == []

    async def test_the_model_is_asked_for_the_words_only(self, layer: DataLayer, toy: Toy) -> None:
        ann = await register(layer, "ann")
        await say(layer, ann, "My automobile")
        await embedded(layer)
        await layer.store.search(ann.id, "from:me voiture -bike after:7d tyres")
        assert toy.queries == ["voiture tyres"]

    async def test_titles_are_found_by_their_words(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann, output="hello")
        await layer.update_thread(said["threadId"], name="Desserts")
        await embedded(layer)
        assert (said["threadId"], None) in [(hit.thread_id, hit.step_id) for hit in await pages(layer, ann, "dessert")]

    async def test_what_was_edited_deleted_or_hidden_is_not_found_by_what_it_was(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        await say(layer, ann, *OTHERS)
        said = [await start_thread(layer, ann, output="My automobile") for _ in range(3)]
        await embedded(layer)
        assert len(await found(layer, ann, "voiture")) == 3
        await layer.update_step(said[0] | {"output": "about geese"})
        await layer.delete_step(said[1]["id"])
        await layer.update_step(said[2] | {"metadata": {"unsearched": True}})
        shown = {hit.step_id: hit.snippet.text for hit in await pages(layer, ann, "voiture")}
        assert not {said[1]["id"], said[2]["id"]} & shown.keys()
        assert "My automobile" not in shown.values()

    async def test_what_is_in_the_trash_is_not_found_until_it_is_restored(
        self, open_layer: OpenLayer, toy: Toy
    ) -> None:
        layer = open_layer(embeddings=toy, trash_days=30)
        ann = await register(layer, "ann")
        await say(layer, ann, *OTHERS)
        said = await start_thread(layer, ann, output="My automobile")
        await embedded(layer)
        await layer.delete_thread(said["threadId"])
        assert await found(layer, ann, "voiture") == []
        assert said["id"] not in [hit.step_id for hit in await layer.store.nearest(ann.id, "voiture")]
        assert said["id"] not in await found(layer, ann, "automobile")
        await layer.store.submit(RestoreThread(thread_id=said["threadId"], actor="ann"))
        assert await found(layer, ann, "voiture") == [said["id"]]

    async def test_where_nothing_means_it_nothing_is_found(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        await say(layer, ann, *OTHERS)
        await embedded(layer)
        assert await found(layer, ann, "voiture") == []

    async def test_new_messages_are_found_after_a_search_has_read_all(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        await say(layer, ann, *OTHERS)
        (one,) = await say(layer, ann, "My automobile")
        await embedded(layer)
        assert await found(layer, ann, "voiture") == [one]
        (two,) = await say(layer, ann, "Our vehicle")
        await embedded(layer)
        assert set(await found(layer, ann, "voiture")) == {one, two}

    async def test_hits_by_meaning_alone_leave_the_hint_at_a_slip(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        await say(layer, ann, *OTHERS)
        await embedded(layer)
        answer = await layer.store.search(ann.id, "gardem")
        assert answer.meant == "garden"


class TestFilters:
    @pytest.mark.parametrize("few", [0, 2_000])
    async def test_they_hold_for_hits_by_meaning(
        self, layer: DataLayer, few: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(nearest, "_FEW", few)
        ann = await register(layer, "ann")
        await say(layer, ann, *OTHERS)
        (mine,) = await say(layer, ann, "My automobile is red", createdAt="2020-05-01T00:00:00Z")
        (other,) = await say(layer, ann, "My vehicle is blue", createdAt="2026-05-01T00:00:00Z")
        thread = next(row[0] for row in rows(layer, "SELECT thread_id FROM steps WHERE id = ?", other))
        answer = make_step(thread, output="That automobile is slow", metadata={"model": "gemini-2.5"})
        await layer.create_step(answer)
        await layer.update_thread(thread, name="Garage", tags=["work"])
        await layer.upsert_feedback(Feedback(forId=answer["id"], value=1))
        await layer.store._embedding.step()  # type: ignore[union-attr]
        async with asyncio.timeout(30):
            await embedded_of(layer, mine, other, answer["id"])
        for question, ids in {
            "voiture": {mine, other, answer["id"]},
            "voiture from:me": {mine, other},
            "voiture from:assistant": {answer["id"]},
            "voiture before:2021-01-01": {mine},
            "voiture after:2021-01-01": {other, answer["id"]},
            "voiture in:garage": {other, answer["id"]},
            "voiture tag:work": {other, answer["id"]},
            "voiture model:gemini": {answer["id"]},
            "voiture model:gemini-2.5": {answer["id"]},
            "voiture has:vote": {answer["id"]},
            "voiture -red": {other, answer["id"]},
            "voiture has:file": set(),
        }.items():
            if question != "voiture model:gemini":
                assert set(await found(layer, ann, question)) == ids, question


async def embedded_of(layer: DataLayer, *ids: str) -> None:
    async def done() -> bool:
        there = {row[0] for row in rows(layer, "SELECT step_id FROM vectors WHERE model <> ?", "")}
        return there.issuperset(ids)

    await until(done)


class TestPages:
    async def test_each_hit_comes_once_whatever_the_size_of_a_page(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("datalayer.search.fusion.LEXICAL", 10)
        ann = await register(layer, "ann")
        words = await say(layer, ann, *(f"car number {n}" for n in range(25)))
        meant = await say(layer, ann, *(f"automobile number {n}" for n in range(5)))
        await say(layer, ann, *OTHERS)
        await embedded(layer)
        for first in (1, 3, 7, 50):
            hits = await found(layer, ann, "car", first)
            assert len(hits) == len(set(hits))
            assert set(hits) == {*words, *meant}

    async def test_nothing_comes_twice_and_nothing_is_lost_while_messages_come_and_go(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("datalayer.search.fusion.LEXICAL", 10)
        ann, chance = await register(layer, "ann"), random.Random(7)
        said = await say(layer, ann, *(f"{chance.choice(['car', 'automobile'])} car {n}" for n in range(40)))
        await embedded(layer)
        seen, cursor, gone = list[str | None](), None, set[str]()
        while True:
            page = await layer.store.search(ann.id, "car", 6, cursor)
            seen += [hit.step_id for hit in page.hits]
            if (cursor := page.next) is None:
                break
            await say(layer, ann, "car of now", "automobile of now")
            left = [key for key in said if key not in seen and key not in gone]
            if left:
                gone.add(chance.choice(left))
                await layer.delete_step(sorted(gone - set(seen))[-1]) if gone - set(seen) else None
        assert len(seen) == len(set(seen))
        assert set(said) - gone <= set(seen)

    async def test_threads_come_once_by_their_best_hit(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann, output="the car")
        await layer.create_step(make_step(said["threadId"], output="the automobile"))
        other = await start_thread(layer, ann, output="our vehicle")
        await say(layer, ann, *OTHERS)
        await embedded(layer)
        for first in (1, 20):
            found, cursor = [], None
            while True:
                page = await layer.list_threads(
                    Pagination(first=first, cursor=cursor), ThreadFilter(userId=ann.id, search="car")
                )
                found += [each["id"] for each in page.data]
                if not page.pageInfo.hasNextPage:
                    break
                cursor = page.pageInfo.endCursor
            assert found[:2] == [said["threadId"], other["threadId"]]
            assert len(found) == len(set(found))

    async def test_a_filter_by_votes_holds(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        said = [await start_thread(layer, ann, output="our vehicle") for _ in range(2)]
        await layer.upsert_feedback(Feedback(forId=said[0]["id"], value=1))
        await embedded(layer)
        page = await layer.list_threads(Pagination(first=20), ThreadFilter(userId=ann.id, search="car", feedback=1))
        assert [each["id"] for each in page.data] == [said[0]["threadId"]]

    @pytest.mark.parametrize(
        "cursor", ["{", "{}", '{"seen":1,"tail":null}', '{"seen":"","tail":3}', '{"seen":"","tail":"x"}', "{" * 5000]
    )
    async def test_a_cursor_that_is_none_is_refused(self, layer: DataLayer, cursor: str) -> None:
        ann = await register(layer, "ann")
        await say(layer, ann, "car")
        await embedded(layer)
        with pytest.raises(InvalidInput):
            await layer.store.search(ann.id, "car", 20, cursor)


class TestWithoutTheModel:
    async def test_words_find_where_it_fails_or_is_slow_and_it_is_left_alone_for_a_while(
        self, layer: DataLayer, toy: Toy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(questions, "WITHIN", 0.05)
        ann = await register(layer, "ann")
        car, other = await say(layer, ann, "the car", "the automobile")
        await embedded(layer)
        asked = []

        async def stalls(texts: Sequence[str], query: bool) -> list[list[float]]:
            asked.append(texts)
            await asyncio.Event().wait()
            return []

        monkeypatch.setattr(toy, "embed", stalls)
        for _ in range(3):
            assert await found(layer, ann, "car") == [car]
        assert len(asked) == 1
        monkeypatch.undo()
        layer.store._fused._questions._not_before = 0.0  # type: ignore[union-attr]
        assert await found(layer, ann, "car") == [car, other]

    async def test_pages_go_on_when_it_fails_between_two(self, layer: DataLayer, toy: Toy) -> None:
        ann = await register(layer, "ann")
        said = await say(layer, ann, *(f"car {n}" for n in range(10)))
        await embedded(layer)
        page = await layer.store.search(ann.id, "car", 3)

        def fails(*_: Any) -> None:
            raise EmbeddingFailed("down")

        toy.before = fails
        layer.store._fused._questions._known.clear()  # type: ignore[union-attr]
        seen, cursor = [hit.step_id for hit in page.hits], page.next
        while cursor:
            page = await layer.store.search(ann.id, "car", 3, cursor)
            seen, cursor = seen + [hit.step_id for hit in page.hits], page.next
        assert sorted(map(str, seen)) == sorted(said)

    async def test_without_a_vector_nobody_is_asked(self, layer: DataLayer, toy: Toy) -> None:
        ann = await register(layer, "ann")
        await layer.store.search(ann.id, "car")
        assert toy.queries == []

    async def test_vectors_of_another_model_do_not_count(self, open_layer: OpenLayer) -> None:
        layer = open_layer(embeddings=Toy())
        ann = await register(layer, "ann")
        await say(layer, ann, "the automobile")
        await embedded(layer)
        await layer.close()
        layer = open_layer(embeddings=Toy("other/768"))
        assert await found(layer, ann, "car") == []


class TestWhoseItIs:
    async def test_nobody_finds_what_somebody_else_said(self, layer: DataLayer) -> None:
        """Two people say random things, each with a canary of their own; whatever either looks for, no hit is the
        other's."""
        people, chance = [await register(layer, name) for name in ("ann", "bob")], random.Random(3)
        words = [
            "car",
            "automobile",
            "voiture",
            "doctor",
            "physician",
            "film",
            "movie",
            "cinema",
            "money",
            "argent",
            "dog",
        ]
        threads: list[set[str]] = [set(), set()]
        for who, person in enumerate(people):
            said = [{"output": f"canary{who} " + " ".join(chance.choices(words, k=4))} for _ in range(30)]
            threads[who] |= {each["threadId"] for each in await start_threads(layer, person, *said)}
        await embedded(layer)
        for _ in range(20):
            question = " ".join(chance.choices([*words, "canary0", "canary1", "-dog", "from:me", "after:3d"], k=2))
            for who, person in enumerate(people):
                hits = await pages(layer, person, question)
                near = await layer.store.nearest(person.id, question)
                assert all(hit.thread_id in threads[who] for hit in (*hits, *near)), question
                assert not any(f"canary{1 - who}" in hit.snippet.text for hit in (*hits, *near))

    async def test_the_sketches_of_one_give_no_other_a_hit(self, layer: DataLayer) -> None:
        """Also where one's are held in memory when the other asks."""
        ann, bob = await register(layer, "ann"), await register(layer, "bob")
        await say(layer, ann, "the automobile")
        await say(layer, bob, "hello there")
        await embedded(layer)
        assert len(await layer.store.nearest(ann.id, "car")) == 1
        assert [hit.snippet.text for hit in await layer.store.nearest(bob.id, "car")] == ["hello there"]

    async def test_who_is_nobody_finds_nothing(self, layer: DataLayer) -> None:
        await start_thread(layer, None, output="the automobile")
        ann = await register(layer, "ann")
        await say(layer, ann, "the automobile")
        await embedded_of(layer)
        assert await layer.store.nearest(new_id(), "car") == []
