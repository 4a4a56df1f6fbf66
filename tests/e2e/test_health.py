"""What a load balancer and a monitor are told by the real app."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import Model, ask, connected
from tests.faults.test_locked_app import locked
from tests.processes import ROOT, run
from tests.servers.redis import RedisServer

TOKEN = "a token of the operator's"


@pytest.fixture
def app(tmp_path: Path, model: Model) -> Iterator[App]:
    app = App(tmp_path, TEST_PATIENCE="0.3", THREADKEEP_METRICS_TOKEN=TOKEN, **connected(model))
    yield app
    app.close()


async def counted(client: Client) -> dict[str, float]:
    """By name and labels."""
    answer = await client.request("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    samples = [sample for family in families for sample in family.samples]
    return {f"{sample.name}{sorted(sample.labels.values()) or ''}": sample.value for sample in samples}


async def ready(client: Client) -> tuple[int, Any]:
    answer = await client.request("GET", "/health/ready")
    return answer.status_code, answer.json()


READY = {"status": "ready", "database": "answers", "spool": "not needed", "waiting": 0}


async def test_alive_and_ready_without_signing_in(app: App, tabs: Tabs) -> None:
    async with Client(app.alive().url) as stranger:
        answer = await stranger.request("GET", "/health/live")
        assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
        assert await ready(stranger) == (200, READY)
        assert answer.headers["cache-control"] == "no-store"


def test_the_image_sees_the_living_from_the_dead(app: App, tmp_path: Path) -> None:
    """As deploy/Dockerfile asks."""
    check = re.search(r'"-c", "(.*)"\]$', (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    assert check
    port = app.alive().url.rpartition(":")[2]
    assert run(check[1], cwd=tmp_path, env={"CHAINLIT_PORT": port}).returncode == 0
    app.alive().kill()
    assert run(check[1], cwd=tmp_path, env={"CHAINLIT_PORT": port}).returncode != 0


async def test_ready_while_the_spool_takes_what_the_database_does_not(app: App, tabs: Tabs) -> None:
    me = await tabs(app.alive().url)
    await me.send("before")
    spool, moved = app.home / "threads.db.spool", app.home / "aside"
    with locked(app) as other:
        me.http.timeout = 60
        await me.send("meanwhile")
        status, said = await ready(me)
        assert (status, said["status"], said["spool"]) == (200, "ready", "takes writes")
        assert said["waiting"] > 0
        now = await counted(me)
        assert now["threadkeep_store_degraded"] == 1
        assert now["threadkeep_writes_total['spooled']"] > 0
        assert now["threadkeep_writes_waiting"] > 0
        spool.rename(moved)
        assert (await ready(me))[0] == 503
        moved.rename(spool)
        other.kill()

    async def recovered() -> bool:
        return await ready(me) == (200, READY)

    await until(recovered)


async def test_what_is_counted_and_nothing_of_what_was_said(app: App, tabs: Tabs) -> None:
    me = await tabs(app.alive().url)
    before = await counted(me)
    assert before["threadkeep_sessions"] == 1
    await ask(me, "A secret question")
    await me.stored()
    now = await counted(me)
    assert now["threadkeep_writes_total['stored']"] > before["threadkeep_writes_total['stored']"]
    assert now["threadkeep_writes_total['failed']"] == 0
    assert now["threadkeep_reads_total['answered']"] > before["threadkeep_reads_total['answered']"]
    assert now["threadkeep_transaction_seconds_count"] > before["threadkeep_transaction_seconds_count"]
    assert now["threadkeep_turn_seconds_count"] == 1
    assert [key for key in now if key.startswith("threadkeep_calls_total['', 'complete', ") and "'turn'" in key]
    assert {"threadkeep_writes_waiting", "threadkeep_store_degraded"} <= now.keys()  # 0, unless the machine is busy
    assert now["threadkeep_redis_up"] == 0
    headers = {"Authorization": f"Bearer {TOKEN}"}
    page = (await me.request("GET", "/metrics", headers=headers)).text
    assert "secret" not in page
    assert me.thread_id not in page


@pytest.mark.parametrize("given", ["", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer é"])
async def test_only_who_brings_the_token_is_shown_the_counts(app: App, given: str) -> None:
    async with Client(app.alive().url) as stranger:
        headers = {"Authorization": given.encode()} if given else {}
        answer = await stranger.http.get("/metrics", headers=headers)  # type: ignore[arg-type]
        assert answer.status_code == 401
        assert "threadkeep_" not in answer.text


async def test_without_a_token_there_is_no_such_page(http: Client) -> None:
    answer = await http.request("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert "threadkeep_" not in answer.text


@pytest.mark.services
async def test_redis_is_seen_to_go_and_come_back(app: App, tabs: Tabs, tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    redis.start()
    app.env["THREADKEEP_MEMORY_URL"] = redis.url
    me = await tabs(app.alive().url, connect=False)
    assert (await counted(me))["threadkeep_redis_up"] == 1
    redis.kill()
    assert (await counted(me))["threadkeep_redis_up"] == 0
    redis.start()

    async def up() -> bool:
        return (await counted(me))["threadkeep_redis_up"] == 1

    await until(up)
    redis.kill()
