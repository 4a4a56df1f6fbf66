"""Each format says what was said, and holds what others can do with hostile text, names and addresses."""

import base64
import csv as reader
import io
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from datalayer import versions
from datalayer.records import Blob
from datalayer.text import one_line
from exchange.formats import FORMATS, csv, html, markdown
from exchange.formats import json as as_json
from exchange.formats.base import About
from exchange.packing import Page, PagesZip, Sheet, SheetZip
from tests.exchange.made import ABOUT, AT, call, element, step, store, unpacked, vote, whole

PNG = bytes.fromhex("89504e470d0a1a0a") + b"picture"


def lines(name: str, *threads: Any, about: About = ABOUT) -> str:
    sheet = Sheet(FORMATS[name], about)  # type: ignore[arg-type]
    return b"".join([*sheet.begin(), *sheet.add(threads), *sheet.end()]).decode()


def page(name: str, thread: Any, contents: Any = None, about: About = ABOUT) -> str:
    return b"".join(Page(FORMATS[name], about, contents).add([thread])).decode()  # type: ignore[arg-type]


def zipped(name: str, contents: Any, *threads: Any) -> dict[str, bytes]:
    packing = PagesZip if name in ("markdown", "html") else SheetZip
    packed = packing(FORMATS[name], ABOUT, contents)  # type: ignore[arg-type]
    return unpacked(b"".join([*packed.begin(), *packed.add(threads), *packed.end()]))


def with_versions() -> Any:
    """A question whose second version is shown."""
    record = versions.Versions("s1", 2, (AT, AT + 5_000_000), (0, 1))
    kept = {versions.MARK: {"question": "s1", "version": 1}}
    old = {versions.MARK: {"question": "s1", "version": 1, "type": "assistant_message", "top": True}}
    return whole(
        step("an avocet", number=1),
        step("a heron", versions.ASIDE, number=2, id=versions.kept_id("s1", 1), metadata=kept),
        step("grey", versions.ASIDE, number=3, metadata=old),
        step("", versions.RECORD, number=4, id=versions.record_id("s1"), metadata=record.stored()),
        step("black and white", "assistant_message", number=6),
    )


class TestJson:
    def test_a_line_is_a_thread_and_all_are_one_document(self) -> None:
        text = lines("json", whole(step("a\n\u2028b")), whole(step("c"), id="t2"))
        found = json.loads(text)
        assert [thread["id"] for thread in found["threads"]] == ["t", "t2"]
        assert [json.loads(line.rstrip(","))["id"] for line in text.split("\n")[1:3]] == ["t", "t2"]
        assert json.loads(lines("json"))["threads"] == []

    def test_null_is_left_out_and_false_and_empty_are_not(self) -> None:
        (found,) = json.loads(lines("json", whole(step("", streaming=False, metadata={}, tags=[]))))["threads"]
        assert found["steps"] == [
            {
                **{"id": "s1", "type": "user_message", "output": "", "streaming": False, "metadata": {}, "tags": []},
                "created_at": "2026-09-21T14:13:21.000000Z",
            }
        ]

    def test_what_json_cannot_carry_is_told_as_null(self) -> None:
        (found,) = json.loads(lines("json", whole(step("x", generation={"p": [float("nan"), 1.5]}))))["threads"]
        assert found["steps"][0]["generation"] == {"p": [None, 1.5]}

    def test_secrets_are_left_out_of_all_that_an_app_keeps(self, tmp_path: Path) -> None:
        hidden: dict[str, Any] = {"api_key": "hidden"}
        said = step("x", metadata=hidden, generation={"s": hidden}, extra=hidden, modes=hidden, show_input=hidden)
        file = element(props=hidden, extra=hidden, player_config=hidden, url="https://h:hidden@x.org/?token=hidden")
        assert "hidden" not in lines("json", whole(said, elements=[file], metadata={"chat_settings": hidden} | hidden))

    def test_a_zip_has_each_content_once_and_tells_which_are_missing(self, tmp_path: Path) -> None:
        contents, (kept, lost) = store(tmp_path, b"kept", b"lost")
        contents.remove(lost.name)
        files = [element("a", kept, id="a"), element("../../b", kept, id="b"), element("c", lost, id="c")]
        found = zipped("json", contents, whole(step("x"), elements=files, blobs=[kept, lost]))
        assert found.keys() == {"threads.json", f"files/{kept.sha256}", "missing-files.txt"}
        assert found[f"files/{kept.sha256}"] == b"kept"
        assert f"files/{lost.sha256}" in found["missing-files.txt"].decode()
        told = json.loads(found["threads.json"])["threads"][0]["elements"]
        assert [each["content"]["file"] for each in told[:2]] == [f"files/{kept.sha256}"] * 2

    def test_every_column_of_the_records_has_a_place(self) -> None:
        """A column that is added is exported, and in the schema."""
        schema = json.loads(Path(as_json.__file__).with_name("schema-1.json").read_text("utf-8"))["$defs"]
        columns = {"step": as_json.Step, "element": as_json.Element, "call": as_json.Call}
        apart = {"thread_id", "vote_id", "vote_value", "vote_comment", "blob"}
        for name, record in columns.items():
            assert set(record._fields) - apart <= schema[name]["properties"].keys()


class TestJsonl:
    def test_a_conversation_a_line_with_votes(self) -> None:
        said = [
            step("hi", number=1),
            step("yes", "assistant_message", number=2),
            step("no", "assistant_message", number=3),
        ]
        settings = {"chat_settings": {"system_prompt": "Be short."}}
        text = lines("jsonl", whole(*said, votes=[vote("s2"), vote("s3", 0, "wrong")], metadata=settings), whole())
        (line,) = text.splitlines()
        found = json.loads(line)
        assert found["messages"] == [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "yes", "weight": 1},
            {"role": "assistant", "content": "no", "weight": 0},
        ]
        assert found["metadata"]["votes"] == [
            {"message": 2, "value": 1},
            {"message": 3, "value": 0, "comment": "wrong"},
        ]

    def test_what_is_no_part_of_the_conversation_is_left_out(self) -> None:
        said = [
            step("hi", number=1),
            step("/usage", number=2, metadata={"unsearched": True, "command": "usage"}),
            step("without a model", "assistant_message", number=7, metadata={"unsearched": True}),
            step("failed", "assistant_message", number=3, is_error=True),
            step("tool", "tool", number=4),
            step(None, "assistant_message", number=5),
            step("yes", "assistant_message", number=6),
        ]
        assert [each["content"] for each in json.loads(lines("jsonl", whole(*said)))["messages"]] == ["hi", "yes"]

    def test_of_versions_the_one_that_is_shown(self) -> None:
        found = json.loads(lines("jsonl", with_versions()))["messages"]
        assert [each["content"] for each in found] == ["an avocet", "black and white"]

    @given(st.text())
    def test_any_text_is_one_line(self, text: str) -> None:
        found = lines("jsonl", whole(step("x" + text)))
        assert found.count("\n") == 1
        assert json.loads(found)["messages"][0]["content"] == "x" + text


class TestCsv:
    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\n=1"])
    def test_no_cell_is_a_formula(self, text: str) -> None:
        written = csv.rows([call(model=text, provider=text, thread_id=text, fallback=text)], text)
        (row,) = reader.reader(io.StringIO(written, newline=""))
        assert [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", " ", "＝"))] == []
        assert "'" + text in row

    def test_what_was_spent(self) -> None:
        text = lines("csv", whole(calls=[call(cost=1_500_000, tokens_in=5, first_token=2_500, price_version="v1")]))
        head, row = reader.reader(io.StringIO(text, newline=""))
        found = dict(zip(head, row, strict=True))
        assert tuple(head) == csv.COLUMNS
        assert (found["cost_usd"], found["tokens_in"], found["tokens_out"], found["user"]) == ("0.0015", "5", "", "ann")
        assert (found["latency_ms"], found["first_token_ms"], found["estimated"]) == ("5", "2", "0")
        assert found["started_at"] == "2026-09-21T14:13:20.000000Z"

    @given(st.text())
    def test_any_text_is_one_cell(self, text: str) -> None:
        (row,) = reader.reader(io.StringIO(csv.rows([call(model=text)], "ann"), newline=""))
        assert len(row) == len(csv.COLUMNS)


OPEN = [
    *("```python\nx = 1", "~~~~\nx\n~~~", "````md\n```\nx\n```", "> ```\n> x", "a <!-- b", "```\nx\n``` not closed"),
    *("<!-- x", "<?php x", "<![CDATA[ x", "<!X", "<script>\nx", "<pre>\n\nx", "<style>", "- a\n  ```\n  x", "x\n```"),
    *("<div>\nx", "- - ```", "1. ~~~\n", "~~~\n```", "```\n~~~", "<TEXTAREA>"),
]


class TestMarkdown:
    def test_what_was_said_with_files_beside_it(self, tmp_path: Path) -> None:
        contents, blobs = store(tmp_path, PNG, b"text")
        files = [
            element("../../a b(1).png", blobs[0], id="a", type="image"),
            element("CON", blobs[1], id="b"),
            element("con", blobs[1], id="c"),
            element("there", url="https://x.org/a?token=hidden&b=1", id="d"),
        ]
        said = [step("# Hi", name="ann"), step("Hello", "assistant_message", number=2, name="bot", status="stopped")]
        thread = whole(*said, elements=files, blobs=blobs, votes=[vote("s2", 1, "nice *one*")], name="../Owls: a/b")
        found = zipped("markdown", contents, thread)
        (name,) = [name for name in found if name.endswith(".md")]
        folder = name.removesuffix(".md") + " files"
        assert {path.partition("/")[0] for path in found} == {name, folder}
        assert [path.partition("/")[2] for path in found][1:] == ["_.._a b(1).png", "_CON", "_con (2)"]
        text = found[name].decode()
        targets = re.findall(r"\]\(([^)]*)\)", text)
        assert {unquote(target) for target in targets[:3]} == found.keys() - {name}
        assert targets[3] == "https://x.org/a?b=1"
        assert "\n## ann · 2026-09-21 14:13 UTC\n\n# Hi\n" in text
        assert "👍 *Good answer*: nice \\*one\\*" in text
        assert "*This answer was not finished.*" in text

    @given(st.text(), st.lists(st.text(max_size=5)))
    def test_the_front_matter_is_yaml_whatever_is_in_it(self, name: str, tags: list[str]) -> None:
        text = page("markdown", whole(name=name or None, tags=tags, user_identifier=name, metadata={}))
        _, matter, _ = text.split("---\n", 2)
        found = yaml.safe_load(matter)
        assert found["title"] == (one_line(name) or "Untitled")
        assert found.get("author", "") == name
        assert found.get("tags", []) == tags

    @pytest.mark.parametrize("text", OPEN)
    def test_what_is_left_open_takes_nothing_of_what_follows(self, text: str) -> None:
        written = page("markdown", whole(step(text), step("the answer", "assistant_message", number=2)))
        tokens = MarkdownIt("commonmark").parse(written)
        assert "the answer" in [token.content for token in tokens if token.type == "inline"]

    def test_what_is_closed_stays_as_it_is(self) -> None:
        for text in ("```\nx\n```", "a `b` c", "```x``` y", "<!-- a --> b", "~~~\n```\n~~~"):
            assert markdown.closed(text) == text

    def test_other_versions_stand_below_the_question(self) -> None:
        text = page("markdown", with_versions())
        assert text.index("an avocet") < text.index("Version 1") < text.index("a heron") < text.index("grey")
        assert text.index("grey") < text.index("black and white")

    def test_alone_it_says_that_contents_are_elsewhere_or_missing(self) -> None:
        blob = Blob("a" * 64, 7)
        files = [element("there.txt", blob, id="e1"), element("gone.txt", Blob("b" * 64, 7), id="e2")]
        text = page("markdown", whole(step("x"), elements=files, blobs=[blob]))
        assert "there.txt (its content is not in this file)" in text.replace("\\", "")
        assert "gone.txt (its content is missing)" in text.replace("\\", "")

    def test_it_speaks_french(self) -> None:
        text = page(
            "markdown", whole(step("x"), name=None, elements=[element(blob=None, url="")]), about=About(AT, {}, "fr")
        )
        assert "# Sans titre" in text
        assert "## Vous" in text


class _Page(HTMLParser):
    """Which elements a page has, and where they point to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.targets += [value or "" for name, value in attrs if name in ("href", "src")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](https://evil.example/pixel.png)",
    "```html\n<script>alert(1)</script>\n```",
    "```<script>\nx\n```",
    "</style></div></article><script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "<iframe src='javascript:alert(1)'></iframe>",
    "[x](  jAvAsCrIpT:alert(1) )",
    '<https://x.org/"onmouseover="alert(1)>',
]


class TestHtml:
    @pytest.mark.parametrize("text", ATTACKS)
    def test_nothing_that_was_said_runs_or_loads_anything(self, text: str) -> None:
        """In the text, in names, in settings, in comments."""
        thread = whole(
            step(text, name=text, metadata={}),
            step(text, "assistant_message", number=2),
            name=text,
            tags=[text],
            folder=text,
            metadata={"chat_settings": {"system_prompt": text}},
            votes=[vote("s2", 1, text)],
            elements=[element(text, url=text), element(text, id="f", for_id=None, mime=text)],
        )
        found = _Page(page("html", thread))
        assert set(found.tags) & {"script", "img", "iframe", "svg", "object", "embed", "form", "link", "base"} == set()
        assert found.handlers == []
        assert found.tags.count("style") == 1
        assert [target for target in found.targets if not target.startswith(("http://", "https://", "#"))] == []

    def test_files_are_in_it_and_pictures_are_shown(self, tmp_path: Path) -> None:
        contents, blobs = store(tmp_path, PNG, b"<svg onload=alert(1)>", b"lost")
        contents.remove(blobs[2].name)
        files = [
            element("a.png", blobs[0], id="a", mime="image/png"),
            element("b.svg", blobs[1], id="b", mime="image/svg+xml"),
            element("c", blobs[2], id="c", mime="image/png"),
        ]
        text = page("html", whole(step("x"), elements=files, blobs=blobs), contents)
        found = _Page(text)
        assert found.tags.count("img") == 1
        picture, file = found.targets
        assert picture.startswith("data:image/png;base64,iVBORw0KGgpwaWN0dXJl")
        assert file.startswith("data:application/octet-stream;base64,")
        assert 'download="b.svg"' in text
        assert "its content is missing" in text

    def test_a_large_file_is_named_only(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(html, "_EACH", 10)
        monkeypatch.setattr(html, "_ALL", 15)
        contents, blobs = store(tmp_path, b"x" * 11, b"y" * 10, b"z" * 10)
        files = [element(f"{n}", blob, id=f"{n}") for n, blob in enumerate(blobs)]
        text = page("html", whole(step("x"), elements=files, blobs=blobs), contents)
        assert text.count("data:application/octet-stream") == 1
        assert text.count("too large for this page") == 2

    def test_a_file_in_pieces_is_the_same_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(html, "_PART", 3)
        contents, blobs = store(tmp_path, bytes(range(256)))
        text = page("html", whole(step("x"), elements=[element("f", blobs[0])], blobs=blobs), contents)
        (target,) = [target for target in _Page(text).targets if target.startswith("data:")]
        assert base64.b64decode(target.partition(",")[2], validate=True) == bytes(range(256))

    def test_code_is_coloured_and_markdown_is_rendered(self) -> None:
        text = page("html", whole(step("**bold**\n\n| a |\n|---|\n| b |\n\n```python\ndef f(): pass\n```")))
        assert "<strong>bold</strong>" in text
        assert "<table>" in text
        assert '<span class="k">def</span>' in text
        assert "pre code .k" in text

    def test_it_is_for_light_dark_and_paper_and_forbids_itself_the_rest(self) -> None:
        text = page("html", whole(step("x")))
        assert "default-src 'none'" in unescape(text)
        for part in ("prefers-color-scheme: dark", "@media print", "@page", '<html lang="en">'):
            assert part in text

    def test_a_page_with_formulas_has_a_font_for_them(self) -> None:
        assert "data:font/woff2" in page("html", whole(step("x"), step("$x$", number=2)))
        assert "data:font/woff2" not in page("html", whole(step("$5 and `<math`")))

    def test_what_is_endless_is_shown_as_it_was_written(self) -> None:
        text = page("html", whole(step("[" * 100_001), step("```x\n" + "(" * 50_000 + "\n```", number=2)))
        assert '<p class="plain">[[[' in text

    def test_other_versions_are_in_it(self) -> None:
        text = page("html", with_versions())
        assert text.index("an avocet") < text.index("a heron") < text.index("grey") < text.index("black and white")
        assert "<details open>" in text


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_equal_names_are_files_of_their_own(name: str, tmp_path: Path) -> None:
    contents, _ = store(tmp_path)
    names = ["Birds", "birds", "Birds (2)", "CON", "", "\u202e", "x" * 5_000, "../..", "Birds"]
    found = zipped(name, contents, *(whole(step("x"), id=f"{n}", name=each or None) for n, each in enumerate(names)))
    assert len(found) == len(names)
    assert [path for path in found if "/" in path or "\\" in path or len(path.encode()) > 255] == []
    assert len({path.casefold() for path in found}) == len(names)


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_what_an_answer_cites_is_told_and_commands_are_not(name: str) -> None:
    source = {"n": 1, "element": "f", "content": "0" * 64, "name": "owls.pdf", "passage": 3}
    thread = whole(
        step("hi"),
        step("They sing [1].", "assistant_message", number=2, metadata={"unsearched": True}),
        step("/usage", number=3, metadata={"unsearched": True, "command": "usage"}),
        elements=[
            element(
                "[1]", for_id="s2", url="/datalayer/sources/t/e", props={"source": source, "title": "owls.pdf, p. 3"}
            ),
            element("[2]", for_id="s2", url="/", id="e2", props={"source": source}),
        ],
    )
    text = page(name, thread)
    assert text.index("They sing") < text.index("Sources:") < text.index("owls.pdf, p. 3")
    assert "/datalayer/sources" not in text
    assert "/usage" not in text
    assert text.count("owls.pdf") == 2


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_another_conversation_that_is_cited_is_called_as_it_was_then(name: str) -> None:
    source = {"n": 1, "step": "s9"}
    thread = whole(
        step("They sing [1][2].", "assistant_message"),
        elements=[
            element("[1]", for_id="s1", url="/", props={"source": {**source, "thread_name": "Owls \u202e& night"}}),
            element("[2]", for_id="s1", url="/", id="e2", props={"source": source, "title": "Une autre conversation"}),
        ],
    )
    text = unescape(page(name, thread)).replace("\\", "")
    assert "Owls & night (another conversation)" in text
    assert text.count("nother conversation") == 2


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_the_name_of_a_file_turns_no_letters_round(name: str) -> None:
    assert "photogpj.exe" in page(
        name, whole(step("Look"), elements=[element("photo\u202egpj.exe", for_id="s1", url="/")])
    )


def test_a_time_that_zip_does_not_know_breaks_nothing(tmp_path: Path) -> None:
    contents, _ = store(tmp_path)
    times = [-(1 << 60), 0, 250_000_000_000_000_000]
    found = zipped(
        "markdown", contents, *(whole(step("x"), id=f"{n}", last_activity_at=at) for n, at in enumerate(times))
    )
    assert len(found) == 3
