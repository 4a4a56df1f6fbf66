"""LaTeX as MathML that does nothing and loads nothing: elements that only show, without any address or style.

What is no LaTeX that is known here is None: it is shown as it was written.
"""

import re
from functools import lru_cache
from html import unescape
from xml.etree.ElementTree import Element, SubElement

from latex2mathml.converter import convert_to_element
from markupsafe import Markup, escape

_NO_MACROS = re.compile(r"\\(?:def|let|newcommand|renewcommand|providecommand|newenvironment|DeclareMathOperator)\b")
"""Few letters of them can stand for millions."""
_ENVIRONMENTS = {
    "align": "align*",
    "aligned": "align*",
    "gathered": "align*",
    "gather": "align*",
    "gather*": "align*",
    "multline": "align*",
    "multline*": "align*",
    "dcases": "cases",
}
"""Those that the library does not know, and what shows the same."""
_ENVIRONMENT = re.compile(r"(\\(?:begin|end)\{)([a-z]+\*?)(\})")
_WHOLE = re.compile(r"\\(?:begin|end)\{(?:equation|displaymath|math)\*?\}|\\(?:nonumber|notag|limits|nolimits)\b")
_DEEPEST = 16
"""Elements in each other."""
_MOST = 2_000
"""Elements of a formula."""
_SHOWN = {
    *("math", "mrow", "mstyle", "mpadded", "mphantom", "menclose", "mtable", "mtr", "mtd"),
    *("mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot"),
    *("msub", "msup", "msubsup", "munder", "mover", "munderover"),
}
_LIMITS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
_LARGE = {
    *"∑∏∐⋃⋂⨁⨂⨀⨄⋁⋀",
    *("lim", "max", "min", "sup", "inf", "argmax", "argmin", "lim sup", "lim inf", "det", "gcd", "Pr"),
}
"""What has its limits below and above where a formula stands by itself."""
_DISPLAYED = {"math", "mrow", "mstyle", "menclose", "mphantom", "mpadded", "munder", "mover"}
"""In which a formula still stands by itself."""
_KEPT = {
    "stretchy": {"true", "false"},
    "fence": {"true", "false"},
    "form": {"prefix", "infix", "postfix"},
    "accent": {"true", "false"},
    "displaystyle": {"true", "false"},
    "linethickness": {"0"},
    "columnalign": {"left", "center", "right"},
}
"""Values of attributes."""
_LENGTH = re.compile(r"-?\d{0,2}(?:\.\d{1,4})?em")


@lru_cache(maxsize=256)
def parsed(latex: str, display: bool) -> Element | None:
    """The element ``math``. None: it is not understood."""
    if _NO_MACROS.search(latex):
        return None
    known = _ENVIRONMENT.sub(lambda m: m[1] + _ENVIRONMENTS.get(m[2], m[2]) + m[3], _WHOLE.sub("", latex))
    try:
        made = convert_to_element(known)
        return _harmless(made, display)
    except Exception:  # the library's own have no base, and some texts end in an IndexError or a RecursionError
        return None


def mathml(latex: str, display: bool) -> Markup | None:
    found = parsed(latex, display)
    return None if found is None else Markup(_written(found))


class _Unknown(Exception):
    """Something that is not shown."""


def _harmless(of: Element, display: bool) -> Element:
    """What of it is shown. Raises _Unknown."""
    left = [_MOST]
    whole = Element("math", {"display": "block"} if display else {})
    for child in of:
        _copy(child, whole, 1, left, display)
    return whole


def _copy(of: Element, into: Element, depth: int, left: list[int], display: bool) -> None:
    left[0] -= 1
    text = unescape(of.text or "")
    if of.tag not in _SHOWN or depth > _DEEPEST or left[0] < 0 or (of.tag == "mi" and text[:1] in ("\\", "&")):
        raise _Unknown(of.tag)
    if of.tag == "mspace" and of.get("linebreak"):
        raise _Unknown("a line that ends in the middle")
    if of.tag == "mrow" and len(of) == 1 and not text:  # it groups nothing
        _copy(of[0], into, depth, left, display)
        return
    tag = _LIMITS.get(of.tag, of.tag) if display and len(of) and _has_limits(of[0]) else of.tag
    inside = of.get("displaystyle") == "true" or (display and of.tag in _DISPLAYED)
    made = SubElement(into, tag, _attributes(of))
    made.text = text or None
    for child in of:
        _copy(child, made, depth + 1, left, inside)


def _has_limits(of: Element) -> bool:
    return of.tag == "mo" and unescape(of.text or "").replace("\u2009", " ") in _LARGE


def _attributes(of: Element) -> dict[str, str]:
    kept = {key: value for key, value in of.items() if value in _KEPT.get(key, ())}
    width = of.get("width", "")
    if of.tag in ("mspace", "mpadded") and _LENGTH.fullmatch(width):
        kept["width"] = width
    if of.tag == "menclose":
        kept["notation"] = "box" if of.get("notation") == "box" else "updiagonalstrike"
    return kept


def _written(of: Element) -> str:
    attributes = "".join(f' {key}="{escape(value)}"' for key, value in of.items())
    inside = str(escape(of.text or "")) + "".join(map(_written, of))
    return f"<{of.tag}{attributes}>{inside}</{of.tag}>"
