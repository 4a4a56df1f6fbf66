"""Which files are text, by name and content, and what they say. Pure.

The type that a browser names is the system's guess: Windows calls a CSV file a spreadsheet, and ``.ts`` is a film.
"""

import codecs
import re
from contextlib import suppress
from pathlib import PurePosixPath

from charset_normalizer import from_bytes

ENDINGS = frozenset(  # as .chainlit/config.toml has them
    re.findall(
        r"\S+",
        """
    .txt .text .md .markdown .rst .adoc .org .tex .bib .log .csv .tsv .json .jsonl .ndjson .geojson .xml .xsd .xsl .html
    .htm .xhtml .svg .yaml .yml .toml .ini .cfg .conf .properties .env .diff .patch .eml .ics .vcf .srt .vtt .sql .py
    .pyi .ipynb .js .mjs .cjs .jsx .ts .mts .cts .tsx .vue .svelte .css .scss .sass .less .c .h .cc .cpp .cxx .hpp .hh
    .cs .java .kt .kts .scala .groovy .gradle .go .rs .swift .m .mm .rb .php .pl .pm .lua .r .jl .dart .hs .ml .ex .exs
    .erl .clj .lisp .el .vb .fs .f90 .asm .s .pas .sh .bash .zsh .fish .ps1 .bat .cmd .tf .proto .graphql .cmake .mk
    """,
    )
)
_NAMES = frozenset({"dockerfile", "makefile", "readme", "license", "changelog", "gemfile", "rakefile", "jenkinsfile"})
_TYPES = re.compile(
    r"text/.+|application/(json|xml|yaml|x-yaml|toml|sql|javascript|x-sh|.*\+(json|xml))|message/rfc822"
)
# UTF-32 first: its mark begins as that of UTF-16 does.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Tab, line feed, vertical tab, form feed, carriage return, escape (colours in logs), and DOS's end of a file.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]")
_LOOKED_AT = 64 * 1024
"""Bytes by which an encoding is told."""


def is_named_text(name: str, mime: str) -> bool:
    """Whether ``name`` says that it is text; where it says nothing, whether ``mime`` does."""
    path = PurePosixPath(name.lower())
    if path.suffix in ENDINGS or path.name in _NAMES:
        return True
    return bool(_TYPES.fullmatch(mime.split(";")[0].strip().lower()))


def decode(content: bytes) -> str | None:
    """``content`` by its byte-order mark, else as UTF-8, else in the encoding that fits best; None: it is no text.

    A beginning that ends within a character is text.
    """
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "")
    try:
        if not encoding and _CONTROL.search(content[:_LOOKED_AT]):
            return _guess(content) if b"\0" in content[:_LOOKED_AT] else None  # UTF-16 without a mark
        return codecs.getincrementaldecoder(encoding or "utf-8")().decode(content) or None
    except UnicodeDecodeError:
        return None if encoding else _guess(content)


def _guess(content: bytes) -> str | None:
    wide = b"\0" in content[:_LOOKED_AT]
    found = from_bytes(content[:_LOOKED_AT], cp_isolation=["utf_16_le", "utf_16_be"] if wide else None)
    best = found.best()
    if best is None or (wide and "\0" in str(best)):
        return None
    if wide:
        return content.decode(best.encoding, errors="replace")
    # Where the detector knows no language, or several encodings fit as well, the one of the West is the likeliest.
    if best.coherence == 0 or any(match.encoding == "cp1252" and match.chaos <= best.chaos for match in found):
        with suppress(UnicodeDecodeError):
            return content.decode("cp1252")
    return content.decode(best.encoding, errors="replace")
