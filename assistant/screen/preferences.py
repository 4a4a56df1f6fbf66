"""What a person wants of new conversations: the settings with which they begin, kept under the person's name."""

from datalayer import DataLayer, DataLayerError
from datalayer.records import now, user_id
from datalayer.writes import PutPreferences

from ..models import Providers
from ..settings import Settings


async def settings(user: str | None, layer: DataLayer, providers: Providers) -> Settings:
    """Those of a new conversation of ``user``; the app's own for what the person has not chosen, or cannot have now."""
    default = Settings(model=providers.default)
    if user is None:
        return default
    try:
        stored = await layer.store.preferences(user_id(user))
    except DataLayerError:
        return default
    return default.changed(stored, providers.offered())[0]


async def keep(user: str, chosen: Settings, layer: DataLayer) -> None:
    """Raises DataLayerError."""
    await layer.store.submit(PutPreferences(actor=user, settings=chosen.model_dump(), at=now()))
