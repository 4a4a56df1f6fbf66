"""The vectors of passages: once a content, as the text is, some passages a row. A text is whole in its vectors when its
row says so (``embedded``); what a kill leaves of it is gone on with.

Always true: nothing is added to a text that is going, nor of another model than that of ``vectors.state``. The row of
the text is locked while a row is added; so what is removed with it is all.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, func, or_, select, update

from .. import dialects
from ..embeddings import LONGEST
from ..passages import Passage
from ..schema import file_texts, passage_vectors, passages
from ..search.numbers import NO_VECTOR, Packed
from ..search.postings import said
from . import vectors
from .file_texts import FIRST, KEPT, key, place_of

BLOCK = 16
"""Passages of a row: what is stored was made so."""
_TEXTS = 50
"""That are looked at together for one that lacks something."""
_text, _row = file_texts.c, passage_vectors.c


Place = tuple[int, int]
"""A text, and a block of it."""


class Block(NamedTuple):
    """Some passages of a text, of which one row is made."""

    number: int
    """Of the text."""
    place: int
    """In the text, counted from 0."""
    texts: dict[int, str]
    """What vectors are made of, by the numbers of the passages; empty for one that says nothing."""


# What is to be made


def _lacking(model: str, since: int) -> ColumnElement[bool]:
    new = and_(_text.embedded == "", _text.created_at >= since)
    of_others = or_(and_(_text.embedded > "", _text.embedded < model), _text.embedded > model)
    return and_(_text.state == KEPT, new if since else or_(new, of_others))


def blocks(connection: Connection, model: str, since: int, most: int) -> list[Block]:
    """The next of which vectors are to be made, of the newest texts first: as many as have ``most`` passages, or one.
    ``since``: as in ``vectors.State``; 0: of texts with vectors of other models, too."""
    query = select(_text.number, _text.passages).where(_lacking(model, since)).order_by(_text.created_at.desc())
    found: list[Block] = []
    for number, count in connection.execute(query.limit(_TEXTS)).all():
        for place in _missing(connection, number, count, model):
            if found and sum(len(each.texts) for each in found) + BLOCK > most:
                return found
            found.append(_block(connection, number, place))
    return found


def _missing(connection: Connection, number: int, count: int, model: str) -> list[int]:
    """Places of the rows that a text of so many passages has not yet."""
    here = and_(_row.key >= key(number, 0), _row.key < key(number + 1, 0), _row.model == model)
    there = {at % FIRST for at in connection.execute(select(_row.key).where(here)).scalars()}
    return [place for place in range(rows_of(count)) if place not in there]


def rows_of(count: int) -> int:
    """How many there are of so many passages."""
    return -(-count // BLOCK)


def _block(connection: Connection, number: int, place: int) -> Block:
    first = key(number, place * BLOCK + 1)
    query = select(passages.c.key, passages.c.text, passages.c.place)
    rows = connection.execute(query.where(passages.c.key >= first, passages.c.key < first + BLOCK)).all()
    texts = {at % FIRST: said(Passage(text, place_of(where)))[:LONGEST] for at, text, where in rows}
    return Block(number, place, {number: texts[number] for number in sorted(texts)})


# What was made


def put(connection: Connection, model: str, block: Block, packed: Mapping[int, Packed]) -> bool:
    """Keeps the vectors of all passages of a block. False: the text is not kept any more, or the model is another."""
    found = select(_text.embedded, _text.passages).where(_text.number == block.number, _text.state == KEPT)
    row = connection.execute(found.with_for_update()).one_or_none()
    state = vectors.state(connection)
    if row is None or state is None or state.model != model:
        return False
    dialect = dialects.of(connection)
    made = {"key": key(block.number, block.place), "model": model, "passages": len(block.texts)}
    made["vectors"] = joined([packed[number] for number in block.texts])
    dialect.send(connection, dialect.upsert(passage_vectors, ("key",), frozenset(made) - {"key"}), [made])
    whole = model if not _missing(connection, block.number, row.passages, model) else ""
    if whole != row.embedded:
        connection.execute(update(file_texts).where(_text.number == block.number).values(embedded=whole))
    return True


def joined(packed: Sequence[Packed]) -> bytes:
    length = max(len(each.vector) for each in packed)
    return b"".join(bytes(length) if each == NO_VECTOR else each.vector for each in packed)


_OLDEST = (
    select(_row.passages, _row.vectors)
    .where(_row.model == bindparam("model"), _row.passages > 0, _row.vectors != b"")
    .limit(1)
)


def length(connection: Connection, model: str) -> int | None:
    """Of each ``Packed.vector`` of ``model``, be it of a message or of a passage. None: there is none."""
    if (found := vectors.length(connection, model)) is not None:
        return found
    rows = dialects.of(connection).fetch(connection, _OLDEST, {"model": model}, tuple)
    return len(rows[0][1]) // rows[0][0] if rows else None


def remove(connection: Connection, most: int = 500) -> int:
    """Removes up to ``most`` rows of any model. Returns how many passages had a vector there."""
    rows = connection.execute(select(_row.key, _row.passages).order_by(_row.key).limit(most)).all()
    if rows:
        connection.execute(delete(passage_vectors).where(_row.key.in_([row.key for row in rows])))
    else:
        connection.execute(update(file_texts).where(_text.embedded > "").values(embedded=""))
    return sum(row.passages for row in rows)


# What there is


def counts(connection: Connection, model: str) -> tuple[int, int, bool]:
    """How many passages can have a vector, how many have one of ``model``, and whether all have."""
    query = select(_text.embedded, func.sum(_text.passages)).where(_text.state == KEPT, _text.embedded.is_not(None))
    by_model = {name: int(count) for name, count in connection.execute(query.group_by(_text.embedded))}
    made = select(func.sum(_row.passages)).where(_row.model == model)
    total, whole = sum(by_model.values()), by_model.get(model, 0)
    return total, min(int(connection.execute(made).scalar() or 0), total), whole == total


def texts_lacking(connection: Connection, model: str, after: Place) -> tuple[list[str], Place | None]:
    """What would be sent of the next block if all passages shall have a vector, and where to go on; None: there are no
    more. ``after``: (0, -1) to begin with."""
    number, place = after
    lacks = and_(_lacking(model, 0), _text.number >= number)
    query: Select[Any] = select(_text.number, _text.passages).where(lacks).order_by(_text.number).limit(2)
    for found, count in connection.execute(query).all():
        left = [each for each in _missing(connection, found, count, model) if found > number or each > place]
        if left:
            return spoken(_block(connection, found, left[0]).texts.values()), (found, left[0])
    return [], None


def spoken(texts: Iterable[str]) -> list[str]:
    """Those that say anything: of no others is a model asked."""
    return [text for text in texts if text.strip()]
