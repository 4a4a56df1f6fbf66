"""Which words are in which passages of a file, and how often, as rows that a database keeps.

A file has thousands of words, a question a few. Words are spread over blocks of some dozens by a hash, so a file takes
few rows, and a question reads one for each of its words. A line of a block is a word and, for each passage that has it,
the number of that passage and how often: ``budget 3:1 17:2``. Numbers of passages begin with 1.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..passages import Passage
from .stems import counted

_WORDS = 32
"""Of a block, about."""
_MOST = 1 << 12


class Indexed(NamedTuple):
    """What is known of the words of a file."""

    lengths: Sequence[int]
    """How many words each passage has, in order."""
    words: Mapping[str, Sequence[tuple[int, int]]]
    """The passages that have it, by number, and how often."""


def said(passage: Passage) -> str:
    """What a passage is found by: the headings above it, too."""
    return "\n".join((*passage.place.heading, passage.text))


def index(texts: Iterable[str]) -> Indexed:
    """Of passages, in order."""
    lengths: list[int] = []
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, text in enumerate(texts, 1):
        here = counted(text)
        lengths.append(here.total())
        for word, count in here.items():
            found[word].append((number, count))
    return Indexed(lengths, found)


def packed(words: Mapping[str, Sequence[tuple[int, int]]]) -> list[str]:
    """The blocks, none of them without a word where there are any."""
    count = min(max(1, len(words) // _WORDS), _MOST)
    blocks: list[list[str]] = [[] for _ in range(count)]
    for word, places in words.items():
        blocks[block_of(word, count)].append(f"{word} {' '.join(f'{number}:{times}' for number, times in places)}")
    return ["\n".join(["", *lines, ""]) for lines in blocks]


def block_of(word: str, count: int) -> int:
    """In which of so many blocks a word is, counted from 0."""
    return zlib.crc32(word.encode()) % count


def line_of(block: str, word: str) -> str:
    """Where ``word`` is, as the block has it; "": nowhere."""
    begin = block.find(f"\n{word} ")
    return block[block.index(" ", begin) + 1 : block.index("\n", begin + 1)] if begin >= 0 else ""


def count_of(line: str) -> int:
    """In how many passages."""
    return line.count(":")


def unpacked(line: str) -> list[tuple[int, int]]:
    """The passages, by number, and how often each has it."""
    each = map(int, line.replace(":", " ").split())
    return list(zip(each, each, strict=True))  # faster than taking each pair apart
