"""What of an export cannot come over as it is, beside what is here, is told."""

import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import exchange
from datalayer import Store, history, versions
from datalayer.records import Step, now, user_id
from datalayer.writes import ChooseVersion, UpsertStep
from exchange.importing import Report, run_import
from exchange.importing import newer as newer_export
from exchange.importing.here import Here
from exchange.origins.reasons import Why
from exchange.planting.threads import IMPORTED_FROM
from tests.exchange.origins.chatgpts import answered, asked, conversation
from tests.exchange.origins.exports import written
from tests.exchange.origins.test_threadkeep import document, thread

DIFFERS, NEWER = Why("differs"), Why("newer_text")


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
    assert (counts(report), places(report, NEWER)) == ((2, 1, 0, 5), ["c.json, item 2 (Birds 1)"])


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
    assert (counts(report), places(report, NEWER)) == ((0, 1, 0, 1), ["b.json, item 1 (Birds 1)"])


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


async def shown(store: Store) -> tuple[str, list[Step], list[str | None]]:
    """The only thread: its id, all of its steps, and what is shown of it."""
    [found] = (await store.threads(user_id("ann"))).threads
    steps = (await store.whole_thread(found.id) or (None, [], []))[1]
    return found.id, steps, [step.output for step in versions.chosen_path(steps)]


async def test_a_newer_export_of_ours_brings_what_was_asked_anew_as_a_version(store: Store, tmp_path: Path) -> None:
    """Where it was asked, the new version is shown; here the old one stays."""
    there = Store(f"sqlite+aiosqlite:///{tmp_path / 'there.db'}")
    await run_import(there, written(tmp_path / "a.json", [says("which?", "an avocet")]), "ann")
    key, steps, _ = await shown(there)
    for name in ("first", "second"):
        made = await exchange.export(there, exchange.Selection(user_id("ann")), "json", packed="plain")
        (tmp_path / name).write_bytes(b"".join([piece async for piece in made.pieces]))
        own = {"actor": "ann", "thread_id": key}
        await there.submit(ChooseVersion(**own, id=steps[0].id, text="which bird?", at=now()))
        values = {"type": "assistant_message", "output": "an ibis"}
        await there.submit(UpsertStep(**own, id="answer", values=values, at=now()))
    await there.close()
    await run_import(store, tmp_path / "first", "ann")
    report = await run_import(store, tmp_path / "second", "ann")
    assert (counts(report), places(report)) == ((0, 1, 0, 1), [])
    _, steps, said = await shown(store)
    assert said == ["which?", "an avocet"]
    found = versions.versions_of(steps, steps[0].id)
    assert [(v.question, v.shown, [s.output for s in v.steps]) for v in found] == [
        *(("which?", True, ["an avocet"]), ("which bird?", False, ["an ibis"])),
    ]
    await store.submit(ChooseVersion(actor="ann", thread_id=key, id=steps[0].id, version=2, at=now()))
    assert (await shown(store))[2] == ["which bird?", "an ibis"]
    for name in ("first", "second"):
        assert counts(await run_import(store, tmp_path / name, "ann")) == (0, 0, 1, 0)
    assert (await shown(store))[2] == ["which bird?", "an ibis"]
    assert (await history.check(store.place)).problems == []


async def test_a_title_and_a_folder_follow_their_origin_until_they_are_changed_here(tmp_path: Path) -> None:
    def named(name: str, folder: str, until: str) -> dict[str, Any]:
        kept = {"title": name, "folder": folder, "until": until}
        return {"name": name, "name_source": "user", "metadata": {IMPORTED_FROM: kept}}

    def follows(name: str, folder: str | None, *newer: str) -> dict[str, Any]:
        origin = {"title": "Birds", "folder": "", "until": "2026-02"}
        return newer_export.follows(named(*newer), Here(name=name, folder=folder, origin=origin))

    kept = {"title": "Ducks", "folder": "Work", "until": "2026-03"}
    both = {"name": "Ducks", "name_source": "user", "folder": "Work", "metadata": {IMPORTED_FROM: kept}}
    assert follows("Birds", None, "Ducks", "Work", "2026-03") == both
    assert follows("Birds", None, "Birds", "", "2026-03") == {}
    assert follows("Birds", None, "Ducks", "Work", "2026-01") == {}
    assert follows("Mine", "Mine", "Ducks", "Work", "2026-03") == {}
    assert follows("Mine", None, "Ducks", "Work", "2026-03").keys() == {"folder", "metadata"}
    assert newer_export.follows(named("Ducks", "Work", "2026-03"), Here(name="Birds")) == {}


@pytest.mark.parametrize("dry", [True, False])
async def test_files_beyond_the_room_are_left_out_and_come_once_there_is_some(
    store: Store, tmp_path: Path, dry: bool
) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as made:
        conversations = []
        for number in range(3):
            made.writestr(f"file_{number:012}.dat", b"x" * 100 + bytes([number]))
            picture = {"content_type": "image_asset_pointer", "asset_pointer": f"sediment://file_{number:012}"}
            parts = {"content_type": "multimodal_text", "parts": [picture, "what is this?"]}
            conversations.append(conversation(number, asked(f"q{number}", f"root{number}", parts, 1)))
        made.writestr("conversations.json", json.dumps(conversations))
    report = await run_import(store, path, "ann", room=250, dry_run=dry)
    assert (report.new, report.messages, report.files, report.lost_files) == (3, 3, 2, 0)
    assert places(report, Why("no_room", n=1)) == ["conversations.json, item 3 (Birds 2)"]
    if not dry:
        assert (await store.stored_files(user_id("ann"))).bytes == 202
        again = await run_import(store, path, "ann", room=48)
        assert (again.files, again.there) == (0, 3)
        more = await run_import(store, path, "ann", room=101)
        assert (more.files, more.added, more.there) == (1, 1, 2)


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
