"""``DataLayer(versions=True)``: what Chainlit deletes for an edit is a version; by default it is deleted."""

from typing import Any

import chainlit as cl
import pytest

from datalayer import DataLayer, NotFound, versions
from datalayer.chainlit.events import editing
from tests.conftest import OpenLayer, chainlit_session, failures, make_run, make_step, new_id, rows, start_thread


async def _talk(layer: DataLayer) -> list[Any]:
    """A question with its run, the answer, a later question and its answer, as stored."""
    asked = await start_thread(layer, output="a heron", createdAt="2026-01-01T00:00:00Z")
    thread_id = asked["threadId"]
    run = make_run(thread_id, parentId=asked["id"], createdAt="2026-01-01T00:00:01Z")
    answer = make_step(thread_id, parentId=run["id"], output="grey", createdAt="2026-01-01T00:00:02Z")
    later = make_step(thread_id, type="user_message", output="an osprey", createdAt="2026-01-01T00:00:03Z")
    last = make_step(thread_id, output="brown", createdAt="2026-01-01T00:00:04Z")
    for step in (run, answer, later, last):
        await layer.create_step(step)
    return [asked, run, answer, later, last]


async def _edit(layer: DataLayer, asked: Any, text: str, *removed: Any) -> None:
    """As Chainlit's ``edit_message`` calls its data layer."""
    with editing(asked["id"], [step["id"] for step in removed]):
        calls = [layer.update_step(asked | {"output": text}), *(layer.delete_step(step["id"]) for step in removed)]
        assert await failures(calls) == [None] * len(calls)


async def _said(layer: DataLayer, thread_id: str) -> list[str]:
    thread = await layer.get_thread(thread_id)
    return [step["output"] for step in thread["steps"] if "message" in step["type"]] if thread else []


async def test_an_edit_keeps_all_that_followed_as_a_version(open_layer: OpenLayer) -> None:
    layer = open_layer(versions=True)
    asked, _run, answer, later, last = await _talk(layer)
    picture = cl.File(thread_id=asked["threadId"], name="f", content=b"f", for_id=answer["id"])
    await layer.create_element(picture)
    before = await layer.get_thread(asked["threadId"])
    await _edit(layer, asked, "an avocet", answer, later, last)
    thread = await layer.get_thread(asked["threadId"])
    assert thread is not None
    assert [step["output"] for step in thread["steps"]] == ["an avocet"]
    assert thread["elements"] == []
    first, second = await layer.versions(asked["threadId"], asked["id"])
    assert [step.output or "" for step in first.steps] == ["", "grey", "an osprey", "brown"]
    assert (first.question, second.question, second.shown) == ("a heron", "an avocet", True)
    with chainlit_session(thread_id=asked["threadId"]):
        await layer.choose_version(asked["id"], 1)
        assert [message.content for message in cl.chat_context.get()] == ["a heron", "grey", "an osprey", "brown"]
    assert await layer.get_thread(asked["threadId"]) == before


async def test_by_default_it_is_deleted(layer: DataLayer) -> None:
    asked, _run, answer, later, last = await _talk(layer)
    await _edit(layer, asked, "an avocet", answer, later, last)
    assert [row[0] for row in rows(layer, "SELECT output FROM steps")] == ["an avocet"]
    assert await layer.versions(asked["threadId"], asked["id"]) == []


async def test_what_the_answer_to_the_edit_removes_by_itself_is_gone(open_layer: OpenLayer) -> None:
    layer = open_layer(versions=True)
    asked, _run, answer, later, last = await _talk(layer)
    waiting = make_step(asked["threadId"], output="please wait", createdAt="2026-01-01T00:00:05Z")
    with editing(asked["id"], [answer["id"], later["id"], last["id"]]):
        await layer.update_step(asked | {"output": "an avocet"})
        for step in (answer, later, last):
            await layer.delete_step(step["id"])
        await layer.create_step(waiting)
        await layer.delete_step(waiting["id"])
        await layer.delete_step(last["id"])  # a second time: it is the app that means it
    outputs = {row[0] for row in rows(layer, "SELECT output FROM steps")}
    assert {"please wait", "brown"} & outputs == set()
    assert {"grey", "an osprey"} <= outputs


async def test_what_the_old_answer_writes_late_stays_with_it(open_layer: OpenLayer) -> None:
    layer = open_layer(versions=True)
    asked, run, answer, later, last = await _talk(layer)
    await _edit(layer, asked, "an avocet", answer, later, last)
    await layer.update_step(answer | {"output": "grey, and tall"})
    await layer.create_step(make_step(asked["threadId"], parentId=run["id"], output="and more"))
    assert await _said(layer, asked["threadId"]) == ["an avocet"]
    first, _ = await layer.versions(asked["threadId"], asked["id"])
    assert {"grey, and tall", "and more"} <= {step.output for step in first.steps}


@pytest.mark.parametrize("kind", ["assistant_message", "unknown"])
async def test_an_edit_of_what_is_no_stored_question_loses_nothing(open_layer: OpenLayer, kind: str) -> None:
    layer = open_layer(versions=True)
    asked, _run, answer, _later, _last = await _talk(layer)
    edited = answer if kind == "assistant_message" else make_step(asked["threadId"], type="user_message")
    with editing(edited["id"]):
        await failures([layer.update_step(edited | {"output": "better"})])
    assert {"a heron", "better", "an osprey", "brown"} == set(await _said(layer, asked["threadId"])) - {"grey"}


async def test_each_edit_is_a_version_of_its_own(open_layer: OpenLayer) -> None:
    layer = open_layer(versions=True)
    asked, _run, answer, later, last = await _talk(layer)
    await _edit(layer, asked, "edit 0", answer, later, last)
    for number in range(1, 5):
        reply = make_step(asked["threadId"], parentId=asked["id"], output=f"to {number - 1}")
        await layer.create_step(reply)
        await _edit(layer, asked, f"edit {number}", reply)
    known = await layer.versions(asked["threadId"], asked["id"])
    assert [version.question for version in known] == ["a heron", *(f"edit {n}" for n in range(5))]
    assert [version.steps[-1].output for version in known[1:-1]] == [f"to {n}" for n in range(4)]


async def test_an_app_that_answers_again_says_so(open_layer: OpenLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = open_layer(versions=True)
    monkeypatch.setattr(cl.data, "_data_layer", layer)
    monkeypatch.setattr(cl.data, "_data_layer_initialized", True)
    with chainlit_session() as session:
        question = await cl.Message("a heron", type="user_message").send()
        await cl.Message("grey").send()
        await layer.put_aside(question)
        assert [message.content for message in cl.chat_context.get()] == ["a heron"]
        await cl.Message("white").send()
        assert await _said(layer, session.thread_id) == ["a heron", "white"]
        await layer.choose_version(question.id, 1)
        assert await _said(layer, session.thread_id) == ["a heron", "grey"]
        for bad in (lambda: layer.choose_version(question.id, 9), lambda: layer.choose_version(new_id(), 1)):
            with pytest.raises(NotFound):
                await bad()
        assert [message.content for message in cl.chat_context.get()] == ["a heron", "grey"]


async def test_whom_a_thread_is_shared_with_sees_no_version_that_is_aside(layer: DataLayer) -> None:
    asked, *_ = await _talk(layer)
    with chainlit_session(thread_id=asked["threadId"]):
        await layer.put_aside(cl.Message.from_dict(asked))
    thread = await layer.get_thread(asked["threadId"])
    assert thread is not None
    assert not {step["type"] for step in thread["steps"]} & versions.HIDDEN
    assert "osprey" not in str(thread)
