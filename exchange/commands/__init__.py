"""What ``python -m exchange`` does."""

from .exporting import export_command
from .importing import import_command
from .migrating import migrate

__all__ = ["export_command", "import_command", "migrate"]
