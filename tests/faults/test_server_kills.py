"""I7: ``kill -9`` of a server under load. Nobody hears of it; all that was told is there, once, in order.

PostgreSQL's and MariaDB's. Every moment is drawn from a seed that a failure prints; ``KILLS_SEED`` repeats one.
"""

import asyncio
import os
import random
from pathlib import Path

import pytest

from datalayer import transaction
from tests.conftest import often
from tests.faults.conftest import Server, ServerCase
from tests.faults.talks import PEOPLE, Talks, assert_kept, stored_everything

pytestmark = pytest.mark.services
SEED = int(os.environ.get("KILLS_SEED") or random.randrange(10**6))
KILLS = often(8, 250)


async def test_kills_of_a_server_under_load(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    print(f"KILLS_SEED={SEED}")
    draw = random.Random(SEED)
    monkeypatch.setattr(transaction, "PATIENCE", 0.3)
    case = ServerCase(server, tmp_path)
    talks = Talks(case.layer)
    running = asyncio.create_task(talks.run())
    for _ in range(KILLS):
        await talks.more(draw.randrange(40))
        server.kill()
        await talks.more(draw.randrange(40))
        server.spawn()
        await asyncio.to_thread(server.wait)
        if draw.random() < 0.7:  # else the next kill may come while it is still behind
            while (await case.layer.health())["pending"] > 4 * PEOPLE:
                await talks.more(1)
        assert not running.done()
    talks.over = True
    await running
    await stored_everything(case.layer)
    assert "degraded" in case.events
    assert "lost" not in case.events
    assert "rejected" not in case.events
    await case.layer.close()
    again = case.open()
    await assert_kept(again, talks.told())
    await again.close()
    assert case.sql("SELECT count(*) FROM steps") == [str(sum(map(len, talks.threads.values())))]
    assert case.sql("SELECT count(*) FROM usage" if case.url.startswith("p") else "SELECT count(*) FROM `usage`") == [
        str(len(talks.spent))
    ]
    assert talks.calls > 20 * KILLS
