"""A private PgBouncer in transaction mode: two transactions of a client may run on two connections of the server."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import free_port
from tests.servers.postgres import Postgres, url
from tests.servers.process import Node, private_folder, program, user

POOL = 4
"""Connections to the server, for each database."""


class PgBouncer(Node):
    """In front of `server`, as its superuser."""

    def __init__(self, folder: Path, owner: str | None, server: Postgres) -> None:
        self.port, self._server = free_port(), server
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": POOL,
            "max_client_conn": 200,
            "server_login_retry": 0.1,  # seconds for which it refuses clients after it found no server
        }
        lines = [f"* = host=127.0.0.1 port={server.port} user=postgres"]
        lines = ["[databases]", *lines, "[pgbouncer]", *(f"{key} = {value}" for key, value in settings.items())]
        config = folder / "pgbouncer.ini"
        config.write_text("\n".join(lines) + "\n")
        config.chmod(0o644)
        super().__init__(folder, owner, [program("pgbouncer", "pgbouncer"), str(config)])

    def url(self, database: str) -> str:
        return url(self.port, database)

    def ready(self) -> bool:
        probe = [str(self._server.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(probe).returncode == 0


@contextmanager
def running(server: Postgres) -> Iterator[PgBouncer]:
    owner = user("postgres")
    with private_folder(owner) as folder:
        bouncer = PgBouncer(folder, owner, server)
        try:
            bouncer.start()
            yield bouncer
        finally:
            bouncer.kill()
