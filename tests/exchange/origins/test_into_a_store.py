"""What the readers of logs give is stored, and the same again changes nothing."""

import json
from pathlib import Path

import pytest

from datalayer import APPLICATION, Store
from datalayer.records import user_id
from datalayer.writes import UpsertUser
from exchange.importing import run_import
from exchange.importing.reading import size
from exchange.origins.base import Conversation, File, Said
from exchange.origins.places import Place
from tests.exchange.made import step, vote, whole
from tests.exchange.origins import (
    test_jsonl,
    test_langchain,
    test_llm,
    test_markdown,
    test_openai_agents,
    test_sessions,
)
from tests.exchange.origins.given import database

ASKED = ("Which bird?", "An avocet.")


def llm(folder: Path) -> Path:
    return database(folder / "logs.db", test_llm.OLD, responses=[test_llm.answer("a", *ASKED)])


def turns(folder: Path) -> Path:
    made = test_llm.chain(*ASKED)
    thread = {"id": "t", "tip_message_hash": "h2"}
    return database(
        folder / "logs.db", test_llm.OLD, test_llm.NEW, threads=[thread], turns=[test_llm.turn("1", "h1", "h2")], **made
    )


def langchain(folder: Path) -> Path:
    rows = [test_langchain.row("human", ASKED[0]), test_langchain.row("ai", ASKED[1])]
    return database(folder / "h.db", test_langchain.STORE, message_store=rows)


def agents(folder: Path) -> Path:
    rows = [
        test_openai_agents.row(item)
        for item in (test_openai_agents.asked(ASKED[0]), test_openai_agents.answered(ASKED[1]))
    ]
    return database(folder / "s.db", test_openai_agents.tables(), agent_messages=rows)


def jsonl(folder: Path) -> Path:
    said = [step(ASKED[0], number=1), step(ASKED[1], "assistant_message", number=2)]
    return test_jsonl.exported(folder / "e.jsonl", whole(*said, votes=[vote("s2")]))


def markdown(folder: Path) -> Path:
    return test_markdown.page(
        folder / "p.md", whole(step(ASKED[0], number=1), step(ASKED[1], "assistant_message", number=2))
    )


def transcript(folder: Path) -> Path:
    return test_markdown.written(folder / "t.md", f"## You\n\n{ASKED[0]}\n\n## ChatGPT\n\n{ASKED[1]}\n")


def sessions(folder: Path) -> Path:
    return test_markdown.written(folder / "s.json", json.dumps(test_sessions.session()))


@pytest.mark.parametrize("make", [llm, turns, langchain, agents, jsonl, markdown, transcript, sessions])
async def test_it_is_told_by_its_content_stored_and_the_same_again_changes_nothing(
    tmp_path: Path, make: object
) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'threads.db'}")
    await store.submit(UpsertUser(identifier="ann", at=1))
    report = await run_import(store, path, "ann")
    assert (report.new, report.messages, report.skipped) == (1, 2, 0)
    (thread,) = (await store.threads(user_id("ann"))).threads
    (kept,) = await store.whole_threads(APPLICATION, [thread.id])
    assert [each.output for each in kept.steps if (each.type or "").endswith("_message")] == [*ASKED]
    again = await run_import(store, path, "ann")
    assert (again.new, again.added, again.there) == (0, 0, 1)
    (same,) = await store.whole_threads(APPLICATION, [thread.id])
    assert same == kept
    await store.close()


def test_files_that_a_conversation_has_with_it_count() -> None:
    file = File("1", "a.png", content=b"x" * 1_000_000)
    assert size(Conversation("k", Place("p"), [Said("s", "user", "hi", files=[file])])) > 1_000_000
