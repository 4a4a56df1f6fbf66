"""Blobs in a bucket of S3, or of anything that speaks its protocol: ``prefix/abcd…`` (I10).

An object is complete or absent: what is larger than PART comes in parts, which become an object all at once. The server
checks each request against the SHA-256 that it is signed with.

Keys and region are those of the environment, as every tool for S3 reads them.
"""

import errno
import hashlib
import io
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, BinaryIO

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from ..errors import InvalidInput, StoreUnavailable
from ..records import Blob
from .base import CHUNK, Source, Stream, checked, chunks, is_name, measured, named, opened

logger = logging.getLogger("datalayer")

PART = 5 << 20
"""Bytes of a part, the fewest that S3 takes. Two of them are on their way at a time."""

REQUEST_TIMEOUT = 15.0
"""Seconds for one request, with its content: a part, or what is read at a time."""

RETRIES = 1
"""Times that a request is sent again. What is said after a file in its conversation is stored after it."""

_ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(?P<prefix>[\w.+=/-]*))?", re.ASCII)
_NAMES = re.compile(r"((?!\.{1,2}(/|$))[^/]+(/(?!\.{1,2}(/|$))[^/]+)*)?")
"""Folders with a slash between two. None is empty, "." or "..", which clients and servers tidy away, or refuse."""
_ENDPOINT = re.compile(r"https?://([\w.-]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?(/[\w./-]*)?", re.ASCII)
# Of the client's words: the code in the server's answer, else its status, else what became of the connection.
_SAID = (re.compile(r"<Code>(\w+)</Code>"), re.compile(r"status code: (\d{3})"), re.compile(r"kind: (\w+)"))


class S3Blobs:
    """``url``: ``s3://bucket/prefix``. Raises InvalidInput for one that cannot be an address."""

    def __init__(self, url: str, request_timeout: float = REQUEST_TIMEOUT, retries: int = RETRIES) -> None:
        found = _ADDRESS.fullmatch(url)
        if not found or not _NAMES.fullmatch(prefix := (found["prefix"] or "").strip("/")):
            raise InvalidInput(
                "Files on S3 are at s3://bucket or s3://bucket/prefix, in letters, digits and ._+=-/, and no part of"
                " the prefix is empty, . or .."
            )
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None
        if endpoint is not None and not _ENDPOINT.fullmatch(endpoint):
            raise InvalidInput("AWS_ENDPOINT_URL is no address of a server, such as https://s3.example.org")
        # Not every server has the bulk one.
        settings: Any = {"disable_bulk_delete": True, **({"endpoint": endpoint} if endpoint else {})}
        client: Any = {
            "timeout": timedelta(seconds=request_timeout),
            "connect_timeout": timedelta(seconds=min(5.0, request_timeout)),
            "allow_http": endpoint is not None and endpoint.startswith("http://"),
        }
        self._bucket = found["bucket"]
        retrying: Any = {"max_retries": retries, "retry_timeout": timedelta(seconds=request_timeout * (retries + 1))}
        try:
            self._store = S3Store(
                self._bucket, prefix=prefix or None, client_options=client, retry_config=retrying, config=settings
            )
        except (BaseError, ValueError) as error:
            what = str(error).partition("error: ")[2].partition("\n")[0] or type(error).__name__
            raise InvalidInput(f"The settings of S3 in the environment (AWS_…) cannot be used: {what}") from error

    def put(self, source: Source, name: str | None = None) -> Blob:
        with opened(source) as given, _at_hand(given) as file:
            blob = named(measured(file), name)
            if name is None or self.size(name) != blob.size:
                file.seek(0)
                with self._failures():
                    obstore.put(
                        self._store,
                        blob.name,
                        _unchanged(file, blob),
                        use_multipart=blob.size > PART,
                        chunk_size=PART,
                        max_concurrency=2,
                    )
            return blob

    def open(self, name: str) -> Stream:
        size = self.size(name)
        if size is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return _Content(lambda start, length: self._range(name, start, length), size)

    def _range(self, name: str, start: int, length: int) -> bytes:
        with self._failures():
            found = bytes(obstore.get_range(self._store, checked(name), start=start, length=length))
        if len(found) != length:
            raise StoreUnavailable("The store of files sent less than it has")
        return found

    def size(self, name: str) -> int | None:
        try:
            with self._failures():
                return obstore.head(self._store, checked(name))["size"]
        except FileNotFoundError:
            self.check()  # the answer to HEAD does not say whether it is the bucket that is not there
            return None

    def remove(self, name: str) -> None:
        with self._failures():
            obstore.delete(self._store, checked(name))

    def names(self) -> Iterator[str]:
        with self._failures():
            for page in obstore.list(self._store):
                yield from (name for each in page if is_name(name := each["path"]))

    def check(self) -> None:
        with self._failures():
            next(iter(obstore.list(self._store, offset="z", chunk_size=1)), None)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Raises StoreUnavailable for what the client raises, but FileNotFoundError for an object that is not there."""
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            said = _said(error)
            if isinstance(error, FileNotFoundError) and said != "NoSuchBucket":
                raise
            logger.warning("files: the bucket %s cannot be used (%s)", self._bucket, said)
            raise _explained(error, said) from error


def _said(error: Exception) -> str:
    return next((found[1] for each in _SAID if (found := each.search(str(error)))), type(error).__name__)


def _explained(error: Exception, said: str) -> StoreUnavailable:
    if said == "NoSuchBucket":
        return StoreUnavailable("The bucket of the files does not exist")
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or "status code: 403" in str(error):
        return StoreUnavailable("The bucket of the files refuses the key of this installation, or what it may do")
    return StoreUnavailable("The store of files does not answer as it should; try again later")


@contextmanager
def _at_hand(file: BinaryIO | io.BufferedIOBase) -> Iterator[BinaryIO | io.BufferedIOBase]:
    """``file``; what is itself in a bucket as a temporary file, as the client cannot be called from within a call."""
    if not isinstance(file, _Content):
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy, CHUNK)
        copy.seek(0)
        yield copy


def _unchanged(file: BinaryIO | io.BufferedIOBase, blob: Blob) -> Iterator[bytes]:
    """The content of ``file``. Raises OSError, before the store has all of it, when it is no longer ``blob``."""
    digest = hashlib.sha256()
    for chunk in chunks(file):
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != blob.sha256:
        raise OSError(errno.EIO, "The file was changed while it was being stored")


class _Content(io.BufferedIOBase):
    """``fetch``: (start, length) -> so many bytes, at most CHUNK."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch, self._size, self._at = fetch, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        end = self._size if size is None or size < 0 else min(self._at + size, self._size)
        parts = []
        while self._at < end:
            parts.append(self._fetch(self._at, min(CHUNK, end - self._at)))
            self._at += len(parts[-1])
        return b"".join(parts)
