"""A merge is one thread of several, in order of time; they are archived with it, and come back when it is undone."""

import asyncio
from dataclasses import replace
from typing import Any

import chainlit as cl
import pytest

from datalayer import DataLayer, Forbidden, NotFound, merges
from datalayer.forks import MERGED_FROM
from datalayer.lines import from_json, to_json
from datalayer.merges import CannotMerge
from datalayer.records import Which, now
from datalayer.reports import digest
from datalayer.writes import DeleteThread, ForkThread, PutSummary, RestoreThread, TrashThread, UndoMerge, UpdateThread
from tests.conftest import blob_names, failures, make_step, new_id, register, rows, start_thread, steps_of

WORDS = (("one", "three", "four"), ("two", "five"))
"""What is said in two threads of ann's, a second after the other."""
MINUTE = "2026-01-01T00:00:0"


async def made(layer: DataLayer) -> tuple[Any, list[str]]:
    """Both threads, each with a file, tags, a folder, settings; the second was used last."""
    ann = await register(layer, "ann")
    moments = {word: f"{MINUTE}{place}Z" for place, word in enumerate(("one", "two", "three", "four", "five"))}
    keys = []
    for said in WORDS:
        asked = await start_thread(layer, ann, output=said[0], createdAt=moments[said[0]])
        keys.append(asked["threadId"])
        for word in said[1:]:
            answer = make_step(keys[-1], parentId=asked["id"], output=word, createdAt=moments[word])
            await layer.create_step(answer)
        await layer.create_element(cl.File(thread_id=keys[-1], name="f.txt", content=b"content", for_id=asked["id"]))
    for key, name in zip(keys, ("Herons", "Owls"), strict=True):
        settings = {"settings": {"model": name, "temperature": 1.5}, "is_shared": True, "forked_from": {"thread": "x"}}
        await layer.update_thread(key, name=name, tags=["birds", name.lower()], metadata=settings)
        await place(layer, key, folder=f"Nature/{name}", pinned=True)
    return ann, keys


async def place(layer: DataLayer, key: str, **values: Any) -> None:
    await layer.store.submit(UpdateThread(actor="ann", thread_id=key, at=now(), **values))


async def write_of(layer: DataLayer, *keys: str, merge_id: str = "") -> ForkThread:
    return merges.merge("ann", await merges.read(layer.store, "ann", keys), "Birds", merge_id)


async def undo_of(layer: DataLayer, key: str, trash: bool = True) -> Any:
    thread = await layer.store.thread(key)
    assert thread is not None
    write = merges.undo("ann", thread, trash)
    assert write is not None
    return await layer.store.submit(write)


async def archived(layer: DataLayer, *keys: str) -> list[bool | None]:
    """None: it is not there, or in the trash."""
    found = [await layer.store.thread(key) for key in keys]
    return [thread and thread.archived for thread in found]


async def test_it_has_all_of_both_in_order_of_time_and_each_message_knows_where_it_was(layer: DataLayer) -> None:
    ann, (herons, owls) = await made(layer)
    before = [await layer.get_thread(key) for key in (herons, owls)]
    write = await write_of(layer, owls, herons)
    await layer.store.submit(write)
    found = await layer.get_thread(write.thread_id)
    assert found is not None
    steps = found["steps"]
    assert [step["output"] for step in steps] == ["one", "two", "three", "four", "five"]
    assert [step["createdAt"] for step in steps] == [f"{MINUTE}{n}.000000Z" for n in range(5)]
    of = {step["output"]: {"thread": step["threadId"], "step": step["id"]} for each in before for step in each["steps"]}  # type: ignore[index]
    assert {step["output"]: step["metadata"][MERGED_FROM] for step in steps} == of
    assert [step["parentId"] for step in steps] == [None, None, steps[0]["id"], steps[0]["id"], steps[1]["id"]]
    assert [element["forId"] for element in found["elements"] or ()] == [steps[0]["id"], steps[1]["id"]]
    assert len(await blob_names(layer)) == 1
    thread = await layer.store.thread(write.thread_id)
    assert thread is not None
    assert (thread.name, thread.user_id, thread.pinned, thread.archived) == ("Birds", ann.id, False, False)
    assert (thread.tags, thread.folder) == (["birds", "herons", "owls"], "Nature/Herons")
    merged = thread.metadata.pop(MERGED_FROM)
    assert thread.metadata == {"settings": {"model": "Owls", "temperature": 1.5}}
    assert (merged["threads"], merged["archived"]) == ([herons, owls], sorted([herons, owls]))
    assert [await layer.get_thread(key) for key in (herons, owls)] == before
    assert await archived(layer, herons, owls) == [True, True]
    assert [each.id for each in (await layer.store.threads(ann.id)).threads] == [write.thread_id]
    assert (await layer.store.facets(ann.id)).tags == {"birds": 1, "herons": 1, "owls": 1}
    hits = await layer.store.search(ann.id, "three is:archived")
    assert [hit.thread_id for hit in hits.hits] == [herons]


async def test_twice_from_two_tabs_and_out_of_a_spool_it_is_made_once(layer: DataLayer) -> None:
    _, (herons, owls) = await made(layer)
    write, same = await write_of(layer, herons, owls), await write_of(layer, owls, herons)
    assert write.thread_id == same.thread_id
    assert write.thread_id != (await write_of(layer, herons, owls, merge_id="another")).thread_id
    assert await failures(layer.store.submit(each) for each in (write, same)) == [None, None]
    said = make_step(write.thread_id, type="user_message", output="and now?")
    await layer.create_step(said)
    await place(layer, owls, archived=False)
    await layer.store.submit(from_json(to_json(write)))
    assert [step["output"] for step in (await steps_of(layer, write.thread_id)).values()].count("one") == 1
    assert said["id"] in await steps_of(layer, write.thread_id)
    assert await archived(layer, herons, owls) == [True, False]
    await layer.delete_thread(write.thread_id)
    await layer.store.submit(from_json(to_json(write)))
    assert await layer.get_thread(write.thread_id) is None


@pytest.mark.parametrize("trash", [True, False])
async def test_it_is_undone_by_one_write_and_what_was_archived_before_stays_so(layer: DataLayer, trash: bool) -> None:
    ann, (herons, owls) = await made(layer)
    old = await start_thread(layer, ann, output="old", createdAt=f"{MINUTE}0Z")
    await place(layer, old["threadId"], archived=True)
    keys = (herons, owls, old["threadId"])
    before = [await layer.store.thread(key) for key in keys]
    write = await write_of(layer, *keys)
    await layer.store.submit(write)
    assert await archived(layer, *keys) == [True, True, True]
    command = make_step(write.thread_id, type="user_message", output="/merge undo", metadata={"unsearched": True})
    await layer.create_step(command)
    assert await undo_of(layer, write.thread_id, trash) is False
    assert [await layer.store.thread(key) for key in keys] == before
    assert await layer.store.thread(write.thread_id) is None
    assert await layer.store.was_deleted(write.thread_id)
    assert [each.id for each in (await layer.store.trash(ann.id)).threads] == [write.thread_id] * trash
    again = UndoMerge(actor="ann", thread_id=write.thread_id, at=now(), origins=list(keys), trash=trash)
    await layer.store.submit(from_json(to_json(again)))
    assert await archived(layer, *keys) == [False, False, True]
    other = await write_of(layer, *keys, merge_id="2")
    await layer.store.submit(other)
    assert len(await steps_of(layer, other.thread_id)) == 6


async def test_what_was_said_in_it_since_is_kept_when_it_is_undone(layer: DataLayer) -> None:
    _, keys = await made(layer)
    write = await write_of(layer, *keys)
    await layer.store.submit(write)
    await layer.create_step(make_step(write.thread_id, type="user_message", output="and now?"))
    assert await undo_of(layer, write.thread_id, trash=False) is True
    assert await archived(layer, write.thread_id, *keys) == [True, False, False]
    thread = await layer.store.thread(write.thread_id)
    assert thread is not None
    assert merges.undo("ann", thread, trash=False) is None
    assert len(await steps_of(layer, write.thread_id)) == 6


async def test_a_thread_in_which_more_is_said_meanwhile_stays_in_the_list(layer: DataLayer) -> None:
    _, (herons, owls) = await made(layer)
    write = await write_of(layer, herons, owls)
    calls = (layer.create_step(make_step(herons, type="user_message", output="late")), layer.store.submit(write))
    assert await failures(calls) == [None, None]
    assert await archived(layer, herons, owls) == [False, True]
    assert "late" in [step["output"] for step in (await steps_of(layer, herons)).values()]
    await undo_of(layer, write.thread_id)
    assert await archived(layer, herons, owls) == [False, False]


async def test_what_is_called_in_one_moment_takes_effect_in_that_order(layer: DataLayer) -> None:
    """Whatever lane each of the threads has."""
    _, (herons, owls) = await made(layer)
    for number in range(10):
        write = await write_of(layer, herons, owls, merge_id=str(number))
        before = (UpdateThread(actor="ann", thread_id=key, at=now(), archived=True) for key in (herons, owls))
        after = UpdateThread(actor="ann", thread_id=owls, at=now(), archived=False)
        await asyncio.gather(*(layer.store.submit(each) for each in (*before, write, after)))
        assert await archived(layer, herons, owls) == [True, False]
        merged = await layer.store.thread(write.thread_id)
        assert merged is not None
        assert merged.metadata[MERGED_FROM]["archived"] == []


async def test_a_deletion_called_after_it_leaves_the_words_and_one_before_it_refuses_it(layer: DataLayer) -> None:
    _, (herons, owls) = await made(layer)
    first, second = [await write_of(layer, herons, owls, merge_id=each) for each in ("1", "2")]
    gone = DeleteThread(actor="ann", thread_id=owls, at=now())
    errors = await failures(layer.store.submit(each) for each in (first, gone, second))
    assert [type(error) for error in errors] == [type(None), type(None), NotFound]
    assert len(await steps_of(layer, first.thread_id)) == 5
    assert await archived(layer, herons, owls, second.thread_id) == [True, None, None]
    assert len(await blob_names(layer)) == 1
    assert await undo_of(layer, first.thread_id) is False
    assert await archived(layer, herons, owls) == [False, None]


async def test_a_merge_has_an_id_of_its_own_until_it_is_undone(layer: DataLayer) -> None:
    _, keys = await made(layer)
    origins = await merges.read(layer.store, "ann", keys)
    bob = await register(layer, "bob")
    await layer.update_thread(merges.thread_id(origins, "0"), user_id=bob.id, name="Mine")
    assert await merges.next_id(layer.store, "ann", origins) == ("1", None)
    write = merges.merge("ann", origins, "Birds", "1")
    await layer.store.submit(write)
    merge_id, known = await merges.next_id(layer.store, "ann", await merges.read(layer.store, "ann", keys))
    assert (merge_id, known and known.id) == ("1", write.thread_id)
    await undo_of(layer, write.thread_id)
    assert await merges.next_id(layer.store, "ann", origins) == ("2", None)


async def test_merges_and_undoings_of_the_same_at_once_do_not_wait_for_each_other_for_ever(
    layer: DataLayer, open_layer: Any
) -> None:
    _, keys = await made(layer)
    other = open_layer()
    writes = [await write_of(layer, *keys[:: 1 - 2 * (n % 2)], merge_id=str(n)) for n in range(8)]
    calls = [each.store.submit(write) for write in writes for each in (layer, other)]
    assert await failures(calls) == [None] * 16
    thread_ids = [write.thread_id for write in writes]
    undoings = [UndoMerge(actor="ann", thread_id=key, at=now(), origins=keys, trash=True) for key in thread_ids]
    assert await failures((layer, other)[n % 2].store.submit(each) for n, each in enumerate(undoings)) == [None] * 8
    assert await archived(layer, *keys, *thread_ids) == [False, False, *[None] * 8]
    assert rows(layer, "SELECT count(*) FROM steps")[0][0] == 5 * 9


async def test_only_ones_own_threads_that_are_there_are_merged(layer: DataLayer) -> None:
    ann, (herons, owls) = await made(layer)
    bob = await register(layer, "bob")
    his = (await start_thread(layer, bob, output="secret"))["threadId"]
    gone, trashed = [(await start_thread(layer, ann))["threadId"] for _ in range(2)]
    await layer.store.submit(DeleteThread(actor="ann", thread_id=gone, at=now()))
    await layer.store.submit(TrashThread(actor="ann", thread_id=trashed, at=now()))
    for key in (his, gone, trashed, new_id()):
        with pytest.raises(NotFound):
            await merges.read(layer.store, "ann", [herons, key])
    for keys, reason in (([], "few"), ([herons], "few"), ([herons, herons], "few")):
        with pytest.raises(CannotMerge) as caught:
            await merges.read(layer.store, "ann", keys)
        assert caught.value.reason == reason
    with pytest.raises(CannotMerge) as caught:
        await merges.read(layer.store, "ann", [new_id() for _ in range(10_000)])
    assert caught.value.reason == "threads"
    write = await write_of(layer, herons, owls)
    for origins, error in (({his: now()}, Forbidden), ({gone: now()}, NotFound), ({trashed: now()}, NotFound)):
        with pytest.raises(error):
            await layer.store.submit(replace(write, origins=write.origins | origins))
        assert await layer.store.thread(write.thread_id) is None
    assert await archived(layer, herons, owls, his) == [False, False, False]
    await layer.store.submit(replace(from_json(to_json(write)), origins={**write.origins, gone: 1, trashed: 1}))  # type: ignore[call-arg]
    assert await archived(layer, herons, owls, write.thread_id) == [True, True, False]
    undo = UndoMerge(actor="bob", thread_id=write.thread_id, at=now(), origins=[herons], trash=True)
    with pytest.raises(Forbidden):
        await layer.store.submit(undo)
    assert [each.id for each in (await layer.store.threads(bob.id)).threads] == [his]


async def test_a_thread_of_somebody_elses_is_in_the_way_of_none(layer: DataLayer) -> None:
    _, keys = await made(layer)
    write = await write_of(layer, *keys)
    bob = await register(layer, "bob")
    await layer.update_thread(write.thread_id, user_id=bob.id, name="Mine")
    with pytest.raises(Forbidden):
        await layer.store.submit(write)
    assert await archived(layer, *keys) == [False, False]


@pytest.mark.parametrize("limit", [4, 6])
async def test_there_is_a_limit_and_an_answer_must_be_whole(
    layer: DataLayer, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    _, keys = await made(layer)
    monkeypatch.setattr(merges, "MOST_STEPS", limit)
    if limit == 6:
        await layer.create_step(make_step(keys[0], streaming=True, status="streaming"))
    with pytest.raises(CannotMerge) as caught:
        await merges.read(layer.store, "ann", keys)
    assert caught.value.reason == ("messages" if limit == 4 else "writing")


@pytest.mark.parametrize(("words", "stays"), [("one", True), ("four", False)])
async def test_a_summary_goes_along_where_nothing_else_was_said_before(
    layer: DataLayer, words: str, stays: bool
) -> None:
    _, (herons, owls) = await made(layer)
    said = await layer.store.thread_messages(herons)
    count = [each.text for each in said].index(words) + 1
    until = said[count - 1]
    told: dict[str, Any] = {"text": "birds", "messages": count, "tokens": 3, "source": "model", "model": "m"}
    upto = {"from_step": said[0].id, "until_step": until.id, "until_at": until.created_at}
    await layer.store.submit(PutSummary(thread_id=herons, at=now(), digest=digest(said[:count]), **told, **upto))
    assert await layer.store.summary(herons) is not None
    write = await write_of(layer, herons, owls)
    await layer.store.submit(write)
    summary = await layer.store.summary(write.thread_id)
    assert (summary is not None and summary.text == "birds") is stays
    copied = await layer.store.thread_messages(write.thread_id)
    assert summary is None or (summary.messages, summary.digest) == (1, digest(copied[:1]))


async def test_out_of_the_trash_it_is_as_it_was(layer: DataLayer) -> None:
    ann, keys = await made(layer)
    write = await write_of(layer, *keys)
    await layer.store.submit(write)
    await undo_of(layer, write.thread_id)
    await layer.store.submit(RestoreThread(actor="ann", thread_id=write.thread_id, at=now()))
    assert len(await steps_of(layer, write.thread_id)) == 5
    assert len((await layer.store.threads(ann.id, which=Which(archived=None))).threads) == 3
