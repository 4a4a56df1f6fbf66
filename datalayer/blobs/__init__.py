"""Where the content of elements is kept: a folder, or S3."""

from pathlib import Path

from ..errors import InvalidInput
from .base import CHUNK, Blobs, Source, Stream
from .local import LocalBlobs
from .threads import in_thread

__all__ = ["CHUNK", "Blobs", "LocalBlobs", "Source", "Stream", "at", "folder_of", "in_thread"]

_S3 = "s3://"


def at(files: str | Path) -> Blobs:
    """The store at ``s3://bucket/prefix`` (the prefix may be empty), or in the folder ``files``.

    Nothing is asked of it yet. Raises InvalidInput for an address that cannot be one, or without the S3 client.
    """
    if (folder := folder_of(files)) is not None:
        return LocalBlobs(folder)
    try:
        from .s3 import S3Blobs
    except ImportError as error:
        raise InvalidInput("Files on S3 need the package obstore: install threadkeep[servers]") from error
    return S3Blobs(str(files))


def folder_of(files: str | Path) -> Path | None:
    """The folder that ``files`` names; None: it names a bucket. Raises InvalidInput for another kind of address."""
    if isinstance(files, str) and "://" in files:
        if not files.startswith(_S3):
            raise InvalidInput("Files are kept in a folder or at s3://bucket/prefix")
        return None
    return Path(files)
