"""I2, I12: what a mutator returned for is stored, whatever happens to its caller, its process or its neighbours."""

import asyncio

import pytest

from datalayer import DataLayer
from tests.conftest import OpenLayer, make_step, new_id, rows, start_thread, steps_of
from tests.processes import Child, start

# Writes steps to the database in argv[1] until it is killed, ten at a time, and prints each id when its call returned.
_WRITER = """
import asyncio, sys, uuid
from datalayer import DataLayer

async def write(layer, n):
    key = f"{sys.argv[2]}-{n}"
    await layer.create_step({"id": key, "threadId": f"t{n % 7}", "type": "user_message", "output": key})
    print(key, flush=True)

async def main():
    layer, n = DataLayer(sys.argv[1], spool=sys.argv[4]), 0
    while n < int(sys.argv[3]):
        await asyncio.gather(*(write(layer, n + k) for k in range(10)))
        n += 10
    await layer.close()

asyncio.run(main())
"""


def writer(layer: DataLayer, url: str, name: str, count: int) -> Child:
    place = layer.store.place
    return start(_WRITER, url, name, str(count), str(place.spool), cwd=place.files.parent)


def stored(layer: DataLayer) -> set[str]:
    return {key for (key,) in rows(layer, "SELECT id FROM steps")}


class TestCancelledCaller:
    async def test_a_caller_cancelled_in_the_queue_does_not_take_its_write_along(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        calls = [asyncio.create_task(layer.create_step(make_step(message["threadId"]))) for _ in range(20)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED, timeout=0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert len(await steps_of(layer, message["threadId"])) == 21

    async def test_a_reader_cancelled_in_its_query_leaves_the_layer_usable(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        for _ in range(30):
            calls = [asyncio.create_task(layer.get_thread(message["threadId"])) for _ in range(8)]
            await asyncio.wait([asyncio.create_task(layer.get_thread(message["threadId"]))])
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        await layer.update_step(message | {"output": "new"})
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["output"] == "new"


class TestKill:
    @pytest.mark.new_database
    async def test_every_write_that_returned_before_kill_9_is_there(
        self, store_url: str, open_layer: OpenLayer
    ) -> None:
        told: set[str] = set()
        for round_ in range(3):
            layer = open_layer()
            with writer(layer, store_url, f"r{round_}", 1_000_000) as child:
                assert child.stdout is not None
                told |= {child.stdout.readline().decode().strip() for _ in range(30 + 100 * round_)}
                child.kill()
                told |= set(child.stdout.read().decode().split("\n")[:-1])
            await layer.get_thread("t0")
            assert told <= stored(layer)
            if store_url.startswith("sqlite"):
                assert rows(layer, "PRAGMA integrity_check") == [("ok",)]
                assert rows(layer, "PRAGMA foreign_key_check") == []
            await layer.close()
        assert len(told) >= 390


class TestManyWriters:
    @pytest.mark.new_database
    async def test_processes_that_open_a_new_database_at_once_lose_nothing(
        self, store_url: str, layer: DataLayer
    ) -> None:
        children = [writer(layer, store_url, f"p{n}", 200) for n in range(3)]
        assert [await asyncio.to_thread(child.wait, 120) for child in children] == [0, 0, 0]
        await layer.store.open()  # stores what a process could not, at its end, for the others' locks
        assert len(stored(layer)) == 600

    async def test_a_process_and_this_one_write_at_once_and_lose_nothing(
        self, store_url: str, layer: DataLayer
    ) -> None:
        child, mine = writer(layer, store_url, "p", 400), 0
        thread_id = new_id()
        while child.poll() is None:
            await layer.create_step(make_step(thread_id, id=f"mine-{mine}"))
            mine += 1
        assert child.returncode == 0
        await layer.store.catch_up()  # of what came while the other one had the lock for too long
        assert stored(layer) == {f"p-{n}" for n in range(400)} | {f"mine-{n}" for n in range(mine)}

    async def test_two_layers_in_one_process_lose_nothing(self, open_layer: OpenLayer) -> None:
        one, two = open_layer(), open_layer()
        thread_id = new_id()
        writes = [layer.create_step(make_step(thread_id)) for _ in range(200) for layer in (one, two)]
        await asyncio.gather(*writes)
        assert len(await steps_of(one, thread_id)) == 400


async def test_what_is_logged_of_a_write_holds_no_words(layer: DataLayer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "datalayer"):
        await start_thread(layer, output="a word in confidence")
    assert "writes in one transaction" in caplog.text
    assert "confidence" not in caplog.text
