"""PostgreSQL with a synchronous standby that takes over by itself: Patroni, which keeps who leads in etcd."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.processes import free_port
from tests.servers.postgres import DATABASE, PASSWORD, USER, programs
from tests.servers.process import Node, private_folder, program, user, wait_until

TTL = 20
"""Seconds that a leader may be silent: the least that Patroni takes."""
_DCS = {"ttl": TTL, "loop_wait": 1, "retry_timeout": 3, "synchronous_mode": True, "postgresql": {"use_pg_rewind": True}}


class Etcd(Node):
    def __init__(self, folder: Path, owner: str | None) -> None:
        self.port, peers = free_port(), f"http://127.0.0.1:{free_port()}"
        clients = f"http://127.0.0.1:{self.port}"
        where = ["--listen-client-urls", clients, "--advertise-client-urls", clients, "--listen-peer-urls", peers]
        member = ["--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}"]
        command = [program("etcd", "etcd-server"), "--data-dir", str(folder / "etcd")]
        super().__init__(folder, owner, [*command, *where, *member])

    def ready(self) -> bool:
        return bool(_get(self.port, "health"))


class PatroniNode(Node):
    """A PostgreSQL and the Patroni that looks after it. `port`: of PostgreSQL."""

    def __init__(self, folder: Path, owner: str | None, etcd: Etcd, number: int) -> None:
        self.port, self._control, self.name = free_port(), free_port(), f"node{number}"
        self._data = folder / self.name
        config = folder / f"node{number}.json"  # any JSON is YAML
        config.write_text(json.dumps(self._config(folder, etcd, number)))
        config.chmod(0o644)
        super().__init__(folder, owner, [program("patroni", "patroni"), str(config)])
        self.log = folder / f"node{number}.log"

    def _config(self, folder: Path, etcd: Etcd, number: int) -> dict[str, Any]:
        control, database = f"127.0.0.1:{self._control}", f"127.0.0.1:{self.port}"
        trust = ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
        return {
            "scope": "chat",
            "name": f"node{number}",
            "restapi": {"listen": control, "connect_address": control},
            "etcd3": {"host": f"127.0.0.1:{etcd.port}"},
            "bootstrap": {"dcs": _DCS, "initdb": [{"encoding": "UTF8"}, "data-checksums", "no-sync"], "pg_hba": trust},
            "postgresql": {
                "listen": database,
                "connect_address": database,
                "data_dir": str(self._data),
                "bin_dir": str(programs()),
                "pgpass": str(folder / f"pgpass{number}"),
                "authentication": {
                    "superuser": {"username": "postgres", "password": "secret"},
                    "replication": {"username": "replicator", "password": "secret"},
                },
                "parameters": {"unix_socket_directories": str(folder), "shared_buffers": "32MB"},
            },
        }

    def ready(self) -> bool:
        return self.state.get("state") == "running"

    @property
    def state(self) -> dict[str, Any]:
        """What its Patroni says of it; empty when it says nothing."""
        return _get(self._control, "patroni")

    @property
    def leads(self) -> bool:
        """Whether it takes writes and has a standby that is up to date, or may not have one."""
        state = self.state
        return state.get("state") == "running" and state.get("role") in ("master", "primary")

    @property
    def followed(self) -> bool:
        """Whether a standby follows it that Patroni may put in its place: one that has all, as they have agreed."""
        members = _get(self._control, "cluster").get("members", [])
        return self.leads and any(each.get("role") == "sync_standby" for each in members)

    def ask_for_switchover(self) -> None:
        """Has it hand over to its standby."""
        body = json.dumps({"leader": self.name}).encode()
        where = f"http://127.0.0.1:{self._control}/switchover"
        with urllib.request.urlopen(urllib.request.Request(where, body, method="POST"), timeout=60) as answer:
            answer.read()

    def _pids(self) -> list[int]:
        return super()._pids() + self._postgres()

    def _postgres(self) -> list[int]:
        """It is no child of its Patroni, so that it outlives it."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split()[0])
            ours = str(self._data).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):
            return []
        return [pid] if ours else []

    def sql(self, statement: str, database: str = DATABASE) -> list[str]:
        """As `Postgres.sql`."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database]
        psql = program("psql", "postgresql-client")
        return self.run(psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *where, "-c", statement).splitlines()


def _get(port: int, path: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:  # a status of 503 says that it does not lead, beside all the rest
        try:
            return dict(json.load(error))
        except ValueError:
            return {}
    except (OSError, ValueError):
        return {}


def url(nodes: Sequence[PatroniNode]) -> str:
    """Whichever of them takes writes."""
    hosts = "&".join(f"host=127.0.0.1:{node.port}" for node in nodes)
    return f"postgresql+asyncpg://{USER}:{PASSWORD}@/{DATABASE}?{hosts}&target_session_attrs=read-write"


def switch_over(nodes: Sequence[PatroniNode]) -> None:
    """From the first node, which leads, to the second, in good order."""
    nodes[0].ask_for_switchover()
    wait_until(lambda: nodes[1].leads and nodes[1].followed, "the standby as the leader")


def wait_for_leader(nodes: Sequence[PatroniNode]) -> PatroniNode:
    wait_until(lambda: any(node.leads for node in nodes), "a leader")
    return next(node for node in nodes if node.leads)


@contextmanager
def running(count: int = 2) -> Iterator[list[PatroniNode]]:
    """That many nodes, the leader first, with an empty database."""
    owner = user("postgres")
    with private_folder(owner) as folder, ExitStack() as ending:
        etcd = Etcd(folder, owner)
        ending.callback(etcd.kill)
        etcd.start()
        nodes = [PatroniNode(folder, owner, etcd, number) for number in range(count)]
        for node in nodes:
            ending.callback(node.kill)
            node.start()
            if node is nodes[0]:
                wait_for_leader(nodes[:1])
        wait_until(lambda: nodes[0].followed, "a synchronous standby")
        nodes[0].sql(f"CREATE ROLE {USER} LOGIN", "postgres")
        nodes[0].sql(f"CREATE DATABASE {DATABASE} OWNER {USER}", "postgres")
        yield nodes
