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
from .families import FAMILIES
from .patience import Patience

logger = logging.getLogger("assistant")

OFFLINE = "offline"
"""The name of the formatter among the models: it needs nothing."""

DEFAULT_MODEL = FAMILIES[0].known[0].name

_FAMILIES = {family.name: family for family in FAMILIES}
_UNKNOWN_WINDOW = 8_192

_ASK_AGAIN = 60.0
"""Seconds until a provider is asked again for its models: one may have been pulled meanwhile."""
_GLANCE = 0.5
"""Seconds that a page waits for a list that there is already, in an older state."""

# Offered by whoever serves it, but nobody's wish for a new conversation: what is dated, experiments, other trades.
_NO_DEFAULT = re.compile("-[0-9]{4}($|-)|preview|coder|math|[:]free$|uncensored", re.IGNORECASE)


def _is_outdated(name: str) -> bool:
    return any(each.search(name) for each in (_NO_DEFAULT, *(family.outdated for family in FAMILIES)) if each)


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
    ``window``: tokens, for models that do not tell theirs. ``team``: whoever chats here need not be who runs it."""

    def __init__(
        self,
        models: Sequence[ChatModel] = (),
        default: str | None = None,
        fallbacks: Sequence[str] = (),
        patience: Patience | None = None,
        window: int | None = None,
        team: bool = False,
    ) -> None:
        self._models, self.team = list(models), team
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
        # A server between may put the maker's name in front.
        wanted = [known.name for model in self._models for known in _FAMILIES[model.provider].known]
        sensible = (name for each in wanted for name in names if name.rpartition("/")[2] == each)
        plain = (name for name in names if not _is_outdated(name))
        return next(sensible, None) or next(plain, None) or (names[0] if names else DEFAULT_MODEL)

    def offered(self) -> list[ModelInfo]:
        """What can be chosen, each name once; a fixed list where a provider has not answered yet."""
        found: dict[str, ModelInfo] = {}
        for model in self._models:
            for info in self._offered.get(model, _FAMILIES[model.provider].known):
                found.setdefault(info.name, info)
        for name in filter(None, (self._default, *self._fallbacks)):
            found.setdefault(name, ModelInfo(name, name))
        return list(found.values()) or list(FAMILIES[0].known)

    async def refresh(self, wait: float) -> None:
        """Asks the providers for their models, each once a minute at most. Returns after ``wait`` seconds at most; what
        comes later is there the next time."""
        if self._asking is None or self._asking.done():
            due = [model for model in self._models if self._is_due(model)]
            if not due:
                return
            self._asking = asyncio.create_task(self._ask_all(due))
        known = all(model in self._offered for model in self._models)
        await asyncio.wait([self._asking], timeout=min(wait, _GLANCE) if known else wait)

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
        family = _FAMILIES[kind]
        known = (info for info in family.known if info.name == name)
        return Choice(theirs[0], next(known, ModelInfo(name, name, takes=family.takes)))

    def _kind(self, name: str) -> str:
        """Whose model it could be. What was asked of a model of one's own goes to nobody else."""
        if name == OFFLINE:
            return ""
        last = FAMILIES[-1].name
        bare = name.removeprefix("models/")
        if re.search("[:/]", bare):
            return last
        unknown = any(model.provider == last and model not in self._offered for model in self._models)
        for family in FAMILIES:
            if family.own.match(bare) or (not unknown and family.shared and family.shared.match(bare)):
                return family.name
        return last

    def label(self, name: str) -> str:
        """How people call the model ``name``."""
        return next((info.label for info in (*self.offered(), *FAMILIES[0].known) if info.name == name), name)

    def window(self, info: ModelInfo) -> int:
        """Tokens that the model takes, question and answer together."""
        name = info.name.removeprefix("models/")
        begins = (size for each in FAMILIES for start, size in each.windows.items() if name.startswith(start))
        return info.window or self._window or next(begins, _UNKNOWN_WINDOW)

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking
        for model in self._models:
            await model.close()
