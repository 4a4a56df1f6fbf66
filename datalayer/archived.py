"""An archive read for what it has: each removal with its rows and the contents of its files, and what cannot be read.

Always true: what is damaged is told with its line, and costs what stands in that line and no other.
"""

import base64
import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import InvalidInput
from .schema import HEAD, elements, feedbacks, steps, summaries, threads
from .sql.archiving import Rows


@dataclass(slots=True)
class Entry:
    """What one removal has archived, as it stands in a file."""

    line: int
    """Where it begins; the first line of the file is 1."""
    user: dict[str, Any]
    thread_id: str
    digest: str
    whole: bool
    rows: Rows = field(default_factory=list)
    contents: dict[str, Path | None] = field(default_factory=dict)
    """All contents of the file up to here, by their SHA-256; None: lost, or damaged."""
    damaged: bool = False
    """A line of it could not be read. The summary is not among ``rows`` then: it may tell of what is missing."""

    @property
    def wanted(self) -> list[str]:
        """The contents of its files."""
        return [row["blob"] for table, row in self.rows if table == "elements" and row.get("blob")]


@dataclass(frozen=True, slots=True)
class Damage:
    line: int
    why: str


def entries(path: Path, folder: Path) -> Iterator[Entry | Damage]:
    """What a file has, in its order, and what of it cannot be read. Contents are put into ``folder``, which is empty.
    Blocks. Raises InvalidInput for what is no archive of this version, OSError."""
    return _Reader(folder).read(path)


class _Reader:
    def __init__(self, folder: Path) -> None:
        self._folder, self._contents, self._parts = folder, {}, {}  # type: ignore[var-annotated]
        self._entry: Entry | None = None
        self._user: dict[str, Any] = {}

    def read(self, path: Path) -> Iterator[Entry | Damage]:
        number = 0
        with gzip.open(path, "rb") as lines:
            while True:
                try:
                    text = lines.readline()
                except (EOFError, OSError, zlib.error):
                    if not number:
                        raise InvalidInput(f"{path} is no archive that this version can read") from None
                    yield Damage(number + 1, "the file is damaged or cut off here; nothing after it can be read")
                    text = b""
                if not text:
                    break
                number += 1
                try:
                    found = self._take(number, json.loads(text), path)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    yield Damage(number, f"this line cannot be read: {error}")
                    if self._entry:
                        self._entry.damaged = True
                else:
                    if found:
                        yield self._whole(found)
        if number and self._entry:
            yield self._whole(self._entry)
        if not number:
            raise InvalidInput(f"{path} is no archive that this version can read")

    def _take(self, number: int, given: dict[str, Any], path: Path) -> Entry | None:
        """The entry before, where another begins. Raises ValueError, KeyError, TypeError, AttributeError."""
        if number == 1:
            if (given.get("format"), given.get("version")) != ("datalayer.archive", 1) or given["schema"] > HEAD:
                raise InvalidInput(f"{path} is no archive that this version can read")
            self._user = dict(given["user"])
        elif "removed" in given:
            before, thread, kind = self._entry, given["thread"], given["removed"]
            if kind not in ("thread", "messages") or not (isinstance(thread, str) and isinstance(given["digest"], str)):
                raise ValueError("it says neither what was removed nor of which conversation")
            self._entry = Entry(number, self._user, thread, given["digest"], kind == "thread")
            return before
        elif "content" in given:
            self._content(str(given["content"]), given["part"], given["base64"])
        elif self._entry is None:
            raise ValueError("it belongs to no conversation")
        else:
            self._entry.rows.append((given["table"], _row(self._entry, given["table"], given["row"])))
        return None

    def _content(self, sha256: str, part: int, base64_: str | None) -> None:
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise ValueError("this names no file")
        self._contents.setdefault(sha256, None)
        if base64_ is None or part != self._parts.get(sha256, 0):
            return  # of what lacks a part the digest is wrong
        self._parts[sha256] = part + 1
        with (self._folder / sha256).open("ab") as file:
            file.write(base64.b64decode(base64_, validate=True))

    def _whole(self, entry: Entry) -> Entry:
        for sha256 in self._parts:
            path = self._folder / sha256
            if self._contents[sha256] is None and path.exists():
                with path.open("rb") as file:
                    is_it = hashlib.file_digest(file, "sha256").hexdigest() == sha256
                self._contents[sha256] = path if is_it else None
        entry.contents = dict(self._contents)
        if entry.damaged:
            entry.rows = [each for each in entry.rows if each[0] != "summaries"]
        return entry


_TABLES = {table.name: table for table in (threads, steps, elements, feedbacks, summaries)}


def _row(entry: Entry, name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Raises ValueError, KeyError, TypeError for one that cannot be of this thread."""
    table = _TABLES[name]
    if name == threads.name and row["id"] != entry.thread_id:
        raise ValueError("it is of another conversation")
    if "thread_id" in table.c and row["thread_id"] != entry.thread_id:
        raise ValueError("it is of another conversation")
    needed = (c.name for c in table.c if not c.nullable and c.default is None and c.server_default is None)
    if missing := [key for key in needed if key != "seq" and row.get(key) is None]:
        raise ValueError(f"it lacks {', '.join(missing)}")
    return dict(row)
