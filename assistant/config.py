"""Everything that can be configured, read once; no other module reads the environment."""

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from dotenv import load_dotenv
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import NoDecode, SettingsConfigDict

from .kept import Folder, Kept, absolute
from .server.environment import mend, tell, usable


def _place(value: str | Path) -> str | Path:
    """A bucket as it is written, or a folder."""
    if isinstance(value, str) and "://" in value:
        if not re.fullmatch(r"s3://[a-z0-9.-]{3,63}(/[\w.+=/-]*)?", value, re.ASCII):
            raise ValueError
        return value
    return absolute(Path(value))


def _split(value: object) -> object:
    return [name for each in value.split(",") if (name := each.strip())] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


def _default_home() -> Path:
    """The platform's; where there is no home folder to write to, one that outlives a restart of the machine."""
    usual = platformdirs.user_data_path("threadkeep")
    return next((place for place in (usual, *_OTHER_HOMES) if place.is_absolute() and usable(place)), usual)


_OTHER_HOMES = (Path("/var/lib/threadkeep"), Path(f"/var/tmp/threadkeep-{os.geteuid()}"))


def _rooted(value: str) -> str:
    """A root path as Chainlit wants it: "" or "/chat"."""
    return "/" + value.strip("/") if value.strip("/") else ""


def _default_database(known: dict[str, Any]) -> str:
    return f"sqlite+aiosqlite:///{known['home']}/threads.db"


def _default_files(known: dict[str, Any]) -> Path:
    return Path(known["home"]) / "files"


def _beside_a_server(name: str) -> Callable[[dict[str, Any]], Path | None]:
    """None: beside SQLite's file."""
    return lambda known: None if str(known.get("database_url")).startswith("sqlite") else Path(known["home"]) / name


class Config(Kept):
    """The configuration. An empty variable counts as one that is not set.

    `gemini_api_key` None: Google's models are not offered. `anthropic_api_key` None:
    Anthropic's are not. `openai_api_key` and `openai_base_url` None: no others are.
    `embedding_model` None: nothing is found by its meaning. `embedding_dimensions` None: what is usual for it.
    `auth_secret` None: a secret is made and kept in `home`. `cookie_name` None: one of `home`'s own.
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
    files: Annotated[str | Path, AfterValidator(_place)] = Field(
        default_factory=_default_files,
        validation_alias="THREADKEEP_FILES",
        description="the path of a folder, or s3://bucket/prefix",
    )
    spool: Folder | None = Field(
        default_factory=_beside_a_server("spool"),
        validation_alias="THREADKEEP_SPOOL",
        description="the path of a folder, on another disk at best",
    )
    backups: Literal["daily", "off"] = Field(
        default="daily", validation_alias="THREADKEEP_BACKUPS", description='"daily" or "off"'
    )
    backup_folder: Folder | None = Field(
        default_factory=_beside_a_server("backups"),
        validation_alias="THREADKEEP_BACKUP_FOLDER",
        description="the path of a folder, on another disk at best",
    )
    gemini_api_key: SecretStr | None = Field(default=None, validation_alias="GEMINI_API_KEY", description="a key")
    gemini_base_url: str | None = Field(
        default=None,
        repr=False,
        pattern=r"^https?://",
        validation_alias="GEMINI_BASE_URL",
        description="an http(s) address",
    )
    gemini_sdk: Literal["google-genai", "google-generativeai"] = Field(
        default="google-genai",
        validation_alias="THREADKEEP_GEMINI_SDK",
        description='"google-genai" or "google-generativeai"',
    )
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY", description="a key")
    openai_base_url: str | None = Field(
        default=None,
        repr=False,
        pattern=r"^https?://",
        validation_alias="OPENAI_BASE_URL",
        description="an http(s) address",
    )
    anthropic_api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY", description="a key")
    anthropic_base_url: str | None = Field(
        default=None,
        repr=False,
        pattern=r"^https?://",
        validation_alias="ANTHROPIC_BASE_URL",
        description="an http(s) address",
    )
    embedding_model: str | None = Field(
        default=None,
        max_length=200,
        validation_alias="THREADKEEP_EMBEDDING_MODEL",
        description="the name of a model that makes vectors",
    )
    embedding_base_url: str | None = Field(
        default=None,
        repr=False,
        pattern=r"^https?://",
        validation_alias="THREADKEEP_EMBEDDING_BASE_URL",
        description="an http(s) address",
    )
    embedding_api_key: SecretStr | None = Field(
        default=None, validation_alias="THREADKEEP_EMBEDDING_API_KEY", description="a key"
    )
    embedding_dimensions: int | None = Field(
        default=None,
        ge=8,
        le=4096,
        validation_alias="THREADKEEP_EMBEDDING_DIMENSIONS",
        description="a whole number from 8 to 4096",
    )
    show_thoughts: bool = Field(
        default=False, validation_alias="THREADKEEP_SHOW_THOUGHTS", description='"true" or "false"'
    )
    model: str | None = Field(
        default=None, max_length=200, validation_alias="THREADKEEP_MODEL", description="the name of a model"
    )
    fallback_models: Names = Field(
        default=(),
        validation_alias="THREADKEEP_FALLBACK_MODELS",
        description="names of models, with commas between them",
    )
    context_window: int | None = Field(
        default=None,
        ge=512,
        validation_alias="THREADKEEP_CONTEXT_WINDOW",
        description="a whole number of tokens, 512 or more",
    )
    first_token_timeout: float = Field(
        default=90, gt=0, validation_alias="THREADKEEP_FIRST_TOKEN_TIMEOUT", description="a number of seconds above 0"
    )
    token_timeout: float = Field(
        default=30, gt=0, validation_alias="THREADKEEP_TOKEN_TIMEOUT", description="a number of seconds above 0"
    )
    # A URL may carry a password: it is kept out of repr().
    memory_url: str | None = Field(
        default=None,
        pattern=r"^(rediss?(\+sentinel)?|unix)://",
        repr=False,
        validation_alias="THREADKEEP_MEMORY_URL",
        description="an address of Redis such as redis://127.0.0.1:6379/0",
    )
    hot_sessions: int = Field(
        default=3, ge=1, validation_alias="THREADKEEP_HOT_SESSIONS", description="a whole number, 1 or more"
    )
    hot_minutes: float = Field(
        default=60,
        ge=0.1,
        le=525_600,
        validation_alias="THREADKEEP_HOT_MINUTES",
        description="a number of minutes from 0.1 to 525600",
    )
    summary_at: float = Field(
        default=0.8, gt=0, le=1, validation_alias="THREADKEEP_SUMMARY_AT", description="a number above 0, at most 1"
    )
    language: Literal["en", "fr"] = Field(
        default="en", validation_alias="THREADKEEP_LANGUAGE", description='"en" or "fr"'
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias="THREADKEEP_LOG_LEVEL", description='"debug", "info", "warning" or "error"'
    )
    # Langfuse's own names, of its versions 4 and 3.
    langfuse_public_key: SecretStr | None = Field(
        default=None, validation_alias="LANGFUSE_PUBLIC_KEY", description="a key"
    )
    langfuse_secret_key: SecretStr | None = Field(
        default=None, validation_alias="LANGFUSE_SECRET_KEY", description="a key"
    )
    langfuse_base_url: str | None = Field(
        default=None,
        repr=False,
        pattern=r"^https?://",
        validation_alias=AliasChoices("LANGFUSE_BASE_URL", "LANGFUSE_HOST"),
        description="an http(s) address",
    )
    # What a person may send; see docs/operating.md, Security.
    message_bytes: int = Field(
        default=2_000_000,
        ge=1_000,
        le=100_000_000,
        validation_alias="THREADKEEP_MESSAGE_BYTES",
        description="a whole number of bytes from 1000 to 100000000",
    )
    waiting_messages: int = Field(
        default=20,
        ge=1,
        le=1000,
        validation_alias="THREADKEEP_WAITING_MESSAGES",
        description="a whole number, 1 to 1000",
    )
    request_bytes: int = Field(
        default=1_000_000,
        ge=10_000,
        validation_alias="THREADKEEP_REQUEST_BYTES",
        description="a whole number of bytes, 10000 or more",
    )
    import_mb: int = Field(
        default=4_000,
        ge=1,
        le=1_000_000,
        validation_alias="THREADKEEP_IMPORT_MB",
        description="a whole number of MB from 1 to 1000000",
    )
    requests_per_second: float = Field(
        default=50, ge=1, validation_alias="THREADKEEP_REQUESTS_PER_SECOND", description="a number, 1 or more"
    )
    events_per_second: float = Field(
        default=100, ge=1, validation_alias="THREADKEEP_EVENTS_PER_SECOND", description="a number, 1 or more"
    )
    open_sessions: int = Field(
        default=100, ge=2, validation_alias="THREADKEEP_OPEN_SESSIONS", description="a whole number, 2 or more"
    )
    session_files: int = Field(
        default=100, ge=1, validation_alias="THREADKEEP_SESSION_FILES", description="a whole number, 1 or more"
    )
    session_files_mb: int = Field(
        default=500, ge=1, validation_alias="THREADKEEP_SESSION_FILES_MB", description="a whole number of MB, 1 or more"
    )
    host: str = Field(default="127.0.0.1", validation_alias="CHAINLIT_HOST", description="a host name or an address")
    port: int = Field(
        default=8000, ge=1, le=65535, validation_alias="CHAINLIT_PORT", description="a whole number from 1 to 65535"
    )
    root_path: Annotated[str, AfterValidator(_rooted)] = Field(
        default="",
        pattern=r"^/*([A-Za-z0-9._~-]+/)*([A-Za-z0-9._~-]+)?$",
        validation_alias="CHAINLIT_ROOT_PATH",
        description="a path such as /chat",
    )
    cookie_samesite: Literal["lax", "strict", "none"] = Field(
        default="lax", validation_alias="CHAINLIT_COOKIE_SAMESITE", description='"lax", "strict" or "none"'
    )
    state_cookie_lifetime: int = Field(
        default=180,
        ge=1,
        validation_alias="CHAINLIT_STATE_COOKIE_LIFETIME",
        description="a whole number of seconds, 1 or more",
    )
    connections: int = Field(
        default=2000,
        ge=16,
        validation_alias="THREADKEEP_CONNECTIONS",
        description="a whole number of open connections, 16 or more",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        validation_alias="THREADKEEP_METRICS_TOKEN",
        description="a secret of at least 16 characters",
    )
    # HS256 wants a key as long as its digest (RFC 7518, 3.2).
    auth_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        validation_alias="CHAINLIT_AUTH_SECRET",
        description="a secret of at least 32 characters",
    )
    cookie_name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]+$",
        validation_alias="CHAINLIT_AUTH_COOKIE_NAME",
        description="the name of a cookie: letters, digits, - and _",
    )

    @property
    def database(self) -> str:
        """`database_url` without a password, for a message."""
        return re.sub(r"(password=)[^&]*", r"\1…", re.sub(r"//.*@", "//…@", self.database_url))

    @property
    def secrets(self) -> list[str]:
        """What must not reach a log, a trace or an error."""
        values = (getattr(self, name) for name in type(self).model_fields)
        addresses = (
            *(self.database_url, self.memory_url),
            *(self.gemini_base_url, self.openai_base_url, self.anthropic_base_url, self.langfuse_base_url),
            self.embedding_base_url,
        )
        passwords = [found for each in addresses for found in re.findall(r"//[^:@/]*:(.+)@", str(each))]
        passwords += re.findall(r"[?&]\w*password=([^&\s]+)", " ".join(map(str, addresses)))
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)] + passwords


def _explain(error: ValidationError) -> str:
    variable = error.errors(include_input=False)[0]["loc"][0]
    fields = Config.model_fields.values()
    field = next(field for field in fields if variable in _names(field.validation_alias))
    given = [name for name in _names(field.validation_alias) if os.environ.get(name)]
    return f"{given[0] if given else variable}: expected {field.description}."


def _names(alias: object) -> list[str]:
    return [str(name) for name in (alias.choices if isinstance(alias, AliasChoices) else [alias])]


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"THREADKEEP_HOME: cannot use {home} as a folder: {error.strerror}.") from None
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise SystemExit(f"THREADKEEP_HOME: {home} is not readable and writable.")


def _load_env_file(path: str) -> None:
    """Chainlit loads this file into the environment of the server; the command line must see the same values."""
    try:
        load_dotenv(path)
        os.environ["CHAINLIT_ENV_FILE"] = os.devnull  # or Chainlit would bring back what is left out now
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise SystemExit(f"CHAINLIT_ENV_FILE: cannot read {path}: {reason}.") from None


def load() -> Config:
    """Read the configuration, make the folder `home` (mode 0700) if it is missing, and set what is logged.

    From here on, whatever this process writes is for its owner only. Raises SystemExit with one line that names the
    variable and what it accepts.
    """
    os.umask(0o077)
    _load_env_file(os.environ.get("CHAINLIT_ENV_FILE", ".env"))
    mend()
    try:
        config = Config()
    except ValidationError as error:
        raise SystemExit(_explain(error)) from None
    _make_home(config.home)
    for ours in ("assistant", "datalayer"):
        logging.getLogger(ours).setLevel(config.log_level.upper())
    usual = platformdirs.user_data_path("threadkeep")
    if "home" not in config.model_fields_set and config.home != usual:
        tell(f"{usual} cannot be written: the data is kept in {config.home}. THREADKEEP_HOME names another folder.")
    return config
