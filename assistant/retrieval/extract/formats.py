"""Which format a file has: by its content, then its name, then what a browser calls it, which is often wrong."""

from importlib import import_module
from pathlib import PurePosixPath
from typing import cast

from ..textfiles import is_named_text
from .limits import Refused
from .source import Read, Source

# The module and the function that read a format. Imported when the first such file comes: in the process that reads.
_READERS = {
    "text": ("text", "read"),
    "markdown": ("text", "read_markdown"),
    "csv": ("tables", "read"),
    "pdf": ("pdf", "read"),
}
_ENDINGS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".csv": "csv",
    ".tsv": "csv",
    ".pdf": "pdf",
}
_TYPES = {
    "text/markdown": "markdown",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/pdf": "pdf",
}
_BINARY = frozenset({"pdf"})
_LOOKED_AT = 1024


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
    if b"%PDF-" in beginning:
        return "pdf"
    named = _named(source.name, mime)
    return "text" if named is None or named in _BINARY else named


def _named(name: str, mime: str | None) -> str | None:
    if (ending := PurePosixPath(name.lower()).suffix) in _ENDINGS:
        return _ENDINGS[ending]
    return None if is_named_text(name, "") else _TYPES.get((mime or "").split(";")[0].strip().lower())
