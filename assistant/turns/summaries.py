"""The running summary: what stands for the older messages of a conversation that outgrows its model's window.

Always true: a summary is only ever shown to a model in front of the messages that it does not cover; no message is
replaced. It is made in the background, and again from the messages themselves when one that it covers has changed.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from datalayer import DataLayer
from datalayer.records import ThreadMessage, now, user_id
from datalayer.reports import Summary, digest
from datalayer.writes import VISITOR, Actor, PutSummary

from ..marks import is_for_models
from ..memory import HotMessage, HotSession
from ..models import ChatMessage, ChatRequest, ModelError, ModelUnavailable, NotPaid, Providers, QuotaExhausted
from ..models.calls import Meter, call
from ..models.providers import Choice
from ..models.tokens import MESSAGE, estimate
from ..services import Services
from ..settings import Settings
from ..usage.records import CallRecord, CallStatus
from .accounting import account, record_of
from .extract import extract, shorten
from .history import forgotten, hot_message
from .turn import input_space
from .window import instructions

logger = logging.getLogger("assistant")

_INPUT = 0.6
"""Part of the space that a summary is made of; more is condensed without a model first."""
_LONGEST = 1_500
"""Tokens of a summary, at most a quarter of the space."""

_TASK = (
    "Sum up the conversation that you are given, so that it can be continued from your summary alone: facts, names, "
    "numbers, decisions, what was asked for and is still open, and how the user wants to be answered. Leave out "
    "greetings. Write in the language of the conversation, at most {words} words, and nothing besides the summary."
)


@dataclass(frozen=True, slots=True)
class Source:
    """What a summary is made of, as the database had it when it was begun."""

    thread_id: str
    session: HotSession
    """What a model is to know."""
    stored: Summary | None
    """The summary that the new one continues."""
    rows: Sequence[ThreadMessage]
    """All messages after that."""


@dataclass(frozen=True, slots=True)
class Written:
    text: str
    model: str | None
    """Who wrote it, None for nobody: it was extracted."""


def outgrown(session: HotSession, space: int, threshold: float) -> int:
    """How many of the oldest messages are to be summed up, with the summary there is; 0 while they take no more than
    ``threshold`` of the ``space`` that the summary leaves them.

    Half of that is kept, so that many turns pass until the next time; in any case the newest question and its answer.
    What is kept begins with a question, as what a model is shown does.
    """
    messages, bound = session.messages, threshold * (space - estimate(session.summary or ""))
    if bound <= 0 or sum(map(_tokens, messages)) <= bound:
        return 0
    left, newest = bound / 2, len(messages)
    for place in reversed(range(len(messages))):
        left -= _tokens(messages[place])
        if left < 0 and newest < len(messages):
            break
        if messages[place].role == "user":
            newest = place
    return newest % len(messages)  # 0 when there is no question to begin with


def _tokens(message: HotMessage) -> int:
    return MESSAGE + message.tokens


async def read(layer: DataLayer, thread_id: str) -> Source:
    """The thread from its summary on, however long. Raises DataLayerError."""
    stored = await layer.store.summary(thread_id)
    rows = await layer.store.thread_messages(thread_id, after=stored.until if stored else None)
    # What its author had forgotten will be covered, and is no part of the text.
    known = None if (start := forgotten(rows)) else stored
    shown = (row for row in rows[start:] if is_for_models(row.metadata))
    messages = tuple(hot_message(row.id, row.type, row.text, row.created_at) for row in shown)
    session = HotSession(messages, known.text if known else None, known.until_step if known else None)
    return Source(thread_id, session, stored, rows)


async def summarise(
    before: str | None, messages: Sequence[HotMessage], model: str, space: int, providers: Providers, meter: Meter
) -> Written:
    """A summary of ``messages`` and of what ``before`` sums up, in a quarter of ``space`` at most; extracted where
    neither the model nor one that stands in for it writes it."""
    for choice in providers.chain(model):
        try:
            if text := await _by_model(choice, before, messages, space, providers, meter):
                return Written(text, choice.info.name)
            break
        except ModelError as error:
            logger.info("no summary by %s: %s", choice.info.name, error)
            if not isinstance(error, (QuotaExhausted, NotPaid, ModelUnavailable)):
                break
    return Written(await asyncio.to_thread(_extracted, before, messages, _longest(space)), None)


async def _by_model(
    choice: Choice,
    before: str | None,
    messages: Sequence[HotMessage],
    space: int,
    providers: Providers,
    meter: Meter,
) -> str:
    space = min(space, input_space(providers.window(choice.info)))
    at_most = _longest(space)
    transcript = await asyncio.to_thread(_transcript, before, messages, space)
    task = _TASK.format(words=at_most // 2)
    # The bound leaves room for a model that cannot be kept from thinking.
    request = ChatRequest(
        [ChatMessage("user", transcript)], choice.info.name, 0.2, task, max_tokens=2 * at_most, thinking=False
    )
    text = ""
    async with aclosing(call(choice, request, providers, meter)) as pieces:
        async for piece in pieces:
            text += piece
    return shorten(text.strip(), at_most)


def _longest(space: int) -> int:
    return min(_LONGEST, space // 4)


def _transcript(before: str | None, messages: Sequence[HotMessage], space: int) -> str:
    """The conversation as it is given to a model."""
    text = "\n\n".join(f"{message.role}: {message.text}" for message in messages)
    if estimate(text) > _INPUT * space:
        text = extract(messages, int(_INPUT * space))
    return f"Summary of what came before:\n{shorten(before, _longest(space))}\n\n{text}" if before else text


def _extracted(before: str | None, messages: Sequence[HotMessage], at_most: int) -> str:
    """At most half of it is for what came before."""
    older = shorten(before or "", at_most // 2)
    return "\n".join(filter(None, [older, extract(messages, at_most - estimate(older) - 1)]))


async def store(layer: DataLayer, actor: Actor, source: Source, until: str, written: Written) -> None:
    """Puts ``written`` beside the thread, as the summary of all up to the message ``until``. Raises DataLayerError.

    Where a message was changed since ``source`` was read, the data layer discards it.
    """
    place = next(place for place, row in enumerate(source.rows, 1) if row.id == until)
    part, stored = source.rows[:place], source.stored
    write = PutSummary(
        actor=actor,
        thread_id=source.thread_id,
        at=now(),
        text=written.text,
        from_step=stored.from_step if stored else part[0].id,
        until_step=part[-1].id,
        until_at=part[-1].created_at,
        messages=len(part) + (stored.messages if stored else 0),
        tokens=estimate(written.text),
        digest=digest(part, stored.digest if stored else ""),
        source="model" if written.model else "extractive",
        model=written.model,
    )
    await layer.store.submit(write)


async def sum_up(settings: Settings, answered: CallRecord, session: HotSession, services: Services) -> None:
    """Sums up the older messages once the conversation outgrows the window of its model. Raises DataLayerError."""
    choice = services.providers.find(settings.model)
    if choice is None:
        return
    space = input_space(services.providers.window(choice.info))
    left = space - estimate(instructions(settings.system_prompt, settings.answer_language, None))
    if not outgrown(session, left, services.summary_at):
        return
    source = await read(services.layer, answered.thread_id)
    # The session may be older than a summary made meanwhile, and have only the newest messages.
    if not (count := outgrown(source.session, left, services.summary_at)):
        return
    summed = source.session.messages[:count]
    written = await write_summary(
        source.session, summed, settings.model, space, services, thread_id=answered.thread_id, user=answered.user
    )
    await store(services.layer, answered.user or VISITOR, source, summed[-1].id, written)
    await services.memory.drop(user_id(answered.user) if answered.user else "", answered.thread_id)


async def write_summary(
    session: HotSession,
    messages: Sequence[HotMessage],
    model: str,
    space: int,
    services: Services,
    *,
    thread_id: str,
    user: str | None,
) -> Written:
    """A summary of ``messages`` and of what the session's own sums up; what it costs is counted."""
    meter = Meter(model, "")
    written = await summarise(session.summary, messages, model, space, services.providers, meter)
    if meter.provider:
        status: CallStatus = "complete" if written.model else "failed"
        account(
            record_of(meter, thread_id, user, kind="summary", status=status, question="", answer=written.text), services
        )
    return written
