"""Why something of an export does not come over as it was, in the language of whoever reads it."""

import errno
import re
from typing import ClassVar

from ..texts import Language, say, templates


class Why:
    """A reason: ``key`` is that of a text, ``why_`` with it, and ``values`` fill its gaps. One of them may be a reason
    itself. ``n``: the number on which a text with plural forms depends."""

    __slots__ = ("_values", "key")
    kind: ClassVar = "why_"

    def __init__(self, key: str, **values: "str | int | Why") -> None:
        self.key, self._values = key, values

    def told(self, to: Language) -> str:
        """One sentence without a full stop."""
        values = {name: each.told(to) if isinstance(each, Why) else each for name, each in self._values.items()}
        return say(f"{self.kind}{self.key}", to, **values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Why) and (self.key, self._values) == (other.key, other._values)

    def __hash__(self) -> int:
        return hash((self.key, *self._values.values()))

    def __str__(self) -> str:
        return self.told("en")

    def __repr__(self) -> str:
        return f"Why({self.key!r}, {self._values!r})"


class Refusal(Why):
    """What the data layer says of a value that it does not take: it speaks English alone."""

    __slots__ = ()
    kind = "refusal_"


def _as_pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*)", re.escape(template)), re.DOTALL)


_REFUSALS = {key: _as_pattern(text) for key, text in templates(Refusal.kind, "en").items()}


def refusal(sentence: str) -> Why | str:
    """A sentence of the data layer's; one that is not known stays as it is."""
    for key, pattern in _REFUSALS.items():
        if found := pattern.fullmatch(sentence):
            return Refusal(key.removeprefix(Refusal.kind), **found.groupdict())
    return sentence


class Damaged(OSError):
    """A file that cannot be read on."""

    def __init__(self, why: Why) -> None:
        super().__init__(str(why))
        self.why = why


def why_of(error: Exception) -> Why:
    """Why a file could not be read, where that raised ``error``."""
    if isinstance(error, Damaged):
        return error.why
    if isinstance(error, OSError) and error.errno is not None:
        return Why("unreadable", code=errno.errorcode.get(error.errno, str(error.errno)))
    return Why("damaged_end")
