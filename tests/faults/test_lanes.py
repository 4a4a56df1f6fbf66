"""I1 with several lanes, without a database: each transaction ends when the test says so."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from datalayer import StoreUnavailable, backlog
from datalayer.lanes import Lanes
from datalayer.records import user_id
from datalayer.spool import Spool
from datalayer.writes import DeleteStep, UpdateThread, UpsertStep, UpsertUser, Write

THREADS = [f"thread-{n}" for n in range(20)]


class Database:
    """What was committed, in order; ``hold`` the writes that must wait."""

    def __init__(self) -> None:
        self.begun: list[Write] = []
        self.stored: list[Write] = []
        self.held: set[str] = set()
        self.refused: list[Write] = []
        self.go_on = asyncio.Event()

    async def commit(self, writes: Sequence[Write]) -> list[Any]:
        self.begun += writes
        if any(replace(write, replayed=False) in self.refused for write in writes):
            raise StoreUnavailable("not now")
        await asyncio.sleep(0)
        if any(write.thread_id in self.held for write in writes):
            await self.go_on.wait()
        self.stored += writes
        return [None] * len(writes)


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def lanes(database: Database, tmp_path: Path) -> Lanes:
    return Lanes(database.commit, Spool(tmp_path / "spool"), count=4)


def step(thread: str, name: str = "s") -> UpsertStep:
    return UpsertStep(thread_id=thread, id=name, values={})


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_threads_do_not_wait_for_each_other_but_each_keeps_its_order(database: Database, lanes: Lanes) -> None:
    database.held = {THREADS[0]}
    calls = [lanes.submit(step(thread, f"{n}")) for n in range(3) for thread in THREADS]
    await settle()
    assert {write.thread_id for write in database.stored}  # those of other lanes
    assert THREADS[0] not in {write.thread_id for write in database.stored}
    database.go_on.set()
    await asyncio.gather(*calls)
    for thread in THREADS:
        assert [write.id for write in database.stored if write.thread_id == thread] == ["0", "1", "2"]  # type: ignore[attr-defined]
    await lanes.close()


async def test_a_write_whose_thread_is_not_known_waits_for_all_before_it(database: Database, lanes: Lanes) -> None:
    database.held = set(THREADS)
    before = [lanes.submit(step(thread)) for thread in THREADS]
    anywhere = lanes.submit(DeleteStep(id="of any"))
    await settle()
    assert DeleteStep(id="of any") not in database.begun
    database.go_on.set()
    await asyncio.gather(*before, anywhere)
    assert database.stored[-1] == DeleteStep(id="of any")
    await lanes.close()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_comes_after_it_waits_for_it_also_when_its_caller_has_gone(
    database: Database, lanes: Lanes, cancelled: bool
) -> None:
    database.held = {THREADS[0], THREADS[1], THREADS[2], THREADS[3]}
    before = [lanes.submit(step(thread)) for thread in THREADS[:4]]
    user = UpsertUser(identifier="ann")
    fence = lanes.submit(user)
    after = [lanes.submit(step(thread, "after")) for thread in THREADS[4:]]
    await settle()
    if cancelled:
        fence.cancel()
        await settle()
    assert not [write for write in database.begun if getattr(write, "id", "") == "after"]
    database.go_on.set()
    await asyncio.gather(*before, *after)
    assert database.stored.index(user) < min(database.stored.index(step(thread, "after")) for thread in THREADS[4:])
    await lanes.close()


async def test_a_thread_may_be_stored_before_its_author_who_waits_in_a_spool(
    database: Database, lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "PAUSES", (60.0,))
    user = UpsertUser(identifier="ann")
    database.refused = [user]
    await lanes.submit(user)
    assert lanes.spooled() == [replace(user, replayed=True)]
    for thread in THREADS:
        await lanes.submit(UpdateThread(thread_id=thread, user_id=user_id("ann")))
    elsewhere = [write for write in database.stored if isinstance(write, UpdateThread)]
    assert {write.author for write in elsewhere} == {"ann"}
    database.refused = []
    assert await lanes.catch_up()
    await lanes.close()


async def test_a_lane_that_is_behind_is_told_as_all_of_them(database: Database, lanes: Lanes) -> None:
    told = []
    lanes.listeners.append(lambda event: told.append(event.kind))
    assert not lanes.degraded
    assert lanes.pending == 0
    await asyncio.gather(*(lanes.submit(step(thread)) for thread in THREADS))
    assert told == []
    assert await lanes.close()
    await lanes.ended()
