"""I4: an upsert carries only the keys it was given, and every key of Chainlit's dicts comes back with its own type."""

import asyncio
from typing import Any

import chainlit as cl
import pytest
from chainlit.element import ElementDict
from chainlit.step import StepDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalayer import DataLayer
from datalayer.writes import UpsertElement
from tests.conftest import chainlit_session, make_run, make_step, new_id, often, rows, steps_of

FULL: dict[str, Any] = {
    "name": "Übersetzer",
    "type": "tool",
    "command": "search",
    "modes": {"model": "large"},
    "streaming": True,
    "waitForAnswer": True,
    "isError": True,
    "metadata": {"favorite": True, "a": [1, 1.5, None, {"b": False}]},
    "tags": ["a", "b"],
    "input": "in",
    "output": "out",
    "createdAt": "2026-01-01T00:00:00.000001Z",
    "start": "2026-01-01T00:00:00.000002Z",
    "end": "2026-01-01T00:00:00.000003Z",
    "generation": {"provider": "x", "tokens": 3, "messages": [{"role": "user"}]},
    "showInput": "json",
    "defaultOpen": True,
    "autoCollapse": True,
    "language": "python",
    "icon": "star",
}


async def stored(layer: DataLayer, step: dict[str, Any]) -> Any:
    return (await steps_of(layer, step["threadId"]))[step["id"]]


def same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Equal by key, value and type: True == 1 is not enough."""
    assert {k: (type(found[k]), found[k]) for k in wanted} == {k: (type(v), v) for k, v in wanted.items()}


class TestShapes:
    async def test_the_helpers_have_chainlits_shapes(self) -> None:
        with chainlit_session():
            assert set(make_step("t")) == set(cl.Message("x").to_dict())
            assert set(make_run("t")) == set(cl.Step().to_dict())

    async def test_every_key_that_chainlit_declares_is_proved_here(self) -> None:
        assert set(StepDict.__annotations__) == {*FULL, "id", "threadId", "parentId", "feedback"}
        assert set(make_step("t")) <= {*FULL, "id", "threadId", "parentId"}


class TestRoundTrip:
    async def test_every_key_comes_back_with_its_type(self, layer: DataLayer) -> None:
        thread_id = new_id()
        parent = make_step(thread_id)
        await layer.create_step(parent)
        step: Any = {"id": new_id(), "threadId": thread_id, "parentId": parent["id"], **FULL}
        await layer.create_step(step)
        same(await stored(layer, step), step)

    @pytest.mark.parametrize("value", [True, False, None])
    @pytest.mark.parametrize("key", ["isError", "waitForAnswer", "defaultOpen", "autoCollapse", "showInput"])
    async def test_true_false_and_none_are_three_things(self, layer: DataLayer, key: str, value: bool | None) -> None:
        step = make_step(new_id()) | {key: value}
        await layer.create_step(step)
        same(await stored(layer, step), {key: value})

    @pytest.mark.parametrize("value", ["json", "python", "", "true", "null"])
    async def test_a_textual_show_input_stays_text(self, layer: DataLayer, value: str) -> None:
        step = make_run(new_id(), showInput=value)
        await layer.create_step(step)
        same(await stored(layer, step), {"showInput": value})

    async def test_a_message_and_a_run_come_back_as_they_were_sent(self, layer: DataLayer) -> None:
        message = make_step(new_id(), createdAt="2026-01-01T00:00:00.000001Z", start=None, end=None)
        run = make_run(message["threadId"], parentId=message["id"], createdAt="2026-01-01T00:00:00.000002Z", start=None)
        for step in (message, run):
            await layer.create_step(step)
            same(await stored(layer, step), step)

    async def test_a_step_without_a_key_has_the_empty_value_that_the_browser_needs(self, layer: DataLayer) -> None:
        step: Any = {"id": new_id(), "threadId": new_id(), "type": "run"}
        await layer.create_step(step)
        found = await stored(layer, step)
        same(found, {"name": "", "input": "", "output": "", "metadata": {}, "streaming": False, "tags": None})
        assert set(StepDict.__annotations__) <= set(found)


class TestUnknownKeys:
    async def test_unknown_keys_come_back_and_are_merged(self, layer: DataLayer) -> None:
        step = make_step(new_id(), future={"a": [1]}, other=True, extra={"x": 1}, favorite="yes")
        await layer.create_step(step)
        await layer.update_step({"id": step["id"], "threadId": step["threadId"], "other": None, "third": 3})  # type: ignore[typeddict-unknown-key]
        wanted = {"future": {"a": [1]}, "other": None, "third": 3, "extra": {"x": 1}, "favorite": "yes"}
        same(await stored(layer, step), wanted)

    async def test_those_of_writes_that_are_stored_together_are_merged_too(self, layer: DataLayer) -> None:
        step = make_step(new_id())
        await asyncio.gather(layer.create_step(step | {"one": 1}), layer.update_step(step | {"two": 2}))
        same(await stored(layer, step), {"one": 1, "two": 2})

    async def test_an_unknown_key_never_hides_a_known_one(self, layer: DataLayer) -> None:
        step = make_step(new_id(), created_at="x", is_error="x", seq=1, thread_id="x", feedback_id="x")
        await layer.create_step(step)
        same(await stored(layer, step), {"id": step["id"], "threadId": step["threadId"], "isError": False})


class TestPartial:
    async def test_a_missing_key_keeps_what_is_stored(self, layer: DataLayer) -> None:
        step: Any = {"id": new_id(), "threadId": new_id(), **FULL}
        await layer.create_step(step)
        await layer.update_step({"id": step["id"], "threadId": step["threadId"]})
        same(await stored(layer, step), step)

    async def test_empty_text_and_none_overwrite(self, layer: DataLayer) -> None:
        step: Any = {"id": new_id(), "threadId": new_id(), **FULL}
        await layer.create_step(step)
        empty = {"output": "", "input": "", "language": None, "tags": None, "generation": None, "end": None, "icon": ""}
        await layer.update_step(step | empty)
        same(await stored(layer, step), step | empty)

    async def test_step_metadata_is_replaced_as_a_whole(self, layer: DataLayer) -> None:
        step = make_step(new_id(), metadata={"a": 1})
        await layer.create_step(step)
        await layer.update_step(step | {"metadata": {"b": 2}})
        assert (await stored(layer, step))["metadata"] == {"b": 2}


_text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=8)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | _text, lambda x: st.lists(x, max_size=2), max_leaves=3
)
_dicts = st.dictionaries(_text, _json, max_size=2)
_partial = st.fixed_dictionaries(
    {},
    optional={
        "output": _text,
        "input": _text,
        "name": _text,
        "isError": st.none() | st.booleans(),
        "showInput": st.none() | st.booleans() | _text,
        "tags": st.none() | st.lists(_text, max_size=2),
        "modes": st.none() | _dicts,
        "metadata": _dicts,
        "generation": st.none() | _dicts,
        "language": st.none() | _text,
        "streaming": st.booleans(),
        "unknown": _json,
        "later": _json,
    },
)


@settings(max_examples=often(20, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(upserts=st.lists(_partial, min_size=1, max_size=12))
async def test_any_sequence_of_partial_upserts_equals_a_dict(layer: DataLayer, upserts: list[dict[str, Any]]) -> None:
    key: Any = {"id": new_id(), "threadId": new_id()}
    model: dict[str, Any] = {}
    waiting = []
    for upsert in upserts:
        model |= upsert
        waiting.append(layer.update_step(key | upsert))
    for write in waiting:
        await write
    same(await stored(layer, key), model)


class TestElements:
    async def test_every_key_comes_back_with_its_type(self, layer: DataLayer) -> None:
        thread_id = new_id()
        with chainlit_session(thread_id=thread_id):
            video = cl.Video(name="v", url="https://e.org/v.mp4", display="side", size="large", mime="video/mp4")
            video.player_config, video.object_key, video.chainlit_key = {"a": {"b": True}}, "o", "c"
            pdf = cl.Pdf(name="p", url="https://e.org/p", page=3)
            audio = cl.Audio(name="a", url="https://e.org/a", auto_play=True, language="fr")
            custom = cl.CustomElement(name="c", props={"n": [1, None, True]})
            for element in (video, pdf, audio, custom):
                await layer.create_element(element)
        for element in (video, pdf, audio, custom):
            found = await layer.get_element(thread_id, element.id)
            assert found is not None
            same(found, element.to_dict())  # type: ignore[arg-type]
            assert set(found) == set(ElementDict.__annotations__) - {"path"}

    async def test_an_element_sent_again_without_content_keeps_its_content(self, layer: DataLayer) -> None:
        thread_id = new_id()
        sent = cl.File(thread_id=thread_id, name="f", content=b"content")
        await layer.create_element(sent)
        first: Any = await layer.get_element(thread_id, sent.id)
        await layer.create_element(cl.File(thread_id=thread_id, id=sent.id, name="renamed", url=first["url"]))
        again: Any = await layer.get_element(thread_id, sent.id)
        assert (again["name"], again["url"]) == ("renamed", first["url"])


async def test_an_element_of_which_nothing_is_given_changes_nothing(layer: DataLayer) -> None:
    thread_id = new_id()
    await layer.create_element({"id": "e", "threadId": thread_id, "type": "text", "name": "kept"})  # type: ignore[arg-type]
    for key in ("e", "new"):
        await layer.store.submit(UpsertElement(thread_id=thread_id, id=key, values={}))
    assert rows(layer, "SELECT id, name FROM elements ORDER BY id") == [("e", "kept"), ("new", None)]
