"""I5, I6: a file in the trash is nowhere else, comes back as it was, and goes for good in the end."""

import asyncio
from typing import Any

import pytest

from datalayer import DataLayer, Forbidden, NotFound, forks
from datalayer.lines import from_json, to_json
from datalayer.passages import LEFT_OUT
from datalayer.records import Which, now, user_id
from datalayer.views import NOTHING_MORE
from datalayer.writes import (
    DeleteElement,
    DeleteThread,
    RestoreElement,
    TrashElement,
    TrashThread,
    UpsertElement,
)
from tests.conftest import OpenLayer, blob_names, register, rows
from tests.contract.test_own_files import change
from tests.contract.test_passages import BIRDS, attach, said, stored, thread_of

DAY = 86_400 * 1_000_000
ANN = user_id("ann")


@pytest.fixture
def layer(open_layer: OpenLayer) -> DataLayer:
    return open_layer(trash_days=30)


async def trash(layer: DataLayer, thread_id: str, key: str, actor: Any = "ann", at: int | None = None) -> Any:
    return await layer.store.submit(TrashElement(actor=actor, thread_id=thread_id, id=key, at=at or now()))


async def restore(layer: DataLayer, thread_id: str, key: str, actor: Any = "ann", since: int | None = None) -> Any:
    write = RestoreElement(actor=actor, thread_id=thread_id, id=key, at=now(), trashed_at=since)
    return await layer.store.submit(write)


async def seen(layer: DataLayer, thread_id: str, key: str) -> dict[str, Any]:
    """What all reads say that could show the file."""
    store = layer.store
    whole, thread = await store.whole_thread(thread_id), await layer.get_thread(thread_id)
    assert whole is not None
    assert thread is not None
    (exported,) = await store.whole_threads(ANN, [thread_id])
    stats, part = await store.thread_stats(thread_id), await store.part(thread_id, None, NOTHING_MORE, 9, None)
    assert stats is not None
    assert part is not None
    return {
        "page": [each["id"] for each in thread["elements"] or []],
        "thread": [each.id for each in whole[2]],
        "copy": [row["name"] for row in forks.fork("ann", *whole, "Copy").files],
        "exported": exported.elements,
        "part": part.elements,
        "element": await store.element(thread_id, key),
        "file": await store.file(key),
        "files": await store.thread_files(thread_id),
        "recent": await store.recent_files(ANN),
        "context": await store.context_files(thread_id, left_out=True),
        "found": await said(layer, thread_id, "heron"),
        "read": await store.read_passages(thread_id, key),
        "found anywhere": [each.element_id for each in await store.find_in_files(ANN, "heron")],
        "own": [use.element_id for file in (await store.own_files(ANN)).files for use in file.uses],
        "own uses": await store.own_uses(ANN, [key]),
        "own passages": await store.own_passages(ANN, key),
        "tally": await store.own_files_tally(ANN),
        "count": stats.files,
        "with a file": [hit.step_id for hit in (await store.search(ANN, "has:file say")).hits],
        "by name": [hit.thread_id for hit in (await store.search(ANN, "birds.txt")).hits],
        "listed": await store.count(ANN, Which(has_file=True)),
        "counted": (await store.facets(ANN)).files,
    }


async def test_it_is_nowhere_and_comes_back_as_it_was(layer: DataLayer) -> None:
    key, asked = await thread_of(layer)
    file = await attach(layer, key, *BIRDS, for_id=asked)
    before = await seen(layer, key, file)
    assert all(before.values()), before
    assert await trash(layer, key, file)
    now_seen = await seen(layer, key, file)
    assert now_seen.pop("tally") == (0, 0)
    assert not any(now_seen.values()), now_seen
    (use,) = await layer.store.trashed_files(key)
    assert await layer.store.own_trashed_files(ANN) == [use]
    assert (use.element_id, use.name, use.thread_id, use.trashed_at > 0) == (file, "birds.txt", key, True)
    assert (await layer.store.stored_files(ANN, [file])).bytes > 0  # it still takes room
    assert await restore(layer, key, file, since=use.trashed_at)
    assert await seen(layer, key, file) == before
    assert await layer.store.trashed_files(key) == []


async def test_what_was_left_out_is_so_when_it_is_back(layer: DataLayer) -> None:
    key, _ = await thread_of(layer)
    file = await attach(layer, key, *BIRDS)
    await change(layer, key, file, **{LEFT_OUT: True})
    await trash(layer, key, file)
    await restore(layer, key, file)
    (back,) = await layer.store.context_files(key, left_out=True)
    assert back.left_out


async def test_twice_is_once_and_keeps_its_time(layer: DataLayer) -> None:
    key, _ = await thread_of(layer)
    file = await attach(layer, key, *BIRDS)
    answers = await asyncio.gather(trash(layer, key, file), trash(layer, key, file))
    assert sorted(answers) == [False, True]
    (use,) = await layer.store.trashed_files(key)
    assert not await trash(layer, key, file)
    assert [each.trashed_at for each in await layer.store.trashed_files(key)] == [use.trashed_at]
    assert not await restore(layer, key, file, since=use.trashed_at - 1)
    assert await restore(layer, key, file)
    assert not await restore(layer, key, file)


async def test_a_newer_version_in_the_trash_replaces_none(layer: DataLayer) -> None:
    key, _ = await thread_of(layer)
    old = await attach(layer, key, BIRDS[0])
    new = await attach(layer, key, BIRDS[1])
    await trash(layer, key, new)
    assert [(file.element_id, file.superseded) for file in await layer.store.context_files(key)] == [(old, False)]
    await restore(layer, key, new)
    assert [file.superseded for file in await layer.store.context_files(key)] == [True, False]


async def test_what_is_written_to_it_meanwhile_stays_in_the_trash(layer: DataLayer) -> None:
    key, _ = await thread_of(layer)
    file = await attach(layer, key, *BIRDS)
    await trash(layer, key, file)
    await layer.store.submit(UpsertElement(actor="ann", thread_id=key, id=file, at=now(), values={"name": "late.txt"}))
    assert await layer.store.thread_files(key) == []
    assert [use.name for use in await layer.store.trashed_files(key)] == ["late.txt"]


async def test_nobody_elses_and_nothing_of_another_thread(layer: DataLayer) -> None:
    (key, _), (other, _) = await thread_of(layer), await thread_of(layer)
    await register(layer, "ben")
    file = await attach(layer, key, *BIRDS)
    with pytest.raises(Forbidden):
        await trash(layer, key, file, "ben")
    assert not await trash(layer, other, file)
    assert len(await layer.store.thread_files(key)) == 1
    await trash(layer, key, file)
    with pytest.raises(Forbidden):
        await restore(layer, key, file, "ben")
    with pytest.raises(NotFound):
        await restore(layer, other, file)
    assert await layer.store.own_trashed_files(user_id("ben")) == []
    write = DeleteElement(actor="ben", thread_id=key, id=file, at=now(), trashed_before=now() + DAY)
    with pytest.raises(Forbidden):
        await layer.store.submit(write)
    await layer.store.submit(TrashThread(actor="ann", thread_id=key, at=now()))
    assert await layer.store.own_trashed_files(ANN) == []  # it is in the trash with its conversation


async def test_it_goes_for_good_when_its_days_are_over(layer: DataLayer) -> None:
    key, _ = await thread_of(layer)
    kept, gone = await attach(layer, key, BIRDS[0], name="kept.txt"), await attach(layer, key, BIRDS[1], name="gone")
    back = await attach(layer, key, BIRDS[2], name="back.txt")
    for file in (gone, back):
        await trash(layer, key, file)
    await restore(layer, key, back)
    await layer.store.purge(now() + 29 * DAY)
    assert len(await layer.store.trashed_files(key)) == 1
    await layer.store.purge(now() + 31 * DAY)
    assert await layer.store.trashed_files(key) == []
    with pytest.raises(NotFound):
        await restore(layer, key, gone)
    assert [file.element_id for file in await layer.store.context_files(key)] == [kept, back]
    assert (await stored(layer))[:2] == [2, 2]
    assert len(await blob_names(layer)) == 2


async def test_for_good_takes_text_and_content_but_what_others_have(layer: DataLayer) -> None:
    (key, _), (other, _) = await thread_of(layer), await thread_of(layer, "ben")
    mine, theirs = await attach(layer, key, *BIRDS), await attach(layer, other, *BIRDS)
    alone = await attach(layer, key, "A canary of ann's alone", name="alone.txt")
    for file in (mine, alone):
        await trash(layer, key, file)
    assert (await stored(layer))[:2] == [2, 4]
    later = DeleteElement(actor="ann", thread_id=key, id=mine, at=now(), trashed_before=1)
    await layer.store.submit(later)  # it came there after that
    assert len(await layer.store.trashed_files(key)) == 2
    for file in (mine, alone):
        write = DeleteElement(actor="ann", thread_id=key, id=file, at=now(), trashed_before=now() + 1)
        await layer.store.submit(write)
    assert (await stored(layer))[:2] == [1, 3]
    assert len(await blob_names(layer)) == 1
    assert [each.element_id for each in await layer.store.context_files(other)] == [theirs]
    assert not await trash(layer, key, mine)


async def test_it_goes_with_its_thread(layer: DataLayer) -> None:
    key, _ = await thread_of(layer)
    await trash(layer, key, await attach(layer, key, *BIRDS))
    await layer.store.submit(DeleteThread(actor="ann", thread_id=key, at=now()))
    assert await stored(layer) == [0, 0, 0]
    assert await blob_names(layer) == set()
    assert rows(layer, "SELECT count(*) FROM elements") == [(0,)]


def test_they_are_spooled_as_they_are() -> None:
    for write in (
        TrashElement(actor="ann", thread_id="t", id="e", at=1),
        RestoreElement(actor="ann", thread_id="t", id="e", at=1, trashed_at=3),
        DeleteElement(actor="ann", thread_id="t", id="e", at=1, trashed_before=3),
    ):
        again = from_json(to_json(write))
        assert (type(again), again.id) == (type(write), "e")  # type: ignore[attr-defined]
        assert to_json(again) == to_json(write)
