"""Conversations out of a store, in formats that other tools read, and in from other products: docs/exchange.md.

made = await exchange.export(store, exchange.Selection(user_id), "markdown")
async for piece in made.pieces: ...

report = await exchange.run_import(store, path, "ann", actor="ann")
"""

from .exporting import Export, NotInstalled, export, export_thread
from .formats import FORMATS, missing
from .importing import Note, Report, run_import
from .names import disposition
from .selection import Selection
from .sending import download

__all__ = [
    "FORMATS",
    "Export",
    "NotInstalled",
    "Note",
    "Report",
    "Selection",
    "disposition",
    "download",
    "export",
    "export_thread",
    "missing",
    "run_import",
]
