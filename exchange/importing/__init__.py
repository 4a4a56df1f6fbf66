"""Exports of other products, brought in."""

from .report import Note, Report
from .running import run_import
from .telling import told

__all__ = ["Note", "Report", "run_import", "told"]
