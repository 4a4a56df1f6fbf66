"""A conversation of another product as the rows of our own tables."""

from .ids import thread_id
from .planted import Planted, plant
from .rows import MESSAGES, element, kind_of

__all__ = ["MESSAGES", "Planted", "element", "kind_of", "plant", "thread_id"]
