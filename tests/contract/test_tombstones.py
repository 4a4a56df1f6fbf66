"""I5: what was deleted stays deleted, whichever late write arrives, and its id can never be claimed."""

import asyncio
import threading
from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Feedback, Pagination, ThreadFilter

from datalayer import DataLayer, NotFound, pruning
from datalayer.lines import to_json
from datalayer.records import now
from datalayer.writes import DeleteThread
from tests.conftest import (
    blob_names,
    chainlit_session,
    change,
    failures,
    make_run,
    make_step,
    new_id,
    register,
    rows,
    start_thread,
    steps_of,
)


class Deleted:
    """A thread of ann's with a question, an answer and a file, and every write that can come late."""

    def __init__(self, layer: DataLayer, user: Any, question: Any) -> None:
        self.layer, self.user, self.question, self.thread_id = layer, user, question, question["threadId"]
        self.answer = make_step(self.thread_id, parentId=question["id"])
        self.file = cl.File(thread_id=self.thread_id, name="f", content=b"content", for_id=self.answer["id"])

    async def fill(self) -> None:
        await self.layer.create_step(self.answer)
        await self.layer.create_element(self.file)

    def late(self) -> list[Any]:
        layer, thread_id = self.layer, self.thread_id
        return [
            layer.create_step(self.question),
            layer.update_step(self.answer | {"output": "late"}),
            layer.create_step(make_step(thread_id)),
            layer.create_step(make_run(thread_id, parentId=self.answer["id"])),
            layer.update_thread(thread_id, metadata={"late": 1}),
            layer.update_thread(thread_id, name="late", user_id=self.user.id),
            layer.delete_step(self.answer["id"]),
            layer.delete_element(self.file.id, thread_id),
            layer.delete_thread(thread_id),
            # Last, because what follows an upload waits for it and would not be in one group with the writes above.
            layer.create_element(self.file),
            layer.create_element(cl.File(thread_id=thread_id, name="new", content=b"new")),
        ]


@pytest.fixture
async def ours(layer: DataLayer) -> Deleted:
    ann = await register(layer, "ann")
    made = Deleted(layer, ann, await start_thread(layer, ann))
    await made.fill()
    return made


async def everything(layer: DataLayer) -> list[Any]:
    return [
        rows(layer, f"SELECT count(*) FROM {table}")[0][0] for table in ("threads", "steps", "elements", "feedbacks")
    ]


class TestThread:
    async def test_deleting_it_takes_steps_elements_votes_and_files_along(
        self, layer: DataLayer, ours: Deleted
    ) -> None:
        await layer.upsert_feedback(Feedback(forId=ours.answer["id"], value=1))
        await layer.delete_thread(ours.thread_id)
        assert await layer.get_thread(ours.thread_id) is None
        assert await layer.get_thread_author(ours.thread_id) == ""
        assert await everything(layer) == [0, 0, 0, 0]
        assert await blob_names(layer) == set()

    async def test_no_late_write_brings_anything_back(self, layer: DataLayer, ours: Deleted) -> None:
        await layer.delete_thread(ours.thread_id)
        assert await failures(ours.late()) == [None] * 11
        assert await everything(layer) == [0, 0, 0, 0]
        assert await blob_names(layer) == set()

    async def test_neither_in_the_same_group_as_the_deletion(self, layer: DataLayer, ours: Deleted) -> None:
        calls = [layer.delete_thread(ours.thread_id), *ours.late()]
        assert await failures(calls) == [None] * 12
        assert await everything(layer) == [0, 0, 0, 0]

    async def test_neither_in_the_same_group_from_a_session(self, layer: DataLayer, ours: Deleted) -> None:
        with chainlit_session(ours.user, ours.thread_id):
            calls = [layer.delete_thread(ours.thread_id), *ours.late()]
            assert await failures(calls) == [None] * 12
        assert await everything(layer) == [0, 0, 0, 0]

    async def test_neither_from_the_open_session_of_its_author(self, layer: DataLayer, ours: Deleted) -> None:
        await layer.delete_thread(ours.thread_id)
        with chainlit_session(ours.user, ours.thread_id):
            assert await failures(ours.late()) == [None] * 11
        assert await everything(layer) == [0, 0, 0, 0]

    async def test_a_vote_for_a_deleted_message_is_refused(self, layer: DataLayer, ours: Deleted) -> None:
        await layer.delete_thread(ours.thread_id)
        with pytest.raises(NotFound):
            await layer.upsert_feedback(Feedback(forId=ours.answer["id"], value=1))

    async def test_the_metadata_written_at_disconnect_leaves_no_ghost(self, layer: DataLayer, ours: Deleted) -> None:
        with chainlit_session(ours.user, ours.thread_id) as session:
            await layer.get_thread(ours.thread_id)
            await asyncio.create_task(layer.delete_thread(ours.thread_id))
            await layer.update_thread(session.thread_id, metadata=session.to_persistable())
        listed = await layer.list_threads(Pagination(first=9), ThreadFilter(userId=ours.user.id))
        assert (listed.data, await everything(layer)) == ([], [0, 0, 0, 0])

    async def test_a_thread_deleted_before_it_came_does_not_come(self, layer: DataLayer) -> None:
        thread_id = new_id()
        await layer.delete_thread(thread_id)
        await layer.create_step(make_step(thread_id))
        assert await layer.get_thread(thread_id) is None

    async def test_deletions_are_remembered_after_a_restart(
        self, layer: DataLayer, ours: Deleted, open_layer: Any
    ) -> None:
        await layer.delete_thread(ours.thread_id)
        await layer.close()
        ours.layer = open_layer()
        assert await failures(ours.late()) == [None] * 11
        assert await everything(layer) == [0, 0, 0, 0]

    async def test_whether_it_was_deleted_is_told_beside_the_unfinished_upload_of_somebody_else(
        self, layer: DataLayer, ours: Deleted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await layer.delete_thread(ours.thread_id)
        go_on, put = threading.Event(), layer.store.blobs.put
        monkeypatch.setattr(layer.store.blobs, "put", lambda source: go_on.wait(20) and put(source))
        upload = asyncio.create_task(layer.create_element(cl.File(thread_id=new_id(), name="f", content=b"large")))
        await asyncio.sleep(0)
        deleted, fresh = await layer.store.was_deleted(ours.thread_id), await layer.store.was_deleted(new_id())
        assert ((await layer.health())["pending"], deleted, fresh) == (1, True, False)
        go_on.set()
        await upload


class TestStep:
    async def test_no_late_write_brings_it_its_children_or_files_back(self, layer: DataLayer, ours: Deleted) -> None:
        await layer.delete_step(ours.answer["id"])
        child = make_run(ours.thread_id, parentId=ours.answer["id"])
        late = [
            layer.create_step(ours.answer),
            layer.update_step(ours.answer | {"output": "late"}),
            layer.create_step(child),
            layer.create_step(make_run(ours.thread_id, parentId=child["id"])),
            layer.create_element(ours.file),
            layer.create_element(cl.File(thread_id=ours.thread_id, name="n", content=b"n", for_id=ours.answer["id"])),
        ]
        assert await failures(late) == [None] * 6
        assert set(await steps_of(layer, ours.thread_id)) == {ours.question["id"]}
        assert (await everything(layer))[2] == 0
        assert await blob_names(layer) == set()

    async def test_one_deleted_before_it_came_does_not_come(self, layer: DataLayer, ours: Deleted) -> None:
        step = make_step(ours.thread_id)
        await layer.delete_step(step["id"])
        await layer.create_step(step)
        assert step["id"] not in await steps_of(layer, ours.thread_id)

    async def test_a_late_child_that_comes_alone_does_not_come(self, layer: DataLayer, ours: Deleted) -> None:
        await layer.delete_step(ours.answer["id"])
        child = make_run(ours.thread_id, parentId=ours.answer["id"])
        await layer.create_step(child)
        await layer.create_step(make_run(ours.thread_id, parentId=child["id"]))
        assert set(await steps_of(layer, ours.thread_id)) == {ours.question["id"]}

    async def test_the_descendants_ids_are_buried_too(self, layer: DataLayer, ours: Deleted) -> None:
        await layer.delete_step(ours.question["id"])
        await layer.update_step(ours.answer | {"parentId": None})
        assert await steps_of(layer, ours.thread_id) == {}


class TestElement:
    async def test_no_late_write_brings_it_back(self, layer: DataLayer, ours: Deleted) -> None:
        await layer.delete_element(ours.file.id, ours.thread_id)
        await layer.create_element(ours.file)
        assert await layer.get_element(ours.thread_id, ours.file.id) is None
        assert await blob_names(layer) == set()

    async def test_one_deleted_before_it_came_does_not_come(self, layer: DataLayer, ours: Deleted) -> None:
        element = cl.File(thread_id=ours.thread_id, name="n", content=b"n")
        await layer.delete_element(element.id)
        await layer.create_element(element)
        assert await layer.get_element(ours.thread_id, element.id) is None

    async def test_no_other_is_buried_with_it(self, layer: DataLayer, ours: Deleted) -> None:
        other = cl.Text(name="before", content="x", thread_id=ours.thread_id)
        await layer.create_element(other)
        await layer.delete_element(ours.file.id, ours.thread_id)
        other.name = "after"
        await layer.create_element(other)
        assert rows(layer, "SELECT name FROM elements") == [("after",)]

    async def test_deleting_it_twice_is_fine(self, layer: DataLayer, ours: Deleted) -> None:
        for _ in range(2):
            await layer.delete_element(ours.file.id, ours.thread_id)
        assert await blob_names(layer) == set()


class TestClaim:
    """Another user, or the same in another thread, sends an id that was deleted."""

    @pytest.mark.parametrize("identifier", ["ann", "bob"])
    async def test_deleted_ids_cannot_be_claimed(self, layer: DataLayer, ours: Deleted, identifier: str) -> None:
        await layer.delete_thread(ours.thread_id)
        claimant = await register(layer, identifier)
        message = await start_thread(layer, claimant)
        with chainlit_session(claimant, message["threadId"]) as session:
            claims = [
                layer.create_step(make_step(session.thread_id, id=ours.answer["id"])),
                layer.create_element(cl.File(id=ours.file.id, name="mine", content=b"mine")),
                layer.update_thread(ours.thread_id, user_id=claimant.id, name="mine"),
                layer.create_step(make_step(ours.thread_id)),
            ]
            await failures(claims)
        assert set(await steps_of(layer, message["threadId"])) == {message["id"]}
        assert await everything(layer) == [1, 1, 0, 0]
        assert await layer.get_thread(ours.thread_id) is None


class TestOldOnes:
    """They go when nothing can arrive any more."""

    async def fill(self, layer: DataLayer, *ages: int) -> list[str]:
        """Tombstones of threads that were deleted so many days ago."""
        await start_thread(layer)
        for days in ages:
            values = f"'thread', '{days} days', {now() - days * 86_400_000_000}"
            change(layer, f"INSERT INTO tombstones (kind, id, deleted_at) VALUES ({values})")
        return [f"{days} days" for days in ages]

    def left(self, layer: DataLayer) -> list[str]:
        return [key for (key,) in rows(layer, "SELECT id FROM tombstones ORDER BY deleted_at DESC")]

    async def test_go_after_a_month(self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pruning, "_AT_ONCE", 2)
        ages = await self.fill(layer, 1, 29, 31, 60, 90, 400)
        assert await layer.store._pruning.prune() == 4
        assert self.left(layer) == ages[:2]
        assert await layer.store._pruning.prune() == 0

    async def test_none_goes_while_a_spool_holds_writes(self, layer: DataLayer) -> None:
        ages = await self.fill(layer, 31)
        left = layer.store.place.spool / "dead.jsonl"
        left.write_text(to_json(DeleteThread(thread_id="t", at=1)) + "\n")
        assert await layer.store._pruning.prune() == 0
        assert self.left(layer) == ages
        left.unlink()
        assert await layer.store._pruning.prune() == 1
