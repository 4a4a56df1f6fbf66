"""I9: what is counted is what is listed with that filter, at any moment, and whose it is."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Feedback

from datalayer import DataLayer, InvalidInput
from datalayer.records import Sort, Which, month, month_of, now, user_id
from datalayer.reports import Facets
from datalayer.sql import counts, facets
from datalayer.writes import RestoreThread, TrashThread
from tests.conftest import OpenLayer, chainlit_session, change, make_step, new_id, register, rows, start_thread
from tests.contract.test_organising import listed, put


async def counted(layer: DataLayer) -> None:
    """Returns when all is counted: here, or by the task that does it."""
    while not await layer.store._database.read.run(counts.is_done):
        await layer.store._counting.count()
        await asyncio.sleep(0.001)


async def agree(layer: DataLayer, user: Any) -> Facets:
    """Asserts that each count is the length of its list. Returns those of all threads."""
    for archived in (False, True, None):
        found = await layer.store.facets(user.id, archived)
        wanted = list(_lists(found, archived))
        lists = await asyncio.gather(*(listed(layer, user, which=which, sort=sort) for which, sort, _ in wanted))
        counts = [len(ids) for ids in lists]
        assert [(*each[:2], count) for each, count in zip(wanted, counts, strict=True)] == wanted
        complete = (found.statuses, found.kinds, found.months, {"": found.unfiled, **found.folders})
        assert [sum(each.values()) for each in complete] == [found.threads] * 4
    return found


def _lists(found: Facets, archived: bool | None) -> Iterator[tuple[Which, Sort, int]]:
    every: dict[str, dict[Any, int]] = {
        "folder": {path: found.within(path) for path in found.folders} | {"": found.unfiled},
        "tag": found.tags,
        "status": found.statuses,
        "kind": found.kinds,
        "model": found.models,
        "vote": found.votes,
        "pinned": {True: found.pinned, False: found.threads - found.pinned},
        "has_file": {True: found.files, False: found.threads - found.files},
    }
    for name, each in every.items():
        for value, count in each.items():
            yield Which(archived=archived, **{name: value}), "pinned", count
    for name, count in found.months.items():
        since, until = month(name)
        for sort in ("pinned", "activity", "created"):
            yield Which(archived=archived, since=since, until=until), sort, count
    yield Which(archived=archived), "created", found.threads
    yield Which(archived=True), "pinned", found.archived
    yield Which(archived=None, trashed=True), "trashed", found.trashed


async def some(layer: DataLayer, name: str) -> tuple[Any, list[str]]:
    """A user with threads of all kinds; their ids."""
    user = await register(layer, name)
    messages = [await start_thread(layer, user, createdAt=f"2026-0{n % 3 + 1}-01T00:00:00Z") for n in range(8)]
    a, b, c, d, e, f, *_ = keys = [message["threadId"] for message in messages]
    await put(layer, a, name, folder="Work", tags_added=["x", "y"], metadata={"chat_settings": {"model": "m1"}})
    await put(layer, b, name, folder="Work/A", tags_added=["x"], status="done", pinned=True)
    await put(layer, c, name, folder="Work", tags_added=["x"], archived=True, kind="imported")
    await put(layer, d, name, folder="Workshop", metadata={"chat_settings": {"model": "m2"}}, archived=True)
    await layer.create_element(cl.File(thread_id=d, name="f", content=b"1", for_id=messages[3]["id"]))
    await layer.create_element(cl.File(thread_id=e, name="f", content=b"2", for_id=messages[4]["id"]))
    with chainlit_session(user, a):
        await layer.upsert_feedback(Feedback(forId=messages[0]["id"], value=1))
    for message, value in ((messages[4], 0), (messages[5], 1)):
        with chainlit_session(user, message["threadId"]):
            await layer.upsert_feedback(Feedback(forId=message["id"], value=value))  # type: ignore[arg-type]
    await layer.store.submit(TrashThread(actor=name, thread_id=f, at=now()))
    return user, keys


@pytest.fixture
def layer(open_layer: OpenLayer) -> DataLayer:
    return open_layer(trash_days=30)


async def test_each_count_is_what_its_filter_lists(layer: DataLayer) -> None:
    (ann, _), (bob, _) = await some(layer, "ann"), await some(layer, "bob")
    at_once = await agree(layer, ann)
    assert (at_once.threads, at_once.trashed, at_once.archived, at_once.pinned, at_once.files) == (7, 1, 2, 1, 2)
    assert (at_once.folders, at_once.within("Work")) == ({"Work": 2, "Work/A": 1, "Workshop": 1}, 3)
    assert (at_once.votes, at_once.models) == ({0: 1, 1: 1}, {"m1": 1, "m2": 1})
    assert at_once.months == {"2026-03": 1, "2026-02": 3, "2026-01": 3}
    await counted(layer)
    assert await agree(layer, ann) == at_once
    assert await agree(layer, bob) == at_once


async def test_what_changes_is_counted_anew(layer: DataLayer) -> None:
    ann, (a, b, c, d, e, f, g, _) = await some(layer, "ann")
    await counted(layer)
    (step,) = [step["id"] for step in (await layer.get_thread(e))["steps"]]  # type: ignore[index]
    (file,) = [each["id"] for each in (await layer.get_thread(d))["elements"]]  # type: ignore[index]
    (vote,) = rows(layer, "SELECT id FROM feedbacks WHERE step_id IN (SELECT id FROM steps WHERE thread_id = ?)", a)
    for change_ in (
        lambda: put(layer, a, folder="", tags_removed=["x"], metadata={"chat_settings": None}),
        lambda: put(layer, b, archived=True, pinned=False, status="open"),
        lambda: put(layer, c, archived=False, kind="chat"),
        lambda: layer.create_step(make_step(g, createdAt="2026-05-05T00:00:00Z")),
        lambda: layer.store.submit(RestoreThread(actor="ann", thread_id=f, at=now())),
        lambda: layer.delete_step(step),
        lambda: layer.delete_element(file, d),
        lambda: layer.delete_feedback(vote[0]),
        lambda: layer.delete_thread(d),
    ):
        await change_()
        at_once = await agree(layer, ann)
        await counted(layer)
        assert await agree(layer, ann) == at_once
    assert (at_once.threads, at_once.trashed, at_once.files, at_once.votes) == (7, 1, 0, {1: 1})
    assert "2026-05" in at_once.months


async def test_what_nobody_has_any_more_is_not_kept(open_layer: OpenLayer) -> None:
    layer = open_layer()
    _, (a, *_) = await some(layer, "ann")
    await put(layer, a, folder="Canary", tags_added=["canary"])
    await counted(layer)
    assert rows(layer, "SELECT count FROM facet_counts WHERE value = 'Canary'") == [(1,)]
    await layer.delete_thread(a)
    await counted(layer)
    kept = rows(layer, "SELECT value, '' FROM facet_counts") + rows(
        layer, "SELECT thread_id, labels FROM thread_facets"
    )
    assert kept
    assert not any("canary" in f"{row}".lower() or a in row for row in kept)


async def test_two_that_count_at_once_count_each_thread_once(open_layer: OpenLayer) -> None:
    one, other = open_layer(trash_days=30), open_layer(trash_days=30)
    ann, keys = await some(one, "ann")
    for n in range(3):
        writing = (put(layer, key, tags_added=[f"t{n}"], folder=f"F{n}") for layer in (one, other) for key in keys[:5])
        counting = (layer.store._counting.count() for layer in (one, other))
        await asyncio.gather(*writing, *counting)
    await asyncio.gather(counted(one), counted(other))
    found = await agree(one, ann)
    assert found == await other.store.facets(ann.id, None)
    assert (found.folders, found.tags["t2"]) == ({"F2": 5}, 5)


async def test_a_thread_that_nobody_has_counts_for_who_gets_it(layer: DataLayer) -> None:
    ann, key = await register(layer, "ann"), new_id()
    await layer.update_thread(key, tags=["mine"])
    await counted(layer)
    assert (await agree(layer, ann)).threads == 0
    await layer.update_thread(key, user_id=ann.id)
    assert (await agree(layer, ann)).tags == {"mine": 1}


async def test_all_can_be_counted_anew(layer: DataLayer) -> None:
    ann, _ = await some(layer, "ann")
    before = await agree(layer, ann)
    await counted(layer)
    change(layer, "UPDATE thread_facets SET labels = NULL")
    change(layer, "DELETE FROM facet_counts")
    assert (await layer.store.facets(ann.id)).threads == 0
    await layer.store._database.write.run(counts.begin_again)
    await counted(layer)
    assert await agree(layer, ann) == before


async def test_an_unknown_user_has_nothing(layer: DataLayer) -> None:
    assert await layer.store.facets(user_id("nobody")) == Facets({}, {}, {}, {}, {}, {}, {})


class TestMonths:
    @pytest.mark.parametrize(("name", "wanted"), [("2026-12", 31), ("2024-02", 29), ("1969-11", 30), ("0001-01", 31)])
    def test_a_month_is_from_its_first_moment_to_its_last(self, name: str, wanted: int) -> None:
        since, until = month(name)
        assert (until - since) // 86_400_000_000 == wanted
        assert month_of(since) == month_of(until - 1) == name != month_of(until)

    @pytest.mark.parametrize("name", ["", "2026", "2026-13", "2026-00", "x", "2026-01-01", "9999-12"])
    def test_what_is_none_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidInput):
            month(name)


async def test_what_many_changes_left_is_told_and_counted_soon(
    layer: DataLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As right after an upgrade, when nothing is counted."""
    monkeypatch.setattr(layer.store._counting, "count", _nothing)
    ann, bob = await register(layer, "ann"), await register(layer, "bob")
    threads = [(await start_thread(layer, ann))["threadId"] for _ in range(9)]
    await start_thread(layer, bob)
    monkeypatch.setattr(facets, "_LOOKED_AT", 4)
    found = await layer.store.facets(ann.id)
    assert (found.threads, found.uncounted, sum(found.kinds.values())) == (4, 5, 4)
    assert (await layer.store.facets(bob.id)).uncounted == 0
    monkeypatch.undo()
    await counted(layer)
    monkeypatch.setattr(facets, "_LOOKED_AT", 4)
    monkeypatch.setattr(layer.store._counting, "count", _nothing)
    assert (await agree(layer, ann)).threads == 9
    for key in threads[:6]:
        await put(layer, key, folder="Birds")
    found = await layer.store.facets(ann.id)
    assert (found.folders["Birds"], found.unfiled, found.threads, found.uncounted) == (4, 5, 9, 2)
    some = await layer.store._read(partial(facets.facets, user_id=ann.id, without=threads))
    assert (some.threads, some.unfiled, some.folders) == (0, 0, {})  # those that a spool changes are counted apart
    monkeypatch.undo()
    await counted(layer)
    found = await agree(layer, ann)
    assert (found.folders["Birds"], found.uncounted) == (6, 0)


async def _nothing() -> int:
    return 0
