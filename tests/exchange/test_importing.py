"""What of an export cannot come over as it is, beside what is here, is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from datalayer import Store
from exchange.importing import Report, run_import
from exchange.origins.reasons import Why
from tests.exchange.origins.chatgpts import answered, asked, conversation
from tests.exchange.origins.exports import written
from tests.exchange.origins.test_threadkeep import document, thread

DIFFERS = Why("differs")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(f"sqlite+aiosqlite:///{tmp_path / 'threads.db'}")
    yield made
    await made.close()


def says(*texts: str) -> dict[str, object]:
    return conversation(1, asked("q", "root1", texts[0], 1), answered("a", "q", texts[1], 2))


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.new, report.added, report.there, report.messages


def places(report: Report, why: Why = DIFFERS) -> list[str]:
    return [str(place) for place in report.notes[why].places] if why in report.notes else []


@pytest.mark.parametrize("dry", [True, False])
async def test_other_text_under_the_same_ids_in_one_file_is_told(store: Store, tmp_path: Path, dry: bool) -> None:
    path = written(tmp_path / "c.json", [says("which?", "an avocet"), says("which?", "an ibis"), conversation(2)])
    report = await run_import(store, path, "ann", dry_run=dry)
    assert (counts(report), places(report)) == ((2, 0, 1, 4), ["c.json, item 2 (Birds 1)"])


@pytest.mark.parametrize("dry", [True, False])
async def test_other_text_than_what_is_here_is_told_and_the_same_is_not(
    store: Store, tmp_path: Path, dry: bool
) -> None:
    first = written(tmp_path / "a.json", [says("which\0?", "an avocet")])
    assert places(await run_import(store, first, "ann")) == []
    again = await run_import(store, first, "ann", dry_run=dry)
    assert (counts(again), places(again)) == ((0, 0, 1, 0), [])
    other = written(tmp_path / "b.json", [says("which\0?", "an ibis")])
    report = await run_import(store, other, "ann", dry_run=dry)
    assert (counts(report), places(report)) == ((0, 0, 1, 0), ["b.json, item 1 (Birds 1)"])


@pytest.mark.parametrize("dry", [True, False])
async def test_more_of_one_that_came_before_in_the_file_is_added(store: Store, tmp_path: Path, dry: bool) -> None:
    more = conversation(
        1, asked("q", "root1", "which?", 1), answered("a", "q", "an avocet", 2), asked("r", "a", "why?")
    )
    path = written(tmp_path / "c.json", [says("which?", "an avocet"), more, more])
    report = await run_import(store, path, "ann", dry_run=dry)
    assert (counts(report), places(report)) == ((1, 1, 1, 3), [])


async def test_versions_of_a_question_do_not_differ_whichever_is_shown(store: Store, tmp_path: Path) -> None:
    made = conversation(
        1, asked("q", "root1", "one?", 1), answered("a", "q", "1", 2), asked("r", "root1", "two?", 3),
        answered("b", "r", "2", 4), answered("c", "r", "3", 5),
    )  # fmt: skip
    for tip in ("a", "b", "c"):
        path = written(tmp_path / f"{tip}.json", [made | {"current_node": tip}])
        assert places(await run_import(store, path, "ann")) == []


async def test_another_conversation_of_the_same_id_is_told(store: Store, tmp_path: Path) -> None:
    other = conversation(1, asked("x", "root2", "other?", 1.5), answered("y", "x", "yes", 1.7))
    report = await run_import(store, written(tmp_path / "c.json", [conversation(1), other]), "ann")
    assert (counts(report), places(report, Why("none_shared"))) == ((1, 1, 0, 4), ["c.json, item 2 (Birds 1)"])


async def test_one_without_any_time_is_told(store: Store, tmp_path: Path) -> None:
    made = conversation(1, create_time=None, update_time=None)
    for each in made["mapping"].values():
        each["message"] = each["message"] and each["message"] | {"create_time": None}
    report = await run_import(store, written(tmp_path / "c.json", [made]), "ann")
    assert places(report, Why("no_time")) == ["c.json, item 1 (Birds 1)"]


async def test_ids_of_somebody_else_are_renamed_and_what_is_odd_is_told_once(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path / "x.json", document(thread(oddity=[1])))
    await run_import(store, path, "ann")
    for dry, foreseen in ((True, (1, 0, 0, 2)), (False, (1, 0, 0, 2)), (False, (0, 0, 1, 0))):
        report = await run_import(store, path, "bob", dry_run=dry)
        assert counts(report) == foreseen
        assert [note.count for note in report.notes.values()] == [1]
    assert "not stored" not in caplog.text
