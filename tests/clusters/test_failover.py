"""PostgreSQL whose leader is killed under load: a standby takes over, and what was said in the gap is stored once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from datalayer import DataLayer, transaction
from datalayer.writer import Event
from tests.faults.talks import Talks, assert_kept, stored_everything
from tests.servers import patroni
from tests.servers.patroni import PatroniNode
from tests.servers.process import wait_until

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def started() -> Iterator[list[PatroniNode]]:
    with patroni.running() as nodes:
        yield nodes


@pytest.fixture
def nodes(started: list[PatroniNode]) -> list[PatroniNode]:
    """The leader, with a synchronous standby, and this standby."""
    for node in started:
        if not node.alive:
            node.start()
        node.thaw()
    leader = patroni.wait_for_leader(started)
    wait_until(lambda: leader.followed, "a synchronous standby")
    return [leader, *(node for node in started if node is not leader)]


@pytest.fixture
async def layer(nodes: list[PatroniNode], tmp_path: Path) -> AsyncIterator[DataLayer]:
    """It is told of both nodes, and finds the one that takes writes."""
    layer = DataLayer(patroni.url(nodes), files=tmp_path / "files", spool=tmp_path / "spool")
    await layer.store.open()
    yield layer
    await layer.close()


@pytest.mark.parametrize("how", ["freeze", "kill"])
async def test_a_standby_takes_over_and_nothing_is_lost_or_doubled(
    nodes: list[PatroniNode], layer: DataLayer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(transaction, "PATIENCE", 0.3)
    events: list[Event] = []
    layer.store.listeners.append(events.append)
    leader, standby = nodes
    before = int(standby.sql("SELECT count(*) FROM steps")[0])
    talks = Talks(layer)
    running = asyncio.create_task(talks.run())
    await talks.more(100)
    getattr(leader, how)()
    await asyncio.to_thread(patroni.wait_for_leader, [standby])
    await talks.more(100)
    assert [event.kind for event in events][:1] == ["degraded"]
    talks.over = True
    await running
    await stored_everything(layer)
    assert {event.kind for event in events} == {"degraded", "recovered"}
    if how == "kill":
        await asyncio.to_thread(leader.start)
    else:
        leader.thaw()
    await asyncio.to_thread(wait_until, lambda: standby.followed, "the old leader as a standby")
    await assert_kept(layer, talks.told())
    kept = before + sum(map(len, talks.threads.values()))
    for node in nodes:  # the standby has what the leader has acknowledged
        assert node.sql("SELECT count(*) FROM steps") == [str(kept)]


async def test_a_change_of_leaders_in_good_order_is_hardly_noticed(nodes: list[PatroniNode], layer: DataLayer) -> None:
    talks = Talks(layer)
    running = asyncio.create_task(talks.run())
    await talks.more(50)
    await asyncio.to_thread(patroni.switch_over, nodes)
    await talks.more(50)
    talks.over = True
    await running
    await stored_everything(layer)
    await assert_kept(layer, talks.told())
