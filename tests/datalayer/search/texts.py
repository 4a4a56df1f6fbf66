"""Texts in many scripts, and the plainest way to say what their tokens are."""

import unicodedata

from hypothesis import settings
from hypothesis import strategies as st

from datalayer.text import fold

SPACELESS = "東京都学的日本語あいアイー々한국어글กขาำไลາໂကြာខ្មែ"
LETTERS = "abzAZéÉèñüßﬁœŒÅЖжёΣςאבعربहिंதமிı0129٣"
BETWEEN = " \t\n.,;:!?'’\"«»()[]{}<>/\\|@#%_*-–—=+&^~`°→│\x00\u00a0\u3000、。・"
SILENT = "\u00ad\u200b\u200d\u2060\ufeff\ufe0f\u0301\u0640🏽"
EMOJI = "👍🎉❤☀⭐🚀👩"
NAMES = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "MYANMAR", "KHMER", "IDEOGRAPHIC", "REGIONAL")

# However long one takes: a test asserts no time.
settings.register_profile("search", deadline=None)
settings.load_profile("search")
texts = st.text(st.one_of(*map(st.sampled_from, (SPACELESS, LETTERS, BETWEEN, SILENT, EMOJI, "🇫🇷🇩🇪"))), max_size=60)
anything = st.one_of(texts, st.text(max_size=60), st.text(st.characters(), max_size=60))  # surrogates too


def is_spaceless(character: str) -> bool:
    name = unicodedata.name(character, "")
    return name.startswith(NAMES) or "PROLONGED SOUND" in name


def plain(text: str) -> str:
    """What is compared: one character at a time, words apart by one space, Hangul by syllable."""
    seen = ""
    for character in text:
        if character in SILENT:
            continue
        if character in EMOJI:
            seen += f" {character} "
        elif character in "œŒ":
            seen += "oe"
        elif character == "ı":
            seen += "i"
        elif character in BETWEEN:
            seen += " "
        else:
            seen += character if "가" <= character <= "힣" else fold(character)
    return " ".join(seen.split())


def naive_tokens(text: str) -> list[str]:
    """For texts of the characters above."""
    found: list[str] = []
    for piece in plain(text).split():
        at = 0
        while at < len(piece):
            start = at
            if is_spaceless(piece[at]):
                found.append(piece[at : at + 2] if is_spaceless(piece[at + 1 : at + 2] or " ") else piece[at])
                at += 1
                continue
            while at < len(piece) and not is_spaceless(piece[at]):
                at += 1
            found.append(piece[start:at][:40])
    return found
