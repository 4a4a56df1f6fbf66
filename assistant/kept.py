"""What can be configured of how long, and how much of, what is stored is kept; a part of ``config.Config``."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings


def absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # "~nobody/…": pydantic only reports ValueError
        raise ValueError from error


Folder = Annotated[Path, AfterValidator(absolute)]
_WHOLE = "a whole number from 1 to {}; leave it away for no limit"
_MOST_DAYS, _MOST = 36_500, 10**9


class Kept(BaseSettings):
    """`archive` None: `archive` in `home`. Of the limits, None: there is none."""

    trash_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        validation_alias="THREADKEEP_TRASH_DAYS",
        description="days that a deleted conversation can be brought back, 0 to 3650; 0: it is gone at once",
    )
    max_age_days: int | None = Field(
        default=None,
        ge=1,
        le=_MOST_DAYS,
        validation_alias="THREADKEEP_MAX_AGE_DAYS",
        description=_WHOLE.format(_MOST_DAYS),
    )
    max_threads: int | None = Field(
        default=None, ge=1, le=_MOST, validation_alias="THREADKEEP_MAX_THREADS", description=_WHOLE.format(_MOST)
    )
    max_messages_per_thread: int | None = Field(
        default=None,
        ge=1,
        le=_MOST,
        validation_alias="THREADKEEP_MAX_MESSAGES_PER_THREAD",
        description=_WHOLE.format(_MOST),
    )
    max_storage_mb: int | None = Field(
        default=None, ge=1, le=_MOST, validation_alias="THREADKEEP_MAX_STORAGE_MB", description=_WHOLE.format(_MOST)
    )
    cleanup_interval_hours: int = Field(
        default=24,
        ge=1,
        le=8_760,
        validation_alias="THREADKEEP_CLEANUP_INTERVAL_HOURS",
        description="a whole number of hours from 1 to 8760",
    )
    archive: Folder | None = Field(
        default=None, validation_alias="THREADKEEP_ARCHIVE", description="the path of a folder, on another disk at best"
    )
