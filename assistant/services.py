"""What answers are made with: built from the configuration, handed to everything that needs it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from datalayer import DataLayer, Embeddings, Retention

from .config import Config
from .memory import HotLimits, Memory, open_link, open_memory
from .models import Providers, embedding
from .models.families import FAMILIES
from .models.patience import Patience
from .usage.tracing import Traces, traces

if TYPE_CHECKING:
    from .memory.link import Link
    from .usage.metrics import Metrics

TEMPORARY = "temporary"
"""The chat profile of conversations of which nothing is kept."""
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
    trash_days: int = 0
    """How long what was deleted can be brought back; 0: not at all."""
    storage: int | None = None
    """Bytes that the files of one person may take; None: any number."""


def make_layer(config: Config, embeddings: Embeddings | None = None) -> DataLayer:
    """Closes ``embeddings`` when it is closed."""
    return DataLayer(
        config.database_url,
        config.files,
        spool=config.spool,
        backups=config.backup_folder,
        trash_days=config.trash_days,
        embeddings=embeddings,
        retention=make_retention(config),
        temporary=(TEMPORARY,),
    )


def make_retention(config: Config) -> Retention | None:
    """None: all is kept."""
    limits = (config.max_age_days, config.max_threads, config.max_messages_per_thread)
    if limits == (None, None, None):
        return None
    age, threads, messages = limits
    return Retention(
        archive=config.archive or config.home / "archive",
        max_age_days=age,
        max_threads=threads,
        max_messages_per_thread=messages,
        cleanup_interval_hours=config.cleanup_interval_hours,
    )


def make_embeddings(config: Config) -> Embeddings | None:
    """None: nothing is found by its meaning. Raises SystemExit with one line."""
    return embedding.make(config)


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
    keys = secret(config.langfuse_public_key), secret(config.langfuse_secret_key)
    return traces(*keys, config.langfuse_base_url, config.secrets)


def make_link(config: Config) -> "Link | None":
    """To the Redis by which instances count together; None: there is one instance. Raises SystemExit with one line."""
    return open_link(config.memory_url)


def make_metrics(config: Config) -> "Metrics | None":
    """None: nothing is counted. Raises SystemExit with one line."""
    if config.metrics_token is None:
        return None
    try:
        from .usage.metrics import Metrics
    except ModuleNotFoundError:
        raise SystemExit(
            "THREADKEEP_METRICS_TOKEN needs the package prometheus-client: pip install -r requirements-servers.txt"
        ) from None
    return Metrics(make_traces(config))


def secret(kept: SecretStr | None) -> str | None:
    return kept.get_secret_value() if kept is not None else None
