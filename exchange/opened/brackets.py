"""Where a part of a JSON text ends whose brackets are right, whatever else is wrong in it."""

import re

# No step of these tries again what it has taken, so that they take as long as the text is.
_OUTSIDE = re.compile(r'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+(["\[\]{}]?)', re.DOTALL)
_INSIDE = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)

_PAIRS = {"[": "]", "{": "}"}


class Brackets:
    """Follows them, those in strings left out. It is given a text piece by piece."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._in_string = self._escaped = False
        self.wrong = False
        """One was closed by another kind of bracket, so that nothing is known any more."""

    def end(self, text: str, at: int = 0) -> int | None:
        """The place in ``text`` behind the last bracket, looked for from ``at`` on; None: it is not in this piece, or
        they are wrong."""
        while at < len(text) and not self.wrong:
            if self._in_string:
                at = self._through_string(text, at)
                continue
            found = _OUTSIDE.match(text, at)
            assert found is not None  # it takes nothing at all, too
            at = found.end()
            if (mark := found[1]) == '"':
                self._in_string = True
            elif mark in _PAIRS:
                self._open.append(_PAIRS[mark])
            elif mark:
                self.wrong = not self._open or self._open.pop() != mark
                if not self._open and not self.wrong:
                    return at
        return None

    def _through_string(self, text: str, at: int) -> int:
        """Where it ends, or the piece does."""
        found = _INSIDE.match(text, at + self._escaped)
        assert found is not None
        self._in_string = not found[1]
        self._escaped = self._in_string and found.end() < len(text)
        return len(text) if self._in_string else found.end()
