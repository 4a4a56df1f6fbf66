"""``python -m bench.extractors [--only FORMAT ...]``: what libraries keep of real files, and how fast (docs/files.md).

Those that are not installed are left out. Each is called as its own documentation shows, in a process of its own.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import papers
from .papers import GONE, Paper

Said = Iterable[tuple[str, str]]
"""Text, and its place: "": unknown."""
_SECONDS = 60


def ours(path: Path) -> Said:
    from assistant.retrieval.cutting import Block
    from assistant.retrieval.extract.formats import reader
    from assistant.retrieval.extract.limits import LIMITS
    from assistant.retrieval.extract.source import Source

    def place(block: Block) -> str:
        at = block.place
        if at.sheet:
            return f"{at.sheet} {at.rows[0] if at.rows else ''}"
        page = str(at.pages[0]) if at.pages and path.suffix in (".pdf", ".pptx", ".odp") else ""
        return page or (at.heading[-1] if at.heading else "")

    source = Source(path, path.name, LIMITS)
    return [(block.text, place(block)) for block in reader(source, None)(source)]


def pypdf(path: Path) -> Said:
    pages = import_module("pypdf").PdfReader(path).pages
    return [(page.extract_text(), str(number)) for number, page in enumerate(pages, 1)]


def pypdfium2(path: Path) -> Said:
    document = import_module("pypdfium2").PdfDocument(path)
    return [(page.get_textpage().get_text_bounded(), str(number)) for number, page in enumerate(document, 1)]


def pdfplumber(path: Path) -> Said:
    with import_module("pdfplumber").open(path) as document:
        return [(page.extract_text(), str(number)) for number, page in enumerate(document.pages, 1)]


def python_docx(path: Path) -> Said:
    heading, said = "", []
    for item in import_module("docx").Document(str(path)).iter_inner_content():
        if hasattr(item, "rows"):
            said += [(" | ".join(cell.text for cell in row.cells), heading) for row in item.rows]
        else:
            if item.style.name.startswith("Heading"):
                heading = item.text
            said.append((item.text, heading))
    return said


def mammoth(path: Path) -> Said:
    with path.open("rb") as file:
        return _of_html(import_module("mammoth").convert_to_html(file).value)


def docx2python(path: Path) -> Said:
    return [(import_module("docx2python").docx2python(path).text, "")]


def odfdo(path: Path) -> Said:
    return [(import_module("odfdo").Document(path).get_formatted_text(), "")]


def odfpy(path: Path) -> Said:
    body = import_module("odf.opendocument").load(path).body
    return [(import_module("odf.teletype").extractText(body), "")]


def openpyxl(path: Path) -> Said:
    book = import_module("openpyxl").load_workbook(path, read_only=True, data_only=True)
    for sheet in book.worksheets:
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            yield " | ".join("" if cell is None else str(cell) for cell in row), f"{sheet.title} {number}"


def calamine(path: Path) -> Said:
    book = import_module("python_calamine").load_workbook(str(path))
    for name in book.sheet_names:
        for number, row in enumerate(book.get_sheet_by_name(name).iter_rows(), 1):
            yield " | ".join(map(str, row)), f"{name} {number}"


def python_pptx(path: Path) -> Said:
    for number, slide in enumerate(import_module("pptx").Presentation(str(path)).slides, 1):
        for shape in slide.shapes:
            if shape.has_text_frame:
                yield shape.text_frame.text, str(number)


def ebooklib(path: Path) -> Said:
    book = import_module("ebooklib.epub").read_epub(path)
    for item in book.get_items_of_type(9):  # documents
        yield from _of_html(item.get_content().decode())


def selectolax(path: Path) -> Said:
    tree = import_module("selectolax.lexbor").LexborHTMLParser(path.read_text(encoding="utf-8"))
    return [(tree.body.text(separator="\n"), "")]


def beautifulsoup(path: Path) -> Said:
    return [(import_module("bs4").BeautifulSoup(path.read_bytes(), "html.parser").get_text("\n"), "")]


def markitdown(path: Path) -> Said:
    return _of_markdown(import_module("markitdown").MarkItDown().convert(path).text_content)


def kreuzberg(path: Path) -> Said:
    module: Any = import_module("kreuzberg")
    config = module.ExtractionConfig(pages=module.PageConfig(extract_pages=True), output_format="markdown")
    found = module.extract_file_sync(path, config=config)
    if found.pages and path.suffix in (".pdf", ".pptx", ".odp"):
        return [(page["content"], str(page["page_number"])) for page in found.pages]
    return _of_markdown(found.content)


def _of_markdown(text: str) -> Said:
    heading = ""
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.strip("# ")
        yield line, heading


def _of_html(page: str) -> Said:
    heading = ""
    for part in page.replace("<h", "\0<h").replace("</h", "\0</h").split("\0"):
        if part.startswith("<h") and part[2:3].isdecimal():
            heading = part.partition(">")[2]
        yield part, heading


CANDIDATES: dict[str, tuple[Callable[[Path], Said], str, str]] = {
    "Threadkeep": (ours, "", "pdf docx odt xlsx ods pptx odp epub html"),
    "pypdfium2": (pypdfium2, "pypdfium2", "pdf"),
    "pypdf": (pypdf, "pypdf", "pdf"),
    "pdfplumber": (pdfplumber, "pdfplumber", "pdf"),
    "python-docx": (python_docx, "python-docx", "docx"),
    "mammoth": (mammoth, "mammoth", "docx"),
    "docx2python": (docx2python, "docx2python", "docx"),
    "openpyxl": (openpyxl, "openpyxl", "xlsx"),
    "python-calamine": (calamine, "python-calamine", "xlsx ods"),
    "python-pptx": (python_pptx, "python-pptx", "pptx"),
    "odfdo": (odfdo, "odfdo", "odt ods odp"),
    "odfpy": (odfpy, "odfpy", "odt ods odp"),
    "EbookLib": (ebooklib, "EbookLib", "epub"),
    "selectolax": (selectolax, "selectolax", "html"),
    "beautifulsoup4": (beautifulsoup, "beautifulsoup4", "html"),
    "markitdown": (markitdown, "markitdown", "pdf docx xlsx pptx epub html"),
    "kreuzberg": (kreuzberg, "kreuzberg", "pdf docx odt xlsx ods pptx odp epub html"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.extractors", description=__doc__)
    parser.add_argument("--one", nargs=2, metavar=("NAME", "PATH"), help=argparse.SUPPRESS)
    parser.add_argument("--only", nargs="+", metavar="FORMAT", help="some formats: docx, odt, …")
    arguments = parser.parse_args()
    if arguments.one:
        return _one(*arguments.one)
    with TemporaryDirectory() as folder:
        made = [paper for paper in _made(Path(folder)) if not arguments.only or paper.path.suffix[1:] in arguments.only]
        print("\n".join(_packages()))
        for ending in dict.fromkeys(paper.path.suffix for paper in made):
            print("\n".join(_table([paper for paper in made if paper.path.suffix == ending])), flush=True)


def _made(folder: Path) -> Iterator[Paper]:
    for make, size in zip(papers.MAKERS, (12, 60, 1000, 30, 30), strict=True):
        yield from make(folder, size)


def _one(name: str, path: str) -> None:
    """In a process of its own: the second of two calls is timed, as in one that goes on, by what it takes of the
    processor: others may be at work."""
    read = CANDIDATES[name][0]
    list(read(Path(path)))
    started = time.process_time()
    said = list(read(Path(path)))
    seconds = time.process_time() - started
    status = Path("/proc/self/status").read_text().splitlines()
    memory = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024
    print(json.dumps({"said": said, "seconds": seconds, "memory": memory}))


def _table(made: list[Paper]) -> Iterator[str]:
    ending = made[0].path.suffix[1:]
    yield f"\n| {ending} | text kept | place kept | MB a second of the processor | memory |\n|---|---|---|---|---|"
    for name, (_, package, formats) in CANDIDATES.items():
        if ending in formats.split() and (not package or _installed(package)):
            for paper in made:
                yield f"| {name}: {paper.maker} | {_measured(name, paper)} |"


def _measured(name: str, paper: Paper) -> str:
    command = (sys.executable, "-m", "bench.extractors", "--one", name, str(paper.path))
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)
    except subprocess.TimeoutExpired:
        return f"longer than {_SECONDS} s | | |"
    except subprocess.CalledProcessError as error:
        return f"fails: {(error.stderr.decode().splitlines() or ['?'])[-1][:60]} | | | "
    answer = json.loads(done.stdout.decode().splitlines()[-1])
    said = [(" ".join(text.split()), place) for text, place in answer["said"]]
    whole = " ".join(text for text, _ in said)
    kept = sum(word in whole for word in paper.words)
    placed = {word: place for word, place in paper.words.items() if place}
    right = sum(any(word in text and at == placed[word] for text, at in said) for word in placed)
    shown = ", and what was deleted" if GONE in whole and paper.path.suffix in (".docx", ".odt") else ""
    speed = paper.path.stat().st_size / 1e6 / answer["seconds"]
    return f"{kept / len(paper.words):.1%}{shown} | {right / len(placed):.1%} | {speed:.2f} | {answer['memory']} MB"


def _packages() -> Iterator[str]:
    yield "| library | version | with what it needs, MB | licence |\n|---|---|---|---|"
    for _, package, _ in CANDIDATES.values():
        if package and _installed(package):
            version = distribution(package).version
            yield f"| {package} | {version} | {_size(package, set()) / 1e6:.1f} | {_licence(package)} |"


def _licence(package: str) -> str:
    metadata: Any = distribution(package).metadata
    named = [c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or [] if c.startswith("License")]
    return str(metadata.get("License-Expression") or ", ".join(named) or metadata.get("License") or "")


def _installed(package: str) -> bool:
    try:
        return bool(distribution(package))
    except PackageNotFoundError:
        return False


def _size(package: str, counted: set[str]) -> float:
    """Bytes on the disk, with all that it demands."""
    if package.lower() in counted or not _installed(package):
        return 0
    counted.add(package.lower())
    own = sum(
        path.stat().st_size
        for each in distribution(package).files or ()
        if (path := Path(str(each.locate()))).is_file()
    )
    needed = [each for each in requires(package) or () if "extra ==" not in each]
    return own + sum(
        _size("".join(c if c.isalnum() or c in "-_." else " " for c in each).split()[0], counted) for each in needed
    )


if __name__ == "__main__":
    main()
