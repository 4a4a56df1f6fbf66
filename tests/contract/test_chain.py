"""Each write leaves a chain that says what the messages are, and whatever is done behind the app's back is told."""

import asyncio
import random
from functools import partial
from typing import Any

import chainlit as cl
import pytest

from datalayer import DataLayer, forks
from datalayer.chain import checking
from datalayer.chain import rows as rows_of_chains
from datalayer.chain.checking import History
from datalayer.records import now, to_iso
from datalayer.writes import (
    ChooseVersion,
    DeleteElement,
    DeleteStep,
    DeleteThread,
    RestoreElement,
    TrashElement,
    UpsertElement,
    UpsertFeedback,
    UpsertStep,
    Write,
)
from tests.conftest import OpenLayer, change, make_step, new_id, often, register, rows, start_thread

WORDS = ("heron", "reeds", "é漢\U0001f600", "", "a" * 3000)


async def checked(layer: DataLayer, thread_id: str | None = None) -> History:
    await layer.drain()
    return await layer.store._database.read.run(partial(checking.check, thread_id=thread_id))


async def told(layer: DataLayer) -> list[tuple[int | None, str]]:
    """Link and what is wrong with it."""
    found = await checked(layer)
    assert found.wrong == len(found.problems)
    return [(problem.number, problem.what) for problem in found.problems]


def kinds(layer: DataLayer, thread_id: str) -> list[str]:
    query = "SELECT kind FROM links WHERE thread_id = ? AND number > 0 ORDER BY number"
    return [kind for (kind,) in rows(layer, query, thread_id)]


async def talk(layer: DataLayer) -> tuple[str, list[str]]:
    """A thread of ann's with four messages, a file with the first: its id, and theirs."""
    asked = await start_thread(layer, await register(layer, "ann"), output="where?", createdAt="2026-01-01T00:00:00Z")
    key, ids = asked["threadId"], [asked["id"]]
    for second, said in enumerate(("in the reeds", "when?", "at dawn"), 1):
        kind = ("assistant_message", "user_message")[second % 2 - 1]
        made = f"2026-01-01T00:00:0{second}Z"
        step = make_step(key, output=said, type=kind, createdAt=made)
        await layer.create_step(step)
        ids.append(step["id"])
    await layer.create_element(cl.File(thread_id=key, name="f.txt", content=b"content", for_id=ids[0]))
    return key, ids


def said(thread: str, step: str, output: str, **values: Any) -> UpsertStep:
    values = {"type": "assistant_message", "name": "A", "output": output} | values
    return UpsertStep(actor="ann", thread_id=thread, id=step, at=now(), values=values)


class TestWrites:
    async def test_each_message_gets_a_link_and_each_change_another(self, layer: DataLayer) -> None:
        key, ids = await talk(layer)
        assert kinds(layer, key) == ["said"] * 4 + ["changed"]  # the file came after its message
        await layer.store.submit(said(key, ids[1], "in the water", created_at=0))
        await layer.store.submit(said(key, ids[1], "in the water", created_at=0))
        await layer.store.submit(said(key, new_id(), "noise", type="tool"))
        assert kinds(layer, key) == ["said"] * 4 + ["changed"] * 2
        found = await checked(layer)
        assert (found.threads, found.messages, found.links, found.wrong) == (1, 4, 6, 0)

    async def test_an_answer_that_streams_gets_one_when_it_begins_and_one_when_it_is_complete(
        self, layer: DataLayer
    ) -> None:
        key, _ = await talk(layer)
        answer = new_id()
        for text, status in (("a", "streaming"), ("ab", "streaming"), ("abc", "streaming"), ("abcd", "complete")):
            await layer.store.submit(said(key, answer, text, status=status))
            assert await told(layer) == []
        assert kinds(layer, key)[5:] == ["begun", "said"]

    async def test_an_answer_that_was_cut_off_is_complete_with_the_next_start(
        self, layer: DataLayer, open_layer: OpenLayer
    ) -> None:
        key, _ = await talk(layer)
        await layer.store.submit(said(key, new_id(), "half", status="streaming", streaming=True))
        await layer.close()
        again = open_layer()
        await again.get_thread(key)
        assert kinds(again, key)[5:] == ["begun", "said"]
        assert await told(again) == []

    async def test_a_file_belongs_to_its_message_whichever_comes_first(self, layer: DataLayer) -> None:
        key, _ = await talk(layer)
        step, file = new_id(), cl.File(thread_id=key, name="g.txt", content=b"other")
        file.for_id = step
        await layer.create_element(file)
        assert len(kinds(layer, key)) == 5
        await layer.store.submit(said(key, step, "see the file"))
        assert kinds(layer, key)[5:] == ["said"]
        await layer.store.submit(DeleteElement(actor="ann", id=file.id, at=now()))
        assert kinds(layer, key)[5:] == ["said", "changed"]
        assert await told(layer) == []

    async def test_of_what_was_deleted_it_tells_that_and_when(self, layer: DataLayer) -> None:
        key, ids = await talk(layer)
        await layer.store.submit(DeleteStep(actor="ann", id=ids[1], at=now()))
        assert kinds(layer, key)[5:] == ["deleted"]
        forgotten = rows(layer, "SELECT kind, number FROM links WHERE thread_id = ? AND salt IS NULL", key)
        assert sorted(forgotten) == [("deleted", 6), ("head", 0), ("said", 1), ("said", 2)]
        assert (await checked(layer)).deleted == 1
        everything = [str(row) for row in rows(layer, "SELECT * FROM links")]
        assert not any(ids[1] in row for row in everything)
        assert await told(layer) == []

    async def test_a_thread_that_is_deleted_takes_its_chain_along(self, layer: DataLayer) -> None:
        key, _ = await talk(layer)
        await layer.store.submit(DeleteThread(actor="ann", thread_id=key, at=now()))
        assert rows(layer, "SELECT * FROM links") == []

    async def test_a_vote_is_no_change(self, layer: DataLayer) -> None:
        key, ids = await talk(layer)
        await layer.store.submit(UpsertFeedback(actor="ann", id="v", step_id=ids[1], value=1, at=now()))
        assert len(kinds(layer, key)) == 5

    async def test_versions_and_forks(self, layer: DataLayer) -> None:
        key, ids = await talk(layer)
        for version in (None, 1, 2):
            write = ChooseVersion(actor="ann", thread_id=key, id=ids[0], version=version, text="why?", at=now())
            await layer.store.submit(write)
            assert await told(layer) == []
        whole = await layer.store.whole_thread(key)
        assert whole is not None
        fork = forks.fork("ann", *whole, "Birds", "one", None)
        await layer.store.submit(fork)
        assert set(kinds(layer, fork.thread_id)) == {"said"}
        found = await checked(layer)
        assert (found.threads, found.wrong) == (2, 0)

    async def test_writes_of_two_layers_to_one_thread_make_one_chain(
        self, layer: DataLayer, open_layer: OpenLayer, store_url: str
    ) -> None:
        if store_url.startswith("sqlite"):
            pytest.skip("one process writes to a file")
        key, _ = await talk(layer)
        layers = layer, open_layer()
        more = (said(key, new_id(), str(n)) for n in range(40))
        await asyncio.gather(*(layers[n % 2].store.submit(write) for n, write in enumerate(more)))
        removals = (DeleteElement(id=new_id(), at=now()) for _ in range(4))
        await asyncio.gather(*(layers[n % 2].store.submit(write) for n, write in enumerate(removals)))
        found = await checked(layer)
        assert (found.messages, found.wrong) == (44, 0)

    @pytest.mark.parametrize("seed", range(often(4, 60)))
    async def test_whatever_is_written(self, layer: DataLayer, seed: int) -> None:
        chance = random.Random(seed)
        await register(layer, "ann")
        threads, steps, files = ([new_id() for _ in range(count)] for count in (3, 12, 4))
        for _ in range(12):
            some = [_any_write(chance, threads, steps, files) for _ in range(chance.randint(1, 8))]
            await asyncio.gather(*map(layer.store.submit, some), return_exceptions=True)
            assert await told(layer) == []
        kept = rows(layer, "SELECT count(*) FROM steps WHERE type IN ('user_message', 'assistant_message')")
        assert (await checked(layer)).messages >= kept[0][0] - 12


def _any_write(chance: random.Random, threads: list[str], steps: list[str], files: list[str]) -> Write:
    thread, step, at = chance.choice(threads), chance.choice(steps), now()
    roll = chance.randrange(20)
    if roll < 10:
        values = {
            "type": chance.choice(["user_message", "assistant_message", "run"]),
            "status": chance.choice(["streaming", "complete", None]),
            "parent_id": chance.choice([None, *steps]),
            "output": chance.choice(WORDS),
        }
        given = {name: values[name] for name in values if name == "type" or chance.random() < 0.7}
        return UpsertStep(actor="ann", thread_id=thread, id=step, at=at, values=given, edit=chance.random() < 0.2)
    if roll < 12:
        return DeleteStep(actor="ann", id=step, at=at, anywhere=True)
    if roll < 14:
        values = {"name": chance.choice(WORDS), "type": "file", "for_id": chance.choice([None, step])}
        return UpsertElement(actor="ann", thread_id=thread, id=chance.choice(files), at=at, values=values)
    if roll < 17:
        kind: type[TrashElement | RestoreElement] = chance.choice([TrashElement, RestoreElement])
        file = chance.choice(files)
        if chance.random() < 0.3:
            return DeleteElement(actor="ann", id=file, at=at)
        return kind(actor="ann", thread_id=thread, id=file, at=at)
    if roll < 19:
        version = chance.choice([None, 1, 2])
        return ChooseVersion(actor="ann", thread_id=thread, id=step, version=version, text="why?", at=at)
    return UpsertFeedback(actor="ann", id=new_id(), step_id=step, value=1, at=at)


class TestBehindTheAppsBack:
    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            ("UPDATE steps SET output = 'never' WHERE id = '{1}'", [(2, "the message was changed")]),
            ("UPDATE steps SET name = 'somebody' WHERE id = '{1}'", [(2, "the message was changed")]),
            ("UPDATE steps SET created_at = created_at + 1 WHERE id = '{1}'", [(2, "the message was changed")]),
            ("UPDATE steps SET parent_id = 'x' WHERE id = '{1}'", [(2, "the message was changed")]),
            ("UPDATE steps SET status = 'streaming' WHERE id = '{1}'", [(2, "the message was changed")]),
            ("UPDATE steps SET type = 'run' WHERE id = '{1}'", [(2, "the message was changed")]),
            ("UPDATE elements SET name = 'g.txt'", [(5, "the message was changed")]),
            ("UPDATE elements SET for_id = NULL", [(5, "the message was changed")]),
            ("UPDATE elements SET trashed_at = 5", [(5, "the message was changed")]),
            ("DELETE FROM elements", [(5, "the message was changed")]),
            ("DELETE FROM steps WHERE id = '{1}'", [(2, "the message was removed")]),
            ("UPDATE links SET at = at + 1 WHERE number = 3", [(3, "the link was changed, or put here")]),
            ("UPDATE links SET kind = 'found' WHERE number = 3", [(3, "the link was changed, or put here")]),
            ("UPDATE links SET step_id = NULL WHERE number = 3", [(3, "the message was removed"), (None, "added")]),
            ("UPDATE links SET salt = NULL WHERE number = 3", [(3, "the message was changed")]),
            ("UPDATE links SET step_id = '{0}' WHERE number = 1", [(1, "the message was changed"), (5, "what it")]),
            ("DELETE FROM links WHERE number = 5", [(1, "removed"), (4, "cut at its end"), (None, "added")]),
            ("DELETE FROM links WHERE number = 3", [(4, "the links before it were removed"), (None, "added")]),
            ("DELETE FROM links WHERE number = 0", [(5, "the chain was cut at its end")]),
        ],
    )
    async def test_it_is_told_which_message_was_touched(
        self, layer: DataLayer, statement: str, expected: list[tuple[int | None, str]]
    ) -> None:
        _, ids = await talk(layer)
        assert await told(layer) == []
        change(layer, statement.format(*ids))
        found = await told(layer)
        assert {number for number, _ in found} == {number for number, _ in expected}
        for number, what in expected:
            assert any(each == number and what in words for each, words in found), found

    async def test_a_message_that_was_added(self, layer: DataLayer) -> None:
        key, _ = await talk(layer)
        names = "seq, id, thread_id, type, output, favorite, created_at"
        change(layer, f"INSERT INTO steps ({names}) VALUES (1234, 'x', '{key}', 'user_message', 'ha', false, 5)")
        (problem,) = (await checked(layer)).problems
        assert (problem.thread_id, problem.number, problem.step_id, problem.at, problem.what) == (
            *(key, None, "x", to_iso(5)),
            "a message was added",
        )

    async def test_two_messages_that_changed_places(self, layer: DataLayer) -> None:
        _, ids = await talk(layer)
        times = dict(rows(layer, "SELECT id, created_at FROM steps"))
        for one, other in (ids[1:3], ids[2:0:-1]):
            change(layer, f"UPDATE steps SET created_at = {times[other]} WHERE id = '{one}'")
        assert [number for number, _ in await told(layer)] == [2, 3]

    async def test_a_chain_of_another_thread(self, layer: DataLayer) -> None:
        (one, _), (other, _) = await talk(layer), await talk(layer)
        assert await told(layer) == []
        change(layer, f"DELETE FROM links WHERE thread_id = '{other}'")
        change(layer, f"UPDATE links SET thread_id = '{other}' WHERE thread_id = '{one}'")
        found = await checked(layer)
        assert found.unproved == 0
        assert {problem.thread_id for problem in found.problems} == {one, other}

    async def test_a_whole_chain_that_was_removed(self, layer: DataLayer) -> None:
        _, (key, ids), (old, _) = await talk(layer), await talk(layer), await talk(layer)
        change(layer, f"DELETE FROM links WHERE thread_id = '{key}'")
        change(layer, f"UPDATE steps SET output = 'never' WHERE id = '{ids[1]}'")
        change(layer, f"DELETE FROM links WHERE thread_id = '{old}'")
        change(layer, f"UPDATE steps SET written_at = 5 WHERE thread_id = '{old}'")
        change(layer, """UPDATE app_values SET value = '{"since": 6}'""")  # as if it was of before there were chains
        for which in (None, key):
            found = await checked(layer, which)
            (problem,) = found.problems
            assert (problem.thread_id, problem.number, problem.what) == (key, None, "the chain was removed")
            assert (found.threads, found.unproved) == ((1, 1) if which is None else (0, 0))
        assert (await checked(layer, old)).unproved == 1

    async def test_all_chains_of_a_store_or_the_earliest_that_were_removed(self, layer: DataLayer) -> None:
        talks = [(await talk(layer))[0] for _ in range(3)]
        change(layer, f"DELETE FROM links WHERE thread_id = '{talks[0]}'")
        assert [problem.thread_id for problem in (await checked(layer)).problems] == talks[:1]
        change(layer, "DELETE FROM links")
        found = await checked(layer)
        assert {(each.thread_id, each.what) for each in found.problems} == {
            (key, "the chain was removed") for key in talks
        }
        assert (found.threads, found.unproved, found.wrong) == (0, 0, 3)

    async def test_what_the_app_does_later_does_not_hide_it(self, layer: DataLayer) -> None:
        key, ids = await talk(layer)
        names = "seq, id, thread_id, type, output, favorite, created_at"
        change(layer, f"INSERT INTO steps ({names}) VALUES (1234, 'x', '{key}', 'user_message', 'ha', false, 5)")
        change(layer, f"UPDATE steps SET output = 'never' WHERE id = '{ids[1]}'")
        for step in ("x", ids[1]):
            await layer.store.submit(UpsertFeedback(actor="ann", id=new_id(), step_id=step, value=1, at=now()))
            await layer.store.submit(said(key, step, "the app's own"))
        assert await told(layer) == [(2, "the message was changed"), (None, "a message was added")]
        for step in ("x", ids[1]):
            await layer.store.submit(DeleteStep(actor="ann", id=step, at=now()))
        assert await told(layer) == []

    async def test_a_report_of_one_thread(self, layer: DataLayer) -> None:
        (one, ids), (other, _) = await talk(layer), await talk(layer)
        change(layer, f"UPDATE steps SET output = 'never' WHERE id = '{ids[0]}'")
        assert ((await checked(layer, one)).wrong, (await checked(layer, other)).wrong) == (1, 0)
        assert (await checked(layer, other)).messages == 4


class TestOlderThreads:
    async def test_they_begin_with_the_next_message_and_have_all_that_is_there(self, layer: DataLayer) -> None:
        key, _ = await talk(layer)
        change(layer, "DELETE FROM links")
        change(layer, "DELETE FROM app_values")
        found = await checked(layer)
        assert (found.threads, found.unproved, found.since, found.wrong) == (0, 1, None, 0)
        before = now()
        await layer.store.submit(said(key, new_id(), "one more"))
        assert kinds(layer, key) == ["found"] * 4 + ["said"]
        found = await checked(layer)
        assert (found.threads, found.unproved, found.messages, found.wrong) == (1, 0, 5, 0)
        assert found.since is not None
        assert found.since > (to_iso(before) or "")

    async def test_each_write_brings_some_until_all_are_there(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key, ids = await talk(layer)
        await talk(layer)
        change(layer, f"DELETE FROM links WHERE thread_id = '{key}'")
        monkeypatch.setattr(rows_of_chains, "_OLDEST", rows_of_chains._OLDEST.limit(3))
        monkeypatch.setattr(rows_of_chains, "AT_ONCE", 2)
        new = new_id()
        await layer.store.submit(said(key, new, "one more"))
        assert kinds(layer, key) == ["found"] * 2 + ["said"]
        found = await checked(layer)
        assert (found.threads, found.unproved, found.messages, found.wrong) == (2, 1, 7, 0)
        await layer.store.submit(DeleteStep(actor="ann", id=new, at=now()))
        assert (await checked(layer)).unproved == 1
        await layer.store.submit(said(key, ids[3], "changed meanwhile"))
        assert kinds(layer, key)[3:] == ["deleted", "found", "found"]
        found = await checked(layer)
        assert (found.unproved, found.messages, found.wrong) == (0, 8, 0)
        change(layer, f"DELETE FROM steps WHERE id = '{ids[2]}'")
        assert await told(layer) == [(5, "the message was removed")]

    async def test_long_ones(self, layer: DataLayer) -> None:
        key, _ = await talk(layer)
        change(layer, "DELETE FROM links")
        await asyncio.gather(*(layer.store.submit(said(key, new_id(), str(n))) for n in range(1100)))
        await talk(layer)
        found = await checked(layer)
        assert (found.threads, found.messages, found.wrong) == (2, 1108, 0)
        assert (await checked(layer, key)).messages == 1104
