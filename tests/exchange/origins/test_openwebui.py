"""Open WebUI's exports, trap by trap."""

from pathlib import Path
from typing import Any

import pytest

from exchange.origins.openwebui import OpenWebUI
from exchange.origins.openwebui.details import parted
from tests.exchange.origins.exports import (
    AT,
    PICTURE,
    PNG,
    asides,
    node,
    only,
    openwebui,
    read,
    shown,
    texts,
    whys,
    written,
)

THOUGHT = (
    '<details type="reasoning" done="true" duration="5">\n<summary>Thought for 5 seconds</summary>\n'
    "> it &lt; wades\n> far\n</details>\n"
)
CALLED = (
    '<details type="tool_calls" done="true" id="c" name="search" arguments="&quot;{\\&quot;q\\&quot;: 1}&quot;"'
    ' result="&quot;found&quot;">\n<summary>Tool Executed</summary>\n</details>\n'
)


def one(folder: Path, messages: dict[str, Any] | None = None, **over: Any) -> Any:
    return only(OpenWebUI(), written(folder / "w.json", [openwebui(1, messages, **over)]))


def test_a_conversation_comes_over(tmp_path: Path) -> None:
    found = one(tmp_path, archived=True, pinned=True, meta={"tags": ["birds", "birds", "sea"]}, share_id="s")
    assert (found.key, found.title, found.created_at, found.updated_at) == ("w1", "Birds 1", AT, AT + 100_000_000)
    assert (found.archived, found.pinned, found.tags, found.model) == (True, True, ["birds", "sea"], "llama3")
    assert texts(found) == [("user", "bird 1?"), ("assistant", "an avocet")]
    assert (shown(found)[1].model, shown(found)[0].model, found.author) == ("llama3", None, None)
    assert found.metadata["share_id"] == "s"


def test_several_models_answer_a_question_and_the_shown_one_is_the_tip(tmp_path: Path) -> None:
    messages = {
        "q": node(None, "user", "bird?", children=["b", "gone", "a"], models=["m1", "m2"]),
        "a": node("q", "assistant", "an avocet", model="m1", modelName="One", modelIdx=0),
        "b": node("q", "assistant", "a heron", model="m2", modelName="Two", modelIdx=1),
    }
    item = openwebui(1, messages)
    item["chat"]["history"]["currentId"] = "a"
    found = only(OpenWebUI(), written(tmp_path / "w.json", [item]))
    assert [(said.key, said.name) for said in found.said if said.parent] == [("b", "Two"), ("a", "One")]
    assert texts(found)[1] == ("assistant", "an avocet")


@pytest.mark.parametrize(("current", "on_item", "last"), [(None, "a", "b"), ("gone", None, "a"), ("gone", "gone", "a")])
def test_the_tip_where_the_history_has_lost_it(tmp_path: Path, current: Any, on_item: Any, last: str) -> None:
    messages = {
        "q": node(None, "user", "bird?"),
        "a": node("q", "assistant", "an avocet"),
        "b": node("q", "assistant", "a heron"),
    }
    item = openwebui(1, messages, current_message_id=on_item)
    item["chat"]["history"]["currentId"] = current
    item["chat"]["messages"] = [{"id": "q"}, {"id": last}]
    found = only(OpenWebUI(), written(tmp_path / "w.json", [item]))
    assert texts(found)[1] == ("assistant", "an avocet")


def test_a_parent_that_is_gone_and_a_circle(tmp_path: Path) -> None:
    messages = {
        "x": node("y", "user", "1"),
        "y": node("x", "assistant", "2"),
        "z": node("gone", "user", "3"),
    }
    found = one(tmp_path, messages)
    assert texts(found) == [("user", "3")]
    assert len(found.said) == 3
    assert "circle" in whys(found)


def test_what_was_thought_and_called_stands_before_the_answer(tmp_path: Path) -> None:
    messages = {"q": node(None, "user", "bird?"), "a": node("q", "assistant", THOUGHT + CALLED + "an avocet")}
    found = one(tmp_path, messages)
    assert texts(found)[1] == ("assistant", "an avocet")
    assert asides(found) == [("reasoning", "it < wades\nfar"), ("tool", "found")]
    tool = next(said for said in found.said if said.aside == "tool")
    assert (tool.name, tool.input) == ("search", '{"q": 1}')


def test_newer_rows_have_it_in_output(tmp_path: Path) -> None:
    output = [
        {"type": "reasoning", "content": [{"type": "output_text", "text": "it wades"}]},
        {"type": "function_call", "call_id": "c", "name": "search", "arguments": '{"q": 1}'},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "found"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "an avocet"}]},
        {"type": "novelty"},
    ]
    messages = {"q": node(None, "user", "bird?"), "a": node("q", "assistant", THOUGHT, output=output)}
    found = one(tmp_path, messages)
    assert texts(found)[1] == ("assistant", "an avocet")
    assert asides(found) == [("reasoning", "it wades"), ("tool", "found")]
    assert shown(found)[1].metadata["output"] == [{"type": "novelty"}]


@pytest.mark.parametrize(
    "text",
    [
        "```html\n" + THOUGHT + "```\n",
        "<details><summary>mine</summary>hidden</details> shown",
        '<details type="reasoning">\n> it does not end',
        "</details> ~~~ <details",
    ],
)
def test_blocks_that_belong_to_the_answer_stay(text: str) -> None:
    assert parted(text) == (text, [])


def test_blocks_in_blocks_and_many_of_them() -> None:
    inner = "<details><summary>s</summary>x</details>"
    answer, blocks = parted(THOUGHT.replace("far", inner) + "a" + CALLED * 3 + "b")
    assert answer == "a\n\nb"
    assert [block.kind for block in blocks] == ["reasoning", *["tool_calls"] * 3]
    assert "x</details>" in blocks[0].body
    assert parted("<details" * 200_000)[1] == []
    assert len(parted('<details type="reasoning">' + " " * 500_000 + "</details>")[1]) == 1


def test_votes_errors_files_and_parts(tmp_path: Path) -> None:
    document = {"id": "f", "file": {"data": {"content": "words"}}, "name": "birds.pdf", "type": "file"}
    picture = {"type": "image", "url": PICTURE}
    elsewhere = {"type": "image", "url": "/api/v1/files/9", "name": "b.png"}
    parts = [{"type": "text", "text": "bird?"}, {"type": "image_url", "image_url": {"url": PICTURE}}]
    messages = {
        "q": node(None, "user", parts, files=[picture, document, elsewhere]),
        "a": node("q", "assistant", "a heron", annotation={"rating": -1, "comment": " no "}, usage={"tokens": 3}),
        "e": node("a", "assistant", "", error={"content": "no model"}),
    }
    found = one(tmp_path, messages)
    files = found.said[0].files
    assert [(file.name, file.content) for file in files] == [
        ("picture-1", PNG),
        ("birds.pdf.txt", b"words"),
        ("b.png", None),
        ("picture-4", PNG),
    ]
    assert "content of some files" in whys(found)
    assert (found.said[1].vote, found.said[1].comment) == (0, "no")
    assert found.said[1].metadata["usage"] == {"tokens": 3}
    assert (found.said[2].failed, found.said[2].text) == (True, "no model")


def test_legacy_shapes(tmp_path: Path) -> None:
    chat = openwebui(1)["chat"] | {"id": "old", "timestamp": AT // 1_000}
    oldest = {
        "title": "Oldest",
        "models": ["m"],
        "messages": [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}],
    }
    found, problems = read(OpenWebUI(), written(tmp_path / "w.json", [chat, oldest]))
    assert problems == []
    assert (found[0].key, found[0].created_at) == ("old", AT)
    assert texts(found[1]) == [("user", "1"), ("assistant", "2")]
    assert found[1].model == "m"


def test_an_admins_export_says_whose_each_is(tmp_path: Path) -> None:
    mixed = [openwebui(1), openwebui(2, user_id="u2")]
    found, _ = read(OpenWebUI(), written(tmp_path / "w.json", mixed))
    assert [one.author for one in found] == ["u1", "u2"]
    shared = openwebui(3)
    shared["chat"]["files"] = [{"file": {"user_id": "u2"}}]
    found, _ = read(OpenWebUI(), written(tmp_path / "v.json", [openwebui(1), shared]))
    assert [one.author for one in found] == [None, None]


def test_folders_keep_together_what_they_hold(tmp_path: Path) -> None:
    path = written(tmp_path / "w.json", [openwebui(n, folder_id="12345678-9") for n in (1, 2)])
    found, problems = read(OpenWebUI(), path)
    assert {one.folder for one in found} == {"Open WebUI 12345678"}
    assert [problem.lost for problem in problems] == [False]


def test_system_messages_are_hidden_and_odd_ones_do_not_stop_the_rest(tmp_path: Path) -> None:
    messages = {"s": node(None, "system", "be kind"), "q": node("s", "user", "bird?")}
    item = openwebui(1, messages)
    item["chat"]["history"]["messages"]["odd"] = 5
    found, problems = read(OpenWebUI(), written(tmp_path / "w.json", [{"chat": None}, 5, item, {"folders": []}]))
    assert [one.key for one in found] == ["w1"]
    assert texts(found[0]) == [("user", "bird?")]
    assert asides(found[0]) == [("hidden", "be kind")]
    assert "left out" in whys(found[0])
    assert [problem.lost for problem in problems] == [True] * 3
