"""A data layer for Chainlit that loses nothing.

@cl.data_layer
def data_layer(): return DataLayer("sqlite+aiosqlite:///threads.db", files="files/")
"""

from .adapter import DataLayer
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

__all__ = [
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
