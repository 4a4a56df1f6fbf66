"""llm's logs.db, in both of its generations, and both in one file."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exchange.opened import opened
from exchange.origins import tables
from exchange.origins.base import Conversation, Problem
from exchange.origins.llm import ORIGIN
from tests.exchange.origins.given import conversations, database, only, path_of, problems, read, told

OLD = """
CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, prompt_json TEXT, options_json TEXT,
  response TEXT, response_json TEXT, conversation_id TEXT REFERENCES conversations(id), duration_ms INTEGER,
  datetime_utc TEXT, input_tokens INTEGER, output_tokens INTEGER, token_details TEXT, schema_id TEXT,
  resolved_model TEXT, reasoning TEXT);
CREATE TABLE attachments (id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB);
CREATE TABLE prompt_attachments (response_id TEXT, attachment_id TEXT, "order" INTEGER,
  PRIMARY KEY (response_id, attachment_id));
CREATE TABLE fragments (id INTEGER PRIMARY KEY, hash TEXT, content TEXT, datetime_utc TEXT, source TEXT);
CREATE TABLE prompt_fragments (response_id TEXT, fragment_id INTEGER, "order" INTEGER,
  PRIMARY KEY (response_id, fragment_id, "order"));
CREATE TABLE system_fragments (response_id TEXT, fragment_id INTEGER, "order" INTEGER,
  PRIMARY KEY (response_id, fragment_id, "order"));
CREATE TABLE tool_calls (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT, arguments TEXT,
  tool_call_id TEXT);
CREATE TABLE tool_results (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT, output TEXT,
  tool_call_id TEXT, instance_id INTEGER, exception TEXT);
CREATE VIRTUAL TABLE responses_fts USING FTS5 (prompt, response, content=responses);
"""
NEW = """
CREATE TABLE messages (hash TEXT PRIMARY KEY, parent_hash TEXT REFERENCES messages(hash), role TEXT,
  provider_metadata TEXT);
CREATE TABLE parts (id INTEGER PRIMARY KEY, message_hash TEXT REFERENCES messages(hash), position INTEGER, type TEXT,
  tool_name TEXT, text TEXT, payload TEXT);
CREATE TABLE part_attachments (part_id INTEGER, attachment_id TEXT, "order" INTEGER,
  PRIMARY KEY (part_id, attachment_id, "order"));
CREATE TABLE part_fragments (part_id INTEGER, fragment_id INTEGER, "order" INTEGER,
  PRIMARY KEY (part_id, fragment_id, "order"));
CREATE TABLE threads (id TEXT PRIMARY KEY, name TEXT, tip_message_hash TEXT, forked_from TEXT, datetime_utc TEXT);
CREATE TABLE turns (id TEXT PRIMARY KEY, thread_id TEXT, parent_message_hash TEXT, tip_message_hash TEXT, model TEXT,
  resolved_model TEXT, options_json TEXT, schema_id TEXT, input_tokens INTEGER, output_tokens INTEGER,
  token_details TEXT, duration_ms INTEGER, datetime_utc TEXT, response_json TEXT);
"""
AT = 1_714_557_600_123_456


def answer(id: str, prompt: str | None, response: str, **over: Any) -> dict[str, Any]:
    known = {"id": id, "model": "m", "prompt": prompt, "response": response, "conversation_id": "c"}
    return known | {"datetime_utc": "2024-05-01T10:00:00.123456", "duration_ms": 2000} | over


def message(hash: str, parent: str | None, role: str) -> dict[str, Any]:
    return {"hash": hash, "parent_hash": parent, "role": role}


def part(hash: str, text: str | None, kind: str = "text", position: int = 0, **payload: Any) -> dict[str, Any]:
    given = {"message_hash": hash, "position": position, "type": kind, "text": text}
    return given | {"tool_name": payload.get("name"), "payload": json.dumps(payload) if payload else None}


def turn(id: str, parent: str, tip: str, thread: str = "t", **over: Any) -> dict[str, Any]:
    known = {"id": id, "thread_id": thread, "parent_message_hash": parent, "tip_message_hash": tip, "model": "m"}
    return known | {"datetime_utc": "2026-08-05T10:00:00+00:00", "duration_ms": 1000} | over


def chain(*words: str) -> dict[str, list[dict[str, Any]]]:
    """Messages h1, h2 … one below the other, of a person and a model in turn."""
    made = [message(f"h{n}", f"h{n - 1}" if n > 1 else None, "user" if n % 2 else "assistant") for n in range(1, 99)]
    return {"messages": made[: len(words)], "parts": [part(f"h{n}", text) for n, text in enumerate(words, 1)]}


class TestResponses:
    def test_a_row_is_a_question_with_its_answer(self, tmp_path: Path) -> None:
        rows = [answer("01b", "second", "two"), answer("01a", "first", "one", resolved_model="m-2024", input_tokens=3)]
        path = database(tmp_path / "logs.db", OLD, conversations=[{"id": "c", "name": "Birds"}], responses=rows)
        found = only(ORIGIN, path)
        assert (found.key, found.title) == ("c", "Birds")
        assert told(found) == [("user", "first"), ("assistant", "one"), ("user", "second"), ("assistant", "two")]
        first = path_of(found)
        assert [said.key for said in first[:2]] == ["01a/prompt", "01a/response"]
        assert (first[0].at, first[1].at, first[1].model) == (AT, AT + 2_000_000, "m-2024")
        assert first[1].metadata == {"duration_ms": 2000, "input_tokens": 3}

    def test_without_a_conversation_each_is_one(self, tmp_path: Path) -> None:
        rows = [answer("a", "x", "y", conversation_id=None), answer("b", "x", "z", conversation_id=None)]
        found = conversations(ORIGIN, database(tmp_path / "l.db", OLD, responses=rows))
        assert [each.key for each in found] == ["response-a", "response-b"]

    def test_a_question_begins_with_its_fragments_in_order(self, tmp_path: Path) -> None:
        some = [{"id": n, "content": word} for n, word in ((1, "one"), (2, "two"), (3, "Be short. "))]
        order = [{"response_id": "a", "fragment_id": n, "order": 2 - n} for n in (1, 2)]
        system = [{"response_id": "a", "fragment_id": 3, "order": 0}]
        rows = [answer("a", "sum up", "ok", system="Always.")]
        path = database(
            tmp_path / "l.db", OLD, responses=rows, fragments=some, prompt_fragments=order, system_fragments=system
        )
        found = only(ORIGIN, path)
        assert told(found)[0] == ("user", "two\none\nsum up")
        assert (found.said[0].by, found.said[0].text, found.said[0].aside) == (
            "system",
            "Be short.\n\nAlways.",
            "hidden",
        )

    def test_a_fragment_that_is_gone_is_told(self, tmp_path: Path) -> None:
        gone = [{"response_id": "a", "fragment_id": 9, "order": 0}]
        found = only(ORIGIN, database(tmp_path / "l.db", OLD, responses=[answer("a", "q", "r")], prompt_fragments=gone))
        assert [(str(each.why), each.lost) for each in found.problems] == [("fragment 9 is missing", False)]

    def test_only_columns_that_are_there_are_read(self, tmp_path: Path) -> None:
        early = "CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, response TEXT)"
        path = database(tmp_path / "l.db", early, responses=[{"id": "a", "model": "m", "prompt": "q", "response": "r"}])
        assert told(only(ORIGIN, path)) == [("user", "q"), ("assistant", "r")]

    def test_attachments_have_their_content_and_paths_are_not_opened(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret.txt"
        secret.write_text("not in the log")
        files = [
            {"id": hashlib.sha256(b"png").hexdigest(), "type": "image/png", "content": b"png"},
            {"id": "p", "type": "text/plain", "path": str(secret)},
            {"id": "u", "type": "image/jpeg", "url": "https://example.org/a/b.jpg"},
        ]
        joined = [{"response_id": "a", "attachment_id": file["id"], "order": n} for n, file in enumerate(files)]
        rows = [answer("a", "q", "r")]
        path = database(tmp_path / "l.db", OLD, responses=rows, attachments=files, prompt_attachments=joined)
        found = only(ORIGIN, path)
        assert [(file.name, file.content) for file in found.said[0].files] == [
            (f"attachment-{files[0]['id'][:12]}", b"png"),
            ("secret.txt", None),
            ("b.jpg", None),
        ]
        assert len(found.problems) == 2

    def test_a_tool_has_its_call_and_its_result_in_one_step(self, tmp_path: Path) -> None:
        rows = [answer("a", "weather?", ""), answer("b", None, "Rain.")]
        call = {"response_id": "a", "name": "weather", "arguments": '{"in": "Rome"}', "tool_call_id": "t1"}
        result = {"response_id": "b", "name": "weather", "output": "wet", "tool_call_id": "t1"}
        path = database(tmp_path / "l.db", OLD, responses=rows, tool_calls=[call], tool_results=[result])
        found = only(ORIGIN, path)
        assert told(found) == [("user", "weather?"), ("assistant", "Rain.")]
        (tool,) = [said for said in found.said if said.aside == "tool"]
        assert (tool.name, tool.input, tool.text) == ("weather", '{"in": "Rome"}', "wet")

    def test_reasoning_is_no_answer(self, tmp_path: Path) -> None:
        path = database(tmp_path / "l.db", OLD, responses=[answer("a", "q", "r", reasoning="hm")])
        found = only(ORIGIN, path)
        assert [(said.aside, said.text) for said in path_of(found)] == [(None, "q"), ("reasoning", "hm"), (None, "r")]


class TestTurns:
    def test_a_thread_is_its_tip_up_to_the_root(self, tmp_path: Path) -> None:
        turns = [turn("u1", "h1", "h2"), turn("u2", "h3", "h4", model="n", datetime_utc="2026-08-05T11:00:00+00:00")]
        thread = {"id": "t", "name": "Birds", "tip_message_hash": "h4", "datetime_utc": "2026-08-05 09:59:59+00:00"}
        path = database(tmp_path / "l.db", OLD, NEW, threads=[thread], turns=turns, **chain("a", "b", "c", "d"))
        found = only(ORIGIN, path)
        assert told(found) == [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
        assert (found.key, found.title, found.created_at) == ("t", "Birds", 1_785_923_999_000_000)
        times = [said.at for said in path_of(found)]
        asked, hour, second = 1_785_924_000_000_000, 3_600_000_000, 1_000_000
        assert times == [asked, asked + second, asked + hour, asked + hour + second]
        assert [said.model for said in path_of(found)] == [None, "m", None, "n"]

    def test_text_of_fragments_is_put_together(self, tmp_path: Path) -> None:
        parts = [part("h1", None, text_ref=[{"fragment": 1}, {"literal": " and "}, {"fragment": 2}, {"fragment": 7}])]
        path = database(
            tmp_path / "l.db",
            *(OLD, NEW),
            threads=[{"id": "t", "tip_message_hash": "h1"}],
            messages=[message("h1", None, "user")],
            parts=parts,
            fragments=[{"id": 1, "content": "one"}, {"id": 2, "content": "two"}],
        )
        found = only(ORIGIN, path)
        assert told(found) == [("user", "one and two")]
        assert [str(each.why) for each in found.problems] == ["fragment 7 is missing"]

    def test_a_fork_shares_what_was_said_before_with_its_times(self, tmp_path: Path) -> None:
        made = chain("a", "b", "c", "d")
        made["messages"] += [message("f3", "h2", "user"), message("f4", "f3", "assistant")]
        made["parts"] += [part("f3", "other"), part("f4", "way")]
        threads = [
            {"id": "t", "tip_message_hash": "h4", "datetime_utc": "2026-08-05 10:00:00+00:00"},
            {"id": "u", "tip_message_hash": "f4", "forked_from": "t"},
            {"id": "v", "tip_message_hash": "h2", "forked_from": "u"},
        ]
        turns = [turn("1", "h1", "h2"), turn("2", "h3", "h4"), turn("3", "f3", "f4", "u", datetime_utc="2026-08-06")]
        path = database(tmp_path / "l.db", OLD, NEW, threads=threads, turns=turns, **made)
        found = {each.key: each for each in conversations(ORIGIN, path)}
        assert told(found["u"]) == [("user", "a"), ("assistant", "b"), ("user", "other"), ("assistant", "way")]
        assert told(found["v"]) == [("user", "a"), ("assistant", "b")]
        assert path_of(found["u"])[0].at == path_of(found["v"])[0].at == 1_785_924_000_000_000
        assert found["u"].metadata == {"forked_from": "t"}

    def test_turns_beside_the_shown_path_are_versions(self, tmp_path: Path) -> None:
        made = chain("a", "b")
        made["messages"].append(message("h9", "h1", "assistant"))
        made["parts"].append(part("h9", "again"))
        threads = [{"id": "t", "tip_message_hash": "h9"}]
        path = database(
            tmp_path / "l.db", OLD, NEW, threads=threads, turns=[turn("1", "h1", "h2"), turn("2", "h1", "h9")], **made
        )
        found = only(ORIGIN, path)
        assert told(found) == [("user", "a"), ("assistant", "again")]
        assert [said.text for said in found.said] == ["a", "b", "again"]

    def test_parts_of_all_kinds(self, tmp_path: Path) -> None:
        messages = [
            message(f"h{n}", f"h{n - 1}" if n else None, role)
            for n, role in enumerate(("system", "user", "assistant", "tool", "assistant"))
        ]
        parts = [
            part("h0", "Be short."),
            part("h1", None, "attachment", 1, attachment={"id": "p"}),
            part("h1", "weather here?", position=0),
            part("h2", "hm", "reasoning"),
            part("h2", None, "tool_call", 1, name="weather", arguments={"in": "Rome"}, tool_call_id="x"),
            part("h3", None, "tool_result", name="weather", output="wet", tool_call_id="x"),
            part("h4", "Rain."),
            part("h4", None, "hologram", 1, shape="cube"),
        ]
        path = database(
            tmp_path / "l.db",
            *(OLD, NEW),
            threads=[{"id": "t", "tip_message_hash": "h4"}],
            messages=messages,
            parts=[each | {"id": n} for n, each in enumerate(parts)],
            part_attachments=[{"part_id": 1, "attachment_id": "p", "order": 0}],
            attachments=[{"id": "p", "type": "image/png", "content": b"png"}],
            turns=[turn("1", "h1", "h2"), turn("2", "h3", "h4")],
        )
        found = only(ORIGIN, path)
        assert told(found) == [("user", "weather here?"), ("assistant", "Rain.")]
        asides = [(said.aside, said.input, said.text) for said in path_of(found) if said.aside]
        assert asides == [("hidden", "", "Be short."), ("reasoning", "", "hm"), ("tool", '{"in": "Rome"}', "wet")]
        assert next(said for said in found.said if said.by == "user").files[0].content == b"png"
        assert ["hologram" in str(each.why) for each in found.problems] == [True]

    def test_a_circle_and_a_parent_that_is_gone_end_the_path(self, tmp_path: Path) -> None:
        messages = [message("h1", "h2", "user"), message("h2", "h1", "assistant"), message("g2", "gone", "user")]
        path = database(
            tmp_path / "l.db",
            *(OLD, NEW),
            threads=[{"id": "t", "tip_message_hash": "h2"}, {"id": "u", "tip_message_hash": "g2"}],
            messages=messages,
            parts=[part("h1", "a"), part("h2", "b"), part("g2", "c")],
        )
        first, second = conversations(ORIGIN, path)
        assert (told(first), told(second)) == ([("user", "a"), ("assistant", "b")], [("user", "c")])
        assert "circle" in str(first.problems[0].why)
        assert "missing" in str(second.problems[0].why)


class TestBoth:
    def test_what_both_have_comes_once(self, tmp_path: Path) -> None:
        path = database(
            tmp_path / "l.db",
            *(OLD, NEW),
            conversations=[{"id": "t", "name": "Birds"}],
            responses=[answer("u1", "a", "b, as it was written then", conversation_id="t")],
            threads=[{"id": "t", "tip_message_hash": "h2"}],
            turns=[turn("u1", "h1", "h2")],
            **chain("a", "b"),
        )
        found = only(ORIGIN, path)
        assert [said.text for said in found.said] == ["a", "b"]
        assert (found.key, found.title) == ("t", "Birds")

    def test_a_conversation_that_went_on_in_the_second_keeps_its_keys(self, tmp_path: Path) -> None:
        old = {"conversations": [{"id": "t"}], "responses": [answer("r1", "a", "b", conversation_id="t")]}
        before = only(ORIGIN, database(tmp_path / "old.db", OLD, **old))
        made = chain("a", "b", "c", "d")
        thread = {"id": "t", "tip_message_hash": "h4"}
        path = database(tmp_path / "new.db", OLD, NEW, **old, threads=[thread], turns=[turn("u2", "h3", "h4")], **made)
        after = only(ORIGIN, path)
        assert told(after) == [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
        assert [said.key for said in after.said[:2]] == [said.key for said in before.said]
        assert len(after.said) == 4


class TestFile:
    def test_text_that_is_not_utf8_is_replaced_and_told(self, tmp_path: Path) -> None:
        path = database(tmp_path / "l.db", OLD, responses=[answer("a", "q", "r")])
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE responses SET response = CAST(X'41FF42' AS TEXT)")
        found = only(ORIGIN, path)
        assert told(found)[1] == ("assistant", "A\ufffdB")
        assert "UTF-8" in str(found.problems[0].why)

    def test_one_that_is_damaged_gives_what_it_has_and_tells(self, tmp_path: Path) -> None:
        rows = [answer(f"{n:03}", "q" * 3000, "r", conversation_id=f"c{n}") for n in range(200)]
        path = database(tmp_path / "l.db", OLD, responses=rows)
        content = bytearray(path.read_bytes())
        middle = len(content) // 8192 // 2 * 8192
        content[middle : middle + 8192] = b"\xff" * 8192
        path.write_bytes(content)
        found = read(ORIGIN, path)
        assert any("damaged" in str(each.why) for each in problems(found))
        assert all(isinstance(each, (Conversation, Problem)) for each in found)

    def test_one_that_is_locked_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tables, "PATIENCE", 0.05)
        path = database(tmp_path / "l.db", OLD, responses=[answer("a", "q", "r")])
        with closing(sqlite3.connect(path, isolation_level=None)) as other, opened(path) as source:
            assert ORIGIN.recognises(source)
            other.execute("BEGIN EXCLUSIVE")
            (found,) = ORIGIN.read(source)
        assert isinstance(found, Problem)
        assert "locked" in str(found.why)

    def test_other_databases_are_none_of_it(self, tmp_path: Path) -> None:
        path = database(tmp_path / "l.db", "CREATE TABLE responses (id, survey, answer); CREATE TABLE messages (hash)")
        text = tmp_path / "notes.txt"
        text.write_text("responses")
        for each in (path, text):
            with opened(each) as source:
                assert not ORIGIN.recognises(source)


def test_bytes_are_text_and_a_time_that_is_none_is_told(tmp_path: Path) -> None:
    row = answer("a", None, "an avocet", datetime_utc="garbage") | {"prompt": b"which?"}
    found = only(ORIGIN, database(tmp_path / "logs.db", OLD, responses=[row]))
    assert told(found) == [("user", "which?"), ("assistant", "an avocet")]
    assert found.said[1].metadata["datetime_utc"] == "garbage"
    assert [str(each.why) for each in found.problems] == ["its time cannot be read"]
