"""The clock by which writes are told apart: it never goes back, nor stands still, whatever is done to the machine's."""

import time

import pytest

from datalayer import records
from datalayer.errors import InvalidInput
from datalayer.records import MAX_AHEAD, from_iso, not_before, now, to_iso, vote_id

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


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-02T00:00:00.000001Z", 86_400_000_001),
        (" 2026-11-20T08:21:00.123456Z ", 1_795_162_860_123_456),
        ("2026-11-20T08:21:00.123456", 1_795_162_860_123_456),  # without an offset it is UTC
        ("2026-11-20T09:21:00.123456+01:00", 1_795_162_860_123_456),
        ("2026-11-20T09:21:00.123456+01:00Z", 1_795_162_860_123_456),  # as Chainlit writes some
        ("2026-11-20T08:21:00.123456ZZ", 1_795_162_860_123_456),
        ("1969-12-31T23:59:59Z", -1_000_000),
        ("", None),
        (None, None),
    ],
)
def test_a_time_is_read_to_the_microsecond(text: str | None, microseconds: int | None) -> None:
    assert from_iso(text) == microseconds


@pytest.mark.parametrize(
    "value", ["yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59", 5, 0, False, b"x", []]
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="ISO 8601"):
        from_iso(value)


def test_a_time_is_written_in_utc_with_all_its_digits() -> None:
    assert to_iso(1_795_162_860_000_000) == "2026-11-20T08:21:00.000000Z"
    assert to_iso(0) == "1970-01-01T00:00:00.000000Z"
    assert to_iso(None) is None
