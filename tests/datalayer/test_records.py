"""The clock by which writes are told apart: it never goes back, nor stands still, whatever is done to the machine's."""

import time

import pytest

from datalayer import records
from datalayer.records import MAX_AHEAD, not_before, now, vote_id

HOUR = 3_600_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The machine's clock, in microseconds: [now]."""
    moment = [1_800_000_000_000_000]
    monkeypatch.setattr(records, "_latest", 0)
    monkeypatch.setattr(time, "time_ns", lambda: moment[0] * 1_000)
    return moment


def test_it_tells_the_time(clock: list[int]) -> None:
    assert now() == clock[0]
    clock[0] += HOUR
    assert now() == clock[0]


def test_no_moment_comes_twice(clock: list[int]) -> None:
    assert [now() - clock[0] for _ in range(4)] == [0, 1, 2, 3]


def test_it_goes_on_while_the_machines_clock_goes_back(clock: list[int]) -> None:
    before = now()
    clock[0] -= 2 * HOUR
    assert [now() - before for _ in range(3)] == [1, 2, 3]
    clock[0] += 3 * HOUR
    assert now() == clock[0]


def test_it_goes_on_from_what_a_process_before_has_written(clock: list[int]) -> None:
    not_before(clock[0] + 2 * HOUR)
    assert now() == clock[0] + 2 * HOUR + 1
    not_before(clock[0])
    assert now() == clock[0] + 2 * HOUR + 2


@pytest.mark.parametrize(("ahead", "believed"), [(MAX_AHEAD - 1, True), (MAX_AHEAD, False), (100 * MAX_AHEAD, False)])
def test_but_not_from_a_clock_that_was_days_ahead(clock: list[int], ahead: int, believed: bool) -> None:
    not_before(clock[0] + ahead)
    assert (now() > clock[0]) is believed


def test_two_days_are_believed() -> None:
    assert MAX_AHEAD == 48 * HOUR


def test_a_vote_is_known_by_its_step_and_its_voter() -> None:
    assert vote_id("s", "ada") == vote_id("s", "ada")
    votes = [("s", "ada"), ("s", "bob"), ("s", None), ("t", "ada"), ("s 1", "x"), ("s", "1x"), ("s ", "1x")]
    assert len({vote_id(*vote) for vote in votes}) == len(votes)
