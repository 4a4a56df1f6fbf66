"""A page of a person's files, or of what was found in them, as a template shows it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from datalayer import Store, file_url
from datalayer.passages import FileUse, FoundPassage, OwnFile, OwnFiles, unit_of
from datalayer.search.query import Query, Term
from datalayer.search.snippets import snippet
from datalayer.search.tokens import tokens
from datalayer.text import one_line, undirected

from .file_address import FileAddress
from .markup import marked
from .texts import Language, day, local, number, place, say, size

SIZE, _FOUND, _NAMED = 50, 50, 20
_SEEN = ("image/", "audio/", "video/")
"""What begins the types of files that nobody reads."""
PICTURES = frozenset(f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp", "avif", "bmp"))
"""Those that the route of files lets a page show."""
SENTENCES = ("encrypted", "broken", "empty", "scanned", "too_large", "too_slow", "old_format", "not_text")
"""Why a file has no passages, where there is a sentence for it."""


def called(name: str) -> str:
    """The name of a file as it is shown."""
    return one_line(undirected(name))


@dataclass(frozen=True, slots=True)
class Use:
    """Where a file is."""

    element: str
    thread: str
    step: str | None
    """The message that it came with."""
    name: str
    """Of the conversation; empty: it has none."""
    moment: str
    version: str
    """Empty: it is the only one of its name there."""
    left_out: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list."""

    id: str
    name: str
    size: str
    told: str
    """Whether it was read, how much that is, or why it was not."""
    moment: str
    iso: str
    uses: list[Use]
    where: str
    """The address of its content."""
    mime: str


@dataclass(frozen=True, slots=True)
class Thrown:
    """A file in the trash."""

    id: str
    name: str
    size: str
    moment: str
    """Since when it is there."""
    thread: str
    thread_name: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found."""

    id: str
    name: str
    number: int
    place: str
    said: Markup
    thread: str
    thread_name: str
    step: str | None


@dataclass(frozen=True, slots=True)
class Filed:
    rows: list[Row] = field(default_factory=list)
    next: str | None = None
    hits: list[Hit] = field(default_factory=list)
    count: int = 0
    size: int = 0
    complete: bool = True
    opened: Row | None = None
    file: OwnFile | None = None
    """The one that is open."""
    thrown: list[Thrown] = field(default_factory=list)
    """Those that came into the trash last."""
    known: str = ""
    """A digest of what is shown, by which a page asks whether that has changed."""


async def filed(store: Store, user_id: str, address: FileAddress, to: Language) -> Filed:
    """Raises DataLayerError: InvalidInput for a cursor that is none."""
    first = _NAMED if address.words else SIZE
    found = await store.own_files(
        user_id, first, address.after, address.sort, element_id=address.file, like=address.words
    )
    hits = await _hits(store, user_id, address.words, to) if address.words and not address.after else []
    thrown = [] if address.words or address.after else await store.own_trashed_files(user_id)
    return _filed(found, hits, [_thrown(use, to) for use in thrown[:SIZE]], to)


def _thrown(use: FileUse, to: Language) -> Thrown:
    name, moment = one_line(use.thread_name or ""), day(use.trashed_at, to)
    return Thrown(use.element_id, called(use.name), size(use.size, to), moment, use.thread_id, name)


def _filed(found: OwnFiles, hits: list[Hit], thrown: list[Thrown], to: Language) -> Filed:
    shown = (found.files, found.opened, hits, thrown, found.next, found.count, found.size)
    return Filed(
        thrown=thrown,
        known=hashlib.sha256(repr(shown).encode(errors="replace")).hexdigest()[:16],
        rows=[row(each, to) for each in found.files],
        next=found.next,
        hits=hits,
        count=found.count,
        size=found.size,
        complete=found.complete,
        opened=row(found.opened, to) if found.opened else None,
        file=found.opened,
    )


def row(file: OwnFile, to: Language) -> Row:
    last = file.uses[0]
    return Row(
        id=last.element_id,
        name=called(last.name),
        size=size(last.size, to),
        told=told(file, to),
        moment=day(last.created_at, to),
        iso=local(last.created_at).astimezone().isoformat(timespec="seconds"),
        uses=[_use(use, to) for use in file.uses],
        where=file_url(last.element_id, last.sha256),
        mime=last.mime or "",
    )


def told(file: OwnFile, to: Language) -> str:
    if file.status == "refused":
        return say(f"refused_{file.refused}" if file.refused in SENTENCES else "refused_other", to)
    if file.status == "waiting" and (file.uses[0].mime or "").startswith(_SEEN):
        return say("refused_not_text", to)
    if file.status == "waiting":
        return say("file_waiting", to)
    unit = unit_of(file.uses[0].name, file.uses[0].mime)
    counts = [say(f"file_{unit}s", to, n=file.pages)] if file.pages else []
    counts.append(say("file_passages", to, n=file.passages))
    return say("file_cut" if file.cut else "file_read", to, counts=", ".join(counts))


def _use(use: FileUse, to: Language) -> Use:
    version = ""
    if use.versions > 1 and not use.left_out:
        key = "version_old" if use.superseded else "version_answers"
        version = say(key, to, at=number(use.version, to), total=number(use.versions, to))
    name = one_line(use.thread_name or "")
    moment = day(use.created_at, to)
    return Use(use.element_id, use.thread_id, use.for_id, name, moment, version, use.left_out)


async def _hits(store: Store, user_id: str, words: str, to: Language) -> list[Hit]:
    found = await store.find_in_files(user_id, words, _FOUND)
    uses = {use.element_id: use for use in await store.own_uses(user_id, {each.element_id for each in found})}
    asked = Query(tuple(Term((word,), prefix=True, excluded=False) for word in dict.fromkeys(tokens(words))))
    return [_hit(each, uses[each.element_id], asked, to) for each in found if each.element_id in uses]


def _hit(found: FoundPassage, use: FileUse, asked: Query, to: Language) -> Hit:
    return Hit(
        id=found.element_id,
        name=called(found.name),
        number=found.number,
        place=place(found.place, to),
        said=marked(snippet(found.text, asked)),
        thread=found.thread_id,
        thread_name=one_line(found.thread_name or ""),
        step=use.for_id,
    )


@dataclass(frozen=True, slots=True)
class Passages:
    """What was read of a file, as far as it is shown."""

    some: Sequence[tuple[int, str, str]] = ()
    """Number, place and text."""
    before: int | None = None
    """The first passage of the page before."""
    after: int | None = None


MOST = 20
"""Passages that are shown at once."""


async def passages(store: Store, user_id: str, file: OwnFile, first: int, to: Language) -> Passages:
    """Those from number ``first`` on. Raises DataLayerError."""
    if not file.passages:
        return Passages()
    first = min(first, file.passages)
    found = await store.own_passages(user_id, file.uses[0].element_id, first, first + MOST - 1)
    some = [(n, place(each.place, to), each.text) for n, each in enumerate(found, first)]
    before = max(first - MOST, 1) if first > 1 else None
    return Passages(some, before, first + MOST if first + MOST <= file.passages else None)


async def elsewhere(store: Store, user_id: str, file: OwnFile, to: Language) -> list[tuple[str, str]]:
    """Ids and names of conversations that were active last and have not got the file."""
    found = await store.threads(user_id, SIZE, sort="activity")
    there = {use.thread_id for use in file.uses}
    return [(one.id, one_line(one.name or "") or say("untitled", to)) for one in found.threads if one.id not in there]
