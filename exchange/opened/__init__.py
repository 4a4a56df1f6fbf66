"""Exports of other products, opened: files, ZIPs and folders as one ``Source``, whoever has made them and why."""

from .limits import Limits
from .source import opened

__all__ = ["Limits", "opened"]
