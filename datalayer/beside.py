"""A store, opened to be written to by a command, also while an app has it open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .backup import kinds
from .dialects import sqlite
from .errors import StoreTooOld
from .place import Place
from .schema import HEAD
from .store import Store


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Store]:
    """What the app upgrades and empties is left to it. Raises StoreTooOld for a schema that is older than this."""
    if kinds.status(place).revision != HEAD:
        raise StoreTooOld("Start the app once, or type migrate up: the schema of this store is older")
    url = place.server.render_as_string(hide_password=False) if place.server else sqlite.url_of(place.database)
    # The app beside it decides when its trash is emptied.
    store = Store(str(url), place.bucket or place.files, place.spool, place.backups, trash_days=36_500)
    try:
        yield store
    finally:
        await store.close()
