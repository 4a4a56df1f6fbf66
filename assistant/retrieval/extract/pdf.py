"""PDF, by PDFium: the text of each page in the order in which the file draws it, below the file's own outline."""

import re
from collections.abc import Iterator

import pypdfium2 as pdfium
from pypdfium2.raw import FPDF_ERR_PASSWORD

from datalayer.passages import Place

from ..cutting import Block
from .headings import Headings
from .limits import Refused
from .rightward import has_any, put_right
from .source import Source

_MOST_BOOKMARKS = 20_000
_END = re.compile(r"""[.!?…:。！？؟।]["'”’»)\]」』]*$""")
# How PDFium writes a hyphen that only the end of a line has put there.
_HYPHEN = re.compile("[\x02\ufffe]\\s*")


def read(source: Source) -> Iterator[Block]:
    document = _open(source)
    source.pages = len(document)
    source.cut = source.pages > source.limits.pages
    outline = _outline(document)
    path: tuple[str, ...] = ()
    seen = failed = 0
    for index in range(min(source.pages, source.limits.pages)):
        path = outline.get(index, path)
        try:
            text = _text(document, index)
        except pdfium.PdfiumError:  # a damaged page is not the others' end
            failed += 1
            continue
        place = Place(pages=(index + 1, index + 1), heading=path)
        for block in _blocks(text, place):
            seen += 1
            yield block
    if not seen:
        raise Refused("broken" if failed or not source.pages else "scanned")


def _open(source: Source) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(source.path)
    except pdfium.PdfiumError as error:
        raise Refused("encrypted" if error.err_code == FPDF_ERR_PASSWORD else "broken") from error


def _text(document: pdfium.PdfDocument, index: int) -> str:
    page = document[index]
    try:
        text = page.get_textpage()
        try:
            said = str(text.get_text_bounded())
            return put_right(said, text) if has_any(said) else said
        finally:
            text.close()
    finally:
        page.close()


def _blocks(text: str, place: Place) -> Iterator[Block]:
    """A block a line. A paragraph ends where a line ends a sentence: PDF knows no paragraphs."""
    opens = True
    for line in _HYPHEN.sub("", text).splitlines():
        if line.strip():
            yield Block(line, place, opens)
            opens = bool(_END.search(line.rstrip()))


def _outline(document: pdfium.PdfDocument) -> dict[int, tuple[str, ...]]:
    """The headings that a page is below, by its index: of the pages on which an entry of the outline begins."""
    headings, paths = Headings(), dict[int, tuple[str, ...]]()
    for number, mark in enumerate(document.get_toc(max_depth=8)):
        if number == _MOST_BOOKMARKS:
            break
        headings.enter(mark.level + 1, mark.get_title())
        target = mark.get_dest()
        index = target.get_index() if target else None
        if index is not None:
            paths.setdefault(index, headings.path())
    return paths
