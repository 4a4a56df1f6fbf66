"""What ``/info`` shows of a conversation: its size and cost, its settings, and what its model would see now."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from datalayer import NotFound
from datalayer.records import Thread
from datalayer.reports import Summary, UsageTotal

from ..memory import HotSession
from ..models import OFFLINE, ChatMessage, ChatRequest, ModelError, Providers
from ..models.calls import count
from ..models.providers import Choice
from ..models.tokens import request_tokens
from ..services import Services
from ..settings import LANGUAGES, Settings
from ..texts import Language, date, money, number, say, size
from ..texts.markdown import escape
from ..turns import turn
from ..turns.context import context_of
from ..turns.history import rebuild
from ..turns.remembered import Found
from ..turns.shelves import Stored

_COUNTING = 2.0
"""Seconds that a provider may take to count tokens; then an estimate must do."""


async def describe(services: Services, thread: Thread, user: str, settings: Settings, to: Language) -> str:
    """Markdown. Raises DataLayerError."""
    store = services.layer.store
    stats = await store.thread_stats(thread.id)
    totals = await store.usage_by_model(user, thread_id=thread.id)
    summary = await store.summary(thread.id)
    session = await rebuild(services.layer, thread.id)
    if stats is None:
        raise NotFound("The conversation was deleted")
    facts = {
        "info_id": f"`{thread.id}`",
        "info_created": date(datetime.fromtimestamp(stats.created_at / 1e6), to),
        "info_messages": number(stats.messages, to),
        "info_tokens": _tokens(totals, to),
        "info_cost": _cost(totals, to),
        "info_files": say("info_files_value", to, count=number(stats.files, to), size=size(stats.file_bytes, to)),
        "info_size": size(stats.text_bytes + stats.file_bytes, to),
        "info_settings": _settings(services, settings, to),
        "info_context": await _context(services, thread.id, session, summary, settings, to),
    }
    lines = [f"- **{say(key, to)}** {value}" for key, value in facts.items()]
    return "\n".join([f"### {escape(thread.name or say('untitled', to))}", "", *lines])


def _tokens(totals: Sequence[UsageTotal], to: Language) -> str:
    read, written = sum(total.tokens_in for total in totals), sum(total.tokens_out for total in totals)
    return say("info_tokens_value", to, read=number(read, to), written=number(written, to))


def _cost(totals: Sequence[UsageTotal], to: Language) -> str:
    return money(sum(total.cost for total in totals), to, sum(total.unpriced for total in totals))


def _settings(services: Services, settings: Settings, to: Language) -> str:
    model = say("model_offline", to) if settings.model == OFFLINE else services.providers.label(settings.model)
    said = [escape(model), f"{say('temperature', to)} {number(settings.temperature, to)}"]
    if not settings.memory:
        said.append(say("info_context_off", to))
    elif settings.recent:
        said.append(f"{say('recent', to)} {number(settings.recent, to)}")
    if settings.recall:
        said.append(say("recall", to))
    if settings.max_tokens:
        said.append(f"{say('max_tokens', to)} {number(settings.max_tokens, to)}")
    if settings.answer_language != "auto":
        said.append(LANGUAGES[settings.answer_language])
    if settings.system_prompt:
        said.append(say("info_prompt", to, n=len(settings.system_prompt)))
    return " · ".join(said)


async def _context(
    services: Services, thread_id: str, session: HotSession, summary: Summary | None, settings: Settings, to: Language
) -> str:
    """What the model would be shown with the next question."""
    choice = services.providers.find(settings.model) if settings.model != OFFLINE else None
    if choice is None:
        return say("info_context_offline", to)
    if not settings.memory:
        return say("info_context_off", to)
    messages = [ChatMessage(message.role, message.text) for message in session.messages]
    # With a question of no length, whose place is the last.
    asked = [*messages, ChatMessage("user", "")]
    files = await services.layer.store.context_files(thread_id)
    context = await context_of(Stored(services.layer.store, thread_id), files, asked)
    this = turn.Turn(asked, settings, to, _nothing, summary=session.summary, context=context)
    request = await turn.request_to(
        choice, this, services.providers, turn.sources_for(choice, this, services.providers)
    )
    count, estimated = await _count(choice, request, services.providers)
    window = services.providers.window(choice.info)
    sentence = say("info_context_value", to, n=len(request.messages) - 1)
    if session.summary and summary:
        sentence += " " + say("info_context_summary", to, n=summary.messages)
    about = "≈ " if estimated else ""
    return f"{sentence} " + say("info_context_room", to, used=about + number(count, to), window=number(window, to))


async def _nothing(_question: str) -> Found:
    return Found()


async def _count(choice: Choice, request: ChatRequest, providers: Providers) -> tuple[int, bool]:
    """Tokens of the request, and whether that is an estimate."""
    try:
        async with asyncio.timeout(_COUNTING):
            counted = await count(choice, request, providers)
    except (ModelError, TimeoutError):
        counted = None
    if counted is not None:
        return counted, False
    return request_tokens(request), True
