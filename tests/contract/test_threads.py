"""Threads: names, metadata, tags, times, and what cannot be stored."""

import asyncio
import enum
from typing import Any

import chainlit as cl
import pytest
from chainlit.message import Message
from chainlit.user import PersistedUser

from datalayer import DataLayer, InvalidInput
from datalayer.chainlit.events import first_interaction
from tests.conftest import (
    OpenLayer,
    chainlit_session,
    change,
    failures,
    make_run,
    make_step,
    new_id,
    register,
    start_thread,
    steps_of,
)

_LAST = "9999-12-31T23:59:59.999999Z"


async def get(layer: DataLayer, thread_id: str) -> Any:
    thread = await layer.get_thread(thread_id)
    assert thread is not None
    return thread


async def first_message(layer: DataLayer, thread_id: str, text: str) -> None:
    """As Chainlit's emitter.flush_thread_queues."""
    with chainlit_session(thread_id=thread_id), first_interaction():
        await layer.update_thread(thread_id=thread_id, name=text, user_id=None, tags=None)


class TestNames:
    async def test_the_title_is_the_first_message_cut_at_a_word_within_60_characters(self, layer: DataLayer) -> None:
        thread_id, text = new_id(), "Please  explain\nthe difference between " + "concurrency and parallelism " * 9
        await first_message(layer, thread_id, text)
        name = (await get(layer, thread_id))["name"]
        assert len(name) <= 60
        assert name.endswith("…")
        assert " ".join(text.split()).startswith(name[:-1] + " ")

    @pytest.mark.parametrize("text", ["x" * 500, "漢" * 500, "👩‍👩‍👧" * 100])
    async def test_a_message_without_spaces_is_cut_too(self, layer: DataLayer, text: str) -> None:
        thread_id = new_id()
        await first_message(layer, thread_id, text)
        name = (await get(layer, thread_id))["name"]
        assert 2 <= len(name) <= 60
        assert text.startswith(name[:-1])

    @pytest.mark.parametrize("text", ["Hi", "x" * 60, "a b " * 15])
    async def test_a_message_that_fits_is_the_title(self, layer: DataLayer, text: str) -> None:
        thread_id = new_id()
        await first_message(layer, thread_id, text)
        assert (await get(layer, thread_id))["name"] == text.strip()

    async def test_a_later_first_message_does_not_replace_the_title(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await first_message(layer, thread_id, "one")
        await first_message(layer, thread_id, "two")
        assert (await get(layer, thread_id))["name"] == "one"

    async def test_the_model_improves_the_title_as_often_as_it_likes(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await first_message(layer, thread_id, "one")
        with chainlit_session(thread_id=thread_id):
            await layer.update_thread(thread_id, name="model 1")
            await layer.update_thread(thread_id, name="model 2")
        await first_message(layer, thread_id, "two")
        assert (await get(layer, thread_id))["name"] == "model 2"

    async def test_a_rename_by_the_user_is_final(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await first_message(layer, thread_id, "one")
        await layer.update_thread(thread_id, name="  mine\r\n own ")
        with chainlit_session(thread_id=thread_id):
            await layer.update_thread(thread_id, name="model")
        await first_message(layer, thread_id, "two")
        assert (await get(layer, thread_id))["name"] == "mine own"
        await layer.update_thread(thread_id, name="again")
        assert (await get(layer, thread_id))["name"] == "again"

    async def test_a_name_in_the_metadata_never_renames(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await first_message(layer, thread_id, "one")
        await layer.update_thread(thread_id, metadata={"name": "other"})
        thread = await get(layer, thread_id)
        assert (thread["name"], thread["metadata"]) == ("one", {"name": "other"})

    async def test_a_name_of_500_characters_is_kept_and_one_of_501_is_refused(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.update_thread(thread_id, name="é" * 500)
        with pytest.raises(InvalidInput):
            await layer.update_thread(thread_id, name="x" * 501)
        assert (await get(layer, thread_id))["name"] == "é" * 500


class TestMetadata:
    async def test_40_merges_at_once_lose_no_key(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await asyncio.gather(*(layer.update_thread(thread_id, metadata={f"k{n}": n}) for n in range(40)))
        assert (await get(layer, thread_id))["metadata"] == {f"k{n}": n for n in range(40)}

    async def test_a_key_given_as_none_is_removed_and_a_none_within_a_value_stays(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.update_thread(thread_id, metadata={"a": 1, "b": {"c": None}, "never": None})
        await layer.update_thread(thread_id, metadata={"a": None})
        assert (await get(layer, thread_id))["metadata"] == {"b": {"c": None}}

    async def test_none_and_an_empty_dict_change_nothing(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.update_thread(thread_id, name="n", metadata={"a": 1}, tags=["t"])
        await layer.update_thread(thread_id, name=None, user_id=None, metadata=None, tags=None)
        await layer.update_thread(thread_id, metadata={})
        thread = await get(layer, thread_id)
        assert (thread["name"], thread["metadata"], thread["tags"]) == ("n", {"a": 1}, ["t"])

    async def test_an_empty_list_of_tags_empties_them(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.update_thread(thread_id, tags=["a", "b"])
        await layer.update_thread(thread_id, tags=[])
        assert (await get(layer, thread_id))["tags"] == []


class TestStaleSession:
    """On disconnect Chainlit writes back all that the session has held since it loaded the thread."""

    async def test_a_disconnect_does_not_undo_what_another_tab_changed(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.update_thread(thread_id, metadata={"model": "small", "mine": 1})
        with chainlit_session(thread_id=thread_id):
            held = (await get(layer, thread_id))["metadata"]
            await asyncio.create_task(self._in_another_tab(layer, thread_id))
            await layer.update_thread(thread_id, metadata=held | {"mine": 2})
        assert (await get(layer, thread_id))["metadata"] == {"model": "large", "mine": 2}

    async def test_neither_when_the_session_has_read_the_thread_again_since(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.update_thread(thread_id, metadata={"model": "small"})
        with chainlit_session(thread_id=thread_id):
            held = (await get(layer, thread_id))["metadata"]
            await asyncio.create_task(self._in_another_tab(layer, thread_id))
            await get(layer, thread_id)
            await layer.update_thread(thread_id, metadata=held)
        assert (await get(layer, thread_id))["metadata"] == {"model": "large"}

    async def test_what_the_session_changed_and_changed_back_is_stored(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.update_thread(thread_id, metadata={"model": "small"})
        with chainlit_session(thread_id=thread_id):
            held = (await get(layer, thread_id))["metadata"]
            await layer.update_thread(thread_id, metadata={"model": "large"})
            await layer.update_thread(thread_id, metadata=held)
        assert (await get(layer, thread_id))["metadata"] == {"model": "small"}

    async def test_a_value_changed_in_place_after_loading_is_a_change(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.update_thread(thread_id, metadata={"settings": {"heat": 1}})
        with chainlit_session(thread_id=thread_id):
            held = (await get(layer, thread_id))["metadata"]
            held["settings"]["heat"] = 2
            await layer.update_thread(thread_id, metadata=held)
        assert (await get(layer, thread_id))["metadata"] == {"settings": {"heat": 2}}

    async def _in_another_tab(self, layer: DataLayer, thread_id: str) -> None:
        with chainlit_session(thread_id=thread_id):
            await layer.update_thread(thread_id, metadata={"model": "large"})


class TestReading:
    async def test_a_missing_thread_is_none_and_has_no_author(self, layer: DataLayer) -> None:
        assert await layer.get_thread(new_id()) is None
        assert await layer.get_thread_author(new_id()) == ""

    async def test_a_thread_knows_its_author(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        message = await start_thread(layer, ann)
        thread = await get(layer, message["threadId"])
        assert (thread["userId"], thread["userIdentifier"]) == (ann.id, "ann")
        assert await layer.get_thread_author(message["threadId"]) == "ann"

    async def test_a_thread_comes_back_after_a_restart_as_it_was(self, layer: DataLayer, open_layer: OpenLayer) -> None:
        message = await start_thread(layer, await register(layer, "ann"))
        await layer.create_step(make_run(message["threadId"], parentId=message["id"]))
        before = await get(layer, message["threadId"])
        await layer.close()
        assert await get(open_layer(), message["threadId"]) == before

    async def test_steps_come_oldest_first_and_in_order_of_arrival_within_a_moment(self, layer: DataLayer) -> None:
        thread_id, moment = new_id(), "2026-01-01T00:00:00.000000Z"
        ids = [f"{9 - n}" for n in range(9)]
        for key in ids:
            await layer.create_step(make_step(thread_id, id=key, createdAt=moment))
        await layer.create_step(make_step(thread_id, id="oldest", createdAt="2025-01-01T00:00:00Z"))
        assert [step["id"] for step in (await get(layer, thread_id))["steps"]] == ["oldest", *ids]

    async def test_a_parent_that_is_not_in_the_thread_is_not_shown(self, layer: DataLayer) -> None:
        message = await start_thread(layer, parentId=new_id())
        assert (await get(layer, message["threadId"]))["steps"][0]["parentId"] is None

    async def test_the_stored_thread_rebuilds_chainlits_messages(self, layer: DataLayer) -> None:
        with chainlit_session() as session:
            await layer.create_step(make_step(session.thread_id, output="Hello"))
            (step,) = (await get(layer, session.thread_id))["steps"]
            assert Message.from_dict(step).content == "Hello"


class Kind(str, enum.Enum):  # noqa: UP042 - the older spelling, whose str() is not its value
    FAST = "fast"


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


class TestBadInput:
    @pytest.mark.parametrize(
        "text", ["x" * 1_000_000, "👩‍👩‍👧 🇨🇭", "שלום עליכם", "\u202eevil", "tab\tline\r\nend", "'; DROP TABLE steps;--"]
    )
    async def test_any_text_comes_back_as_it_was(self, layer: DataLayer, text: str) -> None:
        message = await start_thread(layer, output=text, metadata={text[:99]: [text]})
        (step,) = (await get(layer, message["threadId"]))["steps"]
        assert (step["output"], step["metadata"]) == (text, {text[:99]: [text]})

    async def test_a_name_is_text_whatever_it_is_given_as(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.update_thread(thread_id, name=7)  # type: ignore[arg-type]
        assert (await get(layer, thread_id))["name"] == "7"

    @pytest.mark.parametrize("given", [None, "step", 7, ["id"]])
    async def test_a_step_that_is_no_dict_is_refused(self, layer: DataLayer, given: Any) -> None:
        for call in (layer.create_step, layer.update_step):
            with pytest.raises(InvalidInput):
                await call(given)

    async def test_nul_and_lone_surrogates_are_replaced_at_any_depth(self, layer: DataLayer) -> None:
        bad = "a\x00b\ud800c"
        thread_id = new_id()
        await layer.update_thread(thread_id, name=bad, metadata={bad: [{bad: bad}]}, tags=[bad])
        await layer.create_step(
            make_step(thread_id, output=bad, name=bad, metadata={bad: [{bad: bad}]}, unknown={bad: bad})
        )
        thread, good = await get(layer, thread_id), "a\ufffdb\ufffdc"
        (step,) = thread["steps"]
        assert (thread["metadata"], thread["tags"]) == ({good: [{good: good}]}, [good])
        assert (step["output"], step["name"], step["metadata"]) == (good, good, {good: [{good: good}]})
        assert step["unknown"] == {good: good}

    @pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}, nested(5_000)], ids=lambda v: type(v).__name__)
    async def test_metadata_that_is_no_json_is_refused_and_changes_nothing(self, layer: DataLayer, value: Any) -> None:
        message = await start_thread(layer)
        before = await get(layer, message["threadId"])
        with pytest.raises(InvalidInput):
            await layer.update_thread(message["threadId"], metadata={"a": [value]})
        with pytest.raises(InvalidInput):
            await layer.update_step(message | {"metadata": {"a": [value]}})
        assert await get(layer, message["threadId"]) == before

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")], ids=str)
    async def test_a_number_that_json_does_not_know_is_null_and_the_rest_is_stored(
        self, layer: DataLayer, number: float
    ) -> None:
        message, given = await start_thread(layer), {"a": [number], "b": 1.5}
        await layer.update_thread(message["threadId"], metadata=given)
        await layer.update_step(message | {"metadata": given, "generation": {"a": number}})
        element = cl.CustomElement(name="c", props=given, thread_id=message["threadId"])
        await layer.create_element(element)
        thread = await get(layer, message["threadId"])
        (step,), (shown,) = thread["steps"], thread["elements"]
        assert [thread["metadata"], step["metadata"], shown["props"]] == [{"a": [None], "b": 1.5}] * 3
        assert step["generation"] == {"a": None}

    @pytest.mark.parametrize("metadata", [["a"], "text", 7])
    async def test_step_metadata_that_is_no_dict_is_refused(self, layer: DataLayer, metadata: Any) -> None:
        with pytest.raises(InvalidInput):
            await layer.create_step(make_step(new_id(), metadata=metadata))

    @pytest.mark.parametrize("metadata", [["a"], "text", 7])
    async def test_thread_metadata_that_is_no_dict_is_refused(self, layer: DataLayer, metadata: Any) -> None:
        thread_id = new_id()
        with pytest.raises(InvalidInput):
            await layer.update_thread(thread_id, metadata=metadata)
        with chainlit_session(thread_id=thread_id), pytest.raises(InvalidInput):
            await layer.update_thread(thread_id, metadata=metadata)

    async def test_a_text_enum_is_stored_as_its_value(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.update_thread(thread_id, metadata={"kind": Kind.FAST})
        assert (await get(layer, thread_id))["metadata"] == {"kind": "fast"}

    @pytest.mark.parametrize("bad", ["", "x" * 5000, "a\x00b", "a\nb", "\ud800", None, 7.5, True])
    async def test_an_id_that_is_none_is_refused_everywhere(self, layer: DataLayer, bad: Any) -> None:
        thread_id = new_id()
        calls = [
            lambda: layer.update_thread(bad, name="x"),
            lambda: layer.delete_thread(bad),
            lambda: layer.create_step(make_step(bad)),
            lambda: layer.create_step(make_step(thread_id, id=bad)),
            lambda: layer.update_step(make_step(thread_id, id=bad)),
            lambda: layer.delete_step(bad),
            lambda: layer.delete_element(bad),
            lambda: layer.delete_feedback(bad),
        ]
        for call in calls:
            with pytest.raises(InvalidInput):
                await call()
        assert await layer.get_thread(thread_id) is None

    @pytest.mark.parametrize("key", ["createdAt", "start", "end"])
    @pytest.mark.parametrize("value", ["yesterday", "2026-13-01T00:00:00Z", 5, "0001-01-01T00:00:00+14:00", _LAST])
    async def test_a_time_that_cannot_be_read_is_refused(self, layer: DataLayer, key: str, value: Any) -> None:
        thread_id = new_id()
        with pytest.raises(InvalidInput):
            await layer.create_step(make_step(thread_id) | {key: value})
        assert await layer.get_thread(thread_id) is None

    async def test_an_unknown_author_is_refused(self, layer: DataLayer) -> None:
        thread_id = new_id()
        with pytest.raises(InvalidInput):
            await layer.update_thread(thread_id, user_id="nobody")
        assert await layer.get_thread(thread_id) is None

    @pytest.mark.parametrize("key", ["type", "parentId", "command"])
    async def test_a_dict_where_a_text_belongs_is_stored_or_refused_as_invalid(
        self, layer: DataLayer, key: str
    ) -> None:
        (error,) = await failures([layer.create_step(make_step(new_id()) | {key: {"a": 1}})])
        assert error is None or isinstance(error, InvalidInput)


class TestTime:
    """I11."""

    @pytest.mark.parametrize(
        ("given", "stored"),
        [
            ("2026-11-20T08:21:00.123456Z", "2026-11-20T08:21:00.123456Z"),
            ("2026-11-20T08:21:00.000001Z", "2026-11-20T08:21:00.000001Z"),
            ("2026-11-20T08:21:00Z", "2026-11-20T08:21:00.000000Z"),
            ("2026-11-20T08:21:00.123456", "2026-11-20T08:21:00.123456Z"),
            ("2026-11-20T10:21:00.123456+02:00", "2026-11-20T08:21:00.123456Z"),
            ("2026-11-20T10:21:00.123456+02:00Z", "2026-11-20T08:21:00.123456Z"),
            ("2026-11-20T08:21:00.123456ZZ", "2026-11-20T08:21:00.123456Z"),
            ("1969-07-20T20:17:40.000001Z", "1969-07-20T20:17:40.000001Z"),
        ],
    )
    async def test_times_come_back_as_utc_microseconds(self, layer: DataLayer, given: str, stored: str) -> None:
        message = await start_thread(layer, createdAt=given, start=given, end=given)
        (step,) = (await get(layer, message["threadId"]))["steps"]
        assert [step["createdAt"], step["start"], step["end"]] == [stored] * 3

    async def test_a_message_without_a_time_gets_one_and_its_later_time_replaces_it(self, layer: DataLayer) -> None:
        message = await start_thread(layer, createdAt=None, start=None, end=None)
        (step,) = (await get(layer, message["threadId"]))["steps"]
        assert step["createdAt"].endswith("Z")
        await layer.update_step(message | {"createdAt": "2026-01-01T00:00:00.000000Z"})
        (step,) = (await get(layer, message["threadId"]))["steps"]
        assert step["createdAt"] == "2026-01-01T00:00:00.000000Z"

    @pytest.mark.parametrize("time", ["0001-01-01T00:00:00.000000Z", "9999-12-30T23:59:59.999999Z"])
    async def test_what_follows_the_first_or_the_last_moment_can_be_read(self, layer: DataLayer, time: str) -> None:
        message = await start_thread(layer, createdAt=time, start=time, end=time)
        await layer.create_step(make_step(thread_id := message["threadId"], createdAt=None, output="after"))
        found = await steps_of(layer, thread_id)
        assert [found[message["id"]][key] for key in ("createdAt", "start", "end")] == [time] * 3
        assert next(iter(found)) == message["id"]

    async def test_later_moments_that_are_stored_already_can_be_read(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        change(layer, "UPDATE steps SET created_at = 253402300799999999, start = 9223372036854775807")
        await layer.create_step(make_step(thread_id := message["threadId"], createdAt=None, output="after"))
        first, second = (await get(layer, thread_id))["steps"]
        assert (first["createdAt"], first["start"]) == ("9999-12-30T23:59:59.999999Z", "9999-12-30T04:00:54.775807Z")
        assert second["output"] == "after"
        await layer.update_step(first | {"output": "edited"})
        assert [step["output"] for step in (await get(layer, thread_id))["steps"]] == ["edited", "after"]


async def test_a_user_of_another_database_cannot_be_the_author(layer: DataLayer) -> None:
    stranger = PersistedUser(id=new_id(), createdAt="2026-01-01T00:00:00Z", identifier="ann")
    with chainlit_session(stranger) as session, pytest.raises(Exception, match="oneself"):
        await layer.update_thread(session.thread_id, user_id=stranger.id)
