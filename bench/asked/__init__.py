"""Texts made for the bench, with questions whose answer has a known place: ``en.txt`` and ``fr.txt``.

A file of a language holds several texts: ``#`` its title, ``~`` what its other sentences are made of, then a line for
each fact: what the text says, and a question that asks for it in other words or other forms of them.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
_BESIDE = 24
"""Sentences that say nothing behind each fact."""
_PARAGRAPH = 4


class Asked(NamedTuple):
    question: str
    answer: str
    """The sentence that says it."""
    text: str
    """The title of the text that has it."""


@dataclass(frozen=True)
class Text:
    title: str
    slots: list[list[str]]
    """Of a sentence that says nothing: who, does, what, how."""
    facts: list[Asked]

    def written(self) -> str:
        """As Markdown. The sentences around the facts have the words of the text, so that these tell little."""
        draw = random.Random(self.title)
        parts = [f"# {self.title}"]
        for number, fact in enumerate(self.facts):
            if number % 3 == 0:
                parts.append(f"## {number // 3 + 1}")
            beside = [" ".join(map(draw.choice, self.slots)).capitalize() + "." for _ in range(_BESIDE * _PARAGRAPH)]
            parts.append(" ".join([beside[0], fact.answer, beside[1]]))
            parts += [" ".join(beside[at : at + _PARAGRAPH]) for at in range(2, _BESIDE, _PARAGRAPH)]
        return "\n\n".join(parts)


def texts(language: str) -> list[Text]:
    lines = (HERE / f"{language}.txt").read_text().splitlines()
    return list(_texts(lines))


def _texts(lines: list[str]) -> Iterator[Text]:
    number = 0

    def count(line: str) -> int:
        nonlocal number
        number += line.startswith("# ")
        return number

    for _, some in groupby(lines, count):
        title, slots, *facts = some
        title = title.removeprefix("# ")
        asked = [Asked(question, answer, title) for answer, _, question in (line.partition(" ? ") for line in facts)]
        yield Text(title, [slot.split("|") for slot in slots.removeprefix("~ ").split(" ~ ")], asked)
