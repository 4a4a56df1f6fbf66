"""ChatGPT: the ZIP that comes by e-mail, one of its files, or what tools in the browser save."""

from .reader import ChatGPT

__all__ = ["ChatGPT"]
