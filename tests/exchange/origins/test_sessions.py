"""Sessions as JSON, as apps keep them before they have a database."""

import json
from pathlib import Path
from typing import Any

import pytest

from exchange.opened import opened
from exchange.origins import ORIGINS
from exchange.origins.base import Conversation, Problem
from exchange.origins.sessions import ORIGIN
from tests.exchange.origins.exports import recognised
from tests.exchange.origins.given import conversations, only, path_of, read, told

AT = 1_785_924_000_000_000


def session(id: str | None = "s1", **over: Any) -> dict[str, Any]:
    said = [
        {"role": "user", "content": "Which bird?", "timestamp": "2026-08-05T10:00:00Z"},
        {"role": "assistant", "content": "An avocet.", "timestamp": "2026-08-05T10:00:05Z", "model": "m"},
    ]
    known = {"workspace_hash": "9f", "type": "chat", "task": "Birds", "status": "active", "chat_messages": said}
    known |= {"instances": [{"id": "i1", "pid": 7}], "created_at": 1_785_924_000, "updated_at": 1_785_924_005.0}
    return known | ({"id": id} if id else {}) | over


def test_a_file_a_session_in_folders(tmp_path: Path) -> None:
    store = tmp_path / "sessions"
    for workspace, id in (("w1", "a"), ("w2", "b")):
        (store / workspace).mkdir(parents=True)
        (store / workspace / f"{id}.json").write_text(json.dumps(session(id), indent=2))
    first, second = conversations(ORIGIN, store)
    assert (first.key, second.key) == ("a", "b")
    assert told(first) == [("user", "Which bird?"), ("assistant", "An avocet.")]
    assert [(said.at, said.model) for said in path_of(first)] == [(AT, None), (AT + 5_000_000, "m")]
    assert (first.title, first.created_at, first.updated_at, first.model) == ("Birds", AT, AT + 5_000_000, "m")
    kept = {"workspace_hash": "9f", "type": "chat", "task": "Birds", "status": "active"}
    assert first.metadata == kept | {"instances": [{"id": "i1", "pid": 7}]}
    assert first.problems == []


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([session("s1"), session("s2")]),
        json.dumps({"version": 3, "sessions": [session("s1"), session("s2")]}),
        json.dumps({"sessions": {"s1": session(None), "s2": session(None)}}),
        json.dumps({"s1": session(None), "s2": session(None)}),
        "\n".join(json.dumps(session(id)) for id in ("s1", "s2")),
        "\ufeff" + json.dumps([session("s1"), session("s2")], indent=1),
    ],
)
def test_all_in_one_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "all.json").write_text(content, "utf-8")
    assert [each.key for each in conversations(ORIGIN, tmp_path / "all.json")] == ["s1", "s2"]


def test_keys_may_be_called_otherwise(tmp_path: Path) -> None:
    said = [{"sender": "human", "text": "q", "time": "2026-08-05 10:00:00"}, {"type": "ai", "message": "r"}, "more", 5]
    odd = {"session_id": 7, "workspace": "/w", "messages": said, "name": "N", "status": "archived", "tags": ["x"]}
    (tmp_path / "s.json").write_text(json.dumps(odd))
    found = only(ORIGIN, tmp_path / "s.json")
    assert (found.key, found.title, found.archived, found.tags) == ("7", "N", True, ["x"])
    assert told(found) == [("user", "q"), ("assistant", "r"), ("user", "more")]
    assert ["message 4" in str(each.place) for each in found.problems] == [True]


def test_what_was_said_in_instances_comes_and_roles_of_its_own_are_kept(tmp_path: Path) -> None:
    inner = [{"id": "i2", "messages": [{"role": "user", "content": "again"}], "status": "done"}]
    said = [{"role": "user", "content": "q"}, {"role": "progress", "content": "50 %", "step": 3}]
    (tmp_path / "s.json").write_text(json.dumps(session(instances=inner, chat_messages=said)))
    found = only(ORIGIN, tmp_path / "s.json")
    assert told(found) == [("user", "q"), ("user", "again")]
    assert found.said[1].metadata == {"said_by": "progress", "step": 3}
    assert found.said[1].aside == "hidden"
    assert found.said[2].metadata == {"instance": "i2"}
    assert found.metadata["instances"] == [{"id": "i2", "status": "done"}]


def test_a_longer_session_keeps_its_keys(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(session(None)))
    before = only(ORIGIN, tmp_path / "s.json")
    longer = session(None)
    longer["chat_messages"] = [*longer["chat_messages"], {"role": "user", "content": "Which bird?"}]
    (tmp_path / "s.json").write_text(json.dumps(longer))
    after = only(ORIGIN, tmp_path / "s.json")
    assert before.key == after.key == "s"
    assert [said.key for said in after.said[:2]] == [said.key for said in before.said]
    assert len({said.key for said in after.said}) == 3


def test_odd_ones_are_told_and_the_others_come(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(json.dumps(session("good")))
    (tmp_path / "broken.json").write_text('{"id": "x", "chat_mess')
    (tmp_path / "settings.json").write_text('{"theme": "dark"}')
    (tmp_path / "empty.json").write_text(json.dumps(session("empty", chat_messages=[])))
    found = read(ORIGIN, tmp_path)
    assert [each.key for each in found if isinstance(each, Conversation)] == ["good"]
    alone = {each.place.member: each.lost for each in found if isinstance(each, Problem)}
    assert alone == {"broken.json": True, "empty.json": True, "settings.json": False}


@pytest.mark.parametrize(
    "value",
    [
        {"uuid": "x", "name": "n", "chat_messages": [{"sender": "human", "text": "q"}], "type": "chat"},
        {"messages": [{"role": "user", "content": "q"}]},
        {"status": "ok", "type": "chat"},
        [1, 2],
    ],
)
def test_what_others_write_is_none_of_it(tmp_path: Path, value: Any) -> None:
    (tmp_path / "s.json").write_text(json.dumps(value))
    with opened(tmp_path / "s.json") as source:
        assert not ORIGIN.recognises(source)


DOCUMENTED = (Path(__file__).parents[3] / "docs" / "import" / "sessions.md").read_text("utf-8")


@pytest.mark.parametrize(
    "content",
    [
        DOCUMENTED.split("```json\n")[1].split("```")[0],
        json.dumps(session()),
        json.dumps([session("a", chat_messages=[{"sender": "human", "text": "q"}])]),
        json.dumps({"id": "a", "chat_messages": [{"role": "user", "content": "q"}]}),
        json.dumps({"sessions": {"a": session(None)}}),
    ],
)
def test_it_is_taken_for_no_other_product(tmp_path: Path, content: str) -> None:
    (tmp_path / "s.json").write_text(content)
    assert recognised(tmp_path / "s.json", ORIGINS) == ["sessions"]
