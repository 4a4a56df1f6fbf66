"""Opening, draining and closing; what an operator sees of it, and what a browser sees of an error."""

import asyncio
import gc
import inspect
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

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
    StoreUnavailable,
    errors,
)
from datalayer.dialects.sqlite import translate
from datalayer.schema import HEAD
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

    @pytest.mark.new_database
    async def test_a_layer_that_was_never_used_closes_and_makes_no_file(self, layer: DataLayer) -> None:
        await layer.close()
        assert not layer.store._engines.path.exists()

    async def test_a_closed_database_is_one_file(self, layer: DataLayer) -> None:
        await start_thread(layer)
        await layer.close()
        database = layer.store._engines.path
        assert [p.name for p in database.parent.iterdir() if p.name.startswith(database.name)] == [database.name]


class TestHealth:
    async def test_it_tells_the_state_and_the_writes_that_wait(self, layer: DataLayer) -> None:
        assert await layer.health() == {"state": "ok", "pending": 0}
        calls = fire_steps(layer, new_id(), 20)
        await asyncio.wait(calls, timeout=0)
        assert await layer.health() == {"state": "ok", "pending": 20}
        await layer.drain()
        assert await layer.health() == {"state": "ok", "pending": 0}


class TestUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "sqlite+aiosqlite:///:memory:",
            "sqlite+aiosqlite://",
            "sqlite:///",
            "sqlite+aiosqlite:///file::memory:?uri=true",
            "postgresql+asyncpg://u:p@localhost/db",
            "mysql://localhost/db",
            "not a url",
            "",
        ],
    )
    async def test_what_cannot_keep_data_is_refused_at_once(self, url: str) -> None:
        with pytest.raises(InvalidInput):
            DataLayer(url)

    async def test_a_plain_sqlite_url_works(self, tmp_path: Path) -> None:
        layer = DataLayer(f"sqlite:///{tmp_path}/a%b c.db")
        await start_thread(layer)
        await layer.close()
        assert os.listdir(tmp_path) == ["a%b c.db"]


def too_new(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")


def other_app(path: Path, revision: str | None = None) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE invoices (id INTEGER)")
        if revision is not None:
            database.execute("CREATE TABLE alembic_version (version_num TEXT)")
            database.execute("INSERT INTO alembic_version VALUES (?)", (revision,))


def no_database(path: Path) -> None:
    path.write_bytes(b"this is no database, only text. " * 200)


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 4096)


REFUSED: list[tuple[Callable[[Path], None], type[DataLayerError]]] = [
    (too_new, StoreTooNew),
    (other_app, StoreForeign),
    (lambda path: other_app(path, "a1b2c3"), StoreForeign),
    (lambda path: other_app(path, HEAD), StoreForeign),
    (lambda path: other_app(path, "0000"), StoreForeign),
    (no_database, StoreForeign),
    (torn, StoreCorrupt),
]


class TestOpen:
    @pytest.mark.parametrize(
        ("spoil", "error"),
        REFUSED,
        ids=[
            "newer",
            "foreign",
            "foreign by alembic",
            "foreign of our revision",
            "foreign of an older",
            "text",
            "torn",
        ],
    )
    async def test_a_file_that_is_not_ours_is_refused_and_not_touched(
        self, layer: DataLayer, open_layer: OpenLayer, spoil: Callable[[Path], None], error: type[DataLayerError]
    ) -> None:
        await start_thread(layer)
        await layer.close()
        path = layer.store._engines.path
        spoil(path)
        before = path.read_bytes()
        again = open_layer()
        with pytest.raises(error):
            await again.get_thread("x")
        await again.create_step(make_step(new_id()))  # waits in the spool for somebody to act
        assert (await again.health()) == {"state": "degraded", "pending": 1}
        await again.close()
        assert path.read_bytes() == before

    async def test_a_missing_folder_is_unavailable_and_works_once_it_is_there(self, tmp_path: Path) -> None:
        layer = DataLayer(f"sqlite+aiosqlite:///{tmp_path}/later/threads.db")
        with pytest.raises(StoreUnavailable):
            await layer.get_thread("x")
        (tmp_path / "later").mkdir()
        message = await start_thread(layer)
        assert set(await steps_of(layer, message["threadId"])) == {message["id"]}
        await layer.close()

    @pytest.mark.parametrize("name", ["folder", "x" * 300])
    async def test_a_path_that_cannot_be_a_file_is_an_error_of_this_package(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "folder").mkdir()
        layer = DataLayer(f"sqlite+aiosqlite:///{tmp_path}/{name}")
        with pytest.raises(DataLayerError):
            await layer.get_thread("x")
        await layer.close()

    @pytest.mark.new_database
    async def test_an_empty_file_becomes_a_database(self, layer: DataLayer) -> None:
        layer.store._engines.path.touch()
        message = await start_thread(layer)
        assert set(await steps_of(layer, message["threadId"])) == {message["id"]}


STATUS = {
    DataLayerError: 500,
    InvalidInput: 400,
    Forbidden: 403,
    NotFound: 404,
    StoreUnavailable: 503,
    errors.BlobVanished: 503,
    StoreClosed: 503,
    StoreCorrupt: 500,
    StoreTooNew: 500,
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

    @pytest.mark.parametrize(
        ("make", "kind"),
        [
            (lambda: sqlite3.connect(":memory:").execute("SELECT secret FROM missing"), DataLayerError),
            (lambda: sqlite3.connect("/nowhere/secret.db"), StoreUnavailable),
            (lambda: sqlite3.connect(":memory:").execute("SELECT ?", ({"secret"},)), InvalidInput),
            (lambda: sqlite3.connect(":memory:").execute("SELECT ?", (10**30,)), InvalidInput),
            (lambda: sqlite3.connect(":memory:").execute("SELECT ?", ("secret\ud800",)), InvalidInput),
            (lambda: Path("/nowhere/secret").read_bytes(), StoreUnavailable),
        ],
    )
    async def test_a_drivers_error_is_translated_and_its_words_kept_inside(self, make: Any, kind: type) -> None:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - any driver's
            make()
        error = translate(caught.value)
        assert isinstance(error, kind)
        assert "secret" not in str(error)

    async def test_a_statement_that_can_never_work_is_not_tried_again(self) -> None:
        with pytest.raises(sqlite3.OperationalError) as caught:
            sqlite3.connect(":memory:").execute("SELECT secret FROM missing")
        assert translate(caught.value).retryable is False

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
