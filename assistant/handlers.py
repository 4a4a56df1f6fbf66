"""Chainlit's callbacks <-> ``turn.py``: what happens at the screen, one function an event."""

import asyncio
import uuid
from contextlib import aclosing
from typing import Any
from weakref import WeakKeyDictionary

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.config import config as chainlit_config
from chainlit.data import get_data_layer
from chainlit.session import BaseSession
from chainlit.types import ThreadDict

from datalayer import DataLayer, StoreUnavailable
from datalayer.records import Message, user_id

from . import turn
from .config import Config
from .models import OFFLINE, ChatMessage, ChatModel
from .settings import KEY, Settings
from .streaming import Streaming
from .texts import Language, language, say

_ROLES: dict[str, Any] = {"user_message": "user", "assistant_message": "assistant"}


def register(config: Config) -> None:
    """Gives Chainlit its callbacks. Called again at each reload of the app."""
    model = _model(config)

    @cl.on_chat_start
    async def start() -> None:
        await _show(Settings())

    @cl.on_chat_resume
    async def resume(thread: ThreadDict) -> None:
        await _show(Settings.stored(thread["metadata"]))
        for action in _offer_to_go_on(thread):
            await action.send(for_id=str(action.forId))

    @cl.action_callback("continue")
    @cl.action_callback("retry")
    async def go_on(action: cl.Action) -> None:
        session = cl.context.session
        session.current_task = asyncio.create_task(_go_on(action, model))  # so that the Stop button finds it
        await cl.context.emitter.task_start()
        try:
            await asyncio.wait([session.current_task])
        finally:
            await cl.context.emitter.task_end()

    @cl.on_settings_update
    async def settings_update(values: dict[str, Any]) -> None:
        await _change(values)

    @cl.on_message
    async def message(asked: cl.Message) -> None:
        await _answer(asked, model)


def _model(config: Config) -> ChatModel | None:
    if config.gemini_api_key is None:
        return None
    from .models.gemini import Gemini  # its SDK takes a second to import

    return Gemini(config.gemini_api_key.get_secret_value(), config.gemini_base_url)


def _language() -> Language:
    return language(getattr(cl.context.session, "language", None))


def _layer() -> DataLayer:
    layer = get_data_layer()
    assert isinstance(layer, DataLayer)
    return layer


# The last settings that were valid: Chainlit puts what a browser sends into its session before it asks anybody.
_valid: WeakKeyDictionary[BaseSession, Settings] = WeakKeyDictionary()


async def _show(settings: Settings) -> None:
    _valid[cl.context.session] = settings
    await cl.ChatSettings(settings.widgets(_language())).send()


async def _change(values: dict[str, Any]) -> None:
    session, to = cl.context.session, _language()
    settings, refused = _valid.get(session, Settings()).changed(values)
    _valid[session] = settings
    session.chat_settings = settings.model_dump()
    if session.has_first_interaction:  # a thread begins with its first message, which then saves them
        await _layer().update_thread(session.thread_id, metadata=settings.metadata())
    for field in refused:
        await cl.context.emitter.send_toast(say("settings_refused", to, field=say(field, to)), "error")
    if refused:
        await _show(settings)


async def _answer(asked: cl.Message, model: ChatModel | None) -> None:
    if asked.type != "user_message":
        asked.type = "user_message"  # Chainlit takes the browser's word for who speaks
        await asked.update()
    layer, session = _layer(), cl.context.session
    thread = None
    try:
        thread = await layer.store.thread(session.thread_id)
        deleted = thread is None and not (await layer.health())["pending"]  # a new one may wait in the spool
    except StoreUnavailable:
        deleted = False  # chatting goes on from memory
    if deleted:
        await cl.ErrorMessage(say("deleted", _language())).send()
        return
    settings = Settings.stored(thread.metadata if thread and KEY in thread.metadata else {KEY: session.chat_settings})
    if thread and KEY not in thread.metadata:
        await layer.update_thread(session.thread_id, metadata=settings.metadata())
    await _stream(_turn(await _history(asked), settings), model, cl.Message(""))


def _turn(messages: list[ChatMessage], settings: Settings) -> turn.Turn:
    return turn.Turn(messages, settings, _language(), _recall, chainlit_config.run.root_path.rstrip("/"))


async def _stream(this: turn.Turn, model: ChatModel | None, reply: cl.Message) -> None:
    outcome = turn.Outcome()
    async with Streaming(_layer(), reply) as shown, aclosing(turn.run(this, model, outcome)) as pieces:
        async for piece in pieces:
            reply.metadata = {"model": outcome.model, "fallback": outcome.fallback}
            await shown.show(piece)


async def _history(asked: cl.Message) -> list[ChatMessage]:
    """The conversation up to ``asked``."""
    session = cl.context.session
    if session not in _valid:
        # After a crash of the server, a message can arrive before the browser has said that it is connected again.
        thread = await _layer().get_thread(session.thread_id)
        return _until(asked.id, [cl.Message.from_dict(s) for s in thread["steps"]] if thread else [asked])
    return _until(asked.id, chat_context.get())


def _until(last: str, messages: list[cl.Message]) -> list[ChatMessage]:
    """The roles and texts of ``messages`` up to the id ``last``; Chainlit can hold one twice."""
    found: dict[str, ChatMessage] = {}
    for message in messages:
        if message.type in _ROLES and not message.is_error:
            found[message.id] = ChatMessage(_ROLES[message.type], message.content)
        if message.id == last:
            break
    return list(found.values())


async def _recall() -> list[Message]:
    session = cl.context.session
    if session.user is None:
        return []
    try:
        return await _layer().store.recent_messages(user_id(session.user.identifier), except_thread=session.thread_id)
    except StoreUnavailable:
        return []


# An answer that a crash cut off


def _offer_to_go_on(thread: ThreadDict) -> list[cl.Action]:
    """Puts a notice behind the last answer of ``thread`` if it was cut off, on the screen only; returns its buttons."""
    to, steps = _language(), thread["steps"]
    last = max((n for n, step in enumerate(steps) if step["type"] in _ROLES), default=None)
    if last is None or steps[last].get("status") not in ("interrupted", "failed"):
        return []
    notice: Any = {**steps[last], "id": str(uuid.uuid4()), "type": "system_message", "output": say("interrupted", to)}
    payload = {"answer": steps[last]["id"], "notice": notice["id"]}
    steps.insert(last + 1, notice)
    return [
        cl.Action(name=name, payload=payload, label=say(name, to), forId=notice["id"]) for name in ("continue", "retry")
    ]


async def _go_on(action: cl.Action, model: ChatModel | None) -> None:
    messages = chat_context.get()
    answer = next((m for m in messages if m.id == action.payload.get("answer")), None)
    if answer is None:
        return
    asked = next((m for m in reversed(messages[: messages.index(answer)]) if m.type == "user_message"), None)
    if asked is None:
        return
    await cl.context.emitter.delete_step({"id": action.payload["notice"]})
    known, settings = _until(asked.id, messages), _valid[cl.context.session]
    if action.name == "continue" and model is not None and settings.model != OFFLINE:
        known += [ChatMessage("assistant", answer.content), ChatMessage("user", say("go_on", _language()))]
        await _stream(_turn(known, settings), model, answer)
    else:
        await answer.remove()
        await _stream(_turn(known, settings), model, cl.Message("", parent_id=answer.parent_id))
