"""How large what is opened may be. Exports come from people, and may be made to hurt."""

from dataclasses import dataclass

MB, GB = 1_000_000, 1_000_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes, where nothing else is said."""

    members: int = 100_000
    """Files that are looked at; of those behind them nothing comes over."""
    directory: int = 16 * MB
    """The table of contents of a ZIP, which is held in memory as objects ten times as large."""
    member: int = 64 * GB
    """What one file of a ZIP unpacks to."""
    total: int = 256 * GB
    """What is unpacked of one export, all that is read again included."""
    ratio: int = 200
    """How many times its packed size a file may unpack to, where it is larger than ``ratio_from``. Texts of people and
    models reach 20; what is made to hurt reaches 1,000 and more."""
    ratio_from: int = 100 * MB
    nested: int = 16 * GB
    """What the ZIPs in a ZIP, and the databases in it, take of the disk, all together."""
    depth: int = 2
    """How deep a ZIP may be in others."""
    element: int = 256 * MB
    """Characters of one element of a JSON array."""
    whole: int = 20 * MB
    """A JSON file that is read at once."""
    chunk: int = MB
    """What is read at a time."""
    search: int = 16 * MB
    """Characters in which the end of a broken element is looked for by its brackets."""


LIMITS = Limits()
