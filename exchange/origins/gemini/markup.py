"""HTML of other products as Markdown. The libraries are imported when the first HTML is read."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

_LONGEST = 2_000_000
"""Characters that are read as HTML; of longer ones only the words are taken."""
_TAG = re.compile(r"<[^<>]*>")
_LANGUAGE = re.compile(r"(?:language|lang)-([\w+#.-]{1,30})")
_SILENT = ("script", "style", "noscript", "template", "iframe", "object")


def soup(html: str) -> BeautifulSoup | None:
    """None: it is too large, or nested too deeply."""
    from bs4 import BeautifulSoup

    if len(html) > _LONGEST:
        return None
    try:
        made = BeautifulSoup(html, "html.parser")
        for silent in made(_SILENT):
            silent.decompose()
    except (RecursionError, AssertionError, ValueError):
        return None
    return made


def markdown(html: str | BeautifulSoup) -> tuple[str, bool]:
    """And whether it is all of it: False, if only the words could be taken."""
    made = soup(html) if isinstance(html, str) else html
    if made is not None:
        from markdownify import MarkdownConverter

        reader = MarkdownConverter(heading_style="ATX", bullets="-", code_language_callback=_language)
        try:
            return _tidy(reader.convert_soup(made)), True
        except (RecursionError, ValueError):
            pass
    return _tidy(words(html if isinstance(html, str) else "")), False


def words(html: str) -> str:
    return unescape(_TAG.sub(" ", html))


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text.replace("\xa0", " ")).strip()


def _language(block: Any) -> str | None:
    """Of a block of code, from its class or that of the code in it."""
    inner = block.find("code") if hasattr(block, "find") else None
    for tag in (inner, block):
        for name in (tag.get("class") or ()) if tag is not None else ():
            if found := _LANGUAGE.fullmatch(str(name)):
                return found[1]
    return None
