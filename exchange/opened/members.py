"""The files of an export, whatever they lie in."""

import io
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from datalayer.text import one_line

from ..origins.base import Problem
from ..origins.places import Place
from ..origins.reasons import Damaged, Why

_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    size: int
    """Bytes, as its ZIP or its folder says."""
    open: Callable[[], IO[bytes]]
    path: Path | None = None
    """Where it lies as a file; None: in a ZIP."""


@dataclass(slots=True)
class Found:
    """What has been found so far."""

    members: dict[str, Member] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def tell(self, place: str, why: Why) -> None:
        self.problems.append(Problem(place_of(place), why, lost=False))


class Told(io.RawIOBase):
    """``read`` as a file. It raises Damaged for what ``read`` raises of ``errors``."""

    def __init__(self, read: Callable[[int], bytes], close: Callable[[], None], errors: tuple[type[Exception], ...]):
        self._read, self._close, self._errors = read, close, errors

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            piece = self._read(len(into))
        except Damaged:
            raise
        except self._errors as error:
            raise Damaged(Why("damaged_end")) from error
        into[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._close()
        super().close()


def shown(name: str) -> str:
    """A name that somebody chose, for a report."""
    line = "".join("�" if unicodedata.category(c) in ("Cf", "Cs", "Co") else c for c in one_line(name[: 2 * _LENGTH]))
    return line if len(line) <= _LENGTH else line[: _LENGTH - 1] + "…"


def place_of(name: str) -> Place:
    return Place(shown(name))


def is_junk(name: str) -> bool:
    """Whether a system has made it, and no product."""
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini")


def refused(name: str) -> Why | None:
    """Why no product would name a file like this; None: it might."""
    parts = name.split("/")
    if "\0" in name:
        return Why("name_nul")
    if name.startswith("/") or (len(parts[0]) > 1 and parts[0][1] == ":" and parts[0][0].isalpha()):
        return Why("name_outside")
    if ".." in parts:
        return Why("name_outside")
    return None
