"""What survives a power cut: a file after fsync, a name in a folder after fsync of the folder."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Returns when the content of the file, or the entries of the folder, survive a power cut. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Makes the folder, and those above it that are missing; their names survive a power cut. Raises OSError."""
    if not path.parent.is_dir():
        make_folder(path.parent)
    path.mkdir(mode=mode, exist_ok=True)
    sync(path.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Makes or replaces the file in one step. Raises OSError."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    sync(temporary)
    os.replace(temporary, path)
    sync(path.parent)
