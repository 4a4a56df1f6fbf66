"""A data layer for Chainlit that loses nothing.

@cl.data_layer
def data_layer(): return DataLayer("sqlite+aiosqlite:///threads.db", files="files/")

What an app may use is named in ``__all__``: the names, and the modules with what they name themselves.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    import fcntl  # noqa: F401
except ImportError as error:
    raise ImportError(
        "datalayer needs a POSIX system, such as Linux or macOS: its locks end with the process that holds them, "
        "and it fsyncs folders. On Windows run it in WSL or in a container."
    ) from error

from .embeddings import EmbeddingFailed, EmbeddingRefused, Embeddings
from .errors import (
    DataLayerError,
    Forbidden,
    InvalidInput,
    NotFound,
    StoreClosed,
    StoreCorrupt,
    StoreForeign,
    StoreTooNew,
    StoreTooOld,
    StoreUnavailable,
    WrongLoop,
)
from .writes import APPLICATION

if TYPE_CHECKING:
    from . import (
        archive,
        backup,
        beside,
        door,
        durable,
        errors,
        forks,
        imports,
        merges,
        mirror,
        observer,
        passages,
        place,
        readonly,
        records,
        reports,
        search,
        shares,
        text,
        versions,
        views,
        whole,
        writes,
    )
    from .chainlit.adapter import DataLayer
    from .chainlit.routes import file_response
    from .chainlit.shapes import file_url, source_url
    from .retention import Retention
    from .store import Store
    from .writer import Event

__all__ = [
    "APPLICATION",
    "DataLayer",
    "DataLayerError",
    "EmbeddingFailed",
    "EmbeddingRefused",
    "Embeddings",
    "Event",
    "Forbidden",
    "InvalidInput",
    "NotFound",
    "Retention",
    "Store",
    "StoreClosed",
    "StoreCorrupt",
    "StoreForeign",
    "StoreTooNew",
    "StoreTooOld",
    "StoreUnavailable",
    "WrongLoop",
    "archive",
    "backup",
    "beside",
    "door",
    "durable",
    "errors",
    "file_response",
    "file_url",
    "forks",
    "imports",
    "merges",
    "mirror",
    "observer",
    "passages",
    "place",
    "readonly",
    "records",
    "reports",
    "search",
    "shares",
    "source_url",
    "text",
    "versions",
    "views",
    "whole",
    "writes",
]
_ELSEWHERE = {
    "DataLayer": "chainlit.adapter",
    "Event": "writer",
    "Retention": "retention",
    "Store": "store",
    "file_response": "chainlit.routes",
    "file_url": "chainlit.shapes",
    "source_url": "chainlit.shapes",
}


def __getattr__(name: str) -> Any:
    """`python -m datalayer` needs no Chainlit, which takes seconds to import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _ELSEWHERE:
        return getattr(import_module(f".{_ELSEWHERE[name]}", __name__), name)
    return import_module(f".{name}", __name__)
