"""Words written from the right, as a PDF has them: PDFium gives some as they are drawn, from the left.

Where it does depends on the program that made the file. The places of the letters tell: read in its order, a word from
the right goes to the left.
"""

import ctypes
import re
from typing import Any

from pypdfium2.raw import FPDFText_CountChars, FPDFText_GetCharOrigin, FPDFText_GetUnicode

_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]+")
_ALEFS, _LAM = "اأإآ", "ل"


def has_any(text: str) -> bool:
    return bool(_RIGHT.search(text))


def put_right(text: str, page: Any) -> str:
    """``text`` of a page, ``page``: its letters. Words that cannot be told apart by their letters stay as they are."""
    letters = [chr(FPDFText_GetUnicode(page, index)) for index in range(FPDFText_CountChars(page))]
    drawn = "".join(letters)
    wrong: dict[str, str] = {}
    for word in _RIGHT.finditer(drawn):
        if (right := in_order(word.group(), [_place(page, index) for index in range(*word.span())])) != word.group():
            wrong[word.group()] = right
    return _RIGHT.sub(lambda word: wrong.get(word.group(), word.group()), text)


def _place(page: Any, index: int) -> float:
    x, y = ctypes.c_double(), ctypes.c_double()
    FPDFText_GetCharOrigin(page, index, x, y)
    return x.value


def in_order(word: str, places: list[float]) -> str:
    """``places``: from the left, of each letter."""
    if places[0] < places[-1]:
        return word[::-1]
    letters = list(word)
    for index in range(len(letters) - 1):  # one glyph of two letters, which was turned with the others
        if letters[index] in _ALEFS and letters[index + 1] == _LAM and places[index] == places[index + 1]:
            letters[index : index + 2] = letters[index + 1], letters[index]
    return "".join(letters)
