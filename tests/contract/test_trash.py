"""I5, I6: what is in the trash is nowhere else, comes back as it was, and goes for good in the end."""

import asyncio
from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Feedback, Pagination, ThreadFilter

from datalayer import DataLayer, Forbidden, NotFound
from datalayer.lines import from_json, to_json
from datalayer.records import now
from datalayer.writes import DeleteThread, RestoreThread, TrashThread, UpdateThread, UpsertStep
from tests.conftest import (
    OpenLayer,
    blob_names,
    chainlit_session,
    make_step,
    new_id,
    register,
    rows,
    start_thread,
    start_threads,
    steps_of,
)

DAY = 86_400 * 1_000_000


@pytest.fixture
def layer(open_layer: OpenLayer) -> DataLayer:
    return open_layer(trash_days=30)


async def trash(layer: DataLayer, thread_id: str, actor: Any = "ann") -> None:
    await layer.store.submit(TrashThread(actor=actor, thread_id=thread_id, at=now()))


async def restore(layer: DataLayer, thread_id: str, actor: Any = "ann") -> bool:
    return bool(await layer.store.submit(RestoreThread(actor=actor, thread_id=thread_id, at=now())))


class Kept:
    """A thread of ann's with all that a thread can have."""

    def __init__(self, layer: DataLayer, user: Any, question: Any) -> None:
        self.layer, self.user, self.question, self.id = layer, user, question, question["threadId"]
        self.file = cl.File(thread_id=self.id, name="f.txt", content=b"content", for_id=question["id"])

    async def seen(self) -> dict[str, Any]:
        """What all reads say that could show it."""
        store, user = self.layer.store, self.user
        listed = await self.layer.list_threads(Pagination(first=9), ThreadFilter(userId=user.id))
        return {
            "thread": await self.layer.get_thread(self.id),
            "author": await self.layer.get_thread_author(self.id),
            "listed": [thread["id"] for thread in listed.data],
            "all": [thread.id for thread in (await store.threads(user.id, sort="activity")).threads],
            "messages": [hit.step_id for hit in (await store.search(user.id, "heron")).hits],
            "titles": [hit.thread_id for hit in (await store.search(user.id, "birds")).hits],
            "threads": [thread.id for thread in (await store.found_threads(user.id, "heron birds")).threads],
            "part": await store.part(self.id) is not None,
            "step": await self.layer.get_step(self.question["id"]),
            "favorite": await self.layer.get_favorite_steps(user.id),
            "file": await store.file(self.file.id),
            "files": await store.recent_files(user.id),
            "facets": await store.facets(user.id, archived=None),
            "votes": [each.id for each in (await store.threads(user.id, feedback=1)).threads],
        }


@pytest.fixture
async def kept(layer: DataLayer) -> Kept:
    ann = await register(layer, "ann")
    made = Kept(layer, ann, await start_thread(layer, ann, output="a heron", metadata={"favorite": True}))
    await layer.create_element(made.file)
    await layer.update_thread(made.id, name="Birds", tags=["wings"])
    await layer.store.submit(UpdateThread(actor="ann", thread_id=made.id, at=now(), folder="Nature", pinned=True))
    with chainlit_session(ann, made.id):
        await layer.upsert_feedback(Feedback(forId=made.question["id"], value=1))
    return made


async def test_it_is_nowhere_and_comes_back_as_it_was(layer: DataLayer, kept: Kept) -> None:
    before = await kept.seen()
    assert all(before.values())
    await layer.delete_thread(kept.id)
    nothing = await kept.seen()
    facets = nothing.pop("facets")
    assert (facets.folders, facets.tags) == ({}, {})
    assert not any(nothing.values()), nothing
    assert await layer.store.was_deleted(kept.id)
    (found,) = (await layer.store.trash(kept.user.id)).threads
    assert (found.id, found.name, found.folder, found.pinned) == (kept.id, "Birds", "Nature", True)
    assert await restore(layer, kept.id)
    assert not await restore(layer, kept.id)
    assert await kept.seen() == before
    assert (await layer.store.trash(kept.user.id)).threads == []


async def test_other_apps_delete_at_once(open_layer: OpenLayer) -> None:
    layer = open_layer()
    message = await start_thread(layer, await register(layer, "ann"))
    await layer.delete_thread(message["threadId"])
    assert rows(layer, "SELECT * FROM threads") == []
    with pytest.raises(NotFound):
        await restore(layer, message["threadId"])


async def test_nobody_else_sees_it_puts_it_there_or_takes_it_out(layer: DataLayer, kept: Kept) -> None:
    bob = await register(layer, "bob")
    with pytest.raises(Forbidden):
        await trash(layer, kept.id, "bob")
    await trash(layer, kept.id)
    assert (await layer.store.trash(bob.id)).threads == []
    for write in (
        RestoreThread(actor="bob", thread_id=kept.id, at=now()),
        DeleteThread(actor="bob", thread_id=kept.id, at=now(), trashed_before=now() + DAY),
    ):
        with pytest.raises(Forbidden):
            await layer.store.submit(write)
    with pytest.raises(Forbidden), chainlit_session(bob, kept.id):
        await layer.create_step(make_step(kept.id, type="user_message"))
    assert len((await layer.store.trash(kept.user.id)).threads) == 1


async def test_pages_hold_each_once_the_last_first(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    keys = [(await start_thread(layer, ann))["threadId"] for _ in range(7)]
    for key in keys:
        await trash(layer, key)
    found, cursor = [], None
    for _ in range(4):
        page = await layer.store.trash(ann.id, 2, cursor)
        found += [thread.id for thread in page.threads]
        cursor = page.next
    assert (found, cursor) == (keys[::-1], None)


class TestLateWrites:
    async def test_a_new_question_takes_it_out(self, layer: DataLayer, kept: Kept) -> None:
        await trash(layer, kept.id)
        said = make_step(kept.id, type="user_message", output="and storks?")
        with chainlit_session(kept.user, kept.id):
            await layer.create_step(said)
        assert set(await steps_of(layer, kept.id)) == {kept.question["id"], said["id"]}
        assert (await layer.store.trash(kept.user.id)).threads == []
        assert (await layer.store.facets(kept.user.id)).tags == {"wings": 1}

    async def test_whatever_else_comes_is_stored_in_it_and_leaves_it_there(self, layer: DataLayer, kept: Kept) -> None:
        await trash(layer, kept.id)
        answer = make_step(kept.id, output="late answer")
        await layer.create_step(answer)
        await layer.update_step(kept.question | {"metadata": {"late": 1}})
        await layer.update_thread(kept.id, metadata={"late": 1}, tags=["late"])
        assert await layer.get_thread(kept.id) is None
        assert (await layer.store.facets(kept.user.id)).tags == {}
        await restore(layer, kept.id)
        assert answer["id"] in await steps_of(layer, kept.id)
        assert (await layer.store.facets(kept.user.id)).tags == {"late": 1}

    async def test_a_question_from_before_the_deletion_leaves_it_there(self, layer: DataLayer, kept: Kept) -> None:
        before = now()
        await trash(layer, kept.id)
        late = make_step(kept.id, type="user_message")
        values = {"type": late["type"], "output": late["output"], "created_at": before}
        await layer.store.submit(UpsertStep(actor="ann", thread_id=kept.id, id=late["id"], at=before, values=values))
        assert await layer.get_thread(kept.id) is None

    async def test_in_one_group_they_take_effect_in_order(self, layer: DataLayer, kept: Kept) -> None:
        said = make_step(kept.id, type="user_message")
        await asyncio.gather(trash(layer, kept.id), layer.create_step(said), trash(layer, kept.id))
        assert await layer.get_thread(kept.id) is None
        await asyncio.gather(restore(layer, kept.id), trash(layer, kept.id), restore(layer, kept.id))
        assert said["id"] in await steps_of(layer, kept.id)

    async def test_a_thread_that_was_not_there_yet_does_not_come(self, layer: DataLayer) -> None:
        key = new_id()
        await layer.delete_thread(key)
        await layer.create_step(make_step(key))
        assert await layer.get_thread(key) is None

    async def test_twice_and_out_of_a_spool_it_keeps_its_time(self, layer: DataLayer, kept: Kept) -> None:
        write = TrashThread(actor="ann", thread_id=kept.id, at=now())
        for _ in range(2):
            await layer.store.submit(from_json(to_json(write)))
        await trash(layer, kept.id)
        (found,) = (await layer.store.trash(kept.user.id)).threads
        assert found.trashed_at == write.at
        with pytest.raises(NotFound):
            await restore(layer, new_id())


class TestPurge:
    async def test_what_is_old_goes_for_good_and_nothing_else(self, layer: DataLayer, kept: Kept) -> None:
        other = await start_thread(layer, kept.user)
        await trash(layer, kept.id)
        assert await layer.store.purge() == 0
        assert await layer.store.purge(now() + 29 * DAY) == 0
        assert len((await layer.store.trash(kept.user.id)).threads) == 1
        assert await layer.store.purge(now() + 31 * DAY) == 1
        assert (await layer.store.trash(kept.user.id)).threads == []
        for table in ("elements", "feedbacks", "thread_tags", "blobs"):
            await layer.drain()
            assert (table, rows(layer, f"SELECT * FROM {table}")) == (table, [])
        assert rows(layer, "SELECT id FROM threads") == [(other["threadId"],)]
        assert await blob_names(layer) == set()
        await layer.create_step(kept.question)
        with pytest.raises(NotFound):
            await restore(layer, kept.id)
        assert await layer.get_thread(kept.id) is None

    async def test_what_was_taken_out_meanwhile_stays(self, layer: DataLayer, kept: Kept) -> None:
        await trash(layer, kept.id)
        late = DeleteThread(thread_id=kept.id, at=now(), trashed_before=now())
        await restore(layer, kept.id)
        await layer.store.submit(late)
        assert await layer.get_thread(kept.id) is not None
        await trash(layer, kept.id)
        await layer.store.submit(late)  # it is there again, since later
        assert len((await layer.store.trash(kept.user.id)).threads) == 1

    async def test_more_than_a_batch_goes_at_once(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        keys = [each["threadId"] for each in await start_threads(layer, ann, *[{}] * 101)]
        await asyncio.gather(*(trash(layer, key) for key in keys))
        assert await layer.store.purge(now() + 31 * DAY) == 101
        assert rows(layer, "SELECT * FROM threads") == []


async def test_who_is_told_that_a_message_has_taken_it_out(layer: DataLayer, kept: Kept) -> None:
    told: list[str] = []

    async def restored(thread_id: str) -> None:
        told.append(thread_id)

    layer.on_restore = restored
    await trash(layer, kept.id)
    for kind in ("assistant_message", "user_message", "user_message"):
        with chainlit_session(kept.user, kept.id):
            await layer.create_step(make_step(kept.id, type=kind))
    assert told == [kept.id]
