"""The model picker in the message box: Chainlit's modes. Each message says which model was chosen as it was sent."""

from collections.abc import Mapping

import chainlit as cl

from ..models import Providers
from ..settings import Settings
from ..texts import say
from . import panel
from .session import session_language

_MODE = "model"


async def offer(settings: Settings, providers: Providers) -> None:
    """Fills the picker; the model of ``settings`` is the chosen one."""
    to = session_language()
    models = panel.models(settings, to, providers.offered())
    options = [cl.ModeOption(id=name, name=label, default=name == settings.model) for label, name in models.items()]
    await cl.context.emitter.set_modes([cl.Mode(id=_MODE, name=say("model", to), options=options)])


def chosen(settings: Settings, modes: Mapping[str, str] | None, providers: Providers) -> Settings:
    """``settings`` with the model that a message was sent with; what is not offered changes nothing."""
    name = (modes or {}).get(_MODE)
    if not isinstance(name, str) or name == settings.model:
        return settings
    return settings.changed({"model": name}, providers.offered())[0]
