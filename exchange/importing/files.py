"""The files of an export, on their way into the store."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from datalayer import Store
from datalayer.errors import DataLayerError
from datalayer.records import Blob

from ..opened.servers import Server
from ..opened.source import Opened
from ..origins.base import File
from .sniffing import mime_of

T = TypeVar("T")

LARGEST = 500_000_000
"""Bytes of a file that comes along, as Chainlit takes them."""
_HELD = 4_000_000
"""Bytes of one that is held in memory; larger ones go over the disk."""
_KNOWN = 10_000
"""Contents that are remembered, so that what many messages have is read once."""


@dataclass(frozen=True, slots=True)
class Content:
    source: bytes | Path
    start: bytes


class Files:
    """``call`` runs what blocks in the thread that reads ``source``."""

    def __init__(self, store: Store, source: Opened | Server, call: Callable[..., Any]) -> None:
        self._store, self._source, self._call = store, source, call
        self._known: dict[str, tuple[Blob, bytes]] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def put(self, file: File) -> tuple[Blob, str | None] | None:
        """Its content, stored, and what it is; None: it is not there, too large or damaged. Raises DataLayerError."""
        stored = await self._put(file.member if file.member is not None else file.content)
        if stored is None:
            return None
        blob, start = stored
        return blob, mime_of(start, file.name, file.mime)

    async def put_known(self, sha256: str, content: str | bytes) -> Blob | None:
        """What is ``sha256`` by its name: a member of the source, or the content. None: it is not, or not there."""
        stored = await self._put(content)
        if stored is None or stored[0].sha256 == sha256:
            return stored[0] if stored else None
        self.forget([stored[0]])
        await self._store.with_files(self._store.blobs.remove, stored[0].name)  # which no row has
        return None

    def forget(self, blobs: Sequence[Blob]) -> None:
        """The store lets these go, as what they came with was not stored: they have to be stored anew."""
        names = {blob.name for blob in blobs}
        self._known = {key: known for key, known in self._known.items() if known[0].name not in names}

    async def _put(self, what: str | bytes | None) -> tuple[Blob, bytes] | None:
        if what is None:
            return None
        key = what if isinstance(what, str) else hashlib.sha256(what).hexdigest()
        if key not in self._known:
            content = await self._call(self._content, what)
            if content is None:
                return None
            try:
                blob = await self._store.put_blob(content.source)
            except OSError as error:
                raise DataLayerError(f"An attached file cannot be stored: {error.strerror}") from error
            finally:
                if isinstance(content.source, Path):
                    await self._call(content.source.unlink)
            while len(self._known) >= _KNOWN:
                del self._known[next(iter(self._known))]
            self._known[key] = (blob, content.start)
        return self._known[key]

    def _content(self, what: str | bytes) -> Content | None:
        if isinstance(what, bytes):
            return Content(what, what[:100]) if len(what) <= LARGEST else None
        try:
            if self._source.size(what) > LARGEST:
                return None
            with self._source.open(what) as file:
                start = file.read(_HELD)
                if len(start) < _HELD:
                    return Content(start, start[:100])
                return self._on_disk(file, start)
        except (OSError, KeyError):
            return None

    def _on_disk(self, file: Any, start: bytes) -> Content | None:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="threadkeep-")
        path, size = Path(self._folder.name, "file"), len(start)
        with path.open("wb") as target:
            target.write(start)
            while piece := file.read(1_000_000):
                size += len(piece)
                if size > LARGEST:
                    return None
                target.write(piece)
        return Content(path, start[:100])

    def size(self, what: File | str | bytes | None) -> tuple[object, int]:
        """What tells its content from others, and its bytes; 0 where there is none. Blocks."""
        content = (what.member if what.member is not None else what.content) if isinstance(what, File) else what
        try:
            return content, self._source.size(content) if isinstance(content, str) else len(content or b"")
        except KeyError:
            return content, 0

    def exists(self, file: File) -> bool:
        """Whether its content is there and not too large. Blocks."""
        if file.member is None:
            return file.content is not None and len(file.content) <= LARGEST
        try:
            return self._source.size(file.member) <= LARGEST
        except KeyError:
            return False

    def close(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
