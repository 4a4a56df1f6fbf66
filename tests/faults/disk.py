"""A disk that loses its power: what a process asked the system for, and what of it a cut could leave.

``record`` runs a process under strace and notes each change below a folder. ``Disk`` takes the notes one by one and
tells, at any moment, a state that the folder could be in after a cut: all that fsync promised, and any part of the
rest. The model is the strict one of POSIX (as ALICE's, https://research.cs.wisc.edu/adsl/Publications/alice-osdi14.pdf):
content counts after fsync of the file, a name after fsync of its folder, and unsynced writes reach the disk in any
order, in part, cut at sectors, or as a longer file full of zeros. An index of SQLite's log (``-shm``) is left out: it
is memory, and is made anew.
"""

import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.processes import environment

SECTOR = 512
_CALLS = (
    "open,openat,creat,close,dup,dup2,dup3,fcntl,lseek,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,"
    "fallocate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,"
    "sendfile,copy_file_range"
)
_LINE = re.compile(rb"(\d+) +(?:<\.\.\. (\w+) resumed>)?(.*)", re.DOTALL)
_WHOLE = re.compile(rb"(\w+)\((.*)\) += (-?\d+)(?: .*)?\n?$", re.DOTALL)
_TEXT = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that succeeded. ``begun``, ``ended``: its place among all. ``texts``: its strings, decoded."""

    begun: int
    ended: int
    name: str
    arguments: bytes
    texts: list[bytes]
    result: int

    def number(self, position: int) -> int:
        """The argument at ``position``, for calls whose arguments before it are no strings with commas."""
        found = re.match(rb"\[?(-?\d+)", self.arguments.split(b", ")[position])
        assert found is not None, self
        return int(found[1])


def record(code: str, *args: str, log: Path) -> int:
    """Runs Python ``code`` under strace until it ends; the calls are in ``log``. Returns its exit code."""
    tracer = ["strace", "-f", "-qq", "-xx", "-s", "100000000", "--seccomp-bpf", "-e", f"trace={_CALLS}", "-o", str(log)]
    process = subprocess.run(
        [*tracer, sys.executable, "-c", code, *args], env=environment({}), stdout=subprocess.DEVNULL, timeout=240
    )
    return process.returncode


def calls(log: Path) -> Iterator[Call]:
    """The calls of a log in the order in which they ended; those that failed, or never ended, are left out."""
    begun: dict[bytes, tuple[int, bytes]] = {}
    with log.open("rb") as lines:
        for place, line in enumerate(lines):
            found = _LINE.match(line)
            if found is None:
                continue
            thread, resumed, rest = found.groups()
            if b"<unfinished ...>" in rest:
                head = rest.replace(b"<unfinished ...>", b"").rstrip()
                begun[thread] = place, head
                if head.startswith(b"close("):  # the number is free again from here on
                    yield Call(place, place, "close", head.removeprefix(b"close("), [], 0)
                continue
            start, head = begun.pop(thread, (place, b"")) if resumed else (place, b"")
            whole = _WHOLE.match(head + rest.lstrip())
            if whole is None or int(whole[3]) < 0 or (resumed and whole[1] == b"close"):
                continue
            texts = [bytes.fromhex(text.replace(b"\\x", b"").decode()) for text in _TEXT.findall(whole[2])]
            plain = _TEXT.sub(b'""', whole[2])
            yield Call(start, place, whole[1].decode(), plain, texts, int(whole[3]))


@dataclass(slots=True, eq=False)
class _Node:
    """A file or a folder: as it is now, and what of it is sure to survive a cut. ``pending``: changes of a file's
    content that are not, each with its place among the calls."""

    folder: bool = False
    content: bytearray = field(default_factory=bytearray)
    sure: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, int, bytes | None]] = field(default_factory=list)
    entries: dict[str, "_Node"] = field(default_factory=dict)
    sure_entries: dict[str, "_Node"] = field(default_factory=dict)

    def change(self, place: int, at: int, data: bytes | None) -> None:
        """``data`` None: the file ends ``at`` this byte from now on."""
        _apply(self.content, at, data)
        self.pending.append((place, at, data))

    def sync(self, before: int) -> None:
        for place, at, data in self.pending:
            if place < before:
                _apply(self.sure, at, data)
        self.pending = [change for change in self.pending if change[0] >= before]


@dataclass(frozen=True, slots=True)
class _Naming:
    """A change of names, done as one: (folder, name, what has the name now or None)."""

    place: int
    changes: tuple[tuple[_Node, str, _Node | None], ...]


@dataclass(slots=True, eq=False)
class _Open:
    node: _Node
    path: str
    position: int = 0
    append: bool = False


def _apply(content: bytearray, at: int, data: bytes | None) -> None:
    if data is None:
        del content[at:]
        content.extend(bytes(at - len(content)))
    else:
        content.extend(bytes(max(0, at - len(content))))
        content[at : at + len(data)] = data


def _set(entries: dict[str, _Node], name: str, node: _Node | None) -> None:
    if node is None:
        entries.pop(name, None)
    else:
        entries[name] = node


class Disk:
    """The folder ``root``, empty at first. ``said``: what the processes wrote to their standard output so far."""

    def __init__(self, root: Path) -> None:
        self._prefix = str(root)
        self._root = _Node(folder=True)
        self._namings: list[_Naming] = []
        self._files: dict[int, _Open] = {}
        self._start = self._place = 0
        self.said = b""

    def new_process(self) -> None:
        """What comes is another process's."""
        self._files.clear()
        self._start = self._place + 1

    def take(self, call: Call) -> bool:
        """Takes in a call; whether it changed anything here, or said something."""
        self._place = self._start + call.ended
        handler = getattr(self, f"_on_{call.name}", None)
        return bool(handler and handler(call))

    # Files by number

    def _on_openat(self, call: Call) -> bool:
        path = self._below(call, 0)
        if path is None:
            return False
        node, flags = self._find(path), call.arguments
        if node is None:
            node = self._name(path, _Node())
        elif b"O_TRUNC" in flags and node.content:
            node.change(self._place, 0, None)
        self._files[call.result] = _Open(node, path, append=b"O_APPEND" in flags)
        return b"O_CREAT" in flags or b"O_TRUNC" in flags

    def _on_close(self, call: Call) -> bool:
        self._files.pop(call.number(0), None)
        return False

    def _on_dup(self, call: Call) -> bool:
        _set_open(self._files, call.result, self._files.get(call.number(0)))
        return False

    _on_dup2 = _on_dup3 = _on_dup

    def _on_fcntl(self, call: Call) -> bool:
        return b"F_DUPFD" in call.arguments and self._on_dup(call)

    def _on_lseek(self, call: Call) -> bool:
        if (file := self._files.get(call.number(0))) is not None:
            file.position = call.result
        return False

    def _on_write(self, call: Call) -> bool:
        number, data = call.number(0), b"".join(call.texts)[: call.result]
        if number == 1:
            self.said += data
            return True
        if (file := self._files.get(number)) is None:
            return False
        at = len(file.node.content) if file.append else file.position
        file.node.change(self._place, at, data)
        file.position = at + len(data)
        return True

    _on_writev = _on_write

    def _on_pwrite64(self, call: Call) -> bool:
        if (file := self._files.get(call.number(0))) is None:
            return False
        at = int(call.arguments.rsplit(b", ", 1)[1])
        file.node.change(self._place, at, b"".join(call.texts)[: call.result])
        return True

    def _on_sendfile(self, call: Call) -> bool:
        target, source = self._files.get(call.number(0)), self._files.get(call.number(1))
        if target is None:
            return False
        assert source is not None, "content comes from a file that is not watched"
        at = call.number(2)
        target.node.change(self._place, target.position, bytes(source.node.content[at : at + call.result]))
        target.position += call.result
        return True

    def _on_ftruncate(self, call: Call) -> bool:
        if (file := self._files.get(call.number(0))) is None:
            return False
        file.node.change(self._place, call.number(1), None)
        return True

    def _on_fsync(self, call: Call) -> bool:
        if (file := self._files.get(call.number(0))) is None:
            return False
        before = self._start + call.begun
        if file.node.folder:
            self._sync_folder(file.node, before)
        else:
            file.node.sync(before)
        return True

    _on_fdatasync = _on_fsync

    def _sync_folder(self, folder: _Node, before: int) -> None:
        left = []
        for naming in self._namings:
            if naming.place < before and any(folder is each for each, _, _ in naming.changes):
                for each, name, node in naming.changes:
                    _set(each.sure_entries, name, node)
            else:
                left.append(naming)
        self._namings = left

    def _unknown(self, call: Call) -> bool:
        assert self._files.get(call.number(0)) is None, f"{call.name} is not understood here"
        return False

    _on_pwritev = _on_pwritev2 = _on_fallocate = _on_copy_file_range = _unknown

    # Names

    def _below(self, call: Call, which: int, number: bytes = b"") -> str | None:
        """The path below the root that string ``which`` of the call means, "" for the root itself; None: another."""
        path = os.fsdecode(call.texts[which])
        if not path.startswith("/"):
            given = number or call.arguments.split(b", ")[0]
            base = self._files.get(int(given)) if given.isdigit() else None
            if base is None:
                return None
            path = f"{self._prefix}/{base.path}/{path}"
        path = os.path.normpath(path)
        if path != self._prefix and not path.startswith(self._prefix + "/"):
            return None
        return None if path.endswith("-shm") else path[len(self._prefix) + 1 :]

    def _find(self, path: str) -> _Node | None:
        node: _Node | None = self._root
        for part in filter(None, path.split("/")):
            node = node and node.entries.get(part)
        return node

    def _name(self, path: str, node: _Node, source: str | None = None) -> _Node:
        changes = [self._change(path, node)]
        if source is not None:
            changes.append(self._change(source, None))
        self._do(tuple(changes))
        return node

    def _change(self, path: str, node: _Node | None) -> tuple[_Node, str, _Node | None]:
        folder, _, name = path.rpartition("/")
        parent = self._find(folder)
        assert parent is not None, path
        return parent, name, node

    def _do(self, changes: tuple[tuple[_Node, str, _Node | None], ...]) -> None:
        for folder, name, node in changes:
            _set(folder.entries, name, node)
        self._namings.append(_Naming(self._place, changes))

    def _on_mkdir(self, call: Call) -> bool:
        if not (path := self._below(call, 0)):
            return False
        self._name(path, _Node(folder=True))
        return True

    _on_mkdirat = _on_mkdir

    def _on_unlink(self, call: Call) -> bool:
        if (path := self._below(call, 0)) is None:
            return False
        self._do((self._change(path, None),))
        return True

    _on_unlinkat = _on_rmdir = _on_unlink

    def _on_rename(self, call: Call) -> bool:
        numbers = [part for part in call.arguments.split(b", ") if part != b'""']
        source = self._below(call, 0, *numbers[:1])
        target = self._below(call, 1, *numbers[1:2])
        if source is None or target is None:
            return False
        node = self._find(source)
        assert node is not None, source
        self._name(target, node, source)
        return True

    _on_renameat = _on_renameat2 = _on_rename
    _on_link = _on_linkat = _unknown

    # The cut

    def cut(self, draw: random.Random) -> dict[str, bytes | None]:
        """A state that a cut now could leave: path below the root -> content, None for a folder."""
        chance = draw.choice((0.0, 0.5, 0.5, 0.9, 1.0))
        entries: dict[_Node, dict[str, _Node]] = {}
        for naming in self._namings:
            if draw.random() < chance:
                for folder, name, node in naming.changes:
                    _set(entries.setdefault(folder, dict(folder.sure_entries)), name, node)
        found: dict[str, bytes | None] = {}
        waiting = [("", self._root)]
        while waiting:
            path, node = waiting.pop()
            if not node.folder:
                found[path] = _left_of(node, draw, chance)
                continue
            if path:
                found[path] = None
            inside = entries.get(node, node.sure_entries)
            waiting += [(f"{path}/{name}".lstrip("/"), each) for name, each in inside.items()]
        return found


def _set_open(files: dict[int, _Open], number: int, file: _Open | None) -> None:
    if file is None:
        files.pop(number, None)
    else:
        files[number] = file


def _left_of(node: _Node, draw: random.Random, chance: float) -> bytes:
    content = bytearray(node.sure)
    for _, at, data in node.pending:
        if draw.random() < chance:
            if data and draw.random() < 0.2:  # torn
                data = data[: draw.randrange(len(data) // SECTOR + 1) * SECTOR]
            _apply(content, at, data)
        elif data and chance and draw.random() < 0.3:  # the length came to the disk, the data did not
            content.extend(bytes(max(0, at + len(data) - len(content))))
    return bytes(content)


def lay_out(state: dict[str, bytes | None], folder: Path) -> None:
    """Makes ``folder`` hold ``state``."""
    folder.mkdir(parents=True)
    for name, content in state.items():
        path = folder / name
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)
