"""``mariadb-dump`` and ``mariadb``, or MySQL's of the older names.

No snapshot can be shared: each of both transactions begins by itself. Writes are held back until both have, by a lock
of the tables that lasts for ``PAUSE`` at most; whether it was enough, the comparison afterwards shows.
"""

import gzip
import os
import select
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from shlex import join
from threading import Event
from typing import IO, Any

from sqlalchemy import Connection

from .server_schema import VERSIONS, ask
from .tools import Tools, execute

PAUSE = 0.25
"""Seconds: less than a write waits before it goes to the spool."""

_MARK = "datalayer_restoring"
"""A table that is there while a database is being filled: unlike PostgreSQL's, that is no transaction."""

_OPTIONS = [
    *("--single-transaction", "--skip-add-locks", "--no-tablespaces"),
    *("--default-character-set=utf8mb4", "--hex-blob"),
]


class MySQLTools(Tools):
    file = "threads.sql.gz"
    names = (("mariadb-dump", "mysqldump"), ("mariadb", "mysql"))
    package = "mariadb-client"
    size = "SELECT sum(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
    same_moment = False

    def by_hand(self) -> str:
        named = {"host": "--host", "port": "--port", "unix_socket": "--socket", "user": "--user"}
        options = [f"{option}={self.given[key]}" for key, option in named.items() if self.given.get(key)]
        return join([self.names[0][0], *_OPTIONS, *options, "--password", self.given["db"]]) + " | gzip > " + self.file

    @contextmanager
    def signed_in(self) -> Iterator[tuple[list[str], dict[str, Any]]]:
        reading, writing = os.pipe()
        try:
            with open(writing, "w", encoding="utf-8") as options:
                options.write("[client]\n" + "".join(f"{line}\n" for line in self._options()))
            yield [f"--defaults-file=/dev/fd/{reading}"], {"pass_fds": [reading]}
        finally:
            os.close(reading)

    def _options(self) -> Iterator[str]:
        """As the driver is told, https://mariadb.com/docs/server/server-management/install-and-upgrade-mariadb/configuring-mariadb"""
        socket, tls = self.given.get("unix_socket"), self.given.get("ssl") or {}
        yield f"protocol={'socket' if socket else 'tcp'}"  # a host called localhost would be the socket, else
        given = {"socket": socket, **{key: self.given.get(key) for key in ("host", "port", "user", "password")}}
        given |= {f"ssl-{key}": value for key, value in tls.items() if key in ("ca", "capath", "cert", "key", "cipher")}
        yield from (f"{key}={_quoted(str(value))}" for key, value in given.items() if value is not None)
        # MariaDB's word and MySQL's: what is loose may be unknown.
        if not tls:
            yield "loose-skip-ssl"
        elif tls.get("check_hostname", True):
            yield from ("loose-ssl-verify-server-cert", "loose-ssl-mode=VERIFY_IDENTITY")

    @contextmanager
    def begun(self, connection: Connection, tables: list[str]) -> Iterator[tuple[bytes, IO[bytes]]]:
        # A GTID's place in the log is no part of a backup; MySQL asks for more rights to write it.
        options = [*_OPTIONS, "--loose-set-gtid-purged=OFF", self.given["db"], *tables]
        with self._still(tables) as end:
            connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            with self.running(self.programs[0], *options, stdout=-1, bufsize=0) as process:
                assert process.stdout is not None
                head = _beginning(process.stdout, time.monotonic() + PAUSE)
                end.set()
                yield head, process.stdout

    @contextmanager
    def _still(self, tables: list[str]) -> Iterator[Event]:
        """Nothing is written until the event is set, if the user has the right to lock tables."""
        locked, end = Event(), Event()

        def hold(connection: Connection, _: Any) -> None:
            # Waits for whoever writes now, and not for long: others wait behind it.
            connection.exec_driver_sql("SET SESSION lock_wait_timeout = 1, innodb_lock_wait_timeout = 1")
            connection.exec_driver_sql("LOCK TABLES " + ", ".join(f"`{name}` READ" for name in tables))
            locked.set()
            end.wait(2 * PAUSE)
            connection.exec_driver_sql("UNLOCK TABLES")

        with ThreadPoolExecutor(1) as thread:
            thread.submit(ask, self.url, hold).add_done_callback(lambda _: locked.set())
            locked.wait()
            try:
                yield end
            finally:
                end.set()

    def opened(self, path: Path, mode: str) -> Any:
        return gzip.open(path, mode, compresslevel=6)

    def fill(self, source: Path, database: str) -> None:
        url = self.url.set(database=database)
        execute(url, f"CREATE TABLE IF NOT EXISTS {_MARK} (id INT)")
        options = ["--default-character-set=utf8mb4", database]
        with self.opened(source, "rb") as file, self.running(self.programs[1], *options, stdin=-1) as process:
            assert process.stdin is not None
            shutil.copyfileobj(file, process.stdin)
        execute(url, f"DROP TABLE {_MARK}")

    def interrupted(self, connection: Connection) -> bool:
        names = set(connection.exec_driver_sql("SHOW TABLES").scalars())
        return _MARK in names and VERSIONS not in names  # that one comes last in a dump: then it is whole, and in use

    def make_scratch(self, connection: Connection) -> str | None:
        if connection.exec_driver_sql(f"SELECT GET_LOCK('{self.scratch}', 0)").scalar() != 1:
            return None
        self.drop_scratch(connection)
        connection.exec_driver_sql(f"CREATE DATABASE {self.scratch} CHARACTER SET utf8mb4")
        return self.scratch

    def drop_scratch(self, connection: Connection) -> None:
        if self.scratch in connection.exec_driver_sql("SHOW DATABASES").scalars():  # IF EXISTS would warn of it
            connection.exec_driver_sql(f"DROP DATABASE {self.scratch}")

    def grant(self, connection: Connection) -> str:
        user, _, host = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one()).rpartition("@")
        return rf"GRANT ALL ON `datalayer\_scratch\_%`.* TO `{user}`@`{host}`"


def _quoted(value: str) -> str:
    """As a value in an option file."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        value = value.replace(plain, escaped)
    return f'"{value}"'


def _beginning(output: IO[bytes], until: float) -> bytes:
    """What comes of a dump until its first table, which is read in its transaction; less where it is slow."""
    head = b""
    while b"CREATE TABLE" not in head and select.select([output], [], [], max(0.0, until - time.monotonic()))[0]:
        if not (more := os.read(output.fileno(), 1 << 16)):
            break
        head += more
    return head
