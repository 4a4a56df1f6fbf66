"""Servers of the tests' own, and a layer on them while something is the matter."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from datalayer import DataLayer
from datalayer.writer import Event
from tests.conftest import make_step, new_id, steps_of
from tests.servers import mariadb, postgres
from tests.servers.mariadb import MariaDB
from tests.servers.postgres import PASSWORD, Postgres

Server = Postgres | MariaDB


class ServerCase:
    """A layer on a database of its own of ``server``, and a thread that was stored before the trouble."""

    def __init__(self, server: Server, folder: Path, url: str = "") -> None:
        self.server, self._folder = server, folder
        folder.mkdir(exist_ok=True)
        self.url = url or server.create(f"t{uuid.uuid4().hex}")
        self.database = str(make_url(self.url).database)
        self.layer = self.open()
        self.events: list[str] = []
        self.layer.store.listeners.append(self._hear)
        self.thread = new_id()
        self.sent: list[Any] = []

    def open(self) -> DataLayer:
        return DataLayer(self.url, files=self._folder / "files", spool=self._folder / "spool")

    def sql(self, statement: str) -> list[str]:
        """As the superuser."""
        return self.server.sql(statement, self.database)

    def _hear(self, event: Event) -> None:
        self.events.append(event.kind)

    async def say(self, *outputs: str) -> None:
        """Sends messages one after the other; none of the calls may raise."""
        for output in outputs:
            self.sent.append(make_step(self.thread, output=output))
            await self.layer.create_step(self.sent[-1])

    async def read(self, layer: DataLayer | None = None) -> list[str]:
        return [step["output"] for step in (await steps_of(layer or self.layer, self.thread)).values()]

    async def assert_degraded(self, pending: int) -> None:
        """What was sent was answered from the spool."""
        assert await self.layer.health() == {"state": "degraded", "pending": pending}
        assert set(self.events) == {"degraded"}

    async def assert_recovers(self) -> None:
        """The trouble is over: everything is stored, as soon as the server is back."""
        async with asyncio.timeout(120):
            while not await self.layer.store.catch_up():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert self.events[-1] == "recovered"
        assert self.events.count("recovered") == 1
        await self.say("after")
        await self.assert_all_stored()

    async def assert_all_stored(self) -> None:
        """Now, once and in order, and also when it is read by another."""
        assert await self.layer.health() == {"state": "ok", "pending": 0}
        said = [step["output"] for step in self.sent]
        assert await self.read() == said
        await self.layer.close()
        again = self.open()
        assert await self.read(again) == said
        await again.close()
        assert self.sql("SELECT count(*) FROM steps") == [str(len(self.sent))]


@pytest.fixture(scope="module", params=["postgres", "mariadb"])
def running_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with {"postgres": postgres, "mariadb": mariadb}[request.param].running() as server:
        yield server


@pytest.fixture
def server(running_server: Server) -> Server:
    """It runs and answers when a test begins, whatever the one before it did."""
    running_server.revive()
    return running_server


@pytest.fixture
async def case(server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[ServerCase]:
    case = ServerCase(server, tmp_path)
    await case.say("before")
    yield case
    server.revive()
    await case.layer.close()
    assert PASSWORD not in caplog.text
