"""Files as real programs write them, with words of which it is known where they stand: what a reader must not lose."""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from tests.papers import office, opened, pdfs

FRENCH = "Été comme hiver, la forêt où l’on se promène garde ses œuvres : ça coûte 3 €."
JAPANESE = "吾輩は猫である。名前はまだ無い。"
ARABIC = "الفصل الأول من الكتاب يتحدث عن البحر"
HEBREW = "שלום עולם וכל אשר בו"
ENGLISH = "The quick brown fox jumps over the lazy dog while nobody is watching it in the early morning."
SCRIPTS = (FRENCH, JAPANESE, ARABIC, HEBREW)
GONE = "deletedword"
"""What its author has deleted, or no reader sees."""
_NAMES = ("office", "text", "table", "style", "draw", "presentation")
_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{"drawing" if name == "draw" else name}:1.0"'
    for name in _NAMES
)
_MORE = (
    'xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"'
)
_PROGRAM_SECONDS = 120


@dataclass(slots=True)
class Paper:
    """``words``: each with its place, None where it has none to check: a page, a heading, a sheet and row."""

    maker: str
    path: Path
    words: dict[str, str | None] = field(default_factory=dict)


def _word(number: int) -> str:
    return f"kn{number:05}x"


def letters(folder: Path, chapters: int) -> Iterator[Paper]:
    """A text with headings, tables, notes, boxes, and changes that are tracked, by LibreOffice in several formats."""
    body, words = _letter(chapters)
    flat = folder / "letter.fodt"
    flat.write_text(_flat("text", body), encoding="utf-8")
    for ending in ("docx", "odt", "html", "epub"):
        if path := _converted(flat, ending):
            yield Paper("LibreOffice", path, words)


def _letter(chapters: int) -> tuple[str, dict[str, str | None]]:
    words: dict[str, str | None] = {}

    def word(place: str | None = None) -> str:
        words[made := _word(len(words))] = place
        return made

    parts = [_CHANGES]
    for number in range(1, chapters + 1):
        first, second = f"Chapitre {number} été", f"Section {number} 東京"
        cells = "".join(
            "<table:table-row>"
            + "".join(f"<table:table-cell><text:p>{word(second)} {row}</text:p></table:table-cell>" for _ in range(3))
            + "</table:table-row>"
            for row in range(3)
        )
        parts += [
            f'<text:h text:outline-level="1">{first}</text:h><text:p>{word(first)} {FRENCH} {ENGLISH}</text:p>',
            f'<text:h text:outline-level="2">{second}</text:h>',
            *(f"<text:p>{word(second)} {script} {ENGLISH} {ENGLISH}</text:p>" for script in SCRIPTS),
            f"<text:list><text:list-item><text:p>{word(second)} {FRENCH}</text:p></text:list-item></text:list>",
            f'<table:table><table:table-column table:number-columns-repeated="3"/>{cells}</table:table>',
            f'<text:p>{ENGLISH}<text:note text:id="n{number}" text:note-class="footnote"><text:note-citation>1'
            f"</text:note-citation><text:note-body><text:p>{word()} note</text:p></text:note-body></text:note>"
            "</text:p>",
            '<text:p><draw:frame text:anchor-type="paragraph" svg:width="6cm" svg:height="2cm"><draw:text-box><text:p>'
            f"{word()} boxed</text:p></draw:text-box></draw:frame>{ENGLISH}</text:p>",
        ]
    parts.append(
        f'<text:p>before <text:change-start text:change-id="c1"/>{word()}<text:change-end text:change-id="c1"/>'
        ' after <text:change text:change-id="c2"/></text:p>'
    )
    return "".join(parts), words


_CHANGE = (
    '<text:changed-region xml:id="{0}" text:id="{0}"><text:{1}><office:change-info><dc:creator>A</dc:creator>'
    "<dc:date>2026-01-01T00:00:00</dc:date></office:change-info>{2}</text:{1}></text:changed-region>"
)
_CHANGES = (
    "<text:tracked-changes>"
    + _CHANGE.format("c1", "insertion", "")
    + _CHANGE.format("c2", "deletion", f"<text:p>{GONE}</text:p>")
    + "</text:tracked-changes>"
)


def _flat(kind: str, body: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document {_SPACES} {_MORE} office:version="1.2"'
        f' office:mimetype="application/vnd.oasis.opendocument.{kind}"><office:body><office:{kind}>{body}'
        f"</office:{kind}></office:body></office:document>"
    )


def sheets(folder: Path, rows: int) -> Iterator[Paper]:
    words: dict[str, str | None] = {_word(number): f"Été {number + 1}" for number in range(1, rows)}
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    number = '<table:table-cell office:value-type="float" office:value="{0}"><text:p>{0}</text:p></table:table-cell>'
    table: list[list[str | int]] = [["nom", "言葉", "الاسم", "prix"]]
    table += [[word, JAPANESE, ARABIC, n] for n, word in enumerate(words, 2)]
    body = "".join(
        "<table:table-row>"
        + "".join((number if isinstance(c, int) else cell).format(c) for c in row)
        + "</table:table-row>"
        for row in table
    )
    flat = folder / "sheet.fods"
    flat.write_text(_flat("spreadsheet", f'<table:table table:name="Été">{body}</table:table>'), encoding="utf-8")
    for ending in ("xlsx", "ods"):
        if path := _converted(flat, ending):
            yield Paper("LibreOffice", path, words)
    path = folder / "openpyxl.xlsx"
    path.write_bytes(office.sheets({"Été": table}))
    yield Paper("openpyxl", path, words)


def presentations(folder: Path, slides: int) -> Iterator[Paper]:
    words: dict[str, str | None] = {_word(number): str(number + 1) for number in range(slides)}
    made = [(f"Titre {word}", "\n".join(SCRIPTS), ENGLISH) for word in words]
    path = folder / "slides.pptx"
    path.write_bytes(office.slides(made))
    yield Paper("python-pptx", path, words)
    if converted := _converted(path, "odp"):
        yield Paper("LibreOffice", converted, words)


def books(folder: Path, chapters: int) -> Iterator[Paper]:
    words: dict[str, str | None] = {_word(number): f"Chapitre {number + 1}" for number in range(chapters)}
    text = "".join(f"<p>{script} {ENGLISH}</p>" for script in SCRIPTS * 8)
    made = [f"<h1>{place}</h1><p>{word}</p>{text}<script>{GONE}</script>" for word, place in words.items()]
    path = folder / "book.epub"
    path.write_bytes(opened.book(made))
    yield Paper("made here", path, words)


def pages(folder: Path, count: int) -> Iterator[Paper]:
    """PDF of several makers."""
    words: dict[str, str | None] = {_word(number): str(number + 1) for number in range(count)}
    for maker, make, scripts in (
        ("LibreOffice", _by_libreoffice, SCRIPTS),
        ("Chromium", _by_chromium, SCRIPTS),
        ("fpdf2", _by_fpdf, SCRIPTS[:1]),
        ("reportlab", _by_reportlab, SCRIPTS[:1]),
        ("Matplotlib", _by_matplotlib, SCRIPTS[:1]),
    ):
        if path := make(folder, [[word, *scripts, *[ENGLISH] * 12] for word in words]):
            yield Paper(maker, path, {**words, **dict.fromkeys(scripts)})


Pages = Sequence[Sequence[str]]


def _by_libreoffice(folder: Path, of: Pages) -> Path | None:
    style = (
        '<office:automatic-styles><style:style style:name="P" style:family="paragraph"><style:paragraph-properties'
        ' fo:break-before="page"/></style:style></office:automatic-styles>'
    )
    body = "".join(
        f'<text:p text:style-name="P">{page[0]}</text:p>' + "".join(f"<text:p>{line}</text:p>" for line in page[1:])
        for page in of
    )
    flat = folder / "pages.fodt"
    flat.write_text(_flat("text", body).replace("<office:body>", style + "<office:body>", 1), encoding="utf-8")
    return _converted(flat, "pdf")


def _by_chromium(folder: Path, of: Pages) -> Path | None:
    page, path = folder / "pages.html", folder / "chromium.pdf"
    body = "".join(
        f'<div style="break-after: page">{"".join(f"<p>{line}</p>" for line in lines)}</div>' for lines in of
    )
    page.write_text(f'<!doctype html><meta charset="utf-8">{body}', encoding="utf-8")
    command = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--print-to-pdf={path}", page.as_uri())
    return path if _ran(command) and path.exists() else None


def _by_fpdf(folder: Path, of: Pages) -> Path:
    path = folder / "fpdf2.pdf"
    path.write_bytes(pdfs.written(["\n".join(lines) for lines in of]))
    return path


def _by_reportlab(folder: Path, of: Pages) -> Path | None:
    try:
        canvas = import_module("reportlab.pdfgen.canvas")
    except ImportError:
        return None
    path = folder / "reportlab.pdf"
    made = canvas.Canvas(str(path))
    for lines in of:
        for number, line in enumerate(lines):
            made.drawString(50, 780 - 20 * number, line)
        made.showPage()
    made.save()
    return path


def _by_matplotlib(folder: Path, of: Pages) -> Path:
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

    path = folder / "matplotlib.pdf"
    with PdfPages(path) as made:
        for lines in of:
            figure = Figure()
            figure.text(0.01, 0.99, "\n".join(lines), verticalalignment="top", fontsize=7)
            made.savefig(figure)
    return path


def _converted(path: Path, ending: str) -> Path | None:
    """None: there is no LibreOffice."""
    made = path.with_suffix(f".{ending}")
    own = f"-env:UserInstallation={(path.parent / 'profile').as_uri()}"  # another one that runs has its usual one
    command = ("soffice", own, "--headless", "--convert-to", ending, "--outdir", str(path.parent), str(path))
    return made if _ran(command) and made.exists() else None


def _ran(command: Sequence[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, timeout=_PROGRAM_SECONDS, check=False).returncode == 0


MAKERS: tuple[Callable[[Path, int], Iterator[Paper]], ...] = (pages, letters, sheets, presentations, books)
