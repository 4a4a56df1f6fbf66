"""The running summary: what stands for the older messages of a conversation that outgrows its model's window.

Always true: a summary is only ever shown to a model in front of the messages that it does not cover; no message is
replaced. It is made in the background, and again from the messages themselves when one that it covers has changed.
"""

import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from datalayer import DataLayer
from datalayer.records import ThreadMessage, now
from datalayer.reports import Summary, digest
from datalayer.writes import PutSummary

from .context import estimate
from .extract import extract
from .memory import HotMessage, HotSession
from .models import ChatMessage, ChatRequest, ModelError, Providers
from .models.calls import Meter, call

logger = logging.getLogger("assistant")

_KEEP = 0.4
"""Part of the room that the newest messages keep, in full."""
_INPUT = 0.6
"""Part of the room that a summary is made of; more is condensed without a model first."""
_LONGEST = 1_500
"""Tokens of a summary, at most a quarter of the room."""

_TASK = (
    "Sum up the conversation that you are given, so that it can be continued from your summary alone: facts, names, "
    "numbers, decisions, what was asked for and is still open, and how the user wants to be answered. Leave out "
    "greetings. Write in the language of the conversation, at most {words} words, and nothing besides the summary."
)


@dataclass(frozen=True, slots=True)
class Written:
    """``model``: who wrote it, None for nobody: it was extracted."""

    text: str
    model: str | None


def outgrown(session: HotSession, room: int, threshold: float) -> int:
    """How many of the oldest messages are to be summed up, with the summary there is; 0 while all is small enough."""
    used = estimate(session.summary or "") + sum(message.tokens for message in session.messages)
    if used <= threshold * room:
        return 0
    left, kept = _KEEP * room, 0
    for message in reversed(session.messages):
        left -= message.tokens
        if left < 0 and kept:
            break
        kept += 1
    return len(session.messages) - kept


async def write(
    before: str | None, messages: Sequence[HotMessage], model: str, room: int, providers: Providers, meter: Meter
) -> Written:
    """A summary of ``messages`` and of what ``before`` sums up; extracted where no model writes it."""
    at_most = min(_LONGEST, room // 4)
    shown = list(messages)
    if sum(message.tokens for message in shown) > _INPUT * room:
        told = extract(shown, int(_INPUT * room))
    else:
        told = "\n\n".join(f"{message.role}: {message.text}" for message in shown)
    if before:
        told = f"Summary of what came before:\n{before}\n\n{told}"
    if text := await _by_model(told, at_most, model, providers, meter):
        return Written(text, model)
    older = "\n".join(f"{before}".splitlines()) if before else ""
    kept = extract(shown, at_most - min(estimate(older), at_most // 2))
    return Written("\n".join(filter(None, [_shortened(older, at_most // 2), kept])), None)


async def _by_model(told: str, at_most: int, model: str, providers: Providers, meter: Meter) -> str:
    if (choice := providers.find(model)) is None:
        return ""
    task = _TASK.format(words=at_most // 2)
    request = ChatRequest([ChatMessage("user", told)], model, 0.2, task, max_tokens=2 * at_most, thinking=False)
    text = ""
    try:
        async with aclosing(call(choice, request, providers, meter)) as pieces:
            async for piece in pieces:
                text += piece
    except ModelError as error:
        logger.info("no summary by %s: %s", model, error)
        return ""
    return text.strip()


def _shortened(summary: str, at_most: int) -> str:
    """The newest lines of an earlier extract that fit."""
    kept: list[str] = []
    for line in reversed(summary.splitlines()):
        at_most -= estimate(line) + 1
        if at_most < 0:
            break
        kept.append(line)
    return "\n".join(reversed(kept))


async def store(layer: DataLayer, actor: str | None, thread_id: str, until: str, written: Written) -> None:
    """Puts ``written`` beside the thread, as the summary of all up to the message ``until``. Raises DataLayerError.

    Where a message was changed meanwhile the data layer discards it.
    """
    stored = await layer.store.summary(thread_id)
    rows = await layer.store.thread_messages(thread_id, after=stored.until if stored else None)
    place = next((place for place, row in enumerate(rows) if row.id == until), None)
    if place is not None and written.text:
        await layer.store.submit(_put(actor, thread_id, stored, rows[: place + 1], written))


def _put(
    actor: str | None, thread_id: str, stored: Summary | None, part: Sequence[ThreadMessage], written: Written
) -> PutSummary:
    return PutSummary(
        actor=actor,
        thread_id=thread_id,
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
