"""The tables on a server: who may use them, and that they are made once, whole, by whoever comes first."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.ddl.impl import DefaultImpl
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from datalayer import DataLayer, DataLayerError, InvalidInput, StoreForeign, StoreTooNew, StoreTooOld, dialects
from datalayer.dialects import mysql, postgres, server_schema
from datalayer.dialects.server import Server
from datalayer.errors import StoreUnusable
from datalayer.schema import HEAD, metadata
from tests.conftest import make_step, new_id, steps_of
from tests.migrations.test_migrations import is_declared
from tests.servers import databases

pytestmark = pytest.mark.services
KINDS = ["postgres", "mysql"]


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest) -> str:
    return databases.bare_database(request.param)


@pytest.fixture
def layer_at(tmp_path: Path) -> Callable[[str], DataLayer]:
    return lambda url: DataLayer(url, files=tmp_path / "files", spool=tmp_path / new_id())


def revision(url: str) -> str | None:
    return server_schema.ask(dialects.parse_url(url), server_schema.look)


async def test_ten_processes_that_start_at_once_migrate_once(url: str, caplog: pytest.LogCaptureFixture) -> None:
    servers = [dialects.database(dialects.parse_url(url)) for _ in range(10)]
    with caplog.at_level("INFO", "datalayer"):
        await asyncio.gather(*(server_schema.upgrade(server) for server in servers if isinstance(server, Server)))
    assert caplog.text.count("bringing the database") == 1
    assert revision(url) == HEAD
    for server in servers:
        await server.close()


def test_alembic_finds_no_difference_to_the_declared_tables(url: str) -> None:
    databases.upgrade(url)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_declared})
        found = compare_metadata(context, metadata)
        # Two unique constraints are SQLite's only; Alembic does not see that.
        return [each for each in found if "datalayer_version" not in str(each) and each[0] != "add_constraint"]

    assert databases.ask(url, differences) == []


@pytest.mark.parametrize("cut", [*range(0, 24, 3), "DROP INDEX", "DROP COLUMN"])
def test_a_migration_that_is_cut_off_is_gone_on_with(url: str, cut: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many statements, or after the first of a kind."""
    done, whole = 0, DefaultImpl._exec

    def some(self: DefaultImpl, construct: Any, *args: Any, **given: Any) -> object:
        nonlocal done
        done += 1
        if done - 1 == cut:
            raise RuntimeError("cut off")
        answer = whole(self, construct, *args, **given)
        if isinstance(cut, str) and cut in str(construct):
            raise RuntimeError("cut off")
        return answer

    monkeypatch.setattr(DefaultImpl, "_exec", some)
    monkeypatch.setattr(server_schema, "_TRIES", 1)
    with pytest.raises(DataLayerError):
        databases.upgrade(url)
    monkeypatch.undo()
    databases.upgrade(url)
    assert revision(url) == HEAD
    assert databases.rows(url, "SELECT id FROM steps") == []


@pytest.mark.parametrize("table", ["users", "steps"])
async def test_tables_of_another_application_are_left_alone(
    url: str, table: str, layer_at: Callable[[str], DataLayer]
) -> None:
    databases.execute(url, f"CREATE TABLE {table} (id INT)")
    with pytest.raises(StoreForeign, match=table):
        server_schema.check(dialects.parse_url(url))
    layer = layer_at(url)
    with pytest.raises(StoreForeign):
        await layer.get_thread("t")
    await layer.close()
    assert databases.rows(url, f"SELECT * FROM {table}") == []


async def test_a_migration_that_meets_another_is_tried_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run, met = server_schema.migrations.run, 0

    def meet(*args: Any, **given: Any) -> None:
        nonlocal met
        met += 1
        run(*args, **given)
        if met == 1:
            raise InvalidInput("Duplicate entry")

    monkeypatch.setattr(server_schema.migrations, "run", meet)
    monkeypatch.setattr(server_schema, "_PAUSE", 0)
    database = dialects.database(dialects.parse_url(url))
    assert isinstance(database, Server)
    await server_schema.upgrade(database)
    await database.close()
    assert revision(url) == HEAD


def test_other_tables_do_not_matter(url: str) -> None:
    databases.execute(url, "CREATE TABLE alembic_version (version_num VARCHAR(32))", "CREATE TABLE orders (id INT)")
    databases.upgrade(url)
    assert revision(url) == HEAD


def test_a_newer_schema_is_refused(url: str) -> None:
    databases.upgrade(url)
    databases.execute(url, "UPDATE datalayer_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew):
        revision(url)


@pytest.mark.parametrize(("kind", "module"), [("postgres", postgres), ("mysql", mysql)])
def test_a_server_that_is_too_old_is_refused(kind: str, module: object, monkeypatch: pytest.MonkeyPatch) -> None:
    url = databases.bare_database(kind)
    monkeypatch.setattr(module.Database, "supports", lambda self, connection: False)  # type: ignore[attr-defined]
    with pytest.raises(StoreTooOld, match=module.Database.oldest):  # type: ignore[attr-defined]
        revision(url)


def test_an_encoding_that_cannot_hold_every_text_is_refused() -> None:
    base = databases.server_url("postgres")
    name = "threadkeep_latin1"
    databases.execute(
        base,
        f"DROP DATABASE IF EXISTS {name}",
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    try:
        with pytest.raises(StoreUnusable, match="UTF8"):
            revision(base.set(database=name).render_as_string(hide_password=False))
    finally:
        databases.drop_database(base, name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_that_is_not_there_is_named_so(kind: str) -> None:
    with pytest.raises(StoreUnusable, match="no such database"):
        revision(databases.server_url(kind).set(database="not_there").render_as_string(hide_password=False))


@pytest.mark.parametrize("names", [("one", "two"), ("MixedCase", "mixedcase"), ("user", "d\u00e9p\u00f4t")])
async def test_two_stores_in_two_schemas_of_one_database(
    names: tuple[str, str], layer_at: Callable[[str], DataLayer]
) -> None:
    url = databases.bare_database("postgres")
    databases.execute(url, *(f'CREATE SCHEMA "{name}"' for name in names))
    layers = [layer_at(f"{url}?schema={name}") for name in names]
    threads = [new_id(), new_id()]
    for layer, thread in zip(layers, threads, strict=True):
        await layer.create_step(make_step(thread, output=thread))
        assert len(await steps_of(layer, thread)) == 1
        assert (await layer.health())["state"] == "ok"
    assert await layers[0].get_thread(threads[1]) is None
    found = [databases.rows(url, f'SELECT id FROM "{name}".threads') for name in names]
    assert found == [[(thread,)] for thread in threads]
    for layer in layers:
        await layer.close()


@pytest.mark.parametrize(
    "option",
    [
        *("lanes=0", "lanes=x", "readers=1000", "heartbeat=0", "prepared_statements=no"),
        *("schema=a-b", "schema=" + "s" * 64),
    ],
)
def test_an_option_that_cannot_be_understood_is_named(option: str) -> None:
    with pytest.raises(InvalidInput, match=option.split("=")[0]) as raised:
        DataLayer(f"postgresql+asyncpg://me:secret@localhost/db?{option}")
    assert "secret" not in str(raised.value)


async def test_texts_are_compared_byte_for_byte(url: str, layer_at: Callable[[str], DataLayer]) -> None:
    layer = layer_at(url)
    names = ["a", "A", "a ", "\u00e1", "a\u0301", "\uff41"]
    for name in names:
        await layer.create_step(make_step(f"{name}-thread", output=name))
        await layer.update_thread(f"{name}-thread", user_id=None, metadata={"name": name})
    for name in names:
        thread = await layer.get_thread(f"{name}-thread")
        assert thread is not None
        assert (thread["metadata"], [step["output"] for step in thread["steps"]]) == ({"name": name}, [name])
    await layer.close()


def test_an_old_server_is_told_by_its_version(url: str) -> None:
    server = dialects.database(dialects.parse_url(url))
    assert isinstance(server, Server)

    def supports(connection: Connection, version: tuple[int, ...]) -> bool:
        connection.execute(text("SELECT 1"))
        connection.dialect.server_version_info = version
        return server.supports(connection)

    assert not databases.ask(url, lambda connection: supports(connection, (5, 5, 9)))
    assert databases.ask(url, lambda connection: supports(connection, (99, 1, 0)))
