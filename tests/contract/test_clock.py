"""I11: what is said comes after what was said, whatever is done to the clock; what is told of a past keeps its time."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from datalayer import DataLayer, InvalidInput, records
from datalayer.writes import UpsertStep
from tests.conftest import OpenLayer, chainlit_session, make_run, make_step, new_id, start_thread


class Clock:
    """The wall clock, ``back`` hours slow."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.back, right = 0.0, time.time_ns
        patch.setattr(time, "time_ns", lambda: right() - int(self.back * 3600e9))

    def iso(self) -> str:
        return (datetime.now(UTC) - timedelta(hours=self.back)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def order(layer: DataLayer, thread_id: str) -> list[str]:
    """As the page shows it; the model must be shown the same."""
    thread: Any = await layer.get_thread(thread_id)
    shown = [step["output"] for step in thread["steps"] if step["type"] != "run"]
    assert [message.text for message in await layer.store.thread_messages(thread_id)] == shown
    return shown


@pytest.mark.parametrize("restart", [False, True])
async def test_after_the_clock_went_back_new_messages_come_last_and_stay_there(
    layer: DataLayer, open_layer: OpenLayer, clock: Clock, monkeypatch: pytest.MonkeyPatch, restart: bool
) -> None:
    message = await start_thread(layer, output="1")
    thread_id = message["threadId"]
    await layer.create_step(make_step(thread_id, output="2"))
    clock.back = 2.0
    if restart:
        await layer.close()
        monkeypatch.setattr(records, "_latest", 0)
        layer = open_layer()
    with chainlit_session(thread_id=thread_id):
        late = [make_step(thread_id, output=text, createdAt=clock.iso()) for text in ("3", "4", "5")]
        for step in late:
            await layer.create_step(step)
        await layer.create_step(make_step(thread_id, output="6", createdAt=None))
        assert await order(layer, thread_id) == ["1", "2", "3", "4", "5", "6"]
        clock.back = 1.5
        await layer.update_step(late[0] | {"output": "3, corrected"})
        await layer.update_step(late[2])
    assert await order(layer, thread_id) == ["1", "2", "3, corrected", "4", "5", "6"]


async def test_in_one_group_too(layer: DataLayer, clock: Clock) -> None:
    thread_id = (await start_thread(layer, output="0"))["threadId"]
    clock.back = 2.0
    steps = [make_step(thread_id, output=f"{n}", createdAt=clock.iso()) for n in range(1, 9)]
    calls = [layer.create_step(step) for step in steps]
    for call in calls:
        await call
    assert await order(layer, thread_id) == [f"{n}" for n in range(9)]


async def test_what_is_imported_keeps_its_time(layer: DataLayer) -> None:
    thread_id = (await start_thread(layer, output="now"))["threadId"]
    old = make_step(thread_id, output="old", createdAt="2020-01-01T00:00:00Z")
    await layer.create_step(old)
    assert await order(layer, thread_id) == ["old", "now"]
    await layer.update_step(old | {"createdAt": "2019-01-01T00:00:00Z"})
    thread: Any = await layer.get_thread(thread_id)
    assert thread["steps"][0]["createdAt"] == "2019-01-01T00:00:00.000000Z"
    with chainlit_session(thread_id=thread_id):
        await layer.create_step(make_step(thread_id, output="older", createdAt="2018-01-01T00:00:00Z"))
    assert await order(layer, thread_id) == ["older", "old", "now"]


async def test_while_the_clock_runs_a_time_comes_back_as_it_was_given(layer: DataLayer) -> None:
    thread_id = new_id()
    with chainlit_session(thread_id=thread_id):
        steps = [make(thread_id) for make in (make_step, make_run, make_step)]
        for step in steps:
            await layer.create_step(step)
    thread: Any = await layer.get_thread(thread_id)
    given = [datetime.fromisoformat(step["createdAt"]) for step in steps]
    assert [datetime.fromisoformat(step["createdAt"]) for step in thread["steps"]] == given


@pytest.mark.parametrize("moment", [2**63 - 1, 2**62, 253_402_300_800_000_000, -(2**62)])
async def test_a_moment_of_no_calendar_is_refused_and_nothing_is_stored(layer: DataLayer, moment: int) -> None:
    message = await start_thread(layer, output="1")
    thread_id, store = message["threadId"], layer.store
    for values in ({"created_at": moment}, {"start": moment}, {"end": moment}):
        with pytest.raises(InvalidInput, match="between the years 1 and 9999"):
            await store.submit(UpsertStep(thread_id=thread_id, id="late", at=records.now(), values=values))
    with pytest.raises(InvalidInput, match="between the years 1 and 9999"):
        await store.submit(UpsertStep(thread_id=thread_id, id="late", at=moment, values={"output": "x"}))
    with chainlit_session(thread_id=thread_id):
        await layer.create_step(make_step(thread_id, output="2"))
    assert await order(layer, thread_id) == ["1", "2"]
