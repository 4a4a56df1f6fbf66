"""The characters of a JSON file, some at a time, whichever encoding it has."""

import codecs
import json
from collections.abc import Callable
from typing import IO


class Characters:
    """Of UTF-8, each byte that belongs to no character becomes half a surrogate pair, which no character is."""

    def __init__(self, stream: IO[bytes], chunk: int) -> None:
        # What can be read of a damaged file before it fails comes first, which a read of all would lose.
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._chunk = chunk
        self._decoder: codecs.IncrementalDecoder | None = None
        self.broken = False
        """Whether there has been such a byte."""

    def more(self) -> str:
        """The next; "" at the end. Raises OSError where the file is damaged."""
        while True:
            piece = self._read(self._chunk)
            while self._decoder is None and piece and len(piece) < 4 and (further := self._read(4)):
                piece += further
            decoder = self._decoder or self._begin(piece)
            try:
                text = decoder.decode(piece, not piece)
            except UnicodeDecodeError:
                self.broken = True
                decoder.errors = "surrogateescape" if self._utf8 else "replace"
                text = decoder.decode(piece, not piece)
            if text or not piece:
                return text

    def _begin(self, start: bytes) -> codecs.IncrementalDecoder:
        encoding = json.detect_encoding(start) if start else "utf-8"
        self._utf8 = encoding.startswith("utf-8")
        self._decoder = codecs.getincrementaldecoder(encoding)()
        return self._decoder
