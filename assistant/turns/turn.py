"""One turn: a question in, an answer out, in pieces. Knows nothing of Chainlit.

A turn always answers: where no model can, or one breaks off, the formatter goes on.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from functools import partial

from ..models import (
    OFFLINE,
    ChatMessage,
    ChatRequest,
    InvalidRequest,
    ModelError,
    ModelUnavailable,
    NotPaid,
    Providers,
    QuotaExhausted,
)
from ..models.calls import Meter, Think, call, count
from ..models.providers import Choice
from ..models.tokens import estimate, tokens
from ..settings import LANGUAGES, Settings
from ..texts import Language
from .context import Quotes
from .formatter import Fallback, Said, format_response, quotable
from .remembered import Found
from .sources import NOTHING, Context, Source, chosen, numbered, shown
from .window import fit, instructions, readable

logger = logging.getLogger("assistant")

Search = Callable[[str], Awaitable[Found]]
_PIECE = re.compile(r"\s*\S+\s?")
_PACE = 0.008  # seconds a word: an answer that appears at once is read as an error page
_QUOTA = ("quota", "quota_minute", "quota_day", "balance", "no_quota")
_ANSWER = 8_192
"""Tokens kept free for the answer, at most a quarter of the window."""
_FILES, _OF_SPACE = 24_000, 0.5
"""Tokens of files that a question is asked with at most, and as a part of the space that it leaves."""
_SAID_OF_FILES = 250
"""Tokens of what a model is told of them."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with all that its answer is made of."""

    messages: list[ChatMessage]
    """The thread, oldest first, the question last."""
    settings: Settings
    language: Language
    search: Search
    """What the user's history says to a question."""
    root: str = ""
    """The path the app is mounted under."""
    insist: bool = False
    """A person asks for the model once more, also when its quota is said to be used up."""
    summary: str | None = None
    """Of what came before the messages, None: nothing did."""
    begun: bool = False
    """The answer goes on behind what a model wrote before."""
    think: Think | None = None
    """Takes what the model thinks, None: nobody wants it."""
    context: Context = NOTHING
    """What the files of the conversation have for the question."""
    quotes: Callable[[], Awaitable[Quotes]] | None = None
    """What is quoted of them without a model, None: nothing is."""
    numbers: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """By which an answer that goes on has cited passages before."""

    @property
    def question(self) -> str:
        return self.messages[-1].text


@dataclass(slots=True)
class Outcome:
    """What a turn came to."""

    meter: Meter
    """Of the model that answered, or was asked last."""
    fallback: Fallback | None = None
    """Why the formatter answered, None: a model did."""
    back_in: float | None = None
    """Seconds until the chosen model is back, None when nobody knows."""
    instead: Fallback | None = None
    """Why it was not the chosen model that answered, None: it was, or nobody has that."""
    text: str = field(default="", repr=False)
    sources: tuple[Source, ...] = ()
    """What the answer may cite."""


async def run(turn: Turn, providers: Providers, outcome: Outcome) -> AsyncGenerator[str, None]:
    """The answer in pieces; ``outcome`` tells, at any moment, what came of it."""
    async with aclosing(_answer(turn, providers, outcome)) as pieces:
        async for piece in pieces:
            outcome.text += piece
            yield piece


async def _answer(turn: Turn, providers: Providers, outcome: Outcome) -> AsyncGenerator[str, None]:
    error: ModelError | None = None
    if turn.settings.model == OFFLINE:
        outcome.fallback = "offline"
    elif not providers.configured:
        outcome.fallback = "no_key_team" if providers.team else "no_key"
    for choice in providers.chain(turn.settings.model) if outcome.fallback is None else ():
        try:
            outcome.sources = sources_for(choice, turn, providers)
            request = await request_to(choice, turn, providers, outcome.sources)
            answer = call(choice, request, providers, outcome.meter, turn.insist, think=turn.think)
            async with aclosing(answer) as pieces:
                async for piece in pieces:
                    yield piece
            outcome.instead = error.reason if error else None
            return
        except ModelError as failure:
            logger.warning("%s gave no answer: %s", choice.info.name, failure)
            error = error or failure
            if outcome.text or not isinstance(failure, (QuotaExhausted, NotPaid, ModelUnavailable)):
                break
        except Exception as failure:  # its text may hold anything
            logger.error("%s gave no answer: %s", choice.info.name, type(failure).__name__)
            error = error or ModelUnavailable(type(failure).__name__)
            break
    if outcome.fallback is None:
        error = error or InvalidRequest("no provider for this model", "unknown_model")
        outcome.fallback = error.reason
        outcome.back_in = error.retry_after if isinstance(error, QuotaExhausted) else None
    async for piece in _formatted(turn, providers.label(turn.settings.model), outcome):
        yield piece


def input_space(window: int) -> int:
    """Tokens of a window that a question may take with what belongs to it."""
    return window - min(_ANSWER, window // 4)


def sources_for(choice: Choice, turn: Turn, providers: Providers) -> tuple[Source, ...]:
    """What of the files the model is shown: the best that its window has room for beside the question."""
    question = tokens(readable(turn.messages, choice.info.takes)[-1]) if turn.context.parts else 0
    left = input_space(providers.window(choice.info)) - question - estimate(turn.settings.system_prompt)
    return chosen(turn.context, min(_FILES, int(_OF_SPACE * (left - _SAID_OF_FILES))), turn.numbers)


async def request_to(choice: Choice, turn: Turn, providers: Providers, sources: Sequence[Source] = ()) -> ChatRequest:
    """What the model is asked. Raises InvalidRequest (``too_long``) when the question alone is larger than it takes."""
    settings, at_most = turn.settings, input_space(providers.window(choice.info))
    messages = readable(turn.messages, choice.info.takes)
    note, block = shown(sources, turn.context)
    if block:
        messages[-1] = replace(messages[-1], text="\n\n".join(filter(None, (block, messages[-1].text))))
    if not settings.memory:
        messages = messages[-1:]
    elif settings.recent:
        first = max(len(messages) - 1 - settings.recent, 0)
        if messages[first].role != "user":  # an answer comes with its question
            first = max(first - 1, 0)
        messages = messages[first:]
    language = LANGUAGES.get(settings.answer_language, "")
    prompt = partial(instructions, settings.system_prompt, language, files=note)
    ask = partial(
        ChatRequest,
        model=choice.info.name,
        temperature=settings.temperature,
        max_tokens=settings.max_tokens or None,
        thoughts=turn.think is not None,
    )
    # A summary gives way to a question that fits only without it.
    for summary in dict.fromkeys((turn.summary if settings.memory else None, None)):
        with suppress(InvalidRequest):
            return ask(fit(messages, prompt(summary), at_most), system_prompt=prompt(summary))
    # The estimate is on the high side: the provider's own count decides, where there is one.
    alone = ask(messages[-1:], system_prompt=prompt(None))
    counted = await count(choice, alone, providers, turn.insist)
    if counted is None or counted > at_most:
        raise InvalidRequest("the message is larger than the model's window", "too_long")
    return alone


def _numbers(turn: Turn, outcome: Outcome) -> dict[tuple[str, int], int]:
    """By which what there is of the answer cites passages."""
    said = outcome.sources if outcome.text else ()
    return {**turn.numbers, **{source.part.key: source.n for source in said}}


async def _said(turn: Turn, outcome: Outcome) -> Said:
    quotes = await turn.quotes() if turn.quotes else Quotes((), turn.question)
    sources = numbered(quotable(quotes.parts, quotes.asked), _numbers(turn, outcome))
    return Said(sources, quotes.asked, quotes.before, turn.context.cut)


async def _formatted(turn: Turn, label: str, outcome: Outcome) -> AsyncGenerator[str, None]:
    assert outcome.fallback is not None
    broke_off, found, said = turn.begun or bool(outcome.text), None, Said()
    if not broke_off or outcome.fallback in _QUOTA:
        found, said = await turn.search(turn.question), await _said(turn, outcome)
    outcome.sources = (*(outcome.sources if outcome.text else ()), *said.sources)
    text = format_response(outcome.fallback, label, found, turn.language, turn.root, outcome.back_in, broke_off, said)
    for piece in _PIECE.findall("\n\n" + text if broke_off else text):
        yield piece
        await asyncio.sleep(_PACE)
