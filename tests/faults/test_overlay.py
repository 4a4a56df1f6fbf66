"""I8 while the database is locked: every read of a thread, of a file and of a list is what it will be afterwards."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Feedback, Pagination, ThreadFilter
from chainlit.user import PersistedUser

from datalayer import DataLayer, NotFound, StoreUnavailable, backlog, merges
from datalayer.records import now
from datalayer.writes import RestoreThread, TrashThread, UpdateThread
from tests.conftest import failures, make_step, new_id, register, start_thread, steps_of
from tests.contract.test_elements import sha256
from tests.contract.test_passages import BIRDS, attach, read

THREADS, WRITES = 5, 40


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "PAUSES", (0.01,))


@contextmanager
def locked(layer: DataLayer) -> Iterator[None]:
    with closing(sqlite3.connect(layer.store.place.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def seen(layer: DataLayer, users: list[PersistedUser], threads: list[str], elements: list[str]) -> Any:
    """What all reads say that know a thread, a file or a user's list."""
    found: dict[str, Any] = {}
    for key in threads:
        found[key] = (
            *(await layer.get_thread(key), await layer.store.was_deleted(key)),
            *(await layer.store.thread_messages(key), await layer.store.thread_stats(key)),
        )
    for key in elements:
        file = await layer.store.file(key)
        found[key] = file and replace(file, blob=replace(file.blob, tag=None))
    for user in users:
        for search in (None, "seven"):
            found[f"{user.identifier} {search}"] = await pages(layer, user, search)
        found[f"{user.identifier} trash"] = await layer.store.trash(user.id)
        found[f"{user.identifier} facets"] = await layer.store.facets(user.id)
        wholes = await layer.store.whole_threads(user.id, threads, trashed=True)
        found[f"{user.identifier} whole"] = [
            replace(each, contents={k: replace(blob, tag=None) for k, blob in each.contents.items()}, links=[])
            for each in wholes
        ]
        own = await layer.store.own_files(user.id)
        found[f"{user.identifier} files"] = [[use._replace(blob="") for use in each.uses] for each in own.files]
    return found


async def pages(layer: DataLayer, user: PersistedUser, search: str | None) -> list[Any]:
    """A user's list, three a page, each page as it is."""
    found, cursor = [], None
    while True:
        page = await layer.list_threads(Pagination(first=3, cursor=cursor), ThreadFilter(userId=user.id, search=search))
        found.append([(each["id"], each["name"], each["createdAt"]) for each in page.data])
        if not page.pageInfo.hasNextPage:
            return found
        cursor = page.pageInfo.endCursor


async def change(layer: DataLayer, dice: random.Random, user: PersistedUser, threads: list[str]) -> str | None:
    """One change to one of the threads; the id of an element that it made."""
    thread_id = dice.choice(threads)
    found = await layer.get_thread(thread_id)
    step_id = dice.choice([step["id"] for step in found["steps"]]) if found and found["steps"] else new_id()
    kind = dice.choice(["say", "say", "say", "edit", "delete step", "update", "place", "file", "vote", "delete"])
    with layer.acting_as(user.identifier):
        if kind == "say":
            message = make_step(thread_id, type="user_message", output=dice.choice(["six", "seven"]))
            await layer.create_step(message)
        elif kind == "edit":
            await layer.update_step(make_step(thread_id, id=step_id, output="seven, edited"))
        elif kind == "delete step":
            await layer.delete_step(step_id)
        elif kind == "update":
            await layer.update_thread(thread_id, name=dice.choice(["Eight", "Seven"]), metadata={"n": dice.random()})
        elif kind == "place":
            given = {"pinned": dice.random() < 0.5, "archived": dice.random() < 0.3, "tags_added": [dice.choice("abc")]}
            write = UpdateThread(actor=user.identifier, thread_id=thread_id, at=now(), folder="Seven", **given)
            await layer.store.submit(write)
        elif kind == "file":
            element = cl.File(thread_id=thread_id, name="f", content=b"content", for_id=step_id)
            await layer.create_element(element)
            return element.id
        elif kind == "vote":
            with suppress(NotFound):
                await layer.upsert_feedback(Feedback(forId=step_id, value=1, threadId=thread_id))
        elif (chance := dice.random()) < 0.5:
            await layer.delete_thread(thread_id)
        elif chance < 0.8:
            await layer.store.submit(TrashThread(actor=user.identifier, thread_id=thread_id, at=now()))
        else:
            with suppress(NotFound):
                await layer.store.submit(RestoreThread(actor=user.identifier, thread_id=thread_id, at=now()))
    return None


@pytest.mark.parametrize("seed", [0, 1, 5])
async def test_what_is_read_while_it_is_locked_is_what_is_stored_afterwards(layer: DataLayer, seed: int) -> None:
    dice = random.Random(seed)
    users = [await register(layer, name) for name in ("ann", "bob")]
    threads = {user.identifier: [new_id() for _ in range(THREADS)] for user in users}
    files: list[str] = []

    async def go_on(user: PersistedUser) -> None:
        made = await change(layer, dice, user, threads[user.identifier])
        files.extend([made] if made else [])

    for _ in range(WRITES):
        await go_on(dice.choice(users))
    every = [thread_id for owned in threads.values() for thread_id in owned]
    with locked(layer):
        for _ in range(WRITES):
            await go_on(dice.choice(users))
        before = await seen(layer, users, every, files)
        assert (await layer.health())["state"] == "degraded"
    assert await layer.store.catch_up()
    assert await seen(layer, users, every, files) == before


async def test_nobody_sees_in_a_list_what_somebody_else_wrote_meanwhile(layer: DataLayer) -> None:
    ann, bob = [await register(layer, name) for name in ("ann", "bob")]
    hers = await start_thread(layer, ann)
    with locked(layer):
        with layer.acting_as("bob"):
            await layer.create_step(make_step(hers["threadId"], output="bob was here"))
            await layer.delete_thread(hers["threadId"])
        assert await pages(layer, bob, None) == [[]]
        [[(listed, *_)]] = await pages(layer, ann, None)
        assert listed == hers["threadId"]
        [step] = (await layer.get_thread(hers["threadId"]))["steps"]  # type: ignore[index]
        assert step["output"] == hers["output"]


async def test_a_merge_that_waits_is_seen_and_made_once_the_lock_is_gone(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    first, second = [(await start_thread(layer, ann, output=word))["threadId"] for word in ("seven", "six")]
    write = merges.merge("ann", await merges.read(layer.store, "ann", [first, second]), "Both")

    async def looked_at() -> Any:
        found = [await layer.store.thread(key) for key in (first, second, write.thread_id)]
        said = [step["output"] for step in (await steps_of(layer, write.thread_id)).values()]
        listed = [each.id for each in (await layer.store.threads(ann.id)).threads]
        return [thread and thread.archived for thread in found], said, listed

    with locked(layer):
        await layer.store.submit(write)
        assert await looked_at() == ([True, True, False], ["seven", "six"], [write.thread_id])
    assert await layer.store.catch_up()
    assert await looked_at() == ([True, True, False], ["seven", "six"], [write.thread_id])
    with locked(layer):
        merged = await layer.store.thread(write.thread_id)
        assert merged is not None
        undo = merges.undo("ann", merged, trash=True)
        assert undo is not None
        await layer.store.submit(undo)
        assert await looked_at() == ([False, False, None], [], [second, first])
    assert await layer.store.catch_up()
    assert await looked_at() == ([False, False, None], [], [second, first])


async def test_passages_are_found_while_it_is_locked_and_none_of_what_was_deleted(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    keys = [(await start_thread(layer, ann))["threadId"] for _ in range(2)]
    elements = [await attach(layer, key, *BIRDS) for key in keys]
    await layer.drain()
    with locked(layer):
        await layer.delete_element(elements[0])
        await layer.create_element(cl.File(thread_id=keys[1], name="new", content=b"new"))
        assert await layer.store.find_passages(keys[0], "heron") == []
        assert await layer.store.read_passages(keys[0], elements[0]) == []
        assert [each.text for each in await layer.store.find_passages(keys[1], "heron")] == [BIRDS[0]]
        assert [file.status for file in await layer.store.context_files(keys[1])] == ["read", "waiting"]
        assert {each.thread_id for each in await layer.store.find_in_files(ann.id, "heron")} == {keys[1]}
        assert isinstance(*await failures([layer.store.keep_text(sha256(b"new"), read("New"))]), StoreUnavailable)
    assert await layer.store.catch_up()
    assert await layer.store.keep_text(sha256(b"new"), read("New"))
    assert [each.text for each in await layer.store.find_passages(keys[1], "new")] == ["New"]
