"""I10: a file is complete or absent, equal content is stored once, and the last element takes it along."""

import asyncio
import hashlib
import re
from pathlib import Path
from typing import Any

import chainlit as cl
import pytest

from datalayer import DataLayer, InvalidInput
from datalayer.blobs import LocalBlobs
from tests.conftest import (
    OpenLayer,
    blob_content,
    blob_names,
    chainlit_session,
    change,
    failures,
    make_step,
    new_id,
    rows,
    start_thread,
)
from tests.processes import start


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file(thread_id: str, content: bytes = b"content", **over: Any) -> cl.File:
    return cl.File(**({"thread_id": thread_id, "name": "f", "content": content} | over))


async def content_of(layer: DataLayer, element: cl.File) -> bytes | None:
    """What is served for the element; None when there is no such element."""
    found = await layer.store.file(element.id)
    return blob_content(layer, found.blob.name) if found else None


class TestContent:
    async def test_it_is_named_by_its_hash_and_comes_back_equal(self, layer: DataLayer) -> None:
        content = bytes(range(256)) * 9999
        element = file(new_id(), content)
        await layer.create_element(element)
        assert await blob_names(layer) == {sha256(content)}
        assert await content_of(layer, element) == content

    async def test_equal_content_is_stored_once(self, layer: DataLayer) -> None:
        elements = [file(new_id()) for _ in range(20)]
        await asyncio.gather(*(layer.create_element(element) for element in elements))
        assert await blob_names(layer) == {sha256(b"content")}
        assert {await content_of(layer, element) for element in elements} == {b"content"}

    async def test_the_last_element_takes_it_along_and_the_one_before_does_not(self, layer: DataLayer) -> None:
        one, two = file(new_id()), file(new_id())
        for element in (one, two):
            await layer.create_element(element)
        await layer.delete_element(one.id)
        assert await content_of(layer, two) == b"content"
        await layer.delete_element(two.id)
        assert await blob_names(layer) == set()
        assert rows(layer, "SELECT count(*) FROM blobs") == [(0,)]

    async def test_deleting_a_step_or_a_thread_lets_its_content_go(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        await layer.create_element(file(message["threadId"], b"step", for_id=message["id"]))
        await layer.create_element(file(message["threadId"], b"thread", for_id=""))
        await layer.delete_step(message["id"])
        assert await blob_names(layer) == {sha256(b"thread")}
        await layer.delete_thread(message["threadId"])
        assert await blob_names(layer) == set()

    async def test_new_content_of_an_element_releases_the_old(self, layer: DataLayer) -> None:
        element = file(new_id(), b"old")
        await layer.create_element(element)
        element.content = b"new"
        await layer.create_element(element)
        assert await blob_names(layer) == {sha256(b"new")}
        assert await content_of(layer, element) == b"new"

    async def test_a_refused_element_leaves_no_content(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        errors = await failures([layer.create_element(file(new_id(), for_id=message["id"]))])
        assert [error is None for error in errors] == [False]
        assert await blob_names(layer) == set()

    async def test_content_already_there_survives_a_refused_element(self, layer: DataLayer) -> None:
        message, kept = await start_thread(layer), file(new_id())
        refused = file(new_id(), for_id=message["id"])
        await failures([layer.create_element(kept), layer.create_element(refused)])
        assert await content_of(layer, kept) == b"content"

    async def test_a_file_is_stored_from_its_path(self, layer: DataLayer, tmp_path: Path) -> None:
        (tmp_path / "source").write_bytes(b"from a path")
        element = cl.File(thread_id=new_id(), name="f", path=str(tmp_path / "source"))
        await layer.create_element(element)
        (tmp_path / "source").unlink()
        assert await content_of(layer, element) == b"from a path"

    async def test_an_empty_file_is_stored_too(self, layer: DataLayer, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        element = cl.File(thread_id=new_id(), name="f", path=str(tmp_path / "empty"))
        await layer.create_element(element)
        assert await content_of(layer, element) == b""

    @pytest.mark.parametrize("path", ["/nowhere/at/all", "/"])
    async def test_a_path_without_a_file_is_refused(self, layer: DataLayer, path: str) -> None:
        element = cl.File(thread_id=new_id(), name="f", path=path)
        with pytest.raises(InvalidInput):
            await layer.create_element(element)
        assert await layer.get_thread(element.thread_id) is None

    async def test_a_step_is_not_held_up_by_an_element_that_fails(self, layer: DataLayer) -> None:
        step = make_step(new_id())
        element = cl.File(thread_id=step["threadId"], name="f", path="/nowhere/at/all")
        errors = await failures([layer.create_element(element), layer.create_step(step)])
        assert [type(error) for error in errors] == [InvalidInput, type(None)]

    async def test_text_content_is_stored_byte_for_byte(self, layer: DataLayer) -> None:
        with chainlit_session():
            element = cl.Text(name="t", content="a\x00b é\r\n")
            await layer.create_element(element)
        assert await content_of(layer, element) == "a\x00b é\r\n".encode()  # type: ignore[arg-type]


class TestNames:
    @pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "a\r\nb", "x" * 5000, "\x00", "..", "nul\ud800"])
    async def test_a_users_name_never_reaches_a_path(self, layer: DataLayer, tmp_path: Path, name: str) -> None:
        await layer.create_element(file(new_id(), name=name))
        kept = {str(p.relative_to(tmp_path / "files")) for p in (tmp_path / "files").rglob("*") if p.is_file()}
        (blob,) = layer.store.blobs.names()
        digest = sha256(b"content")
        assert kept == {f"{digest[:2]}/{digest[2:4]}/{blob}"}
        assert re.fullmatch(digest + "-[0-9a-f]{16}", blob)


class TestRaces:
    async def test_an_element_always_has_its_content_while_others_with_it_come_and_go(self, layer: DataLayer) -> None:
        for _ in range(50):
            kept, gone = file(new_id()), file(new_id())
            await layer.create_element(gone)
            calls = [layer.delete_element(gone.id), layer.create_element(kept)]
            assert await failures(calls) == [None, None]
            assert await content_of(layer, kept) == b"content"
            await layer.delete_element(kept.id)
            assert await blob_names(layer) == set()

    async def test_many_come_and_go_at_once_and_those_that_stay_have_theirs(self, layer: DataLayer) -> None:
        for _ in range(25):
            elements = [file(new_id()) for _ in range(12)]
            calls = [layer.create_element(element) for element in elements]
            calls += [layer.delete_element(element.id) for element in elements[::2]]
            assert await failures(calls) == [None] * 18
            assert {await content_of(layer, element) for element in elements[1::2]} == {b"content"}
            assert {await content_of(layer, element) for element in elements[::2]} == {None}
            await asyncio.gather(*(layer.delete_element(element.id) for element in elements))

    async def test_a_later_version_is_not_undone_when_an_earlier_one_must_be_stored_again(
        self, layer: DataLayer
    ) -> None:
        for _ in range(50):
            thread_id, other = new_id(), file(new_id(), b"old")
            await layer.create_element(other)
            element = file(thread_id, b"old")
            newer = file(thread_id, b"new", id=element.id)
            calls = [layer.delete_element(other.id), layer.create_element(element), layer.create_element(newer)]
            assert await failures(calls) == [None] * 3
            assert await content_of(layer, element) == b"new"
            await layer.delete_element(element.id)


class TestCrash:
    async def test_content_that_a_crash_left_without_an_element_goes_at_the_next_start(
        self, layer: DataLayer, open_layer: OpenLayer
    ) -> None:
        element = file(new_id())
        await layer.create_element(element)
        await layer.close()
        # What a kill leaves between the deletion of the row and the removal of the file.
        change(layer, "DELETE FROM elements")
        again = open_layer()
        await again.get_thread(element.thread_id)
        assert await blob_names(again) == set()

    def test_a_kill_in_the_middle_of_storing_leaves_no_half_content(self, tmp_path: Path) -> None:
        for _ in range(2):
            with start(_ENDLESS, str(tmp_path), cwd=tmp_path) as child:
                assert child.stdout is not None
                stored = {child.stdout.readline().decode().strip() for _ in range(5)}
                child.kill()
                stored |= set(child.stdout.read().decode().split("\n")[:-1])
            blobs = LocalBlobs(tmp_path)
            assert stored <= set(blobs.names())
            assert [name for name in blobs.names() if sha256(blobs.path(name).read_bytes()) != name[:64]] == []


# Stores new contents of 2 MB until it is killed, and prints the name of each when it is stored.
_ENDLESS = """
import os, sys
from pathlib import Path
from datalayer.blobs import LocalBlobs
blobs = LocalBlobs(Path(sys.argv[1]))
while True:
    print(blobs.put(os.urandom(2_000_000)).name, flush=True)
"""
