"""Everything that can be configured, read once; no other module reads the environment."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from dotenv import load_dotenv
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # "~nobody/…": pydantic only reports ValueError
        raise ValueError from error


Folder = Annotated[Path, AfterValidator(_absolute)]


def _default_home() -> Path:
    return platformdirs.user_data_path("threadkeep")


def _default_database(known: dict[str, Any]) -> str:
    return f"sqlite+aiosqlite:///{known['home']}/threads.db"


def _default_files(known: dict[str, Any]) -> Path:
    return Path(known["home"]) / "files"


class Config(BaseSettings):
    """The configuration. An empty variable counts as one that is not set.

    `gemini_api_key` None: no model is reachable. `auth_secret` None: a secret is made and kept in `home`.
    """

    model_config = SettingsConfigDict(
        case_sensitive=True, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    home: Folder = Field(
        default_factory=_default_home,
        validate_default=True,
        validation_alias="THREADKEEP_HOME",
        description="the path of a folder",
    )
    auth: Literal["local", "accounts"] = Field(
        default="local", validation_alias="THREADKEEP_AUTH", description='"local" or "accounts"'
    )
    # A URL may carry a password: it is kept out of repr().
    database_url: str = Field(
        default_factory=_default_database,
        pattern=r"^[a-z]+(\+[a-z0-9]+)?://",
        repr=False,
        validation_alias="THREADKEEP_DATABASE_URL",
        description="a database URL such as sqlite+aiosqlite:////srv/threads.db or postgresql+asyncpg://user@host/name",
    )
    files: Folder = Field(
        default_factory=_default_files, validation_alias="THREADKEEP_FILES", description="the path of a folder"
    )
    spool: Folder | None = Field(
        default=None, validation_alias="THREADKEEP_SPOOL", description="the path of a folder, on another disk at best"
    )
    backups: Literal["daily", "off"] = Field(
        default="daily", validation_alias="THREADKEEP_BACKUPS", description='"daily" or "off"'
    )
    backup_folder: Folder | None = Field(
        default=None,
        validation_alias="THREADKEEP_BACKUP_FOLDER",
        description="the path of a folder, on another disk at best",
    )
    gemini_api_key: SecretStr | None = Field(default=None, validation_alias="GEMINI_API_KEY", description="a key")
    gemini_base_url: str | None = Field(
        default=None, pattern=r"^https?://", validation_alias="GEMINI_BASE_URL", description="an http(s) address"
    )
    host: str = Field(default="127.0.0.1", validation_alias="CHAINLIT_HOST", description="a host name or an address")
    port: int = Field(
        default=8000, ge=1, le=65535, validation_alias="CHAINLIT_PORT", description="a whole number from 1 to 65535"
    )
    # HS256 wants a key as long as its digest (RFC 7518, 3.2).
    auth_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        validation_alias="CHAINLIT_AUTH_SECRET",
        description="a secret of at least 32 characters",
    )

    @property
    def database(self) -> str:
        """`database_url` without a password, for a message."""
        return re.sub(r"//[^@/]*@", "//…@", self.database_url)


def _explain(error: ValidationError) -> str:
    variable = error.errors(include_input=False)[0]["loc"][0]
    fields = Config.model_fields.values()
    accepted = next(field.description for field in fields if field.validation_alias == variable)
    return f"{variable}: expected {accepted}."


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"THREADKEEP_HOME: cannot use {home} as a folder: {error.strerror}.") from None
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise SystemExit(f"THREADKEEP_HOME: {home} is not readable and writable.")


def load() -> Config:
    """Read the configuration and make the folder `home` (mode 0700) if it is missing.

    Raises SystemExit with one line that names the variable and what it accepts.
    """
    # Chainlit loads this file into the environment of the server; the command line must see the same values.
    load_dotenv(os.environ.get("CHAINLIT_ENV_FILE", ".env"))
    try:
        config = Config()
    except ValidationError as error:
        raise SystemExit(_explain(error)) from None
    _make_home(config.home)
    return config
