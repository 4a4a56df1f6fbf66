"""The processes that read: no file keeps the app waiting, harms the next one, or learns what the app knows."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from assistant.retrieval import extract
from assistant.retrieval.extract import LIMITS, Limits, Reader
from datalayer.passages import FileText
from tests.papers import pdfs


@pytest.fixture
async def one() -> AsyncIterator[Reader]:
    """One file at a time."""
    made = Reader(workers=1)
    yield made
    await made.close()


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A file whose reading goes on until somebody writes it."""
    os.mkfifo(tmp_path / "endless")
    return tmp_path / "endless"


def text(path: Path, said: str = "said") -> Path:
    path.write_text(said)
    return path


def words(of: FileText) -> list[str]:
    return [passage.text for passage in of.passages]


def children() -> set[int]:
    """Processes that read for this one."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"extract.worker" in (path / "cmdline").read_bytes():
                found.add(int(path.name))
        except OSError:
            continue
    return found


def environment(process: int) -> bytes:
    return Path(f"/proc/{process}/environ").read_bytes()


def opened(path: Path) -> bool:
    """Whether somebody reads this pipe. It stays open, and says nothing."""
    try:
        os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    return True


async def until(holds: Callable[[], object]) -> None:
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_one_process_reads_one_file_after_the_other(one: Reader, tmp_path: Path) -> None:
    assert words(await one.read(text(tmp_path / "a"), "a.txt", None)) == ["said"]
    first = children()
    assert words(await one.read(text(tmp_path / "a", "more"), "a.txt", None)) == ["more"]
    assert (len(first), children()) == (1, first)
    await one.close()
    assert children() == set()


async def test_many_at_once_share_few_processes(tmp_path: Path) -> None:
    reader = Reader(workers=2)
    paths = [text(tmp_path / str(number), str(number)) for number in range(20)]
    read = await asyncio.gather(*(reader.read(path, "a.txt", None) for path in paths))
    assert [words(each) for each in read] == [[str(number)] for number in range(20)]
    assert len(children()) <= 2
    await reader.close()


async def test_a_process_that_has_nothing_to_do_ends(tmp_path: Path) -> None:
    reader = Reader(idle=0)
    assert words(await reader.read(text(tmp_path / "a"), "a.txt", None)) == ["said"]
    await until(lambda: not children())
    assert words(await reader.read(text(tmp_path / "a"), "a.txt", None)) == ["said"]
    await reader.close()


async def test_what_takes_too_long_is_refused(endless: Path, tmp_path: Path) -> None:
    reader = Reader(Limits(seconds=0.2), workers=1)
    read = await reader.read(endless, "a.txt", None)
    assert (read.refused, read.passages) == ("too_slow", ())
    await until(lambda: not children())
    await reader.close()
    patient = Reader(workers=1)
    assert words(await patient.read(text(tmp_path / "a"), "a.txt", None)) == ["said"]
    await patient.close()


async def test_what_was_read_in_time_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 900_000)
    reader = Reader(Limits(seconds=0.4))
    read = await reader.read(path, "a.csv", None)
    await reader.close()
    assert (read.refused, read.cut) in ((None, True), ("too_slow", False))
    assert bool(read.passages) == read.cut


async def test_a_caller_who_is_cancelled_ends_the_reading(one: Reader, endless: Path, tmp_path: Path) -> None:
    reading = asyncio.create_task(one.read(endless, "a.txt", None))
    await until(children)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await until(lambda: not children())
    assert words(await one.read(text(tmp_path / "a"), "a.txt", None)) == ["said"]


@pytest.mark.parametrize(
    ("sent", "reason"), [(signal.SIGSEGV, "broken"), (signal.SIGKILL, "broken"), (signal.SIGABRT, "too_large")]
)
async def test_a_file_that_ends_its_process_is_refused_and_the_next_is_read(
    one: Reader, endless: Path, tmp_path: Path, sent: signal.Signals, reason: str
) -> None:
    await one.read(text(tmp_path / "a"), "a.txt", None)
    reading = asyncio.create_task(one.read(endless, "a.txt", None))
    (process,) = children()
    await until(lambda: opened(endless))
    os.kill(process, sent)
    assert (await reading).refused == reason
    assert words(await one.read(text(tmp_path / "a"), "a.txt", None)) == ["said"]


async def test_a_process_that_died_while_it_waited_is_replaced(one: Reader, tmp_path: Path) -> None:
    await one.read(text(tmp_path / "a"), "a.txt", None)
    (process,) = children()
    os.kill(process, signal.SIGKILL)
    await until(lambda: not children())
    await asyncio.sleep(0)
    assert words(await one.read(text(tmp_path / "a"), "a.txt", None)) == ["said"]


async def test_a_file_that_is_gone_is_refused(one: Reader, tmp_path: Path) -> None:
    assert (await one.read(tmp_path / "none", "a.txt", None)).refused == "broken"
    assert (await one.read(tmp_path, "a.txt", None)).refused == "broken"


async def test_the_process_knows_no_secret_writes_no_file_and_has_its_memory_bounded(
    one: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "a secret")
    await one.read(text(tmp_path / "a"), "a.txt", None)
    (process,) = children()
    assert b"secret" not in environment(process)
    assert resource.prlimit(process, resource.RLIMIT_FSIZE) == (0, 0)
    assert resource.prlimit(process, resource.RLIMIT_AS) == (LIMITS.memory, LIMITS.memory)
    assert LIMITS.memory == 512 * 1024 * 1024


async def test_the_event_loop_goes_on_while_a_book_of_500_pages_is_read(one: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdfs.written([f"# {n}\n" + "Il était une fois. " * 20 for n in range(500)]))
    reading = asyncio.create_task(one.read(path, "a.pdf", None))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    read = await reading
    assert (read.pages, len({passage.place.pages for passage in read.passages}), read.cut) == (500, 500, False)
    assert turns > 500


def test_the_reader_of_an_event_loop_is_its_own(tmp_path: Path) -> None:
    path = text(tmp_path / "a")

    async def twice() -> list[list[str]]:
        read = await asyncio.gather(*(extract.read(path, "a.txt", None) for _ in range(2)))
        await extract.close()
        return [words(each) for each in read]

    assert asyncio.run(twice()) == asyncio.run(twice()) == [["said"], ["said"]]
    assert children() == set()


async def test_where_no_process_starts_nothing_is_said_of_the_file(
    one: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setattr("sys.executable", str(tmp_path / "none"))
        with pytest.raises(OSError, match="none"):
            await one.read(text(tmp_path / "a.txt"), "a.txt", None)
    assert words(await one.read(tmp_path / "a.txt", "a.txt", None)) == ["said"]
