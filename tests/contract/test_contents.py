"""I10 with several instances, on a folder and on S3: elements have their content, and it goes with the last of them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import chainlit as cl
import pytest

from datalayer import DataLayer
from datalayer.records import now
from datalayer.writes import UpsertElement
from tests.conftest import OpenLayer, blob_content, blob_names, change, failures, new_id, often, rows
from tests.contract.test_elements import sha256

EQUAL = b"equal content"


@pytest.fixture(params=["local", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    return tmp_path / "files" if request.param == "local" else str(request.getfixturevalue("s3_url"))


@pytest.fixture
def instances(open_layer: OpenLayer, files: str | Path) -> list[DataLayer]:
    """Two of one store. With SQLite they are of one process, which is all that it is made for."""
    return [open_layer(files=files) for _ in range(2)]


def file(content: bytes = EQUAL, **over: Any) -> cl.File:
    return cl.File(**({"thread_id": new_id(), "name": "f", "content": content} | over))


async def content_of(layer: DataLayer, element: cl.File) -> bytes | None:
    found = await layer.store.file(element.id)
    return blob_content(layer, found.blob.name) if found else None


@contextmanager
def held_up(layer: DataLayer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Awaitable[bool]]]:
    """In the block nothing is removed from the store of files: returns when something is about to be."""
    blobs, begun, go_on = layer.store.blobs, threading.Event(), threading.Event()
    remove = blobs.remove

    def wait(name: str) -> None:
        begun.set()
        go_on.wait(20)
        remove(name)

    with monkeypatch.context() as patched:
        patched.setattr(blobs, "remove", wait)
        try:
            yield lambda: asyncio.to_thread(begun.wait, 20)
        finally:
            go_on.set()


class TestRaces:
    async def test_two_instances_that_put_and_remove_equal_content_at_once_leave_each_element_with_its_own(
        self, instances: list[DataLayer]
    ) -> None:
        for _ in range(often(3, 30)):
            elements = [file() for _ in range(8)]
            calls = [instances[n % 2].create_element(element) for n, element in enumerate(elements)]
            gone, kept = elements[::3], [element for n, element in enumerate(elements) if n % 3]
            assert await failures(calls) == [None] * 8
            news = [file() for _ in range(4)]
            calls = [instances[n % 2].delete_element(element.id) for n, element in enumerate(gone)]
            calls += [instances[n % 2].create_element(element) for n, element in enumerate(news)]
            assert await failures(calls) == [None] * 7
            for layer in instances:
                assert {await content_of(layer, element) for element in kept + news} == {EQUAL}
                assert {await content_of(layer, element) for element in gone} == {None}
            calls = [instances[n % 2].delete_element(element.id) for n, element in enumerate(kept + news)]
            assert await failures(calls) == [None] * 9
        for layer in instances:
            await layer.drain()
        assert await blob_names(instances[0]) == set()
        assert rows(instances[0], "SELECT count(*) FROM blobs") == [(0,)]

    async def test_content_that_is_being_removed_is_stored_by_another_who_keeps_it(
        self, instances: list[DataLayer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slow, other = instances
        gone, kept = file(), file()
        await slow.create_element(gone)
        with held_up(slow, monkeypatch) as about_to:
            await slow.delete_element(gone.id)
            assert await about_to()
            await other.create_element(kept)
            assert await content_of(other, kept) == EQUAL
        assert await blob_names(slow) == {sha256(EQUAL)}
        assert await content_of(other, kept) == EQUAL
        assert rows(slow, "SELECT count(*), max(released_at) FROM blobs") == [(1, None)]

    async def test_a_removal_that_comes_very_late_takes_nothing_of_what_was_stored_since(
        self, instances: list[DataLayer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        frozen, other = instances
        gone, between, kept = file(), file(), file()
        await frozen.create_element(gone)
        with held_up(frozen, monkeypatch) as about_to:
            await frozen.delete_element(gone.id)
            assert await about_to()
            await other.create_element(between)
            await other.delete_element(between.id)
            await other.drain()
            await other.create_element(kept)
        assert await blob_names(frozen) == {sha256(EQUAL)}
        assert await content_of(frozen, kept) == EQUAL

    async def test_no_transaction_waits_for_the_store_of_files(
        self, instances: list[DataLayer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slow = instances[0]
        elements = [file(b"%d" % n) for n in range(3)]
        for element in elements:
            await slow.create_element(element)
        with held_up(slow, monkeypatch) as about_to:
            await asyncio.gather(*(slow.delete_element(element.id) for element in elements))
            assert await about_to()
            for layer in instances:
                await layer.create_element(file(b"of another conversation"))
        await instances[1].drain()
        assert await blob_names(slow) == {sha256(b"of another conversation")}


class TestCrash:
    async def test_what_was_marked_but_not_removed_goes_at_the_next_start(
        self, open_layer: OpenLayer, files: str | Path
    ) -> None:
        first, element = open_layer(files=files), file()
        await first.create_element(element)
        await first.close()
        change(first, "DELETE FROM elements")
        change(first, "UPDATE blobs SET released_at = 1")
        again = open_layer(files=files)
        await again.store.open()
        assert await blob_names(again) == set()
        assert rows(again, "SELECT count(*) FROM blobs") == [(0,)]

    async def test_what_was_removed_but_not_forgotten_is_forgotten_at_the_next_start_or_stored_again(
        self, open_layer: OpenLayer, files: str | Path
    ) -> None:
        first, element = open_layer(files=files), file()
        await first.create_element(element)
        await first.close()
        for name in list(first.store.blobs.names()):
            first.store.blobs.remove(name)
        change(first, "DELETE FROM elements")
        change(first, "UPDATE blobs SET released_at = 1")
        again = open_layer(files=files)
        kept = file()
        await again.create_element(kept)
        await again.drain()
        assert await content_of(again, kept) == EQUAL
        assert rows(again, "SELECT count(*), max(released_at) FROM blobs") == [(1, None)]

    async def test_what_the_store_of_files_does_not_remove_is_tried_again(
        self, open_layer: OpenLayer, files: str | Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer, one, other = open_layer(files=files), file(b"one"), file(b"other")
        for element in (one, other):
            await layer.create_element(element)

        def fail(_name: str) -> None:
            raise OSError("away")

        with monkeypatch.context() as away:
            away.setattr(layer.store.blobs, "remove", fail)
            await layer.delete_element(one.id)
            assert await blob_names(layer) == {sha256(b"one"), sha256(b"other")}
        await layer.delete_element(other.id)
        assert await blob_names(layer) == set()
        assert rows(layer, "SELECT count(*) FROM blobs") == [(0,)]

    async def test_a_spool_that_is_applied_again_after_its_content_went_leaves_no_element_without_content(
        self, open_layer: OpenLayer, files: str | Path
    ) -> None:
        layer = open_layer(files=files)
        blob = await layer.store.put_blob(b"first")
        element = file(b"second")
        write = UpsertElement(
            thread_id=element.thread_id, id=element.id, values={"name": "f"}, blob=blob, at=now(), replayed=True
        )
        await layer.store._apply([write])
        assert await content_of(layer, element) == b"first"
        await layer.create_element(element)
        await layer.drain()
        verdicts = await layer.store._apply([write])
        assert [type(each).__name__ for each in verdicts] == ["BlobVanished"]
        assert await content_of(layer, element) == b"second"
        assert await blob_names(layer) == {sha256(b"second")}

    async def test_a_spool_that_is_applied_again_while_its_content_is_being_removed_does_not_bring_it_back(
        self, open_layer: OpenLayer, files: str | Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer, element = open_layer(files=files), file(b"second")
        blob = await layer.store.put_blob(b"first")
        write = UpsertElement(
            thread_id=element.thread_id, id=element.id, values={"name": "f"}, blob=blob, at=now(), replayed=True
        )
        await layer.store._apply([write])
        with held_up(layer, monkeypatch) as about_to:
            await layer.create_element(element)
            assert await about_to()
            verdicts = await layer.store._apply([write])
            assert [type(each).__name__ for each in verdicts] == ["BlobVanished"]
            assert await content_of(layer, element) == b"second"
        assert await blob_names(layer) == {sha256(b"second")}

    async def test_a_spool_that_is_applied_again_while_others_have_the_content_changes_nothing(
        self, open_layer: OpenLayer, files: str | Path
    ) -> None:
        layer, other = open_layer(files=files), file(b"first")
        await layer.create_element(other)
        blob = await layer.store.put_blob(b"first")
        write = UpsertElement(thread_id=new_id(), id=new_id(), values={"name": "f"}, blob=blob, at=now(), replayed=True)
        for _ in range(2):  # its own copy is not needed, and gone at the second time
            assert await layer.store._apply([write]) == [None]
            assert await blob_names(layer) == {sha256(b"first")}
        await layer.delete_element(other.id)
        found = await layer.store.file(write.id)
        assert found is not None
        assert blob_content(layer, found.blob.name) == b"first"
