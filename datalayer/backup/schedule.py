"""A small loop inside the app: a backup a day, the old ones pruned. A failure is logged and the loop lives."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from ..dialects.base import reason
from ..errors import DataLayerError
from ..place import Place
from .folder import DAILY, WEEKLY, backups, prune
from .snapshot import make, now

logger = logging.getLogger("datalayer")

EVERY = timedelta(hours=24)
WAKE = 3600.0
"""Seconds between two looks: a failed backup is tried again, and a machine that slept catches up."""


class _Stopped(Exception):
    pass


async def keep_backing_up(
    place: Place,
    folder: Path | None = None,
    *,
    every: timedelta = EVERY,
    daily: int = DAILY,
    weekly: int = WEEKLY,
    clock: Callable[[], datetime] = now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Runs until it is cancelled; a backup that is being made then is given up at its next step.

    ``folder``: None for the place's own. ``every``: age at which the newest verified backup is too old.
    """
    folder = folder or place.backups
    while True:
        stopped = threading.Event()
        try:
            await asyncio.to_thread(_look, place, folder, every, daily, weekly, clock, stopped)
        except asyncio.CancelledError:
            stopped.set()
            raise
        except DataLayerError as error:
            logger.error("no backup was made: %s (%s)", error, reason(error))
        except Exception:
            logger.exception("no backup was made")
        await sleep(WAKE)


def _look(
    place: Place,
    folder: Path,
    every: timedelta,
    daily: int,
    weekly: int,
    clock: Callable[[], datetime],
    stopped: threading.Event,
) -> None:
    def progress(_what: str, _done: int, _total: int) -> None:
        if stopped.is_set():
            raise _Stopped

    if not due(folder, every, clock()):
        return
    made = make(place, folder, progress, clock)
    logger.info("backup %s was made and verified", made.stamp)
    prune(folder, daily, weekly, clock())


def due(folder: Path, every: timedelta, moment: datetime) -> bool:
    """Whether no verified backup is younger than ``every``. One from the future, left by a wrong clock, is none."""
    taken = (backup.moment for backup in backups(folder))
    return not any(timedelta() <= moment - at < every for at in taken if at)
