"""The schema that the migrations make is the one that the code declares, forward and back."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from datalayer import migrations
from datalayer.schema import HEAD, metadata


@pytest.fixture
def connection(tmp_path: Path) -> Any:
    engine = create_engine(f"sqlite:///{tmp_path}/migrated.db")
    with engine.begin() as made:
        yield made
    engine.dispose()


def described(connection: Connection) -> dict[str, Any]:
    """Columns, keys and indexes of every table, as SQLite sees them; the order of columns is no difference."""
    tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
    found: dict[str, Any] = {}
    for table in sorted(name for name in tables if name != "alembic_version"):
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


def test_alembic_finds_no_difference_between_a_migrated_database_and_the_declared_tables(
    connection: Connection,
) -> None:
    migrations.upgrade(connection)
    assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []


def test_sqlite_finds_none_either(connection: Connection, tmp_path: Path) -> None:
    migrations.upgrade(connection)
    declared = create_engine(f"sqlite:///{tmp_path}/declared.db")
    with declared.begin() as other:
        metadata.create_all(other)
        assert described(connection) == described(other)
    declared.dispose()


def test_down_to_the_base_leaves_no_table_and_up_again_makes_the_same(connection: Connection) -> None:
    migrations.upgrade(connection)
    before = described(connection)
    migrations.downgrade(connection, "base")
    assert described(connection) == {"partial": []}
    migrations.upgrade(connection)
    assert described(connection) == before


def test_a_second_upgrade_changes_nothing(connection: Connection) -> None:
    migrations.upgrade(connection)
    before = described(connection)
    migrations.upgrade(connection)
    assert described(connection) == before


def test_the_schema_names_the_last_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_an_upgrade_that_does_not_commit_leaves_nothing(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "empty.db")) as database:
        engine = create_engine("sqlite://", creator=lambda: database, poolclass=None)
        database.isolation_level = None
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            migrations.upgrade(connection)
            connection.exec_driver_sql("ROLLBACK")
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
