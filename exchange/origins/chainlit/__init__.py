"""Databases of Chainlit apps, as its two data layers write them."""

from .layers import ChainlitOfficial, ChainlitSQLAlchemy

__all__ = ["ChainlitOfficial", "ChainlitSQLAlchemy"]
