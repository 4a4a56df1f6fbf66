"""Files that are broken, locked, empty, bombs or without end: each is refused in a word, and the next one is read."""

import io
import struct
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from assistant.retrieval.extract import LIMITS, Limits, Reader
from datalayer.passages import FileText
from tests.papers import office, opened, pdfs

Read = Callable[..., Awaitable[FileText]]

WORD = office.word(lambda made: made.add_paragraph("inside"))
SHEET = office.sheets({"S": [["inside"]]})
BOOK = opened.book(["<p>inside</p>"])
TEXT = opened.opendocument("text", "<text:p>inside</text:p>")
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    + "]>"
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
DOCUMENT = '<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:body></w:document>'
LOCK = '<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry>'
LOCKED_CHAPTER = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData><CipherData>'
    '<CipherReference URI="OEBPS/text/chapter%200.xhtml"/></CipherData></EncryptedData></encryption>'
)


def word_of(document: str | bytes) -> bytes:
    return office.changed(WORD, added={"word/document.xml": document})


def flagged(archive: bytes) -> bytes:
    """As if each file in it had a password."""
    made = bytearray(archive)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = made.find(mark)
        while at >= 0:
            made[at + offset] |= 1
            at = made.find(mark, at + 4)
    return bytes(made)


def lying(archive: bytes, size: int) -> bytes:
    """Its largest file is said to be ``size`` bytes."""
    made = bytearray(archive)
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        true = struct.pack("<I", max(entry.file_size for entry in file.infolist()))
    assert made.count(true)
    return bytes(made.replace(true, struct.pack("<I", size)))


async def refused(read: Read, content: bytes | str, name: str) -> str | None:
    text = await read(content, name)
    assert text.passages == () or text.refused is None
    after = await read("next", "a.txt")
    assert [passage.text for passage in after.passages] == ["next"]
    return text.refused


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (office.locked(), "a.docx"),
        (flagged(WORD), "a.docx"),
        (flagged(SHEET), "a.xlsx"),
        (opened.opendocument("text", "<text:p>x</text:p>", LOCK), "a.odt"),
        (opened.opendocument("spreadsheet", "<table:table/>", LOCK), "a.ods"),
        (opened.book(["<p>x</p>"], encryption=LOCKED_CHAPTER), "a.epub"),
        (pdfs.written(["x"], password="p"), "a.pdf"),
    ],
)
async def test_what_a_password_protects_is_encrypted(read: Read, content: bytes, name: str) -> None:
    assert await refused(read, content, name) == "encrypted"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        *(
            (content[: len(content) // 2], name)
            for content, name in ((WORD, "a.docx"), (SHEET, "a.xlsx"), (BOOK, "a.epub"))
        ),
        (TEXT[: len(TEXT) // 2], "a.odt"),
        (word_of("<w:document"), "a.docx"),
        (word_of(b"\xff\xfe\0\0 no XML"), "a.docx"),
        (office.changed(SHEET, added={"xl/workbook.xml": "<workbook><sheets>"}), "a.xlsx"),
        (office.changed(TEXT, added={"content.xml": "<a><b></a>"}), "a.odt"),
        (b"PK\x03\x04 no archive", "a.pptx"),
        (opened.archive({"a.txt": "inside"}), "a.docx"),
        (opened.archive({"inside.docx": WORD}), "a.docx"),
        (office.old("something"), "a.doc"),
        (office.old("__properties_version1.0"), "a.msg"),
        (bytes(range(256)) * 20, "a.docx"),
        (b"\x7fELF\x02\x01\x01" + bytes(200), "a.pdf"),
    ],
)
async def test_what_is_damaged_is_broken(read: Read, content: bytes, name: str) -> None:
    assert await refused(read, content, name) == "broken"


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (office.word(lambda made: None), "a.docx", "empty"),
        (office.sheets({"S": []}), "a.xlsx", "empty"),
        (opened.opendocument("text", ""), "a.odt", "empty"),
        (b"<html><body><script>x</script></body></html>", "a.html", "empty"),
        (opened.opendocument("presentation", "<draw:page/><draw:page/>"), "a.odp", "scanned"),
        (opened.book(["<img src='scan.png'/>"]), "a.epub", "scanned"),
        (opened.archive({"a.txt": "inside"}), "a.zip", "not_text"),
        (b"{\\rtf1\\ansi }", "a.rtf", "empty"),
        (office.old("WordDocument"), "a.doc", "old_format"),
        (office.old("PowerPoint Document"), "a.ppt", "old_format"),
        (office.old("something"), "a.db", "not_text"),
    ],
)
async def test_what_has_no_text_says_so(read: Read, content: bytes, name: str, reason: str) -> None:
    assert await refused(read, content, name) == reason


@pytest.mark.parametrize("doctype", [LAUGHS, OUTSIDE], ids=["a thousand million laughs", "a file of the server's"])
async def test_no_entity_is_resolved(read: Read, doctype: str) -> None:
    entity = "&j;" if doctype is LAUGHS else "&a;"
    assert await refused(read, word_of(doctype + DOCUMENT.format(entity)), "a.docx") == "broken"
    content = f"<?xml version='1.0'?>{doctype}<html><body><p>seen {entity}</p></body></html>"
    text = await read(opened.book([]).replace(b"x", b"x"), "a.epub")
    assert text.refused == "empty"
    page = await read(content, "a.html")
    assert all("root:" not in passage.text and "hahaha" not in passage.text for passage in page.passages)


async def test_a_bomb_is_refused_before_it_is_unpacked(read: Read) -> None:
    bomb = word_of(b"<w:document>" + b" " * (LIMITS.unpacked + 1))
    assert len(bomb) < LIMITS.unpacked / 500
    assert await refused(read, bomb, "a.docx") == "too_large"
    assert await refused(read, lying(bomb, 1000), "a.docx") == "broken"
    sheet = office.changed(SHEET, added={"xl/sharedStrings.xml": b" " * (LIMITS.unpacked + 1)})
    assert await refused(read, sheet, "a.xlsx") == "too_large"


async def test_an_archive_of_very_many_files_is_refused(read: Read) -> None:
    many = {f"word/{number}": "" for number in range(LIMITS.entries)}
    assert await refused(read, office.changed(WORD, added=many), "a.docx") == "too_large"


async def test_a_bomb_within_the_limit_is_read_to_the_limit_of_characters(read: Read) -> None:
    text = await read(word_of(DOCUMENT.format("bang " * 20_000_000)), "a.docx")
    assert text.refused in (None, "too_large")
    assert sum(len(passage.text) for passage in text.passages) <= LIMITS.characters


@pytest.mark.parametrize("mark", ["div", "b", "table><tr><td", "ul><li"])
async def test_a_page_that_is_nested_without_end_is_read(read: Read, mark: str) -> None:
    assert await refused(read, f"<html><p>before</p>{f'<{mark}>' * 100_000}within", "a.html") is None


async def test_a_document_that_is_nested_without_end_is_broken(read: Read) -> None:
    assert await refused(read, word_of("<w:p xmlns:w='w'>" * 100_000), "a.docx") == "broken"
    assert await refused(read, word_of("<w:p xmlns:w='w'>" * 100_000 + "</w:p>" * 100_000), "a.docx") == "broken"
    assert await refused(read, "[" * 100_000 + "]" * 100_000, "a.json") is None


def sheet_of(rows: str) -> bytes:
    made = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'
    return office.changed(SHEET, added={"xl/worksheets/sheet1.xml": made})


async def test_of_a_million_rows_the_first_are_read(read: Read) -> None:
    cells = "".join(f'<c r="{column}{{0}}"><v>{{0}}</v></c>' for column in "ABCDE")
    content = sheet_of("".join(f'<row r="{n}">{cells.format(n)}</row>' for n in range(1, 1_000_001)))
    text = await read(content, "a.xlsx")
    assert (text.refused, text.cut) == (None, True)
    assert text.passages[0].text.startswith("1 | 1 | 1 | 1 | 1\n2 | 2")
    last = text.passages[-1].place.rows
    assert last
    assert last[1] > 90_000


async def test_a_sheet_that_says_it_has_all_cells_costs_no_memory(read: Read) -> None:
    far = sheet_of('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>')
    assert await refused(read, far, "a.xlsx") == "too_large"


async def test_a_link_to_another_file_is_not_followed(read: Read, tmp_path: Path) -> None:
    (tmp_path / "secret.xml").write_text("<a>secret</a>")
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"'
        f' Type="x/slide" Target="../../../../{tmp_path}/secret.xml"/></Relationships>'
    )
    made = office.changed(office.slides([("T", "x", "")]), added={"ppt/_rels/presentation.xml.rels": relations})
    text = await read(made, "a.pptx")
    assert text.refused in ("broken", "empty", "scanned")


async def test_what_needs_more_memory_than_there_is_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("é" * 40_000_000)
    reader = Reader(Limits(memory=100_000_000, characters=40_000_000))
    text = await reader.read(tmp_path / "a.txt", "a.txt", None)
    assert text.refused == "too_large"
    (tmp_path / "a.txt").write_text("next")
    assert (await reader.read(tmp_path / "a.txt", "a.txt", None)).passages[0].text == "next"
    await reader.close()
