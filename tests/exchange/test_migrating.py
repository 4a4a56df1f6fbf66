"""The move from a store of JSON: its phases, and what a comparison finds."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from datalayer import InvalidInput, Store
from datalayer.records import now
from datalayer.writes import (
    DeleteStep,
    DeleteThread,
    UpdateThread,
    UpsertElement,
    UpsertFeedback,
    UpsertStep,
    UpsertUser,
)
from exchange import migrating, run_import
from exchange.planting import thread_id


@asynccontextmanager
async def moving(folder: Path) -> AsyncIterator[Store]:
    """A store that writes into its mirror, with two threads."""
    store = Store(f"sqlite+aiosqlite:///{folder / 'threads.db'}", mirror=folder / "m")
    await store.submit(UpsertUser(identifier="ann", at=now()))
    for thread in ("a", "b"):
        for number in range(3):
            await store.submit(said(thread, number))
    await store.submit(DeleteStep(actor="ann", thread_id="b", id="b-1", at=now()))
    try:
        yield store
    finally:
        await store.close()


def said(thread: str, number: int) -> UpsertStep:
    values = {"type": "user_message", "output": f"words {number}"}
    return UpsertStep(actor="ann", thread_id=thread, id=f"{thread}-{number}", at=now(), values=values)


def change(folder: Path, statement: str) -> None:
    """Behind the back of the store."""
    with closing(sqlite3.connect(folder / "threads.db")) as connection, connection:
        connection.execute(statement)


async def test_the_phases_one_after_the_other_and_back(tmp_path: Path) -> None:
    async with moving(tmp_path) as store:
        assert (await migrating.status(store))["phase"] == "foundation"
        with pytest.raises(InvalidInput):
            await migrating.finish(store)
        await migrating.start(store, tmp_path / "m")
        with pytest.raises(InvalidInput):
            await migrating.start(store, tmp_path / "m")
        with pytest.raises(InvalidInput):
            await migrating.finish(store)  # nothing was compared
        await store.mirror.settled()
        assert (await migrating.compare(store)).clean
        assert (await migrating.finish(store))["phase"] == "sqlite_primary"
        with pytest.raises(InvalidInput):
            await migrating.finish(store)  # not since
        assert (await migrating.rollback(store))["phase"] == "dual_write"
        await migrating.compare(store)
        await migrating.finish(store)
        await migrating.compare(store)
        state = await migrating.finish(store)
        assert [phase for phase, _ in state["history"]] == [
            *("dual_write", "sqlite_primary", "dual_write", "sqlite_primary", "complete"),
        ]
        with pytest.raises(InvalidInput):
            await migrating.rollback(store)


async def test_a_comparison_finds_what_was_changed_lost_and_added(tmp_path: Path) -> None:
    async with moving(tmp_path) as store:
        await store.mirror.settled()
        found = await migrating.compared(store, tmp_path / "m")
        assert (found.threads, found.steps, found.differences, found.clean) == (2, 5, 0, True)
        change(tmp_path, "UPDATE steps SET output = 'others' WHERE id = 'a-0'")
        change(tmp_path, "DELETE FROM steps WHERE id = 'a-1'")
        change(tmp_path, "UPDATE steps SET id = 'a-9' WHERE id = 'a-2'")
        change(tmp_path, "DELETE FROM threads WHERE id = 'b'")
        found = await migrating.compared(store, tmp_path / "m")
        assert {(each["thread"], each["step"], each["what"]) for each in found.told} == {
            ("a", "a-0", "another output"),
            ("a", "a-1", "the store does not have the step"),
            ("a", "a-2", "the store does not have the step"),
            ("a", "a-9", "the mirror does not have the step"),
            ("b", "", "the store does not have the thread"),
        }
        assert not found.clean


async def test_a_comparison_finds_other_columns_votes_and_contents(tmp_path: Path) -> None:
    async with moving(tmp_path) as store:
        own = {"actor": "ann", "thread_id": "a"}
        await store.submit(UpdateThread(**own, name="Birds", folder="Work", tags=["x"], pinned=True, at=now()))
        await store.submit(UpsertFeedback(actor="ann", id="v", step_id="a-1", value=1, at=now()))
        for name in ("kept", "changed", "lost"):
            values = {"name": name, "for_id": "a-0"}
            await store.submit(UpsertElement(**own, id=name, values=values, at=now()), name.encode())
        await store.mirror.settled()
        assert (await migrating.compared(store, tmp_path / "m")).differences == 0
        files = {element.id: element.blob for element in (await store.whole_thread("a") or (None, [], []))[2]}
        for name, content in (("changed", b"other"), ("lost", None)):
            [path] = [path for path in (tmp_path / "threads.db.files").rglob("*") if path.name.startswith(files[name])]
            path.unlink() if content is None else path.write_bytes(content)
        change(tmp_path, "UPDATE threads SET folder = 'Home', pinned = 0 WHERE id = 'a'")
        change(tmp_path, "UPDATE feedbacks SET value = 0")
        found = await migrating.compared(store, tmp_path / "m")
        assert {(each["step"], each["what"]) for each in found.told} == {
            ("", "another folder, pinned"),
            ("a-1", "another vote"),
            ("", "file changed: its content is damaged or lost"),
            ("", "file lost: its content is damaged or lost"),
        }


async def test_the_way_back_brings_what_was_written_meanwhile(tmp_path: Path) -> None:
    """As sessions, which an import reads again."""
    session = {
        "id": "s1",
        "workspace_hash": "9f",
        "type": "chat",
        "task": "Birds",
        "status": "active",
        "instances": [7],
    }
    session["chat_messages"] = [{"role": "user", "content": "Which?", "timestamp": "2026-08-05T10:00:00Z"}]
    (tmp_path / "before.json").write_text(json.dumps(session))
    async with moving(tmp_path) as store:
        await run_import(store, tmp_path / "before.json", "ann")
        await store.mirror.settled()
        await migrating.start(store, tmp_path / "m")
        key = thread_id("ann", "sessions", "s1")
        values = {"type": "assistant_message", "output": "An avocet."}
        await store.submit(UpsertStep(actor="ann", thread_id=key, id="new", values=values, at=now()))
        await store.submit(DeleteThread(actor="ann", thread_id="b", at=now()))
        await store.mirror.settled()
        state = await migrating.rollback(store)
        assert (state["phase"], state["brought"]) == ("foundation", {"sessions": 2, "deleted": 1})
    sessions = {path.name: json.loads(path.read_text()) for path in (tmp_path / "m" / "sessions").iterdir()}
    assert sessions.keys() == {"s1.json", "a.json", "deleted.json"}
    assert sessions["deleted.json"] == ["b"]
    back = sessions["s1.json"]
    del session["chat_messages"]
    assert {name: back[name] for name in session} == session
    assert [(each["role"], each["content"]) for each in back["chat_messages"]] == [
        *(("user", "Which?"), ("assistant", "An avocet.")),
    ]
    assert [each["content"] for each in sessions["a.json"]["chat_messages"]] == ["words 0", "words 1", "words 2"]


async def test_what_was_deleted_is_in_neither_and_what_was_before_is_no_difference(tmp_path: Path) -> None:
    before = Store(f"sqlite+aiosqlite:///{tmp_path / 'threads.db'}")
    await before.submit(UpsertUser(identifier="ann", at=now()))
    await before.submit(said("old", 0))
    await before.close()
    async with moving(tmp_path) as store:
        await store.submit(said("old", 1))
        await store.submit(UpdateThread(actor="ann", thread_id="old", name="Birds", at=now()))
        await store.submit(DeleteThread(actor="ann", thread_id="a", at=now()))
        await store.mirror.settled()
        found = await migrating.compared(store, tmp_path / "m")
        assert (found.threads, found.differences) == (2, 0)


async def test_a_mirror_that_has_missed_writes_is_not_clean(tmp_path: Path) -> None:
    async with moving(tmp_path) as store:
        await store.mirror.settled()
        (file,) = list((tmp_path / "m").iterdir())
        file.write_bytes(file.read_bytes() + b'{"at":1,"wri')
        found = await migrating.compared(store, tmp_path / "m")
        assert (found.mirror["damaged"], found.differences, found.clean) == (1, 0, False)


async def test_without_a_mirror_nothing_is_compared(tmp_path: Path) -> None:
    async with moving(tmp_path) as store:
        with pytest.raises(InvalidInput):
            await migrating.compare(store)
        with pytest.raises(InvalidInput):
            await migrating.compared(store, tmp_path / "nowhere")
