"""Who is compared. Each answers the same calls on a file of its own schema, lists as dicts with "id"."""

import asyncio
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from .library import Shelf

OURS = "Threadkeep"
NORMAL = "Threadkeep (synchronous=NORMAL)"
CHAINLIT = "Chainlit (WAL, FULL)"
SHIPPED = "Chainlit (as shipped)"
BARE, TRIGGERS = "bare sqlite3", "bare sqlite3, FTS5 by triggers"
POSTGRES = "Chainlit's layer for PostgreSQL"
PAGE, FOUND = 35, 20
"""Of the list, as Chainlit's page asks for it, and of what was found."""


class Layer:
    """A Chainlit data layer, called as Chainlit does."""

    def __init__(self, path: Path, layer: Any, connections: list[Any] | None = None) -> None:
        """``connections``: of aiosqlite, as they are opened."""
        self.path = path
        self._layer = layer
        self._connections = [] if connections is None else connections

    async def create_step(self, step: Step) -> None:
        await self._layer.create_step(step)

    async def begin(self, thread_id: str, user_id: str | None = None) -> None:
        await self._layer.update_thread(thread_id, name=thread_id, user_id=user_id)

    async def thread(self, thread_id: str) -> list[Any]:
        return list((await self._layer.get_thread(thread_id))["steps"])

    async def settle(self) -> bool:
        """Whether there was something that the database had not taken in time; now it has."""
        waited = False
        while isinstance(self._layer, DataLayer) and (await self._layer.health())["pending"]:
            waited = True
            await self._layer.store.catch_up()
            await asyncio.sleep(0.1)
        return waited

    async def page(self, after: str | None = None) -> list[Any]:
        return list((await self._page(after)).data)

    async def cursor(self, shelf: "Shelf", number: int) -> Any:
        """What the page is asked with before which there are ``number`` pages."""
        if not isinstance(self._layer, DataLayer):
            return shelf.newest(number * PAGE - 1) if number else None
        cursor = None
        for _ in range(number):
            cursor = (await self._page(cursor)).pageInfo.endCursor
        return cursor

    async def _page(self, after: str | None) -> Any:
        return await self._layer.list_threads(Pagination(first=PAGE, cursor=after), ThreadFilter(userId=USER_ID))

    async def search(self, question: str) -> list[Any]:
        asked = ThreadFilter(userId=USER_ID, search=question)
        return list((await self._layer.list_threads(Pagination(first=FOUND), asked)).data)

    def interrupt(self) -> None:
        """Ends what SQLite does for it now."""
        for connection in self._connections:
            connection._conn.interrupt()

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

    def __init__(self, path: Path, words: Path | None = None) -> None:
        """``words``: FTS5's index of the texts."""
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None)
        if words:
            self._db.execute("ATTACH ? AS words", (str(words),))
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-16000"):
            self._db.execute("PRAGMA " + pragma)

    async def create_step(self, step: Step) -> None:
        self._db.execute(self._UPSERT, step_row(step))

    async def thread(self, thread_id: str) -> list[Any]:
        self._dicts(self._THREAD + "threads.id = ?", thread_id)
        found = self._dicts(self._STEPS, USER_ID, thread_id)
        self._dicts("SELECT * FROM elements WHERE thread_id = ? ORDER BY created_at", thread_id)
        return found

    async def settle(self) -> bool:
        return False

    async def page(self, after: tuple[int, str] | None = None) -> list[Any]:
        older = "AND (threads.last_activity_at, threads.id) < (?, ?)" if after else ""
        last = f"threads.user_id = ? {older} ORDER BY threads.last_activity_at DESC, threads.id DESC LIMIT ?"
        return self._dicts(self._THREAD + last, USER_ID, *(after or ()), PAGE + 1)[:PAGE]

    async def cursor(self, shelf: "Shelf", number: int) -> tuple[int, str] | None:
        if not number:
            return None
        last = shelf.newest(number * PAGE - 1)
        (at,) = self._db.execute("SELECT last_activity_at FROM threads WHERE id = ?", (last,)).fetchone()
        return at, last

    async def search(self, question: str, condition: str = "") -> list[Any]:
        """The newest messages with their texts; the others make threads of them."""
        return self._db.execute(
            f"""SELECT steps.id, steps.thread_id, steps.output FROM words.found JOIN steps ON seq = found.rowid
            WHERE found MATCH ? {condition} ORDER BY found.rowid DESC LIMIT ?""",
            (question, FOUND),
        ).fetchall()

    def interrupt(self) -> None:
        self._db.interrupt()

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


class Triggers(Bare):
    """And an index of the texts, which triggers keep in the transaction of the step."""

    _SCHEMA = """
        CREATE VIRTUAL TABLE texts USING fts5(output, input, content='steps', content_rowid='seq');
        CREATE TRIGGER texts_of_new AFTER INSERT ON steps BEGIN
            INSERT INTO texts (rowid, output, input) VALUES (new.seq, new.output, new.input);
        END;
        CREATE TRIGGER texts_of_changed AFTER UPDATE ON steps BEGIN
            INSERT INTO texts (texts, rowid, output, input) VALUES ('delete', old.seq, old.output, old.input);
            INSERT INTO texts (rowid, output, input) VALUES (new.seq, new.output, new.input);
        END;
        CREATE TRIGGER texts_of_deleted AFTER DELETE ON steps BEGIN
            INSERT INTO texts (texts, rowid, output, input) VALUES ('delete', old.seq, old.output, old.input);
        END;
        INSERT INTO texts (texts) VALUES ('rebuild');
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._db.executescript(self._SCHEMA)

    async def create_steps(self, steps: Iterable[Step]) -> None:
        """In one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(self._UPSERT, map(step_row, steps))
        self._db.execute("COMMIT")


Contestant = Layer | Bare


async def opened(name: str, path: Path) -> Contestant:
    url = f"sqlite+aiosqlite:///{path}"
    if name in (BARE, TRIGGERS):
        return Bare(path) if name == BARE else Triggers(path)
    if name in (CHAINLIT, SHIPPED):
        layer = SQLAlchemyDataLayer(url)
        connections: list[Any] = []
        event.listen(layer.engine.sync_engine, "connect", lambda made, _: connections.append(made.driver_connection))
        if name == CHAINLIT:
            await _make_durable(layer)
        return Layer(path, layer, connections)
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
