"""What retention removes, in files that anybody can read: JSON lines in gzip, one file or more a user and day.

``<folder>/<user id>/<2026-11-28>.<number>.jsonl.gz``; a file is complete or absent, and is never changed. Its lines:

1. ``{"format": "datalayer.archive", "version": 1, "at": …, "user": {"id": …, "identifier": …}, "schema": "0010"}``
2. of each thread ``{"removed": "thread" or "messages", "thread": its id, "digest": …}``, and then
3. ``{"table": "threads", "row": {…}}``, and so on for all rows of ``steps``, ``elements``, ``feedbacks``, ``summaries``
   that go, as docs/data-model.md has them; of a thread that only loses messages its own row comes along, too;
4. the contents of its files, ``{"content": SHA-256, "part": 0, "base64": …}``, in parts of 1 MB; once in a file, and
   ``"base64": null`` for one that is lost.

What was changed between the archive and the removal is not removed; the file has it all the same.
"""

import base64
import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from .blobs import Blobs
from .durable import make_folder, sync
from .errors import InvalidInput
from .records import to_iso
from .schema import HEAD
from .sql.archiving import Rows, line

_PART = 1 << 20
NOBODY = "nobody"
"""The folder of threads without author."""


@dataclass(frozen=True, slots=True)
class Part:
    """A thread, or messages of it."""

    thread_id: str
    rows: Rows
    digest: str
    whole: bool

    @property
    def contents(self) -> list[str]:
        return [row["blob"] for table, row in self.rows if table == "elements" and row["blob"]]


def write(
    folder: Path, user: Mapping[str, str | None], parts: Sequence[Part], blobs: Blobs, names: Mapping[str, str], at: int
) -> Path:
    """Returns the new file when it survives a power cut. ``names``: of the blob of each content. Blocks. Raises
    OSError, StoreUnavailable."""
    place = folder / (user["id"] or NOBODY)
    make_folder(place, 0o700)
    day = datetime.fromtimestamp(at / 1e6, UTC).date().isoformat()
    path = next(path for n in count(1) if not (path := place / f"{day}.{n}.jsonl.gz").exists())
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file) as packed:
            for each in _lines(user, parts, blobs, names, at):
                packed.write(each.encode() + b"\n")
        sync(temporary)
        os.replace(temporary, path)
        sync(place)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _lines(
    user: Mapping[str, str | None], parts: Sequence[Part], blobs: Blobs, names: Mapping[str, str], at: int
) -> Iterator[str]:
    head = {"format": "datalayer.archive", "version": 1, "at": to_iso(at), "user": dict(user), "schema": HEAD}
    yield json.dumps(head)
    written: set[str] = set()
    for part in parts:
        kind = "thread" if part.whole else "messages"
        yield json.dumps({"removed": kind, "thread": part.thread_id, "digest": part.digest})
        for table, row in part.rows:
            yield line(table, row)
        for sha256 in part.contents:
            if sha256 not in written:
                written.add(sha256)
                yield from _content(sha256, blobs, names.get(sha256))


def _content(sha256: str, blobs: Blobs, name: str | None) -> Iterator[str]:
    try:
        if name is None:
            raise FileNotFoundError
        with blobs.open(name) as stream:
            for number in count():
                if not (piece := stream.read(_PART)) and number:
                    return
                yield json.dumps({"content": sha256, "part": number, "base64": base64.b64encode(piece).decode()})
    except FileNotFoundError:
        yield json.dumps({"content": sha256, "part": 0, "base64": None})


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines after the first. Blocks. Raises InvalidInput for what is no archive of this version, OSError."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        head = json.loads(next(lines, "{}"))
        if (head.get("format"), head.get("version")) != ("datalayer.archive", 1):
            raise InvalidInput("This is no archive that this version can read")
        yield from map(json.loads, lines)


def files(folder: Path) -> Iterable[Path]:
    """All archives in a folder, by user and day."""
    return sorted(folder.glob("*/*.jsonl.gz"), key=_place)


def _place(path: Path) -> tuple[str, str, int]:
    day, number, *_ = path.name.split(".")
    return path.parent.name, day, int(number)
