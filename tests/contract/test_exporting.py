"""I6: what comes out of a store: all of the asking person's own, nothing of anybody else's, whatever ids are named."""

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import chainlit as cl
import jsonschema
import pytest
from chainlit.types import Feedback

import exchange
from datalayer import APPLICATION, DataLayer, InvalidInput, NotFound, forks, readonly
from datalayer.place import Place
from datalayer.records import now, to_iso
from datalayer.reports import digest
from datalayer.writes import ForkThread, PutSummary, RecordUsage, TrashThread, UpdateThread
from exchange import Selection, selection
from tests.conftest import chainlit_session, make_run, make_step, new_id, register, start_thread, start_threads
from tests.contract.test_versions import Talk

SCHEMA = json.loads(Path(exchange.__file__).with_name("formats").joinpath("schema-1.json").read_text("utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA)


async def exported(source: Any, chosen: Selection, name: str = "json", packed: Any = "plain") -> bytes:
    made = await exchange.export(source, chosen, name, packed=packed)
    return b"".join([piece async for piece in made.pieces])


async def threads(source: Any, chosen: Selection) -> dict[str, Any]:
    """By their ids, as JSON has them, and as its schema says."""
    found = json.loads(await exported(source, chosen))
    VALID.validate(found)
    return {thread["id"]: thread for thread in found["threads"]}


async def everything(layer: DataLayer, user: Any, name: str = "ann") -> str:
    """A thread that has some of all there is; its id."""
    talk = await Talk.begin(layer, "a heron", "grey", "an osprey", "brown", name=name)
    question, *_ = await talk.shown()
    await talk.choose(question["id"], text="an avocet", actor=name)
    await talk.answer(question["id"], "black and white")
    key, store = talk.id, layer.store
    answer = (await talk.shown())[-1]
    await layer.create_step(make_run(key, input='{"q": 1}', showInput=False, newerKey={"a": [1]}, tags=["x"]))
    await layer.create_element(
        cl.File(thread_id=key, name="../f", content=b"content of " + name.encode(), for_id=answer["id"])
    )
    await layer.create_element(cl.Text(thread_id=key, name="there", url="https://u:p@x.org/f?sig=1&page=2"))
    with chainlit_session(user, key):
        await layer.upsert_feedback(Feedback(forId=answer["id"], value=0, comment="no"))
    first = (await store.thread_messages(key))[0]
    place = {"from_step": first.id, "until_step": first.id, "until_at": first.created_at}
    told: dict[str, Any] = {"text": "birds", "messages": 1, "tokens": 2, "source": "model", "model": "m"}
    await store.submit(PutSummary(thread_id=key, at=now(), digest=digest([first]), **told, **place))
    call: dict[str, Any] = {"kind": "turn", "model": "m", "provider": "p", "status": "complete", "latency": 5}
    await store.submit(
        RecordUsage(actor=name, thread_id=key, id=new_id(), at=now(), started_at=now(), cost=12, tokens_in=3, **call)
    )
    metadata = {
        "chat_settings": {"system_prompt": "Be short.", "max_tokens": 100, "api_key": "kept-back-1"},
        "env": {"OPENAI": "kept-back-2"},
        "note": "sk-kept-back-3-0123456789abcdef",
    }
    place = {"folder": "Work/Ann", "tags": ["a", "b"], "pinned": True, "status": "done", "kind": "imported"}
    await store.submit(UpdateThread(actor=name, thread_id=key, at=now(), metadata=metadata, **place))
    return key


async def test_all_that_is_stored_of_a_thread_comes_out(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    key = await everything(layer, ann)
    found = (await threads(layer.store, Selection(ann.id, (key,))))[key]
    stored = await layer.store.whole_thread(key)
    assert stored is not None
    assert found["author"] == {"id": ann.id, "identifier": "ann"}
    assert (found["folder"], found["tags"], found["pinned"], found["archived"]) == ("Work/Ann", ["a", "b"], True, False)
    assert (found["status"], found["kind"], "trashed_at" in found) == ("done", "imported", False)
    assert sorted(step["id"] for step in found["steps"]) == sorted(step.id for step in stored[1])
    assert [step["created_at"] for step in found["steps"]] == [to_iso(step.created_at) for step in stored[1]]
    assert {step["type"] for step in found["steps"]} >= {"aside", "versions", "run", "user_message"}
    said = [step for step in found["steps"] if step.get("output") == "black and white"]
    assert [(vote["value"], vote["comment"], vote["user_id"]) for vote in said[0]["votes"]] == [(0, "no", ann.id)]
    (run,) = [step for step in found["steps"] if step.get("input") == '{"q": 1}']
    assert (run["extra"], run["show_input"], run["tags"]) == ({"newerKey": {"a": [1]}}, False, ["x"])
    file, link = sorted(found["elements"], key=lambda each: each["name"])
    assert (file["name"], file["content"]["bytes"], "url" in file) == ("../f", 14, False)
    assert link["url"] == "https://x.org/f?page=2"
    assert [(call["cost"], call["tokens_in"]) for call in found["usage"]] == [(12, 3)]
    assert (found["summary"]["text"], found["summary"]["messages"]) == ("birds", 1)
    assert found["metadata"] == {"chat_settings": {"system_prompt": "Be short.", "max_tokens": 100}}


@pytest.mark.parametrize("name", ["json", "jsonl", "markdown", "html", "csv"])
@pytest.mark.parametrize("packed", ["zip", None])
async def test_nothing_of_another_person_comes_out_whatever_is_asked_for(
    layer: DataLayer, name: str, packed: Any
) -> None:
    ann, ben = await register(layer, "ann"), await register(layer, "ben")
    theirs = await everything(layer, ann)
    own = await everything(layer, ben, "ben")
    nobodys = (await start_thread(layer, None, output="nobody said so"))["threadId"]
    await layer.store.submit(TrashThread(actor="ben", thread_id=own, at=now()))
    mine = (await start_thread(layer, ben, output="a bat"))["threadId"]
    hostile = (theirs, nobodys, own, "' OR 1=1 --", "", "x" * 5_000, "\x00", "%", "../" + mine, mine.upper() + " ")
    secret = ("ann", "heron", "avocet", "kept-back", "nobody said so", theirs, nobodys, own, ann.id)
    for chosen in (Selection(ben.id, (*hostile, mine)), Selection(ben.id)):
        found = unpacked(await exported(layer.store, chosen, name, packed or ("zip" if name in _PAGES else None)))
        assert mine.encode() in found or name in ("html", "csv"), name
        assert [word for word in secret if word.encode() in found and word != own] == []
        assert own.encode() not in found or name == "csv"  # what was spent was spent, in the trash, too
    with pytest.raises(NotFound):
        await exported(layer.store, Selection(ben.id, hostile), name)
    with pytest.raises(NotFound):
        await exported(layer.store, Selection(None, (theirs, own, mine)), name)


_PAGES = ("markdown", "html")


def unpacked(content: bytes) -> bytes:
    """With the names and contents of a ZIP, whatever else there is in it, without what was asked for."""
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            content = b"\n".join([*(name.encode() for name in packed.namelist()), *map(packed.read, packed.namelist())])
    return b"\n".join(line for line in content.split(b"\n") if b'"selection"' not in line)


async def test_votes_and_usage_of_others_in_a_thread_stay_with_them(layer: DataLayer) -> None:
    ann, ben = await register(layer, "ann"), await register(layer, "ben")
    message = await start_thread(layer, ann)
    key = message["threadId"]
    call: dict[str, Any] = {"kind": "turn", "model": "bens", "provider": "p", "status": "complete", "latency": 5}
    early = RecordUsage(actor="ben", thread_id="later", id=new_id(), at=now(), started_at=now(), **call)
    await layer.store.submit(early)  # of a thread that is not there yet, and becomes somebody else's
    await layer.update_thread("later", user_id=ann.id)
    await layer.create_step(make_step("later", type="user_message"))
    with chainlit_session(ann, key):
        await layer.upsert_feedback(Feedback(forId=message["id"], value=1))
    found = await threads(layer.store, Selection(ann.id))
    assert found.keys() == {key, "later"}
    assert found["later"]["usage"] == []
    assert b"bens" not in await exported(layer.store, Selection(ann.id), "csv")
    assert b"bens" in await exported(layer.store, Selection(ben.id), "csv")
    assert (await threads(layer.store, Selection(APPLICATION, ("later",))))["later"]["usage"][0]["model"] == "bens"


async def test_archived_threads_come_out_and_those_in_the_trash_when_they_are_asked_for(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    made = [each["threadId"] for each in await start_threads(layer, ann, *({} for _ in range(5)))]
    store, moment = layer.store, now()
    await store.submit(UpdateThread(actor="ann", thread_id=made[0], at=moment, archived=True, folder="Birds"))
    await store.submit(UpdateThread(actor="ann", thread_id=made[1], at=moment, folder="Birds/Owls"))
    await store.submit(UpdateThread(actor="ann", thread_id=made[2], at=moment, folder="Birdsong"))
    await store.submit(UpdateThread(actor="ann", thread_id=made[3], at=moment, folder="Birds"))
    await store.submit(TrashThread(actor="ann", thread_id=made[3], at=now()))
    assert (await threads(store, Selection(ann.id))).keys() == set(made) - {made[3]}
    found = await threads(store, Selection(ann.id, trash=True))
    assert found.keys() == set(made)
    assert [key for key, thread in found.items() if "trashed_at" in thread] == [made[3]]
    assert (await threads(store, Selection(ann.id, folder="Birds"))).keys() == set(made[:2])
    assert (await threads(store, Selection(ann.id, folder="Birds", trash=True))).keys() == {*made[:2], made[3]}
    assert (await threads(store, Selection(ann.id, (made[3],), trash=True))).keys() == {made[3]}
    for nothing in (Selection(ann.id, (made[3],)), Selection(ann.id, ()), Selection(ann.id, folder="Fish")):
        with pytest.raises(NotFound):
            await threads(store, nothing)
    with pytest.raises(InvalidInput):
        await threads(store, Selection(ann.id, folder=".."))


async def test_what_a_thread_was_made_of_comes_along(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    key = await everything(layer, ann)
    (whole,) = await layer.store.whole_threads(ann.id, [key])
    write: ForkThread = forks.fork("ann", whole.thread, whole.steps, whole.elements, "Fork")
    await layer.store.submit(write)
    found = await threads(layer.store, Selection(ann.id))
    assert found[write.thread_id]["metadata"]["forked_from"]["thread"] == key
    same = [{e["content"]["sha256"] for e in thread["elements"] if "content" in e} for thread in found.values()]
    assert same[0] == same[1] != set()


async def test_everybodys_come_out_page_by_page_and_from_any_place_on(
    layer: DataLayer, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the app, whose store is not opened for it."""
    monkeypatch.setattr(selection, "_PAGE", 3)
    monkeypatch.setattr(selection, "_STEPS", 2)
    made: list[str] = []
    for user in (*[await register(layer, name) for name in ("ann", "ben", "carl")], None):
        made += [each["threadId"] for each in await start_threads(layer, user, *({} for _ in range(7)))]
    trashed = [made[0], made[20], made[27]]
    for key, actor in zip(trashed, ("ann", "carl", APPLICATION), strict=True):
        await layer.store.submit(TrashThread(actor=actor, thread_id=key, at=now()))
    await layer.drain()
    place = Place.of(store_url, tmp_path / "files", tmp_path / "spool")
    async with readonly.opened(place) as source:
        for trash in (False, True):
            chosen = Selection(APPLICATION, trash=trash)
            found = [batch async for batch in selection.batches(source, chosen)]
            order = [whole.thread.id for batch in found for whole in batch.threads]
            assert sorted(order) == sorted(set(made) - set([] if trash else trashed))
            for number, batch in enumerate(found, 1):
                if batch.then is not None:
                    rest = [each async for each in selection.batches(source, chosen, batch.then)]
                    following = [whole.thread.id for each in found[number:] for whole in each.threads]
                    assert [whole.thread.id for each in rest for whole in each.threads] == following
        assert len(await threads(source, Selection(None))) == 6
        assert await source.waiting() == 0


async def test_what_others_write_meanwhile_tears_no_thread(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    key = (await start_thread(layer, ann))["threadId"]

    async def write() -> None:
        for number in range(30):
            question = make_step(key, type="user_message", output=f"{number}")
            await asyncio.gather(
                layer.create_step(question), layer.create_step(make_step(key, parentId=question["id"]))
            )

    writing = asyncio.create_task(write())
    while not writing.done():
        thread = (await threads(layer.store, Selection(ann.id, (key,))))[key]
        ids = {step["id"] for step in thread["steps"]}
        assert {step["parent_id"] for step in thread["steps"] if "parent_id" in step} <= ids
        await asyncio.sleep(0)
    await writing
    assert len((await threads(layer.store, Selection(ann.id, (key,))))[key]["steps"]) == 61
