"""What is read of a file, whatever it is, and that no file harms the reading of the next."""

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from assistant.retrieval.extract import LIMITS, READER, Limits, Reader, can_read
from assistant.retrieval.extract.rightward import in_order
from datalayer.passages import FileText, Place
from tests.papers import pdfs

FRENCH = "Été comme hiver, la forêt où l’on se promène garde ses œuvres : ça coûte 3 €."
JAPANESE = "吾輩は猫である。名前はまだ無い。"
ARABIC = "الفصل الأول من الكتاب يتحدث عن البحر"
HEBREW = "שלום עולם וכל אשר בו"
SCRIPTS = (FRENCH, JAPANESE, ARABIC, HEBREW)

Read = Callable[..., Awaitable[FileText]]


def said(text: FileText) -> str:
    assert text.refused is None
    assert text.reader == READER
    return "\n".join(passage.text for passage in text.passages)


def places(text: FileText) -> list[Place]:
    return [passage.place for passage in text.passages]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
async def test_text_is_read_with_its_lines(read: Read, encoding: str) -> None:
    text = await read("\r\n".join(SCRIPTS).encode(encoding), "notes.txt", "text/plain")
    assert said(text) == "\n".join(SCRIPTS)
    assert places(text) == [Place(lines=(1, 4))]
    assert (text.pages, text.cut) == (None, False)


async def test_source_code_keeps_its_indentation_and_an_old_encoding_is_told(read: Read) -> None:
    code = "def f():\n    if True:\n\n        return 1\n"
    assert said(await read(code, "a.py", "text/x-python")) == "def f():\n    if True:\n\n        return 1"
    assert said(await read(FRENCH.encode("cp1252"), "vieux.txt")) == FRENCH


async def test_markdown_has_its_headings_and_no_comment_in_code_is_one(read: Read) -> None:
    filler = "word " * 50
    text = await read(
        f"# Été #\n\n{filler}\n\n## 第二章\n{filler}\n```sh\n# no heading\n```\n"
        f"\n{ARABIC}\n=====\n\n{filler}\n\nb\n---\n{filler}",
        "a.md",
    )
    assert [(p.place.heading, p.place.lines) for p in text.passages] == [
        (("Été",), (1, 3)),
        (("Été", "第二章"), (5, 9)),
        ((ARABIC,), (11, 14)),
        ((ARABIC, "b"), (16, 18)),
    ]


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("b.csv", ";"), ("c.tsv", "\t")])
async def test_rows_of_a_table_are_numbered_below_its_head(read: Read, name: str, delimiter: str) -> None:
    rows = [["nom", "prix", "言葉"], *([f"étagère {n}", f"{n}", JAPANESE] for n in range(2, 100))]
    rows[5][0] = f'"two\nlines{delimiter} of it"'
    text = await read("\n".join(delimiter.join(row) for row in rows), name, "application/vnd.ms-excel")
    assert len(text.passages) > 2
    assert all(passage.text.startswith("nom | prix | 言葉\n") for passage in text.passages)
    spans = [place.rows or (0, 0) for place in places(text)]
    assert [first for first, _ in spans] == [1, *(last + 1 for _, last in spans[:-1])]
    assert spans[-1][1] == 99
    assert f"two lines{delimiter.strip()} of it | 6 | {JAPANESE}" in said(text)


async def test_a_quote_that_nothing_ends_hides_no_row(read: Read) -> None:
    text = await read('a,b\n1,"' + "\n2,3" * 400_000, "a.csv")
    assert text.passages[0].text.startswith('a | b\n1,"\n2,3')
    assert text.cut is False


async def test_a_pdf_is_read_by_page_below_its_outline(read: Read) -> None:
    text = await read(
        pdfs.written([f"# Été\n{FRENCH}", "Ελληνικά, Русский", "# Fin\nLe mot de la fin."]), "a.pdf", "application/pdf"
    )
    assert [(p.text, p.place.pages, p.place.heading) for p in text.passages] == [
        (f"Été\n{FRENCH}", (1, 1), ("Été",)),
        ("Ελληνικά, Русский", (2, 2), ("Été",)),
        ("Fin\nLe mot de la fin.", (3, 3), ("Fin",)),
    ]
    assert text.pages == 3


@pytest.mark.parametrize("script", [JAPANESE, "𠮷野家で食べた", ARABIC[::-1], HEBREW[::-1]])
async def test_a_pdf_in_any_script_is_read_in_the_order_of_its_language(read: Read, script: str) -> None:
    """What is written from the right is drawn from the left in a PDF."""
    expected = script[::-1] if script[::-1] in SCRIPTS else script
    assert said(await read(pdfs.unembedded(script), "a.pdf")) == expected


@pytest.mark.parametrize(
    ("word", "places", "expected"),
    [
        ("الفصل", [50, 40, 30, 20, 10], "الفصل"),
        ("لصفلا", [10, 20, 30, 40, 50], "الفصل"),
        ("األول", [50, 40, 40, 30, 20], "الأول"),
        ("ألم", [50, 40, 30], "ألم"),
        ("ש", [10], "ש"),
    ],
)
def test_letters_of_a_word_from_the_right_are_put_in_their_order(word: str, places: list[float], expected: str) -> None:
    assert in_order(word, places) == expected


@pytest.mark.browser
async def test_what_a_browser_prints_is_read_in_any_script(read: Read, tmp_path: Path) -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium and not os.environ.get("REQUIRE_BROWSER"):
        pytest.skip("there is no Chromium")
    page = "".join(f"<p>{script}</p>" for script in SCRIPTS)
    (tmp_path / "page.html").write_text(f'<!doctype html><meta charset="utf-8">{page}', encoding="utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--no-pdf-header-footer")
    printed = (f"--print-to-pdf={tmp_path / 'page.pdf'}", (tmp_path / "page.html").as_uri())
    process = await asyncio.create_subprocess_exec(str(chromium), *options, *printed, stderr=DEVNULL)
    await process.wait()
    assert said(await read((tmp_path / "page.pdf").read_bytes(), "a.pdf")) == "\n".join(SCRIPTS)


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "a.txt", "empty"),
        (b" \n\t\n", "a.txt", "empty"),
        (b"", "a.pdf", "empty"),
        (pdfs.drawn(3), "scan.pdf", "scanned"),
        (pdfs.written(["secret"], password="p"), "a.pdf", "encrypted"),
        (pdfs.written(["whole"])[:900], "a.pdf", "broken"),
        (b"%PDF-1.7\n" + b"\xe2\xe3" * 500, "a.pdf", "broken"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 4, "a.png", "not_text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 4, "a.md", "not_text"),
    ],
)
async def test_what_cannot_be_read_says_why_and_the_next_is_read(
    read: Read, content: bytes, name: str, reason: str
) -> None:
    text = await read(content, name)
    assert (text.refused, text.passages) == (reason, ())
    assert said(await read("next", "a.txt")) == "next"


async def test_a_wrong_name_does_not_matter(read: Read) -> None:
    assert said(await read(pdfs.written(["a page"]), "notes.txt", "text/plain")) == "a page"
    assert said(await read("no pdf at all", "a.pdf", "application/pdf")) == "no pdf at all"


@pytest.mark.parametrize(
    ("name", "mime", "can"),
    [
        ("a.PDF", None, True),
        ("paper", "application/pdf", True),
        ("a.ts", "video/mp2t", True),
        ("a.png", "image/png", False),
        ("a.zip", "application/zip", False),
        ("noname", None, False),
    ],
)
def test_what_can_be_read_is_told_by_its_name(name: str, mime: str | None, can: bool) -> None:
    assert can_read(name, mime) is can


async def test_a_long_text_and_a_long_table_are_read_to_the_limit(read: Read) -> None:
    line = "all work and no play makes Jack a dull boy\n"
    for name in ("a.txt", "a.csv"):
        text = await read(line * (36_000_000 // len(line)), name)
        length = sum(len(passage.text) for passage in text.passages)
        assert text.cut
        assert LIMITS.characters * 0.9 < length <= LIMITS.characters


async def test_pages_beyond_the_limit_are_left_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdfs.written(["one", "two", "three"]))
    reader = Reader(Limits(pages=2))
    text = await reader.read(path, "a.pdf", None)
    await reader.close()
    assert (text.pages, text.cut, said(text)) == (3, True, "one\ntwo")
