"""A model that answers a whole module of tests, and what it was told of a conversation."""

import asyncio
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from tests.client import Client
from tests.servers.gemini import Failure, GeminiServer, Received, failure, finish, text

if TYPE_CHECKING:
    from tests.e2e.conftest import App, Tabs

KEY = "AIzaSy-not-a-real-key-0123456789"
FRENCH = {"Accept-Language": "fr-FR"}
MARKS = ("title for the conversation", "Sum up the conversation")


class Model(GeminiServer):
    """Says "Fine." unless scripted. ``titles``: whether it names conversations; else that is no request. ``loop``: on
    which it waits for events."""

    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__((text("Fine."), finish()))
        self.titles = False

    def aside(self, received: Received) -> Any:
        if MARKS[0] in prompt(received) and not self.titles:
            return failure(400, "INVALID_ARGUMENT")
        return super().aside(received)

    @property
    def asked(self) -> list[Received]:
        """The requests for an answer to a question."""
        return [each for each in self.requests if not any(mark in prompt(each) for mark in MARKS)]

    @property
    def told(self) -> list[str]:
        """The conversation that came with the last question."""
        return said(self.asked[-1])

    def answers(self, *pieces: str, **usage: int) -> None:
        counts = {"promptTokenCount": usage["read"], "candidatesTokenCount": usage["written"]} if usage else None
        self.script(*map(text, pieces), finish(usage=counts))

    def refuses(self, failure: Failure) -> None:
        self.script(failure)


def prompt(received: Received) -> str:
    parts = ((received.body or {}).get("systemInstruction") or {}).get("parts", [])
    return "".join(part.get("text", "") for part in parts)


def said(received: Received) -> list[str]:
    return [part.get("text", "") for turn in received.body["contents"] for part in turn["parts"]]


@contextmanager
def listening() -> Iterator[Model]:
    """On a loop of its own: that of a test ends with it."""
    loop, model = asyncio.new_event_loop(), Model()
    model.loop = loop
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(model.__aenter__(), loop).result(10)
    try:
        yield model
    finally:
        asyncio.run_coroutine_threadsafe(model.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def connected(model: Model) -> dict[str, str]:
    """The configuration of an app that asks ``model``."""
    return {"GEMINI_API_KEY": KEY, "GEMINI_BASE_URL": model.url}


async def ask(client: Client, question: str, **over: Any) -> str:
    """The text of the one answer, with plain spaces."""
    [reply] = await client.send(question, **over)
    return re.sub("[\u00a0\u202f]", " ", reply["output"])


def own(client: Client, question: str) -> str:
    """The id of a message of one's own."""
    return next(key for key, step in client.screen.items() if step["output"] == question)


async def resumed(tabs: "Tabs", app: "App", thread_id: str, **headers: str) -> Client:
    """Another tab on the conversation."""
    tab = await tabs(app.alive().url, connect=False, **headers)
    return await tab.connect(thread_id)


def restart(app: "App") -> None:
    """``kill -9``, and a new server."""
    app.alive().kill()
    app.alive()


def messages(thread: dict[str, Any]) -> list[str]:
    """The texts of a stored conversation, without what is only kept for Undo."""
    return [step["output"] for step in thread["steps"] if step["type"] in ("user_message", "assistant_message")]


def kept(app: "App", thread_id: str) -> list[dict[str, Any]]:
    """The steps of a conversation as they lie in the database, also those of versions that are not shown."""
    with closing(sqlite3.connect(f"{(app.home / 'threads.db').as_uri()}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        found = database.execute("SELECT * FROM steps WHERE thread_id = ? ORDER BY created_at, seq", (thread_id,))
        return [{**row, "metadata": json.loads(row["metadata"] or "{}") or {}} for row in map(dict, found)]
