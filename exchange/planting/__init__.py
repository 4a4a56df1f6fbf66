"""A conversation of another product as the rows of our own tables."""

from .ids import thread_id
from .planted import Planted, plant
from .rows import element

__all__ = ["Planted", "element", "plant", "thread_id"]
