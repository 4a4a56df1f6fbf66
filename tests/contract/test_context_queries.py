"""What an answer draws on: the messages, files and sizes of a conversation, and a user's files elsewhere."""

import asyncio
import random
from typing import Any

import chainlit as cl
import pytest
from plotly.graph_objects import Figure

from datalayer import DataLayer
from datalayer.records import ThreadMessage, from_iso
from datalayer.reports import ThreadStats
from datalayer.writes import UpsertStep
from tests.conftest import blob_content, make_run, make_step, new_id, register, start_thread
from tests.statements import queries


def moment(second: int) -> str:
    return f"2026-11-20T08:{second // 60:02}:{second % 60:02}.000000Z"


async def talk(layer: DataLayer, thread_id: str, count: int) -> list[Any]:
    """``count`` messages a second apart, with a run between each two."""
    said = []
    for n in range(count):
        kind = "assistant_message" if n % 2 else "user_message"
        said.append(make_step(thread_id, type=kind, output=f"message {n}", createdAt=moment(n)))
        await layer.create_step(said[-1])
        await layer.create_step(make_run(thread_id, createdAt=moment(n), output="not a message"))
    return said


def ids(found: list[Any]) -> list[str]:
    return [each["id"] if isinstance(each, dict) else each.id for each in found]


async def attach(layer: DataLayer, thread_id: str, name: str, content: bytes = b"x", **over: Any) -> Any:
    file = cl.File(thread_id=thread_id, name=name, content=content, **over)
    await layer.create_element(file)
    return file


class TestMessages:
    async def test_they_come_whole_and_oldest_first_without_runs(self, layer: DataLayer) -> None:
        said = await talk(layer, "t", 5)
        found = await layer.store.thread_messages("t")
        assert ids(found) == ids(said)
        assert found[1] == ThreadMessage(
            id=said[1]["id"],
            parent_id=None,
            type="assistant_message",
            text="message 1",
            created_at=from_iso(moment(1)) or 0,
            metadata={},
            status=None,
        )

    async def test_metadata_status_and_parent_come_back(self, layer: DataLayer) -> None:
        question = await start_thread(layer)
        answer = UpsertStep(
            thread_id=question["threadId"],
            id=new_id(),
            values={
                "type": "assistant_message",
                "output": "half",
                "metadata": {"model": "m"},
                "parent_id": question["id"],
                "status": "stopped",
            },
            at=2**57,
        )
        await layer.store.submit(answer)
        found = (await layer.store.thread_messages(question["threadId"]))[-1]
        assert (found.parent_id, found.metadata, found.status) == (question["id"], {"model": "m"}, "stopped")
        assert found.position == (2**57, answer.id)

    async def test_errors_are_left_out_and_a_message_without_text_is_not(self, layer: DataLayer) -> None:
        await layer.create_step(make_step("t", isError=True, output="failed"))
        await layer.store.submit(UpsertStep(thread_id="t", id="empty", values={"type": "user_message"}))
        assert [(m.id, m.text, m.metadata) for m in await layer.store.thread_messages("t")] == [("empty", "", {})]

    async def test_another_conversation_is_not_read(self, layer: DataLayer) -> None:
        await talk(layer, "t", 3)
        assert await layer.store.thread_messages("other") == []

    @pytest.mark.parametrize("limit", [0, 1, 4, 9, 10, 11])
    async def test_limit_takes_the_newest(self, layer: DataLayer, limit: int) -> None:
        said = await talk(layer, "t", 10)
        expected = ids(said)[-limit:] if limit else []
        assert ids(await layer.store.thread_messages("t", limit)) == expected

    async def test_after_takes_the_later_ones(self, layer: DataLayer) -> None:
        await talk(layer, "t", 6)
        found = await layer.store.thread_messages("t")
        for n, each in enumerate(found):
            assert await layer.store.thread_messages("t", after=each.position) == found[n + 1 :]
            assert await layer.store.thread_messages("t", 2, each.position) == found[n + 1 :][-2:]

    async def test_messages_of_one_moment_are_told_apart_by_the_order_in_which_they_came(
        self, layer: DataLayer
    ) -> None:
        said = [make_step("t", id=key, createdAt=moment(0)) for key in "dbca"]
        for each in said:
            await layer.create_step(each)
        found = await layer.store.thread_messages("t")
        assert ids(found) == list("dbca")
        for n, each in enumerate(found):
            assert await layer.store.thread_messages("t", after=each.position) == found[n + 1 :]
        assert ids(await layer.store.thread_messages("t", 2)) == list("ca")

    async def test_after_a_deleted_message_come_the_same_as_before(self, layer: DataLayer) -> None:
        said = await talk(layer, "t", 4)
        found = await layer.store.thread_messages("t")
        await layer.delete_step(said[1]["id"])
        assert await layer.store.thread_messages("t", after=found[1].position) == found[2:]

    async def test_a_read_sees_what_was_written_before_it(self, layer: DataLayer) -> None:
        message = make_step("t")
        written = layer.create_step(message)
        assert ids(await layer.store.thread_messages("t")) == [message["id"]]
        await written


class TestStats:
    async def test_they_count_what_there_is(self, layer: DataLayer) -> None:
        await talk(layer, "t", 3)
        await layer.create_step(make_step("t", isError=True, output="failed", createdAt=moment(3)))
        await layer.update_step({"id": "u", "threadId": "t", "type": "user_message", "output": "é€😀"})  # type: ignore[typeddict-item]
        for content in (b"12345", b"123", b"12345"):
            await attach(layer, "t", "f", content)
        found = await layer.store.thread_stats("t")
        thread = await layer.store.thread("t")
        assert found is not None
        assert thread is not None
        assert found == ThreadStats(
            messages=4,
            text_bytes=3 * len("message 0") + 9,
            files=3,
            file_bytes=13,
            created_at=thread.created_at,
            last_activity_at=thread.last_activity_at,
        )

    async def test_a_chart_is_no_file(self, layer: DataLayer) -> None:
        await attach(layer, "t", "f", b"12345")
        await layer.create_element(cl.Plotly(thread_id="t", name="usage", figure=Figure()))
        found = await layer.store.thread_stats("t")
        assert found is not None
        assert (found.files, found.file_bytes) == (1, 5)

    async def test_a_conversation_without_anything_has_zeros_and_a_missing_one_none(self, layer: DataLayer) -> None:
        await layer.update_thread("t", name="empty")
        found = await layer.store.thread_stats("t")
        assert found is not None
        assert (found.messages, found.text_bytes, found.files, found.file_bytes) == (0, 0, 0, 0)
        assert await layer.store.thread_stats("other") is None

    async def test_counts_are_right_for_many_in_one_statement(self, layer: DataLayer) -> None:
        chance = random.Random(1)
        sizes = {f"t{n}": chance.randrange(1, 6) for n in range(20)}
        for thread_id, size in sizes.items():
            await talk(layer, thread_id, size)
        await layer.create_step(make_step("t0", isError=True))
        with queries(layer) as seen:
            assert await layer.store.message_counts([*sizes, "other", "t0"]) == {**sizes, "other": 0}
        assert len(seen) == 1
        assert await layer.store.message_counts([]) == {}

    async def test_stats_take_one_statement(self, layer: DataLayer) -> None:
        await talk(layer, "t", 3)
        with queries(layer) as seen:
            await layer.store.thread_stats("t")
        assert len(seen) == 1


class TestFiles:
    async def test_a_conversations_files_come_in_order_with_what_finds_their_content(self, layer: DataLayer) -> None:
        question = await start_thread(layer)
        thread_id = question["threadId"]
        await layer.update_thread(thread_id, name="Trip")
        await attach(layer, thread_id, "b.txt", b"second", for_id=question["id"], mime="text/plain")
        await attach(layer, thread_id, "a.txt", b"first")
        await layer.create_element(cl.Image(thread_id=thread_id, name="remote", url="https://example.org/i.png"))
        await attach(layer, "other", "elsewhere")
        found = await layer.store.thread_files(thread_id)
        assert [(f.name, f.for_id, f.thread_name) for f in found] == [
            ("b.txt", question["id"], "Trip"),
            ("a.txt", None, "Trip"),
        ]
        assert found[0].mime == "text/plain"
        assert [(blob_content(layer, f.blob), f.size) for f in found] == [(b"second", 6), (b"first", 5)]

    async def test_a_deleted_file_is_gone(self, layer: DataLayer) -> None:
        file = await attach(layer, "t", "f")
        await layer.delete_element(file.id, "t")
        assert await layer.store.thread_files("t") == []

    async def test_a_users_latest_files_come_newest_first_and_nobody_elses(self, layer: DataLayer) -> None:
        ann, bob = await register(layer, "ann"), await register(layer, "bob")
        threads = [(await start_thread(layer, user))["threadId"] for user in (ann, ann, bob)]
        for n in range(4):
            for thread_id in threads:
                await attach(layer, thread_id, f"{threads.index(thread_id)}{n}")
        found = await layer.store.recent_files(ann.id)
        assert [f.name for f in found] == ["13", "03", "12", "02", "11", "01", "10", "00"]
        assert {f.thread_id for f in found} == set(threads[:2])
        others = await layer.store.recent_files(ann.id, except_thread=threads[0])
        assert [f.name for f in others] == ["13", "12", "11", "10"]

    async def test_there_are_at_most_200_in_one_statement(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        thread_id = (await start_thread(layer, ann))["threadId"]
        await asyncio.gather(*(attach(layer, thread_id, str(n)) for n in range(203)))
        with queries(layer) as seen:
            found = await layer.store.recent_files(ann.id)
        assert [f.name for f in found] == [str(n) for n in range(202, 2, -1)]
        assert (
            len([query for query, _ in seen if "elements" in query]) == 1
        )  # which files wait to be read is asked, too
