"""Databases that Chainlit's own two layers have written, and rows as they are found in those of people."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import chainlit as cl
import pytest
from chainlit.data.chainlit_data_layer import ChainlitDataLayer
from chainlit.data.sql_alchemy import SQLAlchemyDataLayer
from chainlit.data.storage_clients.base import BaseStorageClient
from chainlit.types import Feedback
from typer.testing import CliRunner

from bench.chainlits import SCHEMA as OFFICIAL
from bench.data import CHAINLIT_SCHEMA
from datalayer import DataLayer
from datalayer.records import from_iso
from exchange.__main__ import app
from exchange.opened import opened
from exchange.opened.servers import Server
from exchange.origins.base import Problem, Source, Stored
from exchange.origins.chainlit import ChainlitOfficial, ChainlitSQLAlchemy
from exchange.origins.reasons import Why
from tests.conftest import chainlit_session, make_run, make_step, new_id
from tests.servers import databases

DOCUMENTED = """
CREATE TABLE users ("id" UUID PRIMARY KEY, "identifier" TEXT NOT NULL UNIQUE, "metadata" JSONB NOT NULL,
    "createdAt" TEXT);
CREATE TABLE threads ("id" UUID PRIMARY KEY, "createdAt" TEXT, "name" TEXT, "userId" UUID, "userIdentifier" TEXT,
    "tags" TEXT[], "metadata" JSONB);
CREATE TABLE steps ("id" UUID PRIMARY KEY, "name" TEXT NOT NULL, "type" TEXT NOT NULL, "threadId" UUID NOT NULL,
    "parentId" UUID, "streaming" BOOLEAN NOT NULL, "waitForAnswer" BOOLEAN, "isError" BOOLEAN, "metadata" JSONB,
    "tags" TEXT[], "input" TEXT, "output" TEXT, "createdAt" TEXT, "command" TEXT, "start" TEXT, "end" TEXT,
    "generation" JSONB, "showInput" TEXT, "language" TEXT, "indent" INT, "defaultOpen" BOOLEAN,
    "autoCollapse" BOOLEAN, "modes" JSONB, "icon" TEXT);
CREATE TABLE elements ("id" UUID PRIMARY KEY, "threadId" UUID, "type" TEXT, "url" TEXT, "chainlitKey" TEXT,
    "name" TEXT NOT NULL, "display" TEXT, "objectKey" TEXT, "size" TEXT, "page" INT, "language" TEXT, "forId" UUID,
    "mime" TEXT, "props" JSONB, "autoPlay" BOOLEAN, "playerConfig" JSONB);
CREATE TABLE feedbacks ("id" UUID PRIMARY KEY, "forId" UUID NOT NULL, "threadId" UUID NOT NULL, "value" INT NOT NULL,
    "comment" TEXT)
"""
"""As Chainlit's documentation has it for PostgreSQL, with all columns that the layer writes."""


class Cloud(BaseStorageClient):
    """Takes files, and gives links that expire."""

    async def upload_file(self, object_key: str, *_: Any, **__: Any) -> dict[str, Any]:
        return {"object_key": object_key, "url": await self.get_read_url(object_key)}

    async def get_read_url(self, object_key: str) -> str:
        return f"https://bucket.s3.amazonaws.com/{object_key}?X-Amz-Signature=abc&X-Amz-Expires=3600"

    async def delete_file(self, object_key: str) -> bool:
        return True

    async def close(self) -> None: ...


def postgres(tables: str) -> str:
    """The URL of a database with these tables, without rows."""
    url = databases.new_database("postgres", f"threadkeep_test_{os.getpid()}_1")
    databases.execute(url, *tables.split(";"))
    return url


async def filled(layer: Any) -> dict[str, str]:
    """By the layer's own methods: two threads of ann's; the ids of what is in the first."""
    user = await layer.create_user(cl.User(identifier="ann", metadata={"role": "admin"}))
    ids = {name: new_id() for name in ("thread", "question", "run", "answer", "other")}
    for key, name in ((ids["thread"], "Birds"), (ids["other"], "Fish")):
        with chainlit_session(user, key):
            await layer.update_thread(
                key, name=name, user_id=user.id, metadata={"chat_profile": "p", "env": {"K": "s"}}
            )
    with chainlit_session(user, ids["thread"]):
        key = ids["thread"]
        question = make_step(key, id=ids["question"], type="user_message", output="where?", createdAt=_at(1))
        run = make_run(key, id=ids["run"], parentId=question["id"], createdAt=_at(2), showInput=False)
        answer = make_step(
            key,
            id=ids["answer"],
            parentId=run["id"],
            type="assistant_message",
            output="in the reeds",
            createdAt=_at(3),
            metadata={"model": "m"},
        )
        for step in (question, run, answer):
            await layer.create_step({name: value for name, value in step.items() if name != "threadName"})
        await layer.create_element(cl.Text(thread_id=key, name="note", content="n", for_id=ids["answer"], page=2))
        await layer.upsert_feedback(Feedback(forId=ids["answer"], threadId=key, value=1, comment="good"))
    return ids


def _at(second: int) -> str:
    return f"2026-03-04T05:06:{second:02}.000000Z"


def _moment(second: int) -> int:
    return from_iso(_at(second)) or 0


def read(origin: Any, source: Source) -> tuple[dict[str, Stored], list[Problem]]:
    """By the ids of their threads."""
    assert origin.recognises(source)
    found = list(origin.read(source))
    stored = {each.thread["id"]: each for each in found if isinstance(each, Stored)}
    problems = [each for each in found if isinstance(each, Problem)]
    return stored, [*problems, *(problem for each in stored.values() for problem in each.problems)]


def whole(stored: dict[str, Stored], ids: dict[str, str]) -> None:
    """What ``filled`` has written is there."""
    assert stored.keys() == {ids["thread"], ids["other"]}
    birds = stored[ids["thread"]]
    assert birds.author == "ann"
    thread = birds.thread
    assert (thread["name"], thread["metadata"], thread["created_at"]) == ("Birds", {"chat_profile": "p"}, _moment(1))
    assert [(row["id"], row.get("parent_id"), row["created_at"]) for row in birds.steps] == [
        (ids["question"], None, _moment(1)),
        (ids["run"], ids["question"], _moment(2)),
        (ids["answer"], ids["run"], _moment(3)),
    ]
    question, run, answer = birds.steps
    assert (question["type"], question["output"]) == ("user_message", "where?")
    assert (run["type"], run["show_input"]) == ("run", False)
    assert (answer["output"], answer["metadata"], answer["is_error"]) == ("in the reeds", {"model": "m"}, False)
    (file,) = birds.elements
    assert (file["name"], file["for_id"], file["type"], "url" in file) == ("note", ids["answer"], "text", False)
    ((vote),) = birds.votes
    assert (vote["step_id"], vote["value"], vote["comment"]) == (ids["answer"], 1, "good")
    assert stored[ids["other"]].steps == []


async def test_sqlite_of_their_sqlalchemy_layer(tmp_path: Path) -> None:
    path = tmp_path / "chainlit.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(CHAINLIT_SCHEMA)
    layer = SQLAlchemyDataLayer(f"sqlite+aiosqlite:///{path}", storage_provider=Cloud())
    ids = await filled(layer)
    await layer.close()
    with opened(path) as source:
        stored, problems = read(ChainlitSQLAlchemy(), source)
        assert not ChainlitOfficial().recognises(source)
    whole(stored, ids)
    assert [(problem.lost, problem.why == Why("files_by_name")) for problem in problems] == [(False, True)]
    url = stored[ids["thread"]].elements[0]["extra"]["url"]
    assert url.startswith("https://bucket.s3.amazonaws.com/")
    assert "Signature" not in url


@pytest.mark.services
async def test_postgres_of_their_sqlalchemy_layer() -> None:
    url = postgres(DOCUMENTED)
    layer = SQLAlchemyDataLayer(url, storage_provider=Cloud())
    ids = await filled(layer)
    await layer.execute_sql("UPDATE threads SET tags = ARRAY['a', 'b c'] WHERE id = :id", {"id": ids["other"]})
    await layer.close()
    stored, _ = await _in_thread(read, ChainlitSQLAlchemy(), Server(url))
    whole(stored, ids)
    assert stored[ids["other"]].thread["tags"] == ["a", "b c"]


@pytest.mark.services
async def test_postgres_of_their_official_layer() -> None:
    url = postgres(OFFICIAL)
    layer: Any = ChainlitDataLayer(url.replace("+asyncpg", ""), storage_client=Cloud())
    ids = await filled(layer)
    deleted, lone = new_id(), new_id()
    await layer.update_thread(deleted, name="Gone")
    await layer.execute_query('UPDATE "Thread" SET "deletedAt" = now() WHERE id = $1', {"id": deleted})
    # A parent that the layer has had to invent: without a thread, name or text.
    with chainlit_session(None, ids["other"]):
        await layer.create_step(make_step(ids["other"], parentId=lone, createdAt=_at(9)))
    await layer.pool.close()
    stored, problems = await _in_thread(read, ChainlitOfficial(), Server(url))
    assert [row["parent_id"] for row in stored[ids["other"]].steps] == [lone]
    stored[ids["other"]].steps.clear()
    whole(stored, ids)
    assert all(problem.why == Why("files_by_name") for problem in problems)
    assert not await _in_thread(ChainlitSQLAlchemy().recognises, Server(url))


@pytest.mark.services
async def test_nobody_is_told_the_password_of_a_database() -> None:
    url = postgres(OFFICIAL)
    for wrong in (
        "postgresql://nobody:s3cret@127.0.0.1:1/x",
        url + "_missing",
        "postgres://:s3cret@",
    ):
        source = Server(wrong)
        assert not await _in_thread(ChainlitOfficial().recognises, source)
        (problem,) = await _in_thread(list, ChainlitOfficial().read(source))
        assert isinstance(problem, Problem)
        assert "s3cret" not in str(problem.why) + str(problem.place)
        assert "127.0.0.1" not in str(problem.why) + str(problem.place)


async def _in_thread(work: Callable[..., Any], *args: Any) -> Any:
    return await asyncio.to_thread(work, *args)


def of_rows(tmp_path: Path, script: str, *rows: tuple[str, dict[str, Any]]) -> tuple[dict[str, Stored], list[Problem]]:
    path = tmp_path / "rows.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)
        for table, row in rows:
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))
        database.commit()
    with opened(path) as source:
        return read(ChainlitSQLAlchemy(), source)


LOOSE = """
CREATE TABLE users (id TEXT, identifier TEXT, metadata TEXT, createdAt TEXT);
CREATE TABLE threads (id TEXT, createdAt TEXT, name TEXT, userId TEXT, userIdentifier TEXT, tags TEXT, metadata TEXT);
CREATE TABLE steps (id TEXT, name TEXT, type TEXT, threadId TEXT, parentId TEXT, disableFeedback TEXT, streaming TEXT,
    waitForAnswer TEXT, isError TEXT, metadata TEXT, tags TEXT, input TEXT, output TEXT, createdAt TEXT, start TEXT,
    end TEXT, generation TEXT, showInput TEXT, language TEXT, indent TEXT);
CREATE TABLE elements (id TEXT, threadId TEXT, type TEXT, url TEXT, name TEXT, forId TEXT, page TEXT, props TEXT);
CREATE TABLE feedbacks (id TEXT, forId TEXT, threadId TEXT, value TEXT, comment TEXT);
"""
"""As people write it for SQLite: no keys, all text."""


def step(key: str, thread: str | None = "t", **over: Any) -> tuple[str, dict[str, Any]]:
    said = {"id": key, "threadId": thread, "type": "user_message", "output": key, "createdAt": _at(1)}
    return "steps", said | over


def test_times_of_threads_are_mended_by_their_first_step(tmp_path: Path) -> None:
    stored, _ = of_rows(
        tmp_path,
        LOOSE,
        ("threads", {"id": "t", "createdAt": "2026-03-04T10:06:01.000000Z"}),
        ("threads", {"id": "u", "createdAt": "2026-03-04T10:06:01.000000Z"}),
        step("b", createdAt=_at(7)),
        step("a", createdAt="2026-03-04T05:06:05"),
    )
    assert stored["t"].thread["created_at"] == _moment(5)
    assert [row["id"] for row in stored["t"].steps] == ["a", "b"]
    assert stored["u"].thread["created_at"] == from_iso("2026-03-04T10:06:01Z")


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ('["a", "b", "a"]', ["a", "b"]),
        ('{a,"b, c","d\\"e"}', ["a", "b, c", 'd"e']),
        ("{}", None),
        ("plain", ["plain"]),
        ("", None),
        (None, None),
        ("[1, null]", None),
        ('"x"', ["x"]),
    ],
)
def test_tags_as_text(tmp_path: Path, tags: str | None, found: list[str] | None) -> None:
    stored, _ = of_rows(tmp_path, LOOSE, ("threads", {"id": "t", "tags": tags}))
    assert stored["t"].thread.get("tags") == found


def test_what_is_text_is_what_it_says(tmp_path: Path) -> None:
    stored, _ = of_rows(
        tmp_path,
        LOOSE,
        ("threads", {"id": "t", "metadata": "not json", "name": " two\nlines "}),
        step(
            "a",
            isError="true",
            streaming="0",
            waitForAnswer="f",
            showInput="json",
            metadata='{"a": [1]}',
            indent="2",
            generation="{}",
            tags='["x"]',
            disableFeedback="1",
            start=_at(1),
            end="soon",
        ),
        step("b", showInput="true", metadata="[1]", createdAt=_at(2)),
        ("elements", {"id": "e", "threadId": "t", "forId": "elsewhere", "page": "3", "props": '{"p": 1}', "name": "f"}),
    )
    thread = stored["t"]
    assert (thread.thread["metadata"], thread.thread["name"]) == ({"imported": "not json"}, "two lines")
    first, second = thread.steps
    assert (first["is_error"], first["streaming"], first["wait_for_answer"]) == (True, False, False)
    assert (first["show_input"], second["show_input"]) == ("json", True)
    assert (first["metadata"], first["tags"], "generation" in first) == ({"a": [1]}, ["x"], False)
    assert first["extra"] == {"indent": "2", "disableFeedback": "1", "end": "soon"}
    assert second["extra"] == {"metadata": "[1]"}
    assert thread.elements == [{"id": "e", "name": "f", "page": 3, "props": {"p": 1}, "extra": {"forId": "elsewhere"}}]


def test_of_very_old_rows_what_a_user_said_is_the_input(tmp_path: Path) -> None:
    stored, _ = of_rows(
        tmp_path,
        LOOSE,
        step("a", input="asked", output=""),
        step("b", input="{}", output="said", createdAt=_at(2)),
        step("c", type="tool", input="given", output="", createdAt=_at(3)),
    )
    assert [(row.get("output"), row.get("input")) for row in stored["t"].steps] == [
        ("asked", None),
        ("said", "{}"),
        (None, "given"),
    ]


def test_what_is_missing_costs_only_itself(tmp_path: Path) -> None:
    stored, problems = of_rows(
        tmp_path,
        LOOSE,
        ("users", {"id": "1", "identifier": "ann"}),
        ("threads", {"id": "t", "userId": "1"}),
        ("threads", {"id": "u", "userId": "gone"}),
        ("threads", {"id": "v", "userId": "gone", "userIdentifier": "ben"}),
        ("threads", {"id": None, "name": "none"}),
        step("a", createdAt=None),
        step("b", createdAt=_at(4)),
        step("c", createdAt=""),
        step("d", createdAt="never"),
        step("x", "missing"),
        step("y", None),
        step("z", None, output=None),
        step(None, "u"),  # type: ignore[arg-type]
        ("feedbacks", {"id": "f", "forId": "b", "threadId": None, "value": "1"}),
        ("feedbacks", {"id": "g", "forId": "gone", "threadId": "t", "value": "0"}),
        ("feedbacks", {"id": "h", "forId": "a", "threadId": "t", "value": "-1", "comment": ""}),
        ("feedbacks", {"id": "i", "forId": "a", "threadId": "t", "value": "good"}),
        ("elements", {"id": "e", "threadId": None, "name": "lone"}),
    )
    assert {key: each.author for key, each in stored.items()} == {"t": "ann", "u": None, "v": "ben", "missing": None}
    assert [(row["id"], row["created_at"]) for row in stored["t"].steps] == [(key, _moment(4)) for key in "abcd"]
    assert [(vote["step_id"], vote["value"]) for vote in stored["t"].votes] == [("b", 1), ("a", 0)]
    assert len(stored["u"].steps) == 1
    assert stored["u"].steps[0]["id"]
    told = [problem.why for problem in problems]
    assert not any(problem.lost for problem in problems)
    for why in (
        Why("steps_astray", n=1),
        Why("files_astray", n=1),
        Why("votes_astray", n=1),
        Why("steps_untimed", n=3),
        Why("thread_missing"),
        Why("user_missing"),
        Why("vote_odd"),
    ):
        assert why in told


def test_columns_of_any_age(tmp_path: Path) -> None:
    oldest = """
    CREATE TABLE threads (id TEXT, userId TEXT);
    CREATE TABLE steps (id TEXT, type TEXT, threadId TEXT, output TEXT);
    """
    script = oldest + "INSERT INTO threads VALUES ('t', NULL); INSERT INTO steps VALUES ('a', 'user_message', 't', 'o')"
    stored, problems = of_rows(tmp_path, script)
    assert stored["t"].steps == [{"id": "a", "type": "user_message", "output": "o"}]
    assert [problem.why for problem in problems] == [Why("steps_untimed", n=1)]


def test_keys_that_are_numbers(tmp_path: Path) -> None:
    script = """
    CREATE TABLE users (id INTEGER, identifier TEXT); CREATE TABLE threads (id INTEGER, userId INTEGER);
    CREATE TABLE steps (id INTEGER, type TEXT, threadId INTEGER, output TEXT);
    INSERT INTO users VALUES (7, 'ann');
    """
    many = "".join(
        f"INSERT INTO threads VALUES ({n}, 7); INSERT INTO steps VALUES ({n}, 'x', {n}, 'o');" for n in (2, 10, 1)
    )
    stored, _ = of_rows(tmp_path, script + many)
    assert {key: (each.author, [row["id"] for row in each.steps]) for key, each in stored.items()} == {
        key: ("ann", [key]) for key in ("1", "2", "10")
    }


@pytest.mark.services
async def test_by_command_it_is_imported_for_each_of_its_people_and_the_url_is_not_told(tmp_path: Path) -> None:
    url = postgres(OFFICIAL)
    layer: Any = ChainlitDataLayer(url.replace("+asyncpg", ""), storage_client=Cloud())
    ids = await filled(layer)
    await layer.pool.close()
    place = tmp_path / "app.db"
    store = DataLayer(f"sqlite+aiosqlite:///{place}", files=tmp_path / "files")
    await store.store.open()
    await store.close()
    given = url.replace("postgres@", "postgres:s3cret@")  # the server asks nobody here
    for state in ("New: 2", "are as they were: 2"):
        arguments = ["import", "--database", str(place), "--files", str(tmp_path / "files"), "--authors", given]
        done = await _in_thread(CliRunner().invoke, app, arguments)
        assert (done.exit_code, "s3cret" in done.output) == (0, False), done.output
        assert state in done.output, done.output
    with closing(sqlite3.connect(place)) as database:
        found = database.execute(
            "SELECT threads.id, identifier, kind FROM threads JOIN users ON users.id = user_id ORDER BY threads.name"
        ).fetchall()
    assert found == [(ids["thread"], "ann", "imported"), (ids["other"], "ann", "imported")]
