"""A page of conversations, or of what a search found, as a template shows it."""

import hashlib
from dataclasses import dataclass, field

from markupsafe import Markup

from datalayer import Store
from datalayer.records import Thread, utc_offset
from datalayer.search.query import Problem
from datalayer.search.results import Hit, Hits
from datalayer.search.snippets import Snippet
from datalayer.text import one_line

from .address import Address
from .markup import marked
from .texts import Language, day, local, say

SIZE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list. ``name`` empty: it has none."""

    id: str
    name: str
    moment: str
    iso: str
    step: str | None = None
    """The message that was found; None: the conversation itself was, or nothing was searched for."""
    said: Markup | None = None
    folder: str | None = None
    tags: tuple[str, ...] = ()
    pinned: bool = False
    archived: bool = False
    done: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    rows: list[Row] = field(default_factory=list)
    next: str | None = None
    meant: str | None = None
    """What was searched for instead of what was asked."""
    notes: list[str] = field(default_factory=list)
    known: str = ""
    """Another one when the list has changed."""


async def listing(store: Store, user_id: str, address: Address, to: Language) -> Listing:
    """Raises DataLayerError."""
    if address.words:
        return await _found(store, user_id, address, to)
    page = await store.threads(user_id, SIZE, address.after, which=address.which, sort=address.sort)
    rows = [_row(thread, address, to) for thread in page.threads]
    known = hashlib.sha256(repr([(row, page.next) for row in rows]).encode()).hexdigest()[:16]
    return Listing(rows, page.next, known=known)


def _row(thread: Thread, address: Address, to: Language) -> Row:
    made = {"created": thread.created_at, "oldest": thread.created_at, "trashed": thread.trashed_at}
    at = made.get(address.sort, thread.last_activity_at)
    return Row(
        id=thread.id,
        name=one_line(thread.name or ""),
        moment=day(at, to),
        iso=local(at).astimezone().isoformat(timespec="seconds"),
        folder=thread.folder,
        tags=tuple(tag for tag in thread.tags or () if isinstance(tag, str)),
        pinned=thread.pinned,
        archived=thread.archived,
        done=thread.status == "done",
    )


async def _found(store: Store, user_id: str, address: Address, to: Language) -> Listing:
    """What is found, or else what is by the words that were most likely meant."""
    hits = await store.search(user_id, address.words, SIZE, address.after, utc_offset())
    meant = hits.meant if not hits.hits and address.after is None else None
    shown = await store.search(user_id, meant, SIZE, None, utc_offset()) if meant else hits
    with_messages = {hit.thread_id for hit in shown.hits if hit.step_id}
    rows = [_hit(hit, to) for hit in shown.hits if hit.step_id or hit.thread_id not in with_messages]
    return Listing(rows, shown.next, meant, _notes(shown, hits.problems, to))


def _hit(hit: Hit, to: Language) -> Row:
    name = one_line(hit.thread_name or "")
    return Row(
        id=hit.thread_id,
        name=name,
        moment=day(hit.at, to),
        iso=local(hit.at).astimezone().isoformat(timespec="seconds"),
        step=hit.step_id,
        said=_said(hit, name),
        archived=hit.archived,
    )


def _said(hit: Hit, name: str) -> Markup | None:
    """None where it only repeats the name. What finds a conversation itself is its name with its folder and tags."""
    shown = hit.snippet
    if hit.step_id is None and shown.text.startswith(name.removesuffix("…")):
        if all(end <= len(name) for _, end in shown.marks):
            return None
        rest = shown.text[len(name) :]
        begin = len(shown.text) - len(rest.lstrip())
        marks = tuple((start - begin, end - begin) for start, end in shown.marks if start >= begin)
        shown = Snippet(shown.text[begin:], marks)
    return marked(shown) if shown.text != name or shown.marks else None


def _notes(hits: Hits, problems: tuple[Problem, ...], to: Language) -> list[str]:
    """What was left out of the question, and what was not looked at."""
    notes = [say(f"problem_{problem.reason}", to, part=problem.part) for problem in problems]
    if hits.indexed is not None:
        notes.append(say("search_indexed", to, percent=hits.indexed))
    if hits.since is not None:
        notes.append(say("search_since", to, day=day(hits.since, to)))
    return notes
