"""The settings of one thread. They live in its metadata, under Chainlit's own key."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .models import DEFAULT_MODEL, OFFLINE, ModelInfo

KEY = "chat_settings"
"""Where Chainlit looks for a thread's settings in its metadata."""


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
    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = Field(default=DEFAULT_MODEL, min_length=1, max_length=200)
    """A name among those on offer when it was chosen."""
    temperature: float = Field(default=0.7, ge=0, le=2)
    system_prompt: str = Field(default="", max_length=20_000)
    """Empty: none."""
    memory: bool = True
    """Whether a question is asked with what came before it."""
    recent: int = Field(default=0, ge=0, le=MOST_RECENT)
    """With how many messages of what came before, 0 for all that fit."""
    recall: bool = False
    """Whether a model is also shown what other conversations of the person have on a question."""
    answer_language: AnswerLanguage = "auto"
    max_tokens: int = Field(default=0, ge=0, le=MOST_TOKENS)
    """Of an answer, 0 for the model's own bound."""

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
