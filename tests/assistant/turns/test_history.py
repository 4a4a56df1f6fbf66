"""A turn that reads no history is told what one that reads it would be, whatever was done to the conversation."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress

import chainlit as cl
import pytest
from chainlit.chat_context import chat_context
from chainlit.context import init_ws_context
from chainlit.session import WebsocketSession
from chainlit.user import PersistedUser

from assistant.memory import HotLimits
from assistant.memory.embedded import EmbeddedMemory
from assistant.models import ModelError, ModelUnavailable, Providers, Usage
from assistant.models.base import ChatRequest
from assistant.models.patience import Patience
from assistant.screen import commands, conversation, followups
from assistant.screen.answering import answer
from assistant.services import Services
from assistant.settings import Settings
from assistant.turns.history import rebuild, recall, warm
from assistant.usage.tracing import NoTraces
from datalayer import DataLayer
from tests.assistant.memory.memories import KINDS, PLACES, Place, look
from tests.assistant.models.scripted import Scripted
from tests.conftest import chainlit_session, register

WINDOW = 700
"""Tokens: small enough for a summary after some turns."""


class Model(Scripted):
    """Always has an answer, unless it ``fails``; ``stalls``: it then says no more, and sets ``asked``."""

    def __init__(self) -> None:
        super().__init__("openai", "local")
        self.fails: ModelError | None = None
        self.stalls, self.asked, self.count = False, asyncio.Event(), 0
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()
        self.goes_on.set()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str | Usage, None]:
        if self.fails:
            raise self.fails
        self.count += 1
        self.begun.set()
        await self.goes_on.wait()
        yield f"Answer {self.count} says this of it. "
        if self.stalls:
            self.asked.set()
            await asyncio.Event().wait()
        yield Usage(9, 5)


class Chat:
    """A conversation in two tabs of one person, driven by what the app does at each event."""

    def __init__(self, layer: DataLayer, place: Place, user: PersistedUser, tabs: list[WebsocketSession]) -> None:
        self.layer, self.user, self.tabs = layer, user, tabs
        self.memory, self.model, self.hits = place.open(), Model(), 0
        providers = Providers([self.model], patience=Patience(30, 30, 1, 0), window=WINDOW)
        self.services = Services(layer, providers, NoTraces(), self.memory, HotLimits(), 0.8)
        self.settings = Settings(model="local")
        self.thread_id = tabs[0].thread_id

    def switch(self, tab: int) -> None:
        init_ws_context(self.tabs[tab])

    async def ask(self, text: str) -> None:
        await self.put(await self.post(text))

    async def post(self, text: str) -> cl.Message:
        elements = [cl.File(name="a.txt", content=b"A file", mime="text/plain")] if "file" in text else []
        return await cl.Message(text, type="user_message", elements=elements).send()

    async def put(self, asked: cl.Message) -> None:
        """What on_message does."""
        thread = await self.layer.store.thread(self.thread_id)
        if (typed := await commands.recognise(asked)) is not None:
            await commands.run(typed, asked, thread, self.settings, self.services)
        else:
            held = await conversation.before(asked, thread, self.layer, self.memory)
            await self.same(held, asked)
            await answer(asked, held, self.settings, self.services, cl.Message(""))

    async def same(self, held: conversation.Conversation, asked: cl.Message) -> None:
        """The turn is told what one without a memory would be."""
        cold = await recall(EmbeddedMemory(HotLimits()), self.layer, conversation.asking(asked))
        assert held.known is not None
        assert held.known.session == cold.session
        assert cold.last or not held.known.last  # it does not know what an edit took along
        sent = {element.id for element in asked.elements or []}  # may be stored by now, or not
        assert {*held.known.files} | sent == {*cold.files} | sent

    async def stop(self, text: str) -> None:
        self.model.stalls, self.model.asked = True, asyncio.Event()
        turn = asyncio.create_task(self.ask(text))
        asked = asyncio.create_task(self.model.asked.wait())
        await asyncio.wait([turn, asked], return_when=asyncio.FIRST_COMPLETED)
        turn.cancel()
        with suppress(asyncio.CancelledError):
            await turn
        assert asked.done()
        self.model.stalls = False

    async def fail(self, text: str) -> None:
        self.model.fails = ModelUnavailable("503")
        await self.ask(text)
        self.model.fails = None

    async def edit(self, place: int, text: str) -> None:
        """As chainlit.socket.edit_message does, of any question of the tab."""
        questions = [message for message in chat_context.get() if message.type == "user_message"]
        if not questions:
            return
        asked = questions[place % len(questions)]
        shown = chat_context.get()
        for message in shown[shown.index(asked) + 1 :]:
            await message.remove()
        asked.content = text
        await asked.update()
        await self.put(asked)

    async def again(self) -> None:
        """Another answer to the last question of the tab."""
        shown = chat_context.get()
        if len(shown) < 2 or shown[-1].type != "assistant_message" or (shown[-1].metadata or {}).get("command"):
            return
        asked = next((message for message in reversed(shown) if message.type == "user_message"), None)
        if asked is not None and not (asked.metadata or {}).get("command"):
            thread = await self.layer.store.thread(self.thread_id)
            held = await conversation.before(asked, thread, self.layer, self.memory)
            await self.same(held, asked)
            await answer(asked, held, self.settings, self.services, cl.Message(""), replaced=shown[-1])

    async def together(self, text: str) -> None:
        """Both tabs ask at once."""

        async def of(tab: int) -> None:
            self.switch(tab)
            await self.put_unchecked(await self.post(f"{text} in tab {tab}"))

        await asyncio.gather(*(asyncio.create_task(of(tab)) for tab in range(2)))

    async def put_unchecked(self, asked: cl.Message) -> None:
        thread = await self.layer.store.thread(self.thread_id)
        held = await conversation.before(asked, thread, self.layer, self.memory)
        await answer(asked, held, self.settings, self.services, cl.Message(""))

    async def settled(self) -> None:
        """When nothing goes on in the background, what is hot is what the database has."""
        while followups._background:
            await asyncio.gather(*followups._background.values())
        await self.layer.drain()
        if hot := await look(self.memory, self.user.id, self.thread_id):
            self.hits += 1
            assert hot == await rebuild(self.layer, self.thread_id)


@pytest.fixture(params=KINDS)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    made = PLACES[request.param]()
    yield made
    await made.close()


@asynccontextmanager
async def talking(layer: DataLayer, place: Place) -> AsyncIterator[Chat]:
    """No fixture: Chainlit's context would be another one than the test's."""
    user, thread_id = await register(layer, place.name("ann")), place.name("t")
    await layer.update_thread(thread_id, user_id=user.id)
    with chainlit_session(user, thread_id) as one, chainlit_session(user, thread_id) as other:
        chat = Chat(layer, place, user, [one, other])
        yield chat
        await chat.memory.drop(user.id, thread_id)


STEPS = {
    "ask": 12,
    "edit": 3,
    "again": 3,
    "together": 2,
    "stop": 1,
    "fail": 1,
    "/clear": 1,
    "/help": 1,
    "warm": 1,
}
"""And how often each is taken."""


async def step(chat: Chat, number: int, dice: random.Random) -> None:
    chat.switch(0 if dice.random() < 0.7 else 1)
    about = "for a file" if dice.random() < 0.1 else "how the bridge is"
    said = f"Question {number} asks {about}. " * dice.choice((1, 6))
    match dice.choices(list(STEPS), list(STEPS.values()))[0]:
        case "ask":
            await chat.ask(said)
        case "edit":
            await chat.edit(dice.randrange(99), dice.choice((said, said, "/help")))
        case "again":
            await chat.again()
        case "together":
            await chat.together(said)
        case "stop":
            await chat.stop(said)
        case "fail":
            await chat.fail(said)
        case "warm":
            await warm(chat.memory, chat.layer, chat.user.id, chat.thread_id)
        case command:
            await chat.ask(command)


@pytest.mark.parametrize("seed", range(8))
async def test_hot_and_cold_are_the_same_after_each_of_many_steps(
    chainlit_layer: DataLayer, place: Place, seed: int
) -> None:
    dice = random.Random(seed)
    async with talking(chainlit_layer, place) as chat:
        for number in range(25):
            await step(chat, number, dice)
            await chat.settled()
        assert chat.hits > 5  # it was hot, now and then


async def test_what_another_tab_asks_before_an_answer_begins_to_be_stored(
    chainlit_layer: DataLayer, place: Place
) -> None:
    async with asyncio.timeout(60), talking(chainlit_layer, place) as chat:
        await chat.ask("One")
        chat.model.begun.clear()
        chat.model.goes_on.clear()
        turn = asyncio.create_task(chat.ask("Two"))
        await chat.model.begun.wait()
        chat.switch(1)
        asked = await chat.post("Three")
        await chat.layer.drain()
        chat.model.goes_on.set()
        await turn
        await chat.put(asked)


async def test_a_summary_is_made_on_the_way_and_the_next_turn_has_it(chainlit_layer: DataLayer, place: Place) -> None:
    async with talking(chainlit_layer, place) as chat:
        for number in range(30):
            await chat.ask(f"Question {number} asks how the bridge is.")
            await chat.settled()
        summary = await chat.layer.store.summary(chat.thread_id)
        assert summary is not None
        session = await rebuild(chat.layer, chat.thread_id)
    assert session.summary == summary.text
    assert session.messages[0].role == "user"
    assert summary.messages + len(session.messages) == 60
