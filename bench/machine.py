"""What a run was made on."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

from . import databases

_PACKAGES = ("chainlit", "sqlalchemy", "aiosqlite", "asyncpg")


async def described(folder: Path) -> list[str]:
    """Lines of Markdown. ``folder``: is on the disk that was measured."""
    servers = [await databases.version(name) for name in (databases.POSTGRES, databases.MYSQL)]
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return [
        f"- {_processor()}, {os.cpu_count()} cores, {_memory():.0f} GB of memory, {_disk(folder)}; {_system()}",
        f"- Threadkeep {_ours()}; Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}",
        f"- PostgreSQL: {servers[0] or 'none'}; MariaDB or MySQL: {servers[1] or 'none'}",
    ]


def _read(path: str) -> str:
    """ "" where there is no such file, as on macOS."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _processor() -> str:
    named = [line.split(":", 1)[1].strip() for line in _read("/proc/cpuinfo").splitlines() if "model name" in line]
    return named[0] if named else platform.processor() or platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9


def _disk(folder: Path) -> str:
    """A virtual one says that it turns, whatever it is on."""
    device = os.stat(folder).st_dev
    block = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve()
    turning = _read(f"{block}/queue/rotational") or _read(f"{block.parent}/queue/rotational")
    kind = {"0": "a disk without turning parts", "1": "a disk that turns"}.get(turning.strip(), "a disk")
    kind = "a virtual disk" if "virtio" in str(block) or block.name.startswith(("vd", "xvd")) else kind
    mounts = (line.split() for line in _read("/proc/mounts").splitlines())
    inside = [(len(at), system) for _, at, system, *_ in mounts if folder.resolve().is_relative_to(at)]
    return f"{kind}, {max(inside)[1]}" if inside else kind


def _system() -> str:
    named = [line.split("=", 1)[1].strip('"') for line in _read("/etc/os-release").splitlines() if "PRETTY" in line]
    return f"{named[0] if named else platform.system()}, kernel {platform.release()}"


def _ours() -> str:
    pyproject = _read(str(Path(__file__).parents[1] / "pyproject.toml"))
    return next(line.split('"')[1] for line in pyproject.splitlines() if line.startswith("version"))
