"""What all tests share: a data layer on a real file, Chainlit's dicts in their exact shape, a real Chainlit session."""

import asyncio
import gc
import os
import shutil
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import chainlit.data
import pytest
from chainlit.chat_context import chat_contexts
from chainlit.context import context_var, init_ws_context, local_steps
from chainlit.session import WebsocketSession, ws_sessions_id, ws_sessions_sid
from chainlit.user import PersistedUser, User
from chainlit.user_session import user_sessions
from chainlit.utils import utc_now
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from datalayer import DataLayer, transaction
from datalayer.dialects.server import Server
from datalayer.dialects.sqlite_file import migrate
from tests.gate import Gate

if TYPE_CHECKING:
    from tests.servers.s3 import S3Server

os.environ.setdefault("TEST_PATIENCE", "60")  # seconds, of the servers that tests start: see tests/processes.py
OpenLayer = Callable[..., DataLayer]
_thorough = False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="more examples, kills and power cuts: see often()")
    parser.addoption("--until", type=float, help="seconds since the epoch: tests that would begin later are skipped")


@pytest.hookimpl(tryfirst=True)  # pytest-timeout reads its option here, too
def pytest_configure(config: pytest.Config) -> None:
    global _thorough
    _thorough = bool(config.getoption("--thorough"))
    if _thorough and config.option.timeout is None:
        config.option.timeout = 3_600
    gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A slow machine runs what it has time for, and says what it has not run."""
    until = item.config.getoption("--until")
    if until is not None and time.time() > until:
        pytest.skip("no time was left for it")


def pytest_collection_finish() -> None:
    """What has been imported stays: the garbage collector need not look at it with every test."""
    gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    """A worker's end is none of Python's own."""
    if databases := sys.modules.get("tests.servers.databases"):
        databases.drop_all()


def often(usually: int, thorough: int) -> int:
    """How many examples, kills or power cuts a test takes: ``thorough`` with the option ``--thorough``."""
    return thorough if _thorough else usually


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """More than there are cores, as many tests wait for others; none for a few tests, since each worker imports all."""
    few = any(".py" in name for name in config.args) or config.option.keyword or config.option.markexpr
    return 0 if few or config.getoption("lf", False) else len(os.sched_getaffinity(0)) + 2


class _Compiled(dict[Any, Any]):
    """SQLAlchemy's cache of one engine, for all of this process: each test has new ones, which differ in nothing that
    statements are compiled for, and to compile them takes longer than to send them."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_for_all(*key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(_for_all(*key), compiled)


def _for_all(dialect: Any, *statement: Any) -> Any:
    how = (dialect.server_version_info, dialect.paramstyle, dialect._json_serializer, dialect._json_deserializer)
    return type(dialect), how, statement


_compiled = _Compiled()


@event.listens_for(Engine, "engine_connect")
def _compiled_once(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_compiled)


def missing(what: str, switch: str) -> None:
    """Skip a test for want of ``what``; with ``REQUIRE_SERVICES=1`` or ``REQUIRE_BROWSER=1`` (``switch``) fail it."""
    if os.getenv(switch) == "1":
        pytest.fail(f"{what}, and {switch}=1 demands it")
    pytest.skip(f"{what} ({switch}=1 makes this a failure)")


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine is no database that hangs."""
    monkeypatch.setattr(transaction, "PATIENCE", 60.0)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """For connections that are made from here on: to be asked for before a layer is opened."""
    with Gate().installed() as gate:
        yield gate


@cache
def _migrated() -> bytes:
    """A database without rows: a copy costs a tenth of what the migrations do."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "threads.db")
        migrate(database)
        return database.read_bytes()


@pytest.fixture
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without rows; its schema is up to date. tests/contract has it on every kind of database."""
    from tests.servers import databases

    new = request.node.get_closest_marker("new_database") is not None
    kind = getattr(request, "param", "sqlite")
    if kind != "sqlite":
        return databases.bare_database(kind) if new else databases.empty_database(kind)
    if not new:
        (tmp_path / "threads.db").write_bytes(_migrated())
    return f"sqlite+aiosqlite:///{tmp_path}/threads.db"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What a test of tests/contract shows on SQLite it shows on every other database (I14)."""
    if "contract" in metafunc.definition.path.parts and "store_url" in metafunc.fixturenames:
        kinds = [pytest.param(kind, marks=pytest.mark.services) for kind in ("postgres", "mysql")]
        metafunc.parametrize("store_url", ["sqlite", *kinds], indirect=True)


@pytest.fixture
async def open_layer(store_url: str, tmp_path: Path) -> AsyncIterator[OpenLayer]:
    """Makes data layers on the one database of the test; all are closed afterwards."""
    made: list[DataLayer] = []

    def make(**options: Any) -> DataLayer:
        # SQLite's is beside its file, as in any app; a server's would be in the folder that the tests run in.
        spool = {} if store_url.startswith("sqlite") else {"spool": tmp_path / "spool"}
        made.append(DataLayer(store_url, **{"files": tmp_path / "files"} | spool | options))
        return made[-1]

    yield make
    for layer in made:
        await layer.close()


@pytest.fixture
async def layer(open_layer: OpenLayer) -> DataLayer:
    return open_layer()


@pytest.fixture
def chainlit_layer(layer: DataLayer, monkeypatch: pytest.MonkeyPatch) -> DataLayer:
    """``layer`` as the one that Chainlit's own messages, steps and elements write to."""
    monkeypatch.setattr(chainlit.data, "_data_layer", layer)
    monkeypatch.setattr(chainlit.data, "_data_layer_initialized", True)
    return layer


@pytest.fixture(scope="session")
def s3_server() -> "Iterator[S3Server]":
    """For tests that leave it alone and take a bucket of their own."""
    from tests.servers.s3 import S3Server

    server = S3Server()
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture
def s3_url(s3_server: "S3Server", monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of the test's own, in the environment of which its server is named."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3_server.new_bucket()}/some/where"


def new_id() -> str:
    return str(uuid.uuid4())


def make_step(thread_id: str, /, **over: Any) -> Any:
    """A message as chainlit.message.MessageBase.to_dict makes it."""
    moment = utc_now()
    return {
        "id": new_id(),
        "threadId": thread_id,
        "parentId": None,
        "createdAt": moment,
        "command": None,
        "modes": None,
        "start": moment,
        "end": moment,
        "output": "Good morning",
        "name": "Assistant",
        "type": "assistant_message",
        "language": None,
        "streaming": False,
        "isError": False,
        "waitForAnswer": False,
        "metadata": {},
        "tags": None,
    } | over


def make_run(thread_id: str, /, **over: Any) -> Any:
    """A run or tool step as chainlit.step.Step.to_dict makes it."""
    return {
        "name": "on_message",
        "type": "run",
        "id": new_id(),
        "threadId": thread_id,
        "parentId": None,
        "streaming": False,
        "metadata": {},
        "tags": None,
        "input": "",
        "isError": False,
        "output": "",
        "createdAt": utc_now(),
        "start": utc_now(),
        "end": None,
        "language": None,
        "defaultOpen": False,
        "autoCollapse": False,
        "showInput": "json",
        "generation": None,
    } | over


async def register(layer: DataLayer, identifier: str) -> PersistedUser:
    user = await layer.create_user(User(identifier=identifier))
    assert user is not None
    return user


async def start_thread(layer: DataLayer, user: PersistedUser | None = None, **over: Any) -> Any:
    """A new thread of ``user``'s with one message in it; returns the message."""
    message = make_step(new_id(), type="user_message", **over)
    await layer.update_thread(message["threadId"], user_id=user and user.id)
    await layer.create_step(message)
    return message


async def start_threads(layer: DataLayer, user: PersistedUser | None, *overs: dict[str, Any]) -> list[Any]:
    """A new thread with one message for each of ``overs``, as ``start_thread``; returns the messages. They are written
    together, which costs a tenth."""
    messages = [make_step(new_id(), type="user_message", **over) for over in overs]
    await asyncio.gather(*(layer.update_thread(each["threadId"], user_id=user and user.id) for each in messages))
    await asyncio.gather(*map(layer.create_step, messages))
    return messages


async def steps_of(layer: DataLayer, thread_id: str) -> dict[str, Any]:
    """The stored steps of a thread by id; none without such a thread."""
    thread = await layer.get_thread(thread_id)
    return {step["id"]: step for step in thread["steps"]} if thread else {}


def rows(layer: DataLayer, query: str, *values: Any) -> list[Any]:
    """What lies in the database now, read past the layer; ``?`` stands for a value."""
    from tests.servers import databases

    database = layer.store._database
    if isinstance(database, Server):
        return databases.rows(database.url, query, *values)
    with closing(sqlite3.connect(f"{database.path.as_uri()}?mode=ro", uri=True)) as file:
        return file.execute(query, values).fetchall()


def change(layer: DataLayer, statement: str) -> None:
    """Changes the database past the layer."""
    from tests.servers import databases

    database = layer.store._database
    if isinstance(database, Server):
        databases.execute(database.url, statement)
        return
    with closing(sqlite3.connect(database.path)) as file, file:
        file.execute(statement)


async def blob_names(layer: DataLayer) -> set[str]:
    """The SHA-256s of all that is stored, each once, after what was let go is removed."""
    await layer.drain()
    names = [name[:64] for name in layer.store.blobs.names()]
    assert len(names) == len(set(names))
    return set(names)


def blob_content(layer: DataLayer, name: str) -> bytes:
    """``name``: of a blob, or its SHA-256."""
    (found,) = (each for each in layer.store.blobs.names() if each.startswith(name))
    with layer.store.blobs.open(found) as stream:
        return stream.read()


async def failures(calls: Iterable[Any]) -> list[BaseException | None]:
    """The error of each call, None for those that went well."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    return [answer if isinstance(answer, BaseException) else None for answer in answers]


async def _no_browser(*_: Any) -> None:
    """Where a session's events go."""


@contextmanager
def chainlit_session(
    user: User | None = None, thread_id: str | None = None, first_interaction: bool = True
) -> Iterator[WebsocketSession]:
    """A real Chainlit session with nobody at the other end. ``first_interaction``: the user has said something."""
    context, run = context_var.set(None), local_steps.set(None)  # type: ignore[arg-type]
    session = WebsocketSession(
        id=new_id(),
        socket_id=new_id(),
        emit=_no_browser,
        emit_call=_no_browser,
        user_env={},
        client_type="webapp",
        user=user,
        thread_id=thread_id,
    )
    session.has_first_interaction = first_interaction
    init_ws_context(session)
    try:
        yield session
    finally:
        context_var.reset(context)
        local_steps.reset(run)
        ws_sessions_id.pop(session.id, None)
        ws_sessions_sid.pop(session.socket_id, None)
        user_sessions.pop(session.id, None)
        chat_contexts.pop(session.id, None)
        shutil.rmtree(session.files_dir, ignore_errors=True)
