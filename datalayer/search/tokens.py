"""A text cut into what a plain index of words can find: every database indexes these tokens, none cuts text itself.

A word is a token. Scripts without spaces between words are indexed by pairs of neighbours: 東京都 is 東京, 京都 and
都, so that each character begins exactly one token. One character is then found as a prefix, two or more as a phrase of
pairs. Of an emoji, joiners, skin tones and variation selectors go as accents do: a family is a row of its members.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from operator import add
from unicodedata import category, normalize

from ..text import fold

VERSION = 2
"""Changes when the tokens of any text, or the marks of a document, change; an index of another version has to be made
again."""
LONGEST = 40
"""Characters of a token; what a longer word has more is not indexed."""

# Han, kana, bopomofo, Yi, and Hangul, which is searched like them; Thai, Lao, Burmese, Khmer and their neighbours; the
# letters of flags, which come in pairs themselves.
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f\u2e80-\u9fff"
    "\ua000-\ua4cf\ua960-\ua9ff\uaa60-\uaadf\uac00-\ud7ff\U00016fe0-\U00018dff\U0001aff0-\U0001b2ff"
    "\U0001f1e6-\U0001f1ff\U00020000-\U0003ffff"
)
_HAS_SPACELESS = re.compile(f"[{_SPACELESS}]")
_SPACELESS_RUN = re.compile(f"[{_SPACELESS}]+")
_RUNS = re.compile(rf"([{_SPACELESS}]+)|([^\s{_SPACELESS}]+)")
_JAMO = re.compile("[\u1100-\u11ff]+")
_LETTERS_OF_HANGUL = "\u1100-\u11ff\u3131-\u318e\uffa0-\uffdc"
_OF_WORD = rf"[^\s{_SPACELESS}]"
# Symbols that people write as words; the others (arrows, boxes of tables, °) stand between words.
_EMOJI = re.compile("[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001f1e5\U0001f200-\U0001faff]")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]")
# What says nothing: it joins, hyphenates or turns the direction (Cf), encloses (Me), chooses a glyph or a skin, or
# makes an Arabic word longer.
_SILENT = re.compile("[\u034f\u0640\u180b-\u180f\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]")
# Letters that are typed as others where a keyboard has no key for them.
_TYPED = {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i"}
# Letters to Unicode that people type as an apostrophe.
_APOSTROPHE = re.compile("[\u02b9-\u02bf]")


class _Meanings(dict[int, str]):
    """What each character is to a search: folded, a space where words end. Filled as characters are met, since
    ``str.translate`` is five times as fast as any function called a character."""

    MOST = 20_000  # more than any language has; beyond, a text of all of Unicode would stay in memory

    def __missing__(self, code: int) -> str:
        # Syllables of Hangul are not taken apart: 하 is not in 한.
        folded = chr(code) if 0xAC00 <= code <= 0xD7A3 else fold(chr(code))
        meaning = _TYPED.get(folded) or "".join(map(_meaning, folded))
        if len(self) == self.MOST:
            self.clear()
        self[code] = meaning
        return meaning


def _meaning(character: str) -> str:
    kind = category(character)
    if kind in ("Cf", "Me") or _SILENT.match(character):
        return ""
    if _APOSTROPHE.match(character):
        return " "
    if character.isalnum() or kind in ("Mn", "Mc") or _FLAG.match(character):
        return character
    return f" {character} " if kind == "So" and _EMOJI.match(character) else " "


_MEANINGS = _Meanings()


# Of ASCII, which most of most texts is, one byte is one character: a table of bytes takes a tenth of the time.
_ASCII = bytes(code if code > 127 else ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(256))
_OTHERS = re.compile("[^\0-\x7f]+")


def tokens(text: str) -> list[str]:
    """What an index holds of ``text``, in its order: folded, 1 to 40 characters each, without white space."""
    found = spaced(text).decode().split()
    return found if max(map(len, found), default=0) <= LONGEST else [word[:LONGEST] for word in found]


def spaced(text: str) -> bytes:
    """The tokens as UTF-8 with spaces between them, one or more; long ones are whole."""
    return (text if text.isascii() else _OTHERS.sub(_words, text)).encode().translate(_ASCII)


def _words(others: re.Match[str]) -> str:
    said = others[0]
    return _known_words(said) if len(said) <= 8 else _words_of(said)


def _words_of(others: str) -> str:
    """A run of what is not ASCII, folded; tokens of scripts without spaces stand apart."""
    return _SPACELESS_RUN.sub(_pairs, _JAMO.sub(_composed, others.translate(_MEANINGS)))


_known_words = lru_cache(maxsize=4096)(_words_of)


def _pairs(run: re.Match[str]) -> str:
    said = run[0]
    return f" {' '.join(map(add, said, said[1:]))} {said[-1]} "


def folded(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """``text`` as its tokens have it, and where in ``text`` that begins and ends which each of its characters is of."""
    words = text.translate(_MEANINGS)
    odd = "".join(character for character in set(text) if len(_MEANINGS[ord(character)]) != 1)
    if _JAMO.search(words):  # which make syllables together
        apart = f"[{_LETTERS_OF_HANGUL}{re.escape(odd)}]+"
    elif odd:
        apart = f"[{re.escape(odd)}]"
    else:
        return words, range(len(text)), range(1, len(text) + 1)
    parts, begins, ends, at = list[str](), list[int](), list[int](), 0
    for part in re.finditer(apart, text):
        meaning = _JAMO.sub(_composed, part[0].translate(_MEANINGS))
        parts += text[at : part.start()].translate(_MEANINGS), meaning
        begins += (*range(at, part.start()), *(part.start(),) * len(meaning))
        ends += (*range(at + 1, part.start() + 1), *(part.end(),) * len(meaning))
        at = part.end()
    parts.append(text[at:].translate(_MEANINGS))
    return "".join(parts), (*begins, *range(at, len(text))), (*ends, *range(at + 1, len(text) + 1))


@lru_cache(maxsize=256)
def finder(sought: tuple[str, ...], prefix: bool) -> re.Pattern[str]:
    """Finds in folded text where these tokens stand next to each other; ``prefix``: the last one may go on."""
    parts, before = list[str](), ""
    for place, token in enumerate(sought):
        last = place == len(sought) - 1
        open_ = prefix and last
        if not _HAS_SPACELESS.match(token):
            more = f"(?!{_OF_WORD})"
            if open_ or len(token) == LONGEST:
                more = f"{_OF_WORD}{{0,{LONGEST - len(token)}}}" if last else f"{_OF_WORD}*"
            parts.append(rf"\s*(?<!{_OF_WORD}){re.escape(token)}{more}")
        else:
            new = token[1:] if before[1:] == token[0] else rf"\s*{token}"
            parts.append(new if len(token) == 2 or open_ else rf"{new}(?![{_SPACELESS}])")  # a run has ended
        before = token if _HAS_SPACELESS.match(token) else ""
    return re.compile("".join(parts).removeprefix(r"\s*"))


def phrase(text: str, goes_on: bool = False) -> tuple[tuple[str, ...], bool]:
    """The tokens that stand next to each other in every text that says ``text``, none for text without a word; and
    whether the last one is only the beginning of one: that of a word which ``goes_on``, and in scripts without spaces
    a single character."""
    sought = tokens(text)
    if not sought or not _HAS_SPACELESS.match(sought[-1]):
        return tuple(sought), goes_on
    if len(sought[-1]) == 1 and sought[-2:-1] and sought[-2][1:] == sought[-1]:
        sought.pop()  # the pair before says it
    return tuple(sought), len(sought[-1]) == 1


def _composed(jamo: re.Match[str]) -> str:
    return normalize("NFC", jamo[0])
