"""The settings of one thread <-> Chainlit's widgets. They live in the thread's metadata, under Chainlit's own key."""

from collections.abc import Iterable, Mapping
from typing import Any

from chainlit.input_widget import InputWidget, Select, Slider, TextInput
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .models import DEFAULT_MODEL, OFFLINE, ModelInfo
from .texts import Language, say

KEY = "chat_settings"
"""Where Chainlit looks for a thread's settings in its metadata."""


class Settings(BaseModel):
    """``model``: a name among those on offer when it was chosen. ``system_prompt``: at most 20,000 characters, "" for
    none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = Field(default=DEFAULT_MODEL, min_length=1, max_length=200)
    temperature: float = Field(default=0.7, ge=0, le=2)
    system_prompt: str = Field(default="", max_length=20_000)

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
            Select(id="model", label=say("model", to), items=self._models(to, offered), initial_value=self.model),
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
        ]

    def _models(self, to: Language, offered: Iterable[ModelInfo]) -> dict[str, str]:
        """Label -> name. Two models with one label would be one entry: the second goes by its name."""
        labels: dict[str, str] = {}
        for info in offered:
            labels[info.name if info.label in labels else info.label] = info.name
        if self.model not in (OFFLINE, *labels.values()):
            labels[self.model] = self.model  # no longer on offer, or not known to be
        return labels | {say("model_offline", to): OFFLINE}
