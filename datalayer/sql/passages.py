"""I9: the files of a thread, and the passages of them that are most about a question.

Always true: what is found is of elements that were asked for: those of one thread, or of one user's. Equal content of
others is known by its hash only, and never looked for by what it says. It costs what these files are, whatever others
there are.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, islice
from json import dumps
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select

from .. import dialects
from ..dialects.expressions import listed_numbers
from ..passages import CITES, LEFT_OUT, ContextFile, FoundPassage, Passage, Status, kind_of
from ..schema import blobs, elements, file_texts, passage_words, passages, steps, threads
from ..search.bm25 import Ranked, rank
from ..search.postings import Indexed, block_of, count_of, line_of, unpacked
from ..search.stems import wanted, words
from ..text import fold
from ..versions import HIDDEN
from .context import DRAWN
from .file_texts import FIRST, KEPT, key, place_of, reader_of
from .rows import BLOB_NAME

_FILES = 1000
"""Of a user's that are searched, the newest."""
_QUESTION = 20_000
"""Characters of a question that are looked at."""
_LOOKUPS = 10_000
"""Words times files that are looked up; of a long question only the first words are."""

_POSTINGS = 100_000
"""Places of words that are looked at: some tenths of a second."""


class Held(NamedTuple):
    """A file as it is stored."""

    file: ContextFile
    thread_id: str
    thread_name: str | None
    number: int | None
    """Of its text; None: nothing is kept of it."""
    blocks: int


_WHAT = (
    *(elements.c.id, elements.c.for_id, func.coalesce(elements.c.name, ""), elements.c.mime, elements.c.props),
    *(blobs.c.size, blobs.c.sha256, BLOB_NAME, elements.c.created_at),
    *(file_texts.c.number, file_texts.c.reader, file_texts.c.refused, file_texts.c.pages, file_texts.c.passages),
    *(file_texts.c.cut, file_texts.c.blocks, threads.c.id, threads.c.name),
)
MAY_BE_FILE = (
    threads.c.trashed_at == 0,
    or_(elements.c.type.is_(None), and_(*(elements.c.type != kind for kind in DRAWN))),
    or_(steps.c.type.is_(None), and_(*(steps.c.type != kind for kind in sorted(HIDDEN)))),
)
"""Of an element with content, and its step if it has one: also of one in the trash."""
IS_FILE = (elements.c.trashed_at == 0, *MAY_BE_FILE)
_FILES_OF: Select[Any] = (
    select(*_WHAT)
    .select_from(threads)
    .join(elements, elements.c.thread_id == threads.c.id)
    .join(blobs, blobs.c.sha256 == elements.c.blob)
    .outerjoin(steps, steps.c.id == elements.c.for_id)
    .outerjoin(file_texts, and_(file_texts.c.sha256 == elements.c.blob, file_texts.c.state == KEPT))
    .where(*IS_FILE)
)
_OF_THREAD = _FILES_OF.where(threads.c.id == bindparam("thread")).order_by(elements.c.created_at, elements.c.id)
_OF_USER = (
    _FILES_OF.where(threads.c.user_id == bindparam("user"), file_texts.c.passages > 0)
    .order_by(elements.c.created_at.desc(), elements.c.id.desc())
    .limit(_FILES)
)


def files(connection: Connection, thread_id: str, left_out: bool = False) -> list[Held]:
    """Those that an answer may draw on, in the order in which they came; ``left_out``: with those that were taken out
    of the context."""
    found = dialects.of(connection).fetch(connection, _OF_THREAD, {"thread": thread_id}, _held)
    shown = [each for each in found if each is not None and (left_out or not each.file.left_out)]
    return _superseded(_of_each(shown))


def user_files(connection: Connection, user_id: str, without: Collection[str] = ()) -> list[Held]:
    """Those with passages, the newest first, each content once. ``without``: some threads."""
    found = dialects.of(connection).fetch(connection, _OF_USER, {"user": user_id}, _held)
    mine = [each for each in found if each and not each.file.left_out and each.thread_id not in without]
    return once(_of_each(mine))


def _of_each(rows: Iterable[Held]) -> list[Held]:
    """Of the rows of a file, one for each text of its content, that which was read as this kind of file."""
    files: dict[str, Held] = {}
    for each in rows:
        if each.number is not None or each.file.element_id not in files:
            files[each.file.element_id] = each
    return list(files.values())


def once(some: Iterable[Held]) -> list[Held]:
    """The first with each content of which something is kept."""
    seen: dict[str, Held] = {}
    for each in some:
        if each.blocks:
            seen.setdefault(each.file.sha256, each)
    return list(seen.values())


def _held(row: Sequence[Any]) -> Held | None:
    """None: it is no file of the conversation."""
    (element_id, for_id, name, mime, props, size, sha256, blob, at) = row[:9]
    (number, reader, refused, pages, count, cut, blocks, thread_id, thread_name) = row[9:]
    known = props if isinstance(props, dict) else {}
    if CITES in known:
        return None
    if number is not None and (reader := reader_of(reader, kind_of(name, mime))) is None:
        number = refused = pages = count = cut = blocks = None
    status: Status = "waiting" if number is None else "refused" if refused else "read"
    what = (element_id, for_id, name, mime, size, sha256, blob, at)
    told = (status, reader, refused, pages, count or 0, bool(cut))
    file = ContextFile(*what, *told, superseded=False, left_out=bool(known.get(LEFT_OUT)))
    return Held(file, thread_id, thread_name, number, blocks or 0)


def _superseded(found: Sequence[Held]) -> list[Held]:
    """A file sent with the same message replaces none: a person meant both. One that is left out replaces none, and is
    not replaced."""
    newest = {fold(each.file.name): each.file for each in found if not each.file.left_out}
    marked = []
    for each in found:
        last = each.file if each.file.left_out else newest[fold(each.file.name)]
        old = last is not each.file and (last.for_id is None or last.for_id != each.file.for_id)
        marked.append(each._replace(file=replace(each.file, superseded=True)) if old else each)
    return marked


# Which are about a question

_ASKED = listed_numbers("keys")
_LENGTHS: Select[Any] = select(file_texts.c.number, file_texts.c.lengths).where(file_texts.c.number.in_(_ASKED))
_WORDS: Select[Any] = select(passage_words.c.key, passage_words.c.words).where(passage_words.c.key.in_(_ASKED))
_TEXTS: Select[Any] = select(passages.c.key, passages.c.text, passages.c.place).where(passages.c.key.in_(_ASKED))
_RANGE: Select[Any] = (
    select(passages.c.key, passages.c.text, passages.c.place)
    .where(passages.c.key >= bindparam("first"), passages.c.key <= bindparam("last"))
    .order_by(passages.c.key)
)


def find(
    connection: Connection, some: Sequence[Held], question: str, before: Sequence[str], limit: int
) -> list[FoundPassage]:
    """The passages of the files that are most about ``question``, the best first. ``before``: earlier questions, which
    tell what it is about."""
    return shown(connection, some, ranked(connection, some, question, before, limit))


def ranked(
    connection: Connection, some: Sequence[Held], question: str, before: Sequence[str], limit: int
) -> list[Ranked[int]]:
    """The same by the numbers of their texts."""
    known = {each.number: each for each in some if each.number is not None and each.blocks}
    asked = dict(islice(wanted(question[:_QUESTION], before).items(), max(_LOOKUPS // max(len(known), 1), 10)))
    indexed = _indexed(connection, known, asked)
    names = {number: frozenset(words(each.file.name)) for number, each in known.items()}
    return rank(asked, indexed, limit, names)


def shown(connection: Connection, some: Sequence[Held], best: Sequence[Ranked[int]]) -> list[FoundPassage]:
    """Passages of the files, as far as they are still there."""
    known = {each.number: each for each in some if each.number is not None}
    texts = _by_key(connection, _TEXTS, [key(each.file, each.number) for each in best])
    return [_found(known[each.file], each, *texts[at]) for each in best if (at := key(each.file, each.number)) in texts]


def _indexed(connection: Connection, known: Mapping[int, Held], asked: Collection[str]) -> dict[int, Indexed]:
    """Of the files those words that are asked for."""
    lengths = _by_key(connection, _LENGTHS, known)
    where = {n: {word: key(n, block_of(word, known[n].blocks)) for word in asked} for n in lengths}
    blocks = _by_key(connection, _WORDS, {at for each in where.values() for at in each.values()})
    lines = {
        word: {n: line for n, each in where.items() if (line := line_of(blocks.get(each[word], ("",))[0], word))}
        for word in asked
    }
    found: dict[int, dict[str, list[tuple[int, int]]]] = {n: {} for n in lengths}
    for word in _telling(lines):
        for n, line in lines[word].items():
            found[n][word] = unpacked(line)
    return {n: Indexed(lengths[n][0], of_file) for n, of_file in found.items()}


def _telling(lines: Mapping[str, Mapping[int, str]]) -> list[str]:
    """The words that fewest passages have, and as many of the others as can be looked at: a word that all have tells
    nothing."""
    counts = {word: sum(map(count_of, each.values())) for word, each in lines.items()}
    rarest = sorted((word for word, count in counts.items() if count), key=lambda word: counts[word])
    left = accumulate(counts[word] for word in rarest)
    return [
        word for place, (word, total) in enumerate(zip(rarest, left, strict=True)) if not place or total <= _POSTINGS
    ]


def _by_key(connection: Connection, query: Select[Any], keys: Collection[int]) -> dict[int, tuple[Any, ...]]:
    if not keys:
        return {}
    found = dialects.of(connection).fetch(connection, query, {"keys": dumps(sorted(keys))}, tuple)
    return {row[0]: row[1:] for row in found}


def _found(held: Held, ranked: Ranked[int], text: str, place: dict[str, Any]) -> FoundPassage:
    file, where = held.file, (held.thread_id, held.thread_name)
    return FoundPassage(file.element_id, file.name, ranked.number, place_of(place), text, ranked.score, *where)


def read(connection: Connection, number: int, first: int, last: int) -> list[Passage]:
    """Passages of one text, in order, both ends included."""
    asked = {"first": key(number, max(first, 1)), "last": key(number, min(last, FIRST - 1))}
    found = dialects.of(connection).fetch(connection, _RANGE, asked, tuple)
    return [Passage(text, place_of(place)) for _, text, place in found]
