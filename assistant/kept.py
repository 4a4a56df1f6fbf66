"""What can be configured of how long, and how much of, what is stored is kept; a part of ``config.Config``."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings


def absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # "~nobody/…": pydantic only reports ValueError
        raise ValueError from error


Folder = Annotated[Path, AfterValidator(absolute)]


def _limit(name: str, most: int = 10**9) -> Any:
    told = f"a whole number from 1 to {most}; leave it away for no limit"
    return Field(default=None, ge=1, le=most, validation_alias=f"THREADKEEP_{name}", description=told)


class Kept(BaseSettings):
    """`archive` None: `archive` in `home`. Of the limits, None: there is none."""

    trash_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        validation_alias="THREADKEEP_TRASH_DAYS",
        description="days that a deleted conversation can be brought back, 0 to 3650; 0: it is gone at once",
    )
    max_age_days: int | None = _limit("MAX_AGE_DAYS", 36_500)
    max_threads: int | None = _limit("MAX_THREADS")
    max_messages_per_thread: int | None = _limit("MAX_MESSAGES_PER_THREAD")
    max_storage_mb: int | None = _limit("MAX_STORAGE_MB")
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
