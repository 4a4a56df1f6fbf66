"""The configured providers: which models they offer, who answers for a model, and what comes in its place."""

import asyncio
import logging
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from .base import ChatModel, ModelError, ModelInfo
from .breaker import Breaker
from .catalogue import GOOGLES, OPENAIS
from .patience import Patience

logger = logging.getLogger("assistant")

OFFLINE = "offline"
"""The name of the formatter among the models: it needs nothing."""

DEFAULT_MODEL = "gemini-2.5-flash"

_GEMINI = (
    ModelInfo("gemini-2.5-flash", "Gemini 2.5 Flash", 1_048_576, GOOGLES),
    ModelInfo("gemini-2.5-pro", "Gemini 2.5 Pro", 1_048_576, GOOGLES),
    ModelInfo("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", 1_048_576, GOOGLES),
)
_OPENAI = (
    ModelInfo("gpt-5-mini", "gpt-5-mini", 272_000, OPENAIS),
    ModelInfo("gpt-4.1-mini", "gpt-4.1-mini", 1_047_576, OPENAIS),
    ModelInfo("gpt-4o-mini", "gpt-4o-mini", 128_000, OPENAIS),
)
_KNOWN = {"gemini": _GEMINI, "openai": _OPENAI}
"""What is offered while a provider cannot be asked. https://ai.google.dev/gemini-api/docs/models and
https://platform.openai.com/docs/models, November 2025."""

# Of a name's beginning; most servers do not say it. https://platform.openai.com/docs/models, November 2025.
_WINDOWS = {
    "gemini-": 1_048_576,
    "gpt-4.1": 1_047_576,
    "gpt-4o": 128_000,
    "gpt-5": 272_000,
    "o1": 200_000,
    "o3": 200_000,
    "o4": 200_000,
}
_UNKNOWN_WINDOW = 8_192

_ASK_AGAIN = 300.0
"""Seconds until a provider that could not be asked for its models is asked again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A model and who serves it."""

    provider: ChatModel
    info: ModelInfo

    @property
    def key(self) -> tuple[str, str]:
        return self.provider.provider, self.info.name


class Providers:
    """``models``: in the order in which they are asked who serves a name. ``default``: the model of a new thread, None:
    the first one offered. ``fallbacks``: models that answer when the quota of the chosen one is used up, in order.
    ``window``: tokens, for models that do not tell theirs."""

    def __init__(
        self,
        models: Sequence[ChatModel] = (),
        default: str | None = None,
        fallbacks: Sequence[str] = (),
        patience: Patience | None = None,
        window: int | None = None,
    ) -> None:
        self._models = list(models)
        self._default, self._fallbacks, self._window = default, list(fallbacks), window
        self._offered: dict[ChatModel, list[ModelInfo]] = {}
        self._asked: dict[ChatModel, float] = {}
        self._asking: asyncio.Task[None] | None = None
        self.patience = patience or Patience()
        self.breaker = Breaker()

    @property
    def configured(self) -> bool:
        """Whether any model can be reached."""
        return bool(self._models)

    @property
    def default(self) -> str:
        """The model of a new conversation."""
        if self._default:
            return self._default
        names = [info.name for info in self.offered()]
        return DEFAULT_MODEL if DEFAULT_MODEL in names or not names else names[0]

    def offered(self) -> list[ModelInfo]:
        """What can be chosen, each name once; a fixed list where a provider has not answered yet."""
        found: dict[str, ModelInfo] = {}
        for model in self._models:
            for info in self._offered.get(model, _KNOWN.get(model.provider, ())):
                found.setdefault(info.name, info)
        for name in filter(None, (self._default, *self._fallbacks)):
            found.setdefault(name, ModelInfo(name, name))
        return list(found.values()) or list(_GEMINI)

    async def refresh(self, wait: float) -> None:
        """Asks the providers for their models, once each unless that failed. Returns after ``wait`` seconds at most;
        what comes later is there the next time."""
        if self._asking is None or self._asking.done():
            due = [m for m in self._models if m not in self._offered and self._is_due(m)]
            if not due:
                return
            self._asking = asyncio.create_task(self._ask_all(due))
        await asyncio.wait([self._asking], timeout=wait)

    def _is_due(self, model: ChatModel) -> bool:
        return time.monotonic() - self._asked.get(model, -_ASK_AGAIN) >= _ASK_AGAIN

    async def _ask_all(self, models: Sequence[ChatModel]) -> None:
        await asyncio.gather(*map(self._ask, models))

    async def _ask(self, model: ChatModel) -> None:
        self._asked[model] = time.monotonic()
        try:
            async with asyncio.timeout(self.patience.between):
                found = await model.models()
        except (ModelError, TimeoutError) as error:
            logger.warning("%s does not say which models it has: %s", model.provider, error or "no answer in time")
        else:
            if found:
                self._offered[model] = found

    def chain(self, name: str) -> Iterator[Choice]:
        """Who is asked for the model ``name``, and after it, each once; nobody where none is wanted."""
        if name == OFFLINE:
            return
        seen: set[str] = set()
        for each in (name, *self._fallbacks):
            if each not in seen and (choice := self.find(each)):
                seen.add(each)
                yield choice

    def find(self, name: str) -> Choice | None:
        """The provider that offers ``name``; for an unknown one who could, and will say so. None: nobody could."""
        for model in self._models:
            for info in self._offered.get(model, ()):
                if info.name == name:
                    return Choice(model, info)
        kind = self._kind(name)
        theirs = [model for model in self._models if model.provider == kind]
        if not theirs:
            return None
        known = (info for info in _KNOWN.get(kind, ()) if info.name == name)
        takes = GOOGLES if kind == "gemini" else frozenset()
        return Choice(theirs[0], next(known, ModelInfo(name, name, takes=takes)))

    def _kind(self, name: str) -> str:
        """Whose model it could be. What was asked of a model of one's own goes to nobody else."""
        if name == OFFLINE:
            return ""
        unknown = any(model.provider == "openai" and model not in self._offered for model in self._models)
        googles = "gemini" if unknown else ("gemini", "gemma")
        plain = not re.search("[:/]", name.removeprefix("models/"))
        return "gemini" if plain and name.removeprefix("models/").startswith(googles) else "openai"

    def label(self, name: str) -> str:
        """How people call the model ``name``."""
        return next((info.label for info in (*self.offered(), *_GEMINI) if info.name == name), name)

    def window(self, info: ModelInfo) -> int:
        """Tokens that the model takes, question and answer together."""
        begins = (size for start, size in _WINDOWS.items() if info.name.removeprefix("models/").startswith(start))
        return info.window or self._window or next(begins, _UNKNOWN_WINDOW)

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking
        for model in self._models:
            await model.close()
