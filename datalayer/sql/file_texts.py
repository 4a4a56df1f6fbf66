"""What was read of files: kept once a content, in pieces, and removed in pieces, so that nobody who writes waits long.

Always true: what is kept is whole, and of a content that some element has; one text for each kind of file as which it
was read. A text is made under a number of its own that nobody sees; it is kept by one change of its row, made while the
row of its content is locked (``contents``). When the last element with the content goes, the same lock is held, and the
row says that the text is going.

Whoever adds to a text, or removes some of it, locks its row first: so nothing is added to what is going.
"""

import secrets
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    delete,
    exists,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from .. import dialects
from ..passages import FileText, Passage, Place
from ..records import now
from ..schema import blobs, elements, file_texts, passage_vectors, passage_words, passages
from ..search import stems
from ..text import clean

KEPT, MAKING, GOING = "kept", "making", "going"
FIRST = 1 << 20
"""Keys of one text: more than any text has passages."""
_NUMBERS = 1 << 42
_LEFT = 3600 * 1_000_000
"""Microseconds after which a text that is still being made is one that a process has left."""
_READER = 40
"""Characters."""
_CUT_AS = f" words {stems.VERSION}"
_text = file_texts.c


def known_as(read: FileText) -> str:
    """As the row of a text says who has read it, and as what: whether its words are still those that are looked for,
    too."""
    return f"{read.reader[:_READER]} {read.kind[:8]}{_CUT_AS}"


def reader_of(stored: str, kind: str) -> str | None:
    """Who has read it; None: it was read as another kind of file, or its words are looked for in another way by now."""
    reader, _, read_as = stored.removesuffix(_CUT_AS).rpartition(" ")
    return reader if stored.endswith(_CUT_AS) and read_as in ("", kind) else None


def key(number: int, place: int) -> int:
    """Of a passage, by its number, or of a block of words."""
    return number * FIRST + place


def is_kept(connection: Connection, sha256: str, read: FileText) -> bool:
    """Whether the same reader has read the content as the same kind of file, and some element has it."""
    same = exists(select(1).where(_text.sha256 == sha256, _text.state == KEPT, _text.reader == known_as(read)))
    return connection.execute(_held(sha256).where(same)).first() is not None


def begin(connection: Connection, sha256: str, read: FileText, lengths: Sequence[int], blocks: int) -> int | None:
    """The number of a new text, to which its passages and words are to be added; None: no element has the content."""
    if connection.execute(_held(sha256)).first() is None:
        return None
    number = secrets.randbelow(_NUMBERS - 1) + 1
    row = {"number": number, "sha256": sha256, "state": MAKING, "reader": known_as(read), "created_at": now()}
    row |= {"refused": read.refused and read.refused[:16], "pages": read.pages, "cut": read.cut}
    row |= {"passages": len(read.passages), "blocks": blocks, "lengths": list(lengths)}
    row |= {"embedded": "" if read.passages else None}
    connection.execute(insert(file_texts), row)
    return number


def add(connection: Connection, number: int, table: Table, rows: Sequence[dict[str, Any]]) -> bool:
    """Whether the text is still being made: else nothing is added."""
    if connection.execute(_locked(_text.number == number, _text.state == MAKING)).first() is None:
        return False
    dialects.of(connection).send(connection, _INSERTS[table.name], rows)
    return True


_INSERTS = {table.name: insert(table) for table in (passages, passage_words)}


def finish(connection: Connection, number: int, sha256: str, read: FileText) -> bool:
    """Has a text be kept that all was added to, in place of another reader's of this kind of file; one that this reader
    has kept meanwhile stays. False: no element has the content now, or the text was removed meanwhile."""
    locked = select(blobs.c.sha256).where(blobs.c.sha256 == sha256).with_for_update()
    connection.execute(locked).first()
    held = connection.execute(_held(sha256)).first() is not None
    if not held or is_kept(connection, sha256, read):
        connection.execute(update(file_texts).where(_text.number == number).values(state=GOING))
        return held
    kept = select(_text.number, _text.reader).where(_text.sha256 == sha256, _text.state == KEPT)
    before = [each.number for each in connection.execute(kept) if _as_kind(each.reader, read.kind)]
    connection.execute(update(file_texts).where(_text.number.in_(before)).values(state=GOING))
    made = update(file_texts).where(_text.number == number, _text.state == MAKING).values(state=KEPT)
    return bool(connection.execute(made).rowcount)


def _as_kind(stored: str, kind: str) -> bool:
    """Whether a text, of whichever reader, was read as this kind of file."""
    return stored.rpartition(" words ")[0].rpartition(" ")[2] == kind[:8]


def _held(sha256: str) -> Select[Any]:
    has = exists(select(1).where(elements.c.blob == blobs.c.sha256))
    return select(1).where(blobs.c.sha256 == sha256, blobs.c.released_at.is_(None), has)


def _locked(*which: ColumnElement[bool]) -> Select[Any]:
    return select(_text.number).where(*which).with_for_update()


def release(connection: Connection, contents: Collection[str]) -> None:
    """To be called while the rows of these contents are locked, which no element has any more."""
    if contents:
        connection.execute(update(file_texts).where(_text.sha256.in_(contents)).values(state=GOING))


# Removing


def _unkept() -> Select[Any]:
    # As the index has it: SQLite looks at no parameter.
    unkept = _text.state != literal_column(f"'{KEPT}'")
    left = and_(_text.state == MAKING, _text.created_at < now() - _LEFT)
    return select(_text.number).where(unkept, or_(_text.state == GOING, left))


def is_swept(connection: Connection) -> bool:
    """Whether no text is to be removed."""
    return connection.execute(_unkept().limit(1)).first() is None


def sweep(connection: Connection, most: int) -> bool:
    """Removes up to ``most`` rows of a text that is to be removed. Whether there was one that nobody else removes."""
    query = _unkept().limit(1)
    if not dialects.of(connection).serial:
        query = query.with_for_update(skip_locked=True)
    if (number := connection.execute(query).scalar()) is None:
        return False
    if not any(_removed(connection, table, number, most) for table in (passages, passage_words, passage_vectors)):
        connection.execute(delete(file_texts).where(_text.number == number))
    else:
        connection.execute(update(file_texts).where(_text.number == number).values(state=GOING))
    return True


def _removed(connection: Connection, table: Table, number: int, most: int) -> bool:
    here = and_(table.c.key >= key(number, 0), table.c.key < key(number + 1, 0))
    found = connection.execute(select(table.c.key).where(here).order_by(table.c.key).limit(most)).scalars().all()
    if found:
        connection.execute(delete(table).where(table.c.key >= found[0], table.c.key <= found[-1]))
    return bool(found)


# Rows


def passage_rows(number: int, read: Sequence[Passage]) -> list[dict[str, Any]]:
    return [
        {"key": key(number, place), "text": clean(each.text), "place": _stored(each.place)}
        for place, each in enumerate(read, 1)
    ]


def word_rows(number: int, blocks: Sequence[str]) -> list[dict[str, Any]]:
    return [{"key": key(number, place), "words": block} for place, block in enumerate(blocks)]


def _stored(place: Place) -> dict[str, Any]:
    ranges = {name: list(at) for name in ("pages", "rows", "lines") if (at := getattr(place, name)) is not None}
    unit = place.unit if place.unit != "page" else None
    texts = {"heading": list(place.heading), "sheet": place.sheet, "unit": unit}
    stored: dict[str, Any] = clean({**ranges, **{name: said for name, said in texts.items() if said}})
    return stored


def place_of(stored: dict[str, Any]) -> Place:
    ranges = {name: (at[0], at[1]) for name in ("pages", "rows", "lines") if (at := stored.get(name))}
    heading, unit = tuple(stored.get("heading", ())), stored.get("unit", "page")
    return Place(heading=heading, sheet=stored.get("sheet"), **ranges, unit=unit)


def pieces(rows: Sequence[dict[str, Any]], name: str, most: int, characters: int) -> Iterator[list[dict[str, Any]]]:
    """``rows``, up to ``most`` at a time, and about as many characters of the column ``name``."""
    some: list[dict[str, Any]] = []
    held = 0
    for row in rows:
        some.append(row)
        held += len(row[name])
        if len(some) == most or held >= characters:
            yield some
            some, held = [], 0
    if some:
        yield some
