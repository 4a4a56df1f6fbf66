"""The settings of a thread as Chainlit's panel of widgets, and the models that can be chosen there."""

from collections.abc import Iterable
from typing import Literal

from chainlit.input_widget import InputWidget, Select, Slider, Switch, TextInput

from ..models import OFFLINE, ModelInfo
from ..settings import LANGUAGES, MOST_RECENT, MOST_TOKENS, Settings
from ..texts import Language, say

FOR_NEW = "for_new"
"""The switch by which these settings become those of new conversations. It is no setting, and goes back by itself."""


def widgets(settings: Settings, to: Language, offered: Iterable[ModelInfo]) -> list[InputWidget]:
    """Chainlit's settings panel, filled with these values. ``offered``: the models to choose from."""
    return [
        Select(id="model", label=say("model", to), items=models(settings, to, offered), initial_value=settings.model),
        Slider(
            id="temperature",
            label=say("temperature", to),
            tooltip=say("temperature_help", to),
            initial=settings.temperature,
            min=0,
            max=2,
            step=0.1,
        ),
        TextInput(
            id="system_prompt",
            label=say("system_prompt", to),
            tooltip=say("system_prompt_help", to),
            initial=settings.system_prompt,
            multiline=True,
        ),
        Select(
            id="answer_language",
            label=say("answer_language", to),
            items={say("answer_language_auto", to): "auto"} | {name: key for key, name in LANGUAGES.items()},
            initial_value=settings.answer_language,
        ),
        Switch(id="memory", label=say("memory", to), tooltip=say("memory_help", to), initial=settings.memory),
        Switch(id="recall", label=say("recall", to), tooltip=say("recall_help", to), initial=settings.recall),
        _count(settings, "recent", MOST_RECENT, 1, to),
        _count(settings, "max_tokens", MOST_TOKENS, 256, to),
        Switch(id=FOR_NEW, label=say(FOR_NEW, to), tooltip=say(f"{FOR_NEW}_help", to), initial=False),
    ]


def _count(settings: Settings, field: Literal["recent", "max_tokens"], most: int, step: int, to: Language) -> Slider:
    """A number for which 0 means that there is no bound."""
    return Slider(
        id=field,
        label=say(field, to),
        tooltip=say(f"{field}_help", to),
        initial=getattr(settings, field),
        min=0,
        max=most,
        step=step,
    )


def models(settings: Settings, to: Language, offered: Iterable[ModelInfo]) -> dict[str, str]:
    """What can be chosen: label -> name. Of two models with one label the second goes by its name."""
    labels: dict[str, str] = {}
    for info in offered:
        labels[info.name if info.label in labels else info.label] = info.name
    if settings.model not in (OFFLINE, *labels.values()):
        labels[settings.model] = settings.model  # no longer on offer, or not known to be
    return labels | {say("model_offline", to): OFFLINE}
