"""LangChain's histories in SQLite, whatever their tables are called."""

import json
from pathlib import Path
from typing import Any

from exchange.opened import opened
from exchange.origins.base import Problem
from exchange.origins.langchain import ORIGIN
from tests.exchange.origins.given import conversations, database, only, path_of, read, told

STORE = "CREATE TABLE message_store (id INTEGER NOT NULL PRIMARY KEY, session_id TEXT, message TEXT)"


def row(kind: str, content: Any, session: str = "s", **data: Any) -> dict[str, Any]:
    return {"session_id": session, "message": json.dumps({"type": kind, "data": {"content": content, **data}})}


def test_a_session_is_a_conversation_in_the_order_of_its_rows(tmp_path: Path) -> None:
    rows = [
        row("human", "hi", additional_kwargs={}, response_metadata={}, type="human", example=False),
        row("human", "other", "s2"),
        row("ai", "hello", response_metadata={"model_name": "gpt-4o", "finish_reason": "stop"}),
    ]
    first, second = conversations(ORIGIN, database(tmp_path / "h.db", STORE, message_store=rows))
    assert (first.key, second.key) == ("message_store/s", "message_store/s2")
    assert told(first) == [("user", "hi"), ("assistant", "hello")]
    assert [(said.key, said.at, said.model) for said in path_of(first)] == [("1", None, None), ("3", None, "gpt-4o")]
    assert first.said[1].metadata == {"response_metadata": {"model_name": "gpt-4o", "finish_reason": "stop"}}
    assert first.created_at is None


def test_several_tables_with_other_names_and_times(tmp_path: Path) -> None:
    odd = 'CREATE TABLE "my ""chats" (id INTEGER PRIMARY KEY, session_id TEXT, message JSON, created_at TEXT)'
    dated = row("human", "dated") | {"created_at": "2026-08-05 10:00:00+00:00"}
    path = database(tmp_path / "h.db", STORE, odd, **{"message_store": [row("human", "x")], 'my "chats': []})
    database(path, **{'my ""chats': [dated]})
    found = {each.key: each for each in conversations(ORIGIN, path)}
    assert found.keys() == {"message_store/s", 'my "chats/s'}
    assert found['my "chats/s'].created_at == found['my "chats/s'].said[0].at == 1_785_924_000_000_000


def test_the_custom_converter_of_the_documentation(tmp_path: Path) -> None:
    columns = "id INTEGER PRIMARY KEY, session_id TEXT, type TEXT, content TEXT, created_at DATETIME, author_email TEXT"
    made = f"CREATE TABLE custom_message_store ({columns})"
    rows = [
        {"session_id": "s", "type": "human", "content": "hi", "created_at": "2026-08-05 10:00:00.000000"},
        {"session_id": "s", "type": "ai", "content": "hello", "created_at": "2026-08-05 10:00:01.000000"},
    ]
    assert told(only(ORIGIN, database(tmp_path / "h.db", made, custom_message_store=rows))) == [
        ("user", "hi"),
        ("assistant", "hello"),
    ]


def test_parts_mix_strings_and_objects(tmp_path: Path) -> None:
    parts = [
        "see ",
        {"type": "text", "text": "this"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}},
        {"type": "image_url", "image_url": "https://example.org/a.png"},
        {"type": "hologram", "x": 1},
    ]
    found = only(ORIGIN, database(tmp_path / "h.db", STORE, message_store=[row("human", parts)]))
    (said,) = found.said
    assert said.text == "see \n\nthis"
    assert [(file.mime, file.content, file.metadata) for file in said.files] == [
        ("image/png", b"png", {}),
        (None, None, {"url": "https://example.org/a.png"}),
    ]
    assert len(found.problems) == 2
    assert said.metadata == {"parts": [{"type": "hologram", "x": 1}]}


def test_tools_system_messages_and_roles_of_chat(tmp_path: Path) -> None:
    call = {"name": "weather", "args": {"in": "Rome"}, "id": "t1", "type": "tool_call"}
    rows = [
        row("system", "Be short."),
        row("chat", "weather?", role="user"),
        row("AIMessageChunk", "", tool_calls=[call], additional_kwargs={"reasoning_content": "hm"}),
        row("tool", "wet", tool_call_id="t1", name="weather", status="success"),
        row("ai", [{"type": "text", "text": "Rain."}]),
        row("function", "old", name="f"),
    ]
    found = only(ORIGIN, database(tmp_path / "h.db", STORE, message_store=rows))
    assert told(found) == [("user", "weather?"), ("assistant", "Rain.")]
    assert [(said.aside, said.name, said.input, said.text) for said in found.said if said.aside] == [
        ("hidden", None, "", "Be short."),
        ("reasoning", None, "", "hm"),
        ("tool", "weather", '{"in": "Rome"}', "wet"),
        ("tool", "f", "", "old"),
    ]


def test_a_row_that_is_no_message_is_told_and_the_others_come(tmp_path: Path) -> None:
    rows = [row("human", "hi"), {"session_id": "s", "message": "{broken"}, row("parrot", "squawk"), row("ai", "hello")]
    rows += [{"session_id": "t", "message": "[]"}, {"session_id": None, "message": None}]
    found = read(ORIGIN, database(tmp_path / "h.db", STORE, message_store=rows))
    alone = [each for each in found if isinstance(each, Problem)]
    (conversation,) = [each for each in found if not isinstance(each, Problem)]
    assert [str(each.place) for each in conversation.problems] == [
        "h.db, table message_store, session s, row 2",
        "h.db, table message_store, session s, row 3",
    ]
    assert len(alone) == 2
    assert all(each.lost for each in alone)


def test_a_longer_history_keeps_its_keys(tmp_path: Path) -> None:
    rows = [row("human", "hi"), row("ai", "hello")]
    before = only(ORIGIN, database(tmp_path / "a.db", STORE, message_store=rows))
    after = only(ORIGIN, database(tmp_path / "b.db", STORE, message_store=[*rows, row("human", "more")]))
    assert (after.key, [said.key for said in after.said[:2]]) == (before.key, [said.key for said in before.said])


def test_a_database_without_such_a_table_is_none_of_it(tmp_path: Path) -> None:
    made = "CREATE TABLE s (id INTEGER PRIMARY KEY, session_id TEXT, message TEXT, content TEXT, type TEXT)"
    path = database(tmp_path / "h.db", made, s=[{"session_id": "s", "message": "plain", "type": "car", "content": "x"}])
    with opened(path) as source:
        assert not ORIGIN.recognises(source)


def test_a_message_without_content_is_told(tmp_path: Path) -> None:
    rows = [row("human", "hi"), row("ai", None)]
    found = only(ORIGIN, database(tmp_path / "h.db", STORE, message_store=rows))
    assert (told(found), [str(each.why) for each in found.problems]) == (
        [("user", "hi")],
        ["a message without content is left out"],
    )
