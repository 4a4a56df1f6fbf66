"""The database as a file: which one is opened, what is left of it, and what its driver says of it."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from datalayer import DataLayer, DataLayerError, InvalidInput, StoreCorrupt, StoreForeign, StoreTooNew, StoreUnavailable
from datalayer.dialects.sqlite import translate
from datalayer.schema import HEAD
from tests.conftest import OpenLayer, make_step, new_id, start_thread, steps_of


class TestClose:
    @pytest.mark.new_database
    async def test_a_layer_that_was_never_used_closes_and_makes_no_file(self, layer: DataLayer) -> None:
        await layer.close()
        assert not layer.store._database.path.exists()

    async def test_a_closed_database_is_one_file(self, layer: DataLayer) -> None:
        await start_thread(layer)
        await layer.close()
        database = layer.store._database.path
        assert [p.name for p in database.parent.iterdir() if p.name.startswith(database.name)] == [database.name]


class TestUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "sqlite+aiosqlite:///:memory:",
            "sqlite+aiosqlite://",
            "sqlite:///",
            "sqlite+aiosqlite:///file::memory:?uri=true",
            "postgresql+asyncpg://u:p@localhost",
            "mysql+pymysql://localhost/db",
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
        path = layer.store._database.path
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
        layer.store._database.path.touch()
        message = await start_thread(layer)
        assert set(await steps_of(layer, message["threadId"])) == {message["id"]}


class TestErrors:
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
