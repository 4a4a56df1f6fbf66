"""A data layer for Chainlit that loses nothing.

@cl.data_layer
def data_layer(): return DataLayer("sqlite+aiosqlite:///threads.db", files="files/")
"""

from typing import TYPE_CHECKING, Any

from .errors import (
    DataLayerError,
    Forbidden,
    InvalidInput,
    NotFound,
    StoreClosed,
    StoreCorrupt,
    StoreForeign,
    StoreTooNew,
    StoreUnavailable,
)
from .writes import APPLICATION

if TYPE_CHECKING:
    from .chainlit.adapter import DataLayer

__all__ = [
    "APPLICATION",
    "DataLayer",
    "DataLayerError",
    "Forbidden",
    "InvalidInput",
    "NotFound",
    "StoreClosed",
    "StoreCorrupt",
    "StoreForeign",
    "StoreTooNew",
    "StoreUnavailable",
]


def __getattr__(name: str) -> Any:
    """`python -m datalayer` needs no Chainlit, which takes seconds to import."""
    if name != "DataLayer":
        raise AttributeError(name)
    from .chainlit.adapter import DataLayer

    return DataLayer
