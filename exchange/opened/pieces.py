"""One JSON value after the other out of a file, of which a piece is held."""

import json
import re
from dataclasses import dataclass
from typing import IO, Any

from datalayer.errors import InvalidInput
from datalayer.text import clean

from ..origins.reasons import Why, why_of
from .brackets import Brackets
from .characters import Characters
from .limits import Limits

_SPACE = re.compile(r"[ \t\n\r\x1e\ufeff]*")
_BYTES = re.compile("[\udc80-\udcff]")
# NUL, and half of a surrogate pair, as they are escaped.
_ESCAPED = re.compile(
    r"\\u(?:0000|[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..\\u)[dD][c-fC-F]..)", re.DOTALL
)
_FOLLOWS = re.compile(r"\s*(?:,\s*(.)|(\])|$)", re.DOTALL)
_MOST_LOOKED_AT = 200
"""Characters that a number, a word or a mark of JSON stands in, with the space before it."""


@dataclass
class Broken(Exception):
    """The value that begins here cannot be read."""

    why: Why
    large: bool = False
    cut: bool = False
    """The file ends in the middle of it."""


class Pieces:
    def __init__(self, stream: IO[bytes], limits: Limits) -> None:
        self._characters, self._limits = Characters(stream, limits.chunk), limits
        self.text, self.at = "", 0
        """A piece of the file, and where in it the next value begins."""
        self.damage: Why | None = None
        """Why the file cannot be read to its end."""
        self.ended = False
        self._line, self._counted, self._twice = 1, 0, False
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=lambda _: None, strict=False)

    def next(self) -> str:
        """The first character of what comes; "" at the end."""
        while True:
            found = _SPACE.match(self.text, self.at)
            assert found is not None  # no space is enough
            self.at = found.end()
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.grow():
                return ""

    def line(self) -> int:
        """The number of the line that is read; the first is 1."""
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def grow(self, wanted: int = 1) -> bool:
        """Reads on, a chunk and ``wanted`` characters at least; what is before ``at`` goes. False: there is no more."""
        self.line()
        pieces, size = [self.text[self.at :]], 0
        while size < max(wanted, self._limits.chunk) and not self.ended:
            try:
                piece = self._characters.more()
            except OSError as error:
                piece, self.damage = "", why_of(error)
            self.ended = not piece
            size += len(piece)
            pieces.append(piece)
        self.text, self.at, self._counted = "".join(pieces), 0, 0
        return size > 0

    def take(self) -> tuple[Any, list[Why]]:
        """The value that begins here, and what is odd about it; this goes behind it. Raises Broken, and stays then."""
        value, end = self._parsed()
        odd = [Why("key_twice")] if self._twice else []
        value = self._cleaned(value, end, odd)
        self.at = end
        return value, odd

    def peek(self) -> Any:
        """The value that begins here. Raises Broken."""
        return self._parsed()[0]

    def _parsed(self) -> tuple[Any, int]:
        """And where it ends."""
        while True:
            self._twice = False
            try:
                value, end = self._decoder.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                self._check(error)
            except RecursionError:
                raise Broken(Why("deep")) from None
            except ValueError:
                raise Broken(Why("many_digits")) from None
            else:
                if end - self.at > self._limits.element:
                    raise self._large()
                # A number may go on in what is not read yet.
                if end < len(self.text) or self.ended or self.text[self.at] in '[{"':
                    return value, end
            held = len(self.text) - self.at
            if held > self._limits.element:
                raise self._large()
            self.grow(held)

    def _large(self) -> Broken:
        return Broken(Why("too_large", mb=self._limits.element // 1_000_000), large=True)

    def _check(self, error: json.JSONDecodeError) -> None:
        """Raises Broken unless more of the file may help."""
        cut = error.msg.startswith("Unterminated string") or error.pos > len(self.text) - 16
        if self.ended and cut:
            raise Broken(Why("ends_within"), cut=True) from None
        if not cut:
            raise Broken(Why("no_json")) from None

    def _cleaned(self, value: Any, end: int, odd: list[Why]) -> Any:
        no_utf8 = self._characters.broken and _BYTES.search(self.text, self.at, end)
        if not (no_utf8 or _ESCAPED.search(self.text, self.at, end)):
            return value
        try:
            cleaned = clean(value)
        except InvalidInput:
            raise Broken(Why("deep")) from None
        if cleaned != value:
            odd.append(Why("no_utf8") if no_utf8 else Why("no_character"))
        return cleaned

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            self._twice = True
        return made

    def pass_brackets(self, keep: bool) -> bool:
        """Goes to where the brackets of the value here end, if another one like it follows or nothing does. Otherwise
        it stays, or, if it may not ``keep`` what it reads, goes to the end."""
        opening = self.text[self.at]
        if opening not in "[{":
            return False
        brackets, seen = Brackets(), 0
        while (end := brackets.end(self.text, self.at + seen)) is None:
            seen = len(self.text) - self.at if keep else 0
            if not keep:
                self.at = len(self.text)
            if brackets.wrong or seen > self._limits.search or not self.grow():
                return False
        if len(self.text) - end < _MOST_LOOKED_AT:
            end -= self.at
            self.grow()
        found = _FOLLOWS.match(self.text, end)
        if found is None or (found[1] or opening) != opening:
            return False
        self.at = end
        return True

    def pass_until(self, pattern: re.Pattern[str], most: int) -> bool:
        """Goes to the next place behind this character that ``pattern`` finds, in at most ``most`` characters. False:
        there is none, and this is the end."""
        self.at = min(self.at + 1, len(self.text))
        while (found := pattern.search(self.text, self.at)) is None:
            self.at = max(self.at, len(self.text) - most)
            if not self.grow():
                self.at = len(self.text)
                return False
        self.at = found.start()
        return True
