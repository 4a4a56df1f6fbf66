"""What answers are made with: built from the configuration, handed to everything that needs it."""

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from datalayer import DataLayer

from .config import Config
from .memory import HotLimits, Memory, open_memory
from .models import Providers
from .models.families import FAMILIES
from .models.patience import Patience
from .usage.tracing import Traces, traces

_HOT_BYTES = 1024 * 1024
"""Of a hot session at most: 2,000 messages of 500 characters."""


class Service(Protocol):
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    layer: DataLayer
    providers: Providers
    traces: Traces
    memory: Memory
    limits: HotLimits
    """Those of the memory."""
    summary_at: float
    """Part of a window from which the older messages are summed up."""
    thoughts: bool = False
    """Whether what a model thinks is shown."""


def make_layer(config: Config) -> DataLayer:
    return DataLayer(config.database_url, config.files, spool=config.spool, backups=config.backup_folder)


def make_providers(config: Config) -> Providers:
    """Those that have a key or an address."""
    models = [model for family in FAMILIES if (model := family.make(config))]
    patience = Patience(config.first_token_timeout, config.token_timeout)
    return Providers(
        models, config.model, config.fallback_models, patience, config.context_window, config.auth == "accounts"
    )


def make_limits(config: Config) -> HotLimits:
    return HotLimits(per_user=config.hot_sessions, ttl=config.hot_minutes * 60, max_bytes=_HOT_BYTES)


def make_memory(config: Config) -> Memory:
    return open_memory(config.memory_url, make_limits(config), config.language)


def make_traces(config: Config) -> Traces:
    keys = _value(config.langfuse_public_key), _value(config.langfuse_secret_key)
    return traces(*keys, config.langfuse_base_url, config.secrets)


def _value(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
