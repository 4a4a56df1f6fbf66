"""I12, I13: one connection that writes, durably, and others that only read; each transaction whole in one thread."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from datalayer import DataLayer, WrongLoop
from datalayer.dialects.workers import Workers
from tests.conftest import make_step, rows, start_thread, steps_of


class TestConnections:
    async def pragma(self, connections: Any, name: str) -> Any:
        return await connections.run(lambda connection: connection.execute(text(f"PRAGMA {name}")).scalar())

    @pytest.mark.parametrize(("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
    async def test_the_writer_is_durable_and_checks_references(self, layer: DataLayer, name: str, value: Any) -> None:
        await start_thread(layer)
        assert await self.pragma(layer.store._database.write, name) == value

    @pytest.mark.parametrize(("name", "value"), [("query_only", 1), ("wal_autocheckpoint", 0)])
    async def test_readers_neither_write_nor_checkpoint(self, layer: DataLayer, name: str, value: Any) -> None:
        await start_thread(layer)
        assert await self.pragma(layer.store._database.read, name) == value

    async def test_there_is_one_connection_that_writes(self, layer: DataLayer) -> None:
        await asyncio.gather(*(start_thread(layer) for _ in range(30)))
        assert layer.store._database.write.engine.pool.checkedout() == 1  # type: ignore[attr-defined]
        assert layer.store._database.write.engine.pool.overflow() == 0  # type: ignore[attr-defined]

    async def test_a_write_and_a_read_are_one_call_of_a_thread_each(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message, calls, original = await start_thread(layer), list[str](), Workers.run

        async def run(self: Workers, call: Any) -> Any:
            calls.append(self._name)
            return await original(self, call)

        monkeypatch.setattr(Workers, "run", run)
        await layer.create_step(make_step(message["threadId"]))
        assert calls == ["datalayer-write"]
        assert len(await steps_of(layer, message["threadId"])) == 2
        assert calls == ["datalayer-write", "datalayer-read"]

    async def test_layers_that_open_new_databases_at_once_in_one_process_all_work(self, tmp_path: Path) -> None:
        layers = [DataLayer(f"sqlite+aiosqlite:///{tmp_path}/{n}.db") for n in range(6)]
        try:
            messages = await asyncio.gather(*(start_thread(layer) for layer in layers))
            for layer, message in zip(layers, messages, strict=True):
                assert set(await steps_of(layer, message["threadId"])) == {message["id"]}
        finally:
            for layer in layers:
                await layer.close()

    def test_another_event_loop_is_told_and_hangs_nothing(self, tmp_path: Path) -> None:
        layer = DataLayer(f"sqlite+aiosqlite:///{tmp_path}/threads.db")
        message = asyncio.run(start_thread(layer))

        async def told(call: Callable[[], Any]) -> None:
            with pytest.raises(WrongLoop, match="another event loop"):
                await call()

        for call in (lambda: layer.get_thread("t"), lambda: layer.delete_thread("t"), layer.drain, layer.close):
            asyncio.run(told(call))
        assert rows(layer, "SELECT id FROM steps") == [(message["id"],)]

    async def test_a_step_goes_however_many_descendants_it_has(self, layer: DataLayer) -> None:
        """SQLite takes 32,766 values in a statement by default, Debian's 250,000; here 5,000 stand for both."""

        def limit(connection: Connection) -> None:
            driver: Any = connection.connection.driver_connection
            driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 5_000)

        await layer.store._database.write.run(limit)
        question = await start_thread(layer)
        answer = make_step(question["threadId"], parentId=question["id"])
        await layer.create_step(answer)
        children = ({"id": f"s{n}", "threadId": answer["threadId"], "parentId": answer["id"]} for n in range(6_000))
        await asyncio.gather(*(layer.create_step(child) for child in children))  # type: ignore[arg-type]
        await layer.delete_step(answer["id"])
        assert rows(layer, "SELECT id FROM steps") == [(question["id"],)]
