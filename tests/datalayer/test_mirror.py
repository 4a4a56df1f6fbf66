"""What is stored is copied as JSON, in its order, and nothing that is stored depends on that."""

import asyncio
import logging
from pathlib import Path

import pytest

from datalayer import mirror
from datalayer.errors import Forbidden, StoreUnavailable
from datalayer.mirror import Mirror, Mirrored, read
from datalayer.records import now, user_id
from datalayer.store import Store
from datalayer.writes import APPLICATION, DeleteStep, UpdateThread, UpsertStep, UpsertUser, Write


def step(number: int, thread: str = "t", actor: str = "ann") -> UpsertStep:
    values = {"type": "user_message", "output": f"words {number}"}
    return UpsertStep(actor=actor, thread_id=thread, id=f"{thread}-{number}", at=number, values=values)


async def filled(folder: Path, *writes: Write, to: Path | None = None) -> Store:
    """A store that has a user with a thread, and what ``writes`` say."""
    store = Store(f"sqlite+aiosqlite:///{folder / 'threads.db'}", mirror=to)
    for name in ("ann", "bob"):
        await store.submit(UpsertUser(identifier=name, at=1))
    for write in writes:
        await store.submit(write)
    return store


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def kept(folder: Path) -> tuple[list[Write], Mirrored]:
    found = Mirrored()
    return list(read(folder, found)), found


async def test_each_stored_write_is_copied_in_order_and_a_refused_one_is_not(tmp_path: Path) -> None:
    store = await filled(tmp_path, *(step(number) for number in range(20)), to=tmp_path / "m")
    with pytest.raises(Forbidden):
        await store.submit(step(99, actor="bob"))
    await store.submit(DeleteStep(actor="ann", thread_id="t", id="t-3", at=99))
    await store.close()
    writes, found = kept(tmp_path / "m")
    assert [getattr(each, "id", None) for each in writes] == [None, None, *(f"t-{n}" for n in range(20)), "t-3"]
    assert (found.writes, found.missing, found.damaged, found.cut_off) == (23, 0, 0, 0)
    (file,) = files(tmp_path / "m")
    assert file.stat().st_mode & 0o077 == 0


async def test_what_is_copied_makes_the_same_store_again(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    store = await filled(tmp_path, *(step(n) for n in range(5)), to=tmp_path / "m")
    await store.submit(UpdateThread(actor="ann", thread_id="t", name="Birds", tags=["x"], at=50))
    await store.close()
    again = await filled(tmp_path / "again", *kept(tmp_path / "m")[0])
    first = Store(f"sqlite+aiosqlite:///{tmp_path / 'threads.db'}")
    threads = [await each.whole_threads(APPLICATION, ["t"]) for each in (first, again)]
    assert threads[0][0].steps == threads[1][0].steps
    assert (threads[1][0].thread.name, threads[1][0].thread.tags) == ("Birds", ["x"])
    await first.close()
    await again.close()


async def test_a_disk_that_takes_nothing_fails_no_write_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "_PAUSE", 0.01)
    (tmp_path / "m").write_text("a file, no folder")
    store = await filled(tmp_path, *(step(n) for n in range(10)), to=tmp_path / "m")
    while not any(each.levelno == logging.ERROR for each in caplog.records):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    (tmp_path / "m").unlink()
    await store.submit(step(10))
    await store.close()
    writes, found = kept(tmp_path / "m")
    assert found.missing + len(writes) == 13
    assert found.missing > 0
    assert len([each for each in caplog.records if "will miss writes" in each.message]) == 1


async def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "MOST", 3)
    monkeypatch.setattr(mirror, "MOST_TEXT", 100)
    copies = Mirror(tmp_path / "m")
    copies.add([step(n) for n in range(10)], [None] * 10)
    await copies.close(5)
    writes, found = kept(tmp_path / "m")
    assert (len(writes), found.missing) == (3, 7)
    copies = Mirror(tmp_path / "n")
    copies.add([UpsertStep(thread_id="t", id="x", values={"output": "x" * 101})], [None])
    await copies.close(5)
    assert (kept(tmp_path / "n")[1].writes, kept(tmp_path / "n")[1].missing) == (0, 1)
    copies = Mirror(tmp_path / "o")
    copies.add([UpsertStep(thread_id="t", id="x", values={"output": "x" * 60})] * 2, [None] * 2)
    await copies.close(5)
    assert (kept(tmp_path / "o")[1].writes, kept(tmp_path / "o")[1].missing) == (1, 1)


async def test_half_a_line_costs_itself_only_and_a_process_that_died_is_told(tmp_path: Path) -> None:
    copies = Mirror(tmp_path)
    copies.add([step(1), step(2)], [None, None])
    await copies.close(5)
    (file,) = files(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], lines[1][:20], b"\n", lines[2]]))
    writes, found = kept(tmp_path)
    assert [each.rows for each in writes] == [frozenset({"t-2"})]
    assert (found.damaged, found.cut_off) == (1, 1)


async def test_without_a_folder_nothing_is_copied(tmp_path: Path) -> None:
    store = await filled(tmp_path, step(1))
    await store.close()
    assert not [file for file in files(tmp_path) if file.suffix == ".jsonl"]


async def test_a_database_that_cannot_be_read_is_read_from_the_mirror(tmp_path: Path) -> None:
    store = await filled(tmp_path, step(1, "old"))
    whole = await store.whole_threads(APPLICATION, ["old"])
    await store.close()
    store = await filled(tmp_path, step(2, "old"), *(step(n) for n in range(3)), to=tmp_path / "m")
    await store.submit(UpdateThread(actor="ann", thread_id="t", name="Birds", at=now()))
    await store.close()
    (tmp_path / "threads.db").write_bytes(b"no database at all, but as long as one" * 1000)
    for before in (False, True):
        if before:
            with (tmp_path / "m" / mirror.BEFORE).open("wb") as file:
                mirror.write_before(file, [each.as_import() for each in whole])
        store = Store(f"sqlite+aiosqlite:///{tmp_path / 'threads.db'}", mirror=tmp_path / "m")
        if not before:  # of which nobody knows whether it has all
            with pytest.raises(StoreUnavailable):
                await store.whole_thread("t")
        else:
            found = {key: await store.whole_thread(key) or pytest.fail("nothing is read") for key in ("t", "old")}
            assert {key: (thread.name, len(steps)) for key, (thread, steps, _) in found.items()} == {
                **{"t": ("Birds", 3), "old": (None, 2)},
            }
            assert {each.id for each in (await store.threads(user_id("ann"))).threads} == {"t", "old"}
        await store.close()
