"""`python -m datalayer copy`: all of a store in another database, also when it is cut off at any moment."""

import asyncio
import errno
import json
import os
import random
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import chainlit as cl
import pytest
from chainlit.types import Feedback
from typer.testing import CliRunner

from datalayer import DataLayer, DataLayerError, InvalidInput, NotFound, StoreUnavailable, moving, records
from datalayer.__main__ import app
from datalayer.backup import kinds
from datalayer.blobs import LocalBlobs
from datalayer.errors import StoreUnusable
from datalayer.passages import FileText, Passage
from datalayer.passages import Place as At
from datalayer.place import Place
from datalayer.reports import digest
from datalayer.shares import ShareOptions
from datalayer.sql import copying
from datalayer.writes import PutPreferences, PutSummary, RecordUsage
from tests.conftest import chainlit_session, make_step, new_id, often, register
from tests.contract.test_elements import sha256
from tests.embeddings import give_vectors
from tests.processes import module, start
from tests.servers import databases
from tests.servers.s3 import S3Server

KINDS = ["sqlite", "postgres", "mysql"]
PAIRS = [("sqlite", "postgres"), ("postgres", "mysql"), ("mysql", "sqlite"), ("sqlite", "sqlite")]
pytestmark = pytest.mark.services
NewUrl = Callable[[str], str]


Copy = Callable[..., tuple[int, str]]


@pytest.fixture
def new_url(tmp_path: Path) -> NewUrl:
    """A database without tables."""

    def new(kind: str) -> str:
        return f"sqlite:///{tmp_path}/{new_id()}.db" if kind == "sqlite" else databases.bare_database(kind)

    return new


async def filled(url: str, tmp_path: Path, messages: int = 3) -> DataLayer:
    """A layer on a store that has something of everything."""
    layer = DataLayer(url, files=tmp_path / "files", spool=tmp_path / "spool")
    ann = await register(layer, "Ann \N{SNOWMAN} é")
    for n in range(4):
        thread_id = f"t{n} "
        metadata = {"a": {"b": [1, 2.5, None]}}
        await layer.update_thread(thread_id, name="nàme 🍕", user_id=ann.id, metadata=metadata)
        steps = [make_step(thread_id, id=f"s{n}-{m}", output=f"x\x00\ud83c 模型 {m}") for m in range(messages)]
        await asyncio.gather(*map(layer.create_step, steps))
        await layer.update_thread(thread_id, tags=["é", ""])
        with chainlit_session(thread_id=thread_id):
            file = cl.File(id=f"e{n}", name="f.txt", content=b"content %d" % n, for_id=steps[0]["id"])
            await layer.create_element(file)
        await layer.upsert_feedback(Feedback(forId=steps[0]["id"], threadId=thread_id, value=1, comment="ç"))
    await layer.delete_step("s0-1")
    await layer.delete_thread("t3 ")
    said = await layer.store.thread_messages("t1 ")
    covered: dict[str, Any] = {"from_step": said[0].id, "until_step": said[-1].id, "until_at": said[-1].created_at}
    covered |= {"messages": len(said), "digest": digest(said)}
    await layer.store.submit(PutSummary(thread_id="t1 ", text="in short", tokens=9, source="model", **covered))
    used: dict[str, Any] = {"kind": "turn", "model": "m", "provider": "p", "status": "complete", "latency": 1}
    await layer.store.submit(RecordUsage(thread_id="t1 ", id="u", started_at=records.now(), cost=2**40, **used))
    await layer.store.submit(PutPreferences(actor="Ann \N{SNOWMAN} é", settings={"model": "m"}, at=records.now()))
    await layer.store.put_app_value("accounts", {"ann": "hash"}, 0)
    await layer.store.make_share(ann.id, "t1 ", "0" * 64, ShareOptions(sites=("https://a",)), {"é": [None]})
    await give_vectors(layer.store, "s1-0", "s2-0")
    said = Passage("The heron, \N{SNOWMAN} 模型", At(pages=(1, 2), heading=("é",)))
    assert await layer.store.keep_text(sha256(b"content 1"), FileText("tests", (said, said)))
    return layer


async def everything(layer: DataLayer) -> Any:
    """What Chainlit and the app would read of it."""
    user = await layer.get_user("Ann \N{SNOWMAN} é")
    assert user is not None
    found: list[Awaitable[Any]] = [
        *(layer.get_thread(f"t{n} ") for n in range(4)),
        layer.store.threads(user.id),
        layer.store.summary("t1 "),
        layer.store.usage_by_model(user.id),
        layer.store.preferences(user.id),
        layer.store.was_deleted("t3 "),
        layer.store.app_values(["accounts"]),
        layer.store.shared("0" * 64),
        layer.store.context_files("t1 "),
        layer.store.find_passages("t1 ", "herons"),
        layer.store.read_passages("t1 ", "e1"),
    ]
    return [user, *[await each for each in found]]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_all_is_the_same_afterwards(pair: tuple[str, str], new_url: NewUrl, tmp_path: Path) -> None:
    one, other = map(new_url, pair)
    layer = await filled(one, tmp_path)
    before = await everything(layer)
    await layer.close()
    done = await moving.copy(
        Place.of(one, spool=tmp_path / "spool"), Place.of(other), (str(tmp_path / "files"), str(tmp_path / "others"))
    )
    assert (done.files, done.lost) == (3, [])
    assert done.tables["steps"].rows == 8
    assert done.tables["vectors"].rows == 2
    assert done.tables["passages"].rows == 2
    assert done.brought == sum(table.rows for table in done.tables.values())
    again = DataLayer(other, files=tmp_path / "others", spool=tmp_path / "spool2")
    assert await everything(again) == before
    assert {name for name in again.store.blobs.names()} == {name for name in layer.store.blobs.names()}
    # What is written from now on comes after what was copied, also at the same moment.
    moment = "2020-01-01T00:00:00Z"
    for key in ("old", "new"):
        await again.create_step(make_step("t1 ", id=key, createdAt=moment))
    thread = await again.get_thread("t1 ")
    assert thread is not None
    assert [step["id"] for step in thread["steps"]][:2] == ["old", "new"]
    await again.delete_step("s0-1")
    await again.create_step(make_step("t0 ", id="s0-1"))
    assert "s0-1" not in {step["id"] for step in (await again.get_thread("t0 ") or {})["steps"]}
    await again.close()


@pytest.mark.parametrize("target", KINDS)
async def test_one_that_is_killed_is_gone_on_with(target: str, new_url: NewUrl, tmp_path: Path) -> None:
    source, where = new_url("sqlite"), new_url(target)
    layer = await filled(source, tmp_path, messages=1500)
    before = await everything(layer)
    await layer.close()
    arguments = ["copy", source, where, "--spool", str(tmp_path / "spool"), "--json"]
    arguments += ["--files", str(tmp_path / "files"), str(tmp_path / "others")]
    for _ in range(often(2, 20)):
        with start(module("datalayer"), *arguments, cwd=tmp_path) as child:
            await asyncio.sleep(random.uniform(0.3, 3))
            child.kill()
    with start(module("datalayer"), *arguments, cwd=tmp_path) as child:
        assert child.stdout is not None
        told = await asyncio.to_thread(child.stdout.read)
        assert await asyncio.to_thread(child.wait, 120) in (0, 1)
    done = json.loads(told)
    # A kill that came too late had nothing left to cut off.
    assert "tables" in done or "conversations already" in done["error"]
    again = DataLayer(where, files=tmp_path / "others", spool=tmp_path / "spool2")
    assert await everything(again) == before
    await again.close()


@pytest.mark.parametrize("kind", KINDS)
class TestRefusals:
    async def test_a_target_in_use_is_left_alone(self, kind: str, new_url: NewUrl, tmp_path: Path) -> None:
        one, other = new_url("sqlite"), new_url(kind)
        for url in (one, other):
            layer = await filled(url, tmp_path)
            await layer.close()
        with pytest.raises(InvalidInput, match="already"):
            await moving.copy(Place.of(one, spool=tmp_path / "spool"), Place.of(other, spool=tmp_path / "spool"))

    async def test_an_unfinished_copy_of_another_store_is(self, kind: str, new_url: NewUrl, tmp_path: Path) -> None:
        one, other = new_url("sqlite"), new_url(kind)
        await (await filled(one, tmp_path)).close()
        place = Place.of(other)
        async with moving._opened(place) as database:
            await moving._prepare(place, database, "another")
        with pytest.raises(InvalidInput, match="another store"):
            await moving.copy(Place.of(one, spool=tmp_path / "spool"), place)

    async def test_a_store_that_an_app_has_open_is(self, kind: str, new_url: NewUrl, tmp_path: Path) -> None:
        url = new_url(kind)
        layer = await filled(url, tmp_path)
        with pytest.raises(StoreUnavailable, match="open in a running app"):
            await moving.copy(Place.of(url, spool=tmp_path / "spool"), Place.of(new_url("sqlite")))
        assert await layer.get_thread("t0 ")
        await layer.close()

    async def test_writes_that_wait_in_its_spool_are_not_forgotten(
        self, kind: str, new_url: NewUrl, tmp_path: Path
    ) -> None:
        url = new_url(kind)
        await (await filled(url, tmp_path)).close()
        spool = tmp_path / "waiting"
        spool.mkdir()
        (spool / "x.jsonl").write_text("{}\n")
        with pytest.raises(InvalidInput, match="start the app once"):
            await moving.copy(Place.of(url, spool=spool), Place.of(new_url("sqlite")))

    async def test_there_must_be_something_to_copy(self, kind: str, new_url: NewUrl, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            await moving.copy(Place.of(new_url(kind), spool=tmp_path), Place.of(new_url("sqlite")))


async def test_files_go_to_a_bucket_and_back(
    new_url: NewUrl, tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    there, back, bucket = new_url("sqlite"), new_url("sqlite"), f"s3://{s3_server.new_bucket()}/some/where"
    source = new_url("sqlite")
    layer = await filled(source, tmp_path)
    before, names = await everything(layer), set(layer.store.blobs.names())
    await layer.close()
    places = [str(tmp_path / "files"), bucket, str(tmp_path / "back")]
    spool = tmp_path / "spool"
    for one, other, files in ((source, there, places[:2]), (there, back, places[1:])):
        done = await moving.copy(Place.of(one, spool=spool), Place.of(other), (files[0], files[1]))
        assert (done.files, done.lost) == (3, [])
    again = DataLayer(back, files=tmp_path / "back", spool=spool)
    assert await everything(again) == before
    assert set(again.store.blobs.names()) == names
    await again.close()


class TestFiles:
    @pytest.fixture
    async def url(self, new_url: NewUrl, tmp_path: Path) -> str:
        url = new_url("sqlite")
        await (await filled(url, tmp_path)).close()
        return url

    @pytest.fixture
    def copy(self, url: str, tmp_path: Path) -> Copy:
        """The command: its exit code, and what it says."""

        def copy(target: str, files: object, to: object) -> tuple[int, str]:
            arguments = ["copy", url, target, "--spool", str(tmp_path / "spool"), "--files", str(files), str(to)]
            found = CliRunner().invoke(app, arguments)
            assert found.exception is None or isinstance(found.exception, SystemExit)
            return found.exit_code, found.output

        return copy

    async def test_content_that_the_source_has_lost_is_named_and_brought_later(
        self, new_url: NewUrl, tmp_path: Path, copy: Copy
    ) -> None:
        target, files, others = new_url("sqlite"), tmp_path / "files", tmp_path / "others"
        lost = LocalBlobs(files).path(sorted(LocalBlobs(files).names())[0])
        lost.rename(tmp_path / "aside")
        code, said = await asyncio.to_thread(copy, target, files, others)
        assert (code, "1 files are missing" in said, lost.name in said) == (1, True, True)
        lost.write_bytes(b"another content")
        assert (await asyncio.to_thread(copy, target, files, others))[0] == 1
        (tmp_path / "aside").rename(lost)
        code, said = await asyncio.to_thread(copy, target, files, others)
        assert (code, "0 of them brought now; 1 files" in said) == (0, True)
        assert set(LocalBlobs(others).names()) == set(LocalBlobs(files).names())

    @pytest.mark.parametrize("kind", KINDS)
    async def test_a_source_that_is_not_there_is_refused_before_anything_is_copied(
        self, kind: str, new_url: NewUrl, tmp_path: Path, copy: Copy
    ) -> None:
        target, others = new_url(kind), tmp_path / "others"
        code, said = await asyncio.to_thread(copy, target, tmp_path / "fles", others)
        assert (code, said.startswith(f"There are no files at {tmp_path}/fles")) == (1, True)
        with pytest.raises(NotFound):
            await moving.copy(Place.of(target), Place.of(new_url("sqlite")))
        assert await asyncio.to_thread(copy, target, tmp_path / "files", others) == (0, ANY)
        assert len(list(LocalBlobs(others).names())) == 3

    async def test_a_prefix_that_is_not_there_is_refused(
        self, new_url: NewUrl, tmp_path: Path, copy: Copy, s3_url: str
    ) -> None:
        code, said = await asyncio.to_thread(copy, new_url("sqlite"), s3_url, tmp_path / "others")
        assert (code, said.startswith(f"There are no files at {s3_url}")) == (1, True)

    async def test_a_target_that_cannot_be_written_is_named(self, new_url: NewUrl, tmp_path: Path, copy: Copy) -> None:
        (tmp_path / "file").touch()
        target = new_url("sqlite")
        code, said = await asyncio.to_thread(copy, target, tmp_path / "files", tmp_path / "file" / "below")
        assert (code, f"The files at {tmp_path}/file/below cannot be used (" in said) == (1, True)
        assert await asyncio.to_thread(copy, target, tmp_path / "files", tmp_path / "others") == (0, ANY)

    async def test_a_target_that_fills_up_is_named_and_gone_on_with(
        self, new_url: NewUrl, tmp_path: Path, copy: Copy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target, files, others = new_url("sqlite"), tmp_path / "files", tmp_path / "others"
        with monkeypatch.context() as full:
            whole, put = [b""], LocalBlobs.put

            def some(self: LocalBlobs, source: Any, name: str | None = None) -> Any:
                if not whole:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                whole.pop()
                return put(self, source, name)

            full.setattr(LocalBlobs, "put", some)
            code, said = await asyncio.to_thread(copy, target, files, others)
        assert (code, str(others) in said, "No space left" in said) == (1, True, True)
        assert await asyncio.to_thread(copy, target, files, others) == (0, ANY)
        assert set(LocalBlobs(others).names()) == set(LocalBlobs(files).names())

    async def test_they_come_later_to_a_target_that_is_used_already(
        self, new_url: NewUrl, tmp_path: Path, url: str, copy: Copy
    ) -> None:
        target, files, others = new_url("sqlite"), tmp_path / "files", tmp_path / "others"
        await moving.copy(Place.of(url, spool=tmp_path / "spool"), Place.of(target))
        assert (await asyncio.to_thread(copy, target, files, others))[0] == 0
        shutil.rmtree(others)
        layer = DataLayer(target, files=others, spool=tmp_path / "spool2")
        await layer.create_step(make_step("t1 ", id="new"))
        await layer.close()
        code, said = await asyncio.to_thread(copy, target, files, others)
        assert (code, "left alone" in said) == (1, True)
        assert set(LocalBlobs(others).names()) == set(LocalBlobs(files).names())


@pytest.mark.parametrize("kind", KINDS)
class TestUnfinished:
    async def test_an_app_is_told_what_to_type(self, kind: str, new_url: NewUrl, tmp_path: Path) -> None:
        one, other = new_url("sqlite"), new_url(kind)
        await (await filled(one, tmp_path)).close()
        source, target = Place.of(one, spool=tmp_path / "spool"), Place.of(other, spool=tmp_path / "spool2")
        async with moving._opened(target) as database:
            await moving._prepare(target, database, moving._name_of(source))
        refused = pytest.raises(StoreUnusable, match=r"cut off.* copy FROM TO")
        layer = DataLayer(other, files=tmp_path / "files", spool=tmp_path / "spool2")
        with refused:
            await layer.store.open()
        with refused:
            await layer.get_thread("t1 ")
        await layer.close()
        with refused:
            await asyncio.to_thread(DataLayer.check, target)
        assert (await asyncio.to_thread(kinds.info, target))["unfinished_copy"] is True
        with pytest.raises(DataLayerError, match="cut off"):
            await asyncio.to_thread(kinds.make, target)
        with pytest.raises(InvalidInput, match="unfinished"):
            await moving.copy(target, Place.of(new_url("sqlite")))
        await moving.copy(source, target)
        assert (await asyncio.to_thread(kinds.info, target))["unfinished_copy"] is False
        await asyncio.to_thread(DataLayer.check, target)
        layer = DataLayer(other, files=tmp_path / "files", spool=tmp_path / "spool2")
        assert await layer.get_thread("t1 ")
        await layer.close()

    async def test_what_is_written_into_it_waits_until_it_is_whole(
        self, kind: str, new_url: NewUrl, tmp_path: Path
    ) -> None:
        """The app that has it open must be stopped first, and what it could not store is stored at its next start."""
        one, other = new_url("sqlite"), new_url(kind)
        await (await filled(one, tmp_path)).close()
        source, target = Place.of(one, spool=tmp_path / "spool"), Place.of(other, spool=tmp_path / "spool2")
        async with moving._opened(target) as database:
            await moving._prepare(target, database, moving._name_of(source))
        layer = DataLayer(other, files=tmp_path / "files", spool=tmp_path / "spool2")
        await layer.create_step(make_step("t1 ", id="early"))
        assert (await layer.health())["state"] == "degraded"
        await layer.close()
        await moving.copy(source, target)
        layer = DataLayer(other, files=tmp_path / "files", spool=tmp_path / "spool2")
        assert "early" in {step["id"] for step in (await layer.get_thread("t1 ") or {})["steps"]}
        await layer.close()


async def test_an_older_schema_is_brought_up_first(new_url: NewUrl, tmp_path: Path) -> None:
    url = new_url("postgres")
    databases.upgrade(url)
    databases.execute(url, "UPDATE datalayer_version SET version_num = '0005'")
    with pytest.raises(InvalidInput, match="older schema"):
        await moving.copy(Place.of(url, spool=tmp_path / "none"), Place.of(new_url("sqlite")))


def test_every_table_is_copied_but_what_is_made_of_others() -> None:
    left_out = {table.name for table in copying.metadata.sorted_tables} - {table.name for table in copying.TABLES}
    assert left_out == {"instances", "thread_facets", "facet_counts"}
