"""An import that the database is too slow for: what goes to the spool comes in, and is told as what it is."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from datalayer import transaction
from datalayer.store import Store
from datalayer.writer import Event
from datalayer.writes import ImportThread, Write
from exchange import run_import
from tests.exchange.origins.chatgpts import conversation

COUNT = 12


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many threads were imported by each transaction."""
    found: list[int] = []
    store = transaction.Transactions.store

    async def counted(self: transaction.Transactions, writes: Sequence[Write], waited: float = 0.0) -> list[Any]:
        found.append(sum(isinstance(write, ImportThread) for write in writes))
        return await store(self, writes, waited)

    monkeypatch.setattr(transaction.Transactions, "store", counted)
    return found


async def test_what_is_in_the_spool_is_asked_for_together_and_told_as_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches: list[int]
) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([conversation(number) for number in range(COUNT)]))
    events: list[str] = []

    def listener(event: Event) -> None:
        events.append(event.kind)
        monkeypatch.setattr(transaction, "PATIENCE", 60.0)  # from now on the database is fast enough

    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'threads.db'}")
    await store.open()
    store.listeners.append(listener)
    monkeypatch.setattr(transaction, "PATIENCE", 0.0)
    try:
        report = await run_import(store, path, "ann")
        assert (report.new, report.added, report.there, report.messages) == (COUNT, 0, 0, 2 * COUNT)
        assert events[0] == "degraded"
        assert "recovered" in events
        assert batches[-1] == COUNT  # not one by one
        again = await run_import(store, path, "ann")
        assert (again.there, again.messages) == (COUNT, 0)
    finally:
        await store.close()
