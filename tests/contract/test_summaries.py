"""A stored summary is true: the messages it covers are those it was made of, whatever happens and in whatever order."""

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest
from chainlit.types import Feedback
from chainlit.user import PersistedUser

from datalayer import DataLayer, Forbidden
from datalayer.lines import from_json, to_json
from datalayer.records import ThreadMessage
from datalayer.reports import Summary, digest
from datalayer.writes import PutSummary, UpsertStep
from tests.conftest import chainlit_session, failures, make_run, make_step, new_id, often, register, rows
from tests.contract.test_context_queries import talk


def summing(messages: list[ThreadMessage], before: Summary | None = None, **over: Any) -> PutSummary:
    """The summary of ``messages``, in continuation of ``before``."""
    last = messages[-1]
    given: dict[str, Any] = {
        "thread_id": "t",
        "text": "They talked.",
        "from_step": before.from_step if before else messages[0].id,
        "until_step": last.id,
        "until_at": last.created_at,
        "messages": len(messages) + (before.messages if before else 0),
        "tokens": 3,
        "digest": digest(messages, before.digest if before else ""),
        "source": "extractive",
    }
    return PutSummary(**(given | over))


class Talk:
    """A conversation of ten messages, the first six of which are summed up."""

    def __init__(self, layer: DataLayer, user: PersistedUser) -> None:
        self.layer, self.user = layer, user
        self.said: list[Any] = []
        self.read: list[ThreadMessage] = []

    async def fill(self) -> None:
        await self.layer.update_thread("t", user_id=self.user.id)
        self.said = await talk(self.layer, "t", 10)
        self.read = await self.layer.store.thread_messages("t")
        await self.put(summing(self.read[:6]))
        assert await self.summary() is not None

    async def put(self, write: PutSummary) -> None:
        assert await self.layer.store.submit(write) is None

    async def summary(self) -> Summary | None:
        return await self.layer.store.summary("t")


@pytest.fixture
async def talked(layer: DataLayer) -> Talk:
    made = Talk(layer, await register(layer, "ann"))
    await made.fill()
    return made


class TestStored:
    async def test_every_field_comes_back(self, talked: Talk) -> None:
        write = summing(talked.read[:6], source="model", model="gemini-3-flash", text="é “x”", at=77)
        await talked.put(write)
        assert await talked.summary() == Summary(
            thread_id="t",
            text="é “x”",
            from_step=talked.read[0].id,
            until_step=talked.read[5].id,
            until_at=talked.read[5].created_at,
            messages=6,
            tokens=3,
            digest=write.digest,
            source="model",
            model="gemini-3-flash",
            created_at=77,
        )

    async def test_what_it_does_not_cover_is_what_comes_after_it(self, talked: Talk) -> None:
        found = await talked.summary()
        assert found is not None
        assert await talked.layer.store.thread_messages("t", after=found.until) == talked.read[6:]

    async def test_it_replaces_no_message(self, talked: Talk) -> None:
        assert await talked.layer.store.thread_messages("t") == talked.read

    async def test_it_is_continued_from_what_it_covers(self, talked: Talk) -> None:
        before = await talked.summary()
        await talked.put(summing(talked.read[6:8], before, text="They went on."))
        found = await talked.summary()
        assert found is not None
        assert (found.text, found.messages, found.until) == ("They went on.", 8, talked.read[7].position)
        assert found.digest == digest(talked.read[:8])

    async def test_one_made_from_all_messages_replaces_one_that_was_continued(self, talked: Talk) -> None:
        await talked.put(summing(talked.read[:9], text="from the start"))
        found = await talked.summary()
        assert found is not None
        assert (found.text, found.messages) == ("from the start", 9)

    async def test_twice_is_once(self, talked: Talk) -> None:
        write = summing(talked.read[:7])
        for _ in range(2):
            await talked.put(write)
        assert rows(talked.layer, "SELECT until_step FROM summaries") == [(talked.read[6].id,)]

    async def test_one_that_covers_less_does_not_replace_it(self, talked: Talk) -> None:
        before = await talked.summary()
        await talked.put(summing(talked.read[:4], text="late and short"))
        assert await talked.summary() == before

    async def test_out_of_a_spool_it_is_the_same(self, talked: Talk) -> None:
        write = summing(talked.read[:7], model="m")
        kept = from_json(to_json(write))
        assert kept == replace(write, replayed=True)
        assert isinstance(kept, PutSummary)
        await talked.put(kept)
        found = await talked.summary()
        assert found is not None
        assert found.messages == 7

    async def test_text_that_no_driver_can_encode_is_stored_readably(self, talked: Talk) -> None:
        await talked.put(summing(talked.read[:7], text="a\x00b\ud800c"))
        found = await talked.summary()
        assert found is not None
        assert found.text == "a\ufffdb\ufffdc"


def test_a_digest_is_a_chain_and_each_part_of_a_message_counts() -> None:
    said = [ThreadMessage(str(n), None, "user_message", f"text {n}", n, {}, None) for n in range(5)]
    for n in range(6):
        assert digest(said[n:], digest(said[:n])) == digest(said)
    others = [said[:-1], said[::-1], [], *([*said[:-1], replace(said[-1], **{name: "x"})] for name in ("id", "text"))]
    assert digest(said) not in [digest(other) for other in others]
    assert len(digest(said)) == 64


class TestOwnership:
    async def test_nobody_sums_up_a_conversation_of_somebody_else(self, talked: Talk) -> None:
        await register(talked.layer, "bob")
        before = await talked.summary()
        with pytest.raises(Forbidden):
            await talked.layer.store.submit(summing(talked.read[:7], actor="bob"))
        assert await talked.summary() == before
        await talked.put(summing(talked.read[:7], actor="ann"))
        assert await talked.summary() != before

    async def test_one_that_is_not_there_is_not_made(self, layer: DataLayer) -> None:
        message = ThreadMessage("m", None, "user_message", "x", 1, {}, None)
        await layer.store.submit(summing([message]))
        assert (await layer.store.summary("t"), await layer.store.thread("t")) == (None, None)


class TestThreadDeleted:
    async def test_it_goes_with_its_conversation(self, talked: Talk) -> None:
        await talked.layer.delete_thread("t")
        assert rows(talked.layer, "SELECT count(*) FROM summaries") == [(0,)]

    async def test_it_does_not_come_after_it(self, talked: Talk) -> None:
        calls = [talked.layer.delete_thread("t"), talked.layer.store.submit(summing(talked.read[:7]))]
        assert await failures(calls) == [None, None]
        await talked.put(summing(talked.read[:7], actor="ann"))
        assert rows(talked.layer, "SELECT count(*) FROM summaries") == [(0,)]


def raw(write_id: str, **values: Any) -> UpsertStep:
    return UpsertStep(thread_id="t", id=write_id, values=values, at=2**57)


SPOILING = {
    "edit of a question": lambda t: t.layer.update_step(t.said[4] | {"output": "changed"}),
    "edit of an answer": lambda t: t.layer.update_step(t.said[1] | {"output": "changed"}),
    "edit of the last one covered": lambda t: t.layer.update_step(t.said[5] | {"output": "changed"}),
    "edit by a write of the text alone": lambda t: t.layer.store.submit(raw(t.said[0]["id"], output="changed")),
    "edit to nothing": lambda t: t.layer.store.submit(raw(t.said[0]["id"], output=None)),
    "edit and back": lambda t: asyncio.gather(
        t.layer.update_step(t.said[1] | {"output": "changed"}), t.layer.update_step(t.said[1])
    ),
    "deletion of the first": lambda t: t.layer.delete_step(t.said[0]["id"]),
    "deletion of the last one covered": lambda t: t.layer.delete_step(t.said[5]["id"]),
    "a message that becomes a run": lambda t: t.layer.update_step(t.said[1] | {"type": "run"}),
    "a message that turns out to be an error": lambda t: t.layer.update_step(t.said[1] | {"isError": True}),
    "an older message that comes late": lambda t: t.layer.create_step(
        make_step("t", createdAt=t.said[2]["createdAt"], output="late")
    ),
    "a newer message that moves among them": lambda t: t.layer.update_step(
        t.said[8] | {"createdAt": t.said[2]["createdAt"]}
    ),
    "a covered message that moves away": lambda t: t.layer.update_step(
        t.said[2] | {"createdAt": t.said[9]["createdAt"]}
    ),
}
SPARING = {
    "a new message": lambda t: t.layer.create_step(make_step("t", output="new")),
    "a run": lambda t: t.layer.create_step(make_run("t", output="new")),
    "an older run that comes late": lambda t: t.layer.create_step(make_run("t", createdAt=t.said[2]["createdAt"])),
    "a favourite mark": lambda t: t.layer.set_step_favorite(dict(t.said[1]), True),
    "a vote": lambda t: t.layer.upsert_feedback(Feedback(forId=t.said[1]["id"], value=1)),
    "the same step again": lambda t: t.layer.update_step(t.said[2]),
    "other metadata": lambda t: t.layer.update_step(t.said[2] | {"metadata": {"a": 1}, "end": None}),
    "an edit of a message after it": lambda t: t.layer.update_step(t.said[6] | {"output": "changed"}),
    "a deletion of one after it": lambda t: t.layer.delete_step(t.said[6]["id"]),
    "another name": lambda t: t.layer.update_thread("t", name="Renamed"),
    "another conversation": lambda t: t.layer.create_step(make_step("u", createdAt=t.said[2]["createdAt"])),
    "a deletion elsewhere": lambda t: t.layer.delete_step(new_id()),
}


class TestChange:
    @pytest.mark.parametrize("change", SPOILING)
    async def test_what_changes_a_covered_message_deletes_the_summary(self, talked: Talk, change: str) -> None:
        """One that was being made meanwhile, anew or in continuation, does not come after it."""
        before = await talked.summary()
        late = [summing(talked.read[6:8], before), summing(talked.read[:8])]
        await SPOILING[change](talked)
        assert await talked.summary() is None
        for each in late if change != "edit and back" else ():
            await talked.put(each)
            assert await talked.summary() is None

    async def test_what_changes_none_leaves_it(self, talked: Talk) -> None:
        before = await talked.summary()
        for name, change in SPARING.items():
            await change(talked)
            assert await talked.summary() == before is not None, name

    async def test_an_answer_that_streams_leaves_it(self, talked: Talk) -> None:
        before, answer = await talked.summary(), make_step("t", output="")
        for n in range(30):
            step = answer | {"output": "word " * n, "metadata": {"threadkeep": {"status": "streaming"}}}
            await (talked.layer.update_step(step) if n else talked.layer.create_step(step))
        assert await talked.summary() == before is not None

    async def test_an_edit_in_the_group_of_the_summary_deletes_it(self, talked: Talk) -> None:
        calls = [
            talked.layer.store.submit(summing(talked.read[:8])),
            talked.layer.update_step(talked.said[7] | {"output": "changed"}),
        ]
        assert await failures(calls) == [None, None]
        assert await talked.summary() is None

    async def test_an_edit_by_its_author_deletes_it_and_by_others_does_not(self, talked: Talk) -> None:
        before = await talked.summary()
        with chainlit_session(await register(talked.layer, "bob"), "t"), pytest.raises(Forbidden):
            await talked.layer.update_step(talked.said[1] | {"output": "forged"})
        assert await talked.summary() == before is not None
        with chainlit_session(talked.user, "t"):
            await talked.layer.update_step(talked.said[1] | {"output": "mine"})
        assert await talked.summary() is None


class TestLate:
    """The summary was being made while its messages changed."""

    @pytest.mark.parametrize("continued", [False, True])
    async def test_so_it_is_in_one_group_with_the_change(self, talked: Talk, continued: bool) -> None:
        before = await talked.summary()
        late = summing(talked.read[6:8], before) if continued else summing(talked.read[:8])
        edit = talked.layer.update_step(talked.said[1] | {"output": "changed"})
        assert await failures([edit, talked.layer.store.submit(late)]) == [None, None]
        assert await talked.summary() is None

    async def test_one_whose_added_messages_have_changed_is_discarded_and_the_former_stays(self, talked: Talk) -> None:
        before = await talked.summary()
        late = summing(talked.read[6:8], before)
        await talked.layer.update_step(talked.said[7] | {"output": "changed"})
        await talked.put(late)
        assert await talked.summary() == before is not None

    async def test_an_edit_out_of_a_spool_with_an_older_time_counts_too(self, talked: Talk) -> None:
        await talked.layer.store.submit(replace(raw("old", type="user_message", output="x", created_at=5), at=5))
        messages = await talked.layer.store.thread_messages("t")
        late = summing(messages[:4])
        await talked.layer.store.submit(replace(raw("old", output="y"), at=6, replayed=True))
        await talked.put(late)
        assert await talked.summary() is None

    async def test_one_of_half_an_answer_is_discarded_when_the_answer_went_on(self, talked: Talk) -> None:
        answer = make_step("t", output="half")
        await talked.layer.create_step(answer)
        late = summing(await talked.layer.store.thread_messages("t"))
        await talked.layer.update_step(answer | {"output": "half and the rest"})
        before = await talked.summary()
        await talked.put(late)
        assert await talked.summary() == before is not None

    async def test_one_that_was_rebuilt_is_stored_again(self, talked: Talk) -> None:
        await talked.layer.update_step(talked.said[1] | {"output": "changed"})
        await talked.put(summing((await talked.layer.store.thread_messages("t"))[:6]))
        assert await talked.summary() is not None


def any_change(layer: DataLayer, chance: random.Random, known: list[str], n: int) -> Any:
    """A call that makes, changes or deletes a step of about the moment ``n``; its id is added to those ``known``."""
    key = chance.choice(known) if known and chance.random() < 0.15 else new_id()
    known.append(key)
    values: dict[str, Any] = {
        "type": chance.choice(["user_message", "assistant_message", "run"]),
        "output": str(chance.random()),
        "created_at": n * 1000 + chance.choice([0, 0, 0, 0, 0, 0, -30_000]),
    }
    for name in ("type", "created_at"):
        if chance.random() < 0.1:
            del values[name]
    return layer.delete_step(key) if chance.random() < 0.1 else layer.store.submit(raw(key, **values))


def any_summary(chance: random.Random, read: list[ThreadMessage], before: Summary | None) -> PutSummary | None:
    """Of some of the messages ``read``, in continuation of ``before`` if its last one was among them."""
    positions = [message.position for message in read]
    if before is None or before.until not in positions:
        return summing(read[: chance.randrange(len(read)) + 1]) if read else None
    rest = read[positions.index(before.until) + 1 :]
    return summing(rest[: chance.randrange(len(rest)) + 1], before) if rest else None


@pytest.mark.parametrize("seed", range(often(2, 12)))
async def test_after_any_writes_a_stored_summary_is_true(layer: DataLayer, seed: int) -> None:
    """Writes in groups, among them summaries of what was read up to some groups before."""
    chance, known, read, stored = random.Random(seed), list[str](), list[ThreadMessage](), 0
    await layer.update_thread("t", name="Any")
    for n in range(60, 120):
        summary = any_summary(chance, read, await layer.store.summary("t"))
        before, after = chance.randrange(3), chance.randrange(3)
        calls = [any_change(layer, chance, known, n) for _ in range(before)]
        calls += [layer.store.submit(summary)] if summary else []
        calls += [any_change(layer, chance, known, n) for _ in range(after)]
        assert await failures(calls) == [None] * len(calls)
        found, now = await layer.store.summary("t"), await layer.store.thread_messages("t")
        if found is not None:
            covered = now[: [message.id for message in now].index(found.until_step) + 1]
            assert (found.digest, found.messages) == (digest(covered), len(covered))
            stored += 1
        read = now if chance.random() < 0.5 else read
    assert stored > 5
