"""Exports of other products, brought in."""

from .report import Note, Report
from .running import run_import

__all__ = ["Note", "Report", "run_import"]
