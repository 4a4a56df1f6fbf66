"""Opening, draining and closing; what an operator sees of it, and what a browser sees of an error."""

import asyncio
import gc
import inspect
from pathlib import Path

import chainlit as cl
import pytest
from chainlit.types import Feedback, Pagination, ThreadFilter
from starlette.exceptions import HTTPException

from datalayer import (
    DataLayer,
    DataLayerError,
    Forbidden,
    InvalidInput,
    NotFound,
    StoreClosed,
    StoreCorrupt,
    StoreForeign,
    StoreTooNew,
    StoreTooOld,
    StoreUnavailable,
    errors,
)
from tests.conftest import OpenLayer, chainlit_session, failures, make_step, new_id, rows, start_thread, steps_of


def fire_steps(layer: DataLayer, thread_id: str, count: int) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(layer.create_step(make_step(thread_id))) for _ in range(count)]


class TestDrain:
    async def test_it_waits_for_every_accepted_write(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        calls = fire_steps(layer, message["threadId"], 300)
        calls += [asyncio.create_task(layer.create_element(cl.File(thread_id=new_id(), name="f", content=b"f" * 9**7)))]
        await asyncio.wait(calls, timeout=0)
        await layer.drain()
        assert rows(layer, "SELECT (SELECT count(*) FROM steps), (SELECT count(*) FROM elements)") == [(301, 1)]

    async def test_it_waits_for_what_chainlit_has_just_fired(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        calls = fire_steps(layer, message["threadId"], 3)
        await layer.drain()
        assert rows(layer, "SELECT count(*) FROM steps") == [(4,)]
        await asyncio.gather(*calls)

    async def test_it_returns_when_nothing_waits(self, layer: DataLayer) -> None:
        await layer.drain()


class TestClose:
    async def test_it_stores_500_queued_writes_first(self, layer: DataLayer, open_layer: OpenLayer) -> None:
        thread_id = new_id()
        calls = fire_steps(layer, thread_id, 500)
        await asyncio.wait(calls, timeout=0)
        await layer.close()
        assert await failures(calls) == [None] * 500
        assert len(await steps_of(open_layer(), thread_id)) == 500

    async def test_it_stores_what_chainlit_has_just_fired(self, layer: DataLayer, open_layer: OpenLayer) -> None:
        thread_id = new_id()
        calls = fire_steps(layer, thread_id, 3)
        await layer.close()
        assert await failures(calls) == [None] * 3
        assert len(await steps_of(open_layer(), thread_id)) == 3

    async def test_it_waits_for_a_file_that_is_being_stored(self, layer: DataLayer, open_layer: OpenLayer) -> None:
        element = cl.File(thread_id=new_id(), name="f", content=b"x" * 20_000_000)
        call = asyncio.create_task(layer.create_element(element))
        await asyncio.wait([call], timeout=0)
        await layer.close()
        assert await open_layer().get_element(element.thread_id, element.id) is not None

    async def test_afterwards_every_call_says_closed(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        await layer.close()
        calls = [
            layer.create_step(message),
            layer.delete_step(message["id"]),
            layer.update_thread(message["threadId"], name="n"),
            layer.delete_thread(message["threadId"]),
            layer.upsert_feedback(Feedback(forId=message["id"], value=1)),
            layer.get_thread(message["threadId"]),
            layer.list_threads(Pagination(first=9), ThreadFilter(userId="u")),
            layer.get_user("ann"),
        ]
        assert [type(error) for error in await failures(calls)] == [StoreClosed] * len(calls)

    async def test_a_refused_file_leaves_no_coroutine_behind(
        self, layer: DataLayer, recwarn: pytest.WarningsRecorder
    ) -> None:
        await layer.close()
        with pytest.raises(StoreClosed):
            await layer.create_element(cl.File(thread_id=new_id(), name="f", content=b"f"))
        gc.collect()
        assert [str(warning.message) for warning in recwarn] == []

    async def test_twice_and_at_once_is_fine(self, layer: DataLayer) -> None:
        await start_thread(layer)
        await asyncio.gather(layer.close(), layer.close())
        await layer.close()


class TestHealth:
    async def test_it_tells_the_state_and_the_writes_that_wait(self, layer: DataLayer) -> None:
        assert await layer.health() == {"state": "ok", "pending": 0}
        calls = fire_steps(layer, new_id(), 20)
        await asyncio.wait(calls, timeout=0)
        assert await layer.health() == {"state": "ok", "pending": 20}
        await layer.drain()
        assert await layer.health() == {"state": "ok", "pending": 0}


STATUS = {
    DataLayerError: 500,
    InvalidInput: 400,
    Forbidden: 403,
    NotFound: 404,
    StoreUnavailable: 503,
    errors.BlobVanished: 503,
    errors.ConnectionLost: 503,
    errors.WrongLoop: 500,
    StoreClosed: 503,
    StoreCorrupt: 500,
    StoreTooNew: 500,
    StoreTooOld: 500,
    StoreForeign: 500,
    errors.StoreUnusable: 500,
}


class TestErrors:
    async def test_every_error_is_an_http_exception_with_its_status(self) -> None:
        found = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, DataLayerError)}
        assert found == set(STATUS)
        for kind, status in STATUS.items():
            error = kind("message")
            assert isinstance(error, HTTPException)
            assert (error.status_code, error.detail, str(error)) == (status, "message", "message")

    async def test_only_an_unavailable_store_is_worth_a_second_try(self) -> None:
        assert {kind for kind in STATUS if kind.retryable} == {k for k in STATUS if issubclass(k, StoreUnavailable)}

    async def test_no_message_holds_sql_a_path_or_a_parameter(self, layer: DataLayer, tmp_path: Path) -> None:
        message = await start_thread(layer)
        elsewhere = DataLayer(f"sqlite+aiosqlite:///{tmp_path}/missing/threads.db")
        with chainlit_session(thread_id=new_id()):
            calls = [
                layer.create_step(make_step(new_id(), id=message["id"])),
                layer.create_step(make_step("secret\n")),
                layer.create_step(make_step(new_id(), createdAt="secret")),
                layer.create_step(make_step(new_id(), type={"secret": 1})),
                layer.update_thread("secret\n", metadata={}),
                layer.update_thread(new_id(), user_id="secret"),
                layer.create_element(cl.File(name="f", path="/secret")),
                layer.upsert_feedback(Feedback(forId="secret", value=1)),
                layer.list_threads(Pagination(first=9, cursor="secret"), ThreadFilter(userId="u")),
                elsewhere.get_thread("secret"),
            ]
            found = await failures(calls)
        await elsewhere.close()
        assert [isinstance(error, DataLayerError) for error in found] == [True] * len(calls)
        told = " ".join(str(error).lower() for error in found)
        for word in ("secret", str(tmp_path), message["id"], "insert", "select", "sqlite3", "steps.", "?"):
            assert word not in told
