"""Gemini's activity, trap by trap."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exchange.origins.gemini import Gemini
from exchange.origins.gemini import activities as module
from exchange.origins.gemini import page as gemini_page
from exchange.origins.gemini.local_times import read as read_time
from exchange.origins.values import EPOCH
from tests.exchange.origins.exports import PNG, asides, gemini, only, page, read, shown, texts, whys, written, zipped

NEW, OLD = "2026-09-21T14:20:00Z", "2026-09-21T14:00:00Z"
DATE = "Sep 21, 2026, 2:13:20\u202fPM UTC"


def entries(folder: Path, *given: Any) -> Any:
    return read(Gemini(), written(folder / "My Activity.json", list(given)))


def pages(folder: Path, *cells: str, **over: Any) -> Any:
    return read(Gemini(), written(folder / "MeineAktivitäten.html", page(*cells, **over)))


class TestJson:
    def test_a_pause_parts_and_what_is_close_is_one_the_oldest_first(self, tmp_path: Path) -> None:
        found, problems = entries(
            tmp_path,
            gemini(9, time="2026-09-22T10:00:00Z", title="Prompted a new day"),
            gemini(2, time=NEW, title="Prompted sure?"),
            gemini(1, time=OLD, title="Prompted bird?"),
        )
        assert problems == []
        assert [[text for _, text in texts(one)] for one in found] == [
            ["a new day", "avocet **9**"],
            ["bird?", "avocet **1**", "sure?", "avocet **2**"],
        ]
        assert found[1].said[0].at == 1_789_999_200_000_000

    def test_a_newer_export_goes_on_with_the_same_conversation(self, tmp_path: Path) -> None:
        before, _ = entries(tmp_path, gemini(1, time=OLD))
        after, _ = entries(tmp_path, gemini(2, time=NEW), gemini(1, time=OLD))
        assert before[0].key == after[0].key
        assert {said.key for said in before[0].said} < {said.key for said in after[0].said}

    def test_drafts_are_versions_of_which_the_first_goes_on(self, tmp_path: Path) -> None:
        drafts = [{"html": "<p>one</p>"}, {"html": "<p>two</p>"}]
        (found,), _ = entries(tmp_path, gemini(2, time=NEW), gemini(1, time=OLD, safeHtmlItem=drafts))
        assert [text for _, text in texts(found)] == ["bird 1?", "one", "bird 2?", "avocet **2**"]
        assert len({said.parent for said in found.said if said.text in ("one", "two")}) == 1

    def test_what_is_no_question_is_hidden_beside_one_or_counted(self, tmp_path: Path) -> None:
        feedback = gemini(0, time=NEW, title="Gave feedback: Good response", safeHtmlItem=[])
        alone = gemini(5, title="Selected preferred draft", safeHtmlItem=None)
        (found,), problems = entries(tmp_path, feedback, gemini(1, time=OLD), alone)
        assert texts(found) == [("user", "bird 1?"), ("assistant", "avocet **1**")]
        assert asides(found) == [("hidden", "Gave feedback: Good response")]
        assert [(problem.lost, problem.why.key) for problem in problems] == [(False, "no_questions")]

    def test_a_question_may_have_no_answer(self, tmp_path: Path) -> None:
        (found,), _ = entries(tmp_path, gemini(1, safeHtmlItem=None))
        assert texts(found) == [("user", "bird 1?")]

    def test_other_products_of_google_are_left_alone(self, tmp_path: Path) -> None:
        tube = {"header": "YouTube", "title": "Watched", "time": OLD, "products": ["YouTube"]}
        found, problems = entries(tmp_path, tube, gemini(1), gemini(3, header="Bard", products=["Bard"]))
        assert (len(found), problems) == (2, [])

    def test_a_word_in_another_language_is_learned_and_told_once(self, tmp_path: Path) -> None:
        given = [gemini(n, title=f"Gefragt: bird {n}?", header="Gemini-Apps") for n in range(1, 6)]
        found, problems = entries(tmp_path, *given)
        assert [texts(one)[0][1] for one in found] == [f"bird {n}?" for n in range(1, 6)]
        assert [(problem.lost, "“Gefragt:”" in str(problem.why)) for problem in problems] == [(False, True)]

    def test_words_that_differ_stay_in_the_questions(self, tmp_path: Path) -> None:
        found, problems = entries(tmp_path, gemini(1, title="送信 bird"), gemini(2, title="質問 bird"))
        assert {texts(one)[0][1] for one in found} == {"送信 bird", "質問 bird"}
        assert ["not known here" in str(problem.why) for problem in problems] == [True]

    def test_files_that_lie_beside_come_over(self, tmp_path: Path) -> None:
        entry = gemini(1, title="Prompted look\nAttached 2 files.", attachedFiles=["a.png", "../../b.png"])
        export = zipped(tmp_path / "t.zip", **{"Takeout__G__x_json": [entry], "Takeout__G__a.png": PNG})
        found = only(Gemini(), export)
        question = shown(found)[0]
        assert question.text == "look"
        assert [(file.name, file.member) for file in question.files] == [("a.png", "Takeout/G/a.png"), ("b.png", None)]
        assert "content of some files" in whys(found)

    def test_odd_entries(self, tmp_path: Path) -> None:
        found, problems = entries(
            tmp_path,
            5,
            gemini(1, time=None),
            gemini(2, title=None),
            gemini(3, safeHtmlItem={"htmlValue": "<p>x</p>"}),
            {},
        )
        assert [problem.lost for problem in problems] == [True, True]
        said = [text for one in found for _, text in texts(one)]
        assert sorted(said) == ["avocet **1**", "avocet **2**", "bird 1?", "bird 3?", "x"]
        assert "no question" in "; ".join(whys(one) for one in found)

    def test_answers_become_markdown(self, tmp_path: Path) -> None:
        html = (
            "<h2>Birds</h2><p>an <em>avocet</em>, see <a href='https://example.org'>here</a></p><ul><li>one</li><li>two"
            "</li></ul><pre><code class='language-python'>print(1)\n  x</code></pre><table><tr><th>a</th></tr>"
            "<tr><td>1</td></tr></table><script>bad()</script>"
        )
        (found,), _ = entries(tmp_path, gemini(1, safeHtmlItem=[{"html": html}]))
        answer = texts(found)[1][1]
        for part in (
            "## Birds",
            "*avocet*",
            "[here](https://example.org)",
            "- one\n- two",
            "```python\nprint(1)\n  x",
            "| a |",
        ):
            assert part in answer
        assert "bad" not in answer

    def test_html_may_be_nested_deeply_and_what_cannot_be_read_keeps_its_words(self, tmp_path: Path) -> None:
        deep = "<div><b>" * 20_000 + "<ul><li>" * 50 + "avocet" + "</div>" * 20_000
        (found,), _ = entries(
            tmp_path, gemini(1, safeHtmlItem=[{"html": deep}, {"html": "<p>a</p><![x" + "<!-- " * 9_000}])
        )
        assert "avocet" in texts(found)[1][1]
        assert found.said[2].text.startswith("a")
        assert "without its markup" in whys(found)

    def test_of_the_same_moment_the_last_in_the_file_comes_first(self, tmp_path: Path) -> None:
        (found,), _ = entries(tmp_path, gemini(2, time=OLD), gemini(1, time=OLD))
        assert [text for _, text in texts(found)][::2] == ["bird 1?", "bird 2?"]

    def test_the_same_entry_twice_is_one(self, tmp_path: Path) -> None:
        (found,), _ = entries(tmp_path, gemini(1), gemini(1))
        assert len(found.said) == 2


class TestPage:
    def test_cells_say_what_was_asked_when_and_what_was_answered(self, tmp_path: Path) -> None:
        (found,), problems = pages(
            tmp_path, f"Prompted&nbsp;bird &lt;3?<br>{DATE}<br><p>an <b>avocet</b></p><p>yes</p>"
        )
        assert problems == []
        assert texts(found) == [("user", "bird <3?"), ("assistant", "an **avocet**\n\nyes")]
        assert found.said[0].at == 1_790_000_000_000_000

    def test_questions_of_several_lines_and_dates_in_them(self, tmp_path: Path) -> None:
        question = (
            "Prompted&nbsp;<a href='https://gemini.google.com/app/1'>when was<br>it?</a><br>Sep 1, 2020, 1:00:00 AM UTC"
        )
        (found,), _ = pages(tmp_path, f"{question}<br>{DATE}<br><p>Sep 2, 2026, 3:00:00 AM UTC</p>")
        assert texts(found)[0][1].startswith("when was")
        assert "Sep 1, 2020" in texts(found)[0][1]
        assert found.said[0].at == 1_790_000_000_000_000
        assert "Products" not in texts(found)[1][1]

    def test_a_page_and_json_of_the_same_activity_are_the_same(self, tmp_path: Path) -> None:
        (of_page,), _ = pages(tmp_path, f"Prompted&nbsp;bird?<br>{DATE}<br><p>an avocet</p>")
        (of_json,), _ = entries(tmp_path, gemini(title="Prompted bird?", time="2026-09-21T14:13:20.5Z"))
        assert of_page.key == of_json.key

    def test_a_zone_that_was_assumed_is_told_once(self, tmp_path: Path) -> None:
        cells = [f"送信\xa0bird {n}<br>2026年6月{n}日 00:28:51 CST<br><p>x</p>" for n in range(1, 9)]
        found, problems = pages(tmp_path, *cells, header="Gemini アプリ")
        assert len(found) == 8
        assert sum("“CST”" in str(problem.why) for problem in problems) == 1
        assert not any(problem.lost for problem in problems)
        assert texts(found[0])[0][1] == "bird 1"

    def test_a_time_that_cannot_be_read_is_told(self, tmp_path: Path) -> None:
        (found,), _ = pages(tmp_path, "Prompted&nbsp;bird?<br>12 Quux 2026 15:34:31 Q<br><p>an avocet</p>")
        assert texts(found) == [("user", "bird?"), ("assistant", "an avocet")]
        assert found.said[0].at is None
        assert "cannot be read" in whys(found)

    def test_files_of_a_page(self, tmp_path: Path) -> None:
        cell = f"Prompted&nbsp;look<br>Attached 1 file.<br>-&nbsp;<a href='a%20b.png'>a b.png</a><br>{DATE}<br><p>x</p>"
        export = zipped(tmp_path / "t.zip", **{"T__x_html": page(cell), "T__a b.png": PNG})
        found = only(Gemini(), export)
        assert [(file.name, file.member) for file in shown(found)[0].files] == [("a b.png", "T/a b.png")]
        assert texts(found)[0][1] == "look"

    def test_what_is_broken_does_not_stop_the_rest(self, tmp_path: Path) -> None:
        good = f"Prompted&nbsp;bird?<br>{DATE}<br><p>an avocet</p>"
        whole = page(good, "<![x", "<div>", good.replace("bird", "other"))
        text = whole.encode() + b"\xff" + b"<div class='outer-cell'>"
        found, problems = read(Gemini(), written(tmp_path / "a.html", text))
        assert "bird?" in [text for one in found for _, text in texts(one)]
        assert any("UTF-8" in str(problem.why) for problem in problems)

    def test_a_mark_that_does_not_end_takes_bounded_memory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(gemini_page, "_LARGEST", 100_000)
        monkeypatch.setattr(gemini_page, "_OPEN", 100_000)
        monkeypatch.setattr(module, "_LEARNED", 2)
        good = f"Prompted&nbsp;bird?<br>{DATE}<br><p>an avocet</p>"
        huge = f"Prompted&nbsp;{'x' * 300_000}<br>{DATE}<br>"
        found, problems = pages(tmp_path, good, huge, good.replace("bird", "other"))
        assert [texts(one)[0][1] for one in found] == ["bird?", "other?"] or len(found) == 1
        assert any("larger than" in str(problem.why) for problem in problems)
        script = page(good) + "<script>" + "y" * 400_000
        found, problems = read(Gemini(), written(tmp_path / "b.html", script))
        assert len(found) == 1
        assert any("does not end" in str(problem.why) for problem in problems)


@pytest.mark.parametrize(
    ("written", "at", "assumed"),
    [
        ("Apr 12, 2026, 3:34:31\u202fPM EDT", "2026-04-12T19:34:31", False),
        ("Mar 1, 2026, 12:00:00 AM UTC", "2026-03-01T00:00:00", False),
        ("18 Sept 2025, 12:02:52 CET", "2025-09-18T11:02:52", False),
        ("10 de mai. de 2026, 03:46:09 BRT", "2026-05-10T06:46:09", False),
        ("2026年6月20日 00:28:51 CST", "2026-06-19T16:28:51", True),
        ("Jun 20, 2026, 12:28:51 AM CST", "2026-06-20T06:28:51", True),
        ("2026. 6. 20. 오후 3:12:10 KST", "2026-06-20T06:12:10", False),
        ("12.04.2026, 15:34:31 MESZ", "2026-04-12T13:34:31", False),
        ("12 avr. 2026, 15:34:31 CEST", "2026-04-12T13:34:31", False),
        ("12 апр. 2026 г., 15:34:31 MSK", "2026-04-12T12:34:31", False),
        ("18 sep. 2025 12.02.52 CEST", "2025-09-18T10:02:52", False),
        ("12 mars 2026, 15:34:31 UTC+1", "2026-03-12T14:34:31", False),
        ("28 Nov 2026, 10:00:00 XYZ", "2026-11-28T10:00:00", True),
        ("4/12/2026, 3:34:31 PM UTC", "2026-04-12T15:34:31", True),
    ],
)
def test_times_as_they_are_written_for_people(written: str, at: str, assumed: bool) -> None:
    found = read_time(written)
    assert found is not None
    assert (EPOCH + timedelta(microseconds=found.at)).isoformat() == f"{at}+00:00"
    assert bool(found.assumed) == assumed


@pytest.mark.parametrize(
    "text", ["", "bird 2026", "Apr 12, 2026", "at 10:00:00 sharp", "99 99 9999 99:99:99", "x" * 99]
)
def test_what_is_no_time(text: str) -> None:
    assert read_time(text) is None


def test_a_page_without_a_time_that_can_be_read_is_told(tmp_path: Path) -> None:
    (found,), _ = pages(tmp_path, "Prompted&nbsp;bird?<br>le 3e jour<br><p>an avocet</p>")
    assert "time cannot be read" in whys(found)
