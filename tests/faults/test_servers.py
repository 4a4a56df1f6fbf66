"""I7 on real servers: whatever happens to one, no call waits for it or fails, and all is stored once it is over."""

import asyncio
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from datalayer import StoreUnavailable, backlog, transaction
from tests.faults.conftest import Server, ServerCase
from tests.faults.talks import stored_everything
from tests.servers.process import small_disk

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
        await stored_everything(late.layer)
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
            case.server.end_connections(case.database)
            await case.say(f"{number}")
            case.server.end_connections(case.database)
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


@contextmanager
def frozen(case: ServerCase, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The server says nothing while the block runs, in which nobody waits for longer than the layer does."""
    with monkeypatch.context() as patch:
        patch.setattr(transaction, "PATIENCE", 0.3)
        case.server.freeze()
        yield
        case.server.thaw()


class TestFrozen:
    async def test_what_is_said_meanwhile_is_answered_from_the_spool(
        self, case: ServerCase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with frozen(case, monkeypatch):
            await case.say("one", "two", "three")
            await case.assert_degraded(3)
            with pytest.raises(StoreUnavailable):
                await case.layer.get_thread(case.thread)
        await case.assert_recovers()

    async def test_a_transaction_that_is_given_up_is_stored_once(
        self, case: ServerCase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with frozen(case, monkeypatch), monkeypatch.context() as patch:
            patch.setattr("datalayer.dialects.server.LIMIT", 0.2)
            await case.say("one", "two")
            assert not await case.layer.store.catch_up()  # which gives up, too
            await case.assert_degraded(2)
        await case.assert_recovers()

    async def test_it_is_killed_while_it_is_frozen(self, case: ServerCase, monkeypatch: pytest.MonkeyPatch) -> None:
        with frozen(case, monkeypatch):
            await case.say("one", "two")
            case.server.kill()
            await case.say("three")
            await case.assert_degraded(3)
        case.server.start()
        await case.assert_recovers()


class TestNotNow:
    """The server answers, and does not take it."""

    async def test_it_takes_no_writes_for_a_while(self, case: ServerCase) -> None:
        case.server.forbid_writes(case.database)
        case.server.end_connections(case.database)
        await case.say("one", "two")
        await case.assert_degraded(2)
        assert await case.read() == ["before", "one", "two"]
        case.server.forbid_writes(case.database, False)
        await case.assert_recovers()

    async def test_its_disk_is_full(self, server: Server, tmp_path: Path) -> None:
        with small_disk(server, 40) as folder:
            case = ServerCase(server, tmp_path, server.create("on_a_small_disk", folder))
            await case.say("before")
            with suppress(OSError), (filler := folder.parent / "filler").open("wb", buffering=0) as file:
                for _ in itertools.repeat(None):
                    file.write(b"x" * 4096)
            large = [os.urandom(300_000).hex() for _ in range(4)]
            await case.say(*large)
            await case.assert_degraded(4)
            filler.unlink()
            server.revive()  # MariaDB 10.11 ends when it finds no room for a large value
            await case.assert_recovers()
            server.drop(case.database)

    async def test_a_right_is_missing(self, case: ServerCase, caplog: pytest.LogCaptureFixture) -> None:
        case.server.take_right(case.database)
        case.server.end_connections(case.database)
        await case.say("one")
        await case.assert_degraded(1)
        assert "a right that this user needs" in caplog.text
        case.server.give_right(case.database)
        case.server.end_connections(case.database)
        await case.assert_recovers()
