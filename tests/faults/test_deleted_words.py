"""What was deleted is in no file any more, whatever the SQLite build does with deleted content by itself."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from chainlit.element import Text
from chainlit.types import Feedback
from sqlalchemy import Pool, event

from datalayer import DataLayer, indexing
from datalayer.backup import optimise
from datalayer.passages import FileText, Passage, Place
from datalayer.records import now
from datalayer.search import building
from tests.conftest import make_step, register, rows
from tests.contract.test_elements import sha256

WORDS = [
    f"canary{kind}"
    for kind in ("name", "output", "input", "metadata", "tag", "comment", "props", "file", "passage", "edited")
]
LARGE = " ".join(f"{n} canarylarge" for n in range(3000))


@pytest.fixture
def without_secure_delete() -> Iterator[None]:
    """A SQLite that leaves deleted content where it was, as several builds do."""

    def connect(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA secure_delete=OFF")

    event.listen(Pool, "connect", connect)
    yield
    event.remove(Pool, "connect", connect)


async def say_and_delete(layer: DataLayer) -> None:
    ann = await register(layer, "ann")  # whose words are indexed
    await layer.update_thread("kept", user_id=ann.id)
    await layer.create_step(make_step("kept", output="stays"))
    for thread in ("one", "two"):
        await layer.update_thread(thread, user_id=ann.id)
        await layer.update_thread(thread, name="canaryname", metadata={"a": "canarymetadata"}, tags=["canarytag"])
        for number in range(40):
            key = f"{thread}-{number}"
            await layer.create_step(make_step(thread, id=key, output=f"canaryoutput {LARGE}", input="canaryinput"))
        await layer.upsert_feedback(Feedback(forId=key, value=1, comment="canarycomment"))
        await layer.create_element(
            Text(id=f"e-{thread}", thread_id=thread, for_id=key, name="canaryprops", content=f"canaryfile {thread}")
        )
        passages = tuple(Passage(f"canarypassage {LARGE}", Place()) for _ in range(20))
        read = FileText("tests", passages)
        if not layer.store._lanes.degraded:  # else nobody knows the content yet, and nothing of it is kept
            assert await layer.store.keep_text(sha256(f"canaryfile {thread}".encode()), read)
        await layer.update_step(make_step(thread, id=key, output="canaryedited"))
        await layer.update_step(make_step(thread, id=key, output="canaryedited once more"))
    for number in range(40):
        await layer.delete_step(f"one-{number}")
    await layer.delete_thread("one")
    await layer.delete_thread("two")


def found_in(folder: Path) -> dict[str, list[str]]:
    contents = {path.name: path.read_bytes().lower() for path in folder.rglob("*") if path.is_file()}
    words = [*WORDS, "canarylarge", "canary"]
    return {name: hit for name, content in contents.items() if (hit := [w for w in words if w.encode() in content])}


@pytest.mark.usefixtures("without_secure_delete")
async def test_nothing_of_it_is_left_after_the_app_has_closed(tmp_path: Path) -> None:
    layer = DataLayer(f"sqlite+aiosqlite:///{tmp_path}/threads.db", files=tmp_path / "files", spool=tmp_path / "spool")
    await say_and_delete(layer)
    await layer.close()
    assert found_in(tmp_path) == {}
    optimise(layer.store.place)
    assert found_in(tmp_path) == {}
    assert (tmp_path / "threads.db").stat().st_size > 0


@pytest.mark.usefixtures("without_secure_delete")
async def test_nothing_is_left_of_what_was_in_the_trash(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/threads.db"
    layer = DataLayer(url, files=tmp_path / "files", spool=tmp_path / "spool", trash_days=30)
    await say_and_delete(layer)
    assert found_in(tmp_path)
    assert await layer.store.purge(now() + 31 * 86_400 * 1_000_000) == 2
    await layer.close()
    assert found_in(tmp_path) == {}


@pytest.mark.usefixtures("without_secure_delete")
async def test_nor_of_what_waited_in_the_spool(tmp_path: Path) -> None:
    layer = DataLayer(f"sqlite+aiosqlite:///{tmp_path}/threads.db", files=tmp_path / "files", spool=tmp_path / "spool")
    await layer.store.open()
    with closing(sqlite3.connect(tmp_path / "threads.db")) as lock:
        lock.execute("BEGIN IMMEDIATE")
        await say_and_delete(layer)
        assert set(found_in(tmp_path)) >= {f"{layer.store.instance}.jsonl"}
    assert await layer.store.catch_up()
    await layer.close()
    assert found_in(tmp_path) == {}


async def test_nothing_is_left_in_the_index_while_the_app_runs(
    layer: DataLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_PAUSE", 0.01)
    await say_and_delete(layer)
    while not await layer.store._database.read.run(building.is_done):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    held = b"".join(block for (block,) in rows(layer, "SELECT block FROM search_index_data"))
    assert b"stays" in held
    assert b"canary" not in held
