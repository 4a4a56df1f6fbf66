"""The first and the last minute of the server: is the store fit to be opened, and if not, what should be typed."""

import asyncio
import gc
import logging
import os
import shlex
import sys
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import chainlit as cl
import chainlit.config
from chainlit.data import get_data_layer

from datalayer import DataLayer, DataLayerError, Store, StoreCorrupt
from datalayer.backup import keep_backing_up, newest, set_aside
from datalayer.errors import StoreUnusable
from datalayer.place import Place

from ..access.accounts import FILE_NAME
from ..access.auth import look_for_accounts
from ..access.together import Together
from ..config import Config
from ..fixes import upload_folder
from . import scratch
from .environment import tell
from .supervised import tell as tell_supervisor

if TYPE_CHECKING:
    from ..memory.link import Link

logger = logging.getLogger("assistant")


def check(config: Config) -> None:
    """Raises SystemExit with what is wrong with the store, and what to do, before anything is opened."""
    place = _place(config)
    _make_private(config.home, place)
    try:
        DataLayer.check(place)
    except StoreCorrupt as error:
        what = f"The database {config.database} is damaged: {error}." if place.server else _explain_damage(place)
        raise SystemExit(what) from None
    except DataLayerError as error:
        if not (place.server and error.retryable) or isinstance(error, StoreUnusable):
            raise SystemExit(f"Threadkeep cannot open its database {config.database}: {_said(error)}") from None
        tell(
            f"The database {config.database} does not answer. Until it does, what is written is kept in {place.spool}."
        )
    _keep_uploads(config.home)
    print(f"Threadkeep keeps its data in {config.home}", flush=True)


def _place(config: Config) -> Place:
    """Where the store is, which is made to find out whether it can be: that opens nothing. Raises SystemExit."""
    try:
        return Store(config.database_url, config.files, config.spool, config.backup_folder).place
    except Exception as error:  # Chainlit asks for the data layer when it serves, and would go on without
        _trace(error)
        what = f"database {config.database}, files {config.files}"
        raise SystemExit(f"Threadkeep cannot keep its data there ({what}): {_said(error)}") from None


def _said(error: Exception) -> str:
    """What may be shown of ``error``. The words of others may hold a password, so only their kind is."""
    if not isinstance(error, DataLayerError):
        return type(error).__name__
    detail = getattr(error.__cause__, "strerror", None)
    return f"{error} ({detail})" if detail else str(error)


def _trace(error: Exception) -> None:
    """Where it was raised; not what it says, as in ``_said``."""
    logger.debug("the start fails\n%s", "".join(traceback.format_tb(error.__traceback__)))


def _make_private(home: Path, place: Place) -> None:
    """What an earlier version, or another hand, has left open to the other users of this machine is closed."""
    databases = [place.database.with_name(place.database.name + ending) for ending in ("", "-wal", "-shm")]
    # A database that is a folder is a mistake, and the folder somebody else's.
    ours = {
        *filter(Path.is_file, databases),
        place.files,
        place.spool,
        place.backups,
        *(home / name for name in _NAMES),
    }
    for path in ours:
        with suppress(OSError):  # not there, or another user's, who decides who reads it
            path.chmod(path.stat().st_mode & 0o700)
    if home.stat().st_mode & 0o077:
        try:
            if not {*home.iterdir()} <= ours:
                raise PermissionError
            home.chmod(0o700)
            tell(f"{home} was open to other users of this machine; now only its owner can look into it (mode 0700).")
        except OSError:
            tell(f"Other users of this machine can see the names of the files in {home}, but cannot read them.")


_NAMES = (FILE_NAME, f"{FILE_NAME}.taken-over", "secret", "archive", scratch.NAME)
"""Of what lies in the data folder besides the store."""


def _keep_uploads(home: Path) -> None:
    """Below the data folder, whoever has started Chainlit: it makes its folder when it is imported."""
    if chainlit.config.FILES_DIRECTORY.is_relative_to(home / scratch.NAME):
        return
    try:
        uploads = scratch.make(home) / scratch.UPLOADS
    except OSError as error:
        raise SystemExit(f"THREADKEEP_HOME: cannot write into {home}: {error.strerror}.") from None
    upload_folder.install(uploads)


def _explain_damage(place: Place) -> str:
    try:
        aside = set_aside(place.database, place.spool)
    except DataLayerError as error:
        return f"The database {place.database} is damaged. {error}."
    lines = [f"The database {place.database} was damaged. It is now {aside}; nothing was deleted."]
    files = place.bucket or place.files
    where = ["--database", place.database, "--files", files, "--spool", place.spool, "--backups", place.backups]
    if found := newest(place.backups):
        command = shlex.join([sys.executable, "-m", "datalayer", "restore", found.stamp, "--over", *map(str, where)])
        lines += [f"The newest verified backup is {found.stamp}. To go back to it:", f"  {command}"]
    else:
        lines.append(f"There is no verified backup in {place.backups}.")
    lines.append("To begin with an empty store instead, start again.")
    return "\n".join(lines)


def register(
    config: Config,
    opened: Callable[[DataLayer], None],
    close: Callable[[], Awaitable[None]],
    link: "Link | None" = None,
) -> None:
    """Opens the store when the server starts, so that what a crash left is recovered then, and backs it up daily.

    `link`: to the Redis by which all instances count together; it is closed at the end.

    The only place for what is done then, and at the end: Chainlit keeps one callback of each.
    """
    running: list[asyncio.Task[None]] = []
    supervised: list[asyncio.Task[None]] = []
    together = Together(link) if link else None

    async def begin(layer: DataLayer) -> None:
        opened(layer)
        supervised.append(asyncio.create_task(tell_supervisor()))
        if together:
            together.start()
        running.append(asyncio.create_task(_look_at_files(layer.store, config.files)))
        try:
            await layer.store.open()
            await look_for_accounts(config)
        except StoreUnusable:
            raise
        except DataLayerError as error:  # the next call tries again
            logger.warning("the database is not open yet: %s", error)
        if config.backups == "daily" and layer.store.place.server is None:  # a server's are made by who runs it
            running.append(asyncio.create_task(keep_backing_up(layer.store.place)))
        # What has been imported stays. The collector would look at all of it again while a long conversation is read,
        # which takes twice as long then.
        gc.freeze()

    @cl.on_app_startup
    async def startup() -> None:
        try:
            layer = get_data_layer()
            assert isinstance(layer, DataLayer)
            await begin(layer)
        except Exception as error:
            _trace(error)
            _end(f"Threadkeep cannot begin (database {config.database}): {_said(error)}")

    @cl.on_app_shutdown
    async def shutdown() -> None:
        for task in running:
            task.cancel()
        await close()
        if link and together:
            await together.close()
            await link.close()
        for task in supervised:  # to the end: it may take long
            task.cancel()


def _end(what: str) -> NoReturn:
    """Chainlit would log what is raised at start, and serve all the same without what failed."""
    tell(what)
    os._exit(1)


async def _look_at_files(store: Store, where: str | Path) -> None:
    """They may be reached later, so a word is enough."""
    try:
        await store.with_files(store.blobs.check)
    except DataLayerError as error:
        tell(f"THREADKEEP_FILES={where}: {error}. Until it can be used, attached files are neither taken nor shown.")
