"""Who is compared. Each answers the same three calls on a file of its own schema."""

import json
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from chainlit.context import ChainlitContext, context_var
from chainlit.data.sql_alchemy import SQLAlchemyDataLayer
from chainlit.session import HTTPSession
from chainlit.types import Pagination, ThreadFilter
from chainlit.user import PersistedUser
from sqlalchemy import event

from datalayer import DataLayer
from datalayer.records import from_iso, to_iso

from .data import OUR_STEP, USER, USER_ID, Step, step_row

OURS = "Threadkeep"
CHAINLIT = "Chainlit (WAL, FULL)"
SHIPPED = "Chainlit (as shipped)"
BARE = "bare sqlite3"
PAGE = 35


class Contestant(Protocol):
    """``thread``: its steps, oldest first. ``first_page``: threads, last activity first. Both as dicts with "id"."""

    path: Path

    async def create_step(self, step: Step) -> None: ...
    async def thread(self, thread_id: str) -> list[Any]: ...
    async def first_page(self) -> list[Any]: ...
    async def close(self) -> None: ...


class _Layer:
    """A Chainlit data layer, called as Chainlit does."""

    def __init__(self, path: Path, layer: Any) -> None:
        self.path = path
        self._layer = layer

    async def create_step(self, step: Step) -> None:
        await self._layer.create_step(step)

    async def thread(self, thread_id: str) -> list[Any]:
        found = await self._layer.get_thread(thread_id)
        return list(found["steps"])

    async def first_page(self) -> list[Any]:
        page = await self._layer.list_threads(Pagination(first=PAGE), ThreadFilter(userId=USER_ID))
        return list(page.data)

    async def close(self) -> None:
        await self._layer.close()


class Bare:
    """What sqlite3 itself costs, in this thread and without an event loop: one upsert and commit a step; SELECT into a
    dict a row with the JSON columns parsed. Times stay numbers and booleans 0 and 1."""

    _UPSERT = OUR_STEP + " ON CONFLICT (id) DO UPDATE SET output = excluded.output, metadata = excluded.metadata"
    _JSON = ("metadata", "tags", "show_input", "modes", "generation", "extra")
    _THREAD = "SELECT threads.*, users.identifier FROM threads LEFT JOIN users ON users.id = threads.user_id WHERE "
    _STEPS = """SELECT steps.*, feedbacks.id AS vote, feedbacks.value, feedbacks.comment FROM steps
        LEFT JOIN feedbacks ON feedbacks.step_id = steps.id AND feedbacks.user_id = ?
        WHERE steps.thread_id = ? ORDER BY steps.created_at, steps.seq"""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-16000"):
            self._db.execute("PRAGMA " + pragma)

    async def create_step(self, step: Step) -> None:
        self._db.execute(self._UPSERT, step_row(step, from_iso(step["createdAt"]) or 0))

    async def thread(self, thread_id: str) -> list[Any]:
        self._dicts(self._THREAD + "threads.id = ?", thread_id)
        found = self._dicts(self._STEPS, USER_ID, thread_id)
        self._dicts("SELECT * FROM elements WHERE thread_id = ? ORDER BY created_at", thread_id)
        return found

    async def first_page(self) -> list[Any]:
        last = "threads.user_id = ? ORDER BY threads.last_activity_at DESC, threads.id DESC LIMIT ?"
        return self._dicts(self._THREAD + last, USER_ID, PAGE + 1)[:PAGE]

    def _dicts(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        cursor = self._db.execute(query, parameters)
        names = [column[0] for column in cursor.description]
        parsed = [name for name in names if name in self._JSON]
        found = [dict(zip(names, row, strict=True)) for row in cursor]
        for row in found:
            for name in parsed:
                if row[name] is not None:
                    row[name] = json.loads(row[name])
        return found

    async def close(self) -> None:
        self._db.close()


async def ours(path: Path) -> Contestant:
    return _Layer(path, DataLayer(f"sqlite+aiosqlite:///{path}"))


async def bare(path: Path) -> Contestant:
    return Bare(path)


async def shipped(path: Path) -> Contestant:
    return _Layer(path, SQLAlchemyDataLayer(f"sqlite+aiosqlite:///{path}"))


async def chainlit(path: Path) -> Contestant:
    """Chainlit's layer, as durable as ours is. Raises RuntimeError when it is not."""
    layer = SQLAlchemyDataLayer(f"sqlite+aiosqlite:///{path}")

    @event.listens_for(layer.engine.sync_engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    if await pragmas(layer) != ("wal", 2):
        raise RuntimeError("Chainlit's layer is not in WAL mode with synchronous=FULL")
    return _Layer(path, layer)


async def pragmas(layer: SQLAlchemyDataLayer) -> tuple[Any, ...]:
    found: list[Any] = [await layer.execute_sql("PRAGMA " + name, {}) for name in ("journal_mode", "synchronous")]
    return tuple(next(iter(rows[0].values())) for rows in found)


OPEN: dict[str, Callable[[Path], Awaitable[Contestant]]] = {
    OURS: ours,
    CHAINLIT: chainlit,
    SHIPPED: shipped,
    BARE: bare,
}


def sign_in() -> None:
    """The calls below come from a request of the signed-in user: Chainlit's layer needs one, ours checks who asks."""
    user = PersistedUser(id=USER_ID, identifier=USER, createdAt=to_iso(0) or "")
    context_var.set(ChainlitContext(HTTPSession(id="bench", client_type="webapp", user=user)))
