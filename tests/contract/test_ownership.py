"""I6: ids come from browsers. Nobody changes, deletes or moves a row of another thread or another user."""

from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Feedback, Pagination, ThreadFilter
from chainlit.user import PersistedUser

from datalayer import DataLayer, Forbidden, InvalidInput, NotFound
from datalayer.chainlit.events import editing
from tests.conftest import (
    OpenLayer,
    blob_names,
    chainlit_session,
    failures,
    make_run,
    make_step,
    new_id,
    register,
    start_thread,
    steps_of,
)


class Victim:
    """Ann's thread: question, answer, file, vote."""

    def __init__(self, layer: DataLayer, user: PersistedUser, question: Any) -> None:
        self.layer, self.user, self.question, self.thread_id = layer, user, question, question["threadId"]
        self.answer = make_step(self.thread_id, parentId=question["id"])
        self.file = cl.File(thread_id=self.thread_id, name="f", content=b"content", for_id=self.answer["id"])
        self.vote = ""

    async def fill(self) -> None:
        await self.layer.create_step(self.answer)
        await self.layer.create_element(self.file)
        with chainlit_session(self.user, self.thread_id):
            self.vote = await self.layer.upsert_feedback(Feedback(forId=self.answer["id"], value=1, comment="mine"))

    async def state(self) -> Any:
        return await self.layer.get_thread(self.thread_id)


@pytest.fixture
async def victim(layer: DataLayer) -> Victim:
    ann = await register(layer, "ann")
    made = Victim(layer, ann, await start_thread(layer, ann))
    await made.fill()
    return made


@pytest.fixture
async def bob(layer: DataLayer) -> PersistedUser:
    return await register(layer, "bob")


def _edited(layer: DataLayer, step: Any) -> Any:
    with editing(step["id"]):
        return layer.update_step(step)


def attacks(layer: DataLayer, victim: Victim, own: str) -> dict[str, Any]:
    """Every mutator with ann's ids; ``own``: the attacker's thread."""
    thread_id, answer, file = victim.thread_id, victim.answer["id"], victim.file.id
    return {
        "rename": lambda: layer.update_thread(thread_id, name="stolen"),
        "metadata": lambda: layer.update_thread(thread_id, metadata={"a": 1}),
        "tags": lambda: layer.update_thread(thread_id, tags=["a"]),
        "delete thread": lambda: layer.delete_thread(thread_id),
        "add step": lambda: layer.create_step(make_step(thread_id)),
        "change step": lambda: layer.update_step(make_step(thread_id, id=answer, output="forged")),
        "edit question": lambda: _edited(layer, victim.question | {"output": "forged"}),
        "claim step": lambda: layer.create_step(make_step(own, id=answer)),
        "move step": lambda: layer.update_step({"id": answer, "threadId": own}),
        "delete step": lambda: layer.delete_step(answer),
        "add element": lambda: layer.create_element(cl.File(thread_id=thread_id, name="x", content=b"x")),
        "change element": lambda: layer.create_element(
            cl.File(thread_id=thread_id, id=file, name="x", content=b"forged")
        ),
        "claim element": lambda: layer.create_element(cl.File(thread_id=own, id=file, name="x", content=b"x")),
        "foreign forId": lambda: layer.create_element(cl.File(thread_id=own, name="x", content=b"x", for_id=answer)),
        "delete element": lambda: layer.delete_element(file, thread_id),
        "delete element as of own thread": lambda: layer.delete_element(file, own),
        "delete element by id alone": lambda: layer.delete_element(file),
    }


NAMES = (
    "rename",
    "metadata",
    "tags",
    "delete thread",
    "add step",
    "change step",
    "edit question",
    "claim step",
    "move step",
    "delete step",
    "add element",
    "change element",
    "claim element",
    "foreign forId",
    "delete element",
    "delete element as of own thread",
    "delete element by id alone",
)


class TestAnotherUser:
    @pytest.mark.parametrize("attack", NAMES)
    async def test_is_forbidden_every_change(
        self, layer: DataLayer, victim: Victim, bob: PersistedUser, attack: str
    ) -> None:
        own = await start_thread(layer, bob)
        before, mine, files = await victim.state(), await layer.get_thread(own["threadId"]), await blob_names(layer)
        with chainlit_session(bob, own["threadId"]), pytest.raises(Forbidden):
            await attacks(layer, victim, own["threadId"])[attack]()
        assert await victim.state() == before
        assert await layer.get_thread(own["threadId"]) == mine
        assert await blob_names(layer) == files

    async def test_is_forbidden_them_beside_the_deletion_of_an_own_conversation(
        self, layer: DataLayer, victim: Victim, bob: PersistedUser
    ) -> None:
        own, before = (await start_thread(layer, bob))["threadId"], await victim.state()
        with chainlit_session(bob, own):
            calls = [layer.delete_thread(own), layer.delete_step(victim.answer["id"])]
            errors = await failures([*calls, layer.create_step(make_step(new_id(), id=victim.answer["id"]))])
        assert [type(error) for error in errors] == [type(None), Forbidden, Forbidden]
        assert await victim.state() == before
        await layer.update_step(victim.answer | {"output": "still hers"})
        assert (await steps_of(layer, victim.thread_id))[victim.answer["id"]]["output"] == "still hers"

    async def test_is_forbidden_all_changes_at_once(self, layer: DataLayer, victim: Victim, bob: PersistedUser) -> None:
        own = await start_thread(layer, bob)
        before = await victim.state()
        calls = attacks(layer, victim, own["threadId"])
        assert tuple(calls) == NAMES
        with chainlit_session(bob, own["threadId"]):
            errors = await failures(call() for call in calls.values())
        assert [type(error) for error in errors] == [Forbidden] * len(NAMES)
        assert await victim.state() == before

    async def test_cannot_take_a_thread_over(self, layer: DataLayer, victim: Victim, bob: PersistedUser) -> None:
        with chainlit_session(bob, victim.thread_id), pytest.raises(Forbidden):
            await layer.update_thread(victim.thread_id, user_id=bob.id, name="mine")
        assert await layer.get_thread_author(victim.thread_id) == "ann"

    async def test_cannot_give_a_thread_to_somebody_else(
        self, layer: DataLayer, victim: Victim, bob: PersistedUser
    ) -> None:
        with chainlit_session(bob) as session, pytest.raises(Forbidden):
            await layer.update_thread(session.thread_id, user_id=victim.user.id)
        assert await layer.get_thread(session.thread_id) is None

    async def test_cannot_vote_on_a_message_nor_learn_whether_it_exists(
        self, layer: DataLayer, victim: Victim, bob: PersistedUser
    ) -> None:
        with chainlit_session(bob):
            votes = [layer.upsert_feedback(Feedback(forId=key, value=0)) for key in (victim.answer["id"], new_id())]
            errors = await failures(votes)
        assert [type(error) for error in errors] == [NotFound, NotFound]
        assert str(errors[0]) == str(errors[1])
        assert (await steps_of(layer, victim.thread_id))[victim.answer["id"]]["feedback"]["value"] == 1

    async def test_cannot_withdraw_a_vote(self, layer: DataLayer, victim: Victim, bob: PersistedUser) -> None:
        with chainlit_session(bob):
            assert await layer.delete_feedback(victim.vote) is False
        assert (await steps_of(layer, victim.thread_id))[victim.answer["id"]]["feedback"]["id"] == victim.vote

    async def test_reads_nothing_of_it(self, layer: DataLayer, victim: Victim, bob: PersistedUser) -> None:
        own = await start_thread(layer, bob)
        await layer.set_step_favorite(victim.answer, True)
        with chainlit_session(bob, own["threadId"]):
            listed = await layer.list_threads(Pagination(first=99), ThreadFilter(userId=bob.id))
            found = await layer.list_threads(Pagination(first=99), ThreadFilter(userId=bob.id, search="morning"))
            voted = await layer.list_threads(Pagination(first=99), ThreadFilter(userId=bob.id, feedback=1))
            assert [thread["id"] for thread in listed.data] == [own["threadId"]]
            assert [thread["id"] for thread in found.data] == [own["threadId"]]
            assert voted.data == []
            assert await layer.get_favorite_steps(bob.id) == []
            assert await layer.get_element(own["threadId"], victim.file.id) is None
            assert await layer.get_thread_author(victim.thread_id) == "ann"

    async def test_a_list_without_a_user_is_refused(self, layer: DataLayer, victim: Victim) -> None:
        for nobody in (None, ""):
            with pytest.raises(InvalidInput):
                await layer.list_threads(Pagination(first=9), ThreadFilter(userId=nobody))


class TestAnotherThreadOfTheSameUser:
    @pytest.mark.parametrize("attack", ["claim step", "move step", "claim element", "foreign forId"])
    async def test_takes_nothing_over(self, layer: DataLayer, victim: Victim, attack: str) -> None:
        own = await start_thread(layer, victim.user)
        before = await victim.state()
        with chainlit_session(victim.user, own["threadId"]), pytest.raises(Forbidden):
            await attacks(layer, victim, own["threadId"])[attack]()
        assert await victim.state() == before

    async def test_neither_when_both_come_in_one_group(self, layer: DataLayer, victim: Victim) -> None:
        other = await start_thread(layer, victim.user)
        element, step = new_id(), new_id()
        links = [
            cl.File(id=element, thread_id=key, name=key, url="/x") for key in (victim.thread_id, other["threadId"])
        ]
        steps = [make_step(key, id=step) for key in (victim.thread_id, other["threadId"])]
        errors = await failures(map(layer.create_element, links)) + await failures(map(layer.create_step, steps))
        # Whoever comes first has it, which for two threads is not told by the order of the calls.
        assert {frozenset(map(type, each)) for each in (errors[:2], errors[2:])} == {frozenset({type(None), Forbidden})}
        whole = [await layer.get_thread(key) for key in (victim.thread_id, other["threadId"])]
        for n, (kind, key) in enumerate((("elements", element), ("steps", step))):
            has = [any(found["id"] == key for found in thread[kind]) for thread in whole if thread]
            assert has == [error is None for error in errors[2 * n : 2 * n + 2]]


class TestTheApplicationItself:
    """Outside a session the caller is the application: it may write to any thread, but moves nothing either."""

    async def test_it_changes_and_deletes_in_any_thread(self, layer: DataLayer, victim: Victim) -> None:
        await layer.update_step(victim.answer | {"output": "corrected"})
        assert (await steps_of(layer, victim.thread_id))[victim.answer["id"]]["output"] == "corrected"
        await layer.delete_step(victim.answer["id"])
        assert set(await steps_of(layer, victim.thread_id)) == {victim.question["id"]}

    @pytest.mark.parametrize("attack", ["claim step", "move step", "claim element", "foreign forId"])
    async def test_it_moves_nothing_between_threads(self, layer: DataLayer, victim: Victim, attack: str) -> None:
        own = await start_thread(layer)
        before = await victim.state()
        with pytest.raises(Forbidden):
            await attacks(layer, victim, own["threadId"])[attack]()
        assert await victim.state() == before

    async def test_it_does_not_change_an_author(self, layer: DataLayer, victim: Victim, bob: PersistedUser) -> None:
        with pytest.raises(Forbidden):
            await layer.update_thread(victim.thread_id, user_id=bob.id)
        assert await layer.get_thread_author(victim.thread_id) == "ann"

    async def test_it_gives_an_ownerless_thread_to_a_user_once(self, layer: DataLayer, bob: PersistedUser) -> None:
        message = await start_thread(layer)
        await layer.update_thread(message["threadId"], user_id=bob.id)
        assert await layer.get_thread_author(message["threadId"]) == "bob"


class TestParents:
    async def test_a_foreign_parent_is_dropped_and_the_message_kept(
        self, layer: DataLayer, victim: Victim, bob: PersistedUser
    ) -> None:
        own = await start_thread(layer, bob)
        reply = make_step(own["threadId"], parentId=victim.answer["id"], output="mine")
        with chainlit_session(bob, own["threadId"]):
            await layer.create_step(reply)
        stored = (await steps_of(layer, own["threadId"]))[reply["id"]]
        assert (stored["parentId"], stored["output"]) == (None, "mine")
        await layer.delete_step(victim.answer["id"])
        assert reply["id"] in await steps_of(layer, own["threadId"])

    @pytest.mark.parametrize("blow", ["edit", "delete"])
    async def test_a_child_whose_parent_id_somebody_claims_later_survives(
        self, layer: DataLayer, victim: Victim, bob: PersistedUser, blow: str
    ) -> None:
        parent = new_id()
        child = make_run(victim.thread_id, parentId=parent)
        await layer.create_step(child)
        await self._claim_and(blow, layer, parent, bob)
        assert child["id"] in await steps_of(layer, victim.thread_id)

    @pytest.mark.parametrize("blow", ["edit", "delete"])
    async def test_a_file_whose_step_id_somebody_claims_later_survives(
        self, layer: DataLayer, victim: Victim, bob: PersistedUser, blow: str
    ) -> None:
        step = new_id()
        file = cl.File(thread_id=victim.thread_id, name="f", content=b"precious", for_id=step)
        await layer.create_element(file)
        await self._claim_and(blow, layer, step, bob)
        assert await layer.get_element(victim.thread_id, file.id) is not None

    async def test_a_file_whose_steps_parent_somebody_claims_later_survives(
        self, layer: DataLayer, victim: Victim, bob: PersistedUser
    ) -> None:
        parent, step = new_id(), new_id()
        file = cl.File(thread_id=victim.thread_id, name="f", content=b"precious", for_id=step)
        await layer.create_element(file)
        own = await start_thread(layer, bob)
        with chainlit_session(bob, own["threadId"]):
            await layer.create_step(make_step(own["threadId"], id=parent, type="user_message"))
            await layer.create_step(make_run(own["threadId"], id=step, parentId=parent))
            with editing(parent):
                await layer.update_step(make_step(own["threadId"], id=parent, output="edited"))
        assert await layer.get_element(victim.thread_id, file.id) is not None

    async def _claim_and(self, blow: str, layer: DataLayer, key: str, bob: PersistedUser) -> None:
        own = await start_thread(layer, bob)
        question = make_step(own["threadId"], id=key, type="user_message")
        with chainlit_session(bob, own["threadId"]), editing(key):
            await layer.create_step(question)
            await (layer.delete_step(key) if blow == "delete" else layer.update_step(question | {"output": "new"}))


class TestAuthors:
    async def test_a_new_thread_belongs_to_the_user_of_its_session(self, layer: DataLayer, bob: PersistedUser) -> None:
        with chainlit_session(bob) as session:
            await layer.create_element(cl.File(name="f", content=b"f"))
        assert await layer.get_thread_author(session.thread_id) == "bob"

    async def test_where_an_author_is_required_a_thread_without_one_is_refused(self, open_layer: OpenLayer) -> None:
        layer = open_layer(author_required=True)
        for context in (chainlit_session(), chainlit_session(None, new_id())):
            with context as session:
                calls = [
                    layer.create_step(make_step(session.thread_id)),
                    layer.update_thread(session.thread_id, name="n"),
                    layer.create_element(cl.File(name="f", content=b"f")),
                ]
                assert [type(error) for error in await failures(calls)] == [InvalidInput] * 3
            assert await layer.get_thread(session.thread_id) is None
        assert await blob_names(layer) == set()

    async def test_where_an_author_is_required_a_user_starts_one(self, open_layer: OpenLayer) -> None:
        layer = open_layer(author_required=True)
        with chainlit_session(await register(layer, "ann")) as session:
            await layer.create_step(make_step(session.thread_id))
        assert await layer.get_thread_author(session.thread_id) == "ann"

    async def test_where_an_author_is_required_a_job_starts_one_for_a_user(self, open_layer: OpenLayer) -> None:
        layer = open_layer(author_required=True)
        message = await start_thread(layer, await register(layer, "ann"))
        assert await layer.get_thread_author(message["threadId"]) == "ann"

    async def test_where_none_is_required_a_visitor_starts_one(self, open_layer: OpenLayer) -> None:
        layer = open_layer(author_required=False)
        with chainlit_session() as session:
            await layer.create_step(make_step(session.thread_id))
        assert await layer.get_thread_author(session.thread_id) == ""

    async def test_a_user_cannot_take_a_visitors_thread(self, layer: DataLayer, bob: PersistedUser) -> None:
        message = await start_thread(layer)
        with chainlit_session(bob, message["threadId"]), pytest.raises(Forbidden):
            await layer.update_thread(message["threadId"], user_id=bob.id)
