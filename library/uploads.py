"""A file that a form sends, straight to the disk.

Always true: of a body nothing is held in memory but the piece that has just come and the form's few short fields; of a
form that does not come from a page of ours nothing reaches the disk.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from exchange.names import safe

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_FRAME = 64 * 1024
"""Bytes that a form puts around a file, its other fields among them."""
_FIELDS = 8 * 1024
_FILE = "file"


class Refused(Exception):
    """``key``: of the sentence that says why, for the status of an answer."""

    def __init__(self, key: str, status: int) -> None:
        super().__init__(key)
        self.key, self.status = key, status


def claims_too_much(request: Request, most: int) -> bool:
    length = request.headers.get("content-length", "0")
    return not length.isdecimal() or len(length) > 15 or int(length) > most + _FRAME


async def received(request: Request, folder: Path, most: int, is_ours: Callable[[str], bool]) -> Path:
    """The file of the form, in ``folder`` under a safe form of its name.

    ``most``: its bytes, at most. ``is_ours``: of the form's ``guard``, which comes before the file. Raises Refused,
    OSError for a full disk, starlette's ClientDisconnect for what was cut off.
    """
    kind, parameters = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not (boundary := parameters.get(b"boundary")):
        raise Refused("no_action", 400)
    form = _Form(folder, most, is_ours)
    try:
        parser = MultipartParser(boundary, form.callbacks)
        async for piece in request.stream():
            await asyncio.to_thread(parser.write, piece)
        parser.finalize()
        form.close()
    except FormParserError:
        raise Refused("no_action", 400) from None
    finally:
        with suppress(OSError):
            form.close()
    if form.path is None:
        raise Refused("import_no_file", 422)
    if not form.ended:
        raise Refused("import_cut_off", 400)
    if not form.size:
        raise Refused("import_empty", 422)
    return form.path


class _Form:
    """What a parser finds, in the order of the body."""

    def __init__(self, folder: Path, most: int, is_ours: Callable[[str], bool]) -> None:
        self._folder, self._most, self._is_ours = folder, most, is_ours
        self._header, self._disposition = [b"", b""], b""
        self._name, self._fields, self._held = "", dict[str, bytes](), 0
        self._file: IO[bytes] | None = None
        self.path: Path | None = None
        self.size, self.ended = 0, False
        self.callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add_header(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add_header(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._headed,
            "on_part_data": self._data,
            "on_part_end": self.close,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._name, self._disposition = "", b""

    def _add_header(self, which: int, data: bytes) -> None:
        self._header[which] += data

    def _end_header(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = [b"", b""]

    def _headed(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="replace")
        named = options.get(b"filename", b"").decode(errors="replace")
        if not named or self._name != _FILE or self.path is not None:
            return
        if not self._is_ours(self._fields.get("guard", b"").decode(errors="replace")):
            raise Refused("expired", 403)
        self.path = self._folder / safe(named, "export")
        self._file = self.path.open("xb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self.size += end - start
            if self.size > self._most:
                raise Refused("import_too_large", 413)
            self._file.write(data[start:end])
            return
        self._held += end - start
        if self._held > _FIELDS:
            raise Refused("no_action", 413)
        self._fields[self._name] = self._fields.get(self._name, b"") + data[start:end]

    def _end(self) -> None:
        self.ended = True

    def close(self) -> None:
        """Raises OSError where the last of it does not fit on the disk."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()
