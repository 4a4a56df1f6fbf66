"""What LibreChat exports."""

from .conversations import LibreChat

__all__ = ["LibreChat"]
