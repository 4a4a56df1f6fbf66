"""One turn: a question in, an answer out, in pieces. Knows nothing of Chainlit.

A turn always answers: where the model cannot, or breaks off, the formatter goes on.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from datalayer.records import Message

from .models import MODELS, OFFLINE, ChatMessage, ChatModel, ChatRequest, InvalidRequest, ModelError, QuotaExhausted
from .models.offline import Reason, find_matches, format_response
from .settings import Settings
from .texts import Language, say

logger = logging.getLogger("assistant")

Recall = Callable[[], Awaitable[list[Message]]]
_PIECE = re.compile(r"\s*\S+\s?")
_PACE = 0.008  # seconds a word: an answer that appears at once is read as an error page


@dataclass(frozen=True, slots=True)
class Turn:
    """``messages``: the thread, oldest first, the question last. ``recall``: the user's messages of other threads,
    newest first. ``root``: the path the app is mounted under."""

    messages: list[ChatMessage]
    settings: Settings
    language: Language
    recall: Recall
    root: str = ""


@dataclass(slots=True)
class Outcome:
    """What a turn came to. ``fallback``: why the formatter answered; None when the model did."""

    model: str = ""
    fallback: Reason | None = None
    text: str = field(default="", repr=False)


async def run(turn: Turn, model: ChatModel | None, outcome: Outcome) -> AsyncGenerator[str, None]:
    """The answer in pieces; ``outcome`` tells, at any moment, what came of it. ``model`` None: none is configured."""
    outcome.model = turn.settings.model
    async with aclosing(_answer(turn, model, outcome)) as pieces:
        async for piece in pieces:
            outcome.text += piece
            yield piece


async def _answer(turn: Turn, model: ChatModel | None, outcome: Outcome) -> AsyncGenerator[str, None]:
    if turn.settings.model == OFFLINE or model is None:
        outcome.fallback = "offline" if turn.settings.model == OFFLINE else "no_key"
    else:
        try:
            async with aclosing(model.stream(_request(turn))) as pieces:
                async for piece in pieces:
                    yield piece
            return
        except ModelError as error:
            logger.warning("%s gave no answer: %s", turn.settings.model, error)
            outcome.fallback = "cut_off" if outcome.text else _reason(error)
    async for piece in _formatted(turn, outcome.fallback):
        yield piece


def _request(turn: Turn) -> ChatRequest:
    settings = turn.settings
    return ChatRequest(turn.messages, settings.model, settings.temperature, settings.system_prompt)


def _reason(error: ModelError) -> Reason:
    if isinstance(error, QuotaExhausted):
        return "quota"
    return "refused" if isinstance(error, InvalidRequest) else "unavailable"


async def _formatted(turn: Turn, reason: Reason) -> AsyncGenerator[str, None]:
    label = MODELS[turn.settings.model]
    if reason == "cut_off":
        text = "\n\n" + say(reason, turn.language, model=label)
    else:
        matches = find_matches(turn.messages[-1].text, await turn.recall())
        text = format_response(reason, label, matches, turn.language, turn.root)
    for piece in _PIECE.findall(text):
        yield piece
        await asyncio.sleep(_PACE)
