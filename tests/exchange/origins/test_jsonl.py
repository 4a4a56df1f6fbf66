"""Conversations as lists of messages: our own JSON Lines, OpenAI's, and files to train models with."""

import json
from pathlib import Path
from typing import Any

import pytest

from exchange.formats import FORMATS
from exchange.opened import opened
from exchange.origins.base import Conversation, Problem
from exchange.origins.jsonl import ORIGIN
from exchange.packing import Sheet
from tests.exchange.made import ABOUT, step, vote, whole
from tests.exchange.origins.given import only, path_of, problems, read, told


def written(path: Path, *lines: Any) -> Path:
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines) + "\n", "utf-8")
    return path


def says(role: str, content: Any, **over: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **over}


def exported(path: Path, *threads: Any) -> Path:
    sheet = Sheet(FORMATS["jsonl"], ABOUT)  # type: ignore[arg-type]
    path.write_bytes(b"".join([*sheet.begin(), *sheet.add(threads), *sheet.end()]))
    return path


def test_our_own_export_comes_back(tmp_path: Path) -> None:
    said = [
        step("hi", number=1),
        step("yes", "assistant_message", number=2),
        step("no", "assistant_message", number=3),
    ]
    over = {"folder": "Work/A", "tags": ["x"], "metadata": {"chat_settings": {"system_prompt": "Be short."}}}
    found = only(
        ORIGIN, exported(tmp_path / "e.jsonl", whole(*said, votes=[vote("s2"), vote("s3", 0, "wrong")], **over))
    )
    assert told(found) == [("user", "hi"), ("assistant", "yes"), ("assistant", "no")]
    assert (found.key, found.title, found.folder, found.tags) == ("t", "Birds", "Work/A", ["x"])
    assert [(each.vote, each.comment) for each in path_of(found)] == [
        (None, None),
        (None, None),
        (1, None),
        (0, "wrong"),
    ]
    assert (found.said[0].aside, found.said[0].text) == ("hidden", "Be short.")
    assert found.problems == []


def test_a_weight_of_a_training_file_is_no_vote(tmp_path: Path) -> None:
    line = {"messages": [says("user", "q"), says("assistant", "r", weight=0)], "tools": [{"type": "function"}]}
    found = only(ORIGIN, written(tmp_path / "t.jsonl", line))
    assert (found.said[1].vote, found.said[1].metadata) == (None, {"weight": 0})
    assert found.metadata == {"tools": [{"type": "function"}]}


def test_tools_and_parts(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"in": "Rome"}'}}
    parts = [
        {"type": "text", "text": "here?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}},
        {"type": "input_audio", "input_audio": {"data": "d2F2", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,cGRm"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,***"}},
    ]
    messages = [
        says("developer", "Be short."),
        says("user", parts),
        says("assistant", None, tool_calls=[call]),
        says("tool", "wet", tool_call_id="c1"),
        says("assistant", None, refusal="I cannot."),
        says("assistant", None, function_call={"name": "old", "arguments": "{}"}),
        says("function", "done", name="old"),
        says("assistant", "Rain.", reasoning_content="hm"),
    ]
    found = only(ORIGIN, written(tmp_path / "t.jsonl", {"messages": messages}))
    assert told(found) == [("user", "here?"), ("assistant", "I cannot."), ("assistant", "Rain.")]
    user = next(said for said in found.said if said.by == "user")
    assert [(file.name, file.mime, file.content) for file in user.files] == [
        ("image-1.png", "image/png", b"png"),
        ("audio-2.wav", "audio/wav", b"wav"),
        ("a.pdf", "application/pdf", b"pdf"),
        ("image-4.png", "image/png", None),
    ]
    tools = [(said.name, said.input, said.text) for said in found.said if said.aside == "tool"]
    assert tools == [("weather", '{"in": "Rome"}', "wet"), ("old", "{}", ""), ("old", "", "done")]
    assert [str(each.why) for each in found.problems] == [
        "the export has no content of some files; their names come over"
    ]


def test_a_longer_export_keeps_its_keys_and_equal_beginnings_are_told_apart(tmp_path: Path) -> None:
    one, two = [says("user", "hi"), says("assistant", "a")], [says("user", "hi"), says("assistant", "b")]
    before = read(ORIGIN, written(tmp_path / "a.jsonl", {"messages": one}, {"messages": two}))
    longer = [*one, says("user", "more"), says("assistant", "a")]
    after = read(ORIGIN, written(tmp_path / "b.jsonl", {"messages": longer}, {"messages": two}, {"messages": one}))
    keys = [each.key for each in after if isinstance(each, Conversation)]
    assert keys[:2] == [each.key for each in before if isinstance(each, Conversation)]
    assert len({*keys}) == 3
    first, longest = before[0], after[0]
    assert isinstance(first, Conversation)
    assert isinstance(longest, Conversation)
    assert [said.key for said in longest.said[:2]] == [said.key for said in first.said]
    assert len({said.key for said in longest.said}) == 4


def test_odd_lines_are_told_and_the_others_come(tmp_path: Path) -> None:
    good = {"messages": [says("user", "hi"), says("narrator", "meanwhile"), says("assistant", "hello")]}
    path = tmp_path / "t.jsonl"
    lines = [json.dumps(good), "{broken", "[]", '{"messages": "none"}', "null", json.dumps(good)]
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode())
    found = read(ORIGIN, path)
    assert len([each for each in found if isinstance(each, Conversation)]) == 2
    alone = [each for each in found if isinstance(each, Problem)]
    assert len(alone) == 4
    assert {"narrator" in str(each.why) for each in problems(found) if each not in alone} == {True}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"prompt": "q", "completion": "r"}, [("user", "q"), ("assistant", "r")]),
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "r"}]},
            [("user", "q"), ("assistant", "r")],
        ),
        ([says("user", "q"), says("assistant", "r")], [("user", "q"), ("assistant", "r")]),
        (
            {
                "input": {"messages": [says("user", "q")]},
                "preferred_output": [says("assistant", "good")],
                "non_preferred_output": [says("assistant", "bad")],
            },
            [("user", "q"), ("assistant", "good")],
        ),
    ],
)
def test_other_shapes(tmp_path: Path, line: Any, expected: list[tuple[str, str]]) -> None:
    assert told(only(ORIGIN, written(tmp_path / "t.jsonl", line))) == expected


def test_a_json_array_and_a_single_object(tmp_path: Path) -> None:
    one = {"messages": [says("user", "q"), says("assistant", "r")]}
    assert told(only(ORIGIN, written(tmp_path / "t.json", json.dumps([one], indent=1)))) == [
        ("user", "q"),
        ("assistant", "r"),
    ]
    assert len(only(ORIGIN, written(tmp_path / "u.json", json.dumps(one, indent=1))).said) == 2


@pytest.mark.parametrize(
    "line",
    [
        {"mapping": {}, "messages": [says("user", "q")]},
        {"chat_messages": []},
        {"id": 1, "text": "hello"},
        {"messages": [{"sender": "human", "text": "q"}]},
    ],
)
def test_what_others_write_is_none_of_it(tmp_path: Path, line: Any) -> None:
    with opened(written(tmp_path / "t.jsonl", line)) as source:
        assert not ORIGIN.recognises(source)
