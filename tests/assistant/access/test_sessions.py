"""The file of open sessions: what ends stays ended, and it does not grow."""

from pathlib import Path

import pytest

from assistant.access.files import locked
from assistant.access.sessions import SessionFile


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(tmp_path: Path, clock: Clock) -> SessionFile:
    return SessionFile(tmp_path / "sessions", limit=3, clock=clock)


def begin(sessions: SessionFile, valid_after: float = 1) -> str:
    return sessions.open("anna", valid_after, 1000, "Firefox")


def test_a_session_ends_for_every_process_and_stays_ended(sessions: SessionFile, tmp_path: Path, clock: Clock) -> None:
    other = SessionFile(tmp_path / "sessions", limit=3, clock=clock)
    first, second = begin(sessions), begin(sessions)
    assert other.get("anna", first)
    assert other.get("bruno", first) is None
    sessions.end("anna", {first})
    assert other.get("anna", first) is None
    assert SessionFile(tmp_path / "sessions", limit=3, clock=clock).get("anna", first) is None
    assert list(other.list("anna")) == [second]


def test_a_session_ends_in_time_and_is_removed_with_the_next_one(
    sessions: SessionFile, tmp_path: Path, clock: Clock
) -> None:
    first = begin(sessions)
    clock.now += 999
    assert sessions.get("anna", first)
    clock.now += 1
    assert sessions.get("anna", first) is None
    assert sessions.list("anna") == {}
    begin(sessions)
    assert first not in "".join(path.read_text() for path in (tmp_path / "sessions").glob("*.json"))


def test_beyond_the_limit_the_one_used_longest_ago_ends(sessions: SessionFile, clock: Clock) -> None:
    keys = []
    for _ in range(3):
        keys.append(begin(sessions))
        clock.now += 301
    sessions.note_use("anna", keys[0])
    sessions._notes.shutdown()
    new = begin(sessions)
    assert set(sessions.list("anna")) == {keys[0], keys[2], new}


def test_a_use_is_stored_every_five_minutes(sessions: SessionFile, tmp_path: Path, clock: Clock) -> None:
    key = begin(sessions)
    [path] = (tmp_path / "sessions").glob("*.json")
    before = path.stat().st_mtime_ns
    clock.now += 299
    sessions.note_use("anna", key)
    clock.now += 2
    sessions.note_use("anna", key)
    sessions.note_use("anna", "unknown")
    sessions._notes.shutdown()
    assert path.stat().st_mtime_ns != before
    assert sessions.list("anna")[key].used_at == clock.now


def test_a_use_within_five_minutes_of_the_stored_one_is_not(sessions: SessionFile, clock: Clock) -> None:
    key, opened = begin(sessions), clock.now
    clock.now += 299
    sessions.note_use("anna", key)
    sessions._notes.shutdown()
    assert sessions.list("anna")[key].used_at == opened


def test_the_next_use_after_five_more_minutes_is_stored_too(sessions: SessionFile, clock: Clock) -> None:
    key = begin(sessions)
    for _ in range(2):
        clock.now += 300
        sessions.note_use("anna", key)
        sessions._notes.submit(int).result()  # the note before it is stored
        assert sessions.list("anna")[key].used_at == clock.now


def test_a_use_that_is_still_being_stored_is_not_stored_again(
    sessions: SessionFile, tmp_path: Path, clock: Clock
) -> None:
    key = begin(sessions)
    clock.now += 300
    used = clock.now
    with locked(tmp_path / "sessions" / ".lock"):  # another process has it
        sessions.note_use("anna", key)
        clock.now += 1
        sessions.note_use("anna", key)
    sessions._notes.shutdown()
    assert sessions.list("anna")[key].used_at == used


def test_a_change_of_password_leaves_no_older_session(sessions: SessionFile) -> None:
    first = begin(sessions, valid_after=1)
    second = begin(sessions, valid_after=2)
    assert sessions.get("anna", first) is None
    late = begin(sessions, valid_after=1)  # a sign-in that overlapped the change takes nothing away
    assert set(sessions.list("anna")) == {second, late}


def test_what_cannot_be_stored_still_ends(sessions: SessionFile, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = begin(sessions), begin(sessions)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("assistant.access.files.os.fsync", full)
    sessions.end("anna", {first})
    assert sessions.get("anna", first) is None
    with pytest.raises(OSError, match="No space"):
        begin(sessions)
    monkeypatch.undo()
    assert sessions.get("anna", second) is None  # rather ended than kept
    assert begin(sessions)


def test_a_damaged_file_means_signing_in_again(sessions: SessionFile, tmp_path: Path) -> None:
    key = begin(sessions)
    [path] = (tmp_path / "sessions").glob("*.json")
    path.write_text("{")
    assert sessions.get("anna", key) is None
    assert sessions.get("anna", begin(sessions))


def test_only_the_owner_of_the_folder_can_read(sessions: SessionFile, tmp_path: Path) -> None:
    begin(sessions)
    assert (tmp_path / "sessions").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "sessions").iterdir()} == {0o600}
