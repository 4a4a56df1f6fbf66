"""Sessions of OpenAI's Agents SDK in SQLite."""

import json
from pathlib import Path
from typing import Any

from exchange.origins.base import Problem
from exchange.origins.openai_agents import ORIGIN
from tests.exchange.origins.given import conversations, database, only, path_of, read, told


def tables(sessions: str = "agent_sessions", messages: str = "agent_messages") -> str:
    return f"""
    CREATE TABLE {sessions} (session_id TEXT PRIMARY KEY, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
      updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE {messages} (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, message_data TEXT NOT NULL,
      created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
      FOREIGN KEY (session_id) REFERENCES {sessions} (session_id) ON DELETE CASCADE);
    CREATE INDEX idx_{messages}_session_id ON {messages} (session_id, id);
    """


ADVANCED = """
CREATE TABLE message_structure (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
  message_id INTEGER NOT NULL, branch_id TEXT NOT NULL DEFAULT 'main', message_type TEXT NOT NULL,
  sequence_number INTEGER NOT NULL, user_turn_number INTEGER, branch_turn_number INTEGER, tool_name TEXT,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE turn_usage (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
  branch_id TEXT NOT NULL DEFAULT 'main', user_turn_number INTEGER NOT NULL, requests INTEGER DEFAULT 0,
  input_tokens INTEGER DEFAULT 0, output_tokens INTEGER DEFAULT 0, total_tokens INTEGER DEFAULT 0,
  input_tokens_details JSON, output_tokens_details JSON, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
"""
AT = 1_785_924_000_000_000


def row(item: Any, session: str = "s") -> dict[str, Any]:
    written = item if isinstance(item, str) else json.dumps(item)
    return {"session_id": session, "message_data": written, "created_at": "2026-08-05 10:00:00"}


def asked(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def answered(words: str, **over: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": words, "annotations": over.pop("annotations", [])}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content} | over


def placed(message: int, sequence: int, branch: str = "main", kind: str = "user") -> dict[str, Any]:
    known = {"session_id": "s", "message_id": message, "branch_id": branch, "message_type": kind}
    return known | {"sequence_number": sequence}


def test_items_of_one_second_are_in_the_order_of_their_ids(tmp_path: Path) -> None:
    rows = [row(asked("hi")), row(asked("other"), "s2"), row(answered("hello")), row(asked("more"))]
    first, second = conversations(ORIGIN, database(tmp_path / "s.db", tables(), agent_messages=rows))
    assert told(first) == [("user", "hi"), ("assistant", "hello"), ("user", "more")]
    assert told(second) == [("user", "other")]
    assert {said.at for said in first.said} == {AT}
    assert (first.key, first.created_at, first.said[1].key) == ("agent_messages/s", AT, "3")


def test_parts_tools_and_reasoning(tmp_path: Path) -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64,cG5n", "detail": "auto"}
    note = {"type": "url_citation", "url": "https://example.org", "title": "E"}
    rows = [
        row(asked([{"type": "input_text", "text": "here?"}, picture, {"type": "input_file", "file_id": "file-1"}])),
        row({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]}),
        row({"type": "function_call", "name": "weather", "arguments": '{"in": "Rome"}', "call_id": "c1", "id": "fc"}),
        row({"type": "function_call_output", "call_id": "c1", "output": "wet"}),
        row({"type": "web_search_call", "id": "ws", "status": "completed", "action": {"query": "rain"}}),
        row({"type": "image_generation_call", "id": "ig", "result": "cG5n", "status": "completed"}),
        row(answered("Rain.", annotations=[note])),
        row({"role": "developer", "content": "Be short."}),
    ]
    found = only(ORIGIN, database(tmp_path / "s.db", tables(), agent_messages=rows))
    assert told(found) == [("user", "here?"), ("assistant", ""), ("assistant", "Rain.")]
    assert [(file.name, file.content) for file in found.said[0].files] == [("image-1.png", b"png"), ("file-1", None)]
    assert [(said.aside, said.name, said.input, said.text) for said in found.said if said.aside] == [
        ("reasoning", None, "", "hm"),
        ("tool", "weather", '{"in": "Rome"}', "wet"),
        ("tool", "web_search", "", ""),
        ("tool", "image_generation", "", ""),
        ("hidden", None, "", "Be short."),
    ]
    assert next(said for said in found.said if said.name == "web_search").metadata["action"] == {"query": "rain"}
    picture_made, answer = (said for said in path_of(found) if said.by == "assistant" and said.aside is None)
    assert picture_made.files[0].content == b"png"
    assert answer.metadata == {"annotations": [note]}


def test_branches_are_versions_and_the_newest_is_shown(tmp_path: Path) -> None:
    rows = [
        row(asked("a")),
        row(answered("b")),
        row(asked("c")),
        row(answered("d")),
        row(asked("e")),
        row(answered("f")),
    ]
    structure = [
        *(placed(n, n) for n in (1, 2, 3, 4)),
        *(placed(n, 4 + n, "branch_from_turn_2") for n in (1, 2)),
        placed(5, 7, "branch_from_turn_2"),
        placed(6, 8, "branch_from_turn_2"),
    ]
    usage = [{"session_id": "s", "user_turn_number": 1, "total_tokens": 9}]
    path = database(
        tmp_path / "s.db", tables(), ADVANCED, agent_messages=rows, message_structure=structure, turn_usage=usage
    )
    found = only(ORIGIN, path)
    assert told(found) == [("user", "a"), ("assistant", "b"), ("user", "e"), ("assistant", "f")]
    parents = {said.text: said.parent for said in found.said}
    assert parents == {"a": None, "b": "1", "c": "2", "d": "3", "e": "2", "f": "5"}
    assert found.metadata["branches"] == ["main", "branch_from_turn_2"]
    assert found.metadata["usage"][0]["total_tokens"] == 9
    assert found.problems == []


def test_an_item_in_no_branch_is_told(tmp_path: Path) -> None:
    rows = [row(asked("a")), row(answered("b")), row(asked("stray"))]
    path = database(
        tmp_path / "s.db", tables(), ADVANCED, agent_messages=rows, message_structure=[placed(1, 1), placed(2, 2)]
    )
    found = only(ORIGIN, path)
    assert len(found.said) == 3
    assert "none of its branches" in str(found.problems[0].why)


def test_tables_can_be_called_otherwise_and_be_several(tmp_path: Path) -> None:
    made = [tables(), tables("my_sessions", "my_items")]
    path = database(tmp_path / "s.db", *made, agent_messages=[row(asked("a"))], my_items=[row(asked("b"))])
    assert [each.key for each in conversations(ORIGIN, path)] == ["agent_messages/s", "my_items/s"]


def test_what_is_encrypted_is_told_and_not_taken_for_text(tmp_path: Path) -> None:
    sealed = {"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": "gAAAA"}
    rows = [row(sealed), row(sealed), row(asked("plain"), "half"), row(sealed, "half")]
    whole, half = sorted(read(ORIGIN, database(tmp_path / "s.db", tables(), agent_messages=rows)), key=str)[::-1]
    assert isinstance(whole, Problem)
    assert (whole.lost, "2 of its 2 items are encrypted" in str(whole.why)) == (True, True)
    assert not isinstance(half, Problem)
    assert told(half) == [("user", "plain")]
    assert [(each.lost, "1 of its 2" in str(each.why)) for each in half.problems] == [(False, True)]


def test_rows_that_are_no_json_are_told_and_the_others_come(tmp_path: Path) -> None:
    rows = [row(asked("a")), row("{broken"), row("[1]"), row("null"), row(answered("b")), row("nothing", "t")]
    found = read(ORIGIN, database(tmp_path / "s.db", tables(), agent_messages=rows))
    assert [str(each.place) for each in found[0].problems] == [  # type: ignore[union-attr]
        f"s.db, table agent_messages, session s, row {n}" for n in (2, 3, 4)
    ]
    assert isinstance(found[1], Problem)
