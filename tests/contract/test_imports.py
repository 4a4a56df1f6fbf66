"""An export, brought into a store: all of it, once; what is new of a newer one; and nothing of anybody else's."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from datalayer import DataLayer, versions
from datalayer.errors import InvalidInput
from datalayer.records import Step, now, user_id
from datalayer.writes import APPLICATION, ChooseVersion, DeleteStep, DeleteThread, UpdateThread, UpsertStep
from exchange import Report, run_import
from tests.conftest import blob_content, register, rows
from tests.exchange.origins.chatgpts import answered, asked, conversation, node, text

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
TABLES = ("users", "threads", "thread_tags", "steps", "elements", "feedbacks", "blobs")


def everything(layer: DataLayer) -> dict[str, list[Any]]:
    """All rows; what is only counted in the background is left out."""
    return {table: sorted(map(repr, rows(layer, f"SELECT * FROM {table}"))) for table in TABLES}


def written(path: Path, *conversations: Any, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("conversations.json", json.dumps(conversations))
        for name, content in members.items():
            made.writestr(name.replace("_dot_", "."), content)
    return path


def counts(report: Report) -> tuple[int, int, int, int, int]:
    return report.read, report.new, report.added, report.there, report.skipped


async def only(layer: DataLayer) -> tuple[str, list[Step]]:
    [(key,)] = rows(layer, "SELECT id FROM threads")
    whole = await layer.store.whole_thread(key)
    assert whole is not None
    return key, whole[1]


def said(steps: list[Step]) -> list[str]:
    return [step.output or "" for step in versions.chosen_path(steps) if "message" in (step.type or "")]


async def test_all_of_it_comes_and_again_nothing_changes(layer: DataLayer, tmp_path: Path) -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "sediment://file_0123456789ab"}
    shown = asked("q", "root1", {"content_type": "multimodal_text", "parts": [picture, "what is this?"]}, 1)
    path = written(
        tmp_path / "x.zip",
        conversation(1, shown, answered("a", "q", "an avocet", 2), is_archived=True),
        conversation(2),
        {"id": "folder"},
        **{"file_0123456789ab_dot_dat": PNG},
    )
    progress: list[int] = []
    report = await run_import(layer.store, path, "ann", progress=progress.append)
    assert (report.origin, *counts(report)) == ("ChatGPT", 2, 2, 0, 0, 1)
    assert (report.messages, report.files, report.lost_files, progress[-1]) == (4, 1, 0, 2)
    assert [str(problem.place) for problem in report.problems] == ["conversations.json, item 3"]
    threads = rows(layer, "SELECT name, user_id, kind, created_at, last_activity_at FROM threads ORDER BY name")
    assert [tuple(row) for row in threads] == [
        (f"Birds {n}", user_id("ann"), "imported", 1_700_000_000_500_000, 1_700_000_100_500_000) for n in (1, 2)
    ]
    [(name, mime, sha256)] = rows(layer, "SELECT name, mime, elements.blob FROM elements")
    assert (name, mime, blob_content(layer, sha256)) == ("file_0123456789ab.png", "image/png", PNG)
    before = everything(layer)
    again = await run_import(layer.store, path, "ann")
    assert (counts(again), again.messages, again.files) == ((2, 0, 0, 2, 1), 0, 0)
    assert everything(layer) == before


async def test_a_dry_run_tells_the_same_and_stores_nothing(layer: DataLayer, tmp_path: Path) -> None:
    path = written(tmp_path / "x.zip", conversation(1), conversation(2), 5)
    foreseen = await run_import(layer.store, path, "ann", dry_run=True)
    assert rows(layer, "SELECT id FROM threads") == []
    assert counts(foreseen) == counts(await run_import(layer.store, path, "ann"))
    assert (foreseen.messages, foreseen.dry_run) == (4, True)
    newer = written(tmp_path / "y.zip", conversation(1), conversation(2, *_longer(2)), conversation(3))
    foreseen = await run_import(layer.store, newer, "ann", dry_run=True)
    assert (counts(foreseen), foreseen.messages) == ((3, 1, 1, 1, 0), 4)
    done = await run_import(layer.store, newer, "ann")
    assert (counts(done), done.messages) == (counts(foreseen), foreseen.messages)


def _longer(number: int) -> tuple[dict[str, Any], ...]:
    return (
        asked(f"q{number}", f"root{number}", f"bird {number}?", 1),
        answered(f"a{number}", f"q{number}", "an avocet", 2),
        asked("more", f"a{number}", "and this?", 3),
        answered("last", "more", "a heron", 4),
    )


async def test_what_was_changed_and_deleted_here_stays_so(layer: DataLayer, tmp_path: Path) -> None:
    await run_import(layer.store, written(tmp_path / "x.zip", conversation(1), conversation(2)), "ann")
    first, second = (key for (key,) in rows(layer, "SELECT id FROM threads ORDER BY name"))
    steps = (await layer.store.whole_thread(first) or (None, [], []))[1]
    own = {"actor": APPLICATION, "thread_id": first}
    await layer.store.submit(UpdateThread(**own, at=now(), name="Mine", archived=True))
    await layer.store.submit(UpsertStep(**own, at=now(), id=steps[0].id, values={"output": "my words"}))
    await layer.store.submit(DeleteStep(**own, at=now(), id=steps[1].id))
    await layer.store.submit(DeleteThread(actor=APPLICATION, thread_id=second, at=now()))
    report = await run_import(layer.store, written(tmp_path / "x.zip", conversation(1), conversation(2)), "ann")
    assert (counts(report), report.deleted) == ((2, 0, 0, 1, 0), 1)
    key, steps = await only(layer)
    assert (key, said(steps)) == (first, ["my words"])
    assert [tuple(r) for r in rows(layer, "SELECT name, archived FROM threads")] == [("Mine", True)]


BRANCHES = (
    *(asked("q1", "root1", "one", 1), answered("a1", "q1", "first", 2)),
    *(asked("q2", "a1", "two", 3), answered("a2", "q2", "second", 4), answered("b2", "q2", "second again", 5)),
    *(asked("e2", "a1", "two, edited", 6), answered("a3", "e2", "third", 7)),
)


async def test_its_branches_are_versions_that_people_switch(layer: DataLayer, tmp_path: Path) -> None:
    path = written(tmp_path / "x.zip", conversation(1, *BRANCHES))
    await run_import(layer.store, path, "ann")
    key, steps = await only(layer)
    assert said(steps) == ["one", "first", "two, edited", "third"]
    question = next(step for step in steps if step.output == "two, edited")
    known = versions.versions_of(steps, question.id)
    assert [(v.question, [s.output for s in v.steps]) for v in known] == [
        *(("two", ["second"]), ("two", ["second again"]), ("two, edited", ["third"])),
    ]
    paths = {1: ["two", "second"], 2: ["two", "second again"], 3: ["two, edited", "third"]}
    for number in (1, 3, 2, 1, 2, 3):
        chosen = ChooseVersion(actor="ann", thread_id=key, at=now(), id=question.id, version=number)
        await layer.store.submit(chosen)
        assert said((await only(layer))[1]) == ["one", "first", *paths[number]]
        before = everything(layer)
        report = await run_import(layer.store, path, "ann")
        assert report.there == 1
        assert everything(layer) == before


async def test_a_newer_export_brings_versions_that_nobody_is_shown_yet(layer: DataLayer, tmp_path: Path) -> None:
    """Whoever reads here has chosen. What is new goes where it belongs, and can be switched to."""
    await run_import(layer.store, written(tmp_path / "x.zip", conversation(1, *BRANCHES[:4])), "ann")
    report = await run_import(layer.store, written(tmp_path / "y.zip", conversation(1, *BRANCHES)), "ann")
    assert report.added == 1
    key, steps = await only(layer)
    assert said(steps) == ["one", "first", "two", "second"]
    question = next(step for step in steps if step.output == "two" and step.type == "user_message")
    more = (*BRANCHES, answered("c2", "q2", "second once more", 8), asked("q4", "a3", "four", 9))
    await run_import(layer.store, written(tmp_path / "z.zip", conversation(1, *more)), "ann")
    for number, expected in ((3, ["two, edited", "third", "four"]), (4, ["two", "second once more"])):
        chosen = ChooseVersion(actor="ann", thread_id=key, at=now(), id=question.id, version=number)
        await layer.store.submit(chosen)
        assert said((await only(layer))[1]) == ["one", "first", *expected]


async def test_what_the_origin_says_anew_is_a_version_and_again_changes_nothing(
    layer: DataLayer, tmp_path: Path
) -> None:
    def export(question: str, answer: str, title: str = "Birds") -> Path:
        said = (asked("q", "root1", question, 1), answered("a", "q", answer, 2), asked("r", "a", "more", 3))
        return written(tmp_path / "x.zip", conversation(1, *said) | {"title": title})

    await run_import(layer.store, export("one", "first"), "ann")
    report = await run_import(layer.store, export("one", "first, in full", "Ducks"), "ann")
    assert (counts(report), report.messages) == ((1, 0, 1, 0, 0), 1)
    assert "newer_text" in [why.key for why in report.notes]
    key, steps = await only(layer)
    assert said(steps) == ["one", "first", "more"]
    assert [tuple(row) for row in rows(layer, "SELECT name FROM threads")] == [("Ducks",)]
    await run_import(layer.store, export("one, edited", "first, in full", "Ducks"), "ann")
    steps = (await only(layer))[1]
    known = versions.versions_of(steps, steps[0].id)
    assert [(v.question, [s.output for s in v.steps]) for v in known] == [
        *(("one", ["first", "more"]), ("one", ["first, in full"]), ("one, edited", ["first, in full"])),
    ]
    again = [export("one", "first, in full", "Ducks"), export("one, edited", "first, in full", "Ducks")]
    for number, expected in ((2, ["one", "first, in full"]), (3, ["one, edited", "first, in full"])):
        await layer.store.submit(ChooseVersion(actor="ann", thread_id=key, at=now(), id=steps[0].id, version=number))
        assert said((await only(layer))[1]) == expected
        before = everything(layer)
        for path in again:
            assert (await run_import(layer.store, path, "ann")).there == 1
        assert everything(layer) == before


async def test_what_was_deleted_here_comes_back_in_no_version(layer: DataLayer, tmp_path: Path) -> None:
    def export(question: str) -> Path:
        return written(
            tmp_path / "x.zip", conversation(1, asked("q", "root1", question, 1), answered("a", "q", "first", 2))
        )

    await run_import(layer.store, export("one"), "ann")
    key, steps = await only(layer)
    await layer.store.submit(DeleteStep(actor="ann", thread_id=key, id=steps[1].id, at=now()))
    await run_import(layer.store, export("one, edited"), "ann")
    steps = (await only(layer))[1]
    assert [(v.question, v.steps) for v in versions.versions_of(steps, steps[0].id)] == [
        ("one", ()),
        ("one, edited", ()),
    ]
    assert "first" not in [step.output for step in steps]


async def test_a_version_that_was_made_here_keeps_its_number(layer: DataLayer, tmp_path: Path) -> None:
    await run_import(layer.store, written(tmp_path / "x.zip", conversation(1, *BRANCHES[:4])), "ann")
    key, steps = await only(layer)
    question = next(step for step in steps if step.output == "two")
    own = ChooseVersion(actor="ann", thread_id=key, at=now(), id=question.id, text="two, by me")
    await layer.store.submit(own)
    assert said((await only(layer))[1]) == ["one", "first", "two, by me"]
    await run_import(layer.store, written(tmp_path / "y.zip", conversation(1, *BRANCHES)), "ann")
    steps = (await only(layer))[1]
    assert said(steps) == ["one", "first", "two, by me"]
    assert [v.question for v in versions.versions_of(steps, question.id)] == ["two", "two, by me", "two", "two, edited"]


async def test_two_people_import_the_same_and_never_meet(layer: DataLayer, tmp_path: Path) -> None:
    path = written(tmp_path / "x.zip", conversation(1))
    for who in ("ann", "bob"):
        await register(layer, who)
        report = await run_import(layer.store, path, who, actor=who)
        assert report.new == 1
    assert len({key for (key,) in rows(layer, "SELECT id FROM steps")}) == 4
    report = await run_import(layer.store, path, "ann", actor="bob")
    assert (report.stored, report.skipped) == (0, 1)
    assert "oneself" in str(report.problems[0].why)


async def test_an_export_of_several_is_given_to_one_or_to_each(layer: DataLayer, tmp_path: Path) -> None:
    chats = tmp_path / "chats.json"
    base = {"prompt": "bird?", "response": "an avocet", "sent_at": "2026-09-01T10:00:00.000Z", "workspace": "Nature"}
    chats.write_text(json.dumps([base | {"id": n, "username": who} for n, who in enumerate(("cat", "dan"))]))
    report = await run_import(layer.store, chats, None, authors=True)
    assert dict(report.authors) == {"cat": 1, "dan": 1}
    assert {who for (who,) in rows(layer, "SELECT user_id FROM threads")} == {user_id("cat"), user_id("dan")}
    report = await run_import(layer.store, chats, "ann")
    assert report.new == 2
    assert user_id("ann") in {who for (who,) in rows(layer, "SELECT user_id FROM threads")}


async def test_a_conversation_that_is_there_twice_comes_once(layer: DataLayer, tmp_path: Path) -> None:
    path = written(tmp_path / "x.zip", conversation(2), conversation(2), conversation(2, *_longer(2)))
    report = await run_import(layer.store, path, "ann")
    assert counts(report) == (3, 1, 1, 1, 0)
    assert said((await only(layer))[1]) == ["bird 2?", "an avocet", "and this?", "a heron"]


async def test_what_nobody_knows_is_told(layer: DataLayer, tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"PK\3\4 no")
    report = await run_import(layer.store, path, "ann")
    assert (report.origin, report.read) == (None, 0)
    assert "damaged" in str(next(iter(report.notes)))
    with pytest.raises(InvalidInput, match="chatgpt"):
        await run_import(layer.store, path, "ann", origin="word")
    with pytest.raises(FileNotFoundError):
        await run_import(layer.store, tmp_path / "none", "ann")


async def test_what_no_store_takes_costs_its_own_conversation(layer: DataLayer, tmp_path: Path) -> None:
    odd = conversation(1, title="\x00\ud800 Bird", create_time=float("inf"))
    odd["mapping"]["q1"]["message"]["create_time"] = -1e300
    odd["mapping"]["q1"]["message"]["content"] = text("a\x00b\udc00", None, 5, [{}], {"text": "c"})
    far = conversation(2, node("x", "root2", {"author": [], "content": 5, "metadata": "no"}), current_node={"a": 1})
    report = await run_import(layer.store, written(tmp_path / "x.zip", odd, far, conversation(3)), "ann")
    assert (report.read, report.new) == (3, 3)
    assert "a�b�" in " ".join(s for (s,) in rows(layer, "SELECT output FROM steps"))
