"""PDF: a conversation on pages, by Typst, with the fonts that come along (``exchange/fonts``)."""

from .document import Pdf

__all__ = ["Pdf"]
