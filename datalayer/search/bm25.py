"""Which passages are most about a question: Okapi BM25, over as many files as are asked.

A word counts the more the fewer passages have it, and the oftener a passage has it for its length; see Robertson and
Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009. Nothing is asked of any database here.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from heapq import nlargest
from math import log
from operator import itemgetter
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
    scores: dict[File, defaultdict[int, float]] = {file: defaultdict(float) for file in files}
    for word, counts in wanted.items():
        having = sum(len(each.words.get(word, ())) for each in files.values())
        weight = counts * log(1 + (passages - having + 0.5) / (having + 0.5))
        most, least, rate = weight * (_K1 + 1), _K1 * (1 - _B), _K1 * _B / average
        for file, each in files.items():
            of_file, lengths = scores[file], each.lengths
            for number, times in each.words.get(word, ()):
                of_file[number] += most * times / (times + least + rate * lengths[number - 1])
    more = _of_names(wanted, names) if names else {}
    found = [
        (score + more.get(file, 0.0), file, number)
        for file, of_file in scores.items()
        for number, score in nlargest(limit, of_file.items(), key=itemgetter(1))
    ]
    return [Ranked(file, number, score) for score, file, number in nlargest(limit, found, key=itemgetter(0))]


def _of_names(wanted: Mapping[str, float], names: Mapping[File, frozenset[str]]) -> dict[File, float]:
    """What their names add to the passages of files: of several files those come first that the question names."""
    more: dict[File, float] = {}
    for word, counts in wanted.items():
        having = [file for file, name in names.items() if word in name]
        if 0 < len(having) < len(names):
            for file in having:
                more[file] = more.get(file, 0.0) + _NAMED * counts * log(1 + len(names) / len(having))
    return more
