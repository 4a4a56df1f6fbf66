"""I6: a change that says how it must find a thread changes nothing where somebody else was faster."""

import asyncio
from typing import Any

import pytest

from datalayer import DataLayer, InvalidInput
from datalayer.lines import from_json, to_json
from datalayer.records import Thread, now
from datalayer.writes import RestoreThread, TrashThread, UpdateThread
from tests.conftest import make_step, register, start_threads


@pytest.fixture
async def one(layer: DataLayer) -> str:
    """A thread of Ann's in a folder, with tags."""
    (message,) = await start_threads(layer, await register(layer, "ann"), {})
    key: str = message["threadId"]
    await put(layer, key, folder="Work", tags_added=["a", "b"])
    return key


async def put(layer: DataLayer, key: str, **values: Any) -> Any:
    return await layer.store.submit(UpdateThread(actor="ann", thread_id=key, at=now(), stored_only=True, **values))


async def get(layer: DataLayer, key: str) -> Thread:
    found = await layer.store.thread(key)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("only_if", "holds"),
    [
        ({}, True),
        ({"folder": "Work"}, True),
        ({"folder": "Elsewhere"}, False),
        ({"folder": None}, False),
        ({"tags": ["a", "b"]}, True),
        ({"tags": ["b", "a"]}, False),
        ({"tags": None}, False),
        ({"pinned": False, "archived": False, "status": "open"}, True),
        ({"pinned": False, "archived": True}, False),
        ({"status": "done"}, False),
    ],
)
async def test_all_of_it_must_be_so(layer: DataLayer, one: str, only_if: Any, holds: bool) -> None:
    before = await get(layer, one)
    result = await put(layer, one, folder="New", tags_removed=["a"], pinned=True, only_if=only_if)
    after = await get(layer, one)
    assert (result is not False) == holds == (after.folder == "New") == after.pinned == (after.tags == ["b"])
    assert holds or after == before
    trashed = await layer.store.submit(TrashThread(actor="ann", thread_id=one, at=now(), only_if={"folder": "New"}))
    assert trashed == holds == (await layer.store.thread(one) is None)


@pytest.mark.parametrize("only_if", [{"name": "x"}, {"user_id": "x"}, {"pinned": True, "id": "x"}])
async def test_what_cannot_be_asked_is_refused(layer: DataLayer, one: str, only_if: Any) -> None:
    with pytest.raises(InvalidInput):
        await put(layer, one, folder="New", only_if=only_if)
    assert (await get(layer, one)).folder == "Work"


async def test_nothing_and_empty_are_alike(layer: DataLayer, one: str) -> None:
    await put(layer, one, folder="", tags_removed=["a", "b"])
    for only_if in ({"folder": "", "tags": []}, {"folder": None, "tags": None}):
        assert await put(layer, one, status="done", only_if=only_if) is None


async def test_of_many_at_once_one_is_first(layer: DataLayer, one: str) -> None:
    """Each has read the same; only one of them moves it."""
    moves = (put(layer, one, folder=f"Place {n}", only_if={"folder": "Work"}) for n in range(20))
    answers = await asyncio.gather(*moves)
    assert answers.count(None) == 1
    assert (await get(layer, one)).folder == f"Place {answers.index(None)}"


async def test_out_of_a_spool_it_is_the_same(layer: DataLayer, one: str) -> None:
    write = UpdateThread(actor="ann", thread_id=one, at=now(), folder="New", only_if={"folder": "Work"})
    for expected in (None, False):
        assert await layer.store.submit(from_json(to_json(write))) is expected
    assert (await get(layer, one)).folder == "New"


class TestTrash:
    async def test_only_what_was_put_there_then_comes_back(self, layer: DataLayer, one: str) -> None:
        async def trash(at: int) -> Any:
            return await layer.store.submit(TrashThread(actor="ann", thread_id=one, at=at))

        async def restore(at: int) -> Any:
            return await layer.store.submit(RestoreThread(actor="ann", thread_id=one, at=now(), trashed_at=at))

        first = now()
        assert (await trash(first), await trash(now())) == (True, False)
        assert (await restore(first + 1), await restore(first), await restore(first)) == (False, True, False)
        assert await trash(second := now()) is True
        assert (await restore(first), await restore(second)) == (False, True)

    async def test_what_was_said_since_keeps_it_out(self, layer: DataLayer, one: str) -> None:
        seen = (await get(layer, one)).last_activity_at
        await layer.create_step(make_step(one))
        write = TrashThread(actor="ann", thread_id=one, at=now(), only_if={"last_activity_at": seen})
        assert await layer.store.submit(write) is False
        assert await layer.store.thread(one) is not None
