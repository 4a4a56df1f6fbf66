"""PostgreSQL behind PgBouncer in transaction mode, where two transactions may run on two connections of the server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from datalayer import backlog, transaction
from tests.conftest import make_step, new_id, register, start_thread, steps_of
from tests.faults.conftest import ServerCase
from tests.servers import pgbouncer, postgres
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Postgres, PgBouncer]]:
    with postgres.running() as server, pgbouncer.running(server) as bouncer:
        yield server, bouncer


@pytest.fixture
async def bouncer(running: tuple[Postgres, PgBouncer]) -> PgBouncer:
    for node in running:
        node.revive()
    return running[1]


@pytest.fixture
async def case(
    running: tuple[Postgres, PgBouncer], bouncer: PgBouncer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ServerCase]:
    monkeypatch.setattr(backlog, "PAUSES", (1000.0,))
    name = f"t{new_id().replace('-', '')}"
    running[0].create(name)
    case = ServerCase(running[0], tmp_path, f"{bouncer.url(name)}?prepared_statements=false")
    await case.say("before")
    yield case
    for node in running:
        node.revive()
    await case.layer.close()


async def test_many_at_once_are_served_by_few_connections(case: ServerCase) -> None:
    anna = await register(case.layer, "anna")
    messages = await asyncio.gather(*(start_thread(case.layer, anna, output=f"{n}") for n in range(40)))
    answers = [make_step(message["threadId"], parentId=message["id"]) for message in messages]
    await asyncio.gather(*(case.layer.create_step(answer) for answer in answers))
    await asyncio.gather(*(case.layer.update_step(answer | {"output": "changed"}) for answer in answers))
    threads = await asyncio.gather(*(steps_of(case.layer, message["threadId"]) for message in messages))
    outputs = [[step["output"] for step in steps.values()] for steps in threads]
    assert outputs == [[f"{n}", "changed"] for n in range(40)]
    await asyncio.gather(*(case.layer.delete_thread(message["threadId"]) for message in messages))
    assert case.sql("SELECT count(*) FROM steps") == ["1"]
    which = f"datname = '{case.database}' AND pid <> pg_backend_pid()"
    assert int(case.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {which}")[0]) <= pgbouncer.POOL
    assert case.events == []


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_it_is_gone_for_a_while(case: ServerCase, bouncer: PgBouncer, how: str) -> None:
    getattr(bouncer, how)()
    await case.say("one", "two")
    await case.assert_degraded(2)
    bouncer.start()
    await case.assert_recovers()


async def test_it_starts_again_between_two_writes(case: ServerCase, bouncer: PgBouncer) -> None:
    bouncer.kill()
    bouncer.start()
    await case.say("one")
    assert case.events == []
    await case.assert_all_stored()


async def test_the_server_behind_it_is_gone_for_a_while(case: ServerCase, monkeypatch: pytest.MonkeyPatch) -> None:
    case.server.kill()
    with monkeypatch.context() as patch:
        patch.setattr(transaction, "PATIENCE", 0.3)  # it keeps its clients waiting
        await case.say("one", "two")
        await case.assert_degraded(2)
    case.server.start()
    while not await case.layer.store.catch_up():  # noqa: ASYNC110 - a server comes back
        await asyncio.sleep(0.1)
    await case.assert_recovers()


async def test_prepared_statements_through_it_are_named_as_what_is_wrong(
    case: ServerCase, bouncer: PgBouncer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = ServerCase(case.server, tmp_path / "other", bouncer.url(case.database))
    await other.say("one")
    case.server.end_connections(case.database)  # so that it makes new ones, on which nothing is prepared
    await other.say("two")
    await other.assert_degraded(1)
    assert "a pooler that needs prepared_statements=false" in caplog.text
    await other.layer.close()
