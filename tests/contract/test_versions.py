"""Versions of a question: what is not shown is whole, nobody finds it, and it comes back as it was, in one write."""

import asyncio
import random
from typing import Any

import pytest
from chainlit.types import Feedback
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalayer import DataLayer, Forbidden, NotFound, forks, versions
from datalayer.lines import from_json, to_json
from datalayer.records import now
from datalayer.reports import digest
from datalayer.writes import ChooseVersion, PutSummary
from tests.conftest import (
    chainlit_session,
    make_run,
    make_step,
    new_id,
    often,
    register,
    rows,
    start_thread,
    steps_of,
)

MESSAGES = ("user_message", "assistant_message")
DONE = ("ask", "edit", "again", "choose", "choose")


class Talk:
    """A thread of ann's, written as Threadkeep writes it."""

    def __init__(self, layer: DataLayer, user: Any) -> None:
        self.layer, self.user, self.id, self._time = layer, user, "", 0

    @classmethod
    async def begin(cls, layer: DataLayer, *said: str, name: str = "ann") -> "Talk":
        """``said``: questions and answers by turns."""
        talk = cls(layer, await register(layer, name))
        for question, answer in zip(said[::2], said[1::2], strict=True):
            await talk.ask(question, answer)
        return talk

    def _next(self) -> str:
        self._time += 1
        return f"2026-01-01T00:{self._time // 60:02}:{self._time % 60:02}Z"

    async def ask(self, question: str, answer: str) -> str:
        if self.id:
            asked = make_step(self.id, type="user_message", output=question, createdAt=self._next())
            await self.layer.create_step(asked)
        else:
            asked = await start_thread(self.layer, self.user, output=question, createdAt=self._next())
            self.id = asked["threadId"]
        await self.answer(asked["id"], answer)
        return str(asked["id"])

    async def answer(self, question: str, text: str) -> str:
        run = make_run(self.id, parentId=question, createdAt=self._next())
        answer = make_step(self.id, parentId=run["id"], output=text, createdAt=self._next())
        for step in (run, answer):
            await self.layer.create_step(step)
        return str(answer["id"])

    def write(self, question: str, version: int | None = None, text: str | None = None, **over: Any) -> ChooseVersion:
        given = {"actor": "ann", "at": now()} | over
        return ChooseVersion(thread_id=self.id, id=question, version=version, text=text, **given)

    async def choose(self, question: str, version: int | None = None, text: str | None = None, **over: Any) -> Any:
        return await self.layer.store.submit(self.write(question, version, text, **over))

    async def edit(self, question: str, text: str, answer: str) -> None:
        await self.choose(question, text=text)
        await self.answer(question, answer)

    async def told(self) -> list[str]:
        """What a model is told."""
        return [message.text for message in await self.layer.store.thread_messages(self.id)]

    async def shown(self) -> list[Any]:
        """All that is not aside, as Chainlit gets it."""
        thread = await self.layer.get_thread(self.id)
        return [step for step in thread["steps"] if step["type"] not in versions.HIDDEN] if thread else []

    async def versions(self, question: str) -> list[versions.Version]:
        whole = await self.layer.store.whole_thread(self.id)
        return versions.versions_of(whole[1], question) if whole else []

    async def found(self, words: str) -> list[str]:
        return [hit.step_id or "" for hit in (await self.layer.store.search(self.user.id, words)).hits]


async def test_what_was_put_aside_comes_back_as_it_was_and_nobody_finds_it_meanwhile(layer: DataLayer) -> None:
    talk = await Talk.begin(layer, "a heron", "grey", "an osprey", "brown")
    question, _, answer, *_ = await talk.shown()
    with chainlit_session(talk.user, talk.id):
        await layer.upsert_feedback(Feedback(forId=answer["id"], value=1))
        await layer.set_step_favorite(await layer.get_step(answer["id"]), True)
    before = await talk.shown()
    chosen = await talk.choose(question["id"], text="an avocet")
    assert set(chosen.gone) == {step["id"] for step in before[1:]}
    assert (chosen.versions.shown, chosen.versions.count) == (2, 2)
    await talk.answer(question["id"], "black and white")
    assert await talk.told() == ["an avocet", "black and white"]
    assert await layer.get_favorite_steps(talk.user.id) == []
    assert await layer.store.message_counts([talk.id]) == {talk.id: 2}
    for word in ("heron", "grey", "osprey", "brown"):
        assert await talk.found(word) == [], word
    assert len(await talk.found("avocet")) == 1
    after, thread = await talk.shown(), await layer.store.thread(talk.id)
    for _ in range(2):
        await talk.choose(question["id"], 1)
        assert await talk.shown() == before
        assert [step["id"] for step in await layer.get_favorite_steps(talk.user.id)] == [answer["id"]]
        assert await talk.found("avocet") == []
        assert await talk.found("osprey") == [before[3]["id"]]
        await talk.choose(question["id"], 2)
        assert await talk.shown() == after
    assert await layer.store.thread(talk.id) == thread  # with the time of the last activity
    first, second = await talk.versions(question["id"])
    assert (first.number, first.question, first.shown, second.question, second.shown) == (
        *(1, "a heron", False),
        *("an avocet", True),
    )
    assert [step.output for step in first.steps if step.type in MESSAGES] == ["grey", "an osprey", "brown"]


async def test_versions_of_a_later_question_travel_with_it(layer: DataLayer) -> None:
    talk = await Talk.begin(layer, "one", "first", "two", "second")
    one, two = [step["id"] for step in await talk.shown() if step["type"] == "user_message"]
    await talk.edit(two, "two, edited", "second, edited")
    await talk.edit(one, "one, edited", "first, edited")
    with pytest.raises(NotFound):
        await talk.choose(two, 1)
    await talk.choose(one, 1)
    assert await talk.told() == ["one", "first", "two, edited", "second, edited"]
    await talk.choose(two, 1)
    assert await talk.told() == ["one", "first", "two", "second"]
    await talk.choose(one, 2)
    await talk.choose(one, 1)
    assert await talk.told() == ["one", "first", "two", "second"]
    assert [version.shown for version in await talk.versions(two)] == [True, False]


async def test_applied_twice_it_is_one_and_what_is_not_there_is_refused(layer: DataLayer) -> None:
    talk = await Talk.begin(layer, "one", "first")
    question = (await talk.shown())[0]["id"]
    new = talk.write(question, text="another")
    for _ in range(2):
        await layer.store.submit(from_json(to_json(new)))
    await talk.answer(question, "second")
    back = talk.write(question, 1)
    for write in (back, new, back):
        await layer.store.submit(from_json(to_json(write)))
    assert await talk.told() == ["one", "first"]
    assert len(await talk.versions(question)) == 2
    await talk.choose(question, 2)
    assert await layer.store.submit(from_json(to_json(back))) is None
    assert await talk.told() == ["another", "second"]
    await talk.choose(question, text="with \0 and \ud800")
    assert await talk.told() == ["with \ufffd and \ufffd"]
    await talk.choose(question, 2)
    for bad in (0, 4, -1):
        with pytest.raises(NotFound):
            await talk.choose(question, bad)
    with pytest.raises(NotFound):
        await talk.choose(new_id(), 1)
    with pytest.raises(NotFound):
        await talk.choose((await talk.shown())[-1]["id"])
    assert await talk.told() == ["another", "second"]


async def test_only_the_author_chooses(layer: DataLayer) -> None:
    talk, other = await Talk.begin(layer, "one", "first"), await Talk.begin(layer, "mine", "yes", name="bob")
    question, foreign = (await talk.shown())[0]["id"], (await other.shown())[0]["id"]
    await talk.edit(question, "another", "second")
    for write in (talk.write(question, 1, actor="bob"), talk.write(question, actor="bob")):
        with pytest.raises(Forbidden):
            await layer.store.submit(write)
    with pytest.raises(NotFound):
        await talk.choose(foreign, text="taken over")
    assert await talk.told() == ["another", "second"]
    assert await other.told() == ["mine", "yes"]


async def test_what_is_written_late_to_what_is_aside_stays_aside(layer: DataLayer) -> None:
    talk = await Talk.begin(layer, "one", "Once upon")
    question, run, answer = await talk.shown()
    await talk.edit(question["id"], "another", "second")
    await layer.update_step({**answer, "output": "Once upon a time"})
    await layer.update_step({**run, "end": answer["createdAt"]})
    await layer.create_step(make_step(talk.id, parentId=run["id"], output="The end"))
    await layer.create_step(
        make_step(talk.id, type="user_message", output="and then", createdAt="2026-02-01T00:00:00Z")
    )
    assert await talk.told() == ["another", "second", "and then"]
    await talk.choose(question["id"], 1)
    assert await talk.told() == ["one", "Once upon a time", "The end"]
    run, answer, _ = (await talk.shown())[1:]
    assert (run["parentId"], answer["parentId"]) == (question["id"], run["id"])


async def test_a_new_answer_that_has_begun_is_kept(layer: DataLayer) -> None:
    talk = await Talk.begin(layer, "one", "first")
    question = (await talk.shown())[0]["id"]
    new = await talk.answer(question, "second")
    run = (await steps_of(layer, talk.id))[new]["parentId"]
    await talk.choose(question, keeps=[new, run])
    assert await talk.told() == ["one", "second"]
    await talk.choose(question, 1)
    assert await talk.told() == ["one", "first"]


async def test_two_at_once_leave_one_version_whole(layer: DataLayer) -> None:
    talk = await Talk.begin(layer, "one", "first")
    question = (await talk.shown())[0]["id"]
    for number in range(2, 6):
        await talk.edit(question, f"version {number}", f"answer {number}")
    told = ["one", "first"]
    for _ in range(often(5, 50)):
        writes = [talk.choose(question, random.randint(1, 5)) for _ in range(8)]
        await asyncio.gather(*writes)
        told = await talk.told()
        number = next(version.number for version in await talk.versions(question) if version.shown)
        assert told == (["one", "first"] if number == 1 else [f"version {number}", f"answer {number}"])


async def test_a_summary_of_what_is_not_shown_is_none(layer: DataLayer) -> None:
    talk = await Talk.begin(layer, "one", "first", "two", "second")
    first, _, two, _ = await layer.store.thread_messages(talk.id)

    async def sum_up() -> bool:
        covered = await layer.store.thread_messages(talk.id)
        what: dict[str, Any] = {"text": "s", "messages": len(covered), "tokens": 3, "source": "model"}
        place = {"from_step": first.id, "until_step": covered[-1].id, "until_at": covered[-1].created_at}
        await layer.store.submit(PutSummary(thread_id=talk.id, at=now(), digest=digest(covered), **what, **place))
        return await layer.store.summary(talk.id) is not None

    assert await sum_up()
    await talk.edit(two.id, "three", "third")
    assert await layer.store.summary(talk.id) is None
    assert await sum_up()
    await talk.choose(two.id, 1)
    assert await layer.store.summary(talk.id) is None


@pytest.mark.parametrize("whole", [False, True])
async def test_a_question_that_is_deleted_takes_its_versions_along(layer: DataLayer, whole: bool) -> None:
    talk = await Talk.begin(layer, "canary one", "canary first", "canary two", "canary second")
    one, two = [step["id"] for step in await talk.shown() if step["type"] == "user_message"]
    await talk.edit(two, "canary three", "canary third")
    await talk.edit(one, "canary four", "canary fourth")
    await talk.edit(one, "canary five", "canary fifth")
    if whole:
        await layer.delete_thread(talk.id)
    else:
        with chainlit_session(talk.user, talk.id):
            await layer.delete_step(one)
        await layer.create_step(make_step(talk.id, type="user_message", output="what is left"))
        assert await talk.told() == ["what is left"]
    kept = rows(layer, "SELECT output, metadata FROM steps")
    assert len(kept) == (0 if whole else 1)
    assert "canary" not in str(kept)
    assert await layer.store.submit(talk.write(one, 1)) is None


async def test_a_fork_has_what_is_shown_alone(layer: DataLayer) -> None:
    talk = await Talk.begin(layer, "one", "first", "two", "second")
    await talk.edit((await talk.shown())[0]["id"], "another", "third")
    whole = await layer.store.whole_thread(talk.id)
    assert whole is not None
    write = forks.fork("ann", *whole, name="Fork")
    await layer.store.submit(write)
    steps = (await steps_of(layer, write.thread_id)).values()
    assert [step["output"] for step in steps if step["type"] in MESSAGES] == ["another", "third"]
    assert not {step["type"] for step in steps} & versions.HIDDEN


async def test_a_part_of_a_thread_has_the_records_of_its_questions(layer: DataLayer) -> None:
    talk = await Talk.begin(layer, *(word for n in range(6) for word in (f"q{n}", f"a{n}")))
    asked = [step["id"] for step in await talk.shown() if step["type"] == "user_message"]
    for number in range(often(20, 500)):
        await talk.edit(asked[-1], f"q5 again {number}", "an answer")
    part = await layer.store.part(talk.id, None, count=2, hidden=versions.ASIDE)
    assert part is not None
    [record] = [step for step in part.steps if step.type == versions.RECORD]
    known = versions.told(record.metadata)
    assert known is not None
    assert (known.question, known.shown, known.count) == (asked[-1], number + 2, number + 2)
    assert known.before == number + 1
    assert len(part.steps) == 4


@settings(
    max_examples=often(5, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(st.lists(st.tuples(st.sampled_from(DONE), st.integers(0, 9), st.integers(0, 9)), max_size=14))
async def test_every_text_that_was_ever_shown_can_be_brought_back(
    layer: DataLayer, steps: list[tuple[str, int, int]]
) -> None:
    talk = await Talk.begin(layer, "q0", "a0")
    shown: list[list[str]] = [await talk.told()]
    for number, (done, which, version) in enumerate(steps, 1):
        asked = [step for step in await talk.shown() if step["type"] == "user_message"]
        question = asked[which % len(asked)]
        before = await talk.told()
        upto = before.index(question["output"])
        if done == "ask":
            await talk.ask(f"q{number}", f"a{number}")
            expected = [*before, f"q{number}", f"a{number}"]
        elif done == "edit":
            await talk.edit(question["id"], f"q{number}", f"a{number}")
            expected = [*before[:upto], f"q{number}", f"a{number}"]
        elif done == "again":
            await talk.choose(question["id"])
            await talk.answer(question["id"], f"a{number}")
            expected = [*before[: upto + 1], f"a{number}"]
        elif known := await talk.versions(question["id"]):
            wanted = known[version % len(known)]
            await talk.choose(question["id"], wanted.number)
            after = [step.output or "" for step in wanted.steps if step.type in MESSAGES]
            expected = [*before[:upto], wanted.question, *after]
        else:
            continue
        assert await talk.told() == expected
        shown.append(expected)
    ever = {text for texts in shown for text in texts}
    assert await _reachable(talk) == ever


async def _reachable(talk: Talk, since: int = 0) -> set[str]:
    """All texts that are shown whatever versions are chosen, of questions from this place on; it is then as before."""
    found = set(await talk.told())
    asked = [step["id"] for step in await talk.shown() if step["type"] == "user_message"]
    for place in range(since, len(asked)):
        known = await talk.versions(asked[place])
        for version in (each for each in known if not each.shown):
            await talk.choose(asked[place], version.number)
            found |= await _reachable(talk, place + 1)
        for version in (each for each in known if each.shown):
            await talk.choose(asked[place], version.number)
    return found
