"""Real clusters on this machine take minutes, so they run only when they are named: `make cluster`."""

import shutil
from pathlib import Path

import pytest

from tests.servers.process import PATH

_PROGRAMS = {
    "mariadbd": "mariadb-server",
    "rsync": "rsync",
    "patroni": "patroni",
    "etcd": "etcd-server",
    "redis-server": "redis-server",
}
_FILES = {
    "/usr/lib/galera/libgalera_smm.so": "galera-4",
    "/usr/lib/postgresql": "postgresql",
}


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if any("tests/clusters" in argument for argument in config.args) else True


def pytest_report_header() -> str | None:
    absent = [package for name, package in _PROGRAMS.items() if not shutil.which(name, path=PATH)]
    absent += [package for name, package in _FILES.items() if not Path(name).exists()]
    return f"missing, their tests are skipped: apt install {' '.join(absent)}" if absent else None
