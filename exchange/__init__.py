"""Conversations out of a store, in formats that other tools read: docs/exchange.md.

made = await exchange.export(store, exchange.Selection(user_id), "markdown")
async for piece in made.pieces: ...
"""

from .exporting import Export, NotInstalled, export, export_thread
from .formats import FORMATS, missing
from .names import disposition
from .selection import Selection
from .sending import download

__all__ = [
    "FORMATS",
    "Export",
    "NotInstalled",
    "Selection",
    "disposition",
    "download",
    "export",
    "export_thread",
    "missing",
]
