"""A URL that names several hosts of PostgreSQL, one of which takes writes."""

from pathlib import Path

import pytest

from datalayer import DataLayer
from tests.conftest import start_thread, steps_of
from tests.servers import postgres
from tests.servers.postgres import DATABASE, PASSWORD, USER, Postgres

pytestmark = pytest.mark.services


def url_of(*servers: Postgres) -> str:
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in servers)
    return f"postgresql+asyncpg://{USER}:{PASSWORD}@/{DATABASE}?{hosts}&target_session_attrs=read-write"


@pytest.mark.parametrize("how", ["kill", "freeze", "forbid writes"])
async def test_one_that_is_gone_or_mute_or_takes_no_writes_is_passed_over(tmp_path: Path, how: str) -> None:
    with postgres.running() as first, postgres.running() as second:
        if how == "forbid writes":
            first.forbid_writes(DATABASE)
        else:
            getattr(first, how)()
        layer = DataLayer(url_of(first, second), files=tmp_path / "files", spool=tmp_path / "spool")
        message = await start_thread(layer)
        assert list(await steps_of(layer, message["threadId"])) == [message["id"]]
        assert await layer.health() == {"state": "ok", "pending": 0}
        await layer.close()
        assert second.sql("SELECT count(*) FROM steps") == ["1"]
