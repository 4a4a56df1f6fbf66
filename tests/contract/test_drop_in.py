"""What Chainlit's own two layers take from an app, this one takes: see "In other people's apps" in docs/design.md."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from chainlit.data.base import BaseDataLayer
from chainlit.data.sql_alchemy import SQLAlchemyDataLayer
from chainlit.types import Feedback

from datalayer import DataLayer
from tests.conftest import chainlit_session, make_step, new_id, start_thread

_OF_ITS_SQL = {"execute_sql", "clean_result", "get_current_timestamp", "get_all_user_threads"}


def _methods(layer: type) -> set[str]:
    return {name for name in dir(layer) if not name.startswith("_") and callable(getattr(layer, name))}


@pytest.mark.parametrize("theirs", [BaseDataLayer, SQLAlchemyDataLayer])
def test_it_has_their_methods_but_those_of_their_sql(theirs: type) -> None:
    assert _methods(theirs) - _OF_ITS_SQL <= _methods(DataLayer)


@pytest.mark.parametrize(
    "kind", [str, uuid.UUID, lambda text: uuid.UUID(text).int % 10**9], ids=["text", "UUID", "int"]
)
async def test_an_id_may_be_a_uuid_or_a_number(layer: DataLayer, kind: Any) -> None:
    thread_id, step_id = kind(new_id()), kind(new_id())
    await layer.update_thread(thread_id, name="n")
    await layer.create_step(make_step(thread_id, id=step_id))
    await layer.upsert_feedback(Feedback(forId=str(step_id), value=1, threadId=str(thread_id)))
    thread, step = await layer.get_thread(thread_id), await layer.get_step(step_id)
    assert thread is not None
    assert step is not None
    assert [found["id"] for found in thread["steps"]] == [step["id"]] == [str(step_id)]
    assert (step["threadId"], step["feedback"] and step["feedback"]["value"]) == (str(thread_id), 1)
    await layer.delete_step(step_id)
    assert await layer.get_step(step_id) is None


async def test_what_the_other_layers_read_from_sqlite_is_taken_over(layer: DataLayer) -> None:
    """Metadata as JSON, times as datetimes."""
    moment = datetime(2020, 5, 17, 12, 30, tzinfo=UTC)
    message = await start_thread(layer, createdAt=moment, metadata=json.dumps({"a": [1]}))
    await layer.update_thread(message["threadId"], metadata=json.dumps({"b": 2}))  # type: ignore[arg-type]
    thread: Any = await layer.get_thread(message["threadId"])
    (step,) = thread["steps"]
    assert (step["createdAt"], step["metadata"], thread["metadata"]) == (
        "2020-05-17T12:30:00.000000Z",
        {"a": [1]},
        {"b": 2},
    )


async def test_a_step_without_a_thread_is_the_sessions(layer: DataLayer) -> None:
    with chainlit_session() as session:
        step = make_step("", id=new_id())
        del step["threadId"]
        await layer.create_step(step)
        await layer.set_step_favorite(step, True)
    thread: Any = await layer.get_thread(session.thread_id)
    assert [(found["id"], found["metadata"]) for found in thread["steps"]] == [(step["id"], {"favorite": True})]


async def test_an_element_may_be_a_dict(layer: DataLayer) -> None:
    message = await start_thread(layer)
    element: Any = {"id": new_id(), "threadId": message["threadId"], "type": "text", "name": "n", "content": "said"}
    await layer.create_element(element)
    found: Any = await layer.get_element(message["threadId"], element["id"])
    stored = await layer.store.file(element["id"])
    assert (found["name"], found["type"], stored and stored.blob.size) == ("n", "text", 4)
