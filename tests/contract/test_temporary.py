"""A conversation under a temporary chat profile leaves nothing anywhere; any other one is stored as ever."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import chainlit as cl
import pytest
from chainlit.context import init_ws_context
from chainlit.session import WebsocketSession
from chainlit.types import Feedback
from chainlit.user import User

from datalayer import DataLayer, NotFound
from datalayer.records import now
from datalayer.writes import PutSummary, RecordUsage, UpdateThread
from tests.conftest import OpenLayer, chainlit_session, make_step, new_id, register, rows, start_thread, steps_of

CANARY = "xanthocanary"


@pytest.fixture
def layer(open_layer: OpenLayer) -> DataLayer:
    return open_layer(temporary=("Off the record",))


@contextmanager
def temporary(user: User | None, thread_id: str | None = None) -> Iterator[WebsocketSession]:
    with chainlit_session(user, thread_id) as session:
        session.chat_profile = "Off the record"
        yield session


def counts(layer: DataLayer) -> dict[str, int]:
    tables = ("threads", "steps", "elements", "blobs", "feedbacks", "summaries", "thread_tags", "tombstones", "vectors")
    return {table: rows(layer, f"SELECT COUNT(*) FROM {table}")[0][0] for table in tables}


def files_with(folder: Path, *words: str) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(word.encode() in path.read_bytes() for word in words)]


def usage(key: str, **over: Any) -> RecordUsage:
    call: dict[str, Any] = {"kind": "turn", "model": "m", "provider": "p", "status": "complete", "latency": 1}
    return RecordUsage(actor="ann", thread_id=key, id=new_id(), at=now(), started_at=now(), tokens_in=3, **call | over)


async def say_all(layer: DataLayer, session: WebsocketSession, user: Any) -> str:
    """All that Chainlit and an app write of a conversation. Returns its thread."""
    key = session.thread_id
    asked = make_step(key, type="user_message", output=CANARY, metadata={"said": CANARY})
    await layer.create_step(asked)
    await layer.update_thread(key, name=CANARY, user_id=user.id, metadata={"chat_settings": CANARY}, tags=[CANARY])
    await layer.create_element(cl.File(thread_id=key, name=CANARY, content=CANARY.encode(), for_id=asked["id"]))
    await layer.update_step(asked | {"output": f"{CANARY} edited"})
    await layer.set_step_favorite(asked, True)
    await layer.delete_step(asked["id"])
    await layer.store.submit(UpdateThread(actor=user.identifier, thread_id=key, at=now(), folder=CANARY))
    covered: Any = {"from_step": "a", "until_step": "b", "until_at": 1, "messages": 1, "tokens": 1, "digest": ""}
    await layer.store.submit(PutSummary(thread_id=key, at=now(), text=CANARY, source="model", **covered))
    return key


async def test_nothing_of_it_is_anywhere(layer: DataLayer, tmp_path: Path) -> None:
    ann = await register(layer, "ann")
    before = counts(layer)
    with temporary(ann) as session:
        key = await say_all(layer, session, ann)
        assert await layer.get_thread(key) is None
        assert layer.is_temporary()
    await layer.drain()
    assert counts(layer) == before
    assert not await layer.store.was_deleted(key)
    await layer.close()
    assert files_with(tmp_path, CANARY, key) == []


async def test_what_a_request_or_a_job_writes_to_it_is_dropped_too(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    with temporary(ann) as session:
        await layer.create_step(make_step(session.thread_id, type="user_message"))
    with layer.acting_as("ann"):
        await layer.update_thread(session.thread_id, name=CANARY)
        await layer.delete_thread(session.thread_id)
        with pytest.raises(NotFound, match="temporary"):
            await layer.upsert_feedback(Feedback(forId=new_id(), value=1, threadId=session.thread_id, comment=CANARY))
    assert rows(layer, "SELECT * FROM threads") == rows(layer, "SELECT * FROM tombstones") == []


async def test_what_was_said_before_the_first_message_is_dropped_with_it(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    with temporary(ann) as session:
        session.has_first_interaction = False
        await layer.create_step(make_step(session.thread_id, output=CANARY))
        session.has_first_interaction = True
        await layer.create_step(make_step(session.thread_id, type="user_message"))
    assert rows(layer, "SELECT * FROM steps") == []


async def test_what_it_cost_counts_without_it(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    with temporary(ann) as session:
        call = usage(session.thread_id)
        await layer.store.submit(call)
    assert await layer.store.usage_by_model(ann.id, thread_id=session.thread_id) == []
    (total,) = await layer.store.usage_by_model(ann.id)
    assert (total.calls, total.tokens_in) == (1, 3)
    ((key, thread_id),) = rows(layer, "SELECT id, thread_id FROM usage")
    assert thread_id == ""
    assert key != call.id


async def test_what_it_does_to_other_conversations_is_done(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    other = await start_thread(layer, ann)
    with temporary(ann):
        await layer.update_thread(other["threadId"], name="Renamed")
    assert (await layer.store.thread(other["threadId"])).name == "Renamed"  # type: ignore[union-attr]


async def test_what_it_resumes_stays_stored(layer: DataLayer) -> None:
    """The page of a stored conversation may still name the profile that was chosen before it was opened."""
    ann = await register(layer, "ann")
    kept = await start_thread(layer, ann)
    with temporary(ann, kept["threadId"]) as session:
        assert not layer.is_temporary()
        await layer.get_thread(session.thread_id)
        said = make_step(session.thread_id, type="user_message")
        await layer.create_step(said)
    assert said["id"] in await steps_of(layer, kept["threadId"])


async def test_a_thread_that_is_not_there_is_temporary_under_another_id(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    with temporary(ann, new_id()) as session:
        session.has_first_interaction = False
        assert await layer.get_thread(session.thread_id) is None
        assert layer.is_temporary()
        init_ws_context(session)
        await say_all(layer, session, ann)
    assert rows(layer, "SELECT * FROM threads") == []


@pytest.mark.parametrize("profile", [None, "", "Another"])
async def test_any_other_profile_is_stored(layer: DataLayer, profile: str | None) -> None:
    ann = await register(layer, "ann")
    with temporary(ann) as session:
        session.chat_profile = profile
        said = make_step(session.thread_id, type="user_message")
        await layer.create_step(said)
    assert said["id"] in await steps_of(layer, session.thread_id)


async def test_no_app_has_any_unless_it_says_so(open_layer: OpenLayer) -> None:
    layer = open_layer()
    with temporary(await register(layer, "ann")) as session:
        said = make_step(session.thread_id, type="user_message")
        await layer.create_step(said)
    assert said["id"] in await steps_of(layer, session.thread_id)
