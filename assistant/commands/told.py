"""Which message is meant by words of it: each word is in what it says, whatever its case and accents; words in quotes
stand together."""

import re

from datalayer.text import fold, one_line

from ..texts.markdown import plain

_WORDS = re.compile(r'"([^"]+)"|«\s*([^»]+?)\s*»|(\S+)')
BEGINNING = 80
"""Characters that are shown of a text."""


def says(text: str | None, words: str) -> bool:
    """Whether a message that says ``text`` is meant by ``words``; not by none."""
    said = " ".join(fold(text or "").split())
    wanted = [" ".join(fold("".join(found)).split()) for found in _WORDS.findall(words)]
    return bool(wanted) and all(word in said for word in wanted)


def beginning(text: str) -> str:
    line = one_line(plain(text[: 10 * BEGINNING]))
    return line if len(line) <= BEGINNING else line[:BEGINNING].rstrip() + "…"
