"""A private MariaDB."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import free_port
from tests.servers.process import Node, private_folder, program, user

DATABASE = "chat"
USER, PASSWORD = "chat", "s3cret"
"""An ordinary user, who may do all in the databases of tests."""


class MariaDB(Node):
    """Its superuser is `root`, without a password. `name`: of its data folder."""

    def __init__(self, folder: Path, owner: str | None, *options: str, name: str = "data") -> None:
        self.port, self._socket = free_port(), folder / f"{name}.sock"
        self._data = data = folder / name
        command = [program("mariadbd", "mariadb-server"), "--no-defaults", f"--datadir={data}", f"--port={self.port}"]
        # No test cuts the power: what a killed server had written is in the system's memory.
        sizes = [
            "--innodb-flush-method=nosync",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=16M",
            "--performance-schema=OFF",
        ]
        where = [f"--socket={self._socket}", "--bind-address=127.0.0.1", f"--pid-file={folder / name}.pid"]
        super().__init__(folder, owner, [*command, *where, *sizes, *options])
        self.log = folder / f"{name}.log"
        install = program("mariadb-install-db", "mariadb-server")
        self.run(install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal")

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        return f"mysql+asyncmy://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def ready(self) -> bool:
        return self._ask("SELECT 1").returncode == 0

    def sql(self, statement: str, database: str = DATABASE) -> list[str]:
        """The rows of the answer, their values with tabs between them. Raises CalledProcessError."""
        done = self._ask(statement, database)
        done.check_returncode()
        return done.stdout.splitlines()

    def _ask(self, statement: str, database: str = "") -> subprocess.CompletedProcess[str]:
        client = program("mariadb", "mariadb-client")
        where = [f"--socket={self._socket}", "--user=root", *([f"--database={database}"] if database else [])]
        asked = [client, "--no-defaults", *where, "--batch", "--skip-column-names", f"--execute={statement}"]
        return subprocess.run(asked, capture_output=True, text=True)

    def create(self, database: str, folder: Path | None = None) -> str:
        """The URL of a new database, in which USER may do all. `folder`: where its tables are, an empty one
        of the server's user."""
        if folder:
            (self._data / database).symlink_to(folder)  # a folder among the data is a database
        else:
            self.sql(f"CREATE DATABASE {database}", "")
        self.sql(f"GRANT ALL ON {database}.* TO {USER}@localhost IDENTIFIED BY '{PASSWORD}'", "")
        return self.url_of(database)

    def drop(self, database: str) -> None:
        self.sql(f"DROP DATABASE {database}", "")

    def end_connections(self, database: str) -> None:
        """As an administrator ends them."""
        which = f"db = '{database}' AND id <> connection_id()"
        for connection in self.sql(f"SELECT id FROM information_schema.processlist WHERE {which}", ""):
            self._ask(f"KILL {connection}")

    def waiting(self, _database: str) -> bool:
        """Whether a session waits for a lock."""
        which = "trx_state = 'LOCK WAIT'"
        return self.sql(f"SELECT count(*) FROM information_schema.innodb_trx WHERE {which}", "") != ["0"]

    def forbid_writes(self, _database: str, forbidden: bool = True) -> None:
        self.sql(f"SET GLOBAL read_only = {int(forbidden)}", "")

    def take_right(self, database: str) -> None:
        """From USER: to INSERT rows. For connections that are made from now on."""
        self.sql(f"REVOKE INSERT ON {database}.* FROM {USER}@localhost", "")

    def give_right(self, database: str) -> None:
        self.sql(f"GRANT INSERT ON {database}.* TO {USER}@localhost", "")


@contextmanager
def running(*options: str) -> Iterator[MariaDB]:
    """A server with an empty database."""
    owner = user("mysql")
    with private_folder(owner) as folder:
        server = MariaDB(folder, owner, *options)
        try:
            server.start()
            server.create(DATABASE)
            yield server
        finally:
            server.kill()
