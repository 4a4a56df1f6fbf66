"""The clock by which writes are told apart: it never goes back, nor stands still, whatever is done to the machine's."""

import time
from datetime import datetime, timedelta, timezone

import pytest

from datalayer import records
from datalayer.errors import InvalidInput
from datalayer.records import MAX_AHEAD, from_iso, not_before, now, to_iso, user_id, vote_id

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


def test_ids_are_those_of_all_versions() -> None:
    """With another one nobody would find their conversations again, nor their vote."""
    assert user_id("ada") == "2e8d7105-df16-5679-a024-c518bdef9abe"
    assert vote_id("s", "ada") == "c8ec6943-904c-5a4b-b916-4c65b3675cf7"


def test_a_vote_is_known_by_its_step_and_its_voter() -> None:
    assert vote_id("s", "ada") == vote_id("s", "ada")
    votes = [
        ("s", "ada"),
        ("s", "bob"),
        ("s", None),
        ("t", "ada"),
        ("s 1", "x"),
        ("s", "1x"),
        ("s ", "1x"),
        ("s", "None"),
    ]
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
        (datetime(2026, 11, 20, 9, 21, 0, 123456, timezone(timedelta(hours=1))), 1_795_162_860_123_456),
        ("", None),
        (None, None),
    ],
)
def test_a_time_is_read_to_the_microsecond(text: object, microseconds: int | None) -> None:
    assert from_iso(text) == microseconds


def test_the_time_zone_of_the_machine_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert from_iso("1970-01-02T03:04:05") == from_iso("1970-01-02T03:04:05Z") == 97_445_000_000
        assert to_iso(97_445_000_000) == "1970-01-02T03:04:05.000000Z"
    time.tzset()


@pytest.mark.parametrize(
    "value",
    [
        *("yesterday", "2026-13-01T00:00:00Z", 5, 0, False, b"x", []),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T00:00:00Z", "9999-12-31T23:59:59.999999-23:59", datetime.max),
    ],
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="ISO 8601"):
        from_iso(value)


def test_a_time_is_written_in_utc_with_all_its_digits() -> None:
    assert to_iso(1_795_162_860_000_000) == "2026-11-20T08:21:00.000000Z"
    assert to_iso(0) == "1970-01-01T00:00:00.000000Z"
    assert to_iso(None) is None


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (-62_135_596_800_000_000, "0001-01-01T00:00:00.000000Z"),
        (-62_135_596_800_000_001, "0001-01-01T23:59:59.999999Z"),
        (-(1 << 63), "0001-01-01T19:59:05.224192Z"),
        (253_402_214_399_999_999, "9999-12-30T23:59:59.999999Z"),
        (253_402_214_400_000_000, "9999-12-30T00:00:00.000000Z"),
        (253_402_300_800_000_000, "9999-12-30T00:00:00.000000Z"),
        ((1 << 63) - 1, "9999-12-30T04:00:54.775807Z"),
    ],
)
def test_whatever_is_stored_can_be_read_and_sent_back(microseconds: int, text: str) -> None:
    assert to_iso(microseconds) == text
    assert to_iso(from_iso(text)) == text
