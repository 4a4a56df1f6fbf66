"""The schema that the migrations make is the one that the code declares, forward and back."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, make_url, text
from sqlalchemy.engine import URL

from datalayer import migrations
from datalayer.dialects import sqlite_file
from datalayer.schema import HEAD, metadata


@pytest.fixture
def url(tmp_path: Path) -> URL:
    return make_url(f"sqlite:///{tmp_path}/migrated.db")


def migrate(url: URL, direction: migrations.Direction = "upgrade", revision: str = "head") -> None:
    sqlite_file.migrate(Path(str(url.database)), direction, revision)


def is_declared(name: str | None, kind: str, _parent: Any) -> bool:
    """The index of words is made of what the others hold, and of tables that FTS5 makes."""
    return kind != "table" or not str(name).startswith("search_")


def schema(url: URL) -> dict[str, Any]:
    engine = create_engine(url.set(drivername="sqlite"), poolclass=NullPool)
    with engine.connect() as connection:
        return described(connection)


def described(connection: Connection) -> dict[str, Any]:
    """Columns, keys and indexes of every table, as SQLite sees them; the order of columns is no difference."""
    tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
    found: dict[str, Any] = {}
    for table in sorted(name for name in tables if name != "alembic_version" and is_declared(name, "table", None)):
        indexes = connection.execute(text(f"PRAGMA index_list({table})")).all()
        found[table] = {
            "columns": sorted(row[1:] for row in connection.execute(text(f"PRAGMA table_info({table})"))),
            "references": sorted(row[2:] for row in connection.execute(text(f"PRAGMA foreign_key_list({table})"))),
            "indexes": sorted(
                (row[2], row[4], tuple(c[2] for c in connection.execute(text(f"PRAGMA index_info({row[1]})"))))
                for row in indexes
            ),
        }
    found["partial"] = sorted(
        " ".join(sql.replace('"', "").split())
        for sql in connection.execute(
            text("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'")
        ).scalars()
    )
    return found


def test_alembic_finds_no_difference_between_a_migrated_database_and_the_declared_tables(url: URL) -> None:
    migrate(url)
    engine = create_engine(url.set(drivername="sqlite"), poolclass=NullPool)
    with engine.connect() as connection:
        options = {"compare_type": True, "include_name": is_declared}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_sqlite_finds_none_either(url: URL, tmp_path: Path) -> None:
    migrate(url)
    declared = create_engine(f"sqlite:///{tmp_path}/declared.db", poolclass=NullPool)
    with declared.begin() as other:
        metadata.create_all(other)
        assert schema(url) == described(other)


@pytest.mark.parametrize("down", ["base", "0001", "0002", "0003"])
def test_down_and_up_again_makes_the_same(url: URL, down: str) -> None:
    migrate(url)
    before = schema(url)
    migrate(url, "downgrade", down)
    assert schema(url) != before
    migrate(url)
    assert schema(url) == before


def test_down_to_the_base_leaves_no_table(url: URL) -> None:
    migrate(url)
    migrate(url, "downgrade", "base")
    assert schema(url) == {"partial": []}


def test_a_second_upgrade_changes_nothing(url: URL) -> None:
    migrate(url)
    before = schema(url)
    migrate(url)
    assert schema(url) == before


def test_an_old_database_keeps_what_it_holds(url: URL) -> None:
    migrate(url, revision="0001")
    with closing(sqlite3.connect(str(url.database))) as database, database:
        database.execute("INSERT INTO threads (id, metadata, created_at, last_activity_at) VALUES ('t', '{}', 1, 1)")
        database.execute("INSERT INTO steps (id, thread_id, output, favorite, created_at) VALUES ('s', 't', 'x', 0, 1)")
    migrate(url)
    with closing(sqlite3.connect(str(url.database))) as database:
        assert database.execute("SELECT id, thread_id, output, status FROM steps").fetchall() == [("s", "t", "x", None)]


def test_the_links_of_an_old_database_stay_as_they_are_in_either_direction(url: URL) -> None:
    made = [("t", n, "said", None, 5, f"s{n}", b"salt", b"digest", b"hash") for n in (1, 2)]
    head = ("t", 0, "head", 2, 5, None, None, None, b"hash")
    migrate(url, revision="0016")
    with closing(sqlite3.connect(str(url.database))) as database, database:
        database.execute("INSERT INTO threads (id, metadata, created_at, last_activity_at) VALUES ('t', '{}', 1, 1)")
        database.executemany(f"INSERT INTO links VALUES ({', '.join('?' * len(head))})", [*made, head])
    for direction, revision in (("upgrade", "0017"), ("downgrade", "0016"), ("upgrade", "head")):
        migrate(url, direction, revision)
        with closing(sqlite3.connect(str(url.database))) as database, database:
            assert database.execute("SELECT * FROM links ORDER BY number").fetchall() == [head, *made]
            stands_alone = "SELECT count(*) FROM sqlite_master WHERE name = 'links' AND sql LIKE '%WITHOUT ROWID%'"
            assert database.execute(stands_alone).fetchone() == (direction == "downgrade",)


def test_two_at_once_in_one_process_both_end_with_the_schema(tmp_path: Path) -> None:
    urls = [make_url(f"sqlite:///{tmp_path}/{n}.db") for n in range(6)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(migrate, urls))
    assert len({str(schema(url)) for url in urls}) == 1


def test_an_upgrade_that_fails_leaves_the_old_schema(url: URL) -> None:
    migrate(url, revision="0001")
    before = schema(url)
    with closing(sqlite3.connect(str(url.database))) as database, database:
        # A row without its thread, which the check before the commit finds.
        database.execute("INSERT INTO steps (id, thread_id, favorite, created_at) VALUES ('s', 'nowhere', 0, 1)")
    with pytest.raises(RuntimeError, match="without what they point to"):
        migrate(url)
    assert schema(url) == before


def test_the_schema_names_the_last_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]
