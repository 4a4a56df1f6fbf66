"""A summary without a model: the sentences that say most of what a conversation is about. Pure.

The score of a sentence is the mean frequency of its words in the conversation, words that say nothing of a subject
apart (H. P. Luhn, The Automatic Creation of Literature Abstracts, 1958).
"""

import re
from collections import Counter
from collections.abc import Sequence

from datalayer.text import fold, one_line

from ..memory import HotMessage
from ..models.tokens import estimate
from ..texts.markdown import escape
from .remembered import COMMON

_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")
_WORD = re.compile(r"\w+")
_SAID = re.compile(r"- (user|assistant): ")
_LONGEST = 300
"""Characters of a sentence: code and tables have no full stop."""
_NAMED = 10
"""Tokens of a line besides its sentence, and more."""


def extract(messages: Sequence[HotMessage], at_most: int) -> str:
    """The best sentences of ``messages`` in their order, in at most ``at_most`` tokens, each with who said it."""
    return _best([(f"- {message.role}: ", message.text) for message in messages], at_most)


def shorten(summary: str, at_most: int) -> str:
    """``summary``, an extract or a model's, in at most ``at_most`` tokens: the best of it where it is longer."""
    if estimate(summary) <= at_most:
        return summary
    lines = [(said[0] if (said := _SAID.match(line)) else "", line) for line in summary.splitlines()]
    return _best([(who, line.removeprefix(who)) for who, line in lines], at_most)


def localised(extracted: str, you: str) -> str:
    """An extract for a person to read: Markdown, with ``you`` for the user and "Assistant" for the model. What a model
    wrote of earlier messages stays as it is."""
    names = {"user": you, "assistant": "Assistant"}
    lines = ((_SAID.match(line), line) for line in extracted.splitlines())
    return "\n".join(f"- **{names[said[1]]}** · {escape(line[said.end() :])}" if said else line for said, line in lines)


def _best(passages: Sequence[tuple[str, str]], at_most: int, longest: int = _LONGEST) -> str:
    """``passages``: texts, each with what its lines begin with."""
    said = list(dict.fromkeys((who, sentence) for who, text in passages for sentence in _sentences(text, longest)))
    words = [_words(sentence) for _, sentence in said]
    frequency = Counter(word for each in words for word in set(each))
    # Three words more than there are: "Yes, Paris." is no summary.
    scores = [sum(frequency[word] for word in each) / (len(each) + 3) for each in words]
    any_tells = any(scores)
    left, chosen = at_most, []
    for place in sorted(range(len(said)), key=lambda place: -scores[place]):
        cost = estimate("".join(said[place])) + 1
        if cost <= left and (scores[place] or not any_tells):
            left -= cost
            chosen.append(place)
    if said and not chosen and 0 < at_most - _NAMED < longest:  # a character is a token at most
        return _best(passages, at_most, at_most - _NAMED)
    return "\n".join("".join(said[place]) for place in sorted(chosen))


def _sentences(text: str, longest: int) -> list[str]:
    return [
        line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
        for part in _SENTENCE.split(text)
        if (line := one_line(part))
    ]


def _words(sentence: str) -> list[str]:
    return [
        part
        for word in _WORD.findall(fold(sentence))
        for part in ([word] if max(word) <= "\u07ff" else _pairs(word))
        if (len(part) > 2 and part not in COMMON) or part > "\u07ff"
    ]


def _pairs(word: str) -> list[str]:
    """What stands for words where no spaces part them, as in Chinese and Japanese: each two characters."""
    return [word[start : start + 2] for start in range(max(len(word) - 1, 1))]
