"""The conversation on a screen, as a turn needs it, and what the turn adds to its hot session.

Always true: a turn that reads no history gives the model what one that reads it would.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context

from datalayer import DataLayer, DataLayerError
from datalayer.passages import ContextFile
from datalayer.records import Thread, now

from ..marks import forgets, is_for_models
from ..memory import HotSession, Memory, Ticket
from ..models import ChatMessage
from ..turns.attachments import Sent, attach
from ..turns.context import Shelf
from ..turns.history import Asking, Known, hot_message, moment, recall
from . import live, temporary
from .session import owner

_ROLES: dict[str, Any] = {"user_message": "user", "assistant_message": "assistant"}


@dataclass(frozen=True, slots=True)
class Held:
    """The files of a conversation."""

    shelf: Shelf | None = None
    """Where what they say is; None: it cannot be read."""
    files: Sequence[ContextFile] = ()

    @property
    def by_id(self) -> dict[str, ContextFile] | None:
        """None: nobody can tell which they are."""
        return None if self.shelf is None else {file.element_id: file for file in self.files}


UNKNOWN = Held()


@dataclass(frozen=True, slots=True)
class Conversation:
    messages: list[ChatMessage]
    """Oldest first, the question last."""
    summary: str | None = None
    """Of what came before the messages, None: nothing did."""
    ticket: Ticket | None = None
    known: Known | None = None
    """None: the database cannot be read, and the turn goes on from what the page holds."""
    held: Held = UNKNOWN
    """The files that the answer may draw on."""


async def before(
    asked: cl.Message, thread: Thread | None, layer: DataLayer, memory: Memory, held: Held = UNKNOWN
) -> Conversation:
    """The conversation up to ``asked``, which may be an older message. ``thread`` None: it is not in the database."""
    found = await _before(asked, thread, layer, memory, held.by_id)
    return replace(found, held=held)


async def _before(
    asked: cl.Message, thread: Thread | None, layer: DataLayer, memory: Memory, known: Mapping[str, ContextFile] | None
) -> Conversation:
    session = cl.context.session
    if temporary.here():
        return await _without_database(layer, asked, known)
    if thread is None or (await layer.health())["state"] != "ok":
        # What is held lacks what waits in the spool: it goes when the turn ends.
        ticket, hot = await memory.take(owner(session), session.thread_id)
        live.here().held = hot or live.here().held
        return await _without_database(layer, asked, known, ticket)
    try:
        recalled = await recall(memory, layer, asking(asked))
    except DataLayerError:
        return await _without_database(layer, asked, known)
    live.here().held = None
    said = {message.id: ChatMessage(message.role, message.text) for message in recalled.session.messages}
    said[asked.id] = ChatMessage("user", asked.content)
    files = asked.elements or recalled.files or any(message.files for message in recalled.session.messages)
    messages = await _with_files(layer, asked, said, known) if files else list(said.values())
    return Conversation(messages, recalled.session.summary, recalled.ticket, recalled)


def asking(asked: cl.Message) -> Asking:
    session = cl.context.session
    return Asking(owner(session), session.thread_id, asked.id, moment(asked.created_at))


async def _with_files(
    layer: DataLayer, asked: cl.Message, messages: dict[str, ChatMessage], known: Mapping[str, ContextFile] | None
) -> list[ChatMessage]:
    with_files = chat_context.get() if temporary.here() else [asked]  # elsewhere the others are stored
    sent = [
        Sent(element.id, message.id, element.name, element.mime, Path(element.path))
        for message in with_files
        for element in message.elements or []
        if isinstance(element.path, str)
    ]
    return await attach(layer, asked.thread_id, sent, messages, known)


async def _without_database(
    layer: DataLayer, asked: cl.Message, known: Mapping[str, ContextFile] | None, ticket: Ticket | None = None
) -> Conversation:
    """What the page shows up to ``asked``; before that, as it may show the end only, what was held until the database
    went away."""
    shown, held = chat_context.get(), live.here().held
    first = moment(shown[0].created_at) if shown and held else 0
    above = [message for message in held.messages if message.created_at < first] if held else []
    forgotten = any(forgets(message.metadata) for message in shown)
    said = {} if forgotten else {message.id: ChatMessage(message.role, message.text) for message in above}
    summary = held.summary if held and above and not forgotten else None
    return Conversation(await _with_files(layer, asked, said | _on_the_page(asked), known), summary, ticket)


def _on_the_page(asked: cl.Message) -> dict[str, ChatMessage]:
    """The roles and texts of what the page shows up to ``asked``, by id; Chainlit can hold a message twice."""
    found: dict[str, ChatMessage] = {}
    for message in chat_context.get():
        if forgets(message.metadata):
            found.clear()
        elif message.type in _ROLES and not message.is_error and is_for_models(message.metadata):
            found[message.id] = ChatMessage(_ROLES[message.type], message.content)
        if message.id == asked.id:
            break
    found.setdefault(asked.id, ChatMessage("user", asked.content))
    return found


async def after(
    held: Conversation,
    asked: cl.Message,
    answer: cl.Message | None,
    layer: DataLayer,
    memory: Memory,
) -> HotSession | None:
    """Gives the hot session back, with the turn's messages where all of them are stored, and returns it.

    Without an ``answer`` (it was stopped, or has failed) the next turn reads the database. So it does after an older
    question: what another tab has asked since then is still there.
    """
    if held.ticket is None:
        return None
    stored = answer is not None and (await layer.health())["state"] == "ok"
    session = None
    if stored and answer and held.known and held.known.last:
        session = _extended(held.known, asked, answer)
    await memory.put(held.ticket, session)
    return session


def _extended(known: Known, asked: cl.Message, answer: cl.Message) -> HotSession:
    files = tuple(dict.fromkeys((*known.files, *(element.id for element in asked.elements or []))))
    new = [hot_message(asked.id, "user_message", asked.content, moment(asked.created_at), files)]
    if is_for_models(answer.metadata):
        new.append(hot_message(answer.id, "assistant_message", answer.content, moment(answer.created_at)))
    return replace(known.session.extended(*new), ended_at=now())
