"""Files of each format read by the process that reads them, at the app's limits: MB of the file a second."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from assistant.retrieval.extract import Reader
from tests.papers import office, opened, pdfs

from . import Sizes
from .contestants import OURS
from .measure import Result, measure

PAUSE = "longest wait of the event loop while a PDF is read"
MEMORY = "most memory of the process that reads, after all of them"
_SPEED, _MEMORY = " MB/s", " MB"
_WORDS = (
    "il",
    "était",
    "une",
    "fois",
    "dans",
    "la",
    "forêt",
    "profonde",
    "un",
    "roi",
    "qui",
    "cherchait",
    "東京",
    "البحر",
)


async def extraction(folder: Path, sizes: Sizes) -> list[Result]:
    os.makedirs(folder)
    reader = Reader(workers=1)
    results = [
        Result(
            f"{name}, {len(content) / 1e6:.2g} MB",
            OURS,
            partial(_read, reader, _written(folder, name, content)),
            _SPEED,
        )
        for name, content in ((name, make(sizes.extracted)) for name, make in _MADE.items())
    ]
    paper = _written(folder, "pages.pdf", _pdf(5 * sizes.extracted))
    results += [
        Result(PAUSE, OURS, partial(_pause, reader, paper), note=f"{5 * sizes.extracted} pages"),
        Result(MEMORY, OURS, _memory, _MEMORY),
    ]
    try:
        return await measure(results, sizes.rounds)
    finally:
        await reader.close()


def _written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


async def _read(reader: Reader, path: Path, result: Result, _: int) -> float:
    started = time.perf_counter()
    text = await reader.read(path, path.name, None)
    seconds = time.perf_counter() - started
    assert text.refused is None, text.refused
    result.note = f"{len(text.passages):,} passages" + (", cut" if text.cut else "")
    return path.stat().st_size / 1e6 / seconds  # noqa: ASYNC240


async def _pause(reader: Reader, path: Path, *_: object) -> float:
    reading = asyncio.create_task(reader.read(path, path.name, None))
    longest, before = 0.0, time.perf_counter()
    while not reading.done():
        await asyncio.sleep(0.001)
        longest, before = max(longest, time.perf_counter() - before - 0.001), time.perf_counter()
    assert (await reading).refused is None
    return longest


async def _memory(*_: object) -> float:
    return max(_peak(child) for child in _children())


def _children() -> list[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in listed if b"extract.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _sentence(number: int) -> str:
    return " ".join(_WORDS[(number * step + step) % len(_WORDS)] for step in range(1, 15)) + f" {number}."


def _lines(count: int) -> list[str]:
    return [_sentence(number) for number in range(count)]


def _text(pages: int) -> bytes:
    return "\n".join(_lines(100 * pages)).encode()


def _markdown(pages: int) -> bytes:
    return "\n\n".join(f"# {line}" if n % 20 == 0 else line for n, line in enumerate(_lines(100 * pages))).encode()


def _csv(pages: int) -> bytes:
    return "\n".join(["nom;prix;texte", *(f"n{n};{n}.5;{line}" for n, line in enumerate(_lines(100 * pages)))]).encode()


def _json(pages: int) -> bytes:
    return json.dumps([{"id": n, "text": line} for n, line in enumerate(_lines(50 * pages))]).encode()


def _html(pages: int) -> bytes:
    body = "".join(f"<h2>{n}</h2><p class=x>{line} <b>fin</b></p>" for n, line in enumerate(_lines(100 * pages)))
    return f"<!doctype html><html><body>{body}</body></html>".encode()


def _pdf(pages: int) -> bytes:
    return pdfs.written([f"# {page}\n" + "\n".join(_lines(30)).replace("東京", "Tokyo") for page in range(pages)])


def _word(pages: int) -> bytes:
    def fill(made: Any) -> None:
        for page in range(pages):
            made.add_heading(str(page), 1)
            for line in _lines(30):
                made.add_paragraph(line)

    return office.word(fill)


def _sheet(pages: int) -> bytes:
    return office.sheets(
        {"Feuille": [["nom", "prix", "texte"], *([f"n{n}", n, x] for n, x in enumerate(_lines(100 * pages)))]}
    )


def _slides(pages: int) -> bytes:
    return office.slides([(f"Titre {n}", "\n".join(_lines(10)), "à dire") for n in range(pages // 4 + 1)])


def _opened(pages: int) -> bytes:
    body = "".join(f"<text:h>{n}</text:h><text:p>{line}</text:p>" for n, line in enumerate(_lines(50 * pages)))
    return opened.opendocument("text", body)


def _open_sheet(pages: int) -> bytes:
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    rows = "".join(f"<table:table-row>{cell.format(x) * 3}</table:table-row>" for x in _lines(50 * pages))
    return opened.opendocument("spreadsheet", f'<table:table table:name="F">{rows}</table:table>')


def _book(pages: int) -> bytes:
    return opened.book([f"<h1>{n}</h1>" + "".join(f"<p>{x}</p>" for x in _lines(100)) for n in range(pages // 2 + 1)])


def _mail(pages: int) -> bytes:
    return opened.mail("Objet", "\n\n".join(_lines(20 * pages)), attached={"a.bin": bytes(pages * 1000)})


def _rich(pages: int) -> bytes:
    lines = ("".join(c if c.isascii() else f"\\u{ord(c)}?" for c in line) for line in _lines(50 * pages))
    return ("{\\rtf1\\ansi " + "\\par\n".join(lines) + "}").encode()


_MADE: dict[str, Callable[[int], bytes]] = {
    "a.txt": _text,
    "a.md": _markdown,
    "a.csv": _csv,
    "a.json": _json,
    "a.html": _html,
    "a.pdf": _pdf,
    "a.docx": _word,
    "a.xlsx": _sheet,
    "a.pptx": _slides,
    "a.odt": _opened,
    "a.ods": _open_sheet,
    "a.epub": _book,
    "a.eml": _mail,
    "a.rtf": _rich,
}
