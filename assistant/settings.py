"""The settings of one thread <-> Chainlit's widgets. They live in the thread's metadata, under Chainlit's own key."""

from collections.abc import Mapping
from typing import Any

from chainlit.input_widget import InputWidget, Select, Slider, TextInput
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .models import DEFAULT_MODEL, MODELS
from .texts import Language, say

KEY = "chat_settings"
"""Where Chainlit looks for a thread's settings in its metadata."""


class Settings(BaseModel):
    """``model``: a name in ``models.MODELS``. ``system_prompt``: at most 20,000 characters, "" for none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = Field(default=DEFAULT_MODEL, pattern="|".join(f"^{name}$" for name in MODELS))
    temperature: float = Field(default=0.7, ge=0, le=2)
    system_prompt: str = Field(default="", max_length=20_000)

    @classmethod
    def stored(cls, metadata: Mapping[str, Any] | None) -> "Settings":
        """Those in a thread's ``metadata``; what is missing or not valid (an older version's) has its default."""
        found = (metadata or {}).get(KEY)
        return cls().changed(found if isinstance(found, dict) else {})[0]

    def changed(self, values: Mapping[str, Any]) -> tuple["Settings", list[str]]:
        """These settings with ``values``, and the names of the fields whose value is refused and stays as it was."""
        known = {key: value for key, value in values.items() if key in type(self).model_fields and value is not None}
        try:
            return type(self).model_validate(self.model_dump() | known), []
        except ValidationError as error:
            refused = sorted({str(problem["loc"][0]) for problem in error.errors()})
            kept = {key: value for key, value in known.items() if key not in refused}
            return type(self).model_validate(self.model_dump() | kept), refused

    def metadata(self) -> dict[str, Any]:
        return {KEY: self.model_dump()}

    def widgets(self, to: Language) -> list[InputWidget]:
        """Chainlit's settings panel, filled with these values."""
        labels = {say("model_offline", to) if name == "offline" else label: name for name, label in MODELS.items()}
        return [
            Select(id="model", label=say("model", to), items=labels, initial_value=self.model),
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
