"""What Open WebUI exports."""

from .conversations import OpenWebUI

__all__ = ["OpenWebUI"]
