"""ChatGPT's exports, trap by trap."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from exchange.opened import opened
from exchange.origins.base import Conversation, Problem, Said
from exchange.origins.chatgpt import ChatGPT
from exchange.origins.reasons import Why
from tests.exchange.origins.chatgpts import AT, answered, asked, conversation, message, node, text
from tests.exchange.origins.exports import asides, read, shown, texts, whys, written

PICTURE = "file_0123456789abcdef"


def zipped(path: Path, members: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path


def only(folder: Path, *nodes: dict[str, Any], **over: Any) -> Conversation:
    (found,), problems = read(ChatGPT(), written(folder / "c.json", [conversation(1, *nodes, **over)]))
    assert problems == []
    return found


def by_key(found: Conversation) -> dict[str, Said]:
    return {said.key: said for said in found.said}


def test_a_conversation_comes_over(tmp_path: Path) -> None:
    found = only(tmp_path, is_starred=True, is_archived=True, gizmo_id="g-abc", voice="ash")
    assert (found.key, found.title, found.created_at, found.updated_at) == (
        *("c1", "Birds 1", round(AT * 1e6), round((AT + 100) * 1e6)),
    )
    assert texts(found) == [("user", "bird 1?"), ("assistant", "an avocet")]
    assert (found.archived, found.pinned, found.model, found.tip) == (True, True, "gpt-4", "a1")
    assert [said.model for said in found.said] == [None, "gpt-4o"]
    assert found.metadata == {"gizmo_id": "g-abc", "voice": "ash"}
    assert only(tmp_path, pinned_time=AT, gizmo_id="g-p-1").metadata == {"project_id": "g-p-1"}


@pytest.mark.parametrize(
    "content",
    [
        [conversation(1)],
        {"conversations": [conversation(1)]},
        conversation(1),
        [{"id": "odd"}, None, conversation(1)],
    ],
)
def test_whatever_its_root_is(tmp_path: Path, content: Any) -> None:
    found, _ = read(ChatGPT(), written(tmp_path / "some name", content))
    assert [each.key for each in found] == ["c1"]


def test_it_is_told_by_content(tmp_path: Path) -> None:
    claude = [{"uuid": "u", "name": "", "chat_messages": []}]
    for other in ([], {}, claude, [{"title": "x", "messages": []}], 5, [{"mapping": 5}]):
        with opened(written(tmp_path / "conversations.json", other)) as source:
            assert not ChatGPT().recognises(source), other


def test_parts_of_2026_with_their_manifest(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "x.zip",
        {
            "conversations-001.json": [conversation(3)],
            "conversations-000.json": [conversation(1), conversation(2)],
            "export_manifest.json": {"files": ["conversations-000.json", "conversations-001.json"]},
            "shared_conversations.json": [{"id": "s", "conversation_id": "c1", "title": "Birds"}],
            "user.json": {"id": "user-1", "email": "ann@example.org"},
            "chat.html": b"<html>var jsonData = []</html>",
            "__MACOSX/._conversations-000.json": b"\0\1",
        },
    )
    found, problems = read(ChatGPT(), path)
    assert ([each.key for each in found], problems) == (["c1", "c2", "c3"], [])


def test_a_zip_in_the_zip_and_a_folder_in_it(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as made:
        made.writestr("sub/conversations.json", json.dumps([conversation(1)]))
    name = "Conversations__1-chatgpt-1.zip"
    found, _ = read(ChatGPT(), zipped(tmp_path / "x.zip", {name: inner.getvalue(), "Report.pdf": b"%PDF-"}))
    assert [(each.key, str(each.place)) for each in found] == [
        ("c1", f"{name}/sub/conversations.json, item 1 (Birds 1)")
    ]


def test_entries_that_are_no_conversations_are_told(tmp_path: Path) -> None:
    odd: list[Any] = [{"id": "project", "title": "Nature"}, 5, None, {"mapping": {}}, conversation(2)]
    found, problems = read(ChatGPT(), written(tmp_path / "c.json", odd))
    assert [each.key for each in found] == ["c2"]
    assert [(str(p.place), p.lost) for p in problems] == [
        ("c.json, item 1 (Nature)", True),
        *((f"c.json, item {number}", True) for number in (2, 3, 4)),
    ]


@pytest.mark.parametrize("gone", [("id",), ("conversation_id",), ("id", "conversation_id")])
def test_an_id_that_is_missing(tmp_path: Path, gone: tuple[str, ...]) -> None:
    made = conversation(1)
    for name in gone:
        del made[name]
    (found,), _ = read(ChatGPT(), written(tmp_path / "c.json", [made]))
    assert found.key == ("root1" if len(gone) == 2 else "c1")


def test_what_may_be_null_or_missing(tmp_path: Path) -> None:
    made = conversation(1, title=None, create_time=None, update_time=None, current_node=None, default_model_slug=None)
    for each in made["mapping"].values():
        if each["message"]:
            each["message"]["create_time"] = None
            del each["message"]["metadata"], each["message"]["recipient"], each["message"]["weight"]
    (found,), problems = read(ChatGPT(), written(tmp_path / "c.json", [made]))
    assert (found.title, found.created_at, found.model, found.tip, problems) == (None, None, None, None, [])
    assert texts(found) == [("user", "bird 1?"), ("assistant", "an avocet")]


def test_the_model_of_the_conversation_is_that_of_answers_that_name_none(tmp_path: Path) -> None:
    found = only(tmp_path, asked("q", "root1", "bird?"), answered("a", "q", "an avocet", metadata={}))
    assert by_key(found)["a"].model == "gpt-4"


@pytest.mark.parametrize("way", ["no children", "no parents", "stale children"])
def test_the_tree_is_found_whichever_links_there_are(tmp_path: Path, way: str) -> None:
    made = conversation(1)
    for each in made["mapping"].values():
        if way == "no children":
            del each["children"]
        elif way == "stale children":
            each["children"] = ["gone", 5, None]
        elif each["id"] != "root1":
            del each["parent"]
    (found,), _ = read(ChatGPT(), written(tmp_path / "c.json", [made]))
    assert [(said.key, said.parent) for said in found.said] == [("q1", None), ("a1", "q1")]


def test_a_root_may_be_called_anything_and_is_no_message(tmp_path: Path) -> None:
    empty = node("client-created-root", None, message("x", "system", text("")))
    found = only(tmp_path, empty, asked("q", "client-created-root", "bird?"))
    assert [(said.key, said.parent) for said in found.said] == [("q", None)]


def test_circles_and_a_tip_that_is_gone(tmp_path: Path) -> None:
    nodes = (asked("q", "a", "bird?"), answered("a", "q", "an avocet"), node("e", "f", None), node("f", "e", None))
    found = only(tmp_path, *nodes, asked("x", "f", "and?"), current_node="gone")
    assert {said.key: said.parent for said in found.said} == {"q": "a", "a": "q", "x": None}
    assert found.tip is None
    assert only(tmp_path, *nodes, current_node="f").tip is None


def test_branches_stand_in_the_order_of_their_times(tmp_path: Path) -> None:
    nodes = (
        *(asked("q", "root1", "bird?", 1), answered("b", "q", "again", 9), answered("a", "q", "an avocet", 2)),
        answered("c", "q", "once more", 5),
    )
    found = only(tmp_path, *nodes, current_node="c")
    assert [said.key for said in found.said] == ["q", "a", "c", "b"]
    assert texts(found) == [("user", "bird?"), ("assistant", "once more")]


def test_what_is_hidden_led_to_what_is_shown(tmp_path: Path) -> None:
    hidden = {"metadata": {"is_visually_hidden_from_conversation": True}}
    editable = {
        "content_type": "user_editable_context",
        "user_profile": "I watch birds",
        "user_instructions": "Be kind",
    }
    found = only(
        tmp_path,
        node("s", "root1", message("s", "system", "You are ChatGPT", metadata={"is_user_system_message": True})),
        node("i", "s", message("i", "user", editable, **hidden)),
        asked("q", "i", "bird?", 1),
        answered("w", "q", "unseen", 2, weight=0.0),
        answered("h", "w", "hidden", 3, metadata={"is_visually_hidden_from_conversation": True}),
        node(
            "m", "h", message("m", "system", {"content_type": "model_editable_context", "model_set_context": "known"})
        ),
        answered("a", "m", "an avocet", 4),
    )
    assert texts(found) == [("user", "bird?"), ("assistant", "an avocet")]
    assert asides(found) == [
        *(("hidden", "You are ChatGPT"), ("hidden", "I watch birds\n\nBe kind"), ("hidden", "unseen")),
        *(("hidden", "hidden"), ("hidden", "known")),
    ]
    assert by_key(found)["i"].by == "system"


def test_calls_of_tools_and_what_they_say_are_steps(tmp_path: Path) -> None:
    code = {"content_type": "code", "language": "python", "text": "print(1)"}
    found = only(
        tmp_path,
        asked("q", "root1", "bird?"),
        answered("c", "q", code, recipient="python"),
        node(
            "o",
            "c",
            message(
                "o",
                "tool",
                {"content_type": "execution_output", "text": "1"},
                author={"role": "tool", "name": "python"},
            ),
        ),
        answered("d", "o", text('{"prompt": "avocet"}'), recipient="dalle.text2im"),
        node(
            "b", "d", message("b", "tool", {"content_type": "tether_browsing_display", "result": "r", "summary": "s"})
        ),
        node("t", "b", message("t", "tool", {"content_type": "tether_quote", "url": "u", "title": "T", "text": "x"})),
        node("p", "t", message("p", "tool", {"content_type": "sonic_webpage", "url": "u", "title": "P", "text": "y"})),
        node("e", "p", message("e", "tool", {"content_type": "system_error", "name": "Error", "text": "no"})),
        answered("a", "e", code),
    )
    assert texts(found) == [("user", "bird?"), ("assistant", "```python\nprint(1)\n```")]
    said = by_key(found)
    assert [(s.name, s.input, s.text) for s in (said["c"], said["o"], said["d"])] == [
        *(("python", "print(1)", ""), ("python", "", "```\n1\n```"), ("dalle.text2im", '{"prompt": "avocet"}', "")),
    ]
    assert [said[key].text for key in "btpe"] == ["r\n\ns", "T\n\nu\n\nx", "P\n\nu\n\ny", "Error: no"]
    assert said["e"].failed
    assert {s.aside for s in found.said if s.key not in "qa"} == {"tool"}


def test_reasoning_is_no_answer(tmp_path: Path) -> None:
    thoughts = {
        "content_type": "thoughts",
        "thoughts": [{"summary": "Legs", "content": "They are blue."}, {"content": "Hm."}],
    }
    found = only(
        tmp_path,
        asked("q", "root1", "bird?"),
        answered("t", "q", thoughts),
        answered("r", "t", {"content_type": "reasoning_recap", "content": "Thought for 4s"}),
        answered("n", "r", "let me see", channel="analysis"),
        answered("a", "n", "an avocet", channel="final"),
    )
    assert texts(found) == [("user", "bird?"), ("assistant", "an avocet")]
    assert asides(found) == [
        *(("reasoning", "**Legs**\n\nThey are blue.\n\nHm."), ("reasoning", "Thought for 4s")),
        ("reasoning", "let me see"),
    ]


def test_parts_mix_texts_and_objects_and_are_one_message(tmp_path: Path) -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": f"sediment://{PICTURE}", "width": 3}
    parts = ["What is", picture, {"text": "this?"}, None, 5, [], ""]
    found = only(
        tmp_path, asked("q", "root1", {"content_type": "multimodal_text", "parts": parts}), answered("e", "q", text(""))
    )
    assert texts(found) == [("user", "What is\n\nthis?")]
    [file] = by_key(found)["q"].files
    assert (file.key, file.name, file.member, file.metadata) == (PICTURE, PICTURE, None, {"width": 3})
    assert "content of some files" in whys(found)


@pytest.mark.parametrize(
    ("pointer", "member", "name"),
    [
        ("file-service://file-AbCdEfGhIjKl", "file-AbCdEfGhIjKl-heron.png", "heron.png"),
        ("file-service://file-AbCdEfGhIjKl", "sub/file-AbCdEfGhIjKl-a-b.png", "a-b.png"),
        ("sediment://file_0123456789ab", "file_0123456789ab-sanitized.png", "sanitized.png"),
        ("sediment://file_0123456789ab#p_1", "file_0123456789ab.dat", "true name.jpg"),
        ("file-service://file-AbCdEfGhIjKl", "dalle-generations/file-AbCdEfGhIjKl-uuid.webp", "uuid.webp"),
    ],
)
def test_pointers_find_their_files(tmp_path: Path, pointer: str, member: str, name: str) -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": pointer}
    made = conversation(1, asked("q", "root1", {"content_type": "multimodal_text", "parts": [picture]}))
    names = {"file_0123456789ab.dat": "true name.jpg"} if member.endswith(".dat") else {}
    path = zipped(
        tmp_path / "x.zip",
        {
            "conversations.json": [made],
            member: b"png",
            "conversation_asset_file_names.json": names,
            "file_ffffffffffff.dat": b"x",
        },
    )
    (found,), problems = read(ChatGPT(), path)
    [file] = found.said[0].files
    assert (file.member, file.name, found.problems) == (member, name, [])
    assert [p.why == Why("files_astray", n=1) for p in problems] == [True]


def test_attached_files_have_the_names_of_the_message(tmp_path: Path) -> None:
    attached = [
        {"id": PICTURE, "name": "heron.png", "mime_type": "image/png", "size": 3},
        {"id": "file-AbCdEfGhIjKl", "name": "list.pdf", "mimeType": "application/pdf", "size": 9},
        {"name": "no id"},
    ]
    picture = {"content_type": "image_asset_pointer", "asset_pointer": f"sediment://{PICTURE}"}
    said = {"content_type": "multimodal_text", "parts": [picture, "these"]}
    found = only(tmp_path, asked("q", "root1", said, metadata={"attachments": attached}))
    assert [(file.name, file.mime) for file in found.said[0].files] == [
        *(("heron.png", "image/png"), ("list.pdf", "application/pdf")),
    ]


def test_a_picture_that_a_tool_has_made_is_an_answer(tmp_path: Path) -> None:
    picture = {
        **{"content_type": "image_asset_pointer", "asset_pointer": f"sediment://{PICTURE}"},
        "metadata": {"dalle": {"prompt": "an avocet"}},
    }
    made = message("t", "tool", {"content_type": "multimodal_text", "parts": [picture]})
    found = only(tmp_path, asked("q", "root1", "paint"), node("t", "q", made))
    [_, answer] = shown(found)
    assert (answer.by, answer.files[0].metadata) == ("assistant", {"prompt": "an avocet"})


def test_voice_chats_have_their_words(tmp_path: Path) -> None:
    heard = {"content_type": "audio_transcription", "text": "which bird?", "direction": "in"}
    audio = {"content_type": "audio_asset_pointer", "asset_pointer": "sediment://file_00000000000a", "format": "wav"}
    video = {
        "content_type": "real_time_user_audio_video_asset_pointer",
        "audio_asset_pointer": audio | {"asset_pointer": "sediment://file_00000000000b"},
        "frames_asset_pointers": ["sediment://file_00000000000c"],
    }
    found = only(tmp_path, asked("q", "root1", {"content_type": "multimodal_text", "parts": [heard, audio, video]}))
    assert texts(found) == [("user", "which bird?")]
    assert [file.key[-1] for file in found.said[0].files] == ["a", "b", "c"]


def test_votes_are_those_of_the_feedback(tmp_path: Path) -> None:
    nodes = (
        asked("q", "root1", "bird?"),
        answered("a", "q", "an avocet"),
        answered("b", "q", "a heron"),
        answered("c", "q", "?"),
    )
    votes = [
        {"id": "a", "conversation_id": "c1", "rating": "thumbs_up", "content": '{"tags": []}'},
        {"message_id": "b", "rating": "thumbsDown", "text": "no heron"},
        {"id": "c", "conversation_id": "c1", "rating": "?"},
        {"id": "gone", "conversation_id": "c9", "rating": "thumbs_up"},
        5,
    ]
    path = zipped(tmp_path / "x.zip", {"conversations.json": [conversation(1, *nodes)], "message_feedback.json": votes})
    (found,), problems = read(ChatGPT(), path)
    assert [(s.key, s.vote, s.comment) for s in found.said[1:]] == [
        *(("a", 1, '{"tags": []}'), ("b", 0, "no heron"), ("c", None, None)),
    ]
    assert [p.why for p in problems] == [Why("votes_astray", n=1)]


def test_citations_are_links(tmp_path: Path) -> None:
    one, two = "\ue200cite\ue202turn0search1\ue201", "\ue200cite\ue202turn0search2\ue202turn0search3\ue201"
    entity, gone = '\ue200entity\ue202["city", "Ghent", "in Belgium"]\ue201', "\ue200navlist\ue202x\ue201"
    references = [
        {"matched_text": one, "alt": "([Birds](https://birds.example))"},
        {
            "matched_text": two,
            "items": [{"title": "A [b]", "url": "https://a.example/x (y)"}, {"url": "javascript:alert(1)"}],
        },
    ]
    said = f"Avocets{one} wade{two} in {entity}{gone}\ue203."
    found = only(
        tmp_path, asked("q", "root1", "?"), answered("a", "q", said, metadata={"content_references": references})
    )
    assert texts(found)[1][1] == (
        "Avocets([Birds](https://birds.example)) wade([A \\[b\\]](https://a.example/x%20%28y%29)) in Ghent."
    )
    assert by_key(found)["a"].metadata["content_references"] == references


def test_citations_of_old_are_links_too(tmp_path: Path) -> None:
    said = "Avocets【12†source】 wade【3:4†list.pdf】 there【9†lost】."
    citations = [
        {"start_ix": 7, "end_ix": 18, "metadata": {"title": "Birds", "url": "https://birds.example"}},
        {"start_ix": said.index("【3"), "metadata": {"type": "file", "name": "list.pdf"}},
    ]
    found = only(tmp_path, asked("q", "root1", "?"), answered("a", "q", said, metadata={"citations": citations}))
    assert texts(found)[1][1] == "Avocets ([Birds](https://birds.example)) wade (list.pdf) there."


def test_content_of_a_kind_that_nobody_knows_is_kept_and_told(tmp_path: Path) -> None:
    new = {"content_type": "holo", "frames": [1, 2]}
    found = only(
        tmp_path,
        asked("q", "root1", "?"),
        answered("a", "q", new),
        answered("b", "a", {"content_type": "scroll", "text": "words"}),
    )
    assert texts(found) == [("user", "?"), ("assistant", ""), ("assistant", "words")]
    assert by_key(found)["a"].metadata["content"] == {"frames": [1, 2]}
    assert "a part of the kind “holo”" in whys(found)


def test_shapes_that_no_product_makes_cost_nothing_else(tmp_path: Path) -> None:
    odd = conversation(1)
    odd["mapping"] |= {"x": 5, "y": {"message": {"author": 5, "content": [], "metadata": 1}, "parent": {}}, "z": None}
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    odd["mapping"]["q1"]["message"]["metadata"] = {"deep": deep, "k": "v"}
    odd["extra"] = deep
    found, problems = read(ChatGPT(), written(tmp_path / "c.json", [odd, conversation(2)]))
    assert [each.key for each in found] == ["c1", "c2"]
    assert not [p for p in problems if isinstance(p, Problem)]
    assert texts(found[0]) == [("user", "bird 1?"), ("assistant", "an avocet")]
    assert whys(found[0]).count("nested too deeply") == 2


def test_a_file_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    content = json.dumps([conversation(n) for n in range(5)])
    found, problems = read(ChatGPT(), written(tmp_path / "c.json", content[: len(content) * 2 // 3]))
    assert [each.key for each in found] == ["c0", "c1", "c2"]
    assert [str(p.why) for p in problems] == ["the file ends in the middle of it"]


def test_chats_of_groups_are_told(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"conversations.json": [conversation(1)], "group_chats.json": [{"id": 1}]})
    assert [str(p.why) for p in read(ChatGPT(), path)[1]] == ["chats of groups do not come over"]


@pytest.mark.parametrize("content", ["an avocet", ["an avocet"]])
def test_content_that_is_no_object_is_text(tmp_path: Path, content: Any) -> None:
    said = node("a", "root1", message("a", "assistant", {}) | {"content": content})
    assert texts(only(tmp_path, said)) == [("assistant", "an avocet")]


def test_parts_of_no_kind_are_kept(tmp_path: Path) -> None:
    found = only(tmp_path, answered("a", "root1", text("an avocet", 7)))
    assert (by_key(found)["a"].metadata["content"], "int" in whys(found)) == ({"parts": [7]}, True)


@pytest.mark.parametrize("at", [9_000_000_000_000_000_000_000, -315_000_000, 1e300, "once"])
def test_times_that_are_none_are_kept_and_told(tmp_path: Path, at: Any) -> None:
    said = answered("a", "root1", "an avocet")
    said["message"]["create_time"] = at
    found = only(tmp_path, said, create_time=at)
    assert (found.metadata["create_time"], by_key(found)["a"].metadata["create_time"]) == (at, at)
    assert whys(found).count("time cannot be read") == 2


@pytest.mark.parametrize("mark", ["【12†source】", "\ue200cite\ue202turn0search1\ue201"])
def test_marks_of_sources_that_are_not_there_are_kept(tmp_path: Path, mark: str) -> None:
    found = only(tmp_path, answered("a", "root1", f"an avocet{mark}"))
    assert (by_key(found)["a"].text, by_key(found)["a"].metadata["marks"]) == ("an avocet", [mark])
    assert "marks of sources" in whys(found)


def test_who_wrote_it_is_kept_where_nobody_knows_the_word(tmp_path: Path) -> None:
    odd, none = answered("a", "root1", "hm", metadata={}), answered("b", "a", "an avocet")
    odd["message"]["author"]["role"] = "critic"
    del none["message"]["author"]
    found = only(tmp_path, odd, none)
    assert (by_key(found)["a"].aside, by_key(found)["a"].metadata["role"]) == ("hidden", "critic")
    assert texts(found) == [("assistant", "an avocet")]
    assert whys(found).count("does not say who wrote it") == 1


@pytest.mark.parametrize("name", ["file-ABC-x.png", "file-ABC.png"])
def test_short_ids_of_files_are_found(tmp_path: Path, name: str) -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-ABC"}
    made = conversation(1, asked("q", "root1", text(picture, content_type="multimodal_text")))
    members = {"conversations.json": [made], name: b"x", "file-ABCD-y.png": b"y"}
    (found,), _ = read(ChatGPT(), zipped(tmp_path / "x.zip", members))
    assert [file.member for file in found.said[0].files] == [name]
