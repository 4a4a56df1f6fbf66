"""A thread that was somewhere else before: all of it, once; later what is new of it; and nothing of anybody else's."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from datalayer import DataLayer, imports
from datalayer.errors import Forbidden, InvalidInput
from datalayer.lines import from_json, to_json
from datalayer.records import Imported, ThreadMessage, from_iso, now, user_id
from datalayer.reports import digest
from datalayer.writes import (
    APPLICATION,
    VISITOR,
    DeleteElement,
    DeleteStep,
    DeleteThread,
    ImportThread,
    TrashThread,
    UpdateThread,
    UpsertStep,
)
from tests.conftest import blob_names, make_step, register, rows, start_thread

YEAR = from_iso("2024-01-01T00:00:00Z") or 0
CALL = {
    **{"id": "u", "kind": "turn", "model": "m", "provider": "p", "status": "complete", "latency": 5},
    **{"started_at": YEAR, "tokens_in": 3, "cost": 7},
}
TABLES = ("users", "threads", "thread_tags", "steps", "elements", "feedbacks", "usage", "summaries", "blobs")


def step(key: str, after: int = 0, **over: Any) -> dict[str, Any]:
    said = {"type": "user_message", "output": f"said {key}", "created_at": YEAR + after}
    return {"id": key, **said, **over}


async def whole(layer: DataLayer, key: str = "t", user: str | None = "ann", **over: Any) -> ImportThread:
    """A thread with all that one can have: a question with a file, a run, two answers of one moment, a vote."""
    content = f"content of {key}".encode()
    blob = await layer.store.put_blob(content)
    said = [
        step(f"{key}1", 1),
        step(f"{key}2", 2, type="run", name="on_message", parent_id=f"{key}1"),
        step(f"{key}3", 3, type="assistant_message", output="in the reeds", parent_id=f"{key}2"),
        step(f"{key}4", 3, type="assistant_message", output="or by the lake", metadata={"model": "m", "favorite": 1}),
    ]
    file = {"id": f"{key}f", "for_id": f"{key}1", "type": "file", "name": "heron.txt", "mime": "text/plain"}
    covered = {"from_step": f"{key}1", "until_step": f"{key}1", "until_at": YEAR + 1, "messages": 1, "tokens": 2}
    values: dict[str, Any] = {"name": "Birds", "folder": "Nature", "tags": ["wings", "water"], "pinned": True}
    values |= {"created_at": YEAR, "metadata": {"chat_settings": {"model": "m"}, "origin": "x"}, "kind": "imported"}
    given: dict[str, Any] = {
        **{"actor": user or APPLICATION, "thread_id": key, "user": user, "at": now(), "values": values},
        **{"steps": said, "elements": [file | {"blob": hashlib.sha256(content).hexdigest()}], "blobs": [blob]},
        "votes": [{"id": f"{key}v", "step_id": f"{key}3", "value": 1, "comment": "good", "created_at": YEAR + 9}],
        "usage": [CALL | {"id": f"{key}u"}],
        "summary": {"text": "herons", "source": "model", **covered},
    }
    return ImportThread(**given | over)


def table(layer: DataLayer, *names: str) -> dict[str, list[Any]]:
    """All rows, but for what tells when they were written."""
    found = {}
    for name in names or TABLES:
        order = "sha256" if name == "blobs" else "identifier" if name == "users" else "1, 2"
        found[name] = rows(layer, f"SELECT * FROM {name} ORDER BY {order}")
    return found


async def texts(layer: DataLayer, key: str = "t") -> list[str]:
    return [message.text for message in await layer.store.thread_messages(key)]


async def test_all_of_it_is_there_as_it_was(layer: DataLayer) -> None:
    assert await layer.store.submit(await whole(layer)) == Imported("new", 4)
    thread = await layer.store.thread("t")
    assert thread is not None
    assert (thread.user_identifier, thread.name, thread.folder, thread.kind) == ("ann", "Birds", "Nature", "imported")
    assert (thread.pinned, thread.tags, thread.model) == (True, ["wings", "water"], "m")
    assert (thread.created_at, thread.last_activity_at) == (YEAR, YEAR + 3)
    found = await layer.store.whole_thread("t")
    assert found is not None
    assert [(each.id, each.parent_id, each.created_at - YEAR) for each in found[1]] == [
        *(("t1", None, 1), ("t2", "t1", 2), ("t3", "t2", 3), ("t4", None, 3))
    ]
    assert [each.vote_value for each in found[1]] == [None, None, 1, None]
    file = await layer.store.file("tf")
    assert file is not None
    assert layer.store.blobs.open(file.blob.name).read() == b"content of t"
    summary = await layer.store.summary("t")
    assert summary is not None
    assert (summary.text, summary.digest) == ("herons", digest((await layer.store.thread_messages("t"))[:1]))
    (spent,) = await layer.store.usage_by_model(user_id("ann"))
    assert (spent.tokens_in, spent.cost) == (3, 7)


async def test_it_is_listed_counted_and_found(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    await layer.store.submit(await whole(layer))
    (hit,) = (await layer.store.search(ann.id, "reeds")).hits
    assert (hit.thread_id, [each.thread_id for each in (await layer.store.search(ann.id, "wings")).hits]) == (
        "t",
        ["t"],
    )
    facets = await layer.store.facets(ann.id)
    assert (facets.folders, facets.tags, facets.months) == ({"Nature": 1}, {"wings": 1, "water": 1}, {"2024-01": 1})
    assert (facets.files, facets.votes, facets.models) == (1, {1: 1}, {"m": 1})
    assert rows(layer, "SELECT id FROM steps WHERE favorite = ?", True) == [("t4",)]


async def test_again_and_out_of_a_spool_nothing_changes(layer: DataLayer) -> None:
    write = await whole(layer)
    await layer.store.submit(write)
    await layer.drain()
    before = table(layer)
    again = await whole(layer)
    assert await layer.store.submit(again) == Imported("there")
    assert await layer.store.submit(from_json(to_json(write))) == Imported("there")
    await layer.drain()
    assert table(layer) == before
    assert len(await blob_names(layer)) == 1


async def test_twice_in_one_transaction_is_once(layer: DataLayer) -> None:
    write = await whole(layer)
    first, second = layer.store.submit(write), layer.store.submit(write)
    assert (await first, await second) == (Imported("new", 4), Imported("there"))
    assert await texts(layer) == ["said t1", "in the reeds", "or by the lake"]


async def test_of_one_that_is_there_only_what_is_new_comes(layer: DataLayer) -> None:
    await layer.store.submit(await whole(layer))
    edited = UpsertStep(actor="ann", thread_id="t", id="t3", at=now(), values={"output": "edited here"}, timing="kept")
    await layer.store.submit(edited)
    await layer.store.submit(UpdateThread(actor="ann", thread_id="t", at=now(), name="Mine", folder=""))
    newer = await whole(layer)
    newer.steps.append(step("t5", 500, parent_id="t3"))
    newer.values["metadata"] |= {"origin": "y", "more": 1}
    assert await layer.store.submit(newer) == Imported("added", 1)
    assert await texts(layer) == ["said t1", "edited here", "or by the lake", "said t5"]
    thread = await layer.store.thread("t")
    assert thread is not None
    assert (thread.name, thread.folder, thread.last_activity_at) == ("Mine", "Nature", YEAR + 500)
    assert thread.metadata == {"chat_settings": {"model": "m"}, "origin": "x", "more": 1}
    assert [hit.thread_id for hit in (await layer.store.search(user_id("ann"), "t5")).hits] == ["t"]
    assert (await layer.store.search(user_id("ann"), "reeds")).hits == []


async def test_an_older_export_takes_nothing_back(layer: DataLayer) -> None:
    await layer.store.submit(await whole(layer))
    older = await whole(layer, elements=[], votes=[], usage=[], summary=None)
    del older.steps[1:]
    assert await layer.store.submit(older) == Imported("there")
    assert len(await texts(layer)) == 3
    assert len(await blob_names(layer)) == 1


async def test_what_was_deleted_here_stays_deleted(layer: DataLayer) -> None:
    await layer.store.submit(await whole(layer))
    await layer.store.submit(DeleteElement(actor="ann", thread_id="t", id="tf", at=now()))
    await layer.store.submit(DeleteStep(actor="ann", thread_id="t", id="t2", at=now()))
    newer = await whole(layer)
    newer.steps.extend([step("t5", 5, parent_id="t3"), step("t6", 6, parent_id="t5"), step("t7", 7)])
    assert await layer.store.submit(newer) == Imported("added", 1, deleted=4)
    assert await texts(layer) == ["said t1", "or by the lake", "said t7"]
    assert await layer.store.file("tf") is None
    await layer.store.submit(DeleteThread(actor="ann", thread_id="t", at=now()))
    assert await layer.store.submit(newer) == Imported("deleted")
    await layer.drain()
    assert await layer.store.thread("t") is None
    assert await blob_names(layer) == set()


async def test_in_the_trash_it_gets_what_is_new_and_stays_there(layer: DataLayer) -> None:
    await layer.store.submit(await whole(layer))
    await layer.store.submit(TrashThread(actor="ann", thread_id="t", at=now()))
    newer = await whole(layer)
    newer.steps.append(step("t5", 5))
    assert await layer.store.submit(newer) == Imported("added", 1)
    assert await layer.store.thread("t") is None
    ((trashed_at,),) = rows(layer, "SELECT trashed_at FROM threads")
    assert trashed_at > 0


PLAIN: dict[str, Any] = {"elements": [], "votes": [], "usage": [], "blobs": [], "summary": None}


async def test_nothing_of_anybody_elses_changes_and_nobody_is_told_whose_it_is(layer: DataLayer) -> None:
    theirs = await whole(layer)
    await layer.store.submit(theirs)
    await layer.drain()
    before = table(layer)
    foreign: list[dict[str, Any]] = [
        {"thread_id": "t"},
        {"steps": [step("t1")]},
        {"elements": [{"id": "tf"}]},
        {"elements": [{"id": "new", "for_id": "t1"}]},
        {"usage": theirs.usage},
        {"user": "ann"},
        {"user": None},
    ]
    for each in foreign:
        with pytest.raises(Forbidden) as refused:
            await layer.store.submit(replace(await whole(layer, "b", "bob", **PLAIN), **each))
        assert "ann" not in str(refused.value)
    await layer.drain()
    assert table(layer) == before


async def test_the_application_imports_for_anybody_and_for_nobody(layer: DataLayer) -> None:
    for key, user in (("a", "ann"), ("n", None)):
        await layer.store.submit(await whole(layer, key, user, actor=APPLICATION))
    assert rows(layer, "SELECT id, user_id FROM threads ORDER BY id") == [("a", user_id("ann")), ("n", None)]
    assert rows(layer, "SELECT id, user_id FROM feedbacks ORDER BY id") == [("av", user_id("ann")), ("nv", "")]
    for actor, user in ((VISITOR, None), (VISITOR, "ann"), (APPLICATION, "bob"), (APPLICATION, None)):
        with pytest.raises(Forbidden):
            await layer.store.submit(await whole(layer, "a", user, actor=actor))


async def test_nobody_votes_in_the_name_of_others(layer: DataLayer) -> None:
    votes = [{"step_id": "t3", "value": 0, "user": name} for name in ("bob", "ann", "")]
    await layer.store.submit(await whole(layer, votes=votes))
    assert rows(layer, "SELECT user_id FROM feedbacks") == [(user_id("ann"),)]
    await layer.store.submit(await whole(layer, votes=votes, actor=APPLICATION))
    found = {name for (name,) in rows(layer, "SELECT user_id FROM feedbacks")}
    assert found == {user_id("ann"), user_id("bob"), ""}


async def test_who_knows_the_hash_of_a_file_does_not_get_it(layer: DataLayer) -> None:
    await layer.store.submit(await whole(layer))
    (sha256,) = [blob for (blob,) in rows(layer, "SELECT sha256 FROM blobs")]
    stolen = await whole(layer, "b", "bob", elements=[{"id": "bf", "name": "x", "blob": sha256}], blobs=[])
    assert await layer.store.submit(stolen) == Imported("new", 4, lost=1)
    assert await layer.store.file("bf") is None
    mine = await whole(layer, "m", "ann", elements=[{"id": "mf", "name": "x", "blob": sha256}], blobs=[])
    assert await layer.store.submit(mine) == Imported("new", 4)
    assert await layer.store.file("mf") is not None


ODD: list[dict[str, Any]] = [
    {"values": {"colour": "blue"}},
    {"values": {"metadata": []}},
    {"values": {"tags": "a"}},
    {"values": {"status": "gone"}},
    {"values": {"kind": "k" * 17}},
    {"values": {"last_activity_at": 1 << 62}},
    {"values": {"folder": "..."}},
    {"steps": [step("t1", colour="blue")]},
    {"steps": [step("t1", created_at=1 << 62)]},
    {"steps": [step("t1", created_at="2024")]},
    {"steps": [step("x" * 256)]},
    {"steps": [step("")]},
    {"steps": [{"output": "no id"}]},
    {"steps": [step("t1", metadata=[1])]},
    {"steps": [step("t1", output={})]},
    {"steps": [step("t1", type="aside")]},
    {"steps": [step("t1", type="versions", metadata={"versions": {"question": "q"}})]},
    {"steps": ["t1"]},
    {"elements": [{"id": "tf", "page": "one"}]},
    {"votes": ["t1"]},
    {"votes": [{"value": 1}]},
    {"votes": [{"step_id": "t1", "value": "good"}]},
    {"usage": [{"id": "u"}]},
    {"usage": [CALL | {"cost": -1}]},
    {"summary": {"text": "x"}},
]


async def test_what_is_no_row_is_refused_alone(layer: DataLayer) -> None:
    bad = [layer.store.submit(await whole(layer, f"bad{n}", **PLAIN | odd)) for n, odd in enumerate(ODD)]
    good = layer.store.submit(await whole(layer, "good"))
    for odd, answer in zip(ODD, bad, strict=True):
        with pytest.raises(InvalidInput):
            print(odd, await answer)
    assert await good == Imported("new", 4)
    assert rows(layer, "SELECT id FROM threads") == [("good",)]
    assert rows(layer, "SELECT count(*) FROM steps") == [(4,)]


async def test_odd_text_is_made_storable_as_everywhere(layer: DataLayer) -> None:
    odd = "a\x00b\ud800 ünï 😀 \u202e"
    said = [step("t1", output=odd, metadata={odd: [odd, float("nan")]}, name=odd)]
    write = await whole(layer, values={"name": f"one\n{odd}{'x' * 600}"}, steps=said, votes=[], summary=None)
    assert await layer.store.submit(write) == Imported("new", 1)
    ((_, (found, *_), _),) = [await layer.store.whole_thread("t")]  # type: ignore[misc]
    kept = odd.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert (found.output, found.metadata) == (kept, {kept: [kept, None]})
    thread = await layer.store.thread("t")
    assert thread is not None
    assert thread.name is not None
    assert (len(thread.name), thread.name[:4]) == (500, "one ")


async def test_what_an_app_keeps_may_be_a_number(layer: DataLayer) -> None:
    """Which SQLite does not keep as text."""
    await layer.store.submit(await whole(layer, **PLAIN, steps=[step("t1", show_input=0.5, generation=3)]))
    await layer.store.submit(UpdateThread(actor="ann", thread_id="t", at=now(), name="n"))
    found = await layer.store.whole_thread("t")
    assert found is not None
    assert (found[1][0].show_input, found[1][0].generation) == (0.5, 3)


async def test_many_at_once_are_all_there_in_their_order(layer: DataLayer) -> None:
    said = {f"k{n}": [step(f"k{n}-{m}", output=f"{m}") for m in range(n % 7 + 1)] for n in range(60)}
    writes = [
        ImportThread(actor="ann", thread_id=key, user="ann", values={}, steps=steps, at=now())
        for key, steps in said.items()
    ]
    for answer in [layer.store.submit(write) for write in writes]:
        assert (await answer).state == "new"
    for key, steps in said.items():
        assert await texts(layer, key) == [each["output"] for each in steps]


async def test_a_write_of_a_user_who_goes_on_writing_comes_after_it(layer: DataLayer) -> None:
    """Chainlit's own writes and an import are to one thread, in the order of the calls."""
    ann = await register(layer, "ann")
    imported = layer.store.submit(await whole(layer))
    asked = await start_thread(layer, ann, threadId="t", output="and now?")
    assert await imported == Imported("new", 4)
    assert (await texts(layer))[-1] == "and now?"
    assert await layer.store.submit(await whole(layer)) == Imported("there")
    await layer.create_step(make_step("t", parentId=asked["id"], output="by the sea"))
    assert (await texts(layer))[-1] == "by the sea"


async def test_a_long_one_is_stored_in_parts_and_gone_on_with(layer: DataLayer) -> None:
    write = await whole(layer)
    long = [step(f"s{n}", n // 3, parent_id=f"s{n - 700}" if n > 700 else None) for n in range(1_300)]
    late = {"id": "late", "for_id": "s1299", "name": "x", "blob": write.blobs[0].sha256}
    votes = [{"step_id": key, "value": 1} for key in ("s1", "s1299")]
    covered = {"from_step": "s0", "until_step": "s3", "until_at": YEAR + 1, "messages": 4, "tokens": 2}
    said = [ThreadMessage(f"s{n}", None, "user_message", f"said s{n}", 0, {}, None) for n in range(4)]
    summary = {"text": "long", "source": "model", "digest": digest(said), **covered}
    write = replace(write, steps=long, elements=[late], votes=votes, summary=summary)
    assert [part.size for part in imports.parts(write)] == [257] * 5 + [22]
    first = next(imports.parts(write))
    assert await layer.store.submit(first) == Imported("new", 256)
    assert await imports.store(layer.store, write) == Imported("added", 1_044)
    assert await imports.store(layer.store, write) == Imported("there")
    found = await layer.store.whole_thread("t")
    assert found is not None
    assert [(each.id, each.parent_id) for each in found[1]] == [(row["id"], row.get("parent_id")) for row in long]
    assert rows(layer, "SELECT step_id FROM feedbacks ORDER BY step_id") == [("s1",), ("s1299",)]
    assert (await layer.store.summary("t") or Any).text == "long"
    assert await layer.store.file("late") is not None
    assert len(await blob_names(layer)) == 1


async def test_one_write_is_of_no_more_than_some_megabytes(layer: DataLayer) -> None:
    large = [step(f"s{n}", n, output=f"{n} " + "x" * 1_500_000) for n in range(5)]
    write = await whole(layer, **PLAIN, steps=large)
    assert [len(part.steps) for part in imports.parts(write)] == [2, 2, 1]
    assert await imports.store(layer.store, write) == Imported("new", 5)
    assert [text[:2] for text in await texts(layer)] == [f"{n} " for n in range(5)]
