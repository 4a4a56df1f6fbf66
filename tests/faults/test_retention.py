"""A database that is locked between the archive and the removal: what goes is archived once, and goes in the end."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from datalayer import Retention, archive, transaction
from datalayer.records import now
from datalayer.writer import Event
from datalayer.writes import UpdateThread, UpsertStep
from tests.conftest import OpenLayer, new_id, rows

DAY = 86_400 * 1_000_000


async def test_it_goes_when_the_database_is_back_unless_it_was_pinned_meanwhile(
    open_layer: OpenLayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = open_layer(retention=Retention(archive=tmp_path / "archive", max_age_days=1))
    threads = [new_id() for _ in range(3)]
    for key in threads:
        at = now() - 2 * DAY
        await layer.store.submit(UpsertStep(actor="ann", thread_id=key, id=new_id(), at=at, values={"output": "heron"}))
    with closing(sqlite3.connect(tmp_path / "threads.db", isolation_level=None, check_same_thread=False)) as other:
        write = archive.write

        def then_locked(*args: Any) -> Path:
            path = write(*args)
            other.execute("BEGIN IMMEDIATE")
            return path

        def is_back(event: Event) -> None:
            if event.kind == "degraded":
                other.execute("UPDATE threads SET pinned = 1 WHERE id = ?", [threads[0]])
                other.execute("COMMIT")

        monkeypatch.setattr(archive, "write", then_locked)
        monkeypatch.setattr(transaction, "PATIENCE", 0.2)
        layer.store.listeners.append(is_back)
        done = await layer.store.clean_up()
        assert (done.threads, len(done.files)) == (2, 1)
        assert await layer.store.catch_up()
    assert rows(layer, "SELECT id FROM threads") == [(threads[0],)]
    lines = list(archive.read(done.files[0]))
    assert {each["row"]["id"] for each in lines if each.get("table") == "threads"} == set(threads)
    monkeypatch.setattr(archive, "write", write)
    assert (await layer.store.clean_up()).threads == 0
    await layer.store.submit(UpdateThread(actor="ann", thread_id=threads[0], at=now(), pinned=False))
    assert (await layer.store.clean_up()).threads == 1
    assert len(list(archive.files(tmp_path / "archive"))) == 2
