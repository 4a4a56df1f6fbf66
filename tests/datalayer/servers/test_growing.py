"""docs/growing.md, tried from its text: its commands, with this machine's addresses in them."""

import re
import shlex
from pathlib import Path

import pytest
from sqlalchemy import make_url

from datalayer import DataLayer
from tests.conftest import make_step, steps_of
from tests.processes import ROOT, module, run
from tests.servers import databases

pytestmark = pytest.mark.services
COPIES = re.findall(r"^python -m datalayer (copy .*)$", (ROOT / "docs" / "growing.md").read_text(), re.MULTILINE)
ADDRESS = "postgresql+asyncpg://threadkeep:CHANGE-ME@127.0.0.1/threadkeep"


async def test_there_and_back(tmp_path: Path) -> None:
    there, back = COPIES[0], next(copy for copy in COPIES if copy.endswith("HOME/back.db"))
    server = databases.bare_database("postgres")
    assert make_url(ADDRESS).drivername == make_url(server).drivername
    layer = DataLayer(f"sqlite+aiosqlite:///{tmp_path}/threads.db")
    await layer.create_step(make_step("t", id="s"))
    await layer.close()
    for command in (there, back):
        done = run(
            module("datalayer"),
            *shlex.split(command.replace(ADDRESS, server).replace("HOME", str(tmp_path))),
            cwd=tmp_path,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "are the same on both sides" in done.stdout
    again = DataLayer(f"sqlite+aiosqlite:///{tmp_path}/back.db")
    assert set(await steps_of(again, "t")) == {"s"}
    await again.close()
