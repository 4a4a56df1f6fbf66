"""Which files are text, and what they say."""

import mimetypes
import os
import re
import tomllib
from pathlib import Path

import pytest

from assistant.retrieval.extract import formats
from assistant.retrieval.textfiles import ENDINGS, decode, is_named_text

ROOT = Path(__file__).resolve().parents[3]
FRENCH = "Été comme hiver, la forêt où l’on se promène garde ses œuvres à côté de l’île : ça coûte 3 €. " * 4


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("prices.csv", "application/vnd.ms-excel"),
        ("notes.md", "application/octet-stream"),
        ("app.ts", "video/mp2t"),
        ("setup.PY", "text/x-python"),
        ("ci.yaml", "application/x-yaml"),
        ("feed.xml", "application/xml"),
        ("page.html", "text/html"),
        ("drawing.svg", "image/svg+xml"),
        ("Makefile", "application/octet-stream"),
        ("unknown", "text/x-whatever; charset=latin-1"),
        *((f"a{ending}", "application/octet-stream") for ending in (".toml", ".ini", ".log", ".eml", ".sql", ".sh")),
        *((f"a{ending}", "") for ending in (".rs", ".tex", ".go", ".java", ".cpp")),
    ],
)
def test_text_is_told_by_its_name_whatever_the_browser_calls_it(name: str, mime: str) -> None:
    assert is_named_text(name, mime)


@pytest.mark.parametrize(
    ("name", "mime"),
    [("photo.png", "image/png"), ("sheet.xls", "application/vnd.ms-excel"), ("a.bin", "application/octet-stream")],
)
def test_what_neither_name_nor_type_calls_text_is_none(name: str, mime: str) -> None:
    assert not is_named_text(name, mime)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "cp1252"])
def test_it_is_decoded_by_what_it_is(encoding: str) -> None:
    assert decode(FRENCH.encode(encoding)) == FRENCH


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("shift_jis", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 3),
        ("koi8-r", "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. " * 3),
        ("gb18030", "学而时习之，不亦说乎？有朋自远方来，不亦乐乎？人不知而不愠，不亦君子乎？" * 3),
    ],
)
def test_an_encoding_of_another_alphabet_is_found(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 4,
        b"PK\x03\x04\x14\0\x06\0" + os.urandom(500),
        b"\x7fELF\x02\x01\x01" + bytes(200),
        b"\xff\xfe\0\xd8",
    ],
    ids=["a picture", "an archive", "a program", "half of UTF-16"],
)
def test_what_is_no_text_is_none(content: bytes) -> None:
    assert decode(content) is None


def test_a_beginning_may_end_within_a_character() -> None:
    assert decode("déjà".encode()[:-1]) == "déj"


def test_the_page_offers_every_ending_that_the_server_takes() -> None:
    accepted = (ROOT / ".chainlit" / "config.toml").read_text(encoding="utf-8")
    assert set(re.findall(r'"(\.[a-z0-9]+)"', accepted)) >= ENDINGS


MACROS = {
    ".docm": "application/vnd.ms-word.document.macroEnabled.12",
    ".xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    ".xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    ".pptm": "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
}


@pytest.mark.parametrize("ending", sorted(each for each in formats._OTHERS if each.startswith(".")))
def test_what_is_read_can_be_attached(ending: str) -> None:
    """By whatever type a browser says that it has."""
    told = MACROS.get(ending) or mimetypes.MimeTypes().guess_type("a" + ending)[0] or "application/octet-stream"
    accepted = tomllib.loads((ROOT / ".chainlit" / "config.toml").read_text(encoding="utf-8"))
    types = accepted["features"]["spontaneous_file_upload"]["accept"]
    for mime in {told, told.lower(), "application/octet-stream"}:
        assert ending in types.get(mime, ()), mime
