r"""Where formulas are in Markdown: ``$…$`` and ``\(…\)`` in a line, ``$$…$$`` and ``\[…\]`` by themselves.

Stricter than the chat, where everything between two dollars is a formula: prices and variables of a shell stay text,
and so do brackets that only have been escaped. Nothing is lost: what is no formula is read as other Markdown.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

INLINE, DISPLAY = "formula", "formula_display"
"""Types of tokens; ``content`` is LaTeX."""
_LONGEST = 5_000
"""Characters of a formula."""
_CLOSES = {"$$": "$$", r"\[": r"\]", r"\(": r"\)"}
_PRICE = re.compile(r"\d[\d.,\s]*(?:[kKmM]\b\s*)?(?:\(|[^\W\d_]{2})")
_LETTER = re.compile(r"\s*[^\W\d_]\s*")
_SIGN = re.compile(r"[\\^_={}+*/<>|-]")


def add(reader: MarkdownIt) -> None:
    reader.inline.ruler.before("escape", INLINE, _inline)
    kinds = ["paragraph", "reference", "blockquote", "list"]
    reader.block.ruler.before("fence", DISPLAY, _block, {"alt": kinds})


def _inline(state: StateInline, silent: bool) -> bool:
    start, text = state.pos, state.src
    opening = text[start : start + 2]
    if opening in _CLOSES:
        end = text.find(_CLOSES[opening], start + 2, start + _LONGEST)
        latex = text[start + 2 : end]
        found = end > 0 and _is_formula(opening, latex)
        after = end + 2
    elif opening[:1] == "$":
        end = _dollar(text, start + 1)
        latex = text[start + 1 : end]
        found = end > 0 and _is_between_dollars(text, start, end)
        after = end + 1
    else:
        return False
    if found and not silent:
        token = state.push(INLINE if opening not in ("$$", r"\[") else DISPLAY, "math", 0)
        token.content, token.markup = latex.strip(), text[start:after]
    if found:
        state.pos = after
    return found


def _dollar(text: str, start: int) -> int:
    """Where the next one is that has no backslash before it; -1: nowhere near."""
    end = text.find("$", start, start + _LONGEST)
    while end > 0 and text[end - 1] == "\\":
        end = text.find("$", end + 1, start + _LONGEST)
    return end


def _is_between_dollars(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end + 1 : end + 2]
    latex = text[start + 1 : end]
    if not latex or latex[0].isspace() or latex[-1].isspace() or latex[0] in ",.;:!?)" or "\n\n" in latex:
        return False
    return not (before.isalnum() or after.isalnum() or after == "$" or _PRICE.match(latex))


def _is_formula(opening: str, latex: str) -> bool:
    if not latex.strip():
        return False
    return opening == "$$" or bool(_SIGN.search(latex) or _LETTER.fullmatch(latex))


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    first = state.bMarks[start] + state.tShift[start]
    opening = state.src[first : first + 2]
    if opening not in ("$$", r"\[") or state.is_code_block(start):
        return False
    lines, last = _lines(state, start, end, _CLOSES[opening])
    latex = "\n".join(lines).strip()
    if last is None or not latex or len(latex) > _LONGEST:
        return False
    if not silent:
        token = state.push(DISPLAY, "math", 0)
        token.block, token.content, token.map = True, latex, [start, last + 1]
        token.markup = f"{opening}\n{latex}\n{_CLOSES[opening]}"
        state.line = last + 1
    return True


def _lines(state: StateBlock, start: int, end: int, close: str) -> tuple[list[str], int | None]:
    """What is between the marks, and the line that ends it; None: none does."""
    lines = list[str]()
    length = 0
    for line in range(start, end):
        text = state.src[state.bMarks[line] + state.tShift[line] + 2 * (line == start) : state.eMarks[line]].rstrip()
        length += len(text)
        if length > _LONGEST or (text and state.sCount[line] < state.blkIndent):
            break
        if line > start and text.startswith("\\["):  # else each of many that are never closed is looked through
            break
        if text.endswith(close):
            return [*lines, text.removesuffix(close)], line
        if close in text:
            break
        lines.append(text)
    return lines, None
