"""What a file says, whoever sent it: read in a process of its own, which a file can spoil but for itself only.

Nothing here raises for what is in a file: ``FileText.refused`` says why there is no text of it.
"""

from .formats import can_read
from .limits import LIMITS, READER, Limits
from .reader import Reader, close, read

__all__ = ["LIMITS", "READER", "Limits", "Reader", "can_read", "close", "read"]
