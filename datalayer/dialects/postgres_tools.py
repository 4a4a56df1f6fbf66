"""``pg_dump`` and ``pg_restore``, which share the moment of a transaction by its exported snapshot."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import join
from typing import IO, Any

from sqlalchemy import Connection

from ..errors import InvalidInput
from .tools import Tools

# How libpq is told what asyncpg was: https://www.postgresql.org/docs/current/libpq-envars.html
_VARIABLES = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGDATABASE": "database",
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
    "PGPASSFILE": "passfile",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
}

_PLAIN = ["--no-owner", "--no-privileges"]
"""Whoever fills a database from a dump owns it."""


class PostgresTools(Tools):
    file = "threads.dump"
    names = (("pg_dump",), ("pg_restore",))
    package = "postgresql-client"
    size = "SELECT pg_database_size(current_database())"
    same_moment = True

    def candidates(self, names: tuple[str, ...], server: tuple[Any, ...]) -> tuple[str, ...]:
        # Debian keeps several versions beside each other; what another version writes, the server may not understand.
        return tuple(path for name in names for path in (f"/usr/lib/postgresql/{server[0]}/bin/{name}", name))

    def compare(self, version: str, server: tuple[Any, ...]) -> None:
        if int(version.split(".")[0]) < server[0]:
            raise InvalidInput(
                f"pg_dump {version} is older than the server, version {server[0]}, and cannot dump it; install that of"
                f" the server (Debian: apt install postgresql-client-{server[0]})"
            )

    def by_hand(self) -> str:
        named = {"host": "--host", "port": "--port", "user": "--username"}
        options = [f"{option}={_listed(self.given[key])}" for key, option in named.items() if self.given.get(key)]
        return join(["pg_dump", "--format=custom", f"--file={self.file}", *options, self.given["database"]])

    @contextmanager
    def signed_in(self) -> Iterator[tuple[list[str], dict[str, Any]]]:
        given = {"sslmode": self.given.get("ssl"), **self.given}
        if str(given["sslmode"]).startswith("verify"):  # libpq looks for those who are trusted in another place
            given.setdefault("sslrootcert", ssl.get_default_verify_paths().cafile)
        named = {name: _listed(given[key]) for name, key in _VARIABLES.items() if given.get(key) is not None}
        yield ["--no-password"], {"env": {**os.environ, **named}}

    @contextmanager
    def begun(self, connection: Connection, tables: list[str]) -> Iterator[tuple[bytes, IO[bytes]]]:
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {limit} = 0")
        snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        schema = self.url.query.get("schema") or self.schema(connection)
        named = [f'--table="{schema}"."{name}"' for name in tables]
        options = ["--format=custom", *_PLAIN, f"--snapshot={snapshot}", *named]
        with self.running(self.programs[0], *options, stdout=-1) as process:
            assert process.stdout is not None
            yield b"", process.stdout

    def opened(self, path: Path, mode: str) -> Any:
        return path.open(mode)

    def fill(self, source: Path, database: str) -> None:
        name = database.replace("\\", "\\\\").replace("'", "\\'")
        # In one transaction: all of it or nothing.
        options = [*_PLAIN, "--exit-on-error", "--single-transaction", f"--dbname=dbname='{name}'"]
        with self.opened(source, "rb") as file, self.running(self.programs[1], *options, stdin=file):
            pass

    def make_scratch(self, connection: Connection) -> str | None:
        lock = f"SELECT pg_try_advisory_lock(hashtextextended('{self.scratch}', 0))"
        if not connection.exec_driver_sql(lock).scalar():  # held as long as the connection
            return None
        self.drop_scratch(connection)
        like = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"  # which every server has
        connection.exec_driver_sql(f"CREATE DATABASE {self.scratch} {like}")
        return self.scratch

    def drop_scratch(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.scratch} WITH (FORCE)")

    def grant(self, connection: Connection) -> str:
        user = connection.exec_driver_sql("SELECT quote_ident(current_user)").scalar_one()
        return f"ALTER ROLE {user} CREATEDB"

    def schema(self, connection: Connection) -> str | None:
        found: str | None = connection.exec_driver_sql("SELECT current_schema()").scalar()
        return found

    def ready(self, connection: Connection, schema: str | None) -> None:
        if schema is not None and schema != "public":
            connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')


def _listed(value: Any) -> str:
    """Several hosts or ports, as libpq takes them."""
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
