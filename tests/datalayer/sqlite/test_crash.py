"""What only a store in files can show of a crash."""

import asyncio
import os

import pytest

from datalayer import DataLayer
from datalayer.backup import optimise
from tests.conftest import blob_names, start_thread, steps_of
from tests.gate import Gate


async def test_content_that_a_crash_left_before_its_row_came_goes_when_the_store_is_tidied(layer: DataLayer) -> None:
    await start_thread(layer)
    orphan = layer.store.blobs.put(b"orphan")
    os.utime(layer.store.blobs.path(orphan.name), (0, 0))
    await layer.close()
    await asyncio.to_thread(optimise, layer.store.place)
    assert await blob_names(layer) == set()


async def test_a_caller_cancelled_while_commit_is_parked_does_not_take_its_write_along(
    gate: Gate, layer: DataLayer
) -> None:
    message = await start_thread(layer)
    gate.shut()
    call = asyncio.create_task(layer.update_step(message | {"output": "new"}))
    await gate.arrival()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gate.open()
    assert (await steps_of(layer, message["threadId"]))[message["id"]]["output"] == "new"
