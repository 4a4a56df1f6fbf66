"""What documents say: text in any script, where it stands, and what is left out."""

import datetime
import json
import struct
from collections.abc import Awaitable, Callable, Sequence
from email.message import EmailMessage
from typing import Any

import pytest

from assistant.retrieval.extract import READER
from datalayer.passages import FileText, Place
from tests.papers import office, opened, outlook

Read = Callable[..., Awaitable[FileText]]
FRENCH = "Été comme hiver, la forêt où l’on se promène garde ses œuvres : ça coûte 3 €."
JAPANESE = "吾輩は猫である。名前はまだ無い。"
ARABIC = "الفصل الأول من الكتاب يتحدث عن البحر"
HEBREW = "שלום עולם וכל אשר בו"
SCRIPTS = (FRENCH, JAPANESE, ARABIC, HEBREW)
LONG = "word " * 60


def said(text: FileText) -> str:
    assert text.refused is None
    assert text.reader == READER
    return "\n".join(passage.text for passage in text.passages)


def where(text: FileText, words: str) -> Place:
    (place,) = [passage.place for passage in text.passages if words in passage.text]
    return place


def _letter(made: Any) -> None:
    made.add_heading("Lettre", 0)
    made.add_heading("Première partie", 1)
    for script in SCRIPTS:
        made.add_paragraph(script)
    made.add_paragraph(LONG)
    made.add_heading("第二", 2)
    table = made.add_table(3, 2)
    for row, cells in enumerate((("nom", "prix"), ("thé", "3 €"), (JAPANESE, "البحر"))):
        for column, cell in enumerate(cells):
            table.cell(row, column).text = cell
    made.add_paragraph(LONG)
    made.add_heading("Fin", 1)
    made.add_paragraph("MARK", style="List Bullet")
    made.add_paragraph(LONG)


async def test_a_word_document_is_read_below_its_headings(read: Read) -> None:
    text = await read(office.word(_letter), "a.docx", "application/octet-stream")
    for script in SCRIPTS:
        assert where(text, script + "\n").heading == ("Lettre", "Première partie")
    assert f"nom | prix\nthé | 3 €\n{JAPANESE} | البحر" in said(text)
    assert where(text, "thé").heading == ("Lettre", "Première partie", "第二")
    assert where(text, "MARK").heading == ("Lettre", "Fin")


async def test_a_word_document_says_what_its_author_sees_and_nothing_that_was_deleted(read: Read) -> None:
    run = "<w:r><w:t>{}</w:t></w:r>"
    boxes = (
        '<w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:Choice><w:txbxContent><w:p>{run.format('boxed')}</w:p></w:txbxContent></mc:Choice>"
        f"<mc:Fallback><w:txbxContent><w:p>{run.format('boxed')}</w:p></w:txbxContent></mc:Fallback>"
        "</mc:AlternateContent></w:r>"
    )
    tracked = (
        f'<w:ins w:id="1">{run.format("inserted")}</w:ins>'
        '<w:del w:id="2"><w:r><w:delText>gone</w:delText></w:r></w:del>'
        f"<w:sdt><w:sdtContent>{run.format(' controlled')}</w:sdtContent></w:sdt>"
        "<w:r><w:tab/><w:t>tabbed</w:t><w:br/><w:t>below</w:t></w:r>"
        "<w:r><w:instrText>HYPERLINK secret</w:instrText></w:r>"
    )
    made = office.word(lambda made: made.add_paragraph("MARK"), footnotes=f"<w:p>{run.format('a note')}</w:p>")
    made = office.changed(made, replaced=[("word/document.xml", "<w:r><w:t>MARK</w:t></w:r>", boxes + tracked)])
    assert said(await read(made, "a.docx")) == "boxed\n\ninserted controlled\ttabbed\nbelow\n\na note"


async def test_a_sheet_has_its_rows_and_the_values_of_its_cells(read: Read) -> None:
    day = datetime.datetime(2026, 3, 1)
    rows: list[Sequence[Any]] = [[], ["nom", "prix", "言葉"], ["thé", 3.5, JAPANESE], [ARABIC, 4, day]]
    made = office.sheets({"Été": rows, "Vide": [], "二": [["a", True, None, "d"], [0.1 + 0.2, day.replace(hour=9)]]})
    text = await read(made, "a.xlsx", "application/zip")
    assert [(p.text, p.place) for p in text.passages] == [
        (f"nom | prix | 言葉\nthé | 3.5 | {JAPANESE}\n{ARABIC} | 4 | 2026-03-01", Place(sheet="Été", rows=(2, 4))),
        ("a | TRUE |  | d\n0.3 | 2026-03-01 09:00:00", Place(sheet="二", rows=(1, 2))),
    ]


async def test_of_a_formula_the_value_is_said_that_it_had(read: Read) -> None:
    made = office.changed(
        office.sheets({"S": [["sum", 7777]]}),
        replaced=[("xl/worksheets/sheet1.xml", "<v>7777</v>", "<f>HYPERLINK(1)</f><v>42</v>")],
    )
    assert said(await read(made, "macros.xlsm")) == "sum | 42"


async def test_slides_are_pages_with_their_titles_notes_and_tables(read: Read) -> None:
    made = office.slides([("Été", f"{FRENCH}\n{JAPANESE}", "à dire"), ("البحر", ARABIC, "")])
    text = await read(made, "a.pptx")
    assert text.pages == 2
    assert [(p.text, p.place) for p in text.passages] == [
        (f"Été\n\n{FRENCH}\n\n{JAPANESE}\n\nà dire", Place(pages=(1, 1), heading=("Été",), unit="slide")),
        (f"البحر\n\n{ARABIC}\nname | prix\nthé | 3", Place(pages=(2, 2), heading=("البحر",), unit="slide")),
    ]


async def test_an_open_text_is_read_below_its_headings(read: Read) -> None:
    cells = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    body = (
        "<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>"
        f'<text:h text:outline-level="1">Été</text:h><text:p>{FRENCH}<text:note>'
        "<text:note-citation>1</text:note-citation>"
        f"<text:note-body><text:p>a note</text:p></text:note-body></text:note></text:p><text:p>{LONG}</text:p>"
        f'<text:h text:outline-level="2">第二</text:h><text:p>one<text:s text:c="2"/>two<text:tab/><text:span>{HEBREW}'
        f"</text:span><text:line-break/>{ARABIC}</text:p>"
        f"<table:table><table:table-row>{cells.format('nom')}{cells.format('prix')}</table:table-row>"
        f"<table:table-row>{cells.format(JAPANESE)}{cells.format('3')}</table:table-row></table:table>"
    )
    text = await read(opened.opendocument("text", body), "a.odt")
    assert where(text, FRENCH).heading == ("Été",)
    assert where(text, ARABIC).heading == ("Été", "第二")
    assert f"one  two\t{HEBREW}\n{ARABIC}\nnom | prix\n{JAPANESE} | 3" in said(text)
    assert "a note" in said(text)
    assert "gone" not in said(text)


async def test_an_open_presentation_has_pages(read: Read) -> None:
    page = (
        '<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>{}</text:p></draw:text-box>'
        "</draw:frame>"
        "<draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame></draw:page>"
    )
    text = await read(
        opened.opendocument("presentation", page.format("Un", FRENCH) + page.format("二", HEBREW)), "a.odp"
    )
    assert [(p.text, p.place) for p in text.passages] == [
        (f"Un\n\n{FRENCH}", Place(pages=(1, 1), heading=("Un",), unit="slide")),
        (f"二\n\n{HEBREW}", Place(pages=(2, 2), heading=("二",), unit="slide")),
    ]
    assert text.pages == 2


async def test_an_open_sheet_has_its_rows(read: Read) -> None:
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    number = '<table:table-cell office:value-type="float" office:value="3.5"><text:p>3,50 €</text:p></table:table-cell>'
    body = (
        f'<table:table table:name="Été"><table:table-row>{cell.format("nom")}{cell.format("prix")}</table:table-row>'
        f"<table:table-row>{cell.format(ARABIC)}{number}</table:table-row></table:table>"
    )
    text = await read(opened.opendocument("spreadsheet", body), "a.ods")
    assert [(p.text, p.place) for p in text.passages] == [
        (f"nom | prix\n{ARABIC} | 3.5", Place(sheet="Été", rows=(1, 2)))
    ]


async def test_a_book_is_read_by_chapter_in_the_order_of_its_reader(read: Read) -> None:
    text = await read(
        opened.book([f"<h1>Un</h1><p>{FRENCH}</p>", f"<h1>二</h1><p>{JAPANESE}<br/>{HEBREW}</p>"]), "a.epub"
    )
    assert text.pages == 2
    assert [(p.text, p.place) for p in text.passages] == [
        (f"Un\n\n{FRENCH}", Place(pages=(1, 1), heading=("Un",), unit="chapter")),
        (f"二\n\n{JAPANESE} {HEBREW}", Place(pages=(2, 2), heading=("二",), unit="chapter")),
    ]


async def test_a_chapter_without_a_heading_has_the_title_that_the_table_of_contents_gives(read: Read) -> None:
    point = '<navPoint><navLabel><text>{}</text></navLabel><content src="text/chapter%20{}.xhtml#top"/></navPoint>'
    contents = f"<ncx><navMap>{point.format('Été', 0)}{point.format('第二', 1)}</navMap></ncx>"
    text = await read(opened.book([f"<p>{FRENCH}</p>", f"<h2>Deux</h2><p>{HEBREW}</p>"], contents), "a.epub")
    assert [place.heading for _, place in text.passages] == [("Été",), ("Deux",)]


async def test_of_a_page_is_read_what_is_seen(read: Read) -> None:
    page = f"""<!DOCTYPE html><html><head><title>no</title><style>.no {{}}</style></head><body>
    <script>var no = "<p>no</p>";</script><p hidden>no</p><div style="color: red; DISPLAY : none"><p>no</p></div>
    <template><p>no</p></template><h1>Été <b>ici</b></h1><p>{FRENCH} un<br>deux
    trois&nbsp;&eacute;</p><p>{LONG}<h2>第二</h2><pre>  a
    b</pre><table><tr><th>nom<th>prix<tr><td><p>{ARABIC}</p><td>3</table><p>{HEBREW}</body></html>"""
    text = await read(page, "a.html", "text/html")
    assert where(text, "un deux trois é").heading == ("Été ici",)
    assert where(text, HEBREW).heading == ("Été ici", "第二")
    assert f"第二\n\n  a\n    b\n\nnom | prix\n{ARABIC} | 3\n\n{HEBREW}".replace("\n\nnom", "\nnom") in said(text)
    assert "no" not in said(text).replace("nom", "").split()


async def test_a_table_that_sets_out_a_page_is_no_table(read: Read) -> None:
    page = f"<html><table><tr><td>menu</td><td><h1>Titre</h1><p>{FRENCH}</p><p>{LONG}</p></td></tr></table></html>"
    text = await read(page, "a.htm")
    assert where(text, FRENCH).heading == ("Titre",)


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252"])
async def test_a_page_is_decoded_as_it_says(read: Read, charset: str) -> None:
    page = f'<html><head><meta charset="{charset}"></head><body><p>déjà vu, où ça ?</body></html>'
    assert said(await read(page.encode(charset), "a.html")) == "déjà vu, où ça ?"


async def test_a_message_has_its_headers_its_text_and_the_names_of_what_is_attached(read: Read) -> None:
    made = opened.mail("Réunion 東京", f"{FRENCH}\n\n{JAPANESE}\n", "<p>not this</p>", {"Prix été.pdf": b"%PDF-1.7 no"})
    text = await read(made, "a.eml", "message/rfc822")
    assert "From: Zoé <zoe@example.org>\nTo: bob@example.org\nSubject: Réunion 東京\n" in said(text)
    assert f"{FRENCH}\n\n{JAPANESE}" in said(text)
    assert "📎 Prix été.pdf" in said(text)
    assert "not this" not in said(text)
    assert text.passages[0].place.heading == ("Réunion 東京",)


async def test_a_message_that_is_a_page_or_was_forwarded_is_read(read: Read) -> None:
    inner = EmailMessage()
    inner["Subject"] = "Dedans"
    inner.set_content("<p>Bonjour <script>no()</script><b>Zoé</b></p>", subtype="html")
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("Où ça ? 50 £", charset="iso-8859-1")
    outer.add_attachment(inner)
    text = await read(outer.as_bytes(), "a.eml")
    assert "Bonjour Zoé" in said(text)
    assert "Où ça ? 50 £" in said(text)


async def test_json_without_lines_is_read_by_its_paths(read: Read) -> None:
    value = {"livres": [{"titre": FRENCH, "prix": 3.5}, {"titre": ARABIC, "vide": None}], "fin": True}
    text = await read(json.dumps(value), "a.json")
    assert said(text) == (f"livres[0].titre: {FRENCH}\nlivres[0].prix: 3.5\nlivres[1].titre: {ARABIC}\nfin: true")
    assert (await read(json.dumps(value, indent=2), "a.json")).passages[0].place.lines == (1, 13)


async def test_a_notebook_is_read_by_its_cells(read: Read) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Été\n", FRENCH]},
        {"cell_type": "code", "source": "def f():\n    pass"},
    ]
    assert said(await read(json.dumps({"cells": cells}), "a.ipynb")) == f"# Été\n{FRENCH}\n\ndef f():\n    pass"


WORD = office.word(lambda made: made.add_paragraph("inside"))


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (WORD, "report.pdf", "inside"),
        (WORD, "notes.txt", "inside"),
        (office.sheets({"S": [["inside"]]}), "a.docx", "inside"),
        (b"<!doctype html><p>inside<script>no</script>", "a.txt", "inside"),
        (b"<!doctype html><p>inside<script>no</script>", "a.docx", "inside"),
        (b"a;b\n1;2", "a.xls", "a;b\n1;2"),
    ],
)
async def test_the_content_tells_the_format_whatever_the_name_says(
    read: Read, content: bytes, name: str, expected: str
) -> None:
    assert said(await read(content, name, "application/octet-stream")) == expected


async def test_rich_text_is_read_in_any_script_without_its_pictures_and_fonts(read: Read) -> None:
    raw = "¶".join((*SCRIPTS, "🦉")).encode("utf-16-le")
    coded = "".join(f"\\u{unit}?" for unit in struct.unpack(f"<{len(raw) // 2}h", raw))
    picture = "{\\pict\\pngblip " + "89504e470d0a1a0a" * 40 + "}"
    table = "\\trowd name\\cell prix\\cell\\row\\trowd th\\'e9\\cell 3\\cell\\row"
    head = "\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Font;}}{\\info{\\title T}}"
    made = f"{{{head}{picture}{coded}\\par {table}}}"
    text = await read(made, "a.rtf", "text/rtf")
    assert said(text) == "\n\n".join(["¶".join((*SCRIPTS, "🦉")), "name | prix", "thé | 3"])
    assert text.passages[0].place == Place()


async def test_a_message_of_outlook_is_read_as_mail_is(read: Read) -> None:
    values = {"0037001F": "Été 東京", "0C1A001F": "Zoé", "0C1F001F": "zoe@example.org", "0E04001F": "bob@example.org"}
    made = outlook.message({**values, "1000001F": f"{FRENCH}\r\n\r\n{ARABIC}\0"}, ("a.pdf", "שלום.docx"))
    text = await read(made, "a.msg", "application/vnd.ms-outlook")
    assert said(text).split("\n") == [
        *("From: Zoé, zoe@example.org", "To: bob@example.org", "Subject: Été 東京"),
        *("", FRENCH, "", ARABIC, "📎 a.pdf", "📎 שלום.docx"),
    ]
    assert text.passages[0].place == Place(heading=("Été 東京",))
    paged = outlook.message({"0037001E": "Été".encode("cp1252"), "10130102": b"<p>A <b>page</b></p>"})
    assert said(await read(paged, "b.msg")) == "Subject: Été\n\nA page"
