"""Passages of files are found by what they mean, too, where the store has a model for that: those of the conversation's
own files only. Vectors are made once a content, in the background, and go with the last element that has it."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from datalayer import DataLayer, EmbeddingFailed, EmbeddingRefused, embedding, forks, questions
from datalayer.passages import Passage, Place
from datalayer.records import now
from datalayer.search.numbers import MOST_DIMENSIONS, pack
from datalayer.search.stems import BEFORE
from datalayer.sql import near_passages, vectors
from datalayer.sql.passage_vectors import BLOCK
from datalayer.writes import DeleteThread
from tests.client import until
from tests.conftest import OpenLayer, change, make_step, rows
from tests.contract.test_passages import attach, said, stored, thread_of
from tests.embeddings import Toy, toy_vector

MODEL = "toy/768"
CAR = "The automobile is kept behind the barn."
OTHERS = tuple(f"{word} number {n}" for n, word in enumerate(["music", "garden", "train", "weather", "bread"] * 6))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_SETTLING", 0.0)
    monkeypatch.setattr(embedding, "_LOOKED_AT", 0.05)
    monkeypatch.setattr(embedding, "PAUSES", (0.01,))


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def layer(open_layer: OpenLayer, toy: Toy) -> DataLayer:
    return open_layer(embeddings=toy)


async def made(layer: DataLayer, model: str = MODEL) -> None:
    """Returns when all that was read has vectors of this model."""
    await layer.drain()

    async def done() -> bool:
        return {name for (name,) in rows(layer, "SELECT embedded FROM file_texts WHERE passages > 0")} <= {model}

    await until(done)


def kept(layer: DataLayer) -> dict[str, int]:
    """How many passages have a vector, by the model."""
    found = rows(layer, "SELECT model, sum(passages) FROM passage_vectors GROUP BY model")
    return {model: int(count) for model, count in found}


def of_files(toy: Toy) -> list[str]:
    """What the model was asked of passages; the question of each thread is a message."""
    return [text for text in toy.asked if not text.startswith(("What do the files say?", "Now this", "Hello"))]


class TestFound:
    async def test_what_means_the_same_is_found_without_the_word(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS, CAR)
        assert await said(layer, key, "voiture") == []
        await made(layer)
        assert await said(layer, key, "voiture") == [CAR]
        assert await said(layer, key, "voiture", limit=0) == []

    async def test_what_has_the_word_and_the_meaning_comes_first_and_each_once(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        both = "The car is kept behind the barn."
        await attach(layer, key, *OTHERS, CAR, both)
        await made(layer)
        found = await layer.store.find_passages(key, "car")
        assert [each.text for each in found] == [both, CAR]
        assert found[0].score > found[1].score > 0

    async def test_a_question_about_nothing_that_is_said_finds_nothing(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS, CAR)
        await made(layer)
        assert await said(layer, key, "physician") == []

    async def test_headings_count(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        section = Passage("It rose by a tenth.", Place(heading=("Report", "Voiture")))
        others = tuple(Passage(text, Place()) for text in OTHERS)
        await attach(layer, key, "x", passages=(*others, section))
        await made(layer)
        assert await said(layer, key, "car") == [section.text]

    async def test_an_earlier_question_tells_what_it_is_about_and_counts_less(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        dog = "The hound is kept behind the shed."
        await attach(layer, key, *OTHERS, CAR, dog)
        await made(layer)
        assert (await said(layer, key, "voiture", before=["chien"]))[0] == CAR
        files, near = await layer.store._files(key), partial(layer.store._now, near_passages.nearest)
        asked = [pack(toy_vector(text)) for text in ("and it?", "chien")]
        alone = {each.at: each.cosine for each in (await near(files, asked[:1], MODEL)).near}
        more = {each.at[1]: each.cosine - alone[each.at] for each in (await near(files, asked, MODEL)).near}
        assert max(more, key=lambda number: more[number]) == len(OTHERS) + 2
        assert max(more.values()) < BEFORE

    async def test_all_files_of_the_conversation_are_one_ranking(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS[:15], name="one")
        two = await attach(layer, key, *OTHERS[15:], CAR, name="two")
        await made(layer)
        assert [each.element_id for each in await layer.store.find_passages(key, "voiture")] == [two]

    async def test_a_file_whose_vectors_are_not_all_made_is_found_by_those_it_has(
        self, open_layer: OpenLayer, toy: Toy
    ) -> None:
        layer = open_layer(embeddings=toy)
        key, _ = await thread_of(layer)
        await attach(layer, key, CAR, *(f"{text} again {n}" for n in range(3) for text in OTHERS))
        await made(layer)
        change(layer, f"DELETE FROM passage_vectors WHERE passage_vectors.passages < {BLOCK}")
        assert await said(layer, key, "voiture") == [CAR]


class TestWhose:
    async def test_only_those_of_the_conversation(self, layer: DataLayer) -> None:
        (one, _), (two, _), (three, _) = [await thread_of(layer, name) for name in ("ann", "ben", "ann")]
        await attach(layer, one, *OTHERS)
        theirs = await attach(layer, two, *OTHERS, CAR)
        await attach(layer, three, *OTHERS, "Another vehicle")
        await made(layer)
        assert await said(layer, one, "voiture") == []
        assert await said(layer, one, "voiture", elements=[theirs]) == []
        assert await said(layer, two, "voiture") == [CAR]
        assert await said(layer, three, "voiture") == ["Another vehicle"]

    async def test_equal_content_of_two_has_them_once_and_both_find(self, layer: DataLayer, toy: Toy) -> None:
        (one, _), (two, _) = await thread_of(layer), await thread_of(layer, "ben")
        mine, theirs = [await attach(layer, key, *OTHERS, CAR) for key in (one, two)]
        await made(layer)
        assert sorted(of_files(toy)) == sorted((*OTHERS, CAR))
        assert kept(layer) == {MODEL: len(OTHERS) + 1}
        for key, element in ((one, mine), (two, theirs)):
            assert [each.element_id for each in await layer.store.find_passages(key, "voiture")] == [element]

    async def test_none_of_a_file_that_is_superseded_and_a_fork_has_them(self, layer: DataLayer, toy: Toy) -> None:
        key, asked = await thread_of(layer)
        old = await attach(layer, key, *OTHERS, CAR, for_id=asked)
        whole = await layer.store.whole_thread(key)
        assert whole is not None
        fork = forks.fork("ann", *whole, "Fork", "one", None)
        await layer.store.submit(fork)
        later = make_step(key, type="user_message", output="Now this")
        await layer.create_step(later)
        await attach(layer, key, *OTHERS, for_id=later["id"])
        await made(layer)
        assert await said(layer, key, "voiture") == []
        assert await said(layer, key, "voiture", elements=[old]) == [CAR]
        assert await said(layer, fork.thread_id, "voiture") == [CAR]
        assert len(of_files(toy)) == 2 * len(OTHERS) + 1


class TestGone:
    @pytest.mark.parametrize("what", ["element", "step", "thread"])
    async def test_the_last_that_has_it_takes_them_along(self, layer: DataLayer, what: str) -> None:
        (one, asked), (two, other) = await thread_of(layer), await thread_of(layer, "ben")
        element = await attach(layer, one, *OTHERS, CAR, for_id=asked)
        await attach(layer, two, *OTHERS, CAR, for_id=other)
        await made(layer)
        deletions = {
            "element": lambda: layer.delete_element(element),
            "step": lambda: layer.delete_step(asked),
            "thread": lambda: layer.delete_thread(one),
        }
        await deletions[what]()
        await layer.drain()
        assert await said(layer, one, "voiture") == []
        assert await said(layer, two, "voiture") == [CAR]
        assert kept(layer) == {MODEL: len(OTHERS) + 1}
        await layer.store.submit(DeleteThread(thread_id=two, at=now()))
        assert await stored(layer) == [0, 0, 0]
        assert kept(layer) == {}

    async def test_a_text_that_another_reader_replaces_takes_its_own_along(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS, CAR)
        await made(layer)
        better = tuple(Passage(text, Place()) for text in (*OTHERS, "Our house"))
        await attach(layer, key, *OTHERS, CAR, reader="tests 2", passages=better)
        await made(layer)
        assert await said(layer, key, "voiture") == []
        assert await said(layer, key, "maison") == ["Our house"]
        await until_kept(layer, {MODEL: len(better)})

    async def test_what_goes_while_the_model_works_leaves_nothing(self, open_layer: OpenLayer) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        class Slow(Toy):
            async def embed(self, texts: Sequence[str], query: bool) -> list[list[float]]:
                if CAR in texts:
                    begun.set()
                    await go_on.wait()
                return await super().embed(texts, query)

        slow = Slow()
        layer = open_layer(embeddings=slow)
        key, _ = await thread_of(layer)
        element = await attach(layer, key, *OTHERS, CAR)
        await begun.wait()
        await layer.delete_element(element)  # nothing waits for the model
        assert await stored(layer) == [0, 0, 0]
        go_on.set()
        other = await attach(layer, key, *OTHERS, name="other")
        await made(layer)
        await layer.delete_element(other)
        assert await stored(layer) == [0, 0, 0]
        assert kept(layer) == {}

    async def test_all_are_removed_on_demand(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS, CAR)
        await made(layer)
        assert await layer.store.remove_vectors() == len(OTHERS) + 2
        assert kept(layer) == {}
        assert rows(layer, "SELECT embedded FROM file_texts") == [("",)]
        assert await said(layer, key, "voiture") == []
        assert await said(layer, key, "automobile") == [CAR]


async def until_kept(layer: DataLayer, expected: dict[str, int]) -> None:
    async def done() -> bool:
        return kept(layer) == expected

    await until(done)


class TestMade:
    async def test_without_a_model_none_are_and_nothing_waits(self, open_layer: OpenLayer) -> None:
        layer = open_layer()
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS, CAR)
        await layer.drain()
        assert kept(layer) == {}
        assert await said(layer, key, "automobile") == [CAR]

    async def test_what_is_read_without_a_model_gets_them_when_it_is_back(self, open_layer: OpenLayer) -> None:
        layer = open_layer(embeddings=Toy())
        key, _ = await thread_of(layer)
        await made(layer)
        await layer.close()
        layer = open_layer()
        await attach(layer, key, *OTHERS, CAR)
        await layer.close()
        layer = open_layer(embeddings=Toy())
        await layer.store.open()
        await made(layer)
        assert await said(layer, key, "voiture") == [CAR]

    async def test_what_was_read_before_gets_them_after_consent_only(self, open_layer: OpenLayer) -> None:
        layer = open_layer()
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS, CAR)
        await layer.close()
        toy = Toy()
        layer = open_layer(embeddings=toy)
        await layer.store.open()
        new = await attach(layer, key, "Our house", name="new")
        await until_kept(layer, {MODEL: 1})
        assert of_files(toy) == ["Our house"]
        told = await layer.store.passage_counts(MODEL)
        assert (told.passages, told.made, told.whole) == (len(OTHERS) + 2, 1, False)
        lacking = [text async for some in layer.store.passages_without_vector(MODEL) for text in some]
        assert sorted(lacking) == sorted((*OTHERS, CAR))
        await layer.store.make_all_vectors(MODEL)
        await made(layer)
        assert (await layer.store.passage_counts(MODEL)).whole
        assert [text async for some in layer.store.passages_without_vector(MODEL) for text in some] == []
        assert await said(layer, key, "voiture") == [CAR]
        await layer.delete_element(new)

    async def test_a_kill_costs_a_batch_at_most(self, open_layer: OpenLayer) -> None:
        layer = open_layer()
        key, _ = await thread_of(layer)
        texts = [f"{text} of {n}" for n in range(7) for text in OTHERS]
        await attach(layer, key, *texts, CAR)
        await attach(layer, key, "Our house", name="other")
        await layer.close()
        once = Toy()
        layer = open_layer(embeddings=once)
        await layer.store.open()
        assert layer.store._embedding is not None
        task = layer.store._embedding._task
        assert task is not None
        task.cancel()
        await asyncio.wait([task])
        await layer.store.make_all_vectors(MODEL)
        while sum(kept(layer).values()) < 64:
            await layer.store._embedding.step()
        there = sum(kept(layer).values())
        assert there < len(texts)
        await layer.close()
        rest = Toy()
        layer = open_layer(embeddings=rest)
        await layer.store.open()
        await made(layer)
        assert len(of_files(once)) == there
        assert len(of_files(rest)) == len(texts) + 2 - there
        assert kept(layer) == {MODEL: len(texts) + 2}
        assert await said(layer, key, "voiture") == [CAR]

    async def test_another_model_makes_them_anew_after_consent_and_finds_by_none_of_the_old(
        self, open_layer: OpenLayer
    ) -> None:
        layer = open_layer(embeddings=Toy())
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS, CAR)
        await made(layer)
        await layer.close()
        other = Toy("other/768")
        layer = open_layer(embeddings=other)
        await layer.store.open()
        assert await said(layer, key, "voiture") == []
        assert other.queries == []
        await layer.store.make_all_vectors("other/768")
        await made(layer, "other/768")
        assert kept(layer) == {"other/768": len(OTHERS) + 1}
        assert await said(layer, key, "voiture") == [CAR]

    async def test_back_to_the_first_model_only_what_the_other_took_is_made_anew(self, open_layer: OpenLayer) -> None:
        layer = open_layer(embeddings=Toy())
        key, _ = await thread_of(layer)
        texts = [f"{text} of {n}" for n in range(7) for text in OTHERS]
        await attach(layer, key, *texts)
        await made(layer)
        await layer.close()
        left = [EmbeddingFailed("down")] * 1000

        def fails(asked: Sequence[str], _query: bool) -> None:
            if len(kept(layer)) > 1 and left:
                raise left.pop()

        layer = open_layer(embeddings=Toy("other/768", fails))
        await layer.store.open()
        await layer.store.make_all_vectors("other/768")

        async def begun() -> bool:
            return len(kept(layer)) > 1

        await until(begun)
        assert rows(layer, "SELECT embedded FROM file_texts") == [("",)]
        await layer.close()
        taken = kept(layer)["other/768"]
        assert 0 < taken < len(texts)
        back = Toy()
        layer = open_layer(embeddings=back)
        await layer.store.open()
        await layer.store.make_all_vectors(MODEL)
        await made(layer)
        assert len(of_files(back)) == taken
        assert kept(layer) == {MODEL: len(texts)}

    async def test_of_two_processes_one_at_a_time_makes_them(self, open_layer: OpenLayer) -> None:
        one, two = Toy(), Toy()
        layer, other = open_layer(embeddings=one), open_layer(embeddings=two)
        await layer.store.open()
        await other.store.open()
        key, _ = await thread_of(layer)
        texts = [f"{text} of {n}" for n in range(5) for text in OTHERS]
        await attach(layer, key, *texts)
        await made(layer)
        assert sorted(of_files(one) + of_files(two)) == sorted(texts)

    async def test_only_what_the_model_can_do_has_one_and_the_others_wait_for_nothing(
        self, open_layer: OpenLayer
    ) -> None:
        def before(texts: Sequence[str], _query: bool) -> None:
            if any("bad" in text for text in texts):
                raise EmbeddingRefused

        toy = Toy(before=before)
        layer = open_layer(embeddings=toy)
        key, _ = await thread_of(layer)
        await attach(layer, key, "bad news", " ", *OTHERS, CAR)
        await made(layer)
        assert not any(text == " " for text in toy.asked)
        assert await said(layer, key, "voiture") == [CAR]
        assert await said(layer, key, "bad news") == ["bad news"]

    async def test_a_text_of_which_the_model_takes_nothing_is_done_with(self, open_layer: OpenLayer) -> None:
        def before(texts: Sequence[str], _query: bool) -> None:
            if any("bad" in text for text in texts):
                raise EmbeddingRefused

        layer = open_layer(embeddings=Toy(before=before))
        key, _ = await thread_of(layer)
        await attach(layer, key, "bad news", "bad luck")
        await made(layer)
        assert await said(layer, key, "news") == ["bad news"]

    async def test_what_was_made_before_a_failure_is_not_asked_for_again(self, open_layer: OpenLayer) -> None:
        """A model that takes one text at a time, and fails in the midst of a block."""
        failed = 0

        def before(texts: Sequence[str], _query: bool) -> None:
            nonlocal failed
            if len(texts) > 1:
                raise EmbeddingFailed("one at a time")
            if len(of_files(toy)) == 5 and failed < 3:
                failed += 1
                raise EmbeddingFailed("down", 0.01)

        toy = Toy(before=before)
        layer = open_layer(embeddings=toy)
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS[:12])
        await made(layer)
        assert failed == 3
        assert sorted(of_files(toy)) == sorted(OTHERS[:12])

    async def test_a_long_passage_is_cut(self, layer: DataLayer, toy: Toy) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, "x", passages=(Passage("word " * 10_000, Place()),))
        await made(layer)
        assert [len(text) for text in of_files(toy)] == [8_000]

    async def test_those_of_the_most_dimensions_are_kept(self, open_layer: OpenLayer) -> None:
        class Large(Toy):
            async def embed(self, texts: Sequence[str], query: bool) -> list[list[float]]:
                return [toy_vector(text, MOST_DIMENSIONS) for text in texts]

        layer = open_layer(embeddings=Large())
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS, CAR)
        await made(layer)
        assert await said(layer, key, "voiture") == [CAR]

    async def test_all_vectors_of_a_name_have_one_length(self, open_layer: OpenLayer) -> None:
        class Short(Toy):
            async def embed(self, texts: Sequence[str], query: bool) -> list[list[float]]:
                return [vector[:32] for vector in await super().embed(texts, query)]

        layer = open_layer(embeddings=Toy())
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS, CAR)
        await made(layer)
        await layer.close()
        layer = open_layer(embeddings=Short())
        await attach(layer, key, "Our house", name="two")
        assert layer.store._embedding is not None
        for _ in range(2):
            with pytest.raises(EmbeddingFailed, match="vectors of 32 dimensions, where those before have 768"):
                await layer.store._embedding.step()
        assert kept(layer) == {MODEL: len(OTHERS) + 1}
        assert await said(layer, key, "voiture") == []
        assert await said(layer, key, "house") == ["Our house"]


class TestWithoutTheModel:
    async def test_words_find_where_it_fails_or_is_slow_and_it_is_left_alone_for_a_while(
        self, layer: DataLayer, toy: Toy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(questions, "WITHIN", 0.05)
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS, CAR, "The car")
        await made(layer)
        asked = []

        async def stalls(texts: Sequence[str], query: bool) -> Any:
            asked.append(texts)
            await asyncio.Event().wait()

        monkeypatch.setattr(toy, "embed", stalls)
        for _ in range(3):
            assert await said(layer, key, "car") == ["The car"]
        assert len(asked) == 1

    async def test_where_nothing_has_a_vector_nobody_is_asked_nor_for_a_question_without_text(
        self, open_layer: OpenLayer
    ) -> None:
        toy = Toy()
        layer = open_layer()
        (one, _), (two, _) = await thread_of(layer), await thread_of(layer)
        await attach(layer, one, *OTHERS, CAR)
        await layer.close()
        layer = open_layer(embeddings=toy)
        await attach(layer, two, "Our house")
        await until_kept(layer, {MODEL: 1})
        assert await said(layer, one, "automobile") == [CAR]
        assert await said(layer, two, " \n", before=["maison"]) == []
        assert toy.queries == []

    async def test_a_question_is_asked_of_the_model_once(self, layer: DataLayer, toy: Toy) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, *OTHERS, CAR)
        await made(layer)
        for question, before in (("car", []), ("car", []), ("money", ["car"]), ("car", ["money", " "])):
            await said(layer, key, question, before=before)
        assert toy.queries == ["car", "money"]

    async def test_while_another_process_has_the_turn_none_are_made(self, open_layer: OpenLayer) -> None:
        other, layer = open_layer(), open_layer(embeddings=(toy := Toy()))
        await other.store.open()
        write = other.store._database.write.run
        key, _ = await thread_of(other)
        await attach(other, key, *OTHERS)
        assert await write(lambda connection: vectors.lease(connection, other.store.instance, now() + 3_600_000_000))
        await layer.store.open()
        await layer.store.make_all_vectors(MODEL)
        assert layer.store._embedding is not None
        assert not await layer.store._embedding.step()
        assert kept(layer) == {}
        assert await write(lambda connection: vectors.leave(connection, other.store.instance) or True)
        await made(layer)
        assert sorted(of_files(toy)) == sorted(OTHERS)
