"""What a process that died has left in its spool is stored by one that runs, once, and by one of several."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from datalayer import DataLayer, StoreUnavailable, takeover
from datalayer.spool import Spool
from datalayer.writes import UpsertElement, UpsertStep, Write
from tests.client import until
from tests.conftest import OpenLayer, blob_names, make_step, new_id, rows, steps_of


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover, "EVERY", 0.05)


def dies(layer: DataLayer, *writes: Write) -> Path:
    """A process that had the same store open, and left these."""
    spool = Spool(layer.store.place.spool, layer.store.place.owner)
    spool.append(writes)
    spool.close(keep=True)
    return spool.folder / f"{spool.instance}.jsonl"


def said(thread_id: str, key: str, at: int, **values: Any) -> UpsertStep:
    return UpsertStep(thread_id=thread_id, id=key, at=at, values={"type": "user_message", "output": key, **values})


async def gone(path: Path) -> bool:
    return not await asyncio.to_thread(path.exists)


async def test_it_is_stored_while_another_process_runs_and_its_answers_are_marked(open_layer: OpenLayer) -> None:
    layer, key = open_layer(), new_id()
    await layer.create_step(make_step(key, output="before"))
    streaming = said(key, "cut", 2, status="streaming", instance="nobody", streaming=True)
    left = dies(layer, said(key, "s1", 1), streaming, said(key, "s1", 3, output="twice"))
    await until(lambda: gone(left))
    stored = await steps_of(layer, key)
    assert (stored["s1"]["output"], stored["cut"]["status"]) == ("twice", "interrupted")
    again = dies(layer, said(key, "s2", 4))  # and the next one
    await until(lambda: gone(again))
    assert "s2" in await steps_of(layer, key)


async def test_of_several_that_run_one_does_it(open_layer: OpenLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    layers, key, seen = [open_layer() for _ in range(3)], new_id(), list[str]()
    for layer in layers:
        await layer.store.open()
        store = layer.store._takeover._store

        async def told(writes: Any, store: Any = store) -> None:
            seen.extend(write.id for write in writes)
            await store(writes)

        layer.store._takeover._store = told
    left = [dies(layers[0], *(said(key, f"{n} {m}", m) for m in range(5))) for n in range(8)]
    for path in left:
        await until(lambda path=path: gone(path))
    assert sorted(seen) == sorted(f"{n} {m}" for n in range(8) for m in range(5))
    assert len(await steps_of(layers[1], key)) == 40


async def test_what_is_newer_in_the_database_stays(open_layer: OpenLayer) -> None:
    layer, key = open_layer(), new_id()
    step = make_step(key, output="newest")
    await layer.create_step(step)
    await layer.create_step(other := make_step(key))
    await layer.delete_step(other["id"])
    left = dies(layer, said(key, step["id"], 1, output="older"), said(key, other["id"], 2))
    await until(lambda: gone(left))
    assert {key: each["output"] for key, each in (await steps_of(layer, key)).items()} == {step["id"]: "newest"}


async def test_a_database_that_takes_nothing_is_tried_again(open_layer: OpenLayer) -> None:
    layer, key, refused = open_layer(), new_id(), asyncio.Event()
    await layer.store.open()
    store = layer.store._takeover._store

    async def away(_: Any) -> None:
        refused.set()
        raise StoreUnavailable("not now")

    layer.store._takeover._store = away
    left = dies(layer, said(key, "s1", 1))
    await refused.wait()
    assert left.exists()
    layer.store._takeover._store = store
    await until(lambda: gone(left))
    assert set(await steps_of(layer, key)) == {"s1"}


async def test_its_files_are_kept_for_it(open_layer: OpenLayer) -> None:
    layer, key = open_layer(), new_id()
    await layer.create_step(step := make_step(key))
    blob = await layer.store.put_blob(b"content")
    left = dies(layer, UpsertElement(thread_id=key, id="e", at=1, values={"for_id": step["id"]}, blob=blob))
    await until(lambda: gone(left))
    assert len(await blob_names(layer)) == 1
    assert rows(layer, "SELECT elements.blob FROM elements") == [(blob.sha256,)]


async def test_what_is_for_another_database_waits(open_layer: OpenLayer, tmp_path: Path) -> None:
    layer = open_layer()
    await layer.store.open()
    spool = Spool(layer.store.place.spool, "postgresql://elsewhere/another")
    spool.append([said("t", "s", 1)])
    spool.close(keep=True)
    left = dies(layer, said("t", "own", 1))
    await until(lambda: gone(left))
    assert (spool.folder / f"{spool.instance}.jsonl").exists()
    assert set(await steps_of(layer, "t")) == {"own"}
    (spool.folder / f"{spool.instance}.jsonl").unlink()


async def test_who_closes_meanwhile_leaves_it_to_the_next(open_layer: OpenLayer) -> None:
    layer, key, begun = open_layer(), new_id(), asyncio.Event()
    await layer.store.open()

    async def hangs(_: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    layer.store._takeover._store = hangs
    left = dies(layer, said(key, "s1", 1))
    await begun.wait()
    await layer.close()
    assert left.exists()
    other = open_layer()
    assert set(await steps_of(other, key)) == {"s1"}
    await until(lambda: gone(left))
