"""A Galera cluster of MariaDB: every node takes writes, and a transaction is certified by all when it commits."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.conftest import missing
from tests.processes import free_port
from tests.servers.mariadb import DATABASE, MariaDB
from tests.servers.process import private_folder, program, user, wait_until

PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")


class GaleraNode(MariaDB):
    """`ports`: where each node of the cluster talks to the others. `number`: which of them this one is."""

    def __init__(self, folder: Path, owner: str | None, ports: list[int], number: int) -> None:
        base, members = ports[number], ",".join(f"127.0.0.1:{port}" for port in ports)
        inside = f"base_port={base};gmcast.listen_addr=tcp://127.0.0.1:{base};ist.recv_addr=127.0.0.1:{free_port()}"
        options = {
            "binlog-format": "ROW",
            "default-storage-engine": "InnoDB",
            "innodb-autoinc-lock-mode": 2,
            "innodb-flush-log-at-trx-commit": 1,
            "wsrep-on": "ON",
            "wsrep-provider": PROVIDER,
            "wsrep-cluster-name": "chat",
            "wsrep-cluster-address": f"gcomm://{members}",
            "wsrep-node-name": f"node{number}",
            "wsrep-node-address": f"127.0.0.1:{base}",
            "wsrep-provider-options": inside,
            "wsrep-sst-method": "rsync",
            "wsrep-sst-receive-address": f"127.0.0.1:{free_port()}",
        }
        given = (f"--{key}={value}" for key, value in options.items())
        super().__init__(folder, owner, *given, name=f"node{number}")

    def ready(self) -> bool:
        """Whether it has the whole database, and takes writes."""
        return self.status("local_state_comment") == "Synced" and self.status("ready") == "ON"

    def status(self, name: str) -> str:
        """A value of `SHOW STATUS`, "" where it cannot be asked."""
        said = self._ask(f"SHOW STATUS LIKE 'wsrep_{name}'").stdout.split()
        return said[1] if len(said) > 1 else ""

    def conflicts(self) -> int:
        """How many transactions of this node were turned down because of another node's."""
        return int(self.status("local_cert_failures")) + int(self.status("local_bf_aborts"))


@contextmanager
def running(count: int = 3) -> Iterator[list[GaleraNode]]:
    """That many nodes, with an empty database."""
    program("rsync", "rsync")
    if not PROVIDER.exists():
        missing("there is no Galera (Debian: apt install galera-4)", "REQUIRE_SERVICES")
    owner = user("mysql")
    with private_folder(owner) as folder, ExitStack() as ending:
        ports = [free_port() for _ in range(count)]
        nodes = [GaleraNode(folder, owner, ports, number) for number in range(count)]
        for node in nodes:
            ending.callback(node.kill)
            node.start(*(["--wsrep-new-cluster"] if node is nodes[0] else []))
        nodes[0].create(DATABASE)
        yield nodes


def wait_for_size(node: GaleraNode, count: int) -> None:
    """Returns when `node` belongs to a cluster of that many, and takes writes."""
    wait_until(lambda: node.status("cluster_size") == str(count) and node.ready(), f"a cluster of {count}")
