"""A Redis with replicas, and three Sentinels that put one of these in its place when it is gone."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.processes import free_port
from tests.servers.process import Node, private_folder, program, wait_until

SERVICE = "chat"
SENTINELS = 3


class RedisNode(Node):
    """A Redis, or a Sentinel. `options`: lines of its configuration, which a Sentinel rewrites."""

    def __init__(self, folder: Path, name: str, options: list[str], mode: str = "", password: str = "") -> None:
        self.port = free_port()
        self.raw = redis.Redis(port=self.port, password=password or None, decode_responses=True, socket_timeout=5)
        config = folder / f"{name}.conf"
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {folder}", f"dbfilename {name}.rdb", *options]
        if mode:
            lines = [line for line in lines if not line.startswith("dbfilename")]
        config.write_text("\n".join(lines) + "\n")
        super().__init__(
            folder, None, [program("redis-server", "redis-server"), str(config), *([mode] if mode else [])]
        )
        self.log = folder / f"{name}.log"

    def ready(self) -> bool:
        try:
            return bool(self.raw.ping())
        except redis.RedisError:
            return False


@dataclass(frozen=True)
class SentinelGroup:
    redises: list[RedisNode]
    sentinels: list[RedisNode]
    password: str

    @property
    def url(self) -> str:
        """As `THREADKEEP_MEMORY_URL` takes it, with database 3."""
        secret = f":{self.password}@" if self.password else ""
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://{secret}{hosts}/{SERVICE}/3"

    @property
    def leader(self) -> RedisNode:
        """Whom a Sentinel that lives names as the one that takes writes."""
        sentinel = next(each for each in self.sentinels if each.alive)
        port = int(sentinel.raw.sentinel_get_master_addr_by_name(SERVICE)[1])
        return next(each for each in self.redises if each.port == port)

    def wait_until_followed(self) -> None:
        """Returns when the leader has a replica that it sends all to, and all Sentinels know of it and each other."""
        names = SERVICE, str(len(self.redises) - 1), str(len(self.sentinels) - 1)

        def known(sentinel: RedisNode) -> bool:
            state = sentinel.raw.sentinel_master(SERVICE)
            return (SERVICE, str(state["num-slaves"]), str(state["num-other-sentinels"])) == names

        wait_until(lambda: self.leader.raw.info("replication")["connected_slaves"] > 0, "a replica")
        wait_until(lambda: all(known(each) for each in self.sentinels), "Sentinels that know each other")

    def wait_until_led_by_another(self, than: RedisNode) -> RedisNode:
        wait_until(lambda: self.leader is not than, "another leader")
        wait_until(lambda: self.leader.raw.info("replication")["role"] == "master", "a leader that takes writes")
        return self.leader


@contextmanager
def running(password: str = "") -> Iterator[SentinelGroup]:
    """A Redis that asks for `password`, if there is one, with one replica."""
    secret = [f"requirepass {password}", f"masterauth {password}"] if password else []
    with private_folder(None) as folder, ExitStack() as ending:
        redises: list[RedisNode] = []
        for number in range(2):
            follow = [f"replicaof 127.0.0.1 {redises[0].port}"] if redises else []
            lines = [f"dbfilename redis{number}.rdb", 'save ""', *secret, *follow]
            redises.append(RedisNode(folder, f"redis{number}", lines, password=password))
        watch = [
            f"sentinel monitor {SERVICE} 127.0.0.1 {redises[0].port} 2",
            f"sentinel down-after-milliseconds {SERVICE} 1000",
            f"sentinel failover-timeout {SERVICE} 5000",
            *([f"sentinel auth-pass {SERVICE} {password}"] if password else []),
        ]
        sentinels = [RedisNode(folder, f"sentinel{number}", watch, "--sentinel") for number in range(SENTINELS)]
        for each in (*redises, *sentinels):
            ending.callback(each.kill)
            each.start()
        group = SentinelGroup(redises, sentinels, password)
        group.wait_until_followed()
        yield group
