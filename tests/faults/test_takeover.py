"""``kill -9`` of one of two processes on a store: what it was told is safe is stored by the other, which goes on."""

import asyncio
import signal
from pathlib import Path

import pytest

from datalayer import DataLayer, takeover
from datalayer.spool import count
from tests.client import until
from tests.conftest import make_step, steps_of
from tests.faults.test_spool import REFUSED, WRITES
from tests.processes import start


async def test_the_spool_of_a_killed_process_is_stored_by_one_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "EVERY", 0.05)
    url, spool = f"sqlite+aiosqlite:///{tmp_path}/threads.db", tmp_path / "spool"
    layer = DataLayer(url, files=tmp_path / "files", spool=spool)
    await layer.create_step(make_step("other", output="mine"))
    child = start(REFUSED, url, str(spool), str(WRITES), cwd=tmp_path)
    assert child.stdout is not None
    assert await asyncio.to_thread(child.stdout.readline) == b"spooled\n"
    assert await asyncio.to_thread(count, spool) == 2 * WRITES + 1
    await asyncio.sleep(0.3)  # several looks, while it lives
    assert await asyncio.to_thread(count, spool) == 2 * WRITES + 1
    child.send_signal(signal.SIGKILL)

    async def stored() -> bool:
        return not await asyncio.to_thread(count, spool)

    await until(stored)
    found = await steps_of(layer, "t")
    assert set(found) == {"first", *(f"s{n}" for n in range(WRITES))}
    assert found["first"]["output"] == f"text {WRITES - 1}"
    await layer.create_step(make_step("other", output="and on"))
    assert len(await steps_of(layer, "other")) == 2
    await layer.close()
