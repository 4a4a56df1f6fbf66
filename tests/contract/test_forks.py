"""A fork is a thread of its own that begins like another: whole, once, with the same files and nothing of the votes."""

from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Feedback

from datalayer import DataLayer, forks
from datalayer.lines import from_json, to_json
from datalayer.records import now
from datalayer.reports import digest
from datalayer.writes import PutSummary, UpdateThread
from tests.conftest import blob_names, chainlit_session, make_run, make_step, register, rows, start_thread, steps_of


async def made(layer: DataLayer) -> tuple[Any, str]:
    """A thread of ann's: a question with a file, a run, its answer, a later question; all that a thread can have."""
    ann = await register(layer, "ann")
    asked = await start_thread(layer, ann, output="where is the heron?", createdAt="2026-01-01T00:00:00Z")
    key = asked["threadId"]
    run = make_run(key, parentId=asked["id"], createdAt="2026-01-01T00:00:01Z")
    answer = make_step(key, parentId=run["id"], output="in the reeds", createdAt="2026-01-01T00:00:01Z")
    later = make_step(key, type="user_message", output="a later question", createdAt="2026-01-01T00:00:02Z")
    for step in (run, answer, later):
        await layer.create_step(step)
    await layer.create_element(cl.File(thread_id=key, name="f.txt", content=b"content", for_id=asked["id"]))
    await layer.update_thread(key, name="Birds", tags=["wings"], metadata={"settings": {"t": 1}, "is_shared": True})
    await layer.store.submit(UpdateThread(actor="ann", thread_id=key, at=now(), folder="Nature", pinned=True))
    first, *_ = await layer.store.thread_messages(key)
    told: dict[str, Any] = {"text": "herons", "messages": 1, "tokens": 3, "source": "model", "model": "m"}
    place = {"from_step": first.id, "until_step": first.id, "until_at": first.created_at}
    await layer.store.submit(PutSummary(thread_id=key, at=now(), digest=digest([first]), **told, **place))
    with chainlit_session(ann, key):
        await layer.upsert_feedback(Feedback(forId=answer["id"], value=1))
    return ann, key


async def fork_of(layer: DataLayer, key: str, count: int, fork_id: str = "one") -> Any:
    whole = await layer.store.whole_thread(key)
    assert whole is not None
    thread, steps, files = whole
    summary = await layer.store.summary(key)
    return forks.fork("ann", thread, steps[:count], files, "Birds (fork)", fork_id, summary)


async def test_it_begins_like_its_origin_which_stays_as_it_is(layer: DataLayer) -> None:
    ann, key = await made(layer)
    before = await layer.get_thread(key)
    write = await fork_of(layer, key, 3)
    await layer.store.submit(write)
    assert await layer.get_thread(key) == before
    assert before is not None
    found = await layer.get_thread(write.thread_id)
    assert found is not None
    thread = await layer.store.thread(write.thread_id)
    assert thread is not None
    assert (thread.name, thread.tags, thread.folder, thread.pinned) == ("Birds (fork)", ["wings"], "Nature", False)
    origin = {"thread": key, "step": before["steps"][2]["id"]}
    assert thread.metadata == {"settings": {"t": 1}, "forked_from": origin}
    for old, new in zip(before["steps"][:3], found["steps"], strict=True):
        same = {name for name in old if old.get(name) == new.get(name)}
        assert set(old) - same <= {"id", "threadId", "parentId", "feedback"}
    question, run, answer = found["steps"]
    assert (run["parentId"], answer["parentId"], answer["feedback"]) == (question["id"], run["id"], None)
    ((file,), (original,)) = found["elements"], before["elements"]
    assert (file["name"], file["forId"]) == ("f.txt", question["id"])
    summary = await layer.store.summary(write.thread_id)
    assert summary is not None
    assert (summary.text, summary.until_step) == ("herons", question["id"])
    assert [hit.thread_id for hit in (await layer.store.search(ann.id, "reeds")).hits] == [write.thread_id, key]
    assert (await layer.store.facets(ann.id)).tags == {"wings": 2}
    assert len(await blob_names(layer)) == 1
    await layer.delete_thread(key)
    assert len(await blob_names(layer)) == 1
    assert await layer.store.file(file["id"]) is not None
    assert await layer.store.file(original["id"]) is None
    await layer.delete_thread(write.thread_id)
    assert await blob_names(layer) == set()


async def test_twice_and_out_of_a_spool_it_is_made_once(layer: DataLayer) -> None:
    _, key = await made(layer)
    write = await fork_of(layer, key, 4)
    assert (await fork_of(layer, key, 4)).thread_id == write.thread_id
    assert (await fork_of(layer, key, 4, "two")).thread_id != write.thread_id
    await layer.store.submit(write)
    said = make_step(write.thread_id, type="user_message")
    await layer.create_step(said)
    await layer.update_thread(write.thread_id, name="Mine")
    for _ in range(2):
        await layer.store.submit(from_json(to_json(write)))
    assert said["id"] in await steps_of(layer, write.thread_id)
    assert (await layer.store.thread(write.thread_id)).name == "Mine"  # type: ignore[union-attr]
    await layer.delete_thread(write.thread_id)
    await layer.store.submit(from_json(to_json(write)))
    assert await layer.get_thread(write.thread_id) is None


async def test_of_what_was_deleted_meanwhile_the_words_stay(layer: DataLayer) -> None:
    _, key = await made(layer)
    write = await fork_of(layer, key, 3)
    await layer.delete_thread(key)
    await layer.drain()
    await layer.store.submit(write)
    found = await layer.get_thread(write.thread_id)
    assert found is not None
    assert [step["output"] for step in found["steps"]] == ["where is the heron?", "", "in the reeds"]
    assert [element["name"] for element in found["elements"] or ()] == ["f.txt"]


@pytest.mark.parametrize("count", [0, 1])
async def test_a_part_of_it_has_no_summary_of_more_and_no_files_of_others(layer: DataLayer, count: int) -> None:
    _, key = await made(layer)
    write = await fork_of(layer, key, count)
    await layer.store.submit(write)
    found = rows(layer, "SELECT count(*) FROM elements WHERE thread_id = ?", write.thread_id)
    assert found == [(count,)]
