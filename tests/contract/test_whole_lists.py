"""I9: all that a list or a search has, as it was at a moment: counted, read by ids, in orders that go both ways."""

import asyncio
from typing import Any

import pytest

from datalayer import DataLayer
from datalayer.records import LISTED, Sort, Which, now
from datalayer.search import streams
from datalayer.writes import TrashThread, UpdateThread, UpsertFeedback
from tests.conftest import make_step, new_id, register, start_threads


async def put(layer: DataLayer, key: str, **values: Any) -> None:
    await layer.store.submit(UpdateThread(actor="ann", thread_id=key, at=now(), stored_only=True, **values))


@pytest.fixture
async def ann(layer: DataLayer) -> Any:
    return await register(layer, "ann")


@pytest.fixture
async def keys(layer: DataLayer, ann: Any) -> list[str]:
    """Nine, the oldest first; the first was active last, two are of one moment."""
    moments = [{"createdAt": f"2026-01-01T00:{n:02}:00Z"} for n in (0, 1, 2, 3, 3, 5, 6, 7, 8)]
    made = [(await start_threads(layer, ann, each))[0]["threadId"] for each in moments]
    await layer.create_step(make_step(made[0], output="words of late"))
    await put(layer, made[4], pinned=True)
    return made


@pytest.mark.parametrize("first", [1, 2, 4, 200])
@pytest.mark.parametrize(("down", "up"), [("activity", "idle"), ("created", "oldest")])
async def test_an_order_and_its_opposite_have_each_thread_once(
    layer: DataLayer, ann: Any, keys: list[str], down: Sort, up: Sort, first: int
) -> None:
    async def listed(sort: Sort) -> list[str]:
        found, cursor = [], None
        while True:
            page = await layer.store.threads(ann.id, first, cursor, sort=sort)
            found += [thread.id for thread in page.threads]
            if (cursor := page.next) is None:
                return found

    upwards = await listed(up)
    assert upwards == (await listed(down))[::-1]
    assert len(set(upwards)) == len(keys)
    assert upwards == keys if up == "oldest" else upwards[-1] == keys[0]


async def test_a_list_is_counted_as_it_is_listed(layer: DataLayer, ann: Any, keys: list[str]) -> None:
    bob = await register(layer, "bob")
    await start_threads(layer, bob, {})
    for key in keys[:3]:
        await put(layer, key, folder="Work/A", tags_added=["x"])
    await put(layer, keys[3], archived=True)
    vote = UpsertFeedback(
        actor="ann", thread_id=keys[5], id=new_id(), step_id=(step := make_step(keys[5]))["id"], value=1, at=now()
    )
    await layer.create_step(step)
    await layer.store.submit(vote)
    await layer.store.submit(TrashThread(actor="ann", thread_id=keys[6], at=now()))
    moment = now()
    await start_threads(layer, ann, {})
    for which in (
        *(LISTED, Which(archived=None), Which(archived=True), Which(folder="Work"), Which(tag="x", folder="Work/A")),
        *(Which(vote=1), Which(pinned=True), Which(trashed=True, archived=None), Which(made_before=moment)),
        *(Which(until=moment, made_before=moment), Which(made_before=1), Which(has_file=True)),
    ):
        listed = (await layer.store.threads(ann.id, 200, which=which, sort="created")).threads
        assert (which, await layer.store.count(ann.id, which)) == (which, len(listed))
    assert await layer.store.count(ann.id, Which(made_before=moment, archived=None)) == len(keys) - 1
    assert await layer.store.count("nobody") == 0


async def test_only_ones_own_are_read_by_their_ids(layer: DataLayer, ann: Any, keys: list[str]) -> None:
    bob = await register(layer, "bob")
    (other,) = await start_threads(layer, bob, {})
    await layer.store.submit(TrashThread(actor="ann", thread_id=keys[1], at=now()))
    ids = [*keys[:3], keys[0], other["threadId"], "no such", ""]
    assert {each.id for each in await layer.store.own_threads(ann.id, ids)} == {keys[0], keys[2]}
    found = await layer.store.own_threads(ann.id, ids, trashed=True)
    assert {each.id: each.trashed_at > 0 for each in found} == {keys[0]: False, keys[1]: True, keys[2]: False}
    assert await layer.store.own_threads(bob.id, keys, trashed=True) == []


async def test_all_threads_that_a_search_finds(
    layer: DataLayer, ann: Any, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = await register(layer, "bob")
    await start_threads(layer, bob, {"output": "words of late"})
    await put(layer, keys[1], name="Words")
    await put(layer, keys[2], name="Words", archived=True)
    await asyncio.gather(*(layer.create_step(make_step(keys[0], output=f"more words {n}")) for n in range(5)))
    find = layer.store.threads_found
    assert await find(ann.id, "words", now()) == (sorted(keys[:3]), True)
    assert await find(ann.id, "words is:archived", now()) == ([keys[2]], True)
    assert await find(ann.id, "late after:1d", now()) == ([keys[0]], True)
    assert await find(ann.id, "late after:1d", now() + 9 * 86_400_000_000) == ([], True)
    assert await find(ann.id, "", now()) == ([], True)
    await layer.store.submit(TrashThread(actor="ann", thread_id=keys[1], at=now()))
    assert await find(ann.id, "words", now()) == (sorted([keys[0], keys[2]]), True)
    await asyncio.gather(*(layer.create_step(make_step(keys[8], output=f"words again {n}")) for n in range(30)))
    monkeypatch.setattr(streams, "LOOKED_AT", 20)
    ids, complete = await find(ann.id, "words", now())
    assert (keys[8] in ids, complete) == (True, False)


async def test_folders_and_tags_are_told_by_a_part_of_their_names(layer: DataLayer, ann: Any, keys: list[str]) -> None:
    await put(layer, keys[0], folder="Été/Client A", tags_added=["rail", "a_b"])
    await put(layer, keys[1], folder="Work", tags_added=["RAIL way"])
    for like, folders, tags in (
        ("ete", {"Été/Client A": 1}, {}),
        ("CLIENT été", {"Été/Client A": 1}, {}),
        ("rail", {}, {"rail": 1, "RAIL way": 1}),
        ("_", {}, {"a_b": 1}),
        ("%", {}, {}),
        (" ", {"Été/Client A": 1, "Work": 1}, {"rail": 1, "RAIL way": 1, "a_b": 1}),
    ):
        found = await layer.store.facets(ann.id, like=like)
        assert (like, found.folders, found.tags) == (like, folders, tags)
        assert (found.threads, found.unfiled) == (len(keys), len(keys) - 2)


async def test_how_many_are_not_told(layer: DataLayer, ann: Any, keys: list[str]) -> None:
    await layer.update_thread(keys[0], tags=[f"t{n}" for n in range(1_500)])
    found = await layer.store.facets(ann.id)
    assert (len(found.tags), found.more_tags, found.more_folders) == (1_000, 500, 0)
    found = await layer.store.facets(ann.id, like="t149")
    assert (len(found.tags), found.more_tags) == (11, 0)


async def test_what_is_in_the_trash_is_read_if_it_is_asked_for(layer: DataLayer, ann: Any, keys: list[str]) -> None:
    await layer.store.submit(TrashThread(actor="ann", thread_id=keys[0], at=now()))
    assert await layer.store.part(keys[0]) is None
    part = await layer.store.part(keys[0], trashed=True)
    assert part is not None
    assert [step.output for step in part.steps][-1] == "words of late"
