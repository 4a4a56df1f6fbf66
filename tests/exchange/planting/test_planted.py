"""A conversation of another product as rows: the tip's path is shown, the others are versions, and nothing is lost."""

import uuid
from typing import Any

import pytest

from datalayer.records import Step, to_iso
from datalayer.versions import RECORD, Versions, chosen_path, record_id, told, versions_of
from exchange.origins.base import Conversation, File, Said
from exchange.origins.places import Place
from exchange.origins.values import line
from exchange.planting import Planted, plant

AT = 1_700_000_000_000_000
SECOND = 1_000_000
NOW = AT + 10**12


def said(key: str, parent: str | None = None, by: Any = None, at: int | None = None, **more: Any) -> Said:
    """``u1`` is a person's, ``a1`` an answer."""
    by = by or ("user" if key.startswith("u") else "assistant")
    return Said(key, by, more.pop("text", f"text of {key}"), parent, None if at is None else AT + at * SECOND, **more)


def planted(*all: Said, known: dict[str, Versions] | None = None, **more: Any) -> Planted:
    return plant(Conversation("c", Place("x, item 1"), list(all), **more), "ann", "chatgpt", NOW, known)


def steps(made: Planted) -> list[Step]:
    """As a store gives them back."""
    blank: dict[str, Any] = dict.fromkeys(Step._fields)
    rows = sorted(made.steps, key=lambda row: row["created_at"])
    return [Step(**{**blank, "thread_id": made.thread_id, **row}) for row in rows]


def shown(made: Planted) -> list[str]:
    return [step.output or "" for step in chosen_path(steps(made)) if "message" in (step.type or "")]


def texts(*keys: str) -> list[str]:
    return [f"text of {key}" for key in keys]


def versions(made: Planted, question: str) -> list[tuple[bool, str, list[str]]]:
    """Of the question that says the text of ``question`` in its first version."""
    known = steps(made)
    [record] = [s for s in known if s.type == RECORD and f"text of {question}" in _said(known, s)]
    found = told(record.metadata)
    assert found is not None
    return [
        (v.shown, v.question, [s.output or "" for s in v.steps if "message" in (s.type or "")])
        for v in versions_of(known, found.question)
    ]


def _said(known: list[Step], record: Step) -> set[str]:
    found = told(record.metadata)
    assert found is not None
    return {v.question for v in versions_of(known, found.question)}


def test_the_order_is_that_of_the_path_not_of_the_file_or_the_clocks() -> None:
    made = planted(said("a2", "u2", at=1), said("u2", "a1", at=5), said("u1", at=3), said("a1", "u1", at=9))
    assert shown(made) == texts("u1", "a1", "u2", "a2")
    assert [row["created_at"] - AT for row in made.steps] == [3 * SECOND, 9 * SECOND, 9 * SECOND, 9 * SECOND]
    assert made.steps[2]["metadata"]["imported"]["time"].startswith("2023-11-14T22:13:25")
    assert made.messages == 4


def test_ids_are_the_same_at_each_import_and_of_each_person() -> None:
    first = plant(Conversation("c", Place("x"), [said("u1")]), "ann", "chatgpt", 1)
    again = plant(Conversation("c", Place("y"), [said("u1"), said("a1", "u1")]), "ann", "chatgpt", 2)
    assert (again.thread_id, again.steps[0]["id"]) == (first.thread_id, first.steps[0]["id"])
    others = [("bob", "chatgpt", "c"), (None, "chatgpt", "c"), ("ann", "claude", "c"), ("ann", "chatgpt", "d")]
    ids = {plant(Conversation(key, Place("x"), [said("u1")]), who, origin, 1).thread_id for who, origin, key in others}
    assert len({*ids, first.thread_id}) == 5
    assert (
        len(
            {plant(Conversation("c", Place("x"), [said("u1")]), who, "chatgpt", 1).steps[0]["id"] for who in ("a", "b")}
        )
        == 2
    )
    assert uuid.UUID(first.thread_id).version == 5


def test_an_edited_question_has_versions() -> None:
    made = planted(
        *(said("u1", at=1), said("a1", "u1", at=2)),
        *(said("u2", "a1", at=3), said("a2", "u2", at=4), said("u3", "a2", at=5), said("a3", "u3", at=6)),
        *(said("u2b", "a1", at=7), said("a2b", "u2b", at=8)),
        tip="a2b",
    )
    assert shown(made) == texts("u1", "a1", "u2b", "a2b")
    assert versions(made, "u2") == [
        (False, "text of u2", texts("a2", "u3", "a3")),
        (True, "text of u2b", texts("a2b")),
    ]


def test_an_answer_that_was_repeated_is_a_version_of_the_question() -> None:
    tree = (said("u1", at=1), said("a1", "u1", at=2), said("a2", "u1", at=3), said("u2", "a1", at=4))
    assert versions(planted(*tree, tip="u2"), "u1") == [
        (True, "text of u1", texts("a1", "u2")),
        (False, "text of u1", texts("a2")),
    ]
    assert shown(planted(*tree, tip="a2")) == texts("u1", "a2")


def test_questions_and_answers_that_both_branch_are_versions_of_one() -> None:
    tree = (
        *(said("u1", at=1), said("a1", "u1", at=2), said("a2", "u1", at=5)),
        *(said("u1b", at=3), said("a3", "u1b", at=4)),
    )
    assert versions(planted(*tree, tip="a3"), "u1") == [
        (False, "text of u1", texts("a1")),
        (True, "text of u1b", texts("a3")),
        (False, "text of u1", texts("a2")),
    ]


def test_a_question_with_versions_may_be_in_a_version_that_is_not_shown() -> None:
    made = planted(
        *(said("u1", at=1), said("a1", "u1", at=2)),
        *(said("u2", "a1", at=3), said("a2", "u2", at=4), said("a2b", "u2", at=5)),
        *(said("a1b", "u1", at=6),),
        tip="a1b",
    )
    assert shown(made) == texts("u1", "a1b")
    kinds = sorted((row["type"], row.get("metadata", {}).get("aside", {}).get("type", "")) for row in made.steps)
    assert (
        kinds
        == [
            *[("aside", ""), ("aside", ""), ("aside", "assistant_message"), ("aside", "assistant_message")],
            *[("aside", "assistant_message"), ("aside", "user_message"), ("aside", "versions")],
            *[("assistant_message", ""), ("user_message", ""), ("versions", "")],
        ][: len(kinds)]
    )


def test_what_stands_between_a_question_and_its_answers_is_in_each_version() -> None:
    tree = (
        *(said("u1", at=1), said("t1", "u1", aside="reasoning", at=2)),
        *(said("a1", "t1", at=3), said("a2", "t1", at=4)),
    )
    made = planted(*tree, tip="a2")
    by_id = steps(made)
    thoughts = [v.steps[0] for v in versions_of(by_id, made.steps[0]["id"])]
    assert [t.output for t in thoughts] == texts("t1", "t1")
    assert thoughts[0].id != thoughts[1].id
    assert {t.type for t in thoughts} == {"llm"}


def test_without_a_tip_the_newest_leaf_is_shown() -> None:
    tree = (said("u1", at=1), said("a1", "u1", at=9), said("a2", "u1", at=3))
    assert shown(planted(*tree)) == texts("u1", "a1")
    assert shown(planted(*tree, tip="gone")) == texts("u1", "a1")
    no_times = (said("u1"), said("a1", "u1"), said("a2", "u1"))
    assert shown(planted(*no_times)) == texts("u1", "a2")


def test_a_tip_in_the_middle_loses_nothing_behind_it() -> None:
    made = planted(said("u1", at=1), said("a1", "u1", at=2), said("u2", "a1", at=3), tip="a1")
    assert shown(made) == texts("u1", "a1", "u2")


@pytest.mark.parametrize("tip", ["a1", None, "u1"])
def test_a_circle_is_cut_and_told(tip: str | None) -> None:
    made = planted(said("u1", "a1", at=1), said("a1", "u1", at=2), said("u9", "u9", at=3), tip=tip)
    assert set(shown(made)) <= {f"text of {key}" for key in ("u1", "a1", "u9")}
    assert {row["output"] for row in made.steps if "output" in row} == set(texts("u1", "a1", "u9"))
    assert "circle" in str(made.problems[0].why)


def test_a_parent_that_is_gone_and_a_key_that_is_twice() -> None:
    made = planted(said("u1", "gone", at=1), said("a1", "u1", at=2), said("a1", "u1", at=3, text="other"), tip="a1")
    assert shown(made) == texts("u1", "a1")
    assert [("key of another" in str(p.why), p.lost) for p in made.problems] == [(True, False)]


def test_asides_are_steps_of_the_question_and_no_messages() -> None:
    made = planted(
        said("s", by="system", at=1, text="Be kind", metadata={"instructions": True}),
        said("u1", "s", at=2),
        said("r", "u1", at=3, aside="reasoning"),
        said("t", "r", by="tool", at=4, aside="tool", name="search", input="birds"),
        said("h", "t", by="user", at=5, aside="hidden"),
        said("a1", "h", at=6, failed=True),
        tip="a1",
    )
    question = made.steps[1]["id"]
    assert [(row["type"], row.get("parent_id"), row.get("name")) for row in made.steps] == [
        ("run", None, "hidden"),
        ("user_message", None, None),
        ("llm", question, "reasoning"),
        ("tool", question, "search"),
        ("run", question, "hidden"),
        ("assistant_message", None, None),
    ]
    assert made.steps[0]["metadata"] == {"imported": {"instructions": True, "by": "system"}}
    assert (made.steps[3]["input"], made.steps[5]["is_error"], made.messages) == ("birds", True, 2)


def test_times_that_are_missing_are_those_of_neighbours_and_say_so() -> None:
    made = planted(said("u1"), said("a1", "u1", at=5), said("u2", "a1"), said("a2", "u2", at=9), created_at=AT)
    assert [row["created_at"] - AT for row in made.steps] == [0, 5 * SECOND, 5 * SECOND, 9 * SECOND]
    assert [row.get("metadata", {}).get("imported") for row in made.steps] == [
        *({"time": "assumed"}, None, {"time": "assumed"}, None),
    ]
    assert planted(said("u1")).steps[0]["created_at"] == NOW
    assert planted(said("u1"), updated_at=AT).steps[0]["created_at"] == AT


def test_files_votes_models_and_what_has_no_place() -> None:
    file = File("f", "a\nb.png", "image/png", content=b"x", metadata={"width": 3})
    made = planted(said("u1", files=[file]), said("a1", "u1", model="gpt", vote=0, comment="no\x00", metadata={"k": 1}))
    question, answer = made.steps
    assert answer["metadata"]["model"] == "gpt"
    assert answer["metadata"]["imported"]["k"] == 1
    assert [(v["step_id"], v["value"], v["comment"]) for v in made.votes] == [(answer["id"], 0, "no�")]
    assert made.files == [(file, question["id"], question["created_at"])]


@pytest.mark.parametrize(
    ("title", "name", "source"),
    [
        ("Birds", "Birds", "user"),
        (" Two\nlines\x00 ", "Two lines�", "user"),
        (None, "text of u1", "first_message"),
        ("\u200b", "text of u1", "first_message"),
        ("x" * 900, "x" * 500, "user"),
    ],
)
def test_a_title_is_one_line(title: str | None, name: str, source: str) -> None:
    made = planted(said("u1"), title=title)
    assert (made.thread["name"], made.thread["name_source"]) == (name, source)


def test_the_thread_keeps_what_the_export_says() -> None:
    made = planted(
        said("u1", at=5),
        **{"created_at": AT, "updated_at": AT + SECOND, "folder": "Work / A", "tags": ["a", "a", "b\n", "", "x" * 200]},
        **{"archived": True, "pinned": True, "model": "gpt", "metadata": {"voice": "ash"}},
    )
    origin = {"origin": "chatgpt", "key": "c", "model": "gpt", "voice": "ash"}
    origin |= {"title": made.thread["name"], "folder": "Work/A", "until": to_iso(AT + 5 * SECOND)}
    assert made.thread | {"name": "", "name_source": ""} == {
        **{"name": "", "name_source": "", "created_at": AT, "last_activity_at": AT + SECOND, "kind": "imported"},
        **{"archived": True, "pinned": True, "folder": "Work/A", "tags": ["a", "b"]},
        "metadata": {"imported_from": origin},
    }
    assert len(made.problems) == 2
    bad = planted(said("u1", at=1), folder="../..", metadata={"deep": _deep()})
    assert "folder" not in bad.thread
    assert [p.lost for p in bad.problems] == [False, False]


def _deep() -> Any:
    found: Any = 1
    for _ in range(500):
        found = [found]
    return found


def test_what_no_database_takes_is_replaced() -> None:
    made = planted(
        said("u1", text="a\x00\ud800b", metadata={"k\ud800": "\x00"}), said("a1", "u1", metadata={"d": _deep()})
    )
    assert made.steps[0]["output"] == "a��b"
    assert made.steps[1]["metadata"]["imported"] == {"left_out": True}


def test_a_newer_export_has_its_new_versions_behind_those_that_are_stored() -> None:
    """Whoever reads here has chosen what is shown, and an import does not turn the page."""
    old = planted(said("u1", at=1), said("a1", "u1", at=2), tip="a1")
    question = old.steps[0]
    known = {question["id"]: Versions(question["id"], 1, (question["created_at"],), (0,))}
    newer = (said("u1", at=1), said("a1", "u1", at=2), said("a2", "u1", at=3), said("u2", "a2", at=4))
    made = planted(*newer, tip="u2", known=known)
    assert shown(made) == texts("u1", "a1")
    assert versions(made, "u1")[1] == (False, "text of u1", texts("a2", "u2"))
    own = Versions(question["id"], 2, (question["created_at"], AT + 99 * SECOND), (0, 1))
    mixed = planted(*newer, tip="u2", known={question["id"]: own})
    [record] = [row for row in mixed.steps if row["type"] == RECORD]
    found = told(record["metadata"])
    assert found is not None
    assert (found.shown, found.made, record["id"]) == (2, (*own.made, AT + 3 * SECOND), record_id(question["id"]))
    assert {row["metadata"]["aside"]["version"] for row in mixed.steps if row["type"] == "aside"} == {1, 3}


def test_a_tree_of_nothing_but_branches_is_kept_in_bounded_memory() -> None:
    chain, spine = [said("u0")], "u0"
    for n in range(2_000):
        chain += [said(f"a{n}", spine, at=n), said(f"b{n}", spine, at=n)]
        spine = f"a{n}"
    made = planted(*chain)
    outputs = {row["output"] for row in made.steps if "output" in row}
    assert outputs == {each.text for each in chain}
    assert len(made.steps) < 20_000
    assert any("no version can hold" in str(p.why) for p in made.problems)


def test_a_conversation_as_long_as_a_book_of_books_works() -> None:
    """36 MB of one chat."""
    long = [said("u0", at=0)]
    for n in range(1, 9_000):
        long.append(said(f"{'ua'[n % 2]}{n}", long[-1].key, at=n, text="x" * 4_000))
    made = planted(*long)
    assert made.messages == 9_000
    assert [row["created_at"] for row in made.steps] == sorted(row["created_at"] for row in made.steps)


def test_nothing_said_is_a_thread_without_steps() -> None:
    made = planted(title="Empty")
    assert (made.steps, made.thread["name"]) == ([], "Empty")


def test_a_title_that_is_too_long_is_cut_and_told() -> None:
    made = planted(said("u1", at=1), title=line("x" * 10_000))
    assert made.thread["name"] == "x" * 500
    assert [problem.why.key for problem in made.problems] == ["title_long"]
    assert planted(said("u1", at=1), title="x").problems == []
