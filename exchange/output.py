"""An export into a file: complete or absent. A JSON or JSONL that was cut off is gone on with where it ended.

While it is made it is called ``PATH.part``; how far it has come says ``PATH.part.state``, which is written after what
it tells of is safe on the disk.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from datalayer import InvalidInput, NotFound
from datalayer.durable import make_folder, sync, write_durably
from datalayer.records import now

from .exporting import ahead, export, pulled
from .formats import DOCUMENTS
from .formats.base import About
from .packing import Sheet
from .selection import Selection, Source, batches
from .signing import Signer
from .texts import Language

_OFTEN = 1_000
"""Threads after which it is written down how far the export has come."""
Progress = Callable[[int], None]
"""Is told how many threads have been written."""


@dataclass(frozen=True, slots=True)
class Written:
    path: Path
    threads: int
    bytes: int
    resumed: int
    """Threads that were there already."""


async def write(
    source: Source,
    chosen: Selection,
    name: str,
    path: Path,
    to: Language = "en",
    force: bool = False,
    progress: Progress = lambda _: None,
    store: str = "",
    signer: Signer | None = None,
) -> Written:
    """``name``: of the format; a path that ends with ``.zip`` has the files, too. ``force``: what is there is replaced,
    also what was cut off. ``store``: tells it from others; an export of another one is not gone on with. ``signer``:
    as of ``export``. Raises DataLayerError: InvalidInput for a file that is there, NotFound where there is nothing to
    be exported; OSError."""
    await asyncio.to_thread(_prepare, path, force)
    resumable = name in ("json", "jsonl") and path.suffix != ".zip"
    writing = _resumed if resumable else _anew
    with _opened(path) as file:
        if force or not resumable:
            _forget(path, file)
        try:
            same = {"format": name, "selection": chosen.told(), "store": store, "key": signer and signer.public}
            done = await writing(_Export(source, chosen, same, path, to, progress, signer), file)
        except BaseException:
            if not _state(path).exists():  # nobody can go on with it
                _part(path).unlink(missing_ok=True)
            raise
        await asyncio.to_thread(_finish, path, file, force)
    return done


def _prepare(path: Path, force: bool) -> None:
    if path.exists() and not force:
        raise InvalidInput(f"There is a file at {path}; --force replaces it")
    make_folder(path.absolute().parent)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    part = _part(path)
    with open(os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidInput(f"Another export writes to {path}") from None
        if not part.exists() or os.fstat(file.fileno()).st_ino != part.stat().st_ino:  # it has just ended
            raise InvalidInput(f"Another export has written {path}")
        yield file


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _state(path: Path) -> Path:
    return path.with_name(path.name + ".part.state")


def _forget(path: Path, file: BinaryIO) -> None:
    _state(path).unlink(missing_ok=True)
    file.truncate(0)


@dataclass(frozen=True, slots=True)
class _Export:
    source: Source
    chosen: Selection
    same: dict[str, Any]
    """What must be so of an export that is gone on with."""
    path: Path
    to: Language
    progress: Progress
    signer: Signer | None


async def _anew(this: _Export, file: BinaryIO) -> Written:
    count = 0

    def counted(threads: int) -> None:
        nonlocal count
        this.progress(count := threads)

    packed: Literal["zip", "plain"] = "zip" if this.path.suffix == ".zip" else "plain"
    made = await export(this.source, this.chosen, this.same["format"], this.to, packed, counted, this.signer)
    async for piece in made.pieces:
        file.write(piece)
    return Written(this.path, count, file.tell(), 0)


async def _resumed(this: _Export, file: BinaryIO) -> Written:
    source, path = this.source, this.path
    known = _known(path, file, this.same)
    about = About(known.get("at", now()), this.chosen.told(), this.to, sign=this.signer.sign if this.signer else None)
    before, saved = int(known.get("threads", 0)), 0
    done = before
    sheet = Sheet(DOCUMENTS[this.same["format"]], about, begun=done > 0 and bool(known.get("begun")))
    if not known:
        await _written(file, pulled(source.with_files, sheet.begin()))
    start = file.tell()
    async for batch in ahead(batches(source, this.chosen, known.get("place"))):
        await _written(file, pulled(source.with_files, sheet.add(batch.threads)))
        this.progress(done := done + len(batch.threads))
        if batch.then is not None and done - saved >= _OFTEN:
            saved = done
            state = this.same | {"at": about.at, "threads": done}
            begun = bool(known.get("begun")) or file.tell() > start
            await asyncio.to_thread(_save, path, file, state | {"place": batch.then, "begun": begun})
    if not done:
        raise NotFound("There is no such conversation")
    await _written(file, pulled(source.with_files, sheet.end()))
    return Written(path, done, file.tell(), before)


async def _written(file: BinaryIO, pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        file.write(piece)


def _known(path: Path, file: BinaryIO, same: dict[str, Any]) -> dict[str, Any]:
    """How far it had come; empty: it begins. Raises InvalidInput for what is another export's."""
    state: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        found = json.loads(_state(path).read_bytes())
        state = found if isinstance(found, dict) else {}
    if state and any(state.get(key) != value for key, value in same.items()):
        raise InvalidInput(f"{_part(path)} is the beginning of another export; --force begins anew")
    if not state or file.seek(0, os.SEEK_END) < state["bytes"]:
        state = {}
    file.seek(state.get("bytes", 0))
    file.truncate()
    return state


def _save(path: Path, file: BinaryIO, state: dict[str, Any]) -> None:
    file.flush()
    os.fsync(file.fileno())
    write_durably(_state(path), json.dumps(state | {"bytes": file.tell()}).encode())


def _finish(path: Path, file: BinaryIO, force: bool) -> None:
    """Raises InvalidInput where somebody has put a file there meanwhile."""
    file.flush()
    os.fsync(file.fileno())
    part = _part(path)
    if force:
        os.replace(part, path)
    else:
        try:
            os.link(part, path)
        except FileExistsError:
            raise InvalidInput(f"There is a file at {path} by now; the export is at {part}") from None
        except OSError:  # a file system without hard links
            os.rename(part, path)
        else:
            part.unlink()
    _state(path).unlink(missing_ok=True)
    sync(path.absolute().parent)
