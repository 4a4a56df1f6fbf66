"""XLSX, XLS, XLSB and ODS, by Calamine: the values of each sheet's rows, as they were last computed.

No formula is run, no macro looked at, no link followed. Calamine holds a sheet whole, so of a huge one only the
beginning is handed to it.
"""

import datetime
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import python_calamine as calamine

from datalayer.passages import Place

from ..cutting import Block
from .limits import Refused
from .opendocument import opened
from .package import Package
from .source import Source
from .tables import is_head, row

_MOST = 48 * 1024 * 1024
"""Bytes of XML of one sheet: more than becomes passages."""
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_ROW_ENDS = b"</row>"


def read(source: Source) -> Iterator[Block]:
    """XLSX and XLSM."""
    package = Package(source)
    large = {name for name in package.names if _SHEET.fullmatch(name) and package.size(name) > _MOST}
    source.cut = bool(large)
    return _book(source, _beginning(package, large) if large else source.path)


def read_binary(source: Source) -> Iterator[Block]:
    """XLS, XLSB: their size is the file's."""
    return _book(source, source.path)


def read_opendocument(source: Source) -> Iterator[Block]:
    opened(source)
    return _book(source, source.path)


def _book(source: Source, of: Path | IO[bytes]) -> Iterator[Block]:
    try:
        book = calamine.load_workbook(of if isinstance(of, io.BytesIO) else str(of))
    except calamine.PasswordError as error:
        raise Refused("encrypted") from error
    for name in book.sheet_names:
        try:
            sheet = book.get_sheet_by_name(name)
        except calamine.WorksheetNotFound:  # a chart
            continue
        yield from _sheet(name, sheet)


def _sheet(name: str, sheet: calamine.CalamineSheet) -> Iterator[Block]:
    head: str | None = None
    for number, cells in enumerate(sheet.iter_rows(), 1):
        said = [_said(cell) for cell in cells]
        text = row(said)
        if not text:
            continue
        if head is None:
            filled = said[next(n for n, cell in enumerate(said) if cell) :]
            while not filled[-1]:
                filled.pop()
            head = text if is_head(filled) else ""
        yield Block(text, Place(sheet=name, rows=(number, number)), above=head)


def _said(cell: object) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return f"{cell:.15g}"
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(" ", "seconds")
    return str(cell)


def _beginning(package: Package, large: set[str]) -> IO[bytes]:
    """The same document with the first rows of the ``large`` sheets."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in dict.fromkeys(package.names):
            with package.open(name) as stream:
                content = stream.read(_MOST) if name in large else stream.read()
            if name in large:
                content = content[: content.rfind(_ROW_ENDS) + len(_ROW_ENDS)] + b"</sheetData></worksheet>"
            archive.writestr(name, content)
    made.seek(0)
    return made
