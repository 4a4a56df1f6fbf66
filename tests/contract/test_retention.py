"""What need not be kept goes, and nothing else; what goes is in an archive that has all of it."""

import asyncio
import base64
import hashlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Feedback

from datalayer import DataLayer, InvalidInput, Retention, archive, transaction
from datalayer.lines import from_json, to_json
from datalayer.records import now
from datalayer.sql import archiving
from datalayer.writes import PutSummary, RemoveArchived, TrashThread, UpdateThread, UpsertStep
from tests.conftest import (
    OpenLayer,
    blob_names,
    chainlit_session,
    make_step,
    new_id,
    register,
    rows,
    steps_of,
)

HOUR, DAY = 3_600 * 1_000_000, 86_400 * 1_000_000
Open = Callable[..., DataLayer]


@pytest.fixture
def keeping(open_layer: OpenLayer, tmp_path: Path) -> Open:
    """Opens a layer with a policy."""

    def make(**policy: Any) -> DataLayer:
        return open_layer(trash_days=30, retention=Retention(archive=tmp_path / "archive", **policy))

    return make


async def said(layer: DataLayer, user: Any, days_ago: float, **over: Any) -> str:
    """A thread in which the last message is so old."""
    key, at = new_id(), now() - int(days_ago * DAY)
    values = {"type": "user_message", "output": "a heron", "created_at": at, **over}
    await layer.store.submit(
        UpsertStep(actor=user.identifier if user else "ann", thread_id=key, id=new_id(), at=at, values=values)
    )
    return key


def kept(layer: DataLayer) -> set[str]:
    return {row[0] for row in rows(layer, "SELECT id FROM threads")}


def archived(folder: Path) -> list[dict[str, Any]]:
    return [each for path in archive.files(folder / "archive") for each in archive.read(path)]


def of_table(lines: list[dict[str, Any]], table: str) -> list[dict[str, Any]]:
    return [each["row"] for each in lines if each.get("table") == table]


class TestWhatGoes:
    async def test_what_is_too_old(self, keeping: Open, tmp_path: Path) -> None:
        layer = keeping(max_age_days=30)
        ann, bob = await register(layer, "ann"), await register(layer, "bob")
        young = {await said(layer, ann, 29), await said(layer, bob, 1)}
        old = {await said(layer, ann, 31), await said(layer, bob, 400)}
        counted = await layer.store.clean_up(dry_run=True)
        assert (counted.threads, counted.messages, counted.files) == (2, 0, [])
        assert kept(layer) == young | old
        assert archived(tmp_path) == []
        done = await layer.store.clean_up()
        assert (done.threads, kept(layer)) == (2, young)
        assert {row["id"] for row in of_table(archived(tmp_path), "threads")} == old
        assert {path.parent.name for path in done.files} == {ann.id, bob.id}
        assert (await layer.store.clean_up()).threads == 0
        assert (await layer.store.clean_up(at=now() + 2 * DAY)).threads == 1

    async def test_what_is_too_many_of_a_user_the_oldest_first(self, keeping: Open) -> None:
        layer = keeping(max_threads=2)
        ann, bob = await register(layer, "ann"), await register(layer, "bob")
        threads = [await said(layer, ann, days) for days in (1, 2, 3, 4)]
        others = {await said(layer, bob, days) for days in (50, 60)}
        assert (await layer.store.clean_up()).threads == 2
        assert kept(layer) == {*threads[:2], *others}

    async def test_never_what_is_pinned_in_the_trash_in_use_or_was_said_just_now(self, keeping: Open) -> None:
        layer = keeping(max_threads=1, max_age_days=1, max_messages_per_thread=1)
        ann = await register(layer, "ann")
        pinned, trashed, used, idle = [await said(layer, ann, days) for days in (40, 50, 60, 70)]
        recent = {await said(layer, ann, hours / 24) for hours in (0, 0.5, 0.9)}
        await layer.store.submit(UpdateThread(actor="ann", thread_id=pinned, at=now(), pinned=True))
        await layer.store.submit(TrashThread(actor="ann", thread_id=trashed, at=now()))
        asked: list[tuple[str, set[str]]] = []

        async def in_use(user: str, threads: Sequence[str]) -> Collection[str]:
            asked.append((user, set(threads)))
            return [used]

        layer.store.cleanup.in_use = in_use
        assert (await layer.store.clean_up(dry_run=True)).threads == 1
        assert (await layer.store.clean_up()).threads == 1
        assert kept(layer) == {pinned, trashed, used, *recent}
        assert asked == [(ann.id, {used, idle})] * 2

    async def test_a_thread_without_author_goes_by_its_age_only(self, keeping: Open) -> None:
        layer = keeping(max_threads=1, max_age_days=100)
        threads = []
        for days in (3, 4, 101):
            key, at = new_id(), now() - days * DAY
            await layer.store.submit(UpsertStep(thread_id=key, id=new_id(), at=at, values={"type": "user_message"}))
            threads.append(key)
        assert (await layer.store.clean_up()).threads == 1
        assert kept(layer) == set(threads[:2])

    async def test_whoever_shows_a_conversation_is_told_that_it_is_gone(self, keeping: Open) -> None:
        layer = keeping(max_age_days=30)
        ann, told = await register(layer, "ann"), []

        async def gone(user: str, thread: str) -> None:
            told.append((user, thread))

        layer.store.on_gone = gone
        old, trashed = await said(layer, ann, 31), await said(layer, ann, 1)
        await layer.store.submit(TrashThread(actor="ann", thread_id=trashed, at=now()))
        await layer.store.clean_up()
        assert await layer.store.purge(now() + 31 * DAY) == 1
        assert told == [(ann.id, old), (ann.id, trashed)]


class TestOldestMessages:
    async def talk(self, layer: DataLayer, user: Any, turns: int) -> tuple[str, list[list[str]]]:
        """A thread of so many turns, two days ago: a question, a run, and in it the answer. Their ids."""
        key, made = new_id(), []
        for turn in range(turns):
            ids, at = [new_id() for _ in range(3)], now() - 2 * DAY + turn * 1_000
            kinds = (("user_message", None), ("run", None), ("assistant_message", ids[1]))
            for place, (kind, parent) in enumerate(kinds):
                values = {"type": kind, "parent_id": parent, "output": f"turn {turn}", "created_at": at + place}
                write = UpsertStep(actor="ann", thread_id=key, id=ids[place], at=at + place, values=values)
                await layer.store.submit(write)
            made.append(ids)
        return key, made

    async def test_they_go_with_all_below_them_and_no_turn_is_torn(self, keeping: Open, tmp_path: Path) -> None:
        layer = keeping(max_messages_per_thread=5)
        ann = await register(layer, "ann")
        key, turns = await self.talk(layer, ann, 4)
        short, _ = await self.talk(layer, ann, 2)
        file = cl.File(thread_id=key, name="f", content=b"content", for_id=turns[0][0])
        with chainlit_session(ann, key):
            await layer.create_element(file)
            await layer.upsert_feedback(Feedback(forId=turns[1][2], value=1))
        counted = await layer.store.clean_up(dry_run=True)
        assert (counted.threads, counted.messages) == (0, 4)
        done = await layer.store.clean_up()
        assert (done.threads, done.messages) == (0, 4)
        assert set(await steps_of(layer, key)) == {*turns[2], *turns[3]}
        assert len(await steps_of(layer, short)) == 6
        lines = archived(tmp_path)
        assert [each["row"]["id"] for each in lines if each.get("table") == "steps"] == [*turns[0], *turns[1]]
        assert [row["id"] for row in of_table(lines, "elements")] == [file.id]
        assert [row["step_id"] for row in of_table(lines, "feedbacks")] == [turns[1][2]]
        assert next(each for each in lines if "removed" in each)["removed"] == "messages"
        assert [
            hit.step_id for hit in (await layer.store.search(ann.id, '"turn 0"')).hits if hit.thread_id == key
        ] == []
        assert await blob_names(layer) == set()
        await layer.create_step(make_step(key, id=turns[0][0], type="user_message"))
        assert turns[0][0] not in await steps_of(layer, key)
        assert (await layer.store.clean_up()).messages == 0

    async def test_the_summary_stays_true(self, keeping: Open) -> None:
        from datalayer.reports import digest

        layer = keeping(max_messages_per_thread=4)
        ann = await register(layer, "ann")
        key, turns = await self.talk(layer, ann, 4)
        part = (await layer.store.thread_messages(key))[:4]
        first, last = part[0], part[-1]
        covered: Any = {"from_step": first.id, "until_step": last.id, "until_at": last.created_at, "messages": 4}
        put = PutSummary(
            thread_id=key, at=now(), text="s", tokens=1, digest=digest(part), source="extractive", **covered
        )
        await layer.store.submit(put)
        assert await layer.store.summary(key) is not None
        await layer.store.clean_up()
        assert await layer.store.summary(key) is None
        assert [message.id for message in await layer.store.thread_messages(key)] == [
            turns[2][0],
            turns[2][2],
            turns[3][0],
            turns[3][2],
        ]

    async def test_what_was_looked_at_is_not_looked_at_again_until_something_is_said(self, keeping: Open) -> None:
        layer = keeping(max_messages_per_thread=2)
        ann = await register(layer, "ann")
        key, _ = await self.talk(layer, ann, 2)
        assert (await layer.store.clean_up()).messages == 2
        with chainlit_session(ann, key):
            for _ in range(3):
                await layer.create_step(make_step(key, type="user_message"))
        assert (await layer.store.clean_up()).messages == 0  # it is in use
        assert (await layer.store.clean_up(at=now() + 2 * HOUR)).messages == 3


class TestArchive:
    async def test_it_has_all_that_goes_to_the_last_byte(self, keeping: Open, tmp_path: Path) -> None:
        layer = keeping(max_age_days=30)
        ann = await register(layer, "ann")
        key = await said(layer, ann, 31)
        content = b"\0content" * 200_000
        files = [cl.File(thread_id=key, name=f"{n}.bin", content=content) for n in range(2)]
        for file in files:
            await layer.create_element(file)
        with chainlit_session(ann, key):
            await layer.update_thread(key, name="Birds", tags=["wings"], metadata={"chat_settings": {"a": [1, None]}})
        (step,) = (await layer.get_thread(key) or {})["steps"]
        await layer.upsert_feedback(Feedback(forId=step["id"], value=0, comment="no"))
        stored = {
            table: rows(layer, f"SELECT COUNT(*) FROM {table}")[0][0]
            for table in ("threads", "steps", "elements", "feedbacks")
        }
        done = await layer.store.clean_up()
        (path,) = done.files
        lines = list(archive.read(path))
        assert {table: len(of_table(lines, table)) for table in stored} == stored
        (thread,), (said_then,) = of_table(lines, "threads"), of_table(lines, "steps")
        assert (thread["name"], thread["tags"]) == ("Birds", ["wings"])
        assert thread["metadata"]["chat_settings"] == {"a": [1, None]}
        assert said_then["output"] == "a heron"
        assert {row["name"] for row in of_table(lines, "elements")} == {"0.bin", "1.bin"}
        parts = [each for each in lines if "content" in each]
        assert b"".join(base64.b64decode(each["base64"]) for each in parts) == content
        assert {each["content"] for each in parts} == {hashlib.sha256(content).hexdigest()}
        assert kept(layer) == set()
        assert await blob_names(layer) == set()
        assert oct(path.parent.stat().st_mode)[-3:] == "700"
        path.write_bytes(b"")
        with pytest.raises(InvalidInput):
            list(archive.read(path))

    async def test_what_changes_after_it_was_archived_stays(self, keeping: Open) -> None:
        layer = keeping(max_age_days=30)
        ann = await register(layer, "ann")
        same, renamed, pinned, answered = [await said(layer, ann, days) for days in (31, 32, 33, 34)]
        removals = [
            RemoveArchived(thread_id=key, at=now(), digest=await known(layer, key))
            for key in (same, renamed, pinned, answered)
        ]
        await layer.store.submit(UpdateThread(actor="ann", thread_id=renamed, at=now(), name="Else"))
        await layer.store.submit(UpdateThread(actor="ann", thread_id=pinned, at=now(), pinned=True))
        await layer.create_step(make_step(answered))
        gone = [await layer.store.submit(from_json(to_json(each))) for each in (*removals, removals[0])]
        assert gone == [True, False, False, False, False]
        assert kept(layer) == {renamed, pinned, answered}

    async def test_two_at_once_do_it_once(self, keeping: Open, tmp_path: Path) -> None:
        one, other = keeping(max_age_days=30), keeping(max_age_days=30)
        ann = await register(one, "ann")
        for _ in range(45):
            await said(one, ann, 31)
        done = await asyncio.gather(*(each.store.clean_up() for each in (one, other)))
        assert sorted(each.threads for each in done) == [0, 45]
        assert len(of_table(archived(tmp_path), "threads")) == 45
        assert kept(one) == set()
        assert len(archive.files(tmp_path / "archive")) == 3

    async def test_a_database_that_takes_long_is_waited_for(
        self, keeping: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer = keeping(max_age_days=30)
        ann = await register(layer, "ann")
        old = {await said(layer, ann, 31) for _ in range(25)}
        told, spooled = set[str](), list[str]()

        async def gone(_user: str, key: str) -> None:
            told.add(key)

        layer.store.on_gone = gone
        layer.store.listeners.append(lambda event: spooled.append(event.kind))
        monkeypatch.setattr(
            transaction, "PATIENCE", 0.0
        )  # each transaction is too long, and the spool takes its writes
        done = await layer.store.clean_up()
        assert "degraded" in spooled
        assert (done.threads, len(done.files), kept(layer), told) == (25, 2, set(), old)
        assert len(of_table(archived(tmp_path), "threads")) == 25

    async def test_it_is_done_again_when_it_is_time(self, keeping: Open) -> None:
        one, other = keeping(max_age_days=30), keeping(max_age_days=30)
        ann = await register(one, "ann")
        await one.store.cleanup.run(every=HOUR)
        await said(one, ann, 31)
        for each in (one, other):
            assert (await each.store.cleanup.run(every=HOUR)).threads == 0
        assert (await other.store.cleanup.run(every=1)).threads == 1

    async def test_a_folder_that_cannot_be_written_keeps_all(self, open_layer: OpenLayer, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        layer = open_layer(retention=Retention(archive=tmp_path / "file", max_age_days=1))
        key = await said(layer, await register(layer, "ann"), 2)
        with pytest.raises(OSError, match="file"):
            await layer.store.clean_up()
        assert kept(layer) == {key}

    async def test_without_a_policy_nothing_goes(self, layer: DataLayer) -> None:
        key = await said(layer, await register(layer, "ann"), 4_000)
        assert (await layer.store.clean_up()).threads == 0
        assert kept(layer) == {key}


async def known(layer: DataLayer, key: str) -> str:
    found = await layer.store._read(archiving.rows_of, key)
    return archiving.digest(found, whole=True)


class TestBadInput:
    @pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
    @pytest.mark.parametrize(
        "name", ["max_age_days", "max_threads", "max_messages_per_thread", "cleanup_interval_hours"]
    )
    def test_a_limit_is_a_whole_number(self, name: str, value: Any) -> None:
        with pytest.raises(InvalidInput, match=name):
            Retention(archive="a", **{name: value})
