"""Others at the same rows: what a server turns down for that is tried again at once, and nobody hears of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from datalayer.dialects import server as servers
from tests.faults.conftest import Server, ServerCase
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.services
HELD_TOO_LONG, DEADLOCK, NOT_SERIALISABLE = {"55P03", 1205}, {"40P01", 1213}, {"40001"}


class Contested(ServerCase):
    """Another session changes rows of the one message, and its conversation. ``codes``: what the server has turned the
    layer's writes down with. ``turned_down``: it has, at least once."""

    def __init__(self, server: Server, folder: Path) -> None:
        super().__init__(server, folder)
        self.codes: set[Any] = set()
        self.turned_down = asyncio.Event()
        self.watch()

    def watch(self) -> None:
        event.listen(self.layer.store._database.write.engine, "handle_error", self._note)

    def _note(self, context: ExceptionContext) -> None:
        error: Any = context.original_exception
        self.codes.add(error.args[0] if type(error.args[0]) is int else getattr(error, "sqlstate", None))
        self.turned_down.set()

    @asynccontextmanager
    async def change_waits_for(self, *first: str) -> AsyncIterator[AsyncConnection]:
        """Has the layer wait for a session that has done ``first``, and commits when the block has ended."""
        other = create_async_engine(self.url)
        async with other.connect() as session:
            for statement in first:
                await session.execute(text(statement))
            [message] = self.sent
            message["output"] = "changed"
            writing = asyncio.create_task(self.layer.update_step(message))
            while not self.server.waiting(self.database):  # noqa: ASYNC110
                await asyncio.sleep(0.2)  # MariaDB gives one answer for a tenth of a second
            yield session
            await session.commit()
            await writing
        await other.dispose()


@pytest.fixture
async def contested(server: Server, tmp_path: Path) -> AsyncIterator[Contested]:
    case = Contested(server, tmp_path)
    await case.say("before")
    yield case
    await case.layer.close()


async def test_a_deadlock(contested: Contested) -> None:
    # Who is the victim: in PostgreSQL the first who looks whether there is one, in MariaDB who has changed less.
    if isinstance(contested.server, Postgres):
        contested.server.sql(f"ALTER DATABASE {contested.database} SET deadlock_timeout = '2s'", "postgres")
        await contested.layer.store._database.write.close()
        contested.sql("GRANT SET ON PARAMETER deadlock_timeout TO PUBLIC")
        heavier = ["SET deadlock_timeout = '1h'"]
    else:
        heavier = ["INSERT INTO tombstones SELECT 'thread', seq, 0 FROM seq_1_to_1000"]
    async with contested.change_waits_for(*heavier, "UPDATE steps SET language = 'fr'") as other:
        await other.execute(text("UPDATE threads SET name = 'theirs'"))
    assert contested.codes <= DEADLOCK
    assert contested.codes
    assert contested.events == []
    await contested.assert_all_stored()


async def test_a_lock_that_is_held_for_longer_than_the_server_waits(
    contested: Contested, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(contested.server, Postgres):
        contested.server.sql(f"ALTER DATABASE {contested.database} SET lock_timeout = '500ms'", "postgres")
        await contested.layer.store._database.write.close()
    else:
        await contested.layer.close()
        with monkeypatch.context() as patch:
            patch.setattr(servers, "LIMIT", 2.0)
            contested.layer = contested.open()
        contested.watch()
    async with contested.change_waits_for("UPDATE threads SET name = 'theirs'"):
        await contested.turned_down.wait()
    assert contested.codes <= HELD_TOO_LONG
    await contested.layer.store.catch_up()  # where the lock outlived all tries, the spool has the write
    await contested.assert_all_stored()


async def test_transactions_that_cannot_be_put_in_an_order(contested: Contested) -> None:
    """Ours ask for less, so this is for a server that gives more."""
    if not isinstance(contested.server, Postgres):
        pytest.skip("MariaDB does not fail a transaction for that")
    connections = contested.layer.store._database.write
    await connections.close()
    connections._engine = contested.layer.store._database.engine("SERIALIZABLE", 5)
    contested.watch()
    async with contested.change_waits_for("UPDATE threads SET name = 'theirs'"):
        pass
    assert contested.codes == NOT_SERIALISABLE
    assert contested.events == []
    await contested.assert_all_stored()
