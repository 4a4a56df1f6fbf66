"""RTF, by striprtf: its paragraphs, and the rows of its tables. Pictures, notes and page headers are left out."""

import re
from collections.abc import Iterator

from striprtf.striprtf import rtf_to_text

from datalayer.passages import Place

from ..cutting import Block
from .source import Source
from .tables import row

_MOST = 64 * 1024 * 1024
"""Bytes: pictures are in the file, in digits."""
_PICTURE = re.compile(r"(?:[0-9a-fA-F]{32,}\s*){4,}")
_CELL = "|"


def read(source: Source) -> Iterator[Block]:
    content = source.beginning(_MOST + 1)
    source.cut = len(content) > _MOST
    # Each sign of a picture would be looked at. What is no ASCII stands as codes, but for what old programs write.
    rich = _PICTURE.sub("", content[:_MOST].decode("cp1252", errors="replace"))
    if len(rich) > (most := 4 * source.limits.characters):
        rich, source.cut = rich[:most], True
    for line in _whole(rtf_to_text(rich, errors="replace")).splitlines():
        if line.endswith(_CELL):
            line = row(line[: -len(_CELL)].split(_CELL))
        yield Block(line.strip(), Place(), after="\n\n")


def _whole(text: str) -> str:
    """Characters beyond the first 65,536 are written as two halves."""
    return text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")
