"""Where the content of elements is kept."""

from .base import Blobs
from .local import LocalBlobs

__all__ = ["Blobs", "LocalBlobs"]
