"""The values of a JSON file one by one: the elements of an array, the lines of JSON Lines.

Always true: what is held is one value and a piece of the file; each value that can be read is given, whatever stands
between. Behind a broken one the next is found by its brackets; where those are broken, too, by what the ones before
look like. Libraries that read JSON as a stream cannot go on behind an error, which is why none is used.
"""

import json
import re
from collections.abc import Iterator
from typing import IO, Any

from ..origins.base import Item, Problem
from ..origins.reasons import Why
from .limits import Limits
from .members import place_of
from .pieces import Broken, Pieces

_KEY = re.compile(r'\{\s*("(?:[^"\\]|\\.){0,200}")\s*:')
_LINE = re.compile(r"(?<=\n)[\[{]")
_NEXT = re.compile(r"[,\]]")
_MOST_KEYS = 200
_MOST = 300
"""Characters of what is looked for."""


class Values:
    """Those of ``stream``, the file ``member``."""

    def __init__(self, stream: IO[bytes], member: str, limits: Limits) -> None:
        self._pieces = Pieces(stream, limits)
        self._member = place_of(member)
        self._keys: frozenset[str] = frozenset()
        """Of the last element that could be read."""
        self._first: str | None = None
        """The first of them, as JSON."""

    def read(self, key: str | None) -> Iterator[Item | Problem]:
        """As ``Source.items``."""
        pieces = self._pieces
        char = pieces.next()
        if char == "[":
            pieces.at += 1
            yield from self._array(alone=True)
        elif char == "{" and key is not None:
            yield from self._below(key)
        elif char:
            yield from self._lines()
        elif not pieces.damage:
            yield Problem(self._member, Why("empty"))
        if pieces.damage:
            yield Problem(self._member, pieces.damage)

    def _array(self, alone: bool) -> Iterator[Item | Problem]:
        """What follows its first bracket. ``alone``: it is all of the file."""
        number, pieces, cut = 0, self._pieces, False
        while char := pieces.next():
            if char == "]" and (not alone or self._closes()):
                return
            if char in ",]":
                pieces.at += char == ","
                continue
            number += 1
            place = self._member.at(item=number)
            try:
                value, odd = pieces.take()
            except Broken as broken:
                yield Problem(place, broken.why)
                cut = broken.cut
                self._pass(broken)
                continue
            self._remember(value)
            yield from (Problem(place, why, lost=False) for why in odd)
            yield Item(place, value)
        if not cut and not pieces.damage:
            yield Problem(self._member, Why("ends_early"))

    def _closes(self) -> bool:
        """Whether the array really ends at the bracket here, behind which this goes. It does not where the brackets of
        a broken element have led astray; and a file may be of several arrays."""
        pieces = self._pieces
        pieces.at += 1
        if not (char := pieces.next()):
            return True
        if char == "[":
            pieces.at += 1
        elif not self._seek():
            return True
        return False

    def _remember(self, value: Any) -> None:
        if isinstance(value, dict) and 0 < len(value) <= _MOST_KEYS:
            self._keys, self._first = frozenset(value), json.dumps(next(iter(value)))

    def _pass(self, broken: Broken) -> None:
        """Goes behind the broken element here."""
        pieces = self._pieces
        begins = _KEY.match(pieces.text, pieces.at)
        if pieces.pass_brackets(keep=not broken.large) or broken.large:
            return
        if pieces.text[pieces.at] not in "[{":
            pieces.pass_until(_NEXT, 1)
        else:
            self._first = self._first or (begins and begins[1])
            self._seek()

    def _seek(self) -> bool:
        """Goes to the next that is like the elements before. False: there is none, and this is the end."""
        pattern = re.compile(r"\{\s*" + re.escape(self._first) + r"\s*:") if self._first else re.compile(r"(?!)")
        while self._pieces.pass_until(pattern, _MOST):
            if self._is_like():
                return True
        return False

    def _is_like(self) -> bool:
        try:
            value = self._pieces.peek()
        except Broken:
            return False
        return isinstance(value, dict) and 2 * len(self._keys & value.keys()) >= len(self._keys)

    def _below(self, key: str) -> Iterator[Item | Problem]:
        """The elements of the array at ``key`` of the object here, or else the object, and what follows it."""
        pieces, whole = self._pieces, dict[str, Any]()
        pieces.at += 1
        try:
            while pieces.next() in ('"', ","):
                if pieces.text[pieces.at] == ",":
                    pieces.at += 1
                    continue
                name = str(pieces.take()[0])
                if pieces.next() != ":":
                    raise Broken(Why("no_json"))
                pieces.at += 1
                if pieces.next() == "[" and name == key:
                    pieces.at += 1
                    yield from self._array(alone=False)
                    return
                whole[name] = pieces.take()[0]
            if pieces.next() != "}":
                raise Broken(Why("ends_early") if pieces.ended else Why("no_json"))
        except Broken as broken:
            yield from self._below_broken(key, broken)
            return
        pieces.at += 1
        yield Item(self._member, whole)
        yield from self._lines()

    def _below_broken(self, key: str, broken: Broken) -> Iterator[Item | Problem]:
        """What is at ``key``, although what stands before it cannot be read."""
        pieces = self._pieces
        found = pieces.pass_until(re.compile(re.escape(json.dumps(key)) + r"\s*:\s*\["), _MOST)
        yield Problem(self._member, broken.why, lost=not found)
        if found:
            pieces.at = pieces.text.index("[", pieces.at) + 1
            yield from self._array(alone=False)

    def _lines(self) -> Iterator[Item | Problem]:
        """Values one behind the other, mostly one a line."""
        pieces = self._pieces
        while char := pieces.next():
            if char == ",":
                pieces.at += 1
                continue
            place = self._member.at(line=pieces.line())
            try:
                value, odd = pieces.take()
            except Broken as broken:
                yield Problem(place, broken.why)
                pieces.pass_until(_LINE, 1)
                continue
            yield from (Problem(place, why, lost=False) for why in odd)
            yield Item(place, value)
