"""Vectors of messages are made soon after they are complete, of what they say now, and go with them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from datalayer import DataLayer, EmbeddingFailed, EmbeddingRefused, InvalidInput, embedding, forks
from datalayer.records import now
from datalayer.schema import instances
from datalayer.sql import vectors
from datalayer.sql.vectors import WAITS
from datalayer.writes import APPLICATION, ImportThread
from tests.client import until
from tests.conftest import OpenLayer, make_run, make_step, new_id, register, rows, start_thread
from tests.embeddings import Toy

MODEL = "toy/768"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_SETTLING", 0.0)
    monkeypatch.setattr(embedding, "_LOOKED_AT", 0.05)
    monkeypatch.setattr(embedding, "PAUSES", (0.01,))


def models(layer: DataLayer) -> dict[str, str]:
    """The model of each row, by its step."""
    return dict(rows(layer, "SELECT step_id, model FROM vectors"))


async def made(layer: DataLayer, *ids: str, model: str = MODEL) -> None:
    """Returns when there are vectors of these steps and of no others, of this model."""
    await layer.drain()

    async def are_made() -> bool:
        return models(layer) == dict.fromkeys(ids, model)

    await until(are_made)


async def agree(layer: DataLayer, model: str = MODEL) -> None:
    await layer.store._database.write.run(lambda connection: vectors.agree(connection, model))


class TestNewMessages:
    async def test_a_new_message_gets_a_vector_and_a_run_none(self, open_layer: OpenLayer) -> None:
        toy = Toy()
        layer = open_layer(embeddings=toy)
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann, output="Where is my car?")
        await layer.create_step(make_run(said["threadId"], output="a run"))
        await layer.create_step(make_step(said["threadId"], output="hidden", metadata={"unsearched": True}))
        await layer.create_step(make_step(said["threadId"], output=" "))
        await layer.create_step(make_step(said["threadId"], output="half", status="streaming"))
        await made(layer, said["id"])
        assert toy.asked == ["Where is my car?"]

    async def test_what_is_imported_gets_one_whenever_it_was_said(self, open_layer: OpenLayer) -> None:
        layer = open_layer(embeddings=Toy())
        row = {"id": "old", "type": "user_message", "output": "Where is my car?", "created_at": 5}
        values = {"name": "Cars", "created_at": 5}
        write = ImportThread(actor=APPLICATION, at=now(), thread_id="t", user="ann", values=values, steps=[row])
        for _ in range(2):
            await layer.store.submit(write)
        await made(layer, "old")

    async def test_what_is_streamed_gets_one_when_it_is_complete(self, open_layer: OpenLayer) -> None:
        layer = open_layer(embeddings=Toy())
        ann = await register(layer, "ann")
        said = await start_thread(layer, ann)
        answer = make_step(said["threadId"], output="In the", status="streaming")
        await layer.create_step(answer)
        await made(layer, said["id"])
        await layer.update_step(answer | {"output": "In the garage", "status": "complete"})
        await made(layer, said["id"], answer["id"])

    async def test_without_embeddings_nothing_waits(self, layer: DataLayer) -> None:
        await start_thread(layer, await register(layer, "ann"))
        assert models(layer) == {}

    async def test_what_nobody_said_gets_one_when_it_is_somebodys(self, open_layer: OpenLayer) -> None:
        layer = open_layer(embeddings=Toy())
        said = await start_thread(layer, None)
        ann = await register(layer, "ann")
        await layer.update_thread(said["threadId"], user_id=ann.id)
        await made(layer, said["id"])
        assert rows(layer, "SELECT user_id FROM vectors") == [(ann.id,)]

    async def test_a_copy_has_that_of_the_message_and_one_of_its_own_when_it_says_something_else(
        self, open_layer: OpenLayer
    ) -> None:
        toy = Toy()
        layer = open_layer(embeddings=toy)
        ann, bob = [await register(layer, name) for name in ("ann", "bob")]
        said = await start_thread(layer, ann, output="Where is my car?")
        his = await start_thread(layer, bob, output="Where is my house?")
        await made(layer, said["id"], his["id"])
        copies = []
        for message, edited in ((said, None), (said, "Where is my dog?"), (his, None)):
            whole = await layer.store.whole_thread(message["threadId"])
            assert whole is not None
            steps = [step._replace(output=edited) if edited else step for step in whole[1]]
            write = forks.fork("ann", whole[0], steps, [], "Copy")
            copies.append(write.steps[0]["id"])
            await layer.store.submit(write)
        await made(layer, said["id"], his["id"], *copies)
        assert sorted(toy.asked[2:]) == ["Where is my dog?", "Where is my house?"]  # nothing of somebody else's

    async def test_long_messages_are_cut(self, open_layer: OpenLayer) -> None:
        toy = Toy()
        layer = open_layer(embeddings=toy)
        said = await start_thread(layer, await register(layer, "ann"), output="word " * 10_000)
        await made(layer, said["id"])
        assert [len(text) for text in toy.asked] == [8_000]


class TestChanges:
    async def test_an_edit_removes_the_vector_at_once_and_another_is_made(self, open_layer: OpenLayer) -> None:
        toy, broken = Toy(), Toy(before=fails)
        layer = open_layer(embeddings=toy)
        said = await start_thread(layer, await register(layer, "ann"), output="old")
        await made(layer, said["id"])
        (old,) = rows(layer, "SELECT vector, sketch, digest FROM vectors")
        await layer.close()
        layer = open_layer(embeddings=broken)
        await layer.update_step(said | {"output": "new"})
        assert rows(layer, "SELECT model, vector, sketch, digest FROM vectors") == [("", b"", b"", "")]
        broken.before = None
        await made(layer, said["id"])
        (new,) = rows(layer, "SELECT vector, sketch, digest FROM vectors")
        assert new != old
        assert broken.asked == ["new"]

    async def test_an_edit_removes_it_also_where_no_model_is_configured(self, open_layer: OpenLayer) -> None:
        layer = open_layer(embeddings=Toy())
        said = await start_thread(layer, await register(layer, "ann"), output="old")
        await made(layer, said["id"])
        await layer.close()
        layer = open_layer()
        await layer.update_step(said | {"output": "new"})
        assert models(layer) == {}

    async def test_what_changes_no_text_costs_nothing(self, open_layer: OpenLayer) -> None:
        toy = Toy()
        layer = open_layer(embeddings=toy)
        said = await start_thread(layer, await register(layer, "ann"))
        await made(layer, said["id"])
        await layer.update_step(said | {"name": "Ann", "metadata": {"favorite": True}})
        await made(layer, said["id"])
        assert len(toy.asked) == 1

    @pytest.mark.parametrize("way", ["step", "thread", "hidden"])
    async def test_what_is_deleted_or_hidden_has_none(self, open_layer: OpenLayer, way: str) -> None:
        layer = open_layer(embeddings=Toy())
        said = await start_thread(layer, await register(layer, "ann"))
        await made(layer, said["id"])
        if way == "step":
            await layer.delete_step(said["id"])
        elif way == "thread":
            await layer.delete_thread(said["threadId"])
        else:
            await layer.update_step(said | {"metadata": {"unsearched": True}})
        assert models(layer) == {}

    async def test_a_text_that_changes_while_the_model_works_is_asked_of_again(self, open_layer: OpenLayer) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        class Slow(Toy):
            async def embed(self, texts: Sequence[str], query: bool) -> list[list[float]]:
                begun.set()
                await go_on.wait()
                return await super().embed(texts, query)

        slow = Slow()
        layer = open_layer(embeddings=slow)
        said = await start_thread(layer, await register(layer, "ann"), output="old")
        await begun.wait()
        await layer.update_step(said | {"output": "new"})  # nothing waits for the model
        go_on.set()
        await made(layer, said["id"])
        assert slow.asked == ["old", "new"]


def fails(_texts: Sequence[str], _query: bool) -> None:
    raise EmbeddingFailed("down")


class TestFailures:
    async def test_a_server_that_fails_is_asked_again(self, open_layer: OpenLayer) -> None:
        left = [EmbeddingFailed("down", 0.01), RuntimeError("odd"), TimeoutError()]

        def before(*_: Any) -> None:
            if left:
                raise left.pop()

        layer = open_layer(embeddings=Toy(before=before))
        said = await start_thread(layer, await register(layer, "ann"))
        await made(layer, said["id"])

    async def test_one_that_is_refused_does_not_hold_up_the_others(self, open_layer: OpenLayer) -> None:
        def before(texts: Sequence[str], _query: bool) -> None:
            if "bad" in texts:
                raise EmbeddingRefused

        toy = Toy(before=before)
        layer = open_layer(embeddings=toy)
        ann = await register(layer, "ann")
        ids = [(await start_thread(layer, ann, output=output))["id"] for output in ("one", "bad", "two")]
        await made(layer, *ids)
        assert sorted(text for text in toy.asked if text != "Hello") == ["one", "two"]
        assert rows(layer, "SELECT step_id FROM vectors WHERE vector = ?", b"") == [(ids[1],)]

    async def test_where_all_are_refused_none_counts_as_done(self, open_layer: OpenLayer) -> None:
        def before(*_: Any) -> None:
            raise EmbeddingRefused

        layer = open_layer(embeddings=Toy(before=before))
        said = await start_thread(layer, await register(layer, "ann"))
        assert layer.store._embedding is not None
        with pytest.raises(EmbeddingFailed):
            await layer.store._embedding.step()
        assert models(layer) == {said["id"]: WAITS}

    @pytest.mark.parametrize(
        "odd", [[], [[1.0]] * 2, [[0.0, 0.0]], [[float("nan")]], [[float("inf")]], [["x"]], None, [[]], [[1.0] * 5000]]
    )
    async def test_what_is_no_vector_is_a_failure(self, open_layer: OpenLayer, odd: Any) -> None:
        class Odd(Toy):
            async def embed(self, texts: Sequence[str], query: bool) -> Any:
                return odd

        layer = open_layer(embeddings=Odd())
        said = await start_thread(layer, await register(layer, "ann"))
        assert layer.store._embedding is not None
        with pytest.raises(EmbeddingFailed):
            await layer.store._embedding.step()
        assert models(layer) == {said["id"]: WAITS}

    @pytest.mark.parametrize("way", ["zero", "not a number", "short", "raises"])
    async def test_one_that_the_model_cannot_do_does_not_hold_up_the_others(
        self, open_layer: OpenLayer, way: str
    ) -> None:
        odd = {"zero": [0.0] * 768, "not a number": [float("nan")] * 768, "short": [1.0] * 32}

        class Odd(Toy):
            async def embed(self, texts: Sequence[str], query: bool) -> list[list[float]]:
                if way == "raises" and "bad" in texts:
                    raise EmbeddingFailed("500")
                found = zip(texts, await super().embed(texts, query), strict=True)
                return [odd[way] if text == "bad" else vector for text, vector in found]

        layer = open_layer(embeddings=Odd())
        ann = await register(layer, "ann")
        first = await start_thread(layer, ann, output="first")
        await made(layer, first["id"])
        said = [await start_thread(layer, ann, output=output) for output in ("bad", "one", "two")]
        await made(layer, first["id"], *(each["id"] for each in said))
        assert rows(layer, "SELECT step_id FROM vectors WHERE vector = ?", b"") == [(said[0]["id"],)]
        await layer.update_step(said[0] | {"output": "good"})
        await made(layer, first["id"], *(each["id"] for each in said))
        assert rows(layer, "SELECT step_id FROM vectors WHERE vector = ?", b"") == []

    async def test_a_server_that_ends_meanwhile_sets_no_text_aside(self, open_layer: OpenLayer) -> None:
        """The texts of a batch are tried alone, and the second of them finds it gone."""
        gone = False

        def before(texts: Sequence[str], _query: bool) -> None:
            nonlocal gone
            gone = gone or texts == ["two"]
            if gone or len(texts) > 1:
                raise EmbeddingFailed("down")

        layer = open_layer()
        ann = await register(layer, "ann")
        ids = [(await start_thread(layer, ann, output=output))["id"] for output in ("one", "two", "three")]
        await layer.close()
        layer = open_layer(embeddings=Toy(before=before))
        await layer.store.open()
        await agree(layer)

        async def is_gone() -> bool:
            return gone

        await until(is_gone)
        assert layer.store._embedding is not None
        with pytest.raises(EmbeddingFailed):
            await layer.store._embedding.step()
        assert rows(layer, "SELECT step_id FROM vectors WHERE model = ? AND vector = ?", MODEL, b"") == []
        assert models(layer).keys() == set(ids)

    async def test_all_vectors_of_a_name_have_one_length(self, open_layer: OpenLayer) -> None:
        class Short(Toy):
            async def embed(self, texts: Sequence[str], query: bool) -> list[list[float]]:
                return [vector[:32] for vector in await super().embed(texts, query)]

        layer = open_layer(embeddings=Toy())
        ann = await register(layer, "ann")
        first = await start_thread(layer, ann, output="the automobile")
        await made(layer, first["id"])
        await layer.close()
        layer = open_layer(embeddings=Short())
        second = await start_thread(layer, ann, output="a vehicle")
        await layer.drain()
        assert layer.store._embedding is not None
        for _ in range(3):
            with pytest.raises(EmbeddingFailed, match="vectors of 32 dimensions, where those before have 768"):
                await layer.store._embedding.step()
        assert models(layer) == {first["id"]: MODEL, second["id"]: WAITS}
        fused = layer.store._fused
        assert fused is not None
        await layer.store.search(ann.id, "voiture")
        assert list(fused._questions._known) == []
        await layer.close()
        layer = open_layer(embeddings=Toy())
        await layer.store.open()
        await made(layer, first["id"], second["id"])

    @pytest.mark.parametrize("name", ["", "é", "x" * 65])
    async def test_a_name_that_cannot_be_kept_is_refused(self, open_layer: OpenLayer, name: str) -> None:
        with pytest.raises(InvalidInput):
            open_layer(embeddings=Toy(name))


class TestWhatWasThereBefore:
    async def test_it_gets_vectors_after_consent_only(self, open_layer: OpenLayer) -> None:
        layer = open_layer()
        ann = await register(layer, "ann")
        old = [(await start_thread(layer, ann))["id"] for _ in range(3)]
        await layer.close()
        layer = open_layer(embeddings=Toy())
        await layer.store.open()
        new = await start_thread(layer, ann)
        await made(layer, new["id"])
        await agree(layer)
        await made(layer, *old, new["id"])

    async def test_another_model_begins_anew_and_the_old_vectors_go_in_the_end(self, open_layer: OpenLayer) -> None:
        layer = open_layer(embeddings=Toy())
        ann = await register(layer, "ann")
        old = [(await start_thread(layer, ann))["id"] for _ in range(3)]
        await made(layer, *old)
        await layer.close()
        layer = open_layer(embeddings=Toy("other/768"))
        await layer.store.open()
        new = await start_thread(layer, ann)

        async def is_made() -> bool:
            return models(layer).get(new["id"]) == "other/768"

        await until(is_made)
        assert models(layer) == dict.fromkeys(old, MODEL) | {new["id"]: "other/768"}
        await agree(layer, "other/768")
        await made(layer, *old, new["id"], model="other/768")

    async def test_what_was_said_or_edited_without_a_model_gets_a_vector_when_it_is_back(
        self, open_layer: OpenLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(vectors, "_WALK", 2)
        layer = open_layer(embeddings=Toy())
        ann = await register(layer, "ann")
        said = [await start_thread(layer, ann, output=f"old {n}") for n in range(5)]
        await made(layer, *(each["id"] for each in said))
        await layer.close()
        layer = open_layer()
        await layer.update_step(said[0] | {"output": "edited"})
        new = await start_thread(layer, ann, output="new")
        await layer.create_step(make_step(new["threadId"], output="hidden", metadata={"unsearched": True}))
        await layer.close()
        toy = Toy()
        layer = open_layer(embeddings=toy)
        await layer.store.open()
        await made(layer, new["id"], *(each["id"] for each in said))
        assert sorted(toy.asked) == ["edited", "new"]

    async def test_the_walk_goes_on_where_it_was_cut_off(
        self, open_layer: OpenLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(vectors, "_WALK", 2)
        layer = open_layer()
        ann = await register(layer, "ann")
        old = [(await start_thread(layer, ann))["id"] for _ in range(5)]
        await layer.close()
        once = Toy()
        layer = open_layer(embeddings=once)
        await layer.store.open()
        await agree(layer)
        assert layer.store._embedding is not None
        layer.store._embedding._task.cancel()  # type: ignore[union-attr]
        while len(models(layer)) < 2 or WAITS in models(layer).values():
            await layer.store._embedding.step()
        done = set(models(layer))
        await layer.close()
        rest = Toy()
        layer = open_layer(embeddings=rest)
        await layer.store.open()
        await made(layer, *old)
        assert len(rest.asked) == len(old) - len(done)

    async def test_of_two_processes_one_at_a_time_works(self, open_layer: OpenLayer) -> None:
        one, two = Toy(), Toy()
        layer, other = open_layer(embeddings=one), open_layer(embeddings=two)
        await layer.store.open()
        await other.store.open()
        ann = await register(layer, "ann")
        ids = [(await start_thread(layer, ann, output=new_id()))["id"] for _ in range(20)]
        await made(layer, *ids)
        assert sorted(one.asked + two.asked) == sorted(set(one.asked + two.asked))

    async def test_a_lease_ends_with_who_had_it(self, layer: DataLayer) -> None:
        await layer.store.open()
        write = layer.store._database.write.run
        assert await write(lambda connection: vectors.lease(connection, "one", now() + 60_000_000))
        assert not await write(lambda connection: vectors.lease(connection, "two", now() + 60_000_000))
        await write(lambda connection: vectors.leave(connection, "two"))
        assert not await write(lambda connection: vectors.lease(connection, "two", now() + 60_000_000))
        await write(lambda connection: vectors.leave(connection, "one"))
        assert await write(lambda connection: vectors.lease(connection, "two", now() - 1))
        assert await write(lambda connection: vectors.lease(connection, "one", now() + 60_000_000))

    @pytest.mark.parametrize("lives", [False, True])
    async def test_who_is_dead_holds_up_nobody(self, open_layer: OpenLayer, lives: bool) -> None:
        other, layer = open_layer(), open_layer(embeddings=Toy())
        ann = await register(other, "ann")
        holder = other.store.instance if lives else new_id()
        write = other.store._database.write.run
        assert await write(lambda connection: vectors.lease(connection, holder, now() + 3_600_000_000))
        if not lives:  # a server's instances are told by their signs of life, the last of them an hour ago
            row = {"id": holder, "seen_at": now() - 3_600_000_000}
            await write(lambda connection: connection.execute(instances.insert(), row) and None)
        said = await start_thread(layer, ann)
        if lives:
            await layer.drain()
            assert layer.store._embedding is not None
            assert not await layer.store._embedding.step()
            assert models(layer) == {said["id"]: WAITS}
            await write(lambda connection: vectors.leave(connection, holder))
        await made(layer, said["id"])
