"""The index of words keeps no write from being stored, whatever is in it."""

from typing import Any

import pytest

from datalayer import DataLayer
from datalayer.search import building
from tests.conftest import change, make_step, register, rows, start_thread
from tests.contract.test_lists import found

UNBUILT = "INSERT OR REPLACE INTO search_state VALUES ('threads', ''), ('steps', '')"


async def said(layer: DataLayer, user: Any, count: int) -> list[Any]:
    messages = [await start_thread(layer, user, output=f"marmot number{n}") for n in range(count)]
    for message in messages:
        await layer.update_thread(message["threadId"], name="Alps")
    return messages


def is_sound(layer: DataLayer) -> bool:
    """Whether the index has each document as often as there is one of it."""
    each = rows(layer, "SELECT term, doc, count(*) FROM search_words GROUP BY term, doc HAVING count(*) > 1")
    return not each and rows(layer, "SELECT count(*) FROM search_words WHERE term LIKE '%number_'") != [(0,)]


async def edit_all(layer: DataLayer, messages: list[Any]) -> None:
    for message in messages[::2]:
        await layer.update_step({**message, "output": "an ibex"})
        await layer.update_thread(message["threadId"], name="Pyrenees")
    await layer.delete_thread(messages[1]["threadId"])
    await layer.delete_step(messages[3]["id"])


class TestChangesWhileItIsNotBuilt:
    async def test_of_what_is_still_to_be_built(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        messages = await said(layer, ann, 8)
        change(layer, "INSERT INTO search_index (search_index) VALUES ('delete-all')")
        change(layer, "DELETE FROM search_threads")
        change(layer, UNBUILT)
        await edit_all(layer, messages)
        new = await start_thread(layer, ann, output="an ibex, too")
        assert (await layer.health())["state"] == "ok"
        await layer.store._indexing._work()
        assert is_sound(layer)
        edited = {message["threadId"] for message in messages[::2]}
        assert set(await found(layer, ann, "ibex")) == edited | {new["threadId"]}
        assert set(await found(layer, ann, "pyrenees")) == edited
        assert set(await found(layer, ann, "marmot")) == {messages[n]["threadId"] for n in (5, 7)}

    async def test_of_what_came_past_it(self, layer: DataLayer, caplog: pytest.LogCaptureFixture) -> None:
        """As by another program; then it is built anew, once."""
        ann = await register(layer, "ann")
        messages = await said(layer, ann, 8)
        change(layer, "INSERT INTO search_index (search_index) VALUES ('delete-all')")
        change(layer, "DELETE FROM search_threads")
        await edit_all(layer, messages)
        await layer.create_step(make_step(messages[0]["threadId"]))
        assert (await layer.health())["state"] == "ok"
        assert caplog.text.count("it is built anew") == 1
        await layer.store._indexing._work()
        assert is_sound(layer)
        assert len(await found(layer, ann, "ibex")) == 4
        assert len(await found(layer, ann, "marmot")) == 2


async def test_what_another_process_has_cleaned_meanwhile_is_left(layer: DataLayer) -> None:
    """Between the look and the work, which are two transactions."""
    messages = await said(layer, await register(layer, "ann"), 2)
    await layer.delete_thread(messages[0]["threadId"])
    await layer.store._indexing._work()
    assert await layer.store._database.read.run(building.is_done)
    await layer.store._database.write.run(building.go_on)
    assert await layer.store._database.read.run(building.is_done)
