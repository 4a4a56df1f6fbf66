"""Chainlit's callbacks <-> ``answering.py``: what happens at the screen, one function an event."""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.data import get_data_layer
from chainlit.session import BaseSession
from chainlit.types import Feedback, ThreadDict

from datalayer import DataLayer, StoreUnavailable
from datalayer.records import Thread

from . import offers, startup
from .answering import Parts, make_turn, stream
from .attachments import attach
from .config import Config
from .models import OFFLINE, ChatMessage, Providers
from .screen import session_language
from .settings import KEY, Settings
from .texts import say

_ROLES: dict[str, Any] = {"user_message": "user", "assistant_message": "assistant"}
_VOTED = 500  # messages, the newest, among which a vote finds its answer
_FIRST_LOOK = 2.0
"""Seconds that a new page waits for the list of models."""


def register(config: Config) -> None:
    """Gives Chainlit its callbacks. Called again at each reload of the app."""
    providers, traces = startup.make_providers(config), startup.make_traces(config)

    def parts() -> Parts:
        layer = get_data_layer()
        assert isinstance(layer, DataLayer)
        return Parts(layer, providers, traces)

    @cl.on_chat_start
    async def start() -> None:
        await providers.refresh(_FIRST_LOOK)
        await _show(Settings(model=providers.default), providers)

    @cl.on_chat_resume
    async def resume(thread: ThreadDict) -> None:
        await providers.refresh(_FIRST_LOOK)
        await _show(Settings(model=providers.default).stored(thread["metadata"]), providers)
        await offers.resume(thread)

    @cl.action_callback("continue")
    @cl.action_callback("retry")
    async def go_on(action: cl.Action) -> None:
        session = cl.context.session
        session.current_task = asyncio.create_task(_go_on(action, parts()))  # so that the Stop button finds it
        await cl.context.emitter.task_start()
        try:
            await asyncio.wait([session.current_task])
        finally:
            await cl.context.emitter.task_end()

    @cl.on_settings_update
    async def settings_update(values: dict[str, Any]) -> None:
        await _change(values, parts())

    @cl.on_message
    async def message(asked: cl.Message) -> None:
        await _answer(asked, parts())

    @cl.on_feedback
    async def feedback(vote: Feedback) -> None:
        await _score(vote, parts())

    @cl.on_app_shutdown
    async def shutdown() -> None:
        await traces.close()
        await providers.close()


# The last settings that were valid: Chainlit puts what a browser sends into its session before it asks anybody.
_valid: WeakKeyDictionary[BaseSession, Settings] = WeakKeyDictionary()


async def _show(settings: Settings, providers: Providers) -> None:
    _valid[cl.context.session] = settings
    await cl.ChatSettings(settings.widgets(session_language(), providers.offered())).send()


async def _change(values: dict[str, Any], parts: Parts) -> None:
    session, to, providers = cl.context.session, session_language(), parts.providers
    settings, refused = _valid.get(session, Settings(model=providers.default)).changed(values, providers.offered())
    _valid[session] = settings
    session.chat_settings = settings.model_dump()
    if session.has_first_interaction:  # a thread begins with its first message, which then saves them
        await parts.layer.update_thread(session.thread_id, metadata=settings.metadata())
    for field in refused:
        await cl.context.emitter.send_toast(say("settings_refused", to, field=say(field, to)), "error")
    if refused:
        await _show(settings, providers)


async def _answer(asked: cl.Message, parts: Parts) -> None:
    if asked.type != "user_message":
        asked.type = "user_message"  # Chainlit takes the browser's word for who speaks
        await asked.update()
    await offers.withdraw()
    layer, session = parts.layer, cl.context.session
    thread = None
    try:
        thread = await layer.store.thread(session.thread_id)
        deleted = thread is None and not (await layer.health())["pending"]  # a new one may wait in the spool
    except StoreUnavailable:
        deleted = False  # chatting goes on from memory
    if deleted:
        await cl.ErrorMessage(say("deleted", session_language())).send()
        return
    settings = await _settings(thread, parts)
    known = await _history(asked, layer)
    await stream(make_turn(parts, await attach(layer, asked, known), settings), parts, cl.Message(""))


async def _settings(thread: Thread | None, parts: Parts) -> Settings:
    """Those of the thread; a new thread takes and keeps the ones of the panel."""
    session, default = cl.context.session, Settings(model=parts.providers.default)
    if thread is not None and KEY in thread.metadata:
        return default.stored(thread.metadata)
    settings = default.stored({KEY: session.chat_settings})
    if thread is not None:
        await parts.layer.update_thread(session.thread_id, metadata=settings.metadata())
    return settings


async def _history(asked: cl.Message, layer: DataLayer) -> dict[str, ChatMessage]:
    """The conversation up to ``asked``."""
    session = cl.context.session
    if session not in _valid:
        # After a crash of the server, a message can arrive before the browser has said that it is connected again.
        thread = await layer.get_thread(session.thread_id)
        return _until(asked.id, [cl.Message.from_dict(s) for s in thread["steps"]] if thread else [asked])
    return _until(asked.id, chat_context.get())


def _until(last: str, messages: list[cl.Message]) -> dict[str, ChatMessage]:
    """The roles and texts of ``messages`` up to the id ``last``, by id; Chainlit can hold one twice."""
    found: dict[str, ChatMessage] = {}
    for message in messages:
        if message.type in _ROLES and not message.is_error:
            found[message.id] = ChatMessage(_ROLES[message.type], message.content)
        if message.id == last:
            break
    return found


async def _go_on(action: cl.Action, parts: Parts) -> None:
    messages = chat_context.get()
    answer = next((m for m in messages if m.id == action.payload.get("answer")), None)
    if answer is None:
        return
    asked = next((m for m in reversed(messages[: messages.index(answer)]) if m.type == "user_message"), None)
    if asked is None:
        return
    await offers.withdraw()
    if notice := action.payload.get("notice"):
        await cl.context.emitter.delete_step({"id": notice})
    known, settings = await attach(parts.layer, asked, _until(asked.id, messages)), _valid[cl.context.session]
    if action.name == "continue" and parts.providers.configured and settings.model != OFFLINE:
        known += [ChatMessage("assistant", answer.content), ChatMessage("user", say("go_on", session_language()))]
        await stream(make_turn(parts, known, settings, insist=True), parts, answer)
    else:
        reply = cl.Message("", parent_id=answer.parent_id)
        await stream(make_turn(parts, known, settings, insist=True), parts, reply, replaced=answer)


async def _score(vote: Feedback, parts: Parts) -> None:
    """Chainlit votes on the run that an answer is part of; its trace goes by the id of the answer."""
    if vote.threadId is None:
        return
    messages = await parts.layer.store.thread_messages(vote.threadId, limit=_VOTED)
    for message in reversed(messages):
        if vote.forId in (message.id, message.parent_id) and message.type == "assistant_message":
            parts.traces.score(message.id, vote.value, vote.comment, at=message.created_at)
            return
