"""What was said, in Markdown, as the arrays of which ``page.typ`` makes pages: the kind first.

Always true: they are data. What somebody has written is in them as text, wherever it stands; an address is one of the
web or of mail; nothing is deeper than Typst can go.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from ... import maths
from ...harmless import plain
from ..formulas import parsed
from .letters import Direction, breakable, breakable_code, clean, direction
from .signs import formula

Node = list[Any]
_LONGEST, _LONGEST_CODE = 100_000, 20_000
"""Characters of a message that is read as Markdown, of code that is coloured."""
_LONGEST_IN_CODE = 2_000
"""Letters of a word in code, and of code in a line: Typst breaks none that is much longer."""
_DEEPEST, _DEEPEST_LINE = 8, 4
"""Blocks in each other, and what a line has in it."""
_ADDRESSES = ("https://", "http://", "mailto:")
_LONGEST_ADDRESS = 2_000
_WITHOUT_BOLD = re.compile("([\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]+)")
"""Scripts whose fonts here have no bold."""
_ALIGNED = {"text-align:left": "left", "text-align:right": "right", "text-align:center": "center"}


def blocks(said: str) -> list[Node]:
    if len(said) > _LONGEST:
        return as_written(said)
    try:
        return list(_blocks(SyntaxTreeNode(_reader().parse(clean(said))).children, 1))
    except RecursionError:
        return as_written(said)


def as_written(said: str) -> list[Node]:
    """Without a look at its marks."""
    return [
        ["paragraph", direction(part), _lines(part.strip("\n"))] for part in clean(said).split("\n\n") if part.strip()
    ]


def _lines(text: str) -> list[Node]:
    made = list[Node]()
    for line in text.split("\n"):
        made += [["break"], ["text", breakable(line)]]
    return made[1:]


@cache
def _reader() -> MarkdownIt:
    made = plain()
    maths.add(made)
    return made


def _blocks(nodes: Sequence[SyntaxTreeNode], depth: int) -> Iterator[Node]:
    for node in nodes:
        if depth > _DEEPEST and node.type in ("blockquote", "bullet_list", "ordered_list"):
            yield from as_written("\n".join(_texts(node)))
        else:
            yield from _block(node, depth)


def _block(node: SyntaxTreeNode, depth: int) -> Iterator[Node]:
    match node.type:
        case "paragraph":
            yield from _paragraphs(node)
        case "heading":
            yield ["heading", int(node.tag[1:]), _direction(node), _inline(node, is_bold=True)]
        case "bullet_list" | "ordered_list":
            yield _list(node, depth)
        case "blockquote":
            yield ["quote", _direction(node), list(_blocks(node.children, depth + 1))]
        case "fence" | "code_block":
            yield _code(node)
        case "hr":
            yield ["rule"]
        case "table":
            yield _table(node)
        case maths.DISPLAY:
            yield _formula(node) or ["letters", breakable(node.markup)]
        case _:
            yield from as_written("\n".join(_texts(node)))


def _paragraphs(node: SyntaxTreeNode) -> Iterator[Node]:
    """One, or what is before and behind each formula that stands by itself."""
    part = list[Node]()
    for each in (child for line in node.children for child in line.children):
        shown = _formula(each) if each.type == maths.DISPLAY else None
        if shown is None:
            part += _in_line(each, 1)
        else:
            yield from _paragraph(node, part)
            yield shown
            part = []
    yield from _paragraph(node, part)


def _paragraph(node: SyntaxTreeNode, inside: list[Node]) -> Iterator[Node]:
    if any(each != ["text", " "] for each in inside):
        yield ["paragraph", _direction(node), inside]


def _list(node: SyntaxTreeNode, depth: int) -> Node:
    start = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    items = [list(_blocks(item.children, depth + 1)) for item in node.children]
    paragraphs = [each for item in node.children for each in item.children if each.type == "paragraph"]
    return ["list", start, all(each.hidden for each in paragraphs), _direction(node), items]


def _code(node: SyntaxTreeNode) -> Node:
    code = node.content.rstrip("\n").expandtabs(4)
    if max(map(len, code.split()), default=0) > _LONGEST_IN_CODE:
        return ["letters", breakable(code)]
    words = node.info.split() if len(code) <= _LONGEST_CODE else []
    return ["code", words[0].lower()[:40] if words else None, breakable_code(code)]


def _table(node: SyntaxTreeNode) -> Node:
    rows = [row.children for part in node.children for row in part.children]
    aligns = [_ALIGNED.get(str(cell.attrs.get("style", "")), "start") for cell in rows[0]]
    head, *others = ([_inline(cell, is_bold=row is rows[0]) for cell in row] for row in rows)
    return ["table", _direction(node), aligns, head, others]


def _formula(node: SyntaxTreeNode) -> Node | None:
    """None: it is shown as it was written."""
    found = parsed(node.content, node.type == maths.DISPLAY)
    return None if found is None else ["formula", formula(found), clean(node.content)]


def _inline(node: SyntaxTreeNode, is_bold: bool = False) -> list[Node]:
    """That of a block that has nothing but a line."""
    return [made for line in node.children for each in line.children for made in _in_line(each, 1, is_bold)]


def _in_line(node: SyntaxTreeNode, depth: int, is_bold: bool = False) -> Iterator[Node]:
    if depth > _DEEPEST_LINE and node.children:
        yield ["text", breakable("".join(_texts(node)))]
        return
    is_bold = is_bold or node.type == "strong"
    inside = [made for child in node.children for made in _in_line(child, depth + 1, is_bold)]
    match node.type:
        case "softbreak":
            yield ["text", " "]
        case "hardbreak":
            yield ["break"]
        case "code_inline":
            yield _code_in_line(node.content)
        case "strong" | "em" | "s":
            yield [node.type, inside]
        case "link":
            yield _link(str(node.attrs.get("href", "")), inside)
        case "image":
            yield _link(str(node.attrs.get("src", "")), [["text", breakable(node.content) or "🖼"]])
        case maths.INLINE | maths.DISPLAY:
            yield _formula(node) or _code_in_line(node.markup)
        case _:
            yield from _text(breakable(node.content), is_bold)


def _code_in_line(code: str) -> Node:
    return ["code" if len(code) < _LONGEST_IN_CODE else "text", breakable(code)]


def _text(text: str, is_bold: bool) -> Iterator[Node]:
    if not is_bold:
        yield ["text", text]
        return
    for number, part in enumerate(_WITHOUT_BOLD.split(text)):
        if part:
            yield ["thick" if number % 2 else "text", part]


def _link(address: str, inside: list[Node]) -> Node:
    follows = address.startswith(_ADDRESSES) and len(address) <= _LONGEST_ADDRESS
    return ["link", clean(address), inside] if follows else ["em", inside]


def _texts(node: SyntaxTreeNode) -> Iterator[str]:
    """All that is written in it."""
    stack = [node]
    while stack:
        each = stack.pop()
        if each.type == "softbreak":
            yield "\n"
        elif not each.children and each.type != "root":
            yield each.content or ""
        stack += reversed(each.children)


def _direction(node: SyntaxTreeNode) -> Direction:
    for text in _texts(node):
        found = direction(text)
        if found == "rtl" or any(letter.isalpha() for letter in text[:500]):
            return found
    return "ltr"
