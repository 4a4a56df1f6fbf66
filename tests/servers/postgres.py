"""A private PostgreSQL."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import missing
from tests.processes import free_port
from tests.servers.process import Node, private_folder, program, user

DATABASE = "chat"
USER, PASSWORD = "chat", "s3cret"
"""An ordinary user, to whom the databases belong. The server does not ask for the password."""


def programs() -> Path:
    """The folder of the newest PostgreSQL's programs, which Debian keeps off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if path := shutil.which("postgres"):
        return Path(path).parent
    missing("there is no postgres (Debian: apt install postgresql)", "REQUIRE_SERVICES")
    raise AssertionError


class Postgres(Node):
    """Its superuser is `postgres`, without a password."""

    def __init__(self, folder: Path, owner: str | None) -> None:
        self.port, self.bin = free_port(), programs()
        data = folder / "data"
        command = [str(self.bin / "postgres"), "-D", str(data), "-k", str(folder), "-h", "127.0.0.1"]
        # No test cuts the power: what a killed server had written is in the system's memory.
        super().__init__(folder, owner, [*command, "-p", str(self.port), "-F"], signal.SIGINT)
        self.run(*(str(self.bin / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"), "-N")

    @property
    def url(self) -> str:
        return url(self.port)

    def ready(self) -> bool:
        probe = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(probe).returncode == 0

    def sql(self, statement: str, database: str = DATABASE) -> list[str]:
        """The rows of the answer, their values with | between them. Raises CalledProcessError."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database]
        psql = program("psql", "postgresql-client")
        return self.run(psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *where, "-c", statement).splitlines()

    def create(self, database: str, folder: Path | None = None) -> str:
        """The URL of a new database, which belongs to USER. `folder`: where its tables are, an empty one of the
        server's user."""
        if folder:
            self.sql(f"CREATE TABLESPACE {database} LOCATION '{folder}'", "postgres")
        where = f"TABLESPACE {database}" if folder else ""
        self.sql(f"CREATE DATABASE {database} OWNER {USER} {where}", "postgres")
        return url(self.port, database)

    def drop(self, database: str) -> None:
        self.sql(f"DROP DATABASE {database} WITH (FORCE)", "postgres")
        self.sql(f"DROP TABLESPACE IF EXISTS {database}", "postgres")

    def end_connections(self, database: str) -> None:
        """As an administrator ends them."""
        which = f"datname = '{database}' AND pid <> pg_backend_pid()"
        self.sql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {which}")

    def waiting(self, database: str) -> bool:
        """Whether a session waits for a lock."""
        which = f"datname = '{database}' AND wait_event_type = 'Lock'"
        return self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {which}", database) != ["0"]

    def forbid_writes(self, database: str, forbidden: bool = True) -> None:
        """For connections that are made from now on."""
        mode = "on" if forbidden else "off"
        self.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = {mode}", "postgres")

    def take_right(self, database: str) -> None:
        """From USER: to INSERT rows."""
        self.sql(f"REVOKE INSERT ON steps FROM {USER}", database)

    def give_right(self, database: str) -> None:
        self.sql(f"GRANT INSERT ON steps TO {USER}", database)


def url(port: int, database: str = DATABASE) -> str:
    return f"postgresql+asyncpg://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}"


@contextmanager
def running(*options: str) -> Iterator[Postgres]:
    """A server with an empty database."""
    owner = user("postgres")
    with private_folder(owner) as folder:
        server = Postgres(folder, owner)
        try:
            server.start(*options)
            server.sql(f"CREATE ROLE {USER} LOGIN", "postgres")
            server.create(DATABASE)
            yield server
        finally:
            server.kill()
