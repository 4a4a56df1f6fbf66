"""Vectors as they are kept and compared: a number of 8 bits for each dimension, and their signs for a first look.

Of a vector of 768 dimensions that is 772 and 96 bytes. The signs of two vectors differ in the more places the larger
their angle is, so the nearest ones are among those with the fewest; which they are is told by the 8 bits.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy

MOST_DIMENSIONS = 4096
SCALE = 4
"""Bytes of the number, a float of 32 bits, by which those of 8 bits are multiplied: their vector has length 1 then."""


class Packed(NamedTuple):
    vector: bytes
    """Little-endian: a float of 32 bits, then a signed number of 8 bits a dimension."""
    sketch: bytes
    """A bit a dimension, 1 for what is above 0; filled up with 0 to a multiple of 64."""


NO_VECTOR = Packed(b"", b"")
"""Of a text that the model cannot do."""


def pack(vector: Sequence[float]) -> Packed:
    """Raises ValueError for what is no direction: a number that is none, none above or below 0, no dimension or too
    many."""
    import numpy

    found = numpy.asarray(vector, dtype=numpy.float64)
    if found.ndim != 1 or not 0 < found.size <= MOST_DIMENSIONS or not numpy.isfinite(found).all():
        raise ValueError("no vector")
    if not (largest := numpy.abs(found).max()):
        raise ValueError("a vector without a direction")
    small = numpy.rint(found / largest * 127).astype(numpy.int8)
    scale = numpy.array([1 / numpy.linalg.norm(small.astype(numpy.float64))], dtype="<f4")
    signs = numpy.packbits(found > 0).tobytes()
    return Packed(scale.tobytes() + small.tobytes(), signs + bytes(-len(signs) % 8))


def sketches(joined: bytes, count: int) -> "numpy.ndarray[Any, Any]":
    """A row for each of ``count`` sketches of one length, one behind the other."""
    import numpy

    return numpy.frombuffer(joined, dtype=numpy.uint64).reshape(count, -1)


def differences(found: "numpy.ndarray[Any, Any]", sketch: bytes) -> "numpy.ndarray[Any, Any]":
    """In how many places each of the sketches differs from ``sketch``."""
    import numpy

    each = numpy.bitwise_count(found ^ numpy.frombuffer(sketch, dtype=numpy.uint64))
    counts: numpy.ndarray[Any, Any] = each.sum(axis=1, dtype=numpy.int32)
    return counts


def fewest(counts: "numpy.ndarray[Any, Any]", most: int) -> list[int]:
    """Where the ``most`` smallest of ``counts`` are."""
    import numpy

    places = numpy.argpartition(counts, most)[:most] if len(counts) > most else numpy.arange(len(counts))
    return [int(place) for place in places]


def cosines(vectors: Sequence[bytes], query: bytes) -> list[float]:
    """How near each of the vectors is to ``query``, all as ``Packed.vector``: 1 for the same direction, -1 for the
    opposite."""
    return [float(each) for each in cosines_of_many(vectors, len(vectors), [query])[0]]


def cosines_of_many(joined: Sequence[bytes], count: int, queries: Sequence[bytes]) -> "list[numpy.ndarray[Any, Any]]":
    """The same for each of several queries. ``joined``: ``count`` vectors altogether, some behind one another. 0 for
    one of zeros."""
    import numpy

    found, scales = _unpacked(joined, count)
    asked, theirs = _unpacked(queries, len(queries))
    # By no other thread: where cores are busy, numpy's product of matrices waits for some.
    products = [numpy.einsum("ij,j->i", found, each) for each in asked]
    return [each * scales * scale for each, scale in zip(products, theirs, strict=True)]


def _unpacked(joined: Sequence[bytes], count: int) -> "tuple[numpy.ndarray[Any, Any], numpy.ndarray[Any, Any]]":
    import numpy

    rows = numpy.frombuffer(b"".join(joined), dtype=numpy.uint8).reshape(count, -1)
    scales = rows[:, :SCALE].copy().view("<f4")[:, 0]
    return rows[:, SCALE:].view(numpy.int8).astype(numpy.float32), scales
