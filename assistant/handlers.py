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

from datalayer import DataLayer
from datalayer.records import Message, user_id

from . import turn
from .config import Config
from .models import ChatMessage, ChatModel
from .settings import KEY, Settings
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
    session, to = cl.context.session, _language()
    if asked.type != "user_message":
        asked.type = "user_message"  # Chainlit takes the browser's word for who speaks
        await asked.update()
    thread = await _layer().store.thread(session.thread_id)
    if thread is None:
        await cl.ErrorMessage(say("deleted", to)).send()
        return
    settings = Settings.stored({KEY: session.chat_settings})
    if KEY not in thread.metadata:
        await _layer().update_thread(session.thread_id, metadata=settings.metadata())
    root = chainlit_config.run.root_path.rstrip("/")
    await _stream(turn.Turn(_messages(asked), settings, to, _recall, root), model)


async def _stream(this: turn.Turn, model: ChatModel | None) -> None:
    outcome, reply = turn.Outcome(), cl.Message("")
    try:
        async with aclosing(turn.run(this, model, outcome)) as pieces:
            async for piece in pieces:
                await reply.stream_token(piece)
    finally:  # also when the Stop button cancels the turn: what was shown is kept
        if outcome.text:
            reply.metadata = {"model": outcome.model, "fallback": outcome.fallback}
            await reply.send()
            await asyncio.sleep(0)  # Chainlit has only scheduled the write
            await _layer().drain()


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
    return await _layer().store.recent_messages(user_id(session.user.identifier), except_thread=session.thread_id)
