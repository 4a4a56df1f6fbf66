"""Two instances on two nodes of a Galera cluster: one node is killed under load, both write the same rows at once."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from datalayer import DataLayer
from tests.conftest import make_step, register, start_thread, steps_of
from tests.faults.talks import assert_kept, stored_everything
from tests.processes import Child, start
from tests.servers import galera
from tests.servers.galera import GaleraNode, wait_for_size

pytestmark = pytest.mark.services
TALK = "from tests.faults.talks import main; main()"


@pytest.fixture(scope="module")
def started() -> Iterator[list[GaleraNode]]:
    with galera.running() as nodes:
        yield nodes


@pytest.fixture
def nodes(started: list[GaleraNode]) -> list[GaleraNode]:
    """All three take writes when a test begins."""
    for node in started:
        if not node.alive:
            node.start()
    for node in started:
        node.thaw()
        wait_for_size(node, len(started))
    return started


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Of two instances."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    return folders


@asynccontextmanager
async def opened(node: GaleraNode, folder: Path) -> AsyncIterator[DataLayer]:
    layer = DataLayer(node.url, files=folder / "files", spool=folder / "spool")
    yield layer
    await layer.close()


async def calls(child: Child, count: int) -> None:
    """Returns when the process has told of so many calls that have returned, since it began."""
    assert child.stdout is not None
    while int(await asyncio.to_thread(child.stdout.readline)) < count:
        pass


async def test_a_node_is_killed_under_load_and_nothing_is_lost_or_doubled(
    nodes: list[GaleraNode], folders: list[Path], tmp_path: Path
) -> None:
    """One of two instances loses its node, which comes back; the other goes on after a moment."""
    async with opened(nodes[0], tmp_path) as layer:
        await layer.store.open()  # makes the tables
    children = [start(TALK, node.url, str(at), cwd=at) for node, at in zip(nodes, folders, strict=False)]
    await asyncio.gather(*(calls(child, 100) for child in children))
    nodes[0].kill()
    await asyncio.gather(*(calls(child, 400) for child in children))
    await asyncio.to_thread(wait_for_size, nodes[1], 2)
    nodes[0].spawn()
    await asyncio.to_thread(nodes[0].wait)
    for folder in folders:
        (folder / "over").touch()
    told = []
    for child in children:
        assert child.stdout is not None
        said = await asyncio.to_thread(child.stdout.read)
        assert await asyncio.to_thread(child.wait, 60) == 0
        told.append(json.loads(said.decode().splitlines()[-1]))
    for node in nodes:
        async with opened(node, tmp_path) as layer:
            for each in told:
                await assert_kept(layer, each)
        kept = sum(len(steps) for each in told for steps in each["threads"].values())
        assert node.sql("SELECT count(*) FROM steps") == [str(kept)]
        assert node.sql("SELECT count(*) FROM `usage`") == [str(sum(len(each["spent"]) for each in told))]


async def test_writes_to_one_row_on_two_nodes_are_certified_again(nodes: list[GaleraNode], folders: list[Path]) -> None:
    async with opened(nodes[0], folders[0]) as one, opened(nodes[1], folders[1]) as two:
        anna = await register(one, "anna")
        message = await start_thread(one, anna)
        thread = message["threadId"]
        before = sum(node.conflicts() for node in nodes)
        steps = []
        for number in range(40):
            both = [make_step(thread, output=f"{number}") for _ in range(2)]
            changes = [{f"{number}-{name}": name} for name in ("one", "two")]
            await asyncio.gather(
                *(layer.create_step(step) for layer, step in zip((one, two), both, strict=True)),
                *(layer.update_thread(thread, metadata=it) for layer, it in zip((one, two), changes, strict=True)),
            )
            steps += both
        assert sum(node.conflicts() for node in nodes) > before
        for layer in (one, two):
            await stored_everything(layer)
            assert {step["id"] for step in (message, *steps)} == (await steps_of(layer, thread)).keys()
            stored = await layer.get_thread(thread)
            assert stored is not None
            assert stored["metadata"] == {f"{n}-{name}": name for n in range(40) for name in ("one", "two")}


async def test_a_node_that_has_lost_the_others_takes_no_writes_until_they_are_back(
    nodes: list[GaleraNode], tmp_path: Path
) -> None:
    async with opened(nodes[0], tmp_path) as layer:
        message = await start_thread(layer)
        for node in nodes[1:]:
            node.kill()
        sent = [make_step(message["threadId"], output=f"{number}") for number in range(3)]
        for step in sent:
            await layer.create_step(step)
        assert (await layer.health())["state"] == "degraded"
        nodes[0].sql("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'", "")
        for node in nodes[1:]:
            node.start()
        await stored_everything(layer)
        assert list(await steps_of(layer, message["threadId"])) == [step["id"] for step in (message, *sent)]
    assert {step["id"] for step in sent} <= set(nodes[2].sql("SELECT id FROM steps"))
