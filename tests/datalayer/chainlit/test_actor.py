"""Who acts: found from ``acting_as``, Chainlit's session or request, and never changed by looking somebody up."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import chainlit as cl
import pytest
from chainlit.config import config
from chainlit.context import ChainlitContext, context_var, init_http_context
from chainlit.session import HTTPSession
from chainlit.types import Feedback
from chainlit.user import User

from datalayer import APPLICATION, DataLayer, Forbidden, NotFound
from datalayer.lines import from_json, to_json
from datalayer.writes import VISITOR, DeleteStep, DeleteThread, UpsertFeedback
from tests.conftest import chainlit_session, failures, make_step, new_id, register, start_thread, steps_of


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(_name: str, _password: str) -> User | None:
        return None

    monkeypatch.setattr(config.code, "password_auth_callback", nobody)


@contextmanager
def channel(client_type: Any, user: User, thread_id: str) -> Iterator[None]:
    """A message out of another chat, as Chainlit's slack/app.py, discord/app.py and teams/app.py open it."""
    before = context_var.set(None)  # type: ignore[arg-type]
    session = HTTPSession(id=new_id(), thread_id=thread_id, user=user, client_type=client_type)
    context_var.set(ChainlitContext(session))
    try:
        yield
    finally:
        context_var.reset(before)


class TestActingAs:
    async def test_it_goes_before_the_session_nests_and_ends(self, layer: DataLayer) -> None:
        ann, bob = await register(layer, "ann"), await register(layer, "bob")
        thread_id = (await start_thread(layer, ann))["threadId"]
        with chainlit_session(bob), layer.acting_as("ann"):
            await layer.update_thread(thread_id, tags=["1"])
            with layer.acting_as("bob"), pytest.raises(Forbidden):
                await layer.update_thread(thread_id, tags=["2"])
            await layer.update_thread(thread_id, tags=["3"])
        with layer.acting_as("bob"), layer.acting_as(APPLICATION):
            await layer.update_thread(thread_id, name="by the application")
        with chainlit_session(bob), pytest.raises(Forbidden):
            await layer.update_thread(thread_id, tags=["4"])
        thread = await layer.get_thread(thread_id)
        assert thread is not None
        assert (thread["tags"], thread["name"]) == (["3"], "by the application")

    async def test_it_is_of_the_task_and_of_those_that_it_starts(self, layer: DataLayer) -> None:
        threads = {
            name: (await start_thread(layer, await register(layer, name)))["threadId"] for name in ("ann", "bob")
        }

        async def rename(who: str, whose: str) -> None:
            with layer.acting_as(who):
                await asyncio.sleep(0)
                await asyncio.create_task(layer.update_thread(threads[whose], name=who))

        calls = [rename(who, whose) for who in threads for whose in threads]
        assert [type(error) for error in await failures(calls)] == [type(None), Forbidden, Forbidden, type(None)]

    async def test_a_new_thread_is_whose_it_says(self, layer: DataLayer) -> None:
        with layer.acting_as("ann"):
            message = await start_thread(layer)
        assert await layer.get_thread_author(message["threadId"]) == "ann"


class TestLookingUp:
    async def test_in_a_session_it_changes_nothing(self, layer: DataLayer) -> None:
        ann, bob = await register(layer, "ann"), await register(layer, "bob")
        thread_id = (await start_thread(layer, bob))["threadId"]
        with chainlit_session(ann):
            await layer.get_user("bob")
            await layer.create_user(User(identifier="bob"))
            with pytest.raises(Forbidden):
                await layer.delete_thread(thread_id)

    async def test_in_a_job_it_changes_nothing(self, login: None, layer: DataLayer) -> None:
        await layer.create_user(User(identifier="bob"))
        await layer.get_user("bob")
        message = await start_thread(layer)
        assert await layer.get_thread_author(message["threadId"]) == ""
        await layer.delete_thread(message["threadId"])
        assert await layer.get_thread(message["threadId"]) is None


class TestChannels:
    """Where pages need a login, and Chainlit names no author, or each speaker."""

    @pytest.mark.parametrize("client_type", ["slack", "discord", "teams"])
    @pytest.mark.parametrize("bound", [False, True])
    async def test_two_people_of_one_channel_are_stored(
        self, login: None, layer: DataLayer, client_type: str, bound: bool
    ) -> None:
        thread_id = new_id()
        for name in ("ann", "bob"):
            user = await register(layer, name)
            with channel(client_type, user, thread_id):
                await layer.create_step(
                    make_step(thread_id, type="user_message", output=f"{name} says " + "hello " * 99)
                )
                await layer.update_thread(
                    thread_id, name=f"{name} says", metadata={name: 1}, user_id=user.id if bound else None
                )
        thread = await layer.get_thread(thread_id)
        assert thread is not None
        assert [step["output"][:8] for step in thread["steps"]] == ["ann says", "bob says"]
        assert (thread["name"], thread["metadata"]) == ("ann says", {"ann": 1, "bob": 1})
        assert thread["userIdentifier"] == ("ann" if bound else None)

    async def test_a_page_that_calls_itself_a_channel_is_none(self, layer: DataLayer) -> None:
        ann, bob = await register(layer, "ann"), await register(layer, "bob")
        thread_id = (await start_thread(layer, ann))["threadId"]
        with chainlit_session(bob) as session:
            session.client_type = "slack"
            with pytest.raises(Forbidden):
                await layer.delete_thread(thread_id)


class TestWebhooks:
    async def test_an_http_context_without_a_user_is_the_applications(self, login: None, layer: DataLayer) -> None:
        thread_id = (await start_thread(layer, await register(layer, "ann")))["threadId"]
        for where in (thread_id, new_id()):
            before = context_var.set(None)  # type: ignore[arg-type]
            init_http_context(thread_id=where)
            await layer.create_step(make_step(where, output="from outside"))
            context_var.reset(before)
            assert "from outside" in [step["output"] for step in (await steps_of(layer, where)).values()]

    async def test_one_with_a_user_is_the_users(self, chainlit_layer: DataLayer, login: None) -> None:
        ann, bob = await register(chainlit_layer, "ann"), await register(chainlit_layer, "bob")
        thread_id = (await start_thread(chainlit_layer, ann))["threadId"]
        before = context_var.set(None)  # type: ignore[arg-type]
        init_http_context(user=bob)
        with pytest.raises(Forbidden):
            await chainlit_layer.delete_thread(thread_id)
        context_var.reset(before)


class TestVisitors:
    """Where nobody logs in."""

    async def test_one_changes_the_thread_of_the_page_and_those_without_author(self, layer: DataLayer) -> None:
        owned = await start_thread(layer, await register(layer, "ann"))
        free = await start_thread(layer)
        with chainlit_session() as session:
            await layer.create_step(make_step(session.thread_id))
            await layer.update_thread(session.thread_id, user_id=(await register(layer, "zoe")).id)
            await layer.create_step(make_step(session.thread_id))
            await layer.delete_step(free["id"])
            calls = [layer.delete_thread(owned["threadId"]), layer.create_step(make_step(owned["threadId"]))]
            assert [type(error) for error in await failures(calls)] == [Forbidden, Forbidden]
        assert len(await steps_of(layer, session.thread_id)) == 2


class TestNamedThreads:
    """A write that names a thread touches that thread only, whoever acts."""

    async def test_an_element_of_another_thread_is_left_alone(self, layer: DataLayer) -> None:
        message, other = await start_thread(layer), await start_thread(layer)
        file = cl.File(thread_id=message["threadId"], name="f", content=b"content")
        await layer.create_element(file)
        await layer.delete_element(file.id, other["threadId"])
        assert await layer.get_element(message["threadId"], file.id) is not None
        await layer.create_element(file)
        await layer.delete_element(file.id, message["threadId"])
        assert await layer.get_element(message["threadId"], file.id) is None

    async def test_a_step_of_another_thread_is_left_alone_unless_it_is_named_by_its_id_alone(
        self, layer: DataLayer
    ) -> None:
        message, other = await start_thread(layer), await start_thread(layer)
        await layer.store.submit(DeleteStep(thread_id=other["threadId"], id=message["id"]))
        assert message["id"] in await steps_of(layer, message["threadId"])
        with chainlit_session(thread_id=other["threadId"]):
            await layer.delete_step(message["id"])
        assert await steps_of(layer, message["threadId"]) == {}
        await layer.store.submit(DeleteStep(thread_id=other["threadId"], id=other["id"]))
        assert await steps_of(layer, other["threadId"]) == {}

    async def test_a_vote_on_a_step_of_another_thread_is_refused(self, layer: DataLayer) -> None:
        message, other = await start_thread(layer), await start_thread(layer)
        with pytest.raises(NotFound):
            await layer.upsert_feedback(Feedback(forId=message["id"], value=1, threadId=other["threadId"]))
        await layer.upsert_feedback(Feedback(forId=message["id"], value=1, threadId=message["threadId"]))


class TestInTheSpool:
    @pytest.mark.parametrize("actor", ["ann", "", "visitor", APPLICATION, VISITOR])
    def test_who_acts_comes_back(self, actor: Any) -> None:
        for write in (
            DeleteThread(actor=actor, thread_id="t"),
            UpsertFeedback(actor=actor, id="v", step_id="s", value=1),
        ):
            assert from_json(to_json(write)).actor == actor

    def test_a_line_from_before_there_were_roles_is_the_applications(self) -> None:
        old = '{"kind":"DeleteThread","actor":null,"thread_id":"t","at":1,"replayed":true}'
        assert from_json(old).actor is APPLICATION


async def test_a_refused_write_that_nobody_awaits_is_one_line_of_the_log(
    layer: DataLayer, caplog: pytest.LogCaptureFixture
) -> None:
    thread_id = (await start_thread(layer, await register(layer, "ann")))["threadId"]
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    with caplog.at_level(logging.WARNING), chainlit_session(await register(layer, "bob")):
        tasks = [asyncio.create_task(layer.create_step(make_step(thread_id, output="forged")))]
        tasks += [asyncio.create_task(layer.create_step({"id": "\n", "threadId": thread_id}))]  # type: ignore
        await asyncio.wait(tasks)
        with pytest.raises(Forbidden):
            await asyncio.create_task(layer.delete_thread(thread_id))  # whoever awaits it is told
        tasks.clear()
    said = [(record.getMessage().split(":")[0], record.levelname) for record in caplog.records]
    assert said == [("refused", "ERROR"), ("not stored", "WARNING"), ("not stored", "WARNING")]
    assert told == []
