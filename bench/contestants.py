"""Who is compared. Each answers the same calls on a file of its own schema, lists as dicts with "id"."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from chainlit.context import ChainlitContext, context_var
from chainlit.data.sql_alchemy import SQLAlchemyDataLayer
from chainlit.session import HTTPSession
from chainlit.types import Pagination, ThreadFilter
from chainlit.user import PersistedUser
from sqlalchemy import event

from datalayer import DataLayer
from datalayer.records import to_iso
from datalayer.store import Store

from .data import OUR_STEP, USER, USER_ID, Step, step_row

OURS = "Threadkeep"
NORMAL = "Threadkeep (synchronous=NORMAL)"
CHAINLIT = "Chainlit (WAL, FULL)"
SHIPPED = "Chainlit (as shipped)"
BARE = "bare sqlite3"
PAGE = 35


class Layer:
    """A Chainlit data layer, called as Chainlit does."""

    def __init__(self, path: Path, layer: Any) -> None:
        self.path = path
        self._layer = layer

    async def create_step(self, step: Step) -> None:
        await self._layer.create_step(step)

    async def begin(self, thread_id: str, user_id: str | None = None) -> None:
        await self._layer.update_thread(thread_id, name=thread_id, user_id=user_id)

    async def thread(self, thread_id: str) -> list[Any]:
        return list((await self._layer.get_thread(thread_id))["steps"])

    async def first_page(self) -> list[Any]:
        page = await self._layer.list_threads(Pagination(first=PAGE), ThreadFilter(userId=USER_ID))
        return list(page.data)

    async def close(self) -> None:
        await self._layer.close()


class _Bare:
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
        self._db.execute(self._UPSERT, step_row(step))

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


Contestant = Layer | _Bare


async def opened(name: str, path: Path) -> Contestant:
    url = f"sqlite+aiosqlite:///{path}"
    if name == BARE:
        return _Bare(path)
    if name in (CHAINLIT, SHIPPED):
        layer = SQLAlchemyDataLayer(url)
        if name == CHAINLIT:
            await _make_durable(layer)
        return Layer(path, layer)
    ours = DataLayer(url)
    if name == NORMAL:
        ours.store = Store(url, synchronous="NORMAL")
    return Layer(path, ours)


async def _make_durable(layer: SQLAlchemyDataLayer) -> None:
    """As durable as ours is. Raises RuntimeError when that fails."""

    @event.listens_for(layer.engine.sync_engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    mode: Any = await layer.execute_sql("PRAGMA journal_mode", {})
    synchronous: Any = await layer.execute_sql("PRAGMA synchronous", {})
    if (mode, synchronous) != ([{"journal_mode": "wal"}], [{"synchronous": 2}]):
        raise RuntimeError("Chainlit's layer is not in WAL mode with synchronous=FULL")


USER_ASKING = PersistedUser(id=USER_ID, identifier=USER, createdAt=to_iso(0) or "")


def sign_in() -> None:
    """The calls below come from a request of the signed-in user: Chainlit's layer needs one, ours checks who asks."""
    context_var.set(ChainlitContext(HTTPSession(id="bench", client_type="webapp", user=USER_ASKING)))
