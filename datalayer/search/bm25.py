"""Which passages are most about a question: Okapi BM25, over as many files as are asked.

A word counts the more the fewer passages have it, and the oftener a passage has it for its length; see Robertson and
Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009. Nothing is asked of any database here.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from heapq import nlargest
from math import log
from typing import Generic, NamedTuple, TypeVar

from .postings import Indexed

_K1, _B = 0.9, 0.4
_NAMED = 0.5
"""What a word counts in the name of a file, where one in its text counts 1."""

File = TypeVar("File", bound=Hashable)


class Ranked(NamedTuple, Generic[File]):
    file: File
    number: int
    """Of the passage; the first is 1."""
    score: float


def rank(
    wanted: Mapping[str, float],
    files: Mapping[File, Indexed],
    limit: int,
    names: Mapping[File, frozenset[str]] | None = None,
) -> list[Ranked[File]]:
    """The best passages first; of equals, as they stand. ``wanted``: the words of the question, with what each counts.
    ``files``: of each at least these words. ``names``: the words in their names."""
    passages = sum(len(each.lengths) for each in files.values())
    total = sum(sum(each.lengths) for each in files.values())
    if not (passages and total):
        return []
    average = total / passages
    scores: defaultdict[tuple[File, int], float] = defaultdict(float)
    for word, counts in wanted.items():
        having = sum(len(each.words.get(word, ())) for each in files.values())
        weight = counts * log(1 + (passages - having + 0.5) / (having + 0.5))
        for file, each in files.items():
            for number, times in each.words.get(word, ()):
                length = each.lengths[number - 1] / average
                scores[file, number] += weight * times * (_K1 + 1) / (times + _K1 * (1 - _B + _B * length))
    if names:
        _prefer_named(scores, wanted, names)
    best = nlargest(limit, scores, key=lambda key: scores[key])
    return [Ranked(file, number, scores[file, number]) for file, number in best]


def _prefer_named(
    scores: defaultdict[tuple[File, int], float], wanted: Mapping[str, float], names: Mapping[File, frozenset[str]]
) -> None:
    """Among passages of several files those come first whose file the question names."""
    more: dict[File, float] = {}
    for word, counts in wanted.items():
        having = [file for file, name in names.items() if word in name]
        if 0 < len(having) < len(names):
            for file in having:
                more[file] = more.get(file, 0.0) + _NAMED * counts * log(1 + len(names) / len(having))
    for file, number in scores:
        if file in more:
            scores[file, number] += more[file]
