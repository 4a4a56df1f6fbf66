"""The same conversations for all, made from a seed, and how they get into either schema without its data layer."""

import json
import random
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datalayer.blobs import LocalBlobs
from datalayer.dialects.sqlite_file import migrate
from datalayer.place import Place
from datalayer.records import from_iso, to_iso, user_id

USER = "local"
"""Whom the app signs in where nobody logs in."""
USER_ID = user_id(USER)
_EPOCH, _SECOND = 1_750_000_000_000_000, 1_000_000
_WORDS = "the a of to answer question model data file table each why how index write reads commit thread été naïve 模型"
_METADATA = {"model": "gemini", "temperature": 0.7, "location": "window", "usage": {"in": 812, "out": 344}}

Step = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Conversation:
    """``began``: UTC microseconds; a step follows every second."""

    id: str
    began: int
    steps: list[Step]

    @property
    def row(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "user": USER_ID,
            "identifier": USER,
            "name": self.steps[0]["output"][:60],
            "metadata": json.dumps({"chat_profile": None, "settings": {"model": "gemini"}}),
            "created": to_iso(self.began),
            "began": self.began,
            "ended": self.began + (len(self.steps) - 1) * _SECOND,
        }


def conversations(count: int, steps: int) -> Iterator[Conversation]:
    """The last step of each is a message, so that "last step" and "last message" order them alike."""
    draw = random.Random(count)
    for number in range(count):
        key, began = new_id(draw), _EPOCH + number * 3600 * _SECOND
        yield Conversation(key, began, [_step(draw, key, began, index) for index in range(steps)])


def new_steps(thread: str, count: int, seed: int) -> list[Step]:
    """Steps to be created: other ids and later moments for every ``seed``, the same ones for every contestant."""
    draw = random.Random(f"new {seed}")
    began = _EPOCH + (seed + 1) * 100_000 * _SECOND
    return [_step(draw, thread, began, index) for index in range(count)]


def _step(draw: random.Random, thread: str, began: int, index: int) -> Step:
    """As Message.to_dict() and Step.to_dict() make them; tags None, because Chainlit's layer cannot store a list."""
    moment = to_iso(began + index * _SECOND)
    common = {
        "id": new_id(draw),
        "threadId": thread,
        "parentId": None,
        "createdAt": moment,
        "start": moment,
        "end": moment,
        "output": _text(draw),
        "language": None,
        "streaming": False,
        "isError": False,
        "metadata": _METADATA,
        "tags": None,
    }
    if index % 10 == 4:
        tool = {"name": "search", "type": "tool", "input": _text(draw), "showInput": "json", "generation": None}
        return common | tool | {"defaultOpen": False, "autoCollapse": False}
    author = {"name": USER, "type": "user_message"} if index % 2 == 0 else {"name": "bot", "type": "assistant_message"}
    return common | author | {"waitForAnswer": False, "command": None, "modes": None}


def new_id(draw: random.Random) -> str:
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))


@cache
def _prose() -> str:
    return " ".join(random.Random(0).choices(_WORDS.split(), k=20_000))


def prose(draw: random.Random, length: int) -> str:
    """Of ``length`` characters in the mean."""
    start = draw.randrange(len(_prose()) - 2 * length)
    return _prose()[start : start + draw.randint(length // 4, length * 7 // 4)]


def _text(draw: random.Random) -> str:
    start = draw.randrange(len(_prose()) - 2000)
    return _prose()[start : start + draw.randint(200, 2000)]


CHAINLIT_SCHEMA = """
CREATE TABLE users (
    "id" TEXT PRIMARY KEY, "identifier" TEXT NOT NULL UNIQUE, "metadata" TEXT NOT NULL, "createdAt" TEXT);
CREATE TABLE threads (
    "id" TEXT PRIMARY KEY, "createdAt" TEXT, "name" TEXT, "userId" TEXT, "userIdentifier" TEXT, "tags" TEXT,
    "metadata" TEXT, FOREIGN KEY ("userId") REFERENCES users("id") ON DELETE CASCADE);
CREATE TABLE steps (
    "id" TEXT PRIMARY KEY, "name" TEXT NOT NULL, "type" TEXT NOT NULL, "threadId" TEXT NOT NULL, "parentId" TEXT,
    "streaming" BOOLEAN NOT NULL, "waitForAnswer" BOOLEAN, "isError" BOOLEAN, "metadata" TEXT, "tags" TEXT,
    "input" TEXT, "output" TEXT, "createdAt" TEXT, "command" TEXT, "start" TEXT, "end" TEXT, "generation" TEXT,
    "showInput" TEXT, "language" TEXT, "indent" INT, "defaultOpen" BOOLEAN, "autoCollapse" BOOLEAN, "modes" TEXT,
    "icon" TEXT, FOREIGN KEY ("threadId") REFERENCES threads("id") ON DELETE CASCADE);
CREATE TABLE elements (
    "id" TEXT PRIMARY KEY, "threadId" TEXT, "type" TEXT, "url" TEXT, "chainlitKey" TEXT, "name" TEXT NOT NULL,
    "display" TEXT, "objectKey" TEXT, "size" TEXT, "page" INT, "language" TEXT, "forId" TEXT, "mime" TEXT, "props" TEXT,
    "autoPlay" BOOLEAN, "playerConfig" TEXT,
    FOREIGN KEY ("threadId") REFERENCES threads("id") ON DELETE CASCADE);
CREATE TABLE feedbacks (
    "id" TEXT PRIMARY KEY, "forId" TEXT NOT NULL, "threadId" TEXT NOT NULL, "value" INT NOT NULL, "comment" TEXT,
    FOREIGN KEY ("threadId") REFERENCES threads("id") ON DELETE CASCADE);
"""
"""What Chainlit documents for this layer, no index included, in SQLite's types, and all columns that it writes."""

_CHAINLIT_USER = "INSERT INTO users VALUES (:id, :identifier, '{}', :moment)"
_CHAINLIT_THREAD = """INSERT INTO threads ("id", "createdAt", "name", "userId", "userIdentifier", "metadata")
    VALUES (:id, :created, :name, :user, :identifier, :metadata)"""
_CHAINLIT_STEP = """INSERT INTO steps ("id", "threadId", "createdAt", "start", "end", "name", "type", "input", "output",
    "streaming", "isError", "waitForAnswer", "showInput", "defaultOpen", "autoCollapse", "metadata", "generation")
    VALUES (:id, :threadId, :createdAt, :start, :end, :name, :type, :input, :output,
    :streaming, :isError, :waitForAnswer, :showInput, :defaultOpen, :autoCollapse, :metadata, '{}')"""
_OUR_USER = "INSERT INTO users (id, identifier, metadata, created_at) VALUES (:id, :identifier, '{}', :at)"
_OUR_THREAD = """INSERT INTO threads (id, user_id, name, name_source, metadata, created_at, last_activity_at)
    VALUES (:id, :user, :name, 'first_message', :metadata, :began, :ended)"""
OUR_STEP = """INSERT INTO steps (id, thread_id, created_at, start, "end", name, type, input, output,
    streaming, is_error, wait_for_answer, show_input, default_open, auto_collapse, metadata, favorite)
    VALUES (:id, :threadId, :at, :at, :at, :name, :type, :input, :output,
    :streaming, :isError, :waitForAnswer, :shown, :defaultOpen, :autoCollapse, :metadata, 0)"""
_GIVEN_BY_SOME = dict.fromkeys(("input", "showInput", "waitForAnswer", "defaultOpen", "autoCollapse"))


def step_row(step: Step) -> dict[str, Any]:
    """Parameters of either INSERT."""
    row = {**_GIVEN_BY_SOME, **step, "at": from_iso(step["createdAt"]), "metadata": json.dumps(step["metadata"])}
    return row | {"shown": row["showInput"] and json.dumps(row["showInput"])}


@cache
def empty() -> bytes:
    """The file that our migrations make."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "threads.db"
        migrate(path)
        return path.read_bytes()


def fill_ours(path: Path, held: Iterable[Conversation]) -> None:
    path.write_bytes(empty())
    _fill(path, held, _OUR_USER, _OUR_THREAD, OUR_STEP)


def fill_chainlit(path: Path, held: Iterable[Conversation]) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(CHAINLIT_SCHEMA)
    _fill(path, held, _CHAINLIT_USER, _CHAINLIT_THREAD, _CHAINLIT_STEP)


def _fill(path: Path, held: Iterable[Conversation], user: str, thread: str, step: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute(user, {"id": USER_ID, "identifier": USER, "at": _EPOCH, "moment": to_iso(_EPOCH)})
        for conversation in held:
            db.execute(thread, conversation.row)
            db.executemany(step, map(step_row, conversation.steps))
            db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def attach(place: Place, thread: str, count: int) -> None:
    """Gives the thread ``count`` files of 1 MB."""
    draw = random.Random("files")
    with closing(sqlite3.connect(place.database)) as db:
        for _ in range(count):
            blob = LocalBlobs(place.files).put(draw.randbytes(1_000_000))
            db.execute("INSERT INTO blobs VALUES (?, ?, 0, NULL, ?)", (blob.sha256, blob.size, blob.tag))
            row = (new_id(draw), thread, blob.sha256)
            db.execute("INSERT INTO elements (id, thread_id, name, blob, created_at) VALUES (?, ?, 'file', ?, 0)", row)
        db.commit()


def stored(path: Path, query: str, *values: str) -> Any:
    """The first row, read past every data layer: Chainlit's logs a refused row and goes on."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query, values).fetchone()
