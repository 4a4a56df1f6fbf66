"""Claude's exports, trap by trap."""

from pathlib import Path
from typing import Any

from exchange.origins.claude import Claude
from tests.exchange.origins.exports import AT, ISO, asides, claude, only, read, shown, texts, whys, written, zipped

ROOT = "00000000-0000-4000-8000-000000000000"


def one(folder: Path, *messages: dict[str, Any], **over: Any) -> Any:
    return only(Claude(), written(folder / "c.json", [claude(1, *messages, **over)]))


def human(id: str = "h", *blocks: Any, **over: Any) -> dict[str, Any]:
    return {"uuid": id, "sender": "human", "text": "", "content": list(blocks)} | over


def answer(id: str = "a", *blocks: Any, **over: Any) -> dict[str, Any]:
    return human(id, *blocks, **over) | {"sender": "assistant"}


def words(text: str, **over: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, "citations": []} | over


def test_a_conversation_comes_over(tmp_path: Path) -> None:
    found = one(tmp_path, summary="about birds", is_starred=True)
    assert (found.key, found.title, found.created_at, found.pinned) == ("c1", "Birds 1", AT, True)
    assert texts(found) == [("user", "bird 1?"), ("assistant", "an avocet")]
    assert found.metadata["summary"] == "about birds"
    assert found.author is None
    assert found.said[0].at is not None


def test_the_text_is_that_of_the_blocks_and_the_rest_led_to_it(tmp_path: Path) -> None:
    rendering = "hmm\n```\nThis block is not supported on your current device yet.\n```\nan avocet"
    blocks = (
        {"type": "thinking", "thinking": "hmm", "summaries": [{"summary": "s"}]},
        {"type": "tool_use", "id": "t", "name": "search", "input": {"q": "bird"}},
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "found"}], "is_error": False},
        words("an avocet", citations=[{"url": "https://example.org"}]),
        {"type": "token_budget"},
    )
    found = one(tmp_path, human("h", words("bird?")), answer("a", *blocks, text=rendering))
    assert texts(found) == [("user", "bird?"), ("assistant", "an avocet")]
    assert asides(found) == [("reasoning", "hmm"), ("tool", "found")]
    tool = next(said for said in found.said if said.aside == "tool")
    assert (tool.name, tool.input) == ("search", '{"q": "bird"}')
    assert shown(found)[1].metadata["citations"] == [{"url": "https://example.org"}]
    assert [said.parent for said in found.said] == [None, "h", "a/reasoning", "a/tool"]


def test_without_content_the_text_is_all_there_is(tmp_path: Path) -> None:
    old = {"uuid": "o", "sender": "human", "text": "bird?"}
    assert texts(one(tmp_path, old)) == [("user", "bird?")]
    assert texts(one(tmp_path, human("h", words(""), text="bird?"))) == [("user", "bird?")]


def test_a_block_of_a_new_kind_is_kept_and_told(tmp_path: Path) -> None:
    found = one(tmp_path, human("h", words("bird?"), {"type": "hologram", "x": 1}))
    assert found.said[0].metadata["blocks"] == [{"type": "hologram", "x": 1}]
    assert "hologram" in whys(found)


def test_a_long_paste_is_a_file_with_its_words(tmp_path: Path) -> None:
    pasted = {"file_name": "", "file_size": 9, "file_type": "txt", "extracted_content": "all birds"}
    paper = {"file_name": "birds.pdf", "file_type": "pdf", "extracted_content": "the paper"}
    found = one(tmp_path, human("h", attachments=[pasted, paper]))
    files = shown(found)[0].files
    assert [(file.name, file.content) for file in files] == [
        ("pasted text.txt", b"all birds"),
        ("birds.pdf.txt", b"the paper"),
    ]


def test_of_files_only_the_names_are_there_once(tmp_path: Path) -> None:
    file = {"file_name": "a.png", "file_uuid": "f"}
    found = one(tmp_path, human("h", words("look"), files=[file], files_v2=[file]))
    assert [(file.name, file.content) for file in found.said[0].files] == [("a.png", None)]
    assert "content of some files" in whys(found)


def test_the_newest_leaf_is_shown_and_abandoned_branches_are_versions(tmp_path: Path) -> None:
    found = one(
        tmp_path,
        human("h", words("bird?"), parent_message_uuid=ROOT),
        answer("a1", words("a heron"), parent_message_uuid="h"),
        human("h2", words("sure?"), parent_message_uuid="a2"),
        answer("a2", words("an avocet"), parent_message_uuid="h"),
        answer("a3", words("yes"), parent_message_uuid="h2"),
    )
    assert texts(found) == [("user", "bird?"), ("assistant", "an avocet"), ("user", "sure?"), ("assistant", "yes")]
    assert {said.key: said.parent for said in found.said}["a1"] == "h"


def test_the_tip_of_the_page_counts_where_it_is_there(tmp_path: Path) -> None:
    messages = (
        human("h", words("bird?"), parent_message_uuid=ROOT),
        answer("a1", words("a heron"), parent_message_uuid="h"),
        answer("a2", words("an avocet"), parent_message_uuid="h"),
    )
    assert texts(one(tmp_path, *messages, current_leaf_message_uuid="a1"))[1] == ("assistant", "a heron")
    assert texts(one(tmp_path, *messages, current_leaf_message_uuid="gone"))[1] == ("assistant", "an avocet")


def test_without_parents_the_order_is_that_of_the_list_whatever_the_clocks_say(tmp_path: Path) -> None:
    found = one(tmp_path, human("h", words("1"), created_at=None), answer("a", words("2")), human("i", words("3")))
    assert [text for _, text in texts(found)] == ["1", "2", "3"]
    assert found.said[0].at is None


def test_circles_unknown_parents_and_ids_that_occur_twice(tmp_path: Path) -> None:
    found = one(
        tmp_path,
        human("h", words("1"), parent_message_uuid="a"),
        answer("a", words("2"), parent_message_uuid="h"),
        answer("a", words("other"), parent_message_uuid="h"),
        answer("a", words("2"), parent_message_uuid="h"),
        answer("z", words("lost"), parent_message_uuid="gone"),
    )
    assert sorted(said.key for said in found.said) == ["a", "a-2", "h", "z"]
    assert "circle" in whys(found)
    assert "two messages" in whys(found)
    assert sum(said.parent is None for said in found.said) == 2


def test_who_spoke_is_guessed_where_it_is_not_said(tmp_path: Path) -> None:
    found = one(tmp_path, human("h", words("bird?")), human("a", words("an avocet"), sender=None))
    assert texts(found)[1] == ("assistant", "an avocet")
    assert "who wrote it" in whys(found)


def test_nothing_was_said_in_it(tmp_path: Path) -> None:
    path = written(tmp_path / "c.json", [claude(1, **{"chat_messages": []}), claude(2), {"uuid": "x"}, 7])
    found, problems = read(Claude(), path)
    assert [one.key for one in found] == ["c2"]
    assert [(str(problem.place), problem.lost) for problem in problems] == [
        ("c.json, item 1 (Birds 1)", True),
        ("c.json, item 3", True),
        ("c.json, item 4", True),
    ]


def test_several_zips_in_one_and_projects_and_people_by_name(tmp_path: Path) -> None:
    people = [{"uuid": "a", "full_name": "Ann", "email_address": "ann@x"}, {"uuid": "b", "full_name": "Ben"}]
    projects = [{"uuid": "p", "name": "Waders", "docs": [{"content": "…"}]}]
    export = zipped(
        tmp_path / "all.zip",
        part1__conversations_json=[claude(1, project_uuid="p")],
        part2__conversations_json=[claude(2, account={"uuid": "b"})],
        part1__users_json=people,
        part1__projects_json=projects,
    )
    found, problems = read(Claude(), export)
    assert [(one.key, one.author, one.folder) for one in found] == [("c1", "ann@x", "Waders"), ("c2", "Ben", None)]
    assert [problem.lost for problem in problems] == [False]


def test_the_old_shape(tmp_path: Path) -> None:
    old = {"uuid": "c", "name": "", "messages": [{"uuid": "h", "sender": "human", "text": "bird?", "created_at": ISO}]}
    found = only(Claude(), written(tmp_path / "c.json", [old]))
    assert (found.title, texts(found)) == (None, [("user", "bird?")])
