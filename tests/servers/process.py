"""A real server of the tests' own: a process in a session of its own, with a port and a folder, which they stop, kill,
freeze and start again. What is ended is what was started here, by its pid, also when a test fails."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import missing

PATIENCE = 120.0
"""Seconds for a server to be ready, or to end: far more than any needs."""
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
"""Where servers are looked for: Debian keeps some off the path of users."""
_libc = ctypes.CDLL(None)


def program(name: str, package: str) -> str:
    """The path of a program. Skips, or fails, the test where Debian's `package` is missing."""
    found = shutil.which(name, path=PATH)
    if found is None:
        missing(f"there is no {name} (Debian: apt install {package})", "REQUIRE_SERVICES")
    return str(found)


@cache
def user(name: str) -> str | None:
    """`name` when we are root and may become that user; None: servers run as whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(name)
    except KeyError:
        missing(f"there is no user {name}", "REQUIRE_SERVICES")
    return name


@contextmanager
def private_folder(owner: str | None) -> Iterator[Path]:
    """A folder of `owner`'s. Not one of pytest's: those let nobody but root in. Its path is short, for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="threadkeep-", dir="/tmp"))
    try:
        if owner:
            shutil.chown(folder, owner, owner)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def small_disk(server: "Node", megabytes: int) -> Iterator[Path]:
    """A folder of the server's user on a file system of its own. Skips the test where we may not mount."""
    disk = server.folder / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True).returncode:
        disk.rmdir()
        pytest.skip("a file system of its own needs the right to mount")
    try:
        folder = disk / "data"
        folder.mkdir()
        if server.owner:
            shutil.chown(folder, server.owner, server.owner)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()


def descendants(pid: int) -> list[int]:
    """`pid` and the processes that it and its children started, parents first."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def _parent(pid: str) -> int | None:
    try:
        return int(Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):  # it has ended meanwhile
        return None


def _runs(pid: int) -> bool:
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def signal_tree(pid: int, number: signal.Signals) -> None:
    for each in descendants(pid):
        try:
            os.kill(each, number)
        except ProcessLookupError:
            continue


def wait_until(condition: Callable[[], bool], what: str, alive: Callable[[], bool] = lambda: True) -> None:
    """Returns when `condition` holds. Raises AssertionError when it does not in time, or what it is of has ended."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert alive(), f"{what}: the server has ended"
        assert time.monotonic() < end, f"{what}: not in {PATIENCE:.0f} s"
        time.sleep(0.05)


class Node:
    """A server that stays in the foreground. `owner`: the user it runs as, None: ours. `stopping`: asks it to end."""

    def __init__(
        self, folder: Path, owner: str | None, command: Sequence[str], stopping: signal.Signals = signal.SIGTERM
    ) -> None:
        self.folder, self.owner = folder, owner
        self.log = folder / f"{Path(command[0]).name}.log"
        self._command, self._stopping = [*command], stopping
        self._process: subprocess.Popen[bytes] | None = None

    def ready(self) -> bool:
        """Whether it answers."""
        raise NotImplementedError

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def revive(self) -> None:
        """However it was left: it runs and answers."""
        self.thaw()
        if not self.alive:
            self.spawn()
        self.wait()

    def run(self, *command: str, env: dict[str, str] | None = None) -> str:
        """What a tool says that is run as the server's user. Raises CalledProcessError, with what it said."""
        done = subprocess.run(
            command, cwd=self.folder, user=self.owner, group=self.owner, env=env, capture_output=True, text=True
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout

    def start(self, *options: str) -> None:
        """Returns when it answers. The same port and data each time."""
        self.spawn(*options)
        self.wait()

    def spawn(self, *options: str) -> None:
        """Begins only. From the main thread: the server ends with the thread that started it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, *options],
                cwd=self.folder,
                user=self.owner,
                group=self.owner,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: _libc.prctl(1, signal.SIGKILL),  # also when the tests are killed
            )

    def wait(self) -> None:
        try:
            wait_until(self.ready, self.log.stem, lambda: self.alive)
        except AssertionError as error:
            error.add_note(self.log.read_text(errors="replace")[-4000:])
            raise

    def stop(self) -> None:
        """In good order."""
        if self._process is not None:
            self._process.send_signal(self._stopping)
            self._process.wait(PATIENCE)
            self._process = None

    def kill(self) -> None:
        """As a machine that loses its power: the server and all that it started end at once."""
        if self._process is not None:
            whole = [each for pid in self._pids() for each in descendants(pid)]
            self._signal(signal.SIGKILL)
            self._process.wait(PATIENCE)
            self._process = None
            wait_until(lambda: not any(map(_runs, whole)), "what it had started")

    def freeze(self) -> None:
        """It says nothing, while the system accepts connections for it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _pids(self) -> list[int]:
        """Of the processes that are its own, without those that they have started."""
        return [self._process.pid] if self._process else []

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._pids():
            signal_tree(pid, number)
