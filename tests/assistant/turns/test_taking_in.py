"""Files are read once, whoever waits for them, and nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from assistant.turns.taking_in import TakingIn
from datalayer.passages import ContextFile, FileText, Passage, Place


def file(key: str, sha256: str = "") -> ContextFile:
    return ContextFile(
        key, "q", f"{key}.txt", "text/plain", 1, sha256 or key, key, 0, "waiting", None, None, None, 0, False, False
    )


@asynccontextmanager
async def on_disk(file: ContextFile) -> AsyncIterator[Path]:
    yield Path(file.blob)


class Reader:
    """Reads a file when it is let; which were begun, kept and ended."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.kept: list[str] = []
        self.said: list[tuple[str, bool]] = []
        self.let = asyncio.Event()
        self.news, self.over = asyncio.Event(), asyncio.Event()
        self.taking_in = TakingIn(self.read, at_once=2)

    async def read(self, path: Path, _name: str, _mime: str | None) -> FileText:
        self.begun.append(str(path))
        self.news.set()
        try:
            await self.let.wait()
        finally:
            self.ended.append(str(path))
            self.over.set()
        if str(path) == "bad":
            raise RuntimeError("it is worse than refused")
        return FileText("reader", (Passage("text", Place()),))

    async def keep(self, sha256: str, _text: FileText) -> None:
        self.kept.append(sha256)

    async def told(self, file: ContextFile, text: FileText | None) -> None:
        self.said.append((file.element_id, text is not None))

    def take(self, *files: ContextFile, seconds: float = 60, owner: str = "") -> "asyncio.Task[Any]":
        return asyncio.create_task(self.taking_in.take(files, owner, on_disk, self.keep, self.told, seconds))

    async def has_begun(self, count: int) -> None:
        while len(self.begun) < count:
            self.news.clear()
            await self.news.wait()


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    reader = Reader()
    yield reader
    await reader.taking_in.close()


async def test_equal_content_is_read_once_for_all_who_wait(reader: Reader) -> None:
    first = reader.take(file("a", "same"), file("b", "same"))
    second = reader.take(file("c", "same"))
    await reader.has_begun(1)
    reader.let.set()
    assert await first == await second == []
    assert (reader.begun, reader.kept) == (["a"], ["same"])
    assert sorted(reader.said) == [("a", True), ("b", True), ("c", True)]


async def test_what_takes_longer_is_read_on_and_waited_for_by_the_next(reader: Reader) -> None:
    left = await reader.take(file("a"), seconds=0)
    assert [each.element_id for each in left] == ["a"]
    await reader.has_begun(1)
    again = reader.take(file("a"))
    reader.let.set()
    assert await again == []
    assert (reader.begun, reader.kept) == (["a"], ["a"])


async def test_stop_ends_what_nobody_else_waits_for(reader: Reader) -> None:
    first, second = reader.take(file("a"), file("b")), reader.take(file("b"))
    await reader.has_begun(2)
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    await reader.over.wait()
    assert reader.ended == ["a"]
    reader.let.set()
    assert await second == []
    assert reader.kept == ["b"]
    third = reader.take(file("a"))  # which begins anew
    assert await third == []
    assert sorted(reader.kept) == ["a", "b"]


async def test_one_that_cannot_be_read_now_is_told_and_the_others_are_read(reader: Reader) -> None:
    reader.let.set()
    assert await reader.take(file("bad"), file("a")) == []
    assert sorted(reader.said) == [("a", True), ("bad", False)]
    assert reader.kept == ["a"]


async def test_two_are_read_at_the_same_time_and_no_more(reader: Reader) -> None:
    task = reader.take(*(file(str(n)) for n in range(9)))
    await reader.has_begun(2)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(reader.begun) == 2
    reader.let.set()
    assert await task == []
    assert len(reader.begun) == 9


async def test_at_the_end_of_the_server_nothing_is_left_running(reader: Reader) -> None:
    task = reader.take(file("a"))
    await reader.has_begun(1)
    await reader.taking_in.close()
    assert reader.ended == ["a"]
    assert await task == []
    assert reader.said == [("a", False)]
    assert reader.kept == []
