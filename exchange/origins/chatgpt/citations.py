"""What an answer of ChatGPT's cites, as links that people read. Texts have marks only, which its own page replaces."""

import json
import re
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import quote

from datalayer.text import one_line

from ..values import line, listed, mapping, text

_MARK = re.compile("\ue200([^\ue200\ue201]{0,5000})\ue201")
_STRAY = re.compile("[\ue200-\ue206]")
_OLD = re.compile(r"【\d+(?::\d+)?†[^】\n]{0,200}】")
_BRACKETS = re.compile(r"([\[\]\\])")


def readable(said: str, metadata: dict[str, Any]) -> tuple[str, list[str]]:
    """``said`` with links in place of its marks, and those that nothing is known of, which go."""
    gone = list[str]()
    if "\ue200" in said or "\ue201" in said:
        said = _of_references(said, listed(metadata.get("content_references")))
        said = _STRAY.sub("", _MARK.sub(partial(_or_gone, gone), said))
    if "【" in said:
        said = _of_citations(said, [mapping(each) for each in listed(metadata.get("citations"))], gone)
    return said, gone


def _of_references(said: str, references: list[Any]) -> str:
    for each in map(mapping, references):
        matched = text(each.get("matched_text"))
        if "\ue200" in matched:
            said = said.replace(matched, text(each.get("alt")) or _links(each))
    return said


def _links(of: dict[str, Any]) -> str:
    """To all that a reference names."""
    pages = [mapping(each) for each in listed(of.get("items")) or [of]]
    links = [link for page in pages if (link := _link(page.get("title"), page.get("url")))]
    return f"({', '.join(links)})" if links else text(of.get("prompt_text")) or text(of.get("name"))


def _link(title: object, url: object) -> str:
    address = text(url).strip()
    if not address.startswith(("https://", "http://")):
        return ""
    name = _BRACKETS.sub(r"\\\1", one_line(line(title) or address))
    return f"[{name}]({quote(address, safe=_SAFE)})"


_SAFE = "%/:?#[]@!$&'*+,;=~-._"


def _or_gone(gone: list[str], found: re.Match[str]) -> str:
    if not (meant := _alone(found)):
        gone.append(found[0])
    return meant


def _alone(found: re.Match[str]) -> str:
    """A mark of which the message says nothing more. Some carry what they mean themselves."""
    kind, *given = found[1].split("\ue202")
    if kind in ("entity", "url") and given:
        with suppress(ValueError, RecursionError):
            names = json.loads(given[0])
            return text(names[1]) if isinstance(names, list) and len(names) > 1 else ""
        return given[0] if kind == "url" else ""
    return ""


def _of_citations(said: str, citations: list[dict[str, Any]], gone: list[str]) -> str:
    marks = list(_OLD.finditer(said))
    by_place = {each.get("start_ix"): each for each in citations}
    ordered = citations if len(citations) == len(marks) else []
    pieces, end = list[str](), 0
    for number, mark in enumerate(marks):
        of = by_place.get(mark.start()) or (ordered[number] if ordered else {})
        gone += [] if of else [mark[0]]
        page = mapping(of.get("metadata"))
        link = _link(page.get("title"), page.get("url")) or line(page.get("title") or page.get("name")) or ""
        pieces += [said[end : mark.start()], f" ({link})" if link else ""]
        end = mark.end()
    return "".join([*pieces, said[end:]])
