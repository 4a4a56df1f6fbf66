"""The files of a folder, and a file alone. Links are not followed: they may lead anywhere."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from ..origins.reasons import Why, why_of
from . import zips
from .limits import Limits
from .members import Found, Member, is_junk


def add(path: Path, found: Found, unpacked: zips.Unpacked, stack: ExitStack) -> None:
    """Those of ``path``, a folder, a ZIP or another file. Raises OSError for one that cannot be read."""
    if not path.is_dir():
        return _add_file(path, path.name, "", found, unpacked, stack)
    for each in _walk(path, found, unpacked.limits):
        name = each.relative_to(path).as_posix()
        if len(found.members) >= unpacked.limits.members:
            return found.tell(path.name, Why("many_files", most=unpacked.limits.members))
        try:
            _add_file(each, name, f"{name}/", found, unpacked, stack)
        except OSError as error:
            found.tell(name, why_of(error))


def _add_file(path: Path, name: str, prefix: str, found: Found, unpacked: zips.Unpacked, stack: ExitStack) -> None:
    with _open(path) as file:
        start, size = file.read(4), os.fstat(file.fileno()).st_size
    if zips.is_zip(start):
        zips.add(path, prefix, found, unpacked, stack)
    else:
        found.members[name] = Member(name, size, _opener(path), path)


def _walk(path: Path, found: Found, limits: Limits) -> Iterator[Path]:
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            each = Path(folder, name)
            inside = each.relative_to(path).as_posix()
            if is_junk(inside):
                continue
            if each.is_symlink() or not each.is_file():
                found.tell(inside, Why("left_out", why=Why("no_file")))
            else:
                yield each


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: _open(path)


def member(path: Path) -> Member:
    """The file at ``path`` alone. Raises OSError."""
    return Member(path.name, path.stat().st_size, _opener(path), path)


def _open(path: Path) -> IO[bytes]:
    """Raises OSError, also for what is no file: to open a pipe would wait for ever."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(f"{path.name} is no file")
    return file
