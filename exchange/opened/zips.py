"""The files of a ZIP, and of the ZIPs in it.

Always true: no file is written under a name that stands in a ZIP; what a file unpacks to is counted while it is read,
and to no more than the ZIP says; one that is damaged, encrypted or refused leaves the others readable.
"""

import copy
import io
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, cast

from ..origins.reasons import Damaged, Why, why_of
from .limits import Limits
from .members import Found, Member, Told, is_junk, refused

_UTF8 = 0x800
_ENCRYPTED = 0x1
_BUFFER = 65_536
# Of bzip2 and LZMA, zipfile unpacks as much as comes at once, and a kilobyte of bzip2 can be gigabytes. No product has
# them.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OSError)


class _Bounded(io.BufferedReader):
    """``zipfile`` reads a table of contents whole, and as long as the ZIP says it is."""

    def __init__(self, raw: io.RawIOBase, most: int) -> None:
        super().__init__(raw)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > self._most:
            raise Damaged(Why("zip_files"))
        return super().read(size)


class Unpacked:
    """Counts what is unpacked of an export, and what of it lies on the disk."""

    def __init__(self, limits: Limits, folder: Callable[[], Path]) -> None:
        self.limits = limits
        self._folder = folder
        self._total = self._kept = self._files = 0

    def count(self, size: int) -> None:
        self._total += size
        if self._total > self.limits.total:
            raise Damaged(Why("export_large"))

    def keep(self, member: Member) -> Path:
        """Its content as a file that goes at the end. Raises OSError."""
        self._files += 1
        path = self._folder() / f"{self._files}"
        with member.open() as source, path.open("xb") as target:
            while piece := source.read(self.limits.chunk):
                self._kept += len(piece)
                if self._kept > self.limits.nested or self._kept > shutil.disk_usage(path.parent).free:
                    target.truncate(0)
                    raise Damaged(Why("large_unpacked"))
                target.write(piece)
        return path


def is_zip(start: bytes) -> bool:
    return start[:4] in (b"PK\3\4", b"PK\5\6")


def add(path: Path, prefix: str, found: Found, unpacked: Unpacked, stack: ExitStack, depth: int = 0) -> None:
    """Those of the ZIP at ``path``, below the name ``prefix``, to ``found``; ``stack`` closes it."""
    place = prefix.rstrip("/") or path.name
    try:
        file = stack.enter_context(_Bounded(io.FileIO(path), unpacked.limits.directory))
        opened = stack.enter_context(zipfile.ZipFile(file))
    except UnicodeDecodeError:
        return found.tell(place, Why("zip_names"))
    except Damaged as error:
        return found.tell(place, error.why)
    except _ERRORS:
        return found.tell(place, Why("zip_damaged"))
    nested = []
    for info, name in _allowed(opened, place, prefix, found, unpacked.limits):
        if len(found.members) >= unpacked.limits.members:
            found.tell(place, Why("many_files", most=unpacked.limits.members))
            break
        member = Member(prefix + name, info.file_size, _opener(opened, info, unpacked))
        if name.lower().endswith(".zip"):
            nested.append(member)
        else:
            found.members[member.name] = member
    for member in nested:
        _add_nested(member, found, unpacked, stack, depth + 1)


def _add_nested(member: Member, found: Found, unpacked: Unpacked, stack: ExitStack, depth: int) -> None:
    if depth > unpacked.limits.depth:
        return found.tell(member.name, Why("zip_deep"))
    try:
        path = unpacked.keep(member)
    except OSError as error:
        return found.tell(member.name, why_of(error))
    add(path, f"{member.name}/", found, unpacked, stack, depth)


def _allowed(
    opened: zipfile.ZipFile, place: str, prefix: str, found: Found, limits: Limits
) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """Those that may be read, with their names."""
    chosen: dict[str, zipfile.ZipInfo] = {}
    overlapping = _overlapping(opened.infolist())
    if count := sum(info.header_offset in overlapping for info in opened.infolist()):
        found.tell(place, Why("overlapping", n=count))
    for info in opened.infolist():
        name = _name(info)
        if info.is_dir() or is_junk(name) or info.header_offset in overlapping:
            continue
        if why := refused(name) or _unreadable(info, limits):
            found.tell(f"{prefix}{name}", Why("left_out", why=why))
        elif name in chosen:
            found.tell(f"{prefix}{name}", Why("name_twice"))
        if not why:
            chosen[name] = info
    return ((info, name) for name, info in sorted(chosen.items()))


def _name(info: zipfile.ZipInfo) -> str:
    """With slashes. What Windows and macOS name without saying how is read as they mean it."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8 and not name.isascii():
        with suppress(UnicodeError):  # macOS's Finder writes UTF-8 and does not say so
            name = name.encode("cp437").decode("utf-8")
    return "/".join(part for part in name.replace("\\", "/").split("/") if part != ".")


def _unreadable(info: zipfile.ZipInfo, limits: Limits) -> Why | None:
    if info.flag_bits & _ENCRYPTED:
        return Why("encrypted")
    if info.compress_type not in _METHODS:
        return Why("packed_oddly")
    if stat.S_ISLNK(info.external_attr >> 16):
        return Why("no_file")
    if info.file_size > _most(info, limits):
        return Why("bomb")
    return None


def _most(info: zipfile.ZipInfo, limits: Limits) -> int:
    return min(max(limits.ratio * info.compress_size, limits.ratio_from), limits.member)


def _overlapping(infos: list[zipfile.ZipInfo]) -> set[int]:
    """Offsets of those in whose content another one begins: a few kilobytes that are the content of a thousand files
    are a bomb."""
    found, end, before = set(), -1, -1
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            found |= {before, info.header_offset}
        if (until := info.header_offset + 30 + info.compress_size) > end:
            end, before = until, info.header_offset
    return found


def _opener(opened: zipfile.ZipFile, info: zipfile.ZipInfo, unpacked: Unpacked) -> Callable[[], IO[bytes]]:
    # zipfile would keep the last piece of a file whose checksum is wrong to itself.
    unchecked = copy.copy(info)
    del unchecked.CRC

    def begin() -> IO[bytes]:
        try:
            source = cast(zipfile.ZipExtFile, opened.open(unchecked))
        except _ERRORS as error:
            raise Damaged(Why("damaged")) from error
        size = checksum = 0

        def read(wanted: int) -> bytes:
            nonlocal size, checksum
            piece = source.read1(wanted)
            size, checksum = size + len(piece), zlib.crc32(piece, checksum)
            if not piece and checksum != info.CRC:
                raise Damaged(Why("damaged_end"))
            unpacked.count(len(piece))
            return piece

        return io.BufferedReader(Told(read, source.close, _ERRORS), _BUFFER)

    return begin
