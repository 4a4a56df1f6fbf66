"""A store whose files are in a bucket, when the bucket, the database or the process is in trouble."""

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import chainlit as cl
import pytest

from datalayer import DataLayer, StoreUnavailable
from datalayer import backup as backing
from datalayer.blobs import at
from tests.conftest import OpenLayer, blob_content, failures, make_step, new_id, steps_of
from tests.servers.s3 import S3Server


def file(content: bytes = b"content", **over: str) -> cl.File:
    return cl.File(**({"thread_id": new_id(), "name": "f", "content": content} | over))


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[S3Server]:
    """Of the test's own, to freeze and kill."""
    server = S3Server()
    try:
        await asyncio.to_thread(server.start)
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server
    finally:
        server.kill()


async def test_a_frozen_bucket_holds_up_what_has_a_file_and_nothing_else(
    server: S3Server, open_layer: OpenLayer
) -> None:
    layer = open_layer(files=f"s3://{server.new_bucket()}/x")
    gone, frozen = file(b"gone"), [file(b"%d" % n) for n in range(20)]  # more than there are threads for files
    await layer.create_element(gone)
    server.send(signal.SIGSTOP)
    uploads = [asyncio.create_task(layer.create_element(each)) for each in frozen]
    await layer.delete_element(gone.id, gone.thread_id)
    for _ in range(20):
        step = make_step(new_id())
        await layer.create_step(step)
        assert list(await steps_of(layer, step["threadId"])) == [step["id"]]
    assert not any(upload.done() for upload in uploads)
    server.send(signal.SIGCONT)
    assert await failures(uploads) == [None] * len(frozen)
    await layer.drain()
    assert {blob_content(layer, name) for name in layer.store.blobs.names()} == {each.content for each in frozen}


async def test_a_bucket_that_is_gone_fails_the_element_alone_with_a_clear_word(
    server: S3Server, open_layer: OpenLayer
) -> None:
    layer, step = open_layer(files="s3://no-such-bucket/x"), make_step(new_id())
    errors = await failures([layer.create_element(file(thread_id=step["threadId"])), layer.create_step(step)])
    assert [type(error) for error in errors] == [StoreUnavailable, type(None)]
    assert "does not exist" in str(errors[0])
    assert list(await steps_of(layer, step["threadId"])) == [step["id"]]


async def test_an_element_goes_to_the_spool_with_its_content_in_the_bucket(open_layer: OpenLayer, s3_url: str) -> None:
    layer, element = open_layer(files=s3_url), file()
    await layer.store.open()
    with closing(sqlite3.connect(layer.store.place.database)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        with pytest.MonkeyPatch.context() as impatient:
            impatient.setattr("datalayer.transaction.PATIENCE", 0.1)
            await layer.create_element(element)
        assert (await layer.store.health())["state"] == "degraded"
        found = await layer.store.file(element.id)
        assert found is not None
        assert blob_content(layer, found.blob.name) == b"content"
    assert await layer.store.catch_up()
    again = await layer.store.file(element.id)
    assert again is not None
    assert (again.blob, blob_content(layer, again.blob.name)) == (found.blob, b"content")


async def test_a_backup_leaves_the_files_in_their_bucket_and_comes_back(
    open_layer: OpenLayer, s3_url: str, tmp_path: Path
) -> None:
    layer, element = open_layer(files=s3_url), file()
    await layer.create_element(element)
    await layer.close()
    place = layer.store.place
    made = await asyncio.to_thread(backing.make, place)
    assert made.mark is not None
    assert (made.mark.blobs, made.mark.lost) == (0, list(at(s3_url).names()))
    assert backing.verify(made).problems == ()
    assert backing.drill(place.backups).problems == ()
    await asyncio.to_thread(backing.optimise, place)
    other = replace(place, database=tmp_path / "back.db", files=tmp_path / "none", spool=tmp_path / "back.spool")
    await asyncio.to_thread(backing.restore, made, other)
    again = DataLayer(f"sqlite+aiosqlite:///{tmp_path}/back.db", files=s3_url)
    found = await again.store.file(element.id)
    assert found is not None
    assert blob_content(again, found.blob.name) == b"content"
    await again.close()


async def test_the_way_down_to_an_older_version_and_up_again_keeps_the_content(
    open_layer: OpenLayer, s3_url: str
) -> None:
    layer, element = open_layer(files=s3_url), file()
    await layer.create_element(element)
    await layer.close()
    await asyncio.to_thread(backing.migrate, layer.store.place, "0005", None)
    again = open_layer(files=s3_url)
    found = await again.store.file(element.id)
    assert found is not None
    with again.store.blobs.open(found.blob.name) as content:
        assert (found.blob.tag, content.read()) == (None, b"content")
