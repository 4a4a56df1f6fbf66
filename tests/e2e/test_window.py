"""A conversation that is larger than its model's window goes on within it, over the real app and the real SDK."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from assistant.models.tokens import MESSAGE, estimate
from datalayer import DataLayer
from datalayer.records import to_iso
from datalayer.reports import Summary, digest
from tests.client import Client, until
from tests.conftest import make_step, register
from tests.e2e.conftest import App, Tabs
from tests.servers.gemini import GeminiServer, Received, failure, finish, model, text
from tests.servers.http import Until

WINDOW, ROOM = 4_000, 3_000
"""Tokens of the model, and what of them a question may take."""
COUNT = 2_000
PROMPT = "You are the keeper of the log of the Meridian. " * 4
OVERLOADED = failure(503, "UNAVAILABLE")


class Model(GeminiServer):
    """Has a small window; says "Fine." unless scripted."""

    def __init__(self) -> None:
        super().__init__((text("Fine."), finish()))
        self.models = [model("gemini-2.5-flash", "Gemini 2.5 Flash", WINDOW)]
        self.tokens = 9_999

    def answers(self, *pieces: str) -> None:
        self.script(*map(text, pieces), finish())

    @property
    def summed(self) -> list[Received]:
        return [each for each in self.requests if "Sum up the conversation" in system(each)]

    @property
    def asked(self) -> list[Received]:
        return [each for each in self.requests if each not in self.summed]


def system(request: Received) -> str:
    return "".join(part["text"] for part in request.body["systemInstruction"]["parts"])


def said(request: Received) -> list[str]:
    return [part["text"] for turn in request.body["contents"] for part in turn["parts"]]


def fits(request: Received) -> bool:
    told = sum(MESSAGE + estimate(each) for each in said(request))
    return estimate(system(request)) + told <= ROOM


def entry(n: int) -> str:
    return f"Entry {n}: the depth is {n * 7} metres."


def key(n: int) -> str:
    return f"00000000-0000-4000-8000-{n:012}"


@pytest.fixture
async def gemini() -> AsyncIterator[Model]:
    async with Model() as server:
        yield server


@pytest.fixture
def app(tmp_path: Path, gemini: Model) -> Iterator[App]:
    app = App(tmp_path, GEMINI_API_KEY="AIzaSy-not-a-real-key-0123456789", GEMINI_BASE_URL=gemini.url)
    yield app
    app.close()


@asynccontextmanager
async def database(app: App) -> AsyncIterator[DataLayer]:
    """The app's, for somebody beside it."""
    layer = DataLayer(f"sqlite+aiosqlite:///{app.home}/threads.db", files=app.home / "files")
    yield layer
    await layer.close()


@pytest.fixture
async def log(app: App) -> str:
    """The id of a thread of 2,000 messages, in which questions and answers take turns."""
    app.home.mkdir()
    async with database(app) as layer:
        user = await register(layer, "local")
        await layer.update_thread("log", user_id=user.id, name="Log", metadata=settings(PROMPT))
        steps = []
        for n in range(COUNT):
            kind = "assistant_message" if n % 2 else "user_message"
            moment = to_iso(1_760_000_000_000_000 + n * 1_000_000)
            steps.append(make_step("log", id=key(n), type=kind, output=entry(n), createdAt=moment))
        await asyncio.gather(*map(layer.create_step, steps))
    return "log"


def settings(prompt: str) -> dict[str, Any]:
    return {"chat_settings": {"system_prompt": prompt, "model": "gemini-2.5-flash"}}


async def resumed(app: App, tabs: Tabs, thread_id: str) -> Client:
    """The page of the thread; the model's server, in this loop, must go on answering meanwhile."""
    return await tabs.resume((await asyncio.to_thread(app.alive)).url, thread_id)


def rows(app: App, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"{(app.home / 'threads.db').as_uri()}?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


async def summary(app: App, thread_id: str, but: str = "") -> Summary:
    """The stored one, once it says something else than ``but``."""
    query = "SELECT text FROM summaries"

    async def stored() -> bool:
        return any(row[0] != but for row in rows(app, query))

    await until(stored)
    async with database(app) as layer:
        found = await layer.store.summary(thread_id)
        assert found is not None
        messages = await layer.store.thread_messages(thread_id)
    place = [message.id for message in messages].index(found.until_step) + 1
    assert (found.from_step, found.messages) == (messages[0].id, place)
    assert found.digest == digest(messages[:place])
    return found


async def forgets(me: Client, app: App, gemini: Model) -> Summary:
    """A turn, and the summary that it brings about."""
    gemini.answers("Fine.")
    gemini.answers("They counted entries.")
    await me.send("How deep was it?")
    return await summary(app, "log")


async def test_two_thousand_messages_go_on_within_the_window(log: str, app: App, tabs: Tabs, gemini: Model) -> None:
    me = await resumed(app, tabs, log)
    made = await forgets(me, app, gemini)
    first, task = gemini.requests
    newest = [entry(n) for n in range(COUNT)][-len(said(first)) + 1 :]
    assert said(first) == [*newest, "How deep was it?"]
    assert first.body["contents"][0]["role"] == "user"
    assert len(newest) > 150
    assert system(first).strip() == PROMPT.strip()
    assert fits(first)
    assert fits(task)
    assert "Entry" in said(task)[0]
    assert (made.text, made.source, made.model) == ("They counted entries.", "model", "gemini-2.5-flash")
    assert made.messages > COUNT - 110
    assert len((await me.stored())["steps"]) >= COUNT + 2

    count = rows(app, "SELECT status, model, tokens_in FROM usage WHERE kind = 'summary'")
    assert count == [("complete", "gemini-2.5-flash", 2)]

    later = [entry(n) for n in range(made.messages, COUNT)]
    await me.send("And now?")
    told = [*later, "How deep was it?", "Fine.", "And now?"]
    assert said(gemini.requests[-1]) == told
    assert system(gemini.requests[-1]).startswith(PROMPT.strip())
    assert "They counted entries." in system(gemini.requests[-1])

    app.alive().kill()
    me = await resumed(app, tabs, log)
    await me.send("After the crash?")
    assert said(gemini.requests[-1]) == [*told, "Fine.", "After the crash?"]
    assert "They counted entries." in system(gemini.requests[-1])
    assert all(map(fits, gemini.requests))
    assert len(gemini.summed) == 1

    [shown] = await me.send("/info")
    assert f"{made.messages:,}".replace(",", "") in shown["output"].replace(",", "")
    await me.send("/clear")
    await me.send("Who are you?")
    assert said(gemini.requests[-1]) == ["Who are you?"]
    assert system(gemini.requests[-1]).strip() == PROMPT.strip()


async def test_a_covered_message_that_is_edited_outside_has_it_made_anew(
    log: str, app: App, tabs: Tabs, gemini: Model
) -> None:
    await forgets(await resumed(app, tabs, log), app, gemini)
    app.alive().kill()
    async with database(app) as layer:
        await layer.update_step(make_step(log, id=key(5), output="Another", createdAt=to_iso(1_760_000_005_000_000)))
        assert await layer.store.summary(log) is None
    me = await resumed(app, tabs, log)
    gemini.answers("Fine.")
    gemini.answers("Told anew.")
    await me.send("Go on")
    assert "They counted" not in system(gemini.asked[-1])
    assert (await summary(app, log)).text == "Told anew."
    assert "They counted" not in said(gemini.summed[-1])[0]


@pytest.mark.parametrize("edited", ["What was the depth then?", entry(1_000)], ids=["changed", "unchanged"])
async def test_an_old_question_that_is_edited_in_the_chat_has_it_made_anew(
    log: str, app: App, tabs: Tabs, gemini: Model, edited: str
) -> None:
    me = await resumed(app, tabs, log)
    await forgets(me, app, gemini)
    gemini.answers("Fine.")
    gemini.answers("Told anew.")
    await me.edit(key(1_000), edited)
    request = gemini.asked[-1]
    assert said(request)[-2:] == [entry(999), edited]
    assert "They counted" not in system(request)
    assert fits(request)
    made = await summary(app, log, but="They counted entries.")
    assert made.text == "Told anew."
    assert made.messages < 1_000


async def test_when_the_model_cannot_sum_up_an_extract_serves(log: str, app: App, tabs: Tabs, gemini: Model) -> None:
    me = await resumed(app, tabs, log)
    gemini.answers("Fine.")
    for _ in range(3):
        gemini.script(OVERLOADED)
    await me.send("How deep was it?")
    made = await summary(app, log)
    assert (made.source, made.model) == ("extractive", None)
    assert rows(app, "SELECT status FROM usage WHERE kind = 'summary'") == [("failed",)]
    await me.send("And now?")
    assert made.text in system(gemini.requests[-1])
    assert "- user: Entry" in made.text
    assert fits(gemini.requests[-1])
    assert len(gemini.summed) == 3  # it is not due again


async def test_two_quick_turns_ask_for_one_summary(log: str, app: App, tabs: Tabs, gemini: Model) -> None:
    me = await resumed(app, tabs, log)
    free = asyncio.Event()
    gemini.answers("Fine.")
    gemini.script(Until(free), text("They counted entries."), finish())
    await me.send("How deep was it?")
    while not gemini.summed:
        await gemini.arrival()
    await me.send("And now?")
    free.set()
    made = await summary(app, log)
    await me.send("And then?")
    assert said(gemini.requests[-1])[0] == entry(made.messages)
    assert len(gemini.summed) == 1


async def test_a_message_larger_than_the_window_gets_a_clear_answer_and_is_stored(
    log: str, app: App, tabs: Tabs, gemini: Model
) -> None:
    me = await resumed(app, tabs, log)
    large = "A long page. " * 1_500
    [reply] = await me.send(large)
    assert "larger than what Gemini 2.5 Flash can read" in reply["output"]
    assert reply["metadata"]["fallback"] == "too_long"
    assert gemini.requests == []
    assert large in [step["output"] for step in (await me.stored())["steps"]]
    await me.send("Shorter, then")
    assert said(gemini.requests[0])[-1] == "Shorter, then"
    assert fits(gemini.requests[0])


async def test_what_the_provider_counts_as_small_enough_is_asked(log: str, app: App, tabs: Tabs, gemini: Model) -> None:
    me = await resumed(app, tabs, log)
    gemini.tokens = ROOM
    [reply] = await me.send("A long page. " * 1_500)
    assert reply["output"] == "Fine."
    assert len(said(gemini.requests[0])) == 1
    assert system(gemini.requests[0]).strip() == PROMPT.strip()


async def test_without_a_model_the_summary_that_one_asks_for_is_an_extract(log: str, app: App, tabs: Tabs) -> None:
    del app.env["GEMINI_API_KEY"]
    me = await resumed(app, tabs, log)
    [reply] = await me.send("/summary")
    assert "· Entry" in reply["output"]
    await me.send("Hello?")
    assert rows(app, "SELECT * FROM summaries") == []
