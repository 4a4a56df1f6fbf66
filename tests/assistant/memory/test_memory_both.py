"""The two memories told apart by nothing that can be seen, and neither ever older than the database."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.memory import HotSession, Memory, Ticket
from tests.assistant.memory.memories import KINDS, PLACES, Embedded, Place, Redis, message, session
from tests.conftest import often

LIMITS = {"per_user": 2, "ttl": 1000, "max_bytes": 1500}
RUNS = settings(deadline=None, max_examples=200)
ON_REDIS = settings(RUNS, max_examples=often(40, 200))

user, thread = st.sampled_from(("anna", "anna", "bruno")), st.sampled_from("abc")
# Whole hundreds of seconds, so that it does not matter how long the test itself takes.
age = st.integers(1, 11).map(lambda n: n * 100)
ticket = st.integers(0, 9)
value = st.none() | st.builds(lambda texts: session(*texts), st.lists(st.text(max_size=600), max_size=4))


class Player:
    """Takes the same steps as another one; what it saw can be compared."""

    def __init__(self, place: Place, lines: list[str]) -> None:
        self.place, self.memory, self.lines = place, place.open(**LIMITS), lines
        self.tickets: list[Ticket] = []

    async def take(self, user: str, thread: str) -> HotSession | None:
        ticket, found = await self.memory.take(self.place.name(user), self.place.name(thread))
        self.tickets.append(ticket)
        return found

    async def put(self, number: int, value: HotSession | None) -> list[str]:
        if not self.tickets:
            return []
        removed = await self.memory.put(self.tickets[-1 - number % len(self.tickets)], value)
        return [self.plain(name) for name in removed]

    async def turn(self, user: str, thread: str, value: HotSession | None) -> list[Any]:
        return [await self.take(user, thread), await self.put(0, value)]

    async def drop(self, user: str, thread: str) -> None:
        await self.memory.drop(self.place.name(user), self.place.name(thread))

    async def age(self, seconds: int) -> None:
        self.place.age(seconds)

    async def seen(self) -> list[Any]:
        """What can be seen without a change."""
        found = {user: await self.memory.sessions(self.place.name(user)) for user in ("anna", "bruno")}
        lists = [(self.plain(i.thread_id), i.messages, round(i.expires_in, -2)) for user in found for i in found[user]]
        return [lists, [self.plain(line) for line in self.lines]]

    def plain(self, text: str) -> str:
        return text.replace(f"-{self.place.tag}", "")


STEP = st.one_of(
    st.tuples(st.just("turn"), user, thread, value),
    st.tuples(st.just("take"), user, thread),
    st.tuples(st.just("put"), ticket, value),
    st.tuples(st.just("drop"), user, thread),
    st.tuples(st.just("age"), age),
)


def run(places: list[Place], game: Coroutine[Any, Any, None]) -> None:
    async def play() -> None:
        try:
            await game
        finally:
            for place in places:
                await place.close()

    asyncio.run(play())


class Lines(logging.Handler):
    """The lines of the log that are about one place."""

    def __init__(self, tag: str) -> None:
        super().__init__(logging.INFO)
        self.tag, self.lines = tag, list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        if self.tag in record.getMessage():
            self.lines.append(record.getMessage())


@pytest.fixture(autouse=True)
def _verbose(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "assistant")


@pytest.mark.services
@settings(ON_REDIS)
@given(st.lists(STEP, max_size=40))
def test_the_same_steps_are_answered_the_same(steps: list[tuple[Any, ...]]) -> None:
    places: list[Place] = [Embedded(), Redis()]

    async def game() -> None:
        players = [Player(place, listen(place)) for place in places]
        for name, *values in steps:
            answers = [[await getattr(player, name)(*values), await player.seen()] for player in players]
            assert answers[0] == answers[1], name

    run(places, game())


def listen(place: Place) -> list[str]:
    handler = Lines(place.tag)
    logging.getLogger("assistant").addHandler(handler)
    place.at_end.append(lambda: logging.getLogger("assistant").removeHandler(handler))
    return handler.lines


class Tab:
    """One that has turns at a thread, in pieces, so that others come in between: take, read, write, put."""

    def __init__(self, memory: Memory, user: str, thread: str, database: list[str]) -> None:
        self.memory, self.user, self.thread, self.database = memory, user, thread, database
        self.ticket: Ticket | None = None
        self.session: HotSession | None = None

    async def take(self) -> None:
        if self.ticket:
            return
        self.ticket, self.session = await self.memory.take(self.user, self.thread)
        if self.session:
            assert [m.text for m in self.session.messages] == self.database

    async def read(self) -> None:
        if self.ticket and self.session is None:
            self.session = session(*self.database) if self.database else HotSession(())

    async def write(self) -> None:
        if self.ticket and self.session:
            self.database.append(f"text {len(self.database)}")
            self.session = self.session.extended(message(len(self.database), self.database[-1]))

    async def put(self) -> None:
        if self.ticket:
            await self.memory.put(self.ticket, self.session)
        self.ticket = self.session = None

    async def stop(self) -> None:
        """The turn is stopped: what it has written stays in the database."""
        if self.ticket:
            await self.memory.put(self.ticket, None)
        self.ticket = self.session = None

    async def die(self) -> None:
        self.ticket = self.session = None

    async def turn(self) -> None:
        for step in (self.take, self.read, self.write, self.put):
            await step()

    async def edit(self) -> None:
        if self.database:
            self.database[0] += "!"
            await self.memory.drop(self.user, self.thread)


ACTS = ("turn", "turn", "take", "read", "write", "put", "stop", "die", "edit")


@pytest.mark.parametrize("kind", KINDS)
def test_no_turn_is_given_what_is_older_than_the_database(kind: str) -> None:
    @settings(ON_REDIS if kind == "redis" else RUNS)
    @given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(ACTS)) | age, max_size=60))
    def play(steps: list[Any]) -> None:
        place = PLACES[kind]()
        run([place], turns(place, steps))

    play()


async def turns(place: Place, steps: list[Any]) -> None:
    database: list[str] = []
    tabs = [Tab(place.open(), place.name("anna"), place.name("t"), database) for _ in range(3)]
    for step in steps:
        if isinstance(step, int):
            for tab in tabs:
                await tab.die()  # no turn lives as long as MAX_TURN
            place.age(step)
        else:
            await getattr(tabs[step[0]], step[1])()
