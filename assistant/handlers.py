"""Chainlit's callbacks <-> ``turn.py``: what happens at the screen, one function an event."""

import asyncio
import uuid
from contextlib import aclosing
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.config import config as chainlit_config
from chainlit.data import get_data_layer
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
        session = cl.context.session
        if session.thread_id_to_resume:
            # The address names a thread that is not there: without a new id its next message would be written to it.
            session.thread_id_to_resume, session.thread_id = None, str(uuid.uuid4())
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


async def _show(settings: Settings) -> None:
    await cl.ChatSettings(settings.widgets(_language())).send()


async def _change(values: dict[str, Any]) -> None:
    """Chainlit has put ``values``, whatever they are, into the session already."""
    session, to = cl.context.session, _language()
    thread = await _layer().store.thread(session.thread_id)
    settings, refused = Settings.stored(thread.metadata if thread else None).changed(values)
    session.chat_settings = settings.model_dump()
    if thread is not None:  # a thread begins with its first message, which then saves them
        await _layer().update_thread(session.thread_id, metadata=settings.metadata())
    for field in refused:
        await cl.context.emitter.send_toast(say("settings_refused", to, field=say(field, to)), "error")
    if refused:
        await _show(settings)


async def _answer(asked: cl.Message, model: ChatModel | None) -> None:
    if asked.type != "user_message":
        asked.type = "user_message"  # Chainlit takes the browser's word for who speaks
        await asked.update()
    if await _is_deleted():
        await cl.ErrorMessage(say("deleted", _language())).send()
        return
    await _stream(_turn(_messages(asked)), model, cl.Message(""))


async def _is_deleted() -> bool:
    """Whether the thread on the screen is gone. Saves its settings when it is new."""
    session = cl.context.session
    try:
        thread = await _layer().store.thread(session.thread_id)
    except StoreUnavailable:
        return False  # chatting goes on from memory
    if thread is None:
        return not (await _layer().health())["pending"]  # it may be new, and wait in the spool
    if KEY not in thread.metadata:
        await _layer().update_thread(session.thread_id, metadata=_settings().metadata())
    return False


def _settings() -> Settings:
    return Settings.stored({KEY: cl.context.session.chat_settings})


def _turn(messages: list[ChatMessage]) -> turn.Turn:
    root = chainlit_config.run.root_path.rstrip("/")
    return turn.Turn(messages, _settings(), _language(), _recall, root)


async def _stream(this: turn.Turn, model: ChatModel | None, reply: cl.Message) -> None:
    outcome = turn.Outcome()
    async with Streaming(_layer(), reply) as shown, aclosing(turn.run(this, model, outcome)) as pieces:
        async for piece in pieces:
            reply.metadata = {"model": outcome.model, "fallback": outcome.fallback}
            await shown.show(piece)


def _messages(asked: cl.Message) -> list[ChatMessage]:
    """The conversation up to ``asked``."""
    found: list[ChatMessage] = []
    for message in chat_context.get():
        if message.type in _ROLES and not message.is_error:
            found.append(ChatMessage(_ROLES[message.type], message.content))
        if message.id == asked.id:
            break
    return found


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
    """Puts a notice behind each interrupted answer of ``thread``, on the screen only, and returns its buttons."""
    to, actions = _language(), []
    for step in list(thread["steps"]):
        if step.get("status") not in ("interrupted", "failed"):
            continue
        notice: Any = {**step, "id": str(uuid.uuid4()), "type": "system_message", "output": say("interrupted", to)}
        thread["steps"].insert(thread["steps"].index(step) + 1, notice)
        payload = {"answer": step["id"], "notice": notice["id"]}
        for name in ("continue", "retry"):
            actions.append(cl.Action(name=name, payload=payload, label=say(name, to), forId=notice["id"]))
    return actions


async def _go_on(action: cl.Action, model: ChatModel | None) -> None:
    messages = chat_context.get()
    answer = next((m for m in messages if m.id == action.payload.get("answer")), None)
    if answer is None:
        return
    asked = next((m for m in reversed(messages[: messages.index(answer)]) if m.type == "user_message"), None)
    if asked is None:
        return
    await cl.context.emitter.delete_step({"id": action.payload["notice"]})
    known = _messages(asked)
    if action.name == "continue" and model is not None and _settings().model != OFFLINE:
        known += [ChatMessage("assistant", answer.content), ChatMessage("user", say("go_on", _language()))]
        await _stream(_turn(known), model, answer)
    else:
        await answer.remove()
        await _stream(_turn(known), model, cl.Message("", parent_id=answer.parent_id))
