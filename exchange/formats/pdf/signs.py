"""MathML as the arrays of which ``page.typ`` makes formulas."""

from typing import Any
from xml.etree.ElementTree import Element

from .letters import clean

Node = list[Any]
_OPENS, _CLOSES = frozenset("([{|‖⌊⌈⟨"), frozenset(")]}|‖⌋⌉⟩")
_ACCENTS = frozenset("^ˆ~˜∼˙¨ˇ˘`´˚→⟶←")
_SPANS = frozenset("¯―‾_⏟⏞⎵⎴")
_LARGE = frozenset("∑∏∐⋃⋂⨁⨂⋁⋀")
_EMPTY: Node = ["row", []]


def formula(of: Element) -> Node:
    """``of``: as ``formulas.parsed``."""
    made = _MAKERS.get(of.tag)
    return made(of) if made else _row(of)


def _row(of: Element) -> Node:
    children = list(of)
    if _is_fenced(children):
        opening, *inside, closing = children
        return ["fenced", _sign(opening), _all(inside), _sign(closing)]
    if len(children) > 1 and children[0].get("stretchy") == "true" and children[0].get("form") == "prefix":
        return ["fenced", _sign(children[0]), _all(children[1:]), ""]  # what ``cases`` is
    return _all(children)


def _all(children: list[Element]) -> Node:
    if len(children) == 1:
        return formula(children[0])
    made, at = list[Node](), 0
    while at < len(children):
        if _is_fenced(children[at : at + 3]):  # a matrix between brackets
            made.append(["fenced", _sign(children[at]), formula(children[at + 1]), _sign(children[at + 2])])
            at += 3
        else:
            made.append(formula(children[at]))
            at += 1
    return ["row", made]


def _is_fenced(children: list[Element]) -> bool:
    """Whether the first and the last are as high as what is between them."""
    if len(children) < 3 or children[0].tag != "mo" or children[-1].tag != "mo":
        return False
    first, last = children[0], children[-1]
    if len(children) == 3 and children[1].tag in ("mtable", "mfrac") and first.get("stretchy") != "false":
        return _sign(first) in _OPENS and _sign(last) in _CLOSES
    return first.get("form") == "prefix" and last.get("form") == "postfix"


def _sign(of: Element) -> str:
    return clean(of.text or "").strip()


def _letter(of: Element) -> Node:
    said = _sign(of)
    return ["letter", said] if len(said) == 1 else ["sign", said] if said else _EMPTY


def _number(of: Element) -> Node:
    return ["text", _sign(of)]


def _text(of: Element) -> Node:
    return ["text", clean(of.text or "")]


def _fraction(of: Element) -> Node:
    over, below = _parts(of, 2)
    if of.get("linethickness") == "0":
        return ["matrix", [[over], [below]], "center"]
    return ["frac", over, below]


def _root(of: Element) -> Node:
    if of.tag == "msqrt":
        return ["root", _all(list(of)), None]
    base, index = _parts(of, 2)
    return ["root", base, index]


def _attached(of: Element) -> Node:
    limits = of.tag.startswith(("munder", "mover"))
    if of.tag in ("msubsup", "munderover"):
        base, below, above = _parts(of, 3)
    elif of.tag in ("msub", "munder"):
        (base, below), above = _parts(of, 2), None
    else:
        (base, above), below = _parts(of, 2), None
    sign = _sign(of[1]) if limits and len(of) == 2 and of[1].tag == "mo" else ""
    if sign and (sign in _ACCENTS or sign in _SPANS) and (of.tag == "mover" or sign in _SPANS):
        return ["over", base, sign]
    return ["attach", base, below, above, limits]


def _parts(of: Element, count: int) -> list[Node]:
    """So many, whatever there are."""
    made = [formula(child) for child in of][:count]
    return made + [_EMPTY] * (count - len(made))


def _table(of: Element) -> Node:
    rows = [[_all(list(cell)) for cell in row] for row in of]
    if not rows or not any(rows):
        return _EMPTY
    width = max(map(len, rows))
    filled = [row + [_EMPTY] * (width - len(row)) for row in rows]
    if of.get("displaystyle") == "true":
        return ["matrix", filled, "equations"]
    first = next((cell.get("columnalign") for row in of for cell in row), None)
    return ["matrix", filled, first or "center"]


def _space(of: Element) -> Node:
    return ["space", float((of.get("width") or "0em").removesuffix("em") or 0)]


def _styled(of: Element) -> Node:
    inside = _all(list(of))
    kind = {"true": "display", "false": "small"}.get(of.get("displaystyle", ""))
    return [kind, inside] if kind else inside


def _enclosed(of: Element) -> Node:
    return ["box" if of.get("notation") == "box" else "struck", _all(list(of))]


def _hidden(of: Element) -> Node:
    return ["hidden", _all(list(of))]


_MAKERS = {
    "mi": _letter,
    "mo": _letter,
    "mn": _number,
    "mtext": _text,
    "mfrac": _fraction,
    "msqrt": _root,
    "mroot": _root,
    "mtable": _table,
    "mspace": _space,
    "mstyle": _styled,
    "menclose": _enclosed,
    "mphantom": _hidden,
    **dict.fromkeys(("msub", "msup", "msubsup", "munder", "mover", "munderover"), _attached),
}
