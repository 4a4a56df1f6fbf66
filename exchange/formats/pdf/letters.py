"""Text as it can be set: no control characters, long words with places where they may be broken, and its direction."""

import re
import unicodedata
from typing import Literal

Direction = Literal["ltr", "rtl"]
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]")
_LONG, _LONG_IN_CODE = 24, 80
"""Letters of a word that needs such places."""
_STEP, _STEP_IN_CODE = 4, 20
"""Letters between them: in code Typst knows some hundreds of them in a word."""
_OTHERS = "\u0590-\u1fff\u2e80-\ud7ff\uf900-\ufdff\ufe70-\ufefc\U00010000-\U0010ffff"
_LONG_WORD = re.compile(rf"[^\s\u200b{_OTHERS}]{{{_LONG},}}")
_LONG_CODE = re.compile(rf"[^\s\u200b]{{{_LONG_IN_CODE},}}")
"""Of scripts whose letters do not join and that have spaces between words."""
_READ = 500


def clean(text: str) -> str:
    return _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n"))


def breakable(text: str) -> str:
    """``text``, cleaned."""
    return _LONG_WORD.sub(lambda word: _broken(word[0], _STEP), clean(text))


def breakable_code(text: str) -> str:
    """``text``, cleaned."""
    return _LONG_CODE.sub(lambda word: _broken(word[0], _STEP_IN_CODE), clean(text))


def _broken(word: str, step: int) -> str:
    found, at = list[str](), 0
    while at < len(word):
        end = at + step
        while end < len(word) and unicodedata.combining(word[end]):
            end += 1
        found.append(word[at:end])
        at = end
    return "\u200b".join(found)


def direction(text: str) -> Direction:
    """That of the first letter that has one."""
    for letter in text[:_READ]:
        kind = unicodedata.bidirectional(letter)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"
