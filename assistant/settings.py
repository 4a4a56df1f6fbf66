"""The settings of one thread <-> Chainlit's widgets. They live in the thread's metadata, under Chainlit's own key."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from chainlit.input_widget import InputWidget, Select, Slider, Switch, TextInput
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .models import DEFAULT_MODEL, OFFLINE, ModelInfo
from .texts import Language, say

KEY = "chat_settings"
"""Where Chainlit looks for a thread's settings in its metadata."""


FOR_NEW = "for_new"
"""The switch by which these settings become those of new conversations. It is no setting, and goes back by itself."""

MOST_RECENT, MOST_TOKENS = 200, 16_384
AnswerLanguage = Literal["auto", "en", "fr", "de", "es", "it", "pt", "nl"]
LANGUAGES: dict[AnswerLanguage, str] = {
    "en": "English",
    "fr": "Français",
    "de": "Deutsch",
    "es": "Español",
    "it": "Italiano",
    "pt": "Português",
    "nl": "Nederlands",
}
"""By their own names."""


class Settings(BaseModel):
    """``model``: a name among those on offer when it was chosen. ``system_prompt``: at most 20,000 characters, "" for
    none. ``memory``: whether a question is asked with what came before it; ``recent``: with how many messages of it, 0
    for all that fit. ``max_tokens``: of an answer, 0 for the model's own bound."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = Field(default=DEFAULT_MODEL, min_length=1, max_length=200)
    temperature: float = Field(default=0.7, ge=0, le=2)
    system_prompt: str = Field(default="", max_length=20_000)
    memory: bool = True
    recent: int = Field(default=0, ge=0, le=MOST_RECENT)
    answer_language: AnswerLanguage = "auto"
    max_tokens: int = Field(default=0, ge=0, le=MOST_TOKENS)

    def stored(self, metadata: Mapping[str, Any] | None) -> "Settings":
        """Those in a thread's ``metadata``; what is missing or not valid (an older version's) is as in this one."""
        found = (metadata or {}).get(KEY)
        return self.changed(found if isinstance(found, dict) else {})[0]

    def changed(
        self, values: Mapping[str, Any], offered: Iterable[ModelInfo] | None = None
    ) -> tuple["Settings", list[str]]:
        """These settings with ``values``, and the names of the fields whose value is refused and stays as it was.

        ``offered``: models that can be chosen, besides the one chosen before; None: any.
        """
        known = {key: value for key, value in values.items() if key in type(self).model_fields and value is not None}
        refused = set()
        if offered is not None and known.get("model", self.model) not in [
            self.model,
            OFFLINE,
            *(m.name for m in offered),
        ]:
            refused.add("model")
        try:
            type(self).model_validate(self.model_dump() | known)
        except ValidationError as error:
            refused |= {str(problem["loc"][0]) for problem in error.errors()}
        kept = {key: value for key, value in known.items() if key not in refused}
        return type(self).model_validate(self.model_dump() | kept), sorted(refused)

    def metadata(self) -> dict[str, Any]:
        return {KEY: self.model_dump()}

    def widgets(self, to: Language, offered: Iterable[ModelInfo]) -> list[InputWidget]:
        """Chainlit's settings panel, filled with these values. ``offered``: the models to choose from."""
        return [
            Select(id="model", label=say("model", to), items=self.models(to, offered), initial_value=self.model),
            Slider(
                id="temperature",
                label=say("temperature", to),
                tooltip=say("temperature_help", to),
                initial=self.temperature,
                min=0,
                max=2,
                step=0.1,
            ),
            TextInput(
                id="system_prompt",
                label=say("system_prompt", to),
                tooltip=say("system_prompt_help", to),
                initial=self.system_prompt,
                multiline=True,
            ),
            Select(
                id="answer_language",
                label=say("answer_language", to),
                items={say("answer_language_auto", to): "auto"} | {name: key for key, name in LANGUAGES.items()},
                initial_value=self.answer_language,
            ),
            Switch(id="memory", label=say("memory", to), tooltip=say("memory_help", to), initial=self.memory),
            self._count("recent", MOST_RECENT, 1, to),
            self._count("max_tokens", MOST_TOKENS, 256, to),
            Switch(id=FOR_NEW, label=say(FOR_NEW, to), tooltip=say(f"{FOR_NEW}_help", to), initial=False),
        ]

    def _count(self, field: Literal["recent", "max_tokens"], most: int, step: int, to: Language) -> Slider:
        """A number for which 0 means that there is no bound."""
        return Slider(
            id=field,
            label=say(field, to),
            tooltip=say(f"{field}_help", to),
            initial=getattr(self, field),
            min=0,
            max=most,
            step=step,
        )

    def models(self, to: Language, offered: Iterable[ModelInfo]) -> dict[str, str]:
        """What can be chosen: label -> name. Of two models with one label the second goes by its name."""
        labels: dict[str, str] = {}
        for info in offered:
            labels[info.name if info.label in labels else info.label] = info.name
        if self.model not in (OFFLINE, *labels.values()):
            labels[self.model] = self.model  # no longer on offer, or not known to be
        return labels | {say("model_offline", to): OFFLINE}
