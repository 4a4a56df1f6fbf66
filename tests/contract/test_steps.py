"""Steps: favourites, last activity (I11), and Chainlit's own Message and Step through a real session."""

import asyncio
from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Pagination, ThreadFilter

from datalayer import DataLayer, InvalidInput
from datalayer.chainlit.events import editing
from tests.conftest import (
    chainlit_session,
    failures,
    make_run,
    make_step,
    new_id,
    register,
    start_thread,
    steps_of,
)


async def activity(layer: DataLayer, user_id: str) -> str:
    """The last activity of a user's only thread."""
    (thread,) = (await layer.list_threads(Pagination(first=9), ThreadFilter(userId=user_id))).data
    return thread["createdAt"]


class TestFavourites:
    async def test_favourites_are_ones_own_newest_first_and_with_their_thread(self, layer: DataLayer) -> None:
        ann, bob = await register(layer, "ann"), await register(layer, "bob")
        old = await start_thread(layer, ann, createdAt="2026-01-01T00:00:00Z", metadata={"favorite": True})
        new = await start_thread(layer, ann, createdAt="2026-01-02T00:00:00Z", metadata={"favorite": True})
        await start_thread(layer, ann, metadata={"favorite": False})
        await start_thread(layer, bob, metadata={"favorite": True})
        found = await layer.get_favorite_steps(ann.id)
        assert [(s["id"], s["threadId"]) for s in found] == [(s["id"], s["threadId"]) for s in (new, old)]

    async def test_a_favourite_can_be_set_and_unset_as_chainlit_does_it(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        message = await start_thread(layer, ann, metadata={"keep": 1})
        await layer.set_step_favorite(message, True)
        (found,) = await layer.get_favorite_steps(ann.id)
        assert found["metadata"] == {"keep": 1, "favorite": True}
        await layer.set_step_favorite(found | {"createdAt": found["createdAt"] + "Z"}, False)
        assert await layer.get_favorite_steps(ann.id) == []
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["metadata"]["favorite"] is False

    async def test_making_a_message_a_favourite_keeps_its_answer(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        answer = make_step(message["threadId"], parentId=message["id"])
        await layer.create_step(answer)
        await layer.set_step_favorite(message, True)
        assert set(await steps_of(layer, message["threadId"])) == {message["id"], answer["id"]}


class TestLastActivity:
    async def test_a_message_moves_it(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        message = await start_thread(layer, ann, createdAt="2026-01-01T00:00:00Z")
        assert await activity(layer, ann.id) == "2026-01-01T00:00:00.000000Z"
        await layer.create_step(make_step(message["threadId"], createdAt="2026-01-01T00:00:01.000001Z"))
        assert await activity(layer, ann.id) == "2026-01-01T00:00:01.000001Z"

    async def test_nothing_but_messages_moves_it(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        message = await start_thread(layer, ann, createdAt="2026-01-01T00:00:00.000000Z")
        thread_id = message["threadId"]
        with chainlit_session(ann, thread_id):
            await layer.update_thread(thread_id, metadata={"a": 1}, tags=["x"])
            await layer.create_step(make_run(thread_id))
            await layer.create_step(make_run(thread_id, type="tool"))
            await layer.create_element(cl.File(name="f", content=b"f", for_id=message["id"]))
            await layer.set_step_favorite(message, True)
            await layer.get_thread(thread_id)
        await layer.update_thread(thread_id, name="renamed")
        await layer.upsert_feedback(cl.types.Feedback(forId=message["id"], value=1, threadId=thread_id))
        assert await activity(layer, ann.id) == "2026-01-01T00:00:00.000000Z"

    @pytest.mark.parametrize("days", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
    async def test_imported_messages_keep_their_activity_in_whatever_order_they_come(
        self, layer: DataLayer, days: tuple[int, ...]
    ) -> None:
        ann = await register(layer, "ann")
        thread_id = new_id()
        await layer.update_thread(thread_id, user_id=ann.id, name="imported")
        for day in days:
            await layer.create_step(make_step(thread_id, createdAt=f"2020-01-0{day}T00:00:00Z"))
        assert await activity(layer, ann.id) == "2020-01-03T00:00:00.000000Z"

    async def test_other_conversations_and_runs_have_no_part_in_it(self, layer: DataLayer) -> None:
        ann, bob, thread_id = await register(layer, "ann"), await register(layer, "bob"), new_id()
        await start_thread(layer, bob)
        bobs = await activity(layer, bob.id)
        await layer.update_thread(thread_id, user_id=ann.id, name="imported")
        await layer.create_step(make_run(thread_id))
        await layer.create_step(make_step(thread_id, createdAt="2020-01-01T00:00:00Z"))
        assert await activity(layer, ann.id) == "2020-01-01T00:00:00.000000Z"
        await layer.create_step(make_step(thread_id))
        assert await activity(layer, bob.id) == bobs

    async def test_an_older_message_never_moves_it_back(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        message = await start_thread(layer, ann)
        await layer.create_step(make_step(message["threadId"], createdAt=None))
        before = await activity(layer, ann.id)
        await layer.create_step(make_step(message["threadId"], createdAt="2020-01-01T00:00:00Z"))
        assert await activity(layer, ann.id) == before

    async def test_neither_when_the_first_message_came_without_a_time(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        thread_id = new_id()
        with chainlit_session(ann, thread_id):
            await layer.create_step(make_step(thread_id, createdAt=None))
            before = await activity(layer, ann.id)
            await layer.create_step(make_step(thread_id, createdAt="2020-01-01T00:00:00Z"))
        assert await activity(layer, ann.id) == before

    async def test_neither_once_the_newest_message_was_deleted(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        thread_id = (await start_thread(layer, ann, createdAt="2026-01-01T00:00:00Z"))["threadId"]
        newest = make_step(thread_id, createdAt="2026-01-03T00:00:00Z")
        await layer.create_step(newest)
        await layer.delete_step(newest["id"])
        await layer.create_step(make_step(thread_id, createdAt="2026-01-02T00:00:00Z"))
        assert await activity(layer, ann.id) == "2026-01-03T00:00:00.000000Z"

    async def test_a_time_in_the_future_does_not_pin_a_thread_to_the_top(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        await start_thread(layer, ann, createdAt="2999-01-01T00:00:00Z")
        assert await activity(layer, ann.id) < "2999"


def _edited(layer: DataLayer, question: Any, text: str) -> Any:
    with editing(question["id"]):
        return layer.update_step(question | {"output": text})


class TestEdit:
    """What a person's edit of a question takes along."""

    async def _turn(self, layer: DataLayer) -> dict[str, Any]:
        question = await start_thread(layer, output="old question")
        thread_id = question["threadId"]
        run = make_run(thread_id, parentId=question["id"])
        tool = make_run(thread_id, parentId=run["id"], type="tool", name="search")
        answer = make_step(thread_id, parentId=run["id"])
        for step in (run, tool, answer):
            await layer.create_step(step)
        return {"thread": thread_id, "question": question, "run": run, "tool": tool, "answer": answer}

    async def test_the_old_answer_goes_with_its_run_tools_and_files(self, layer: DataLayer) -> None:
        turn = await self._turn(layer)
        for step in (turn["tool"], turn["answer"]):
            await layer.create_element(cl.File(thread_id=turn["thread"], name="f", content=b"f", for_id=step["id"]))
        mine = cl.File(thread_id=turn["thread"], name="mine", content=b"m", for_id=turn["question"]["id"])
        await layer.create_element(mine)
        with editing(turn["question"]["id"]):
            await layer.update_step(turn["question"] | {"output": "new question"})
        thread = await layer.get_thread(turn["thread"])
        assert thread is not None
        assert [step["output"] for step in thread["steps"]] == ["new question"]
        assert [element["id"] for element in thread["elements"] or []] == [mine.id]

    async def test_late_steps_of_the_old_answer_do_not_come(self, layer: DataLayer) -> None:
        turn = await self._turn(layer)
        with editing(turn["question"]["id"]):
            await layer.update_step(turn["question"] | {"output": "new question"})
        late = make_step(turn["thread"], parentId=turn["run"]["id"])
        below = make_step(turn["thread"], parentId=late["id"])
        late_writes = [turn["run"], turn["tool"], turn["answer"], late, below]
        assert await failures([layer.update_step(step) for step in late_writes]) == [None] * 5
        assert set(await steps_of(layer, turn["thread"])) == {turn["question"]["id"]}

    async def test_an_answer_that_is_stored_together_with_the_edit_goes_too(self, layer: DataLayer) -> None:
        question = make_step((await start_thread(layer))["threadId"], type="user_message", output="old")
        answer = make_step(question["threadId"], parentId=question["id"])
        writes = [asyncio.create_task(layer.create_step(step)) for step in (question, answer)]
        with editing(question["id"]):
            writes.append(asyncio.create_task(layer.update_step(question | {"output": "new"})))
        await asyncio.gather(*writes)
        stored = await steps_of(layer, question["threadId"])
        assert (answer["id"] in stored, stored[question["id"]]["output"]) == (False, "new")

    async def test_the_new_answer_comes(self, layer: DataLayer) -> None:
        turn = await self._turn(layer)
        run = make_run(turn["thread"], parentId=turn["question"]["id"])
        with editing(turn["question"]["id"]):
            await layer.update_step(turn["question"] | {"output": "new question"})
        await layer.create_step(run)
        assert set(await steps_of(layer, turn["thread"])) == {turn["question"]["id"], run["id"]}

    async def test_an_update_with_the_same_text_deletes_nothing(self, layer: DataLayer) -> None:
        turn = await self._turn(layer)
        with editing(turn["question"]["id"]):
            await layer.update_step(turn["question"] | {"tags": ["x"], "metadata": {"a": 1}})
        without_text = {key: turn["question"][key] for key in ("id", "threadId", "type")}
        with editing(turn["question"]["id"]):
            await layer.update_step(without_text)
        assert len(await steps_of(layer, turn["thread"])) == 4

    async def test_a_changed_answer_deletes_nothing(self, layer: DataLayer) -> None:
        turn = await self._turn(layer)
        below = make_step(turn["thread"], parentId=turn["answer"]["id"])
        await layer.create_step(below)
        await _edited(layer, turn["answer"], "better")
        assert len(await steps_of(layer, turn["thread"])) == 5

    @pytest.mark.parametrize("last_act", [False, True])
    async def test_an_app_that_rewrites_the_question_within_its_answer_deletes_nothing(
        self, chainlit_layer: DataLayer, last_act: bool
    ) -> None:
        """``last_act``: the run ends at once, before Chainlit's task for the update has begun."""
        with chainlit_session() as session:
            question = cl.Message("teh question", type="user_message")
            await question.send()
            async with cl.Step(name="on_message", type="run", parent_id=question.id) as run:
                answer = await cl.Message("answer").send()
                await steps_of(chainlit_layer, session.thread_id)
                question.content = "the question"
                await question.update()
                if not last_act:
                    await steps_of(chainlit_layer, session.thread_id)
            stored = await steps_of(chainlit_layer, session.thread_id)
        assert set(stored) == {question.id, run.id, answer.id}
        assert stored[question.id]["output"] == "the question"

    async def test_what_an_app_rewrites_outside_an_edit_or_after_its_first_update_deletes_nothing(
        self, layer: DataLayer
    ) -> None:
        turn = await self._turn(layer)
        with chainlit_session(thread_id=turn["thread"]):
            await layer.update_step(turn["question"] | {"output": "redacted by an action"})
        with editing(turn["question"]["id"]):
            await layer.update_step(turn["question"] | {"output": "redacted by an action"})
            await layer.update_step(turn["question"] | {"output": "and by the answer to the edit"})
        with editing(new_id()):
            await layer.update_step(turn["question"] | {"output": "and during the edit of another message"})
        assert len(await steps_of(layer, turn["thread"])) == 4

    async def test_two_edits_at_once_leave_the_last_text_and_no_answer(self, layer: DataLayer) -> None:
        turn = await self._turn(layer)
        edits = [_edited(layer, turn["question"], f"edit {n}") for n in range(9)]
        assert await failures(edits) == [None] * 9
        stored = await steps_of(layer, turn["thread"])
        assert [step["output"] for step in stored.values()] == ["edit 8"]


class TestChainlitsOwn:
    async def test_a_step_comes_back_with_its_parent_input_output_and_end(self, chainlit_layer: DataLayer) -> None:
        with chainlit_session() as session:
            search = cl.Step(name="search", type="tool", show_input="json", language="json")
            async with cl.Step(name="on_message", type="run") as run, search as tool:
                tool.input, tool.output = {"q": "é"}, [1, 2]
            stored = await steps_of(chainlit_layer, session.thread_id)
        assert stored[tool.id]["parentId"] == run.id
        assert (stored[tool.id]["input"], stored[tool.id]["output"]) == (tool.input, tool.output)
        assert stored[tool.id]["end"] == tool.end

    async def test_a_failed_step_comes_back_as_an_error(self, chainlit_layer: DataLayer) -> None:
        with chainlit_session() as session:
            with pytest.raises(RuntimeError):
                async with cl.Step(name="tool", type="tool") as tool:
                    raise RuntimeError("no")
            stored = await steps_of(chainlit_layer, session.thread_id)
        assert (stored[tool.id]["isError"], stored[tool.id]["output"]) == (True, "no")

    async def test_a_half_streamed_answer_is_stored_when_it_is_updated(self, chainlit_layer: DataLayer) -> None:
        with chainlit_session() as session:
            message = cl.Message("")
            await message.stream_token("half")
            await message.update()
            stored = await steps_of(chainlit_layer, session.thread_id)
        assert stored[message.id]["output"] == "half"


@pytest.mark.parametrize("value", [True, 0, 1.5, [1], {"a": 1}])
async def test_a_text_that_is_no_text_is_stored_as_text_or_refused(layer: DataLayer, value: Any) -> None:
    message = make_step(new_id(), output=value)
    (error,) = await failures([layer.create_step(message)])
    assert error is None or isinstance(error, InvalidInput)
    for step in (await steps_of(layer, message["threadId"])).values():
        assert isinstance(step["output"], str)


class TestDelete:
    async def test_a_step_takes_its_descendants_along_and_leaves_its_siblings(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        run = make_run(message["threadId"], parentId=message["id"])
        tool = make_run(message["threadId"], parentId=run["id"])
        sibling = make_step(message["threadId"], parentId=message["id"])
        for step in (run, tool, sibling):
            await layer.create_step(step)
        await layer.delete_step(run["id"])
        assert set(await steps_of(layer, message["threadId"])) == {message["id"], sibling["id"]}

    async def test_steps_that_are_each_others_parent_can_be_deleted(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.create_step(make_step(thread_id, id="a", parentId="b"))
        await layer.create_step(make_step(thread_id, id="b", parentId="a"))
        await layer.delete_step("a")
        assert await steps_of(layer, thread_id) == {}

    async def test_a_message_that_is_its_own_parent_can_be_edited_twice(self, layer: DataLayer) -> None:
        message = make_step(new_id(), id="a", parentId="a", type="user_message")
        await layer.create_step(message)
        await _edited(layer, message, "one")
        await _edited(layer, message, "two")
        assert (await steps_of(layer, message["threadId"]))["a"]["output"] == "two"
