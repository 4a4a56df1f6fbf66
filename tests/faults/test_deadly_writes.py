"""I7: a write that no database takes, or that ends its connection each time, holds up no other for long."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import make_url

from datalayer import DataLayer, InvalidInput, backlog
from datalayer.spool import Spool
from datalayer.writes import UpsertStep
from tests.conftest import make_step, new_id, rows, steps_of
from tests.servers import databases, mariadb
from tests.servers.mariadb import MariaDB

pytestmark = pytest.mark.services
DEADLY = "what no connection survives"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "PAUSES", (0.01,))


def left_in_spool(folder: Path, *outputs: str) -> None:
    """As a process that died leaves it: a message in a thread of its own each."""
    spool = Spool(folder)
    spool.append(UpsertStep(thread_id=f"t{n}", id=f"s{n}", values={"output": each}) for n, each in enumerate(outputs))
    spool.close(keep=True)


def rejected(folder: Path) -> list[str]:
    """The outputs of what was set aside."""
    return [json.loads(line)["values"]["output"] for line in (folder / "rejected.txt").read_text().splitlines()]


async def stored_outputs(layer: DataLayer) -> list[str]:
    async with asyncio.timeout(60):
        while not await layer.store.catch_up():  # noqa: ASYNC110 - what it waits for are tries
            await asyncio.sleep(0.01)
    found = await asyncio.to_thread(rows, layer, "SELECT output FROM steps ORDER BY id")  # a relay is in this thread
    return [output for (output,) in found]


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    with mariadb.running() as server:
        server.sql("SET GLOBAL max_allowed_packet = 1048576", "mysql")
        yield server


class TestTooLarge:
    """MariaDB takes ``max_allowed_packet`` bytes at once, and ends the connection for more."""

    @pytest.fixture
    async def layer(self, server: MariaDB, tmp_path: Path) -> AsyncIterator[DataLayer]:
        url = server.create(f"t{new_id().replace('-', '')}")
        layer = DataLayer(url, files=tmp_path / "files", spool=tmp_path / "spool")
        yield layer
        await layer.close()

    @pytest.mark.parametrize("output", ["x" * 1_100_000, "'" * 600_000, "é" * 600_000], ids=["long", "quotes", "bytes"])
    async def test_it_is_refused_alone_and_at_once(self, layer: DataLayer, output: str) -> None:
        thread = new_id()
        steps = [make_step(thread, output=text) for text in ("before", output, "after")]
        found = await asyncio.gather(*map(layer.create_step, steps), return_exceptions=True)
        assert [type(each) for each in found] == [type(None), InvalidInput, type(None)]
        assert str(found[1]).startswith("This is too large: 1.")
        assert "1.0 MB at once" in str(found[1])
        assert await layer.health() == {"state": "ok", "pending": 0}
        assert [step["output"] for step in (await steps_of(layer, thread)).values()] == ["before", "after"]

    async def test_what_just_fits_is_stored(self, layer: DataLayer) -> None:
        thread = new_id()
        steps = [make_step(thread, output="x" * 1_040_000) for _ in range(3)]
        await asyncio.gather(*map(layer.create_step, steps))
        assert len(await steps_of(layer, thread)) == 3
        assert await layer.health() == {"state": "ok", "pending": 0}

    async def test_in_a_spool_it_is_set_aside(self, layer: DataLayer, tmp_path: Path) -> None:
        left_in_spool(tmp_path / "spool", "one", "x" * 2_000_000, "two")
        await layer.create_step(make_step(new_id(), id="z", output="new"))
        assert await stored_outputs(layer) == ["one", "two", "new"]
        assert rejected(tmp_path / "spool") == ["x" * 2_000_000]

    async def test_so_it_is_when_the_server_was_away(
        self, layer: DataLayer, server: MariaDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backlog, "PAUSES", (1000.0,))  # no try before the limit is set again
        await layer.create_step(make_step("t", id="1", output="before"))
        server.kill()
        await layer.create_step(make_step("t", id="2", output="x" * 2_000_000))
        await layer.create_step(make_step("t", id="3", output="after"))
        server.start()
        server.sql("SET GLOBAL max_allowed_packet = 1048576", "mysql")
        assert await stored_outputs(layer) == ["before", "after"]
        assert rejected(tmp_path / "spool") == ["x" * 2_000_000]
        assert await layer.health() == {"state": "ok", "pending": 0}


class Relay:
    """Between a layer and its database; it ends the connection in which ``deadly`` is said."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.deadly: Callable[[bytes], bool] = lambda said: False
        self.ended = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection(self._host, self._port)
        back = asyncio.create_task(self._pass_on(there, writer))
        with suppress(OSError):
            while said := await reader.read(1 << 16):
                if self.deadly(said):
                    self.ended += 1
                    break
                to.write(said)
                await to.drain()
        for each in (to, writer):
            each.close()
        await back

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while said := await reader.read(1 << 16):
                writer.write(said)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def relayed(url: str) -> AsyncIterator[tuple[Relay, str]]:
    parsed = make_url(url)
    relay = Relay(str(parsed.host), parsed.port or {"postgresql": 5432, "mysql": 3306}[parsed.get_backend_name()])
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield relay, parsed.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
    server.close()


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
class TestDeadly:
    @pytest.fixture
    async def relay(self, kind: str, tmp_path: Path) -> AsyncIterator[tuple[Relay, DataLayer]]:
        async with relayed(databases.bare_database(kind)) as (relay, url):
            layer = DataLayer(url, files=tmp_path / "files", spool=tmp_path / "spool")
            await layer.create_step(make_step("t", id="0", output="before"))
            yield relay, layer
            await layer.close()

    async def test_it_is_set_aside_and_all_others_are_stored(
        self, relay: tuple[Relay, DataLayer], tmp_path: Path
    ) -> None:
        between, layer = relay
        between.deadly = lambda said: DEADLY.encode() in said
        events: list[str] = []
        layer.store.listeners.append(lambda event: events.append(event.kind))
        texts = ["one", DEADLY, "two", "three"]
        await asyncio.gather(
            *(layer.create_step(make_step("t", id=str(n), output=text)) for n, text in enumerate(texts, 1))
        )
        assert await stored_outputs(layer) == ["before", "one", "two", "three"]
        assert rejected(tmp_path / "spool") == [DEADLY]
        assert between.ended >= backlog.KILLS
        assert (events.count("rejected"), events[-1]) == (1, "recovered")

    async def test_it_is_when_a_dead_process_has_left_it(self, kind: str, tmp_path: Path) -> None:
        left_in_spool(tmp_path / "spool", "one", DEADLY, "two")
        async with relayed(databases.bare_database(kind)) as (between, url):
            between.deadly = lambda said: DEADLY.encode() in said
            layer = DataLayer(url, files=tmp_path / "files", spool=tmp_path / "spool")
            await layer.store.open()
            await layer.create_step(make_step("t", id="z", output="new"))
            assert await stored_outputs(layer) == ["one", "two", "new"]
            assert rejected(tmp_path / "spool") == [DEADLY]
            await layer.close()

    async def test_nothing_is_set_aside_where_the_database_stores_nothing(
        self, relay: tuple[Relay, DataLayer], tmp_path: Path
    ) -> None:
        """A server that breaks down at every write, and is back at once: which write it is does not matter."""
        between, layer = relay
        between.deadly = lambda said: b"INSERT" in said or b"one" in said
        await layer.create_step(make_step("t", id="1", output="one"))
        for _ in range(3 * backlog.KILLS):
            assert not await layer.store.catch_up()
        assert (await layer.health())["state"] == "degraded"
        between.deadly = lambda said: False
        assert await stored_outputs(layer) == ["before", "one"]
        assert not (tmp_path / "spool" / "rejected.txt").exists()
