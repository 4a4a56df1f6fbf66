"""An export takes as much memory for many threads as for a few."""

import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import exchange
from datalayer import DataLayer
from datalayer.records import user_id
from exchange import Selection
from tests.conftest import register

EACH, TEXT = 10, "said " * 200
FEW, MANY = 200, 2_000


def fill(layer: DataLayer, count: int, file: str | None) -> None:
    """Threads of ann's, each of ten messages and a file."""
    ann = user_id("ann")
    with closing(sqlite3.connect(layer.store._database.path)) as db, db:  # type: ignore[attr-defined]
        for table in ("elements", "steps", "threads"):
            db.execute(f"DELETE FROM {table}")
        thread = "INSERT INTO threads (id, user_id, name, metadata, created_at, last_activity_at)"
        thread += " VALUES (?, ?, ?, '{}', ?, ?)"
        db.executemany(thread, ((f"t{n}", ann, f"Thread {n}", n, n) for n in range(count)))
        step = "INSERT INTO steps (id, thread_id, type, output, favorite, created_at)"
        step += " VALUES (?, ?, 'user_message', ?, 0, ?)"
        db.executemany(step, ((f"s{n}-{m}", f"t{n}", TEXT, m) for n in range(count) for m in range(EACH)))
        element = "INSERT INTO elements (id, thread_id, name, blob, created_at) VALUES (?, ?, 'f', ?, 1)"
        db.executemany(element, ((f"e{n}", f"t{n}", file) for n in range(count)))


async def peak(layer: DataLayer, name: str, packed: Any) -> tuple[int, int]:
    """Bytes at most, and of what came out."""
    size = 0
    tracemalloc.start()
    try:
        made = await exchange.export(layer.store, Selection(user_id("ann")), name, packed=packed)
        async for piece in made.pieces:
            size += len(piece)
        return tracemalloc.get_traced_memory()[1], size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("name", "packed"), [("json", "plain"), ("jsonl", None), ("json", "zip"), ("markdown", "zip")])
async def test_many_threads_take_no_more_memory_than_a_few(layer: DataLayer, name: str, packed: Any) -> None:
    await register(layer, "ann")
    blob = await layer.store.put_blob(b"x" * 1_000)
    with closing(sqlite3.connect(layer.store._database.path)) as db, db:  # type: ignore[attr-defined]
        db.execute(
            "INSERT INTO blobs (sha256, size, created_at, tag) VALUES (?, ?, 1, ?)", (blob.sha256, 1_000, blob.tag)
        )
    fill(layer, FEW, blob.sha256)
    await peak(layer, name, packed)  # what is kept for good is there after this
    few, small = await peak(layer, name, packed)
    fill(layer, MANY, blob.sha256)
    many, large = await peak(layer, name, packed)
    assert large > 5 * small
    entries = 2 * MANY * 1_000 if packed == "zip" and name == "markdown" else 0  # the table of contents of a ZIP
    assert many < few + 3_000_000 + entries
    assert many < 40_000_000


async def test_a_large_file_is_not_held_in_memory(layer: DataLayer, tmp_path: Path) -> None:
    await register(layer, "ann")
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(100_000_000)
    blob = await layer.store.put_blob(large)
    with closing(sqlite3.connect(layer.store._database.path)) as db, db:  # type: ignore[attr-defined]
        db.execute(
            "INSERT INTO blobs (sha256, size, created_at, tag) VALUES (?, ?, 1, ?)", (blob.sha256, blob.size, blob.tag)
        )
    fill(layer, 1, blob.sha256)
    used, _ = await peak(layer, "markdown", "zip")
    assert used < 30_000_000
