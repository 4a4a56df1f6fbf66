"""The JSON values in the body of an answer, however a server writes it: an event stream, JSON lines, one whole object.

Always true: what is no JSON ends nothing; comments, keep-alives, names of events and ids are passed over.
"""

import codecs
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from .base import InvalidRequest

DONE = "[DONE]"
"""The last event of a stream that is whole."""

_FIELD = re.compile(r"(data|event|id|retry)(?::\s?|$)")
_LINE = re.compile(r"\r\n|\n|\r")
_PAGE = re.compile(r"\s*<(?:!doctype\s+)?html\b", re.IGNORECASE)


class Events:
    """Bytes in, values out. ``damaged``: something that began like JSON could not be read."""

    def __init__(self) -> None:
        self.damaged = self._begun = False
        # Event streams are UTF-8 whatever their header says: https://html.spec.whatwg.org/multipage/server-sent-events
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._line = ""
        self._value = ""
        self._plain = False

    def feed(self, data: bytes, final: bool = False) -> Iterator[Any]:
        """Values of JSON, and DONE. ``final``: nothing more comes. Raises InvalidRequest for a web page."""
        text = self._line + self._decode(data, final)
        if text.endswith("\r") and not final:  # its line feed may come next
            *lines, self._line = *_LINE.split(text[:-1]), text[-1:]
            self._line = lines.pop() + self._line
        else:
            *lines, self._line = _LINE.split(text)
        for line in [*lines, self._line] if final else lines:
            yield from self._read(line)
        if final:
            self._drop()

    def _read(self, line: str) -> Iterator[Any]:
        field = _FIELD.match(line)
        if not line.strip():
            if not self._plain:  # the end of an event
                self._drop()
        elif field is None:
            self._plain = True
            yield from self._add(line)
        elif field[1] == "data":
            yield from self._add(line[field.end() :])

    def _add(self, text: str) -> Iterator[Any]:
        if not self._begun and _PAGE.match(text):  # of a user interface for instance, which answers any address so
            raise InvalidRequest("a web page", "address")
        self._begun = self._begun or bool(text.strip())
        if text.strip() == DONE:
            self._drop()
            yield DONE
            return
        if self._value and text.startswith("{") and (value := _parsed(text)) is not None:
            self._drop()  # the blank line between two events is missing
            yield value
            return
        if not self._value and not text.lstrip().startswith(("{", "[")):
            return  # a word that keeps the connection alive
        self._value += text + "\n"
        if text.rstrip().endswith(("}", "]")) and (value := _parsed(self._value)) is not None:
            self._value = ""
            yield value

    def _drop(self) -> None:
        self.damaged = self.damaged or bool(self._value)
        self._value = ""


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


async def objects(body: AsyncIterator[bytes], events: Events) -> AsyncGenerator[Any, None]:
    """The objects of ``body``, those of lists one by one, and DONE."""
    async for data in body:
        for value in events.feed(data):
            for each in value if isinstance(value, list) else [value]:
                yield each
    for value in events.feed(b"", final=True):
        for each in value if isinstance(value, list) else [value]:
            yield each
