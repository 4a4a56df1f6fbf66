"""What retention has removed comes back from its archive as it was, once, and nothing that a person has deleted."""

import gzip
import json
from pathlib import Path
from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Feedback
from sqlalchemy import delete

from datalayer import DataLayer, InvalidInput, NotFound, Retention, archive
from datalayer.lines import from_json, to_json
from datalayer.records import now, user_id
from datalayer.restoring import Report, restore, told
from datalayer.schema import tombstones
from datalayer.writes import DeleteStep, DeleteThread, UpdateThread, UpsertStep
from tests.conftest import OpenLayer, blob_names, chainlit_session, make_step, register, rows
from tests.contract.test_retention import DAY, archived, kept, said

CONTENT = b"\0content" * 200_000


@pytest.fixture
def layer(open_layer: OpenLayer, tmp_path: Path) -> DataLayer:
    return open_layer(retention=Retention(archive=tmp_path / "archive", max_age_days=30))


def paths(folder: Path) -> list[Path]:
    return list(archive.files(folder / "archive"))


async def back(layer: DataLayer, folder: Path, **options: Any) -> Report:
    return await restore(layer.store, paths(folder), **options)


async def full(layer: DataLayer, user: Any, days: float = 31) -> str:
    """An old thread with all that a thread can have."""
    key = await said(layer, user, days)
    for number in range(2):
        await layer.create_element(cl.File(thread_id=key, name=f"{number}.bin", content=CONTENT))
    with chainlit_session(user, key):
        await layer.update_thread(
            key, name="Birds", tags=["wings"], metadata={"chat_settings": {"model": "m", "a": [1]}}
        )
        (step,) = (await layer.get_thread(key) or {})["steps"]
        await layer.upsert_feedback(Feedback(forId=step["id"], value=0, comment="no"))
    return key


async def everything(layer: DataLayer, key: str) -> Any:
    whole = await layer.store.whole_thread(key)
    assert whole is not None
    votes = rows(layer, "SELECT id, step_id, user_id, value, comment, created_at FROM feedbacks")
    tags = rows(layer, "SELECT tag FROM thread_tags WHERE thread_id = ?", key)
    return whole[0], whole[1], sorted(whole[2], key=lambda each: each.id), votes, tags


async def test_a_conversation_comes_back_as_it_was_and_a_second_run_changes_nothing(
    layer: DataLayer, tmp_path: Path
) -> None:
    ann = await register(layer, "ann")
    key = await full(layer, ann)
    before, facets = await everything(layer, key), await layer.store.facets(ann.id)
    await layer.store.clean_up()
    assert (kept(layer), await blob_names(layer)) == (set(), set())
    assert (await layer.store.search(ann.id, "heron")).hits == []
    would = await back(layer, tmp_path, dry_run=True)
    assert (would.threads, would.lost_files, would.problems, kept(layer)) == (1, 0, [], set())
    done = await back(layer, tmp_path)
    assert (done.threads, done.lost_files, done.problems) == (1, 0, [])
    after = await everything(layer, key)
    same = [[each._replace(seq=0) if "seq" in each._fields else each for each in found[1]] for found in (before, after)]
    assert same[0] == same[1]
    assert before[:1] + before[2:] == after[:1] + after[2:]
    assert [hit.thread_id for hit in (await layer.store.search(ann.id, "heron")).hits] == [key]
    assert await layer.store.facets(ann.id) == facets
    assert len(await blob_names(layer)) == 1
    file = await layer.store.file(after[2][0].id)
    assert file is not None
    with layer.store.blobs.open(file.blob.name) as stream:
        assert stream.read() == CONTENT
    again = await back(layer, tmp_path)
    assert (again.threads, again.there) == (0, 1)
    assert await everything(layer, key) == after


async def test_what_is_written_to_it_then_is_stored(layer: DataLayer, tmp_path: Path) -> None:
    ann = await register(layer, "ann")
    key = await full(layer, ann)
    await layer.store.clean_up()
    late = make_step(key, type="user_message", output="too late")
    with chainlit_session(ann, key):
        await layer.create_step(late)
    assert kept(layer) == set()  # until then it is deleted as any other
    await back(layer, tmp_path)
    with chainlit_session(ann, key):
        await layer.create_step(make_step(key, type="user_message", output="an osprey"))
        (first, *_) = (await layer.get_thread(key) or {})["steps"]
        await layer.update_step(first | {"output": "an avocet"})
    assert [step["output"] for step in (await layer.get_thread(key) or {})["steps"]] == ["an avocet", "an osprey"]


async def test_what_a_person_deletes_stays_deleted_before_and_after(layer: DataLayer, tmp_path: Path) -> None:
    ann = await register(layer, "ann")
    one, other = await full(layer, ann), await full(layer, ann)
    await layer.store.clean_up()
    await back(layer, tmp_path)
    await layer.store.submit(DeleteThread(actor="ann", thread_id=one, at=now()))
    for foreign in (False, True):
        done = await back(layer, tmp_path, foreign=foreign)
        assert (done.threads, done.deleted, done.there) == (0, 1, 1)
    assert kept(layer) == {other}


async def test_what_was_archived_and_not_removed_is_none_that_comes_back(layer: DataLayer, tmp_path: Path) -> None:
    ann = await register(layer, "ann")
    key = await full(layer, ann)
    policy, submit = layer.store.cleanup.policy, layer.store.cleanup._submit
    assert policy is not None

    async def changed(write: Any) -> Any:
        await layer.store.submit(UpdateThread(actor="ann", thread_id=key, at=now(), name="Changed"))
        return await submit(write)

    layer.store.cleanup._submit = changed
    assert (await layer.store.clean_up()).threads == 0
    assert len(archived(tmp_path)) > 1
    assert (await back(layer, tmp_path)).there == 1
    await layer.store.submit(DeleteThread(actor="ann", thread_id=key, at=now()))
    assert (await back(layer, tmp_path)).deleted == 1
    assert kept(layer) == set()


async def test_messages_go_back_to_where_they_were(open_layer: OpenLayer, tmp_path: Path) -> None:
    policy = Retention(archive=tmp_path / "archive", max_messages_per_thread=2)
    layer = open_layer(retention=policy)
    ann = await register(layer, "ann")
    key, at = await said(layer, ann, 20), now() - 19 * DAY
    for number in range(6):
        kind = "assistant_message" if number % 2 == 0 else "user_message"
        values = {"type": kind, "output": f"said {number}", "created_at": at + number}
        await layer.store.submit(UpsertStep(actor="ann", thread_id=key, id=f"s{number}", at=at + number, values=values))
    before = [step["output"] for step in (await layer.get_thread(key) or {})["steps"]]
    activity = await layer.store.thread(key)
    gone = (await layer.store.clean_up()).messages
    assert gone >= 4
    assert [step["output"] for step in (await layer.get_thread(key) or {})["steps"]] == before[gone:]
    assert (await back(layer, tmp_path, dry_run=True)).messages == gone
    assert (await back(layer, tmp_path)).messages == gone
    assert [step["output"] for step in (await layer.get_thread(key) or {})["steps"]] == before
    assert await layer.store.thread(key) == activity
    assert (await back(layer, tmp_path)).there == 1
    await layer.store.submit(DeleteStep(actor="ann", thread_id=key, id="s0", at=now()))
    await back(layer, tmp_path)
    assert "said 0" not in [step["output"] for step in (await layer.get_thread(key) or {})["steps"]]
    await layer.store.submit(DeleteThread(actor="ann", thread_id=key, at=now()))
    assert (await back(layer, tmp_path)).without_thread == 1


async def test_only_of_one_person(layer: DataLayer, tmp_path: Path) -> None:
    ann, bob = await register(layer, "ann"), await register(layer, "bob")
    hers, his = await full(layer, ann), await said(layer, bob, 40)
    await layer.store.clean_up()
    done = await back(layer, tmp_path, user="nobody")
    assert (done.threads, done.others) == (0, 2)
    assert "2 are of other people" in told(done, dry_run=False)
    assert (await back(layer, tmp_path, user="bob")).threads == 1
    assert kept(layer) == {his}
    assert (await back(layer, tmp_path, user=ann.id)).threads == 1
    assert kept(layer) == {hers, his}


async def test_another_stores_archive_comes_in_if_that_is_wanted(layer: DataLayer, tmp_path: Path) -> None:
    ann = await register(layer, "ann")
    key = await full(layer, ann)
    await layer.store.clean_up()
    await layer.store._database.write.run(lambda connection: connection.execute(delete(tombstones)))
    assert (await back(layer, tmp_path)).unknown == 1
    assert kept(layer) == set()
    done = await back(layer, tmp_path, foreign=True)
    assert (done.threads, done.problems) == (1, [])
    assert (await layer.store.thread(key)).user_identifier == "ann"  # type: ignore[union-attr]
    assert user_id("ann") == ann.id


def _changed(path: Path, change: Any) -> None:
    with gzip.open(path, "rt") as file:
        lines = file.read().splitlines()
    change(lines)
    with gzip.open(path, "wt") as file:
        file.write("\n".join(lines) + "\n")


async def test_damaged_lines_are_told_with_their_place_and_the_rest_comes_back(
    layer: DataLayer, tmp_path: Path
) -> None:
    ann = await register(layer, "ann")
    key, other = await full(layer, ann), await said(layer, ann, 50)
    await layer.store.clean_up()
    [path] = paths(tmp_path)

    def damage(lines: list[str]) -> None:
        vote = next(n for n, line in enumerate(lines) if '"feedbacks"' in line)
        lines[vote] = lines[vote][:40]
        part = next(n for n, line in enumerate(lines) if '"content"' in line and '"part": 1' in line)
        lines[part] = "garbage"
        lines.append('{"table": "steps", "row": {"id": "x", "thread_id": "another"}}')

    _changed(path, damage)
    done = await back(layer, tmp_path)
    assert (done.threads, done.lost_files) == (2, 2)
    assert len(done.problems) == 3
    assert all(problem.startswith(f"{path}:") for problem in done.problems)
    assert kept(layer) == {key, other}
    thread, steps, files, votes, _ = await everything(layer, key)
    assert (thread.name, len(steps), [file.blob for file in files], votes) == ("Birds", 1, [None, None], [])
    again = await back(layer, tmp_path)
    assert (again.threads, again.there, len(again.problems)) == (0, 2, 3)


async def test_a_file_that_is_cut_off_gives_what_it_has(layer: DataLayer, tmp_path: Path) -> None:
    ann = await register(layer, "ann")
    first, second = await said(layer, ann, 50), await full(layer, ann)
    await layer.store.clean_up()
    [path] = paths(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    done = await back(layer, tmp_path)
    assert done.threads >= 1
    assert any("cut off" in problem for problem in done.problems)
    assert kept(layer) <= {first, second}


async def test_what_was_changed_in_the_archive_does_not_come_back(layer: DataLayer, tmp_path: Path) -> None:
    await said(layer, await register(layer, "ann"), 50)
    await layer.store.clean_up()
    [path] = paths(tmp_path)
    _changed(path, lambda lines: lines.__setitem__(3, lines[3].replace("heron", "hero")))
    done = await back(layer, tmp_path)
    assert (done.threads, len(done.problems), kept(layer)) == (0, 1, set())


NO_ARCHIVES = {
    "empty": b"",
    "no gzip": b"plain",
    "nothing": gzip.compress(b""),
    "other": gzip.compress(b'{"format": 1}\n'),
}


@pytest.mark.parametrize("name", NO_ARCHIVES)  # with names: a gzip has the moment in which it was made
async def test_what_is_no_archive_is_refused(layer: DataLayer, tmp_path: Path, name: str) -> None:
    content = NO_ARCHIVES[name]
    (tmp_path / "a.jsonl.gz").write_bytes(content)
    with pytest.raises(InvalidInput):
        await restore(layer.store, [tmp_path / "a.jsonl.gz"])
    with pytest.raises(NotFound):
        await restore(layer.store, [tmp_path / "missing.jsonl.gz"])


async def test_it_can_wait_in_a_spool(layer: DataLayer, tmp_path: Path) -> None:
    ann = await register(layer, "ann")
    key = await full(layer, ann)
    await layer.store.clean_up()
    sent: list[Any] = []
    submit = layer.store.submit

    def spooled(write: Any, *given: Any) -> Any:
        sent.append(write)
        return submit(from_json(to_json(write)), *given)

    layer.store.submit = spooled  # type: ignore[method-assign]
    assert (await back(layer, tmp_path)).threads == 1
    twice = await submit(from_json(to_json(sent[0])))
    assert (twice.state, kept(layer)) == ("there", {key})
    assert json.loads(to_json(sent[0]))["whole"] is True
