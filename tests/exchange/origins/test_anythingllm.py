"""AnythingLLM's exports and database, trap by trap."""

import json
from pathlib import Path
from typing import Any

from exchange.origins.anythingllm import AnythingLLM
from tests.exchange.origins.exports import (
    AT,
    PICTURE,
    PNG,
    anythingllm,
    asides,
    csv_of,
    database_of,
    read,
    shown,
    texts,
    whys,
    written,
)

TIME = "2026-09-21T14:{:02d}:20.000Z"


def chats(folder: Path, *given: Any) -> Any:
    return read(AnythingLLM(), written(folder / "chats.json", list(given)))


def test_what_a_person_asked_in_a_workspace_without_a_pause_is_one(tmp_path: Path) -> None:
    found, problems = chats(
        tmp_path,
        anythingllm(1, sent_at=TIME.format(13), rating="GOOD"),
        anythingllm(2, sent_at=TIME.format(14), username="ben"),
        anythingllm(3, sent_at=TIME.format(15), workspace="Work"),
        anythingllm(4, sent_at=TIME.format(16), rating="BAD"),
        anythingllm(5, sent_at="2026-09-22T10:00:00Z"),
    )
    assert problems == []
    by_first = {texts(one)[0][1]: one for one in found}
    together = by_first["bird 1?"]
    assert [text for _, text in texts(together)] == ["bird 1?", "an avocet", "bird 4?", "an avocet"]
    assert [said.vote for said in shown(together)] == [None, 1, None, 0]
    assert (together.folder, together.author, together.said[0].at) == ("Nature", "ann", AT)
    assert set(by_first) == {"bird 1?", "bird 2?", "bird 3?", "bird 5?"}
    assert by_first["bird 2?"].author == "ben"


def test_one_persons_export_names_nobody(tmp_path: Path) -> None:
    found, _ = chats(tmp_path, anythingllm(1), anythingllm(2))
    assert [one.author for one in found] == [None, None]


def test_a_newer_export_goes_on_with_the_same_conversation(tmp_path: Path) -> None:
    first = anythingllm(1, sent_at=TIME.format(13))
    (before,), _ = chats(tmp_path, first)
    (after,), _ = chats(tmp_path, first, anythingllm(2, sent_at=TIME.format(20)))
    assert before.key == after.key
    assert {said.key for said in before.said} < {said.key for said in after.said}


def test_pictures_come_over_and_damaged_ones_are_told(tmp_path: Path) -> None:
    images = [{"type": "image", "image": PICTURE}, {"type": "image", "image": "data:image/png;base64,abc"}, 7]
    (found,), _ = chats(tmp_path, anythingllm(1, attachments=images))
    assert [file.content for file in found.said[0].files] == [PNG, None, None]
    assert whys(found).count("damaged") == 2


def test_an_embedded_chat_has_no_user_and_a_failed_one_no_answer(tmp_path: Path) -> None:
    embedded = {key: value for key, value in anythingllm(1).items() if key not in ("username", "rating")}
    failed = anythingllm(2)
    del failed["response"]
    found, _ = chats(tmp_path, embedded, failed)
    assert [len(one.said) for one in found] == [2, 1]
    assert "no answer" in whys(found[1])


def test_odd_chats_do_not_stop_the_rest(tmp_path: Path) -> None:
    empty = anythingllm(3, prompt=None, response=None)
    found, problems = chats(tmp_path, 5, {"prompt": "x"}, empty, anythingllm(4, sent_at="soon", id=None))
    assert [problem.lost for problem in problems] == [True] * 3
    assert texts(found[0])[0] == ("user", "bird 4?")
    assert "time cannot be read" in whys(found[0])


def test_csv_with_commas_quotes_and_javascripts_dates(tmp_path: Path) -> None:
    when = "Mon Sep 21 2026 16:13:20 GMT+0200 (Central European Summer Time)"
    rows = csv_of(
        anythingllm(1, prompt='a "bird", grey', sent_at=when, rating="GOOD"),
        anythingllm(2, sent_at=when.replace("16:13", "16:14"), response="x" * 300_000),
    )
    (found,), problems = read(AnythingLLM(), written(tmp_path / "c.csv", "\ufeff" + rows))
    assert problems == []
    assert texts(found)[:2] == [("user", 'a "bird", grey'), ("assistant", "an avocet")]
    assert (found.said[0].at, found.said[1].vote) == (AT, 1)
    assert len(found.said[3].text) == 300_000


def test_csv_rows_of_another_length_and_broken_letters(tmp_path: Path) -> None:
    rows = csv_of(anythingllm(1)).encode() + b'\n"2","x"\n' + csv_of(anythingllm(3)).splitlines()[1].encode() + b"\n"
    rows = rows.replace(b"an avocet", b"an \xffavocet", 1)
    found, problems = read(AnythingLLM(), written(tmp_path / "c.csv", rows))
    assert len(found) == 2
    assert [problem.lost for problem in problems] == [False, True]
    unclosed = csv_of(anythingllm(1)) + '\n"2,"' + "x" * 1_000
    found, _ = read(AnythingLLM(), written(tmp_path / "d.csv", unclosed))
    assert len(found) == 1


def test_json_lines_have_a_workspace_a_line(tmp_path: Path) -> None:
    def workspace(*said: tuple[str, Any]) -> str:
        return json.dumps({"messages": [{"role": role, "content": content} for role, content in said]})

    picture = [{"type": "text", "text": "bird?"}, {"type": "image", "image": PICTURE}]
    kind = ("system", [{"type": "text", "text": "Be kind."}])
    answer = ("assistant", [{"type": "text", "text": "an avocet"}])
    alone = workspace(kind, ("user", picture))
    lines = [workspace(kind, ("user", picture), answer), alone, workspace(kind), "{broken"]
    path = written(tmp_path / "c.jsonl", "\n".join(lines))
    found, problems = read(AnythingLLM(), path)
    assert [texts(one) for one in found] == [[("user", "bird?"), ("assistant", "an avocet")], [("user", "bird?")]]
    assert asides(found[0]) == [("hidden", "Be kind.")]
    assert found[0].said[1].files[0].content == PNG
    assert found[0].key != found[1].key
    assert "all threads" in whys(found[0])
    assert [problem.lost for problem in problems] == [True, True]


def test_alpaca_has_single_turns(tmp_path: Path) -> None:
    turns = [
        {"instruction": "Be kind.", "input": "bird?", "output": "an avocet"},
        {"instruction": "bird?", "input": "", "output": "a heron"},
        {"instruction": "", "input": "", "output": "lost"},
    ]
    found, problems = read(AnythingLLM(), written(tmp_path / "a.json", turns))
    assert [texts(one) for one in found] == [
        [("user", "bird?"), ("assistant", "an avocet")],
        [("user", "bird?"), ("assistant", "a heron")],
    ]
    assert [problem.lost for problem in problems] == [True]


def test_the_database_says_which_thread_a_chat_belongs_to(tmp_path: Path) -> None:
    def chat(text: str, **over: Any) -> dict[str, Any]:
        return {"prompt": f"{text}?", "response": json.dumps({"text": text, "sources": [{"title": "b"}]})} | over

    image = {"name": "a.png", "mime": "image/png", "contentString": PICTURE.partition(",")[2]}
    path = database_of(
        tmp_path / "anythingllm.db",
        chat("default", createdAt="2026-09-21T14:13:20Z"),
        chat("thread", thread_id=7, feedbackScore=0),
        chat("again", thread_id=7, createdAt=AT // 1_000 + 86_400_000, feedbackScore=1),
        chat("other", user_id=2, response=json.dumps({"text": "other", "attachments": [image]})),
        chat("reset", include=0),
        chat("bad", thread_id=7, response="{broken"),
    )
    found, problems = read(AnythingLLM(), path)
    assert problems == []
    assert {tuple(text for _, text in texts(one)): (one.title, one.author, one.archived) for one in found} == {
        ("default?", "default"): (None, "ann", False),
        ("thread?", "thread", "again?", "again", "bad?"): ("Waders", "ann", False),
        ("other?", "other"): (None, "ben", False),
        ("reset?", "reset"): (None, "ann", True),
    }
    by_first = {one.said[0].text: one for one in found}
    assert {one.folder for one in found} == {"Nature"}
    assert by_first["default?"].said[0].at == AT
    assert by_first["default?"].said[1].metadata == {"sources": [{"title": "b"}]}
    assert [said.vote for said in by_first["thread?"].said] == [None, 0, None, 1, None]
    assert by_first["other?"].said[0].files[0].content == PNG
    assert "it has no answer" in whys(by_first["thread?"])


def test_a_rating_of_no_answer_is_kept(tmp_path: Path) -> None:
    (found,), _ = chats(tmp_path, anythingllm(1, response=None, rating="BAD"))
    assert (found.said[0].metadata["rating"], "rating" in whys(found)) == ("BAD", True)
