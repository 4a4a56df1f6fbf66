"""I7 on real servers: whatever happens to one, no call waits for it or fails, and all is stored once it is over."""

import asyncio
from pathlib import Path

import pytest

from datalayer import StoreUnavailable, backlog, transaction
from tests.faults.conftest import Server, ServerCase
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No try comes but those that a test makes."""
    monkeypatch.setattr(backlog, "PAUSES", (1000.0,))


class TestGone:
    @pytest.mark.parametrize("how", ["stop", "kill"])
    async def test_what_is_said_meanwhile_is_stored_when_it_is_back(self, case: ServerCase, how: str) -> None:
        getattr(case.server, how)()
        await case.say("one", "two", "three")
        await case.assert_degraded(3)
        with pytest.raises(StoreUnavailable):
            await case.layer.get_thread(case.thread)
        assert not await case.layer.store.catch_up()
        case.server.start()
        assert await case.read() == ["before", "one", "two", "three"]  # before the spool was replayed
        await case.assert_recovers()

    async def test_it_may_be_gone_from_the_start(self, server: Server, case: ServerCase, tmp_path: Path) -> None:
        server.kill()
        late = ServerCase(server, tmp_path / "late", case.url)
        late.thread = case.thread
        await late.say("one", "two")
        await late.assert_degraded(2)
        server.start()
        assert await late.layer.store.catch_up()
        await late.layer.close()
        assert await case.read() == ["before", "one", "two"]

    async def test_a_restart_between_two_writes_is_not_noticed(self, case: ServerCase) -> None:
        for how in ("stop", "kill"):
            getattr(case.server, how)()
            case.server.start()
            await case.say(f"after {how}")
        assert case.events == []
        await case.assert_all_stored()

    async def test_connections_that_are_ended_are_made_anew(self, case: ServerCase) -> None:
        for number in range(3):
            await asyncio.gather(*(case.layer.get_thread(case.thread) for _ in range(8)))
            end_connections(case)
            await case.say(f"{number}")
            end_connections(case)
            assert len(await case.read()) == number + 2
        assert case.events == []
        await case.assert_all_stored()

    async def test_it_recovers_although_writes_never_stop_coming(
        self, case: ServerCase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backlog, "PAUSES", (0.01,))
        case.server.kill()
        starting = False
        while "recovered" not in case.events:
            await case.say(f"{len(case.sent)}")
            if len(case.sent) > 20 and not starting:
                case.server.spawn()
                starting = True
        assert await case.layer.store.catch_up()
        await case.layer.store.drain()
        await case.assert_all_stored()


class TestFrozen:
    @pytest.fixture(autouse=True)
    def _patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transaction, "PATIENCE", 0.3)

    async def test_what_is_said_meanwhile_is_answered_from_the_spool(self, case: ServerCase) -> None:
        case.server.freeze()
        await case.say("one", "two", "three")
        await case.assert_degraded(3)
        with pytest.raises(StoreUnavailable):
            await case.layer.get_thread(case.thread)
        case.server.thaw()
        await case.assert_recovers()

    async def test_a_transaction_that_is_given_up_is_stored_once(
        self, case: ServerCase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("datalayer.dialects.server.LIMIT", 0.2)
        case.server.freeze()
        await case.say("one", "two")
        assert not await case.layer.store.catch_up()  # which gives up, too
        await case.assert_degraded(2)
        monkeypatch.setattr("datalayer.dialects.server.LIMIT", 10.0)
        case.server.thaw()
        await case.assert_recovers()

    async def test_it_is_killed_while_it_is_frozen(self, case: ServerCase) -> None:
        case.server.freeze()
        await case.say("one", "two")
        case.server.kill()
        await case.say("three")
        await case.assert_degraded(3)
        case.server.start()
        await case.assert_recovers()


def end_connections(case: ServerCase) -> None:
    """All that the layer has, as an administrator ends them."""
    if isinstance(case.server, Postgres):
        others = f"datname = '{case.database}' AND pid <> pg_backend_pid()"
        case.sql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}")
        return
    found = case.sql("SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> connection_id()")
    for connection in found:
        case.sql(f"KILL {connection}")
