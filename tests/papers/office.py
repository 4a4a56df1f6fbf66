"""Files of Microsoft's formats, by the libraries that write them, and what those do not write put into their XML."""

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import docx
import openpyxl
import pptx
from docx.document import Document
from openpyxl import Workbook
from pptx.util import Inches

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml"


def word(fill: Callable[[Document], Any], **parts: str) -> bytes:
    """``parts``: paragraphs of a further file, by its name in the folder of the document."""
    made, file = docx.Document(), io.BytesIO()
    fill(made)
    made.save(file)
    notes = {
        f"word/{name}.xml": f'<w:{name} {_W}><w:footnote w:id="1">{text}</w:footnote></w:{name}>'
        for name, text in parts.items()
    }
    return changed(file.getvalue(), added=notes)


def sheets(rows: Mapping[str, Iterable[Sequence[Any]]]) -> bytes:
    """By the name of the sheet."""
    made, file = Workbook(), io.BytesIO()
    made.remove(made.worksheets[0])
    for name, each in rows.items():
        sheet = made.create_sheet(name)
        for row in each:
            sheet.append(row)
    made.save(file)
    return file.getvalue()


def far(value: str) -> bytes:
    """A sheet of two cells: the first and the last that there can be."""
    made, file = openpyxl.Workbook(), io.BytesIO()
    made.worksheets[0]["A1"] = "first"
    made.worksheets[0]["XFD1048576"] = value
    made.save(file)
    return file.getvalue()


def slides(each: Sequence[tuple[str, str, str]]) -> bytes:
    """Title, text and the speaker's notes; with a table on the last one."""
    made, file = pptx.Presentation(), io.BytesIO()
    for title, text, notes in each:
        slide = made.slides.add_slide(made.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(1), Inches(4), Inches(1)).table
    for row, cells in enumerate((("name", "prix"), ("thé", "3"))):
        for column, cell in enumerate(cells):
            table.cell(row, column).text = cell
    made.save(file)
    return file.getvalue()


def changed(
    archive: bytes, added: Mapping[str, str | bytes] = {}, replaced: Sequence[tuple[str, str, str]] = ()
) -> bytes:
    """``replaced``: of a file what stands there, by what."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            for of, what, by in replaced:
                if of == name:
                    assert what.encode() in content
                    content = content.replace(what.encode(), by.encode())
            if name not in added:
                new.writestr(name, content)
        for name, content_of in added.items():
            new.writestr(name, content_of)
    return file.getvalue()


def locked() -> bytes:
    """As Office saves a document that has a password: its folder, with the name of what is encrypted."""
    return old("EncryptedPackage")


def old(stream: str) -> bytes:
    """The folder of a compound file with the name of one of its streams."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1016) + stream.encode("utf-16-le") + bytes(2000)
