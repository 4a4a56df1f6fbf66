"""I1, I3, I8: writes take effect in the order of the calls, share transactions, and are seen by the reads after them.

Chainlit starts its writes as tasks that nobody awaits; ``fire`` does the same.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Feedback, Pagination, ThreadFilter

from datalayer import DataLayer, DataLayerError
from datalayer.writes import APPLICATION, Actor, UpsertStep
from tests.conftest import (
    blob_content,
    blob_names,
    chainlit_session,
    failures,
    make_step,
    new_id,
    register,
    rows,
    start_thread,
    steps_of,
)
from tests.statements import statements

ROUNDS = range(5)
_running: set[asyncio.Task[Any]] = set()


def fire(call: Coroutine[Any, Any, Any]) -> None:
    task = asyncio.create_task(call)
    _running.add(task)
    task.add_done_callback(_running.discard)


@pytest.mark.parametrize("round_", ROUNDS)
class TestFired:
    async def test_60_steps_at_once_are_all_there_in_order(self, layer: DataLayer, round_: int) -> None:
        thread_id, moment = new_id(), "2026-01-01T00:00:00Z"
        steps = [make_step(thread_id, createdAt=moment) for _ in range(60)]
        for step in steps:
            fire(layer.create_step(step))
        assert list(await steps_of(layer, thread_id)) == [step["id"] for step in steps]

    async def test_an_update_fired_after_its_create_wins(self, layer: DataLayer, round_: int) -> None:
        thread_id = new_id()
        steps = [make_step(thread_id, output="") for _ in range(40)]
        for step in steps:
            fire(layer.create_step(step))
            fire(layer.update_step(step | {"output": "final " + step["id"]}))
        stored = await steps_of(layer, thread_id)
        assert {key: step["output"] for key, step in stored.items()} == {s["id"]: "final " + s["id"] for s in steps}

    async def test_a_delete_fired_after_its_create_wins(self, layer: DataLayer, round_: int) -> None:
        thread_id = new_id()
        with chainlit_session(thread_id=thread_id):
            for _ in range(100):
                step = make_step(thread_id)
                fire(layer.create_step(step))
                fire(layer.delete_step(step["id"]))
            assert await steps_of(layer, thread_id) == {}

    async def test_updates_of_two_shapes_take_turns(self, layer: DataLayer, round_: int) -> None:
        step = make_step(new_id())
        key = {"id": step["id"], "threadId": step["threadId"]}
        for n in range(40):
            fire(layer.update_step(step | {"output": f"{n}"}))
            fire(layer.update_step(key | {"output": f"{n}!"}))  # type: ignore[typeddict-item]
        assert (await steps_of(layer, step["threadId"]))[step["id"]]["output"] == "39!"

    async def test_a_shape_that_comes_back_in_one_group_has_the_last_word(self, layer: DataLayer, round_: int) -> None:
        key = {"id": new_id(), "threadId": new_id(), "type": "tool"}
        calls = [layer.create_step(key | given) for given in ({"output": "1"}, {"output": "2", "name": "n"})]  # type: ignore[typeddict-item]
        await asyncio.gather(*calls, layer.create_step(key | {"output": "3"}))  # type: ignore[typeddict-item]
        stored = (await steps_of(layer, key["threadId"]))[key["id"]]
        assert (stored["output"], stored["name"]) == ("3", "n")

    async def test_chainlits_own_messages_end_with_their_last_text(
        self, chainlit_layer: DataLayer, round_: int
    ) -> None:
        with chainlit_session() as session:
            kept = [await cl.Message("first").send() for _ in range(20)]
            for message in kept:
                message.content = "final " + message.id
                await message.update()
            for _ in range(20):
                await (await cl.Message("gone").send()).remove()
            stored = await steps_of(chainlit_layer, session.thread_id)
        assert {key: step["output"] for key, step in stored.items()} == {m.id: "final " + m.id for m in kept}


class TestBlobs:
    async def test_a_write_after_a_big_upload_waits_for_it_and_others_do_not(self, layer: DataLayer) -> None:
        message, other = await start_thread(layer), make_step(new_id())
        element = cl.File(thread_id=message["threadId"], name="f", content=b"x" * 30_000_000, for_id=message["id"])
        upload = asyncio.create_task(layer.create_element(element))
        later = asyncio.create_task(layer.update_step(message | {"output": "later"}))
        await layer.create_step(other)
        assert not upload.done()
        await later
        assert upload.done()

    async def test_an_element_deleted_while_it_is_being_stored_does_not_come_back(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        elements = [
            cl.File(thread_id=message["threadId"], name="f", content=b"x" * 500_000 + bytes([n])) for n in range(20)
        ]
        for n, element in enumerate(elements):
            fire(layer.create_element(element))
            fire(layer.delete_element(element.id, message["threadId"] if n % 2 else None))
        assert (await layer.get_thread(message["threadId"]) or {})["elements"] == []
        assert await blob_names(layer) == set()

    async def test_a_vote_after_a_message_that_waits_for_an_upload_finds_it(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        answer = make_step(message["threadId"])
        fire(layer.create_element(cl.File(thread_id=message["threadId"], name="f", content=b"x" * 20_000_000)))
        fire(layer.create_step(answer))
        assert await layer.upsert_feedback(Feedback(forId=answer["id"], value=1))

    async def test_the_same_element_sent_40_times_ends_with_the_last_content(self, layer: DataLayer) -> None:
        thread_id, element_id = new_id(), new_id()
        for n in range(40):
            content = b"%d" % n + b"x" * (4_000_000 if n % 10 == 0 else 1)
            fire(layer.create_element(cl.File(thread_id=thread_id, id=element_id, name=f"{n}", content=content)))
        found = await layer.get_element(thread_id, element_id)
        assert found is not None
        assert found["name"] == "39"
        (name,) = await blob_names(layer)
        assert blob_content(layer, name) == b"39x"


class TestBeforeTheFirstMessage:
    """What an app sends in on_chat_start waits until the user says something: nothing is stored for a mere visit."""

    async def test_it_is_stored_in_call_order_when_the_first_live_write_comes(self, layer: DataLayer) -> None:
        with chainlit_session(first_interaction=False) as session:
            welcome, gone = make_step(session.thread_id, output="draft"), make_step(session.thread_id)
            await layer.create_step(welcome)
            await layer.create_step(gone)
            await layer.update_step(welcome | {"output": "welcome"})
            await layer.create_element(cl.File(name="f", content=b"content", for_id=welcome["id"]))
            await layer.delete_step(gone["id"])
            assert await layer.get_thread(session.thread_id) is None
            session.has_first_interaction = True
            question = make_step(session.thread_id, type="user_message", output="hello")
            await layer.create_step(question)
            thread = await layer.get_thread(session.thread_id)
        assert thread is not None
        assert [step["output"] for step in thread["steps"]] == ["welcome", "hello"]
        assert [element["name"] for element in thread["elements"] or []] == ["f"]
        (name,) = await blob_names(layer)
        assert blob_content(layer, name) == b"content"

    async def test_chainlits_own_messages_are_held_and_then_stored(self, chainlit_layer: DataLayer) -> None:
        with chainlit_session(first_interaction=False) as session:
            welcome = await cl.Message("draft", elements=[cl.Text(name="t", content="text")]).send()
            welcome.content = "welcome"
            await welcome.update()
            assert await chainlit_layer.get_thread(session.thread_id) is None
            session.has_first_interaction = True
            await cl.context.emitter.init_thread("hello")
            thread = await chainlit_layer.get_thread(session.thread_id)
        assert thread is not None
        assert thread["name"] == "hello"
        assert [step["output"] for step in thread["steps"]] == ["welcome"]
        assert [element["name"] for element in thread["elements"] or []] == ["t"]

    async def test_a_session_that_never_gets_a_message_stores_nothing(self, layer: DataLayer) -> None:
        with chainlit_session(first_interaction=False) as session:
            await layer.create_step(make_step(session.thread_id))
            await layer.create_element(cl.File(name="f", content=b"content"))
            await layer.update_thread(session.thread_id, metadata={"a": 1})
        await start_thread(layer)
        await layer.close()
        assert rows(layer, "SELECT count(*) FROM threads") == [(1,)]
        assert await blob_names(layer) == set()

    async def test_two_sessions_hold_their_own(self, layer: DataLayer) -> None:
        with chainlit_session(first_interaction=False) as silent:
            await layer.create_step(make_step(silent.thread_id))
            with chainlit_session() as live:
                await layer.create_step(make_step(live.thread_id))
            assert await layer.get_thread(silent.thread_id) is None
            assert await layer.get_thread(live.thread_id) is not None


async def test_a_call_wins_over_what_a_process_with_a_faster_clock_has_stored(layer: DataLayer) -> None:
    message = await start_thread(layer)
    key = {"thread_id": message["threadId"], "id": message["id"]}
    for at, output in ((2**57, "first"), (2**57 - 1, "last")):
        await layer.store.submit(UpsertStep(**key, at=at, values={"output": output}))
    assert (await steps_of(layer, message["threadId"]))[message["id"]]["output"] == "last"


class TestGroups:
    """I3."""

    async def test_one_bad_write_among_50_fails_alone(self, layer: DataLayer) -> None:
        await start_thread(layer)
        thread_id = new_id()
        bad = UpsertStep(thread_id=thread_id, id=new_id(), values={"output": b"no\x00text", "name": {1, 2}})
        calls: list[Awaitable[Any]] = [layer.create_step(make_step(thread_id)) for _ in range(50)]
        calls.insert(25, layer.store.submit(bad))
        errors = await failures(calls)
        assert [n for n, error in enumerate(errors) if error] == [25]
        assert isinstance(errors[25], DataLayerError)
        assert len(await steps_of(layer, thread_id)) == 50

    async def test_a_refused_write_does_not_disturb_its_group(self, layer: DataLayer) -> None:
        theirs = await start_thread(layer)
        thread_id = new_id()
        calls = [layer.create_step(make_step(thread_id)) for _ in range(50)]
        calls.insert(25, layer.create_step(make_step(thread_id, id=theirs["id"])))
        assert [n for n, error in enumerate(await failures(calls)) if error] == [25]
        assert len(await steps_of(layer, thread_id)) == 50

    @pytest.mark.parametrize("actor", [APPLICATION, "ann"])
    async def test_200_waiting_writes_take_few_transactions_and_statements(
        self, layer: DataLayer, actor: Actor
    ) -> None:
        await start_thread(layer)
        thread_ids = [new_id() for _ in range(20)]
        with statements(layer, "write") as sent:
            await asyncio.gather(*(layer.create_step(make_step(thread_ids[n % 20])) for n in range(200)))
        lanes = layer.store._database.lanes
        assert len([each for each, _ in sent if each.startswith("BEGIN")]) <= 3 * lanes
        assert len(sent) <= 15 + 8 * lanes
        for thread_id in thread_ids:
            assert len(await steps_of(layer, thread_id)) == 10


@pytest.mark.parametrize("round_", ROUNDS)
class TestReadsSeeTheWritesBefore:
    """I8."""

    async def test_get_thread(self, layer: DataLayer, round_: int) -> None:
        message = await start_thread(layer)
        fire(layer.update_step(message | {"output": "new"}))
        fire(layer.update_thread(message["threadId"], metadata={"a": 1}))
        thread = await layer.get_thread(message["threadId"])
        assert thread is not None
        assert (thread["steps"][0]["output"], thread["metadata"]) == ("new", {"a": 1})

    async def test_get_thread_author(self, layer: DataLayer, round_: int) -> None:
        ann, thread_id = await register(layer, "ann"), new_id()
        fire(layer.update_thread(thread_id, user_id=ann.id))
        assert await layer.get_thread_author(thread_id) == "ann"

    async def test_list_threads(self, layer: DataLayer, round_: int) -> None:
        ann, thread_id = await register(layer, "ann"), new_id()
        fire(layer.update_thread(thread_id, user_id=ann.id, name="n"))
        page = await layer.list_threads(Pagination(first=9), ThreadFilter(userId=ann.id))
        assert [thread["id"] for thread in page.data] == [thread_id]

    async def test_favourites(self, layer: DataLayer, round_: int) -> None:
        ann = await register(layer, "ann")
        message = await start_thread(layer, ann)
        fire(layer.set_step_favorite(message, True))
        assert [step["id"] for step in await layer.get_favorite_steps(ann.id)] == [message["id"]]

    async def test_get_element_while_a_big_content_is_being_stored(self, layer: DataLayer, round_: int) -> None:
        thread_id = new_id()
        element = cl.File(thread_id=thread_id, name="f", content=b"x" * 10_000_000)
        fire(layer.create_element(element))
        found = await layer.get_element(thread_id, element.id)
        assert found is not None
        assert found["url"]

    async def test_the_same_after_chainlit_fired_the_write(self, chainlit_layer: DataLayer, round_: int) -> None:
        with chainlit_session() as session:
            for _ in range(5):
                message = await cl.Message("hello").send()
                assert message.id in await steps_of(chainlit_layer, session.thread_id)
