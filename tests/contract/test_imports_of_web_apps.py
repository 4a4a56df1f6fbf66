"""Exports of web apps, brought into a store: all of them, and again nothing changes."""

from pathlib import Path

from datalayer import DataLayer
from exchange import run_import
from tests.conftest import rows
from tests.exchange.origins.exports import samples

TABLES = ("users", "threads", "thread_tags", "steps", "elements", "feedbacks", "blobs")


async def test_a_file_of_each_kind_comes_once(layer: DataLayer, tmp_path: Path) -> None:
    found = samples(tmp_path)
    for name, (origin, path) in found.items():
        report = await run_import(layer.store, path, "ann")
        assert (report.origin or "").lower().replace(" ", "") == origin, name
        assert report.read > 0
        assert report.read == report.new + report.added + report.there, name
    before = {table: sorted(map(repr, rows(layer, f"SELECT * FROM {table}"))) for table in TABLES}
    for name, (_, path) in found.items():
        report = await run_import(layer.store, path, "ann")
        assert (report.new, report.added, report.messages) == (0, 0, 0), name
    assert {table: sorted(map(repr, rows(layer, f"SELECT * FROM {table}"))) for table in TABLES} == before
    told = [row[0] for row in rows(layer, "SELECT output FROM steps WHERE type = 'assistant_message'")]
    assert "an avocet" in told
