"""A summary without a model: the sentences that say most of what a conversation is about. Pure.

The score of a sentence is the mean frequency of its words in the conversation, words that say nothing of a subject
apart (H. P. Luhn, The Automatic Creation of Literature Abstracts, 1958).
"""

import re
from collections import Counter
from collections.abc import Sequence

from datalayer.text import fold, one_line

from .context import estimate
from .memory import HotMessage
from .models.offline import COMMON, escape

_SENTENCE = re.compile(r"(?<=[.!?…。！？])\s+|\n+")
_WORD = re.compile(r"\w+")
_LONGEST = 300
"""Characters of a sentence: code and tables have no full stop."""


def extract(messages: Sequence[HotMessage], at_most: int) -> str:
    """The best sentences of ``messages`` in their order, in at most ``at_most`` tokens, each with who said it."""
    said = [(message.role, sentence) for message in messages for sentence in _sentences(message.text)]
    words = [_words(sentence) for _, sentence in said]
    frequency = Counter(word for each in words for word in set(each))
    scores = [sum(frequency[word] for word in each) / (len(each) + 3) for each in words]
    left, chosen = at_most, []
    for place in sorted(range(len(said)), key=lambda place: -scores[place]):
        cost = estimate(_line(*said[place])) + 1
        if scores[place] and cost <= left:
            left -= cost
            chosen.append(place)
    return "\n".join(_line(*said[place]) for place in sorted(chosen))


def _line(role: str, sentence: str) -> str:
    return f"- {role}: {sentence}"


def localised(extracted: str, you: str) -> str:
    """An extract for a person to read: Markdown, with ``you`` for the user and "Assistant" for the model."""
    lines = (line.split(": ", 1) for line in extracted.splitlines() if ": " in line)
    return "\n".join(f"- **{you if who == '- user' else 'Assistant'}** · {escape(said)}" for who, said in lines)


def _sentences(text: str) -> list[str]:
    return list(dict.fromkeys(line[:_LONGEST] for part in _SENTENCE.split(text) if (line := one_line(part))))


def _words(sentence: str) -> list[str]:
    return [word for word in _WORD.findall(fold(sentence)) if len(word) > 2 and word not in COMMON]
