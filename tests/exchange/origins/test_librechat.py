"""LibreChat's exports, trap by trap."""

from pathlib import Path
from typing import Any

import pytest

from exchange.origins.librechat import LibreChat
from tests.exchange.origins.exports import AT, asides, librechat, only, read, said, shown, texts, whys, written


def one(folder: Path, *messages: dict[str, Any], **over: Any) -> Any:
    return only(LibreChat(), written(folder / "l.json", librechat(1, list(messages) or None, **over)))


def test_a_conversation_comes_over(tmp_path: Path) -> None:
    found = one(tmp_path, options={"model": "gpt-4", "temperature": 1, "promptPrefix": "be kind"})
    assert (found.key, found.title, found.model) == ("l1", "Birds 1", "gpt-4")
    assert texts(found) == [("user", "bird 1?"), ("assistant", "an avocet")]
    assert [(said.model, said.name, said.at) for said in found.said] == [(None, None, AT), ("gpt-4", "GPT-4", AT)]
    assert found.metadata["options"]["promptPrefix"] == "be kind"
    assert "exportAt" not in found.metadata


def nested(*children: dict[str, Any], **message: Any) -> dict[str, Any]:
    return said(**message) | {"children": list(children)}


@pytest.mark.parametrize("key", ["messages", "messagesTree"])
def test_a_tree_of_which_the_last_of_several_is_shown(tmp_path: Path, key: str) -> None:
    tree = [
        nested(id="old", parent=None, text="brid?"),
        nested(
            nested(id="a1", parent="q", text="a heron", sender="GPT"),
            nested(
                nested(id="q2", parent="a2", text="sure?"),
                id="a2",
                parent="q",
                text="an avocet",
                sender="GPT",
            ),
            id="q",
            parent=None,
            text="bird?",
        ),
    ]
    value = {name: each for name, each in librechat(1).items() if name != "messages"} | {key: tree, "recursive": True}
    found = only(LibreChat(), written(tmp_path / "l.json", value))
    assert texts(found) == [("user", "bird?"), ("assistant", "an avocet"), ("user", "sure?")]
    assert sorted(each.key for each in found.said) == ["a1", "a2", "old", "q", "q2"]


def test_a_flat_list_in_any_order(tmp_path: Path) -> None:
    found = one(
        tmp_path,
        said("a", "q", "an avocet", sender="GPT"),
        said("q2", "a", "sure?"),
        said("q", None, "bird?"),
    )
    assert texts(found) == [("user", "bird?"), ("assistant", "an avocet"), ("user", "sure?")]


def test_times_are_missing_and_parents_are_gone_or_in_a_circle(tmp_path: Path) -> None:
    late = said("q2", "a", "sure?")
    del late["createdAt"]
    found = one(tmp_path, said("q", "gone", "bird?"), said("a", "q", "an avocet", sender="GPT"), late)
    assert [text for _, text in texts(found)] == ["bird?", "an avocet", "sure?"]
    assert found.said[2].at is None
    circle = one(tmp_path, said("x", "y", "1"), said("y", "x", "2", sender="GPT"))
    assert len(circle.said) == 2
    assert "circle" in whys(circle)


def test_parts_are_the_text_and_what_led_to_it(tmp_path: Path) -> None:
    content = [
        {"type": "think", "think": "it wades"},
        {"type": "tool_call", "tool_call": {"id": "c", "name": "search", "args": '{"q": 1}', "output": "found"}},
        {"type": "text", "text": {"value": "an"}},
        {"type": "text", "text": "avocet"},
        {"type": "image_file", "image_file": {"file_id": "f", "filename": "a.png"}},
        {"type": "video"},
    ]
    found = one(tmp_path, said("q", None, "bird?"), said("a", "q", "", sender="GPT", content=content))
    assert texts(found)[1] == ("assistant", "an\n\navocet")
    assert asides(found) == [("reasoning", "it wades"), ("tool", "found")]
    assert [file.name for file in shown(found)[1].files] == ["a.png"]
    assert "content of some files" in whys(found)
    assert "video" in whys(found)


def test_thoughts_of_old_messages_and_errors_and_votes(tmp_path: Path) -> None:
    found = one(
        tmp_path,
        said("q", None, "bird?", files=[{"file_id": "f", "filename": "b.pdf", "type": "application/pdf"}]),
        said(
            "a",
            "q",
            ":::thinking\nit wades\n:::\nan avocet",
            sender="GPT",
            feedback={"rating": "thumbsUp", "text": "yes"},
        ),
        said("e", "a", "too many", sender="GPT", error=True, unfinished=True),
        said("f", "e", "", sender="GPT", content=[{"type": "error", "error": "no model"}]),
    )
    assert asides(found) == [("reasoning", "it wades")]
    by_key = {each.key: each for each in found.said}
    assert (by_key["a"].text, by_key["a"].vote, by_key["a"].comment) == ("an avocet", 1, "yes")
    assert (by_key["e"].failed, by_key["e"].metadata) == (True, {"unfinished": True})
    assert (by_key["f"].failed, by_key["f"].text) == (True, "no model")
    assert [(file.name, file.mime) for file in by_key["q"].files] == [("b.pdf", "application/pdf")]


def test_a_content_that_is_text_is_the_text(tmp_path: Path) -> None:
    assert texts(one(tmp_path, said("q", None, "", content="bird?"))) == [("user", "bird?")]


def test_who_spoke_is_told_by_the_label_where_nothing_else_tells(tmp_path: Path) -> None:
    question, reply = said("q", None, "bird?"), said("a", "q", "an avocet", sender="GPT")
    del question["isCreatedByUser"], reply["isCreatedByUser"]
    found = one(tmp_path, question, reply)
    assert [by for by, _ in texts(found)] == ["user", "assistant"]
    assert "that was assumed" in whys(found)


def test_several_conversations_and_odd_ones(tmp_path: Path) -> None:
    path = written(tmp_path / "l.json", [librechat(1), librechat(2, []), {"conversationId": "x"}, 4, librechat(3)])
    found, problems = read(LibreChat(), path)
    assert [each.key for each in found] == ["l1", "l3"]
    assert [problem.lost for problem in problems] == [True] * 3


def test_a_conversation_nested_as_deep_as_it_is_long(tmp_path: Path) -> None:
    depth = 1_500
    text = ""
    for number in reversed(range(depth)):
        mine = "true" if number % 2 == 0 else "false"
        text = f'{{"messageId": "m{number}", "isCreatedByUser": {mine}, "text": "{number}", "children": [{text}]}}'
    path = written(
        tmp_path / "l.json", f'{{"conversationId": "deep", "endpoint": "e", "recursive": true, "messages": [{text}]}}'
    )
    found = only(LibreChat(), path)
    assert [text for _, text in texts(found)] == [str(number) for number in range(depth)]
