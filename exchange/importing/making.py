"""What was read, as the write that stores it: with what of it is new, where some of it is here already."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from datalayer import Store
from datalayer.records import Imported, now
from datalayer.versions import mark
from datalayer.writes import Actor, ImportThread, UpdateThread

from ..origins.base import Conversation, File, Problem, Stored
from ..origins.places import Place
from ..origins.reasons import Why
from ..planting import MESSAGES, element, kind_of, plant, thread_id
from . import here as standing
from . import newer
from .files import Files
from .here import Here, Planned
from .reading import Reading, size
from .sniffing import named

Row = dict[str, Any]
Call = Callable[..., Awaitable[Any]]
"""Runs what blocks in the thread that reads the export."""
Given = tuple[Conversation | Stored, str | None]
"""What was read, and the identifier of the user whose it becomes."""


@dataclass(slots=True)
class Ready:
    """A thread that is to be stored."""

    write: ImportThread
    place: Place
    letters: int
    messages: int
    """That are not here yet."""
    pending: list[tuple[Row, File | str | bytes | None]]
    """Its elements that are not here yet, and where their content is."""
    problems: list[Problem]
    is_new: bool
    read: Conversation | Stored
    """What it is made of."""
    here: Here
    turns: list[newer.Turn] = field(default_factory=list)
    """Of what has another text than what is here."""
    follows: Row = field(default_factory=dict)
    """What of the thread is to be as it is in the export: arguments of ``UpdateThread``."""
    grown: bool = False
    """A further version of a question comes."""
    files: int = 0
    lost: int = 0

    def following(self) -> UpdateThread:
        write = self.write
        return UpdateThread(actor=write.actor, at=now(), thread_id=write.thread_id, stored_only=True, **self.follows)

    @property
    def adds(self) -> bool:
        return bool(self.messages or self.pending or self.grown)


class Making:
    def __init__(
        self, store: Store, reading: Reading, files: Files, actor: Actor, dry_run: bool, room: int | None
    ) -> None:
        """``room``: as of ``run_import``."""
        self._room, self._held = room, set[object]()
        self._store, self._reading, self._files = store, reading, files
        self._actor, self.dry_run = actor, dry_run
        self._planned = Planned()
        self.others = set[str]()
        """Ids of threads that are somebody else's."""

    def id(self, given: Given) -> str:
        """Of the thread that it becomes."""
        read, author = given
        if isinstance(read, Stored):
            return str(read.thread.get("id"))
        assert self._reading.origin is not None
        return thread_id(author, self._reading.origin.name, read.key)

    async def here(self, some: Sequence[Given]) -> dict[str, Here]:
        """Of those that are stored already, by the ids of their threads."""
        authors = {self.id(given): given[1] for given in some}
        here = dict[str, Here]()
        for key in await self._store.sizes(list(authors)):
            whole = await self._store.whole_thread(key)
            if whole and whole[0].user_identifier == authors[key]:
                here[key] = standing.of_stored(*whole)
            elif whole:
                self.others.add(key)
        for key in authors if self.dry_run else ():
            if (planned := self._planned.get(key)) is not None:
                here[key] = replace(planned, versions=here[key].versions if key in here else {})
        return here

    def made(self, some: Sequence[Given], here: Mapping[str, Here]) -> list[Ready | Problem]:
        """Blocks."""
        found = list[Ready | Problem]()
        for given in some:
            read, author = given
            try:
                stored = here.get(self.id(given))
                make = self._of_stored if isinstance(read, Stored) else self._of_conversation
                found.append(make(read, author, stored))  # type: ignore[arg-type]
            except Exception as error:  # a reader has given what it must not
                found.append(Problem(read.place, Why("not_made", error=type(error).__name__)))
        return found

    def _of_conversation(self, read: Conversation, author: str | None, here: Here | None) -> Ready:
        assert self._reading.origin is not None
        done = plant(read, author, self._reading.origin.name, now(), here.versions if here else None)
        files = {row["id"]: (row, file) for file, of, at in done.files for row in [element(file, of, at)]}
        write = self._write(done.thread_id, author, done.thread, done.steps, done.votes)
        return self._ready(read, write, list(files.values()), done.problems, here)

    def _of_stored(self, read: Stored, author: str | None, here: Here | None) -> Ready:
        values = {name: value for name, value in read.thread.items() if name not in ("id", "user_id")}
        votes = [_vote(row, read.author) for row in read.votes]
        write = self._write(str(read.thread["id"]), author, values, read.steps, votes, read.usage, read.summary)
        files = [(dict(row), read.contents.get(row.get("blob") or "")) for row in read.elements]
        return self._ready(read, write, files, list(read.problems), here)

    def _write(
        self,
        key: str,
        user: str | None,
        values: Row,
        steps: list[Row],
        votes: list[Row],
        usage: Any = (),
        summary: Any = None,
    ) -> ImportThread:
        return ImportThread(
            actor=self._actor,
            at=now(),
            thread_id=key,
            user=user,
            values=values,
            steps=steps,
            votes=votes,
            usage=list(usage),
            summary=summary,
        )

    def _ready(
        self, read: Conversation | Stored, write: ImportThread, files: Any, problems: list[Problem], here: Here | None
    ) -> Ready:
        known = here or Here()
        if here is not None and isinstance(read, Stored):
            write = replace(write, steps=newer.as_shown_here(write.steps, here))
        pending = [(row, file) for row, file in files if not known.has(row["id"])]
        if out := len(pending) - len(pending := [each for each in pending if self._fits(each[1])]):
            problems.append(Problem(read.place, Why("no_room", n=out), lost=False))
        if here is not None and here.texts and not any(here.has(row["id"]) for row in write.steps):
            problems.append(Problem(read.place, Why("none_shared"), lost=False))
        made = Ready(write, read.place, size(read), 0, pending, problems, here is None, read, known)
        if here is not None:
            made.turns = newer.turns(write.steps, here)
            made.follows = newer.follows(write.values, here)
        return made

    def _fits(self, what: File | str | bytes | None) -> bool:
        """Whether there is room for its content, which is taken then. What is there twice takes room once."""
        if self._room is None:
            return True
        key, size = self._files.size(what)
        if size and key not in self._held:
            if size > self._room:
                return False
            self._room -= size
            self._held.add(key)
        return True

    async def settle(self, ready: Ready) -> None:
        """What has another text than what is here becomes a further version, unless it was changed here."""
        here, write, others = ready.here, ready.write, set[str]()
        if ready.turns:
            ids = [key for turn in ready.turns for key in turn.ids]
            changed, gone = await self._store.rewritten(write.thread_id, ids)
            ready.turns = [t for t in ready.turns if t.is_here or t.known.count > 1 or changed.isdisjoint(t.ids)]
            others = {key for turn in ready.turns for key in turn.ids}
            ready.grown = not all(turn.is_here for turn in ready.turns)
            write = ready.write = replace(write, steps=newer.further(write.steps, ready.turns, here, gone))
        if ready.grown:
            ready.problems.append(Problem(ready.place, Why("newer_text"), lost=False))
        if any(here.differs(row) for row in write.steps if row["id"] not in others):
            ready.problems.append(Problem(ready.place, Why("differs"), lost=False))
        ready.messages = sum(not here.has(row["id"]) and _kind(row) in MESSAGES for row in write.steps)
        if self.dry_run:
            elements = [row for row, _ in ready.pending]
            self._planned.add(write.thread_id, write.steps, elements, None if ready.is_new else here)

    def forget(self, ready: Ready) -> None:
        """It was not stored, nor were its files."""
        self._files.forget(ready.write.blobs)

    async def put_files(self, ready: Ready) -> None:
        """Its files are stored. Raises DataLayerError."""
        for row, what in ready.pending:
            ready.write.elements.append(row)
            if isinstance(what, File):
                await self._put(row, what, ready)
            elif (sha256 := row.get("blob")) is not None:
                ready.files += 1  # the store may have the content already, and tells what is lost
                if what is not None and (blob := await self._files.put_known(sha256, what)) is not None:
                    ready.write.blobs.append(blob)

    async def _put(self, row: Row, file: File, ready: Ready) -> None:
        put = await self._files.put(file)
        if put is None:
            ready.lost += 1
            return
        blob, mime = put
        ready.files += 1
        ready.write.blobs.append(blob)
        row["blob"] = blob.sha256
        if mime:
            row |= {"mime": mime, "type": kind_of(mime), "name": named(row["name"], mime)}

    async def foreseen(self, ready: Ready) -> Imported:
        """What would become of it; its files are counted."""
        for row, what in ready.pending:
            there = what is not None and (not isinstance(what, File) or self._files.exists(what))
            ready.files += there
            ready.lost += not there and (isinstance(what, File) or row.get("blob") is not None)
        if ready.is_new:
            deleted = await self._store.was_deleted(ready.write.thread_id)
            return Imported("deleted" if deleted else "new")
        return Imported("added" if ready.adds or ready.follows else "there")


def _vote(row: Row, author: str | None) -> Row:
    """One of the author's is that of whoever becomes the author."""
    return {name: value for name, value in row.items() if name != "user" or value != author}


def _kind(row: Mapping[str, Any]) -> Any:
    return mark(row.get("metadata")).get("type") or row.get("type")
