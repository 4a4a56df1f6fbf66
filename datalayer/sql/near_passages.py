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
from ..search.numbers import SCALE, Packed
from ..search.standing import least
from ..search.stems import BEFORE
from .file_texts import FIRST, key
from .passage_vectors import BLOCK, rows_of
from .passages import Held, ranked, shown

_DEEP = 100
"""Passages of each ranking."""
_BEYOND = 3.5
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
    near = nearest(connection, some, asked, model)
    bound = least(near[0].cosine, [each.cosine for each in reversed(near)], _BEYOND) if near else 0.0
    has_words = set(words)
    meant = [each.at for each in near[:_DEEP] if each.cosine >= bound or each.at in has_words]
    best = [Ranked(*at, score) for at, score in scored([words, meant]).items()]
    return shown(connection, some, best[:limit])


def nearest(connection: Connection, some: Sequence[Held], asked: Sequence[Packed], model: str) -> list[Near]:
    """All passages of the files that have a vector of the model, the nearest to the first of ``asked`` first; the
    others count less, all together."""
    keys = [key(each.number, place) for each in _read(some) for place in range(rows_of(each.file.passages))]
    found: list[Near] = []
    for start in range(0, len(keys), _ROWS):
        vectors = dict(_vectors(_rows(connection, keys[start : start + _ROWS], model), len(asked[0].vector)))
        if vectors:
            cosines = [numbers.cosines(list(vectors.values()), each.vector) for each in asked]
            found += [Near(_together(every), at) for at, *every in zip(vectors, *cosines, strict=True)]
    return sorted(found, key=lambda each: (-each.cosine, each.at))


def _together(cosines: Sequence[float]) -> float:
    first, *others = cosines
    return first + BEFORE * sum(others) / max(len(others), 1)


def _read(some: Sequence[Held]) -> list[Any]:
    return [each for each in some if each.number is not None and each.file.passages]


def _rows(connection: Connection, keys: Sequence[int], model: str) -> list[tuple[int, int, bytes]]:
    return dialects.of(connection).fetch(connection, _ROWS_OF, {"keys": dumps(keys), "model": model}, tuple)


def _vectors(rows: Sequence[tuple[int, int, bytes]], size: int) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Of each passage that has one of this size, by its text and number."""
    for at, count, vectors in rows:
        if len(vectors) != count * size:
            continue
        number, place = divmod(at, FIRST)
        for each in range(count):
            vector = vectors[each * size : (each + 1) * size]
            if any(vector[:SCALE]):
                yield (number, place * BLOCK + each + 1), vector
