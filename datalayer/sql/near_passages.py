"""The passages of some files that are about a question: by their words and by their meaning, as one list.

Always true: only vectors of the files that were asked for are read; so it costs what these are. A passage without any
word of the question is found only where it stands out from all others by its meaning.
"""

from collections.abc import Iterator, Sequence
from json import dumps
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, select

from .. import dialects
from ..dialects.expressions import listed_numbers
from ..passages import FoundPassage
from ..schema import passage_vectors
from ..search import numbers
from ..search.bm25 import Ranked
from ..search.fusion import scored
from ..search.numbers import Packed
from ..search.standing import least
from ..search.stems import BEFORE
from .file_texts import FIRST, key
from .passage_vectors import BLOCK, rows_of
from .passages import Held, ranked, shown

_K = 10
"""As of ``scored``: a model is shown some passages, so the first places of either ranking are what counts."""
_DEEP = 100
"""Passages of each ranking."""
_BEYOND = 2.5
"""As in ``standing.least``."""
_ROWS = 256
"""That are read at a time: 3 MB of vectors of 768 dimensions."""
_row = passage_vectors.c
_ROWS_OF: Select[Any] = select(_row.key, _row.passages, _row.vectors).where(
    _row.key.in_(listed_numbers("keys")), _row.model == bindparam("model"), _row.vectors != b""
)


class Near(NamedTuple):
    cosine: float
    at: tuple[int, int]
    """The number of its text, and its own in it."""


class Nearest(NamedTuple):
    near: list[Near]
    """Up to _DEEP, the nearest first."""
    bound: float
    """The smallest cosine of what stands out from all."""


def length(connection: Connection, some: Sequence[Held], model: str) -> int | None:
    """Of the vectors that passages of the files have; None: none has one of this model."""
    rows = _rows(connection, [key(each.number, 0) for each in _read(some)], model)
    return next((len(vectors) // count for _, count, vectors in rows), None)


def find(
    connection: Connection,
    some: Sequence[Held],
    question: str,
    before: Sequence[str],
    limit: int,
    asked: Sequence[Packed],
    model: str,
) -> list[FoundPassage]:
    """As ``passages.find``. ``asked``: what the question means, and those before it that it may go on with."""
    words = [(each.file, each.number) for each in ranked(connection, some, question, before, _DEEP)]
    near, bound = nearest(connection, some, asked, model)
    has_words = set(words)
    meant = [each.at for each in near if each.cosine >= bound or each.at in has_words]
    best = [Ranked(*at, score) for at, score in scored([words, meant], _K).items()]
    return shown(connection, some, best[:limit])


def nearest(connection: Connection, some: Sequence[Held], asked: Sequence[Packed], model: str) -> Nearest:
    """The passages of the files that are nearest to the first of ``asked``; the others count less, all together."""
    import numpy

    keys = [key(each.number, place) for each in _read(some) for place in range(rows_of(each.file.passages))]
    parts = [
        part
        for start in range(0, len(keys), _ROWS)
        for part in _compared(_rows(connection, keys[start : start + _ROWS], model), [each.vector for each in asked])
    ]
    if not parts:
        return Nearest([], 0.0)
    places, cosines = (numpy.concatenate(each) for each in zip(*parts, strict=True))
    order = numpy.argsort(-cosines, kind="stable")
    ranked = [float(cosine) for cosine in cosines[order]]
    near = [Near(ranked[n], divmod(int(places[at]), FIRST)) for n, at in enumerate(order[:_DEEP])]
    return Nearest(near, least(ranked[0], ranked[::-1], _BEYOND))


def _compared(rows: Sequence[tuple[int, int, bytes]], asked: Sequence[bytes]) -> Iterator[tuple[Any, Any]]:
    """The keys of the passages that have a vector of the length of those asked for, and how near they are."""
    import numpy

    fit = [(at, count, vectors) for at, count, vectors in rows if len(vectors) == count * len(asked[0])]
    if not fit:
        return
    firsts = [(key(at // FIRST, at % FIRST * BLOCK + 1), count) for at, count, _ in fit]
    places = numpy.concatenate([numpy.arange(first, first + count) for first, count in firsts])
    first, *others = numbers.cosines_of_many([vectors for _, _, vectors in fit], len(places), asked)
    together = first + BEFORE * sum(others) / max(len(others), 1)
    has_vector = first != 0  # of one that the model does not take all is 0
    yield places[has_vector], together[has_vector]


def _read(some: Sequence[Held]) -> list[Any]:
    return [each for each in some if each.number is not None and each.file.passages]


def _rows(connection: Connection, keys: Sequence[int], model: str) -> list[tuple[int, int, bytes]]:
    return dialects.of(connection).fetch(connection, _ROWS_OF, {"keys": dumps(keys), "model": model}, tuple)
