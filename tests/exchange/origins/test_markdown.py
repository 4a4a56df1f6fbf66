"""Transcripts in Markdown: our own pages, and those of others."""

import zipfile
from pathlib import Path

import pytest

from datalayer.passages import CITES
from exchange.formats import FORMATS
from exchange.opened import opened
from exchange.origins.base import Conversation, Problem
from exchange.origins.markdown import ORIGIN
from exchange.packing import Page, PagesZip
from tests.exchange.made import ABOUT, AT, element, step, store, vote, whole
from tests.exchange.origins.given import conversations, only, path_of, read, told
from tests.exchange.test_formats import with_versions

QA = [("user", "Which bird?"), ("assistant", "An avocet.")]


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def page(path: Path, thread: object, to: str = "en") -> Path:
    about = ABOUT.__class__(ABOUT.at, ABOUT.selection, to)  # type: ignore[arg-type]
    path.write_bytes(b"".join(Page(FORMATS["markdown"], about, None).add([thread])))  # type: ignore[arg-type, list-item]
    return path


class TestOwn:
    @pytest.mark.parametrize("to", ["en", "fr"])
    def test_a_page_comes_back(self, tmp_path: Path, to: str) -> None:
        text = (
            "See:\n\n## not a message\n\n```md\n## Ann · 2026-01-01 10:00 UTC\n```\n\n- a list\n- [link](https://x.org)"
        )
        said = [
            step("hi", number=1, name="ann"),
            step(text, "assistant_message", number=2, name="m"),
            step("more", number=61, name="ann"),
            step("failed", "assistant_message", number=62, is_error=True, name="m"),
            step("half", "assistant_message", number=63, status="stopped", name="m"),
        ]
        over = {"folder": "Work/A", "tags": ["x", "y"], "pinned": True, "user_identifier": "ann"}
        prompt = {"chat_settings": {"system_prompt": "Be short.\n\nAlways."}}
        found = only(
            ORIGIN, page(tmp_path / "p.md", whole(*said, votes=[vote("s2", 0, "so *so*")], metadata=prompt, **over), to)
        )
        expected = [
            ("user", "hi"),
            ("assistant", text),
            ("user", "more"),
            ("assistant", "failed"),
            ("assistant", "half"),
        ]
        assert told(found) == expected
        assert (found.key, found.title, found.folder, found.tags, found.pinned) == (
            "t",
            "Birds",
            "Work/A",
            ["x", "y"],
            True,
        )
        assert (found.created_at, found.author) == (AT, "ann")
        shown = path_of(found)
        assert (shown[0].text, shown[0].aside) == ("Be short.\n\nAlways.", "hidden")
        assert (shown[2].vote, shown[2].comment) == (0, "so *so*")
        assert shown[1].at == AT - AT % 60_000_000
        assert [said.failed for said in shown] == [False, False, False, False, True, False]
        assert shown[5].metadata == {"not_whole": True}
        assert found.problems == []

    def test_versions_are_beside_what_is_shown(self, tmp_path: Path) -> None:
        found = only(ORIGIN, page(tmp_path / "p.md", with_versions()))
        assert told(found) == [("user", "an avocet"), ("assistant", "black and white")]
        others = [said for said in found.said if said not in path_of(found)]
        assert [(said.by, said.text) for said in others] == [("user", "a heron"), ("assistant", "grey")]
        assert [said.parent for said in others] == [None, others[0].key]

    def test_files_of_a_zip_are_attached_and_are_no_transcripts(self, tmp_path: Path) -> None:
        contents, (kept, lost) = store(tmp_path, b"## User\n\nhi\n\n## Assistant\n\nho", b"lost")
        contents.remove(lost.name)
        files = [element("notes.md", kept, id="a"), element("gone.txt", lost, id="b")]
        thread = whole(step("see\n\n- a\n- b", number=1), elements=files, blobs=[kept, lost])
        packed = PagesZip(FORMATS["markdown"], ABOUT, contents)  # type: ignore[arg-type]
        path = tmp_path / "e.zip"
        path.write_bytes(b"".join([*packed.begin(), *packed.add([thread]), *packed.end()]))
        (found,) = conversations(ORIGIN, path)
        assert told(found) == [("user", "see\n\n- a\n- b")]
        assert [(file.name, file.member) for file in found.said[0].files] == [
            ("notes.md", "Birds files/notes.md"),
            ("gone.txt", None),
        ]
        assert ["content of some files" in str(each.why) for each in found.problems] == [True]

    def test_what_an_answer_cites_is_no_part_of_it(self, tmp_path: Path) -> None:
        cited = element("[1]", for_id="s2", props={CITES: {"name": "a.pdf"}, "title": "a.pdf, page 3"})
        said = [step("q", number=1), step("As it says [1]:\n\n- this", "assistant_message", number=2)]
        path = page(tmp_path / "p.md", whole(*said, elements=[cited], votes=[vote("s2")]))
        assert "a.pdf, page 3" in path.read_text("utf-8")
        found = only(ORIGIN, path)
        assert told(found) == [("user", "q"), ("assistant", "As it says [1]:\n\n- this")]
        assert found.said[1].vote == 1

    def test_a_longer_page_keeps_its_keys(self, tmp_path: Path) -> None:
        said = [step("hi", number=1), step("hi", "assistant_message", number=2), step("hi", number=3)]
        before = only(ORIGIN, page(tmp_path / "a.md", whole(*said[:2])))
        after = only(ORIGIN, page(tmp_path / "b.md", whole(*said)))
        assert (before.key, len({each.key for each in after.said})) == (after.key, 3)
        assert [each.key for each in after.said[:2]] == [each.key for each in before.said]


@pytest.mark.parametrize(
    "text",
    [
        "# Birds\n\n## User\n\nWhich bird?\n\n## Assistant\n\nAn avocet.\n",
        "# Birds\n\n**You:** Which bird?\n\n**ChatGPT:** An avocet.",
        "# Birds\n\n**You**\n\nWhich bird?\n\n**Claude**\n\nAn avocet.",
        "# Birds\n\n**User:**\nWhich bird?\n**Assistant:**\nAn avocet.",
        "# Birds\n\n#### You said:\n\nWhich bird?\n\n##### ChatGPT said:\n\nAn avocet.\n",
        "# You\n\nWhich bird?\n\n# ChatGPT\n\nAn avocet.\n",
        "# Birds\n\n## Prompt:\nWhich bird?\n\n## Response:\nAn avocet.\n",
        "# Birds\n\n### 👤 Utilisateur\n\nWhich bird?\n\n---\n\n### 🤖 Assistant (gpt-4o)\n\nAn avocet.\n\n---\n",
        "User: Which bird?\n\nAssistant: An avocet.\n",
        "\ufeff# Birds\r\n\r\n## User\r\n\r\nWhich bird?\r\n\r\n## Assistant\r\n\r\nAn avocet.\r\n",
    ],
)
def test_common_shapes(tmp_path: Path, text: str) -> None:
    found = only(ORIGIN, written(tmp_path / "t.md", text))
    assert told(found) == QA
    assert found.title in ("Birds", None)
    assert found.problems == []


def test_names_times_and_models(tmp_path: Path) -> None:
    text = "## User · 2026-08-05 10:00\n\nq\n\n## Assistant (gpt-4o) [2026-08-05T10:00:30Z]\n\nr\n"
    found = only(ORIGIN, written(tmp_path / "t.md", text))
    assert [said.at for said in found.said] == [1_785_924_000_000_000, 1_785_924_030_000_000]
    assert found.said[1].model == "gpt-4o"
    assert ["no zone" in str(each.why) for each in found.problems] == [True]


def test_front_matter_tells_of_the_conversation(tmp_path: Path) -> None:
    text = (
        "---\ntitle: 'Ann''s birds'\ntags:\n- a\n- b c\ncreated: 2026-08-05T10:00:00Z\nmodel: gpt-4o\n"
        "link: https://chatgpt.com/c/0123abcd-0123-0123-0123-0123456789ab\nmood: good\n---\n\n## You\nq\n\n## AI\nr\n"
    )
    found = only(ORIGIN, written(tmp_path / "t.md", text))
    assert (found.title, found.tags, found.model) == ("Ann's birds", ["a", "b c"], "gpt-4o")
    assert (found.key, found.created_at) == ("0123abcd-0123-0123-0123-0123456789ab", 1_785_924_000_000_000)
    assert found.metadata["mood"] == "good"


@pytest.mark.parametrize(
    "hiding",
    [
        "```\n## User\nfake\n```",
        "~~~~md\n```\n## User\n~~~\n## Assistant\n~~~~",
        "    ## User\n    fake",
        "<!--\n## User\n-->",
        "<pre>\n## User\n</pre>",
        "### User\n\na heading of the answer's own",
        "text ## User\n\n**bold:** word",
    ],
)
def test_what_looks_like_a_speaker_is_none_inside_of_an_answer(tmp_path: Path, hiding: str) -> None:
    text = f"## User\n\nWhich bird?\n\n## Assistant\n\nSee:\n\n{hiding}\n\n## User\n\nThanks\n\n## Assistant\n\nok\n"
    found = only(ORIGIN, written(tmp_path / "t.md", text))
    assert told(found) == [QA[0], ("assistant", f"See:\n\n{hiding}"), ("user", "Thanks"), ("assistant", "ok")]


def test_headings_of_one_who_speaks_at_another_level_count(tmp_path: Path) -> None:
    text = "## You said:\n\nq\n\n### ChatGPT said:\n\nr\n\n### You said:\n\nquoted\n\n## ChatGPT said:\n\nas well"
    found = only(ORIGIN, written(tmp_path / "t.md", text))
    assert told(found) == [("user", "q"), ("assistant", text.partition("ChatGPT said:\n\n")[2])]


def test_a_block_that_does_not_end_is_told(tmp_path: Path) -> None:
    text = "## User\n\nq\n\n## Assistant\n\nr\n\n```py\n## User\n"
    found = only(ORIGIN, written(tmp_path / "t.md", text))
    assert told(found) == [("user", "q"), ("assistant", "r\n\n```py\n## User")]
    assert ["line 9" in str(each.why) for each in found.problems] == [True]


def test_a_folder_of_them_with_other_pages(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    (folder / "sub").mkdir(parents=True)
    written(folder / "sub" / "a.md", "## User\n\nhi\n\n## Assistant\n\na")
    written(folder / "b.md", "## User\n\nhi\n\n## Assistant\n\nb")
    written(folder / "README.md", "# About\n\nUser: see the manual.\n")
    (folder / "c.md").write_bytes(b"## User\n\ncaf\xe9\n\n## Assistant\n\nok")
    found = read(ORIGIN, folder)
    assert [(str(each.place), each.lost) for each in found if isinstance(each, Problem)] == [("README.md", False)]
    made = [each for each in found if isinstance(each, Conversation)]
    assert len({each.key for each in made}) == 3
    assert [
        ["UTF-8" in str(problem.why) for problem in each.problems] for each in made if "c.md" in str(each.place)
    ] == [[True]]


def test_a_zip_of_them(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as packed:
        packed.writestr("chats/one.md", "## User\n\nq\n\n## Assistant\n\nr")
        packed.writestr("chats/photo.png", b"\x89PNG")
    assert told(only(ORIGIN, tmp_path / "t.zip")) == [("user", "q"), ("assistant", "r")]


@pytest.mark.parametrize(
    "text", ["# Notes\n\nUser: Ann\n\nAssistant: Bob is out\nText.", "", "---\ntitle: x\n---\n", "# User\n"]
)
def test_notes_are_none_of_it(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "t.md", "Words first.\n\n" + text)
    with opened(path) as source:
        assert not ORIGIN.recognises(source)
