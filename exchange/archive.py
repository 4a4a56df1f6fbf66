"""A ZIP that is written as it is read: nothing goes back to its beginning, and no file in it is held in memory.

Sizes may be beyond 4 GB (ZIP64). What grows with it is its table of contents, some 500 bytes a file.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, cast
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""ZIP knows none before."""


class Archive:
    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = ZipFile(self._sink, "w", ZIP_DEFLATED)  # type: ignore[call-overload]  # it needs no more

    def begin(self, path: str, at: int) -> IO[bytes]:
        """A file to be written and closed, before the next one begins. ``at``: its time, in UTC microseconds."""
        moment = datetime.fromtimestamp(min(max(at, 0) / 1e6, 4_000_000_000), UTC)
        info = ZipInfo(path, max(moment.timetuple()[:6], _FIRST_DAY))
        info.compress_type = ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        return cast(IO[bytes], self._zip.open(info, "w", force_zip64=True))

    def add(self, path: str, pieces: Iterable[bytes], at: int) -> Iterator[bytes]:
        with self.begin(path, at) as file:
            for piece in pieces:
                file.write(piece)
                yield from self.ready()
        yield from self.ready()

    def ready(self) -> Iterator[bytes]:
        """What has been written since it was last asked."""
        yield from self._sink.taken()

    def end(self) -> Iterator[bytes]:
        self._zip.close()
        yield from self.ready()


class _Sink:
    """A file that cannot seek, as ``zipfile`` writes to it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def taken(self) -> list[bytes]:
        taken, self._pieces = self._pieces, []
        return taken
