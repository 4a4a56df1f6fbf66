"""Which format a file has: by its content, then its name, then what a browser calls it, which is often wrong."""

import re
import zipfile
from importlib import import_module
from pathlib import PurePosixPath
from typing import cast

from ..textfiles import decode, is_named_text
from .limits import Reason, Refused
from .source import Read, Source

# The module and the function that read a format. Imported when the first such file comes: in the process that reads.
_READERS = {
    "text": ("text", "read"),
    "markdown": ("text", "read_markdown"),
    "csv": ("tables", "read"),
    "json": ("objects", "read"),
    "notebook": ("objects", "read_notebook"),
    "html": ("markup", "read"),
    "mail": ("mail", "read"),
    "pdf": ("pdf", "read"),
    "word": ("word", "read"),
    "rich": ("rich", "read"),
    "outlook": ("outlook", "read"),
    "sheet": ("sheets", "read"),
    "binary sheet": ("sheets", "read_binary"),
    "slides": ("slides", "read"),
    "opendocument": ("opendocument", "read"),
    "opendocument sheet": ("sheets", "read_opendocument"),
    "book": ("book", "read"),
}
_TEXTS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".ipynb": "notebook",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".eml": "mail",
    "text/markdown": "markdown",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/json": "json",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "message/rfc822": "mail",
}
"""By the ending of a name, or the type where the name says nothing."""
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_OTHERS = frozenset(
    re.findall(
        r"\S+",
        ".pdf .docx .docm .dotx .xlsx .xlsm .xltx .xlsb .xls .pptx .pptm .ppsx .odt .ods .odp .ott .epub .rtf .doc .ppt"
        " .msg",
    )
) | {
    "application/pdf",
    "application/epub+zip",
    "application/vnd.ms-excel",
    "application/msword",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-outlook",
    "application/rtf",
    "text/rtf",
    *(_OFFICE + kind for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")),
    *(_OPEN + kind for kind in ("text", "spreadsheet", "presentation")),
}
"""Those of which the content tells which they are."""
_PARTS = (
    (re.compile(r"word/document\d*\.xml"), "word"),
    (re.compile(r"xl/workbook\.xml"), "sheet"),
    (re.compile(r"xl/workbook\.bin"), "binary sheet"),
    (re.compile(r"ppt/presentation\.xml"), "slides"),
)
"""What an archive has that is a document of Office."""
_MIMETYPES = {
    _OPEN + "text": "opendocument",
    _OPEN + "text-template": "opendocument",
    _OPEN + "presentation": "opendocument",
    _OPEN + "spreadsheet": "opendocument sheet",
    "application/epub+zip": "book",
}
"""What the file "mimetype" of other archives says."""
_PDF, _ZIP, _OLE, _RTF = b"%PDF-", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf"
_LOCKED, _WORKBOOK = "EncryptedPackage".encode("utf-16-le"), "Workbook".encode("utf-16-le")
_OLD = tuple(name.encode("utf-16-le") for name in ("WordDocument", "PowerPoint Document"))
"""Of Word and PowerPoint before 2007."""
_MESSAGE = "__properties_version1.0".encode("utf-16-le")
_PAGE = re.compile(rb"\s*(?:<!--.*?-->\s*|<\?xml[^>]*>\s*)*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL)
_UNTOLD = frozenset({"", ".txt", ".text", ".log"})
"""Endings that say nothing of what text it is."""
_LOOKED_AT = 1024
_OLE_LOOKED_AT = 64 * 1024 * 1024


def can_read(name: str, mime: str | None) -> bool:
    """Whether a file of this name may have text. Its content is not looked at: ``read`` may still refuse it."""
    return _named(name, mime) is not None or is_named_text(name, mime or "")


def reader(source: Source, mime: str | None) -> Read:
    """Raises Refused."""
    module, function = _READERS[_format(source, mime)]
    return cast(Read, getattr(import_module(f".{module}", __package__), function))


def _format(source: Source, mime: str | None) -> str:
    beginning = source.beginning(_LOOKED_AT)
    if not beginning:
        raise Refused("empty")
    if beginning.startswith(_ZIP):
        return _of_archive(source)
    if beginning.startswith(_OLE):
        return _of_ole(source.beginning(_OLE_LOOKED_AT), source.name)
    if beginning.startswith(_RTF):
        return "rich"
    if beginning.lstrip().startswith(_PDF) or (_PDF in beginning and not is_named_text(source.name, "")):
        return "pdf"
    kind = _of_text(source.name, mime, beginning)
    if kind == "text" and _ending(source.name) in _OTHERS and decode(beginning) is None:
        raise Refused("broken")  # it is not what its name says
    return kind


def _of_archive(source: Source) -> str:
    try:
        with zipfile.ZipFile(source.path) as archive:
            names = archive.namelist()
            said = (
                archive.open("mimetype").read(_LOOKED_AT).decode(errors="replace").strip()
                if "mimetype" in names
                else ""
            )
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise Refused(_unknown(source.name)) from error
    if said in _MIMETYPES:
        return _MIMETYPES[said]
    found = next((kind for part, kind in _PARTS if any(map(part.fullmatch, names))), None)
    if found is None:
        raise Refused(_unknown(source.name))
    return found


def _unknown(name: str) -> Reason:
    """Of what is in none of the formats that are read: why a file of this name is not."""
    return "broken" if can_read(name, None) else "not_text"


def _of_ole(content: bytes, name: str) -> str:
    """What Office wrote before 2007, and what it puts around what a password protects."""
    if _LOCKED in content:
        raise Refused("encrypted")
    if _MESSAGE in content:
        return "outlook"
    if any(old in content for old in _OLD):
        raise Refused("old_format")
    if _WORKBOOK not in content:
        raise Refused(_unknown(name))
    return "binary sheet"


def _of_text(name: str, mime: str | None, beginning: bytes) -> str:
    named = _named(name, mime)
    if named in (None, "") and (_PAGE.match(beginning)) and _ending(name) in _UNTOLD | _OTHERS:
        return "html"
    return named or "text"


def _named(name: str, mime: str | None) -> str | None:
    """ "": it has a name of ours, and its content tells which format it is. None: neither says so."""
    for said in (_ending(name), (mime or "").split(";")[0].strip().lower()):
        if said in _TEXTS:
            return _TEXTS[said]
        if said in _OTHERS:
            return ""
        if is_named_text(name, ""):
            break
    return None


def _ending(name: str) -> str:
    return PurePosixPath(name.lower()).suffix
