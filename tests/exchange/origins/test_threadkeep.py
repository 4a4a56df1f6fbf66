"""Our own JSON, read again: the rows that were written, and whatever else somebody has put into the file."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from datalayer.records import Blob
from datalayer.versions import Versions, kept_id, record_id, told
from exchange.formats.json import Json
from exchange.opened import opened
from exchange.origins.base import Problem, Stored
from exchange.origins.places import Place
from exchange.origins.threadkeep import Threadkeep
from exchange.origins.threadkeep.anew import anew
from tests.exchange.made import ABOUT, AT, call, element, step, vote, whole

SHA = "a" * 64


def document(*threads: Any, **over: Any) -> dict[str, Any]:
    head = {"format": "threadkeep.threads", "version": 1, "exported_at": "2026-01-01T00:00:00.000000Z"}
    return {**head, "selection": {}, "threads": list(threads), **over}


def thread(**over: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(Json().add(full(), ABOUT))
    return made | over


def full() -> Any:
    return whole(
        step("where?", metadata={"model": "m"}),
        step("in the reeds", "assistant_message", number=2, parent_id="s1", extra={"new": 1}, start=AT, end=AT + 5),
        elements=[element(blob=Blob(SHA, 7), props={"page": 2}, page=3)],
        blobs=[Blob(SHA, 7)],
        votes=[vote("s2", 0, "no")],
        calls=[call(cost=5)],
    )


def read(content: bytes | str, tmp_path: Path, name: str = "export.json") -> tuple[list[Stored], list[Problem]]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with opened(path) as source:
        assert Threadkeep().recognises(source)
        found = list(Threadkeep().read(source))
    stored = [each for each in found if isinstance(each, Stored)]
    problems = [each for each in found if isinstance(each, Problem)]
    return stored, [*problems, *(problem for each in stored for problem in each.problems)]


def columns(row: Any, *left_out: str) -> dict[str, Any]:
    return {key: value for key, value in row._asdict().items() if value is not None and key not in left_out}


def test_the_rows_are_those_that_were_written(tmp_path: Path) -> None:
    ((found,), problems) = read(json.dumps(document(thread())), tmp_path)
    was = full()
    assert problems == []
    of_votes = ("thread_id", "vote_id", "vote_value", "vote_comment")
    assert found.steps == [columns(each, *of_votes) for each in was.steps]
    (file,) = found.elements
    assert file == columns(was.elements[0], "thread_id") | {"created_at": was.came["e"]}
    assert found.votes == [
        {"id": "v-s2", "step_id": "s2", "user": "ann", "value": 0, "comment": "no", "created_at": AT}
    ]
    assert found.usage == [columns(was.calls[0], "thread_id", "user_id")]
    assert found.author == was.thread.user_identifier
    assert (found.thread["id"], found.thread["created_at"]) == (was.thread.id, was.thread.created_at)
    assert found.contents == {}


def test_its_chain_stays_behind(tmp_path: Path) -> None:
    links = [{"number": 1, "kind": "said", "at": "2026", "step": "s1", "salt": "5a17", "digest": "ab", "hash": "cd"}]
    ((found,), problems) = read(json.dumps(document(thread(chain={"links": links, "length": 1}))), tmp_path)
    assert [problem.why.key for problem in problems] == ["chain_wrong"]
    assert "5a17" not in repr(found), "with the salt, a text that is deleted later could be guessed"


def test_contents_lie_beside_it_in_a_zip_or_a_folder_in_one(tmp_path: Path) -> None:
    for folder in ("", "deep/er/"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(f"{folder}threads.json", json.dumps(document(thread())))
            archive.writestr(f"{folder}files/{SHA}", b"content")
            archive.writestr(f"{folder}files/other.json", b'{"format": "threadkeep.threads"')
        ((found,), _) = read(packed.getvalue(), tmp_path, "export.zip")
        assert found.contents == {SHA: f"{folder}files/{SHA}"}


def test_however_it_is_written(tmp_path: Path) -> None:
    whole = document(thread(), thread(id="u"))
    assert len(read(json.dumps(whole, indent=4), tmp_path)[0]) == 2
    assert len(read("\ufeff" + json.dumps(whole), tmp_path)[0]) == 2
    backwards = dict(reversed(whole.items()))
    assert len(read(json.dumps(backwards), tmp_path)[0]) == 2
    assert len(read(json.dumps(whole), tmp_path, "no-ending")[0]) == 2


def test_what_was_cut_off_has_what_came_before(tmp_path: Path) -> None:
    lines = [json.dumps(thread(id=f"t{n}")) for n in range(3)]
    cut = json.dumps(document())[:-2] + "\n" + ",\n".join(lines)[:-40]
    found, problems = read(cut, tmp_path, "export.json.part")
    assert [each.thread["id"] for each in found] == ["t0", "t1"]
    assert len(problems) == 1


def test_what_the_schema_does_not_know_is_kept(tmp_path: Path) -> None:
    odd = thread(colour="blue", pinned="yes", metadata={"a": 1})
    odd["steps"][0] |= {"mood": "good", "output": 5}
    odd["elements"][0] |= {"size": "s" * 65, "depth": 2}
    ((found,), problems) = read(json.dumps(document(odd)), tmp_path)
    assert found.thread["metadata"] == {"colour": "blue", "pinned": "yes", "a": 1}
    assert "pinned" not in found.thread
    assert found.steps[0]["extra"] == {"mood": "good", "output": 5}
    assert found.elements[0]["extra"] == {"size": "s" * 65, "depth": 2}
    assert [problem.lost for problem in problems] == [False]


def test_what_is_odd_costs_only_itself(tmp_path: Path) -> None:
    odd = thread(
        steps=[{"output": "no id", "votes": ["x", {"id": "v"}]}, "nothing", {"id": "s", "created_at": "yesterday"}],
        elements=[{"id": "e", "content": {"sha256": "../../etc/passwd"}}, 3],
        usage=[{"id": "u"}, {"id": "x" * 300}],
        summary={"text": "short"},
        author={"id": 5},
    )
    found, problems = read(json.dumps(document(odd, {"name": "no id"}, 5, None, thread(id="last"))), tmp_path)
    assert [each.thread["id"] for each in found] == ["t", "last"]
    first = found[0]
    assert [row.get("output") for row in first.steps] == ["no id", None]
    assert first.steps[1]["extra"] == {"created_at": "yesterday"}
    assert (first.elements, first.usage, first.summary, first.author) == (
        [{"id": "e", "extra": {"content": {"sha256": "../../etc/passwd"}}}],
        [],
        None,
        None,
    )
    assert sum(problem.lost for problem in problems) == 3
    assert "item 2 (no id)" in " ".join(str(problem.place) for problem in problems)
    again = read(json.dumps(document(odd)), tmp_path)[0][0]
    assert again.steps == first.steps


def test_of_a_newer_version_nothing_is_read(tmp_path: Path) -> None:
    found, (problem,) = read(json.dumps(document(thread(), version=2)), tmp_path)
    assert found == []
    assert "version 2" in str(problem.why)


def test_with_new_ids_it_says_the_same_of_itself(tmp_path: Path) -> None:
    for question in ("q", "7c3f9f52-6a0c-4a57-9b07-5b2c1d1f7f11"):
        record = Versions(question, 1, (AT, AT + 1), (0, 1))
        mark = {"aside": {"question": question, "version": 2, "type": "assistant_message"}}
        given = Stored(
            place=Place(),
            thread={"id": "t"},
            author="ann",
            steps=[
                {"id": question, "type": "user_message"},
                {"id": record_id(question), "type": "versions", "parent_id": question, "metadata": record.stored()},
                {"id": kept_id(question, 2), "type": "aside", "parent_id": question, "metadata": mark},
                {"id": "other", "type": "aside", "parent_id": question, "metadata": mark | {"note": "t"}},
            ],
            elements=[{"id": "e", "for_id": question, "props": {"of": question}}],
            votes=[{"id": "v", "step_id": question, "value": 1}],
            usage=[{"id": "u"}],
            summary={"from_step": question, "until_step": question, "digest": "d"},
        )
        found = anew(given, "bob")
        asked = found.steps[0]["id"]
        assert asked != question
        assert (known := told(found.steps[1]["metadata"]))
        assert (known.question, found.steps[1]["id"]) == (asked, record_id(asked))
        assert found.steps[2]["id"] == kept_id(asked, 2)
        assert found.steps[3]["metadata"] == {"aside": mark["aside"] | {"question": asked}, "note": "t"}
        assert {row["parent_id"] for row in found.steps[1:]} == {asked}
        assert (found.elements[0]["for_id"], found.votes[0]["step_id"]) == (asked, asked)
        assert found.elements[0]["props"] == {"of": asked if len(question) > 16 else question}
        assert found.summary == {"from_step": asked, "until_step": asked}
        assert anew(given, "bob") == found
        ids = [row["id"] for each in (found, anew(given, "cara"), given) for row in [each.thread, *each.steps]]
        assert len(set(ids)) == len(ids)
        assert given.thread == {"id": "t"}
        assert given.steps[3]["metadata"]["aside"]["question"] == question


def test_of_two_rows_with_one_id_both_are_kept(tmp_path: Path) -> None:
    given = thread()
    given["steps"].append({"id": "s1", "type": "user_message", "output": "why?"})
    ((found,), problems) = read(json.dumps(document(given)), tmp_path)
    assert [row["output"] for row in found.steps] == ["where?", "in the reeds", "why?"]
    assert len({row["id"] for row in found.steps}) == 3
    assert [problem.why.key for problem in problems] == ["id_taken"]
