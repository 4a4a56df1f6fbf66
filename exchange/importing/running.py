"""An export, imported: read in a thread of its own, stored while it is read.

Always true: what is in flight is bounded, however large the export; of one conversation that cannot be stored the
others are. The same export again changes nothing.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from datalayer import APPLICATION, Store, imports, text
from datalayer.errors import Forbidden, InvalidInput, StoreUnavailable
from datalayer.records import Imported
from datalayer.writes import Actor, ImportThread

from ..opened import Limits
from ..origins.base import Conversation, Problem, Read, Stored
from ..origins.reasons import Why, refusal
from ..origins.threadkeep.anew import anew
from .files import Files
from .making import Call, Given, Making, Ready
from .reading import Reading
from .report import Report

Progress = Callable[[int], None]
"""Told how many conversations are done."""

_FLYING = 64
_LETTERS = 4_000_000
"""Conversations, and about how many characters, that may be on their way into the store when others are sent there:
all that were read together at once, so that they share transactions."""

_TRIES, _PAUSE = 120, 0.5
"""How often, and after how many seconds, a database is asked again that did not answer."""


def quiet(_: int) -> None: ...


async def run_import(
    store: Store,
    path: Path | str,
    user: str | None,
    *,
    actor: Actor = APPLICATION,
    origin: str | None = None,
    authors: bool = False,
    dry_run: bool = False,
    progress: Progress = quiet,
    limits: Limits | None = None,
    room: int | None = None,
) -> Report:
    """Imports what lies at ``path``: a file, a ZIP or a folder, or a database by its URL, which nobody but the operator
    may name.

    ``user``: the identifier of whose the conversations become; None: nobody's. ``actor``: who asks; a user imports for
    himself only. ``authors``: where the export says whose a conversation is, it becomes that user's, by the name there,
    and ``user`` has the others. ``origin``: the name of the product; None: its content tells. ``room``: bytes that the
    files may take; what goes beyond them is left out, and comes when the same is imported with more room; None: any
    number. Raises OSError for what cannot be opened, InvalidInput for an unknown ``origin``, StoreUnavailable.
    """
    loop = asyncio.get_running_loop()
    reading = Reading(path, origin, limits)
    with ThreadPoolExecutor(1, "import") as thread:

        def call(work: Callable[..., Any], *args: Any) -> Awaitable[Any]:
            return loop.run_in_executor(thread, partial(work, *args))

        files: Files | None = None
        try:
            await call(reading.open)
            files = Files(store, reading.source, call)
            making = Making(store, reading, files, actor, dry_run, room)
            importer = _Importer(store, reading, call, user, authors, making)
            await importer.run(progress)
            for problem in reading.source.problems:
                importer.report.tell(problem)
            return importer.report
        finally:
            await asyncio.shield(call(_closed, reading, files))


def _closed(reading: Reading, files: Files | None) -> None:
    if files is not None:
        files.close()
    reading.close()


@dataclass(slots=True)
class _Flight:
    """A thread on its way into the store."""

    made: Ready
    answer: asyncio.Future[Imported]
    again: bool = False
    """It is stored, as far as is known, and is asked for once more to learn what became of it."""

    @property
    def is_in_spool(self) -> bool:
        return self.answer.done() and isinstance(self.answer.exception(), StoreUnavailable)

    def result(self) -> Imported:
        """Raises DataLayerError."""
        done, made = self.answer.result(), self.made
        if not self.again or done.state == "deleted":
            return done
        return replace(done, state="new" if made.is_new else "added" if made.adds else done.state)


def _refused(error: Forbidden | InvalidInput, write: ImportThread) -> Why:
    """Why the store has not taken a conversation."""
    if isinstance(error, InvalidInput):
        return Why("refused", error=refusal(str(error)))
    return Why("taken") if write.actor in (APPLICATION, write.user) else Why("oneself")


class _Importer:
    def __init__(
        self, store: Store, reading: Reading, call: Call, user: str | None, authors: bool, making: Making
    ) -> None:
        self._store, self._reading, self._call, self._making = store, reading, call, making
        self._user, self._authors = user, authors
        self.report = Report(reading.origin.title if reading.origin else None, making.dry_run)
        self._flying: deque[_Flight] = deque()
        self._letters = 0
        self._seen = set[str]()
        """The ids of threads: a conversation may be in an export twice."""
        self._anew = set[str]()
        """The ids of threads that got new ones."""

    async def run(self, progress: Progress) -> None:
        """All of it. Raises DataLayerError."""
        try:
            await self._run(progress)
        finally:
            for flight in self._flying:
                flight.answer.cancel()

    async def _run(self, progress: Progress) -> None:
        some = await self._call(self._reading.some)
        while some:
            further = asyncio.ensure_future(self._call(self._reading.some))
            try:
                await self._take(some)
            finally:
                some = await further
            progress(self.report.read)
        await self._land_all()
        progress(self.report.read)

    async def _land_all(self) -> None:
        while self._flying:
            await self._land()

    async def _take(self, some: Sequence[Read]) -> None:
        report, given, again = self.report, list[Given](), list[Given]()
        for read in some:
            if isinstance(read, Problem):
                report.tell(read)
                continue
            report.read += 1
            one: Given = (read, self._whose(read))
            key = self._making.id(one)
            (again if key in self._seen else given).append(one)
            self._seen.add(key)
        await self._store_all(given)
        for one in again:  # what is new of it is told from what the one before has stored
            await self._land_all()
            await self._store_all([one])

    async def _store_all(self, given: Sequence[Given]) -> None:
        here = await self._making.here(given)
        if renamed := [one for one in map(self._renamed, given) if one]:
            given = [one for one in given if self._making.id(one) not in self._making.others] + renamed
            here |= await self._making.here(renamed)
        for made in await self._call(self._making.made, given, here):
            if isinstance(made, Problem):
                self.report.tell(made)
            else:
                await self._making.settle(made)
                await self._send(made)
        while len(self._flying) > _FLYING or self._letters > _LETTERS:
            await self._land()

    def _renamed(self, given: Given) -> Given | None:
        """With ids of its own, where its thread's is somebody else's."""
        read, author = given
        if not isinstance(read, Stored) or self._making.id(given) not in self._making.others:
            return None
        made: Given = (anew(read, author), author)
        self._anew.add(self._making.id(made))
        return made

    def _whose(self, read: Conversation | Stored) -> str | None:
        named = text.clean(read.author) if self._authors and read.author else None
        return named or self._user

    async def _send(self, made: Ready) -> None:
        for problem in made.problems:
            self.report.tell(problem)
        if self._making.dry_run:
            self._count(made, await self._making.foreseen(made))
            return
        try:
            await self._making.put_files(made)
            self._flying.append(_Flight(made, self._stored(made)))
        except InvalidInput as error:
            self.report.tell(Problem(made.place, _refused(error, made.write)))
            return
        self._letters += made.letters

    async def _land(self) -> None:
        """The oldest that is on its way is stored."""
        await self._decide(self._flying[0])
        flight = self._flying.popleft()
        made = flight.made
        self._letters -= made.letters
        try:
            done = flight.result()
        except (Forbidden, InvalidInput) as error:
            self._making.forget(made)
            if (
                isinstance(error, Forbidden)
                and isinstance(made.read, Stored)
                and made.write.thread_id not in self._anew
            ):
                # Somebody else has its ids. What is odd of it is told already.
                renamed = replace(anew(made.read, made.write.user), problems=[])
                self._anew.add(renamed.thread["id"])
                await self._store_all([(renamed, made.write.user)])
            else:
                self.report.tell(Problem(made.place, _refused(error, made.write)))
        else:
            if done.state == "deleted":
                self._making.forget(made)
            elif made.follows:
                await self._store.submit(made.following())
                done = replace(done, state="added")
            self._count(made, done)

    def _stored(self, made: Ready) -> asyncio.Future[Imported]:
        return asyncio.ensure_future(imports.store(self._store, made.write))

    async def _decide(self, flight: _Flight) -> None:
        """Returns when it is known what became of it. A database that was busy for a moment gets what the spool has for
        it, and the rest of a long thread."""
        for tried in range(_TRIES):
            await asyncio.wait([flight.answer])
            if not flight.is_in_spool:
                return
            if tried:
                await asyncio.sleep(_PAUSE)
            if await self._store.catch_up():
                self._ask_again()

    def _ask_again(self) -> None:
        """All at once, which takes one transaction and not one each."""
        for flight in self._flying:
            if flight.is_in_spool:
                flight.answer, flight.again = self._stored(flight.made), True

    def _count(self, made: Ready, done: Imported) -> None:
        report = self.report
        setattr(report, done.state, getattr(report, done.state) + 1)
        if done.state in ("new", "added"):
            report.show(made.write.thread_id, made.write.values.get("name"))
            report.messages += made.messages
            report.files += made.files - done.lost
            report.lost_files += made.lost + done.lost
            if self._authors:
                report.authors[made.write.user or ""] += 1
