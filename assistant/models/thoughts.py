"""What a model thinks aloud, kept apart from what it answers.

Always true: only an answer that begins with a tag of thoughts has any in its text; a tag further on, such as one in a
piece of code, is text like any other.
"""

import re
from collections.abc import Iterator

from .base import Thought

_TAGS = ("<think>", "<thinking>", "<thought>", "<seed:think>", "[THINK]")
_ENDS = {tag: f"{tag[0]}/{tag[1:]}" for tag in _TAGS}
_EACH = "|".join(f"{re.escape(tag)}.*?(?:{re.escape(end)}\\s*|\\Z)" for tag, end in _ENDS.items())
_BEFORE = re.compile(rf"\s*(?:{_EACH})", re.DOTALL)

# Some chat templates begin the thoughts themselves: then only their end is seen, on a line of its own.
_UNOPENED = re.compile(r"(?:(?!<think|```).)*?\n\s*</think>[ \t]*\n\s*", re.DOTALL)


def begins_in_thoughts(text: str) -> bool:
    """Whether ``text`` begins with thoughts that have an end, but no beginning."""
    return _UNOPENED.match(text) is not None


def answer_of(text: str) -> str:
    """``text`` without the thoughts that it begins with."""
    found = _BEFORE.match(text) or _UNOPENED.match(text)
    return text[found.end() :] if found else text


class Splitter:
    """Parts the thoughts that a text begins with from the text, piece by piece. ``thinking``: they have not ended.

    ``inside``: it is known to begin in thoughts; if they never end, it was no thought.
    """

    def __init__(self, inside: bool = False) -> None:
        self._held = self._thoughts = ""
        self._inside = inside
        self._end = "</think>" if inside else None
        self._text = self._trim = False

    @property
    def thinking(self) -> bool:
        return self._end is not None and not self._text

    def feed(self, piece: str) -> Iterator[str | Thought]:
        if self._text:
            yield from self._said(piece)
            return
        self._held += piece
        if self._end is None and not self._begins():
            return
        if self._end is not None and not self._text:
            yield from self._thought()
        if self._text:
            held, self._held = self._held, ""
            yield from self._said(held)

    def end(self) -> Iterator[str | Thought]:
        """What was held back in the hope of more."""
        if self.thinking and self._inside:
            yield answer_of(self._thoughts + self._held)
        elif self._held:
            yield Thought(self._held) if self.thinking else self._held
            self._held = ""

    def _begins(self) -> bool:
        """Whether it is known what the text begins with."""
        start = self._held.lstrip()
        for tag in _TAGS:
            if start.startswith(tag):
                self._held, self._end = start[len(tag) :], _ENDS[tag]
                return True
        if not any(tag.startswith(start) for tag in _TAGS):
            self._text = True
        return self._text

    def _thought(self) -> Iterator[Thought]:
        assert self._end is not None
        thought, found, rest = self._held.partition(self._end)
        if found:
            self._text = self._trim = True
            self._held = rest
        else:
            # The end of the piece may be the beginning of the tag.
            keep = next((n for n in range(len(self._end) - 1, 0, -1) if thought.endswith(self._end[:n])), 0)
            thought, self._held = thought[: len(thought) - keep], thought[len(thought) - keep :]
        if thought:
            self._thoughts += thought
            yield Thought(thought)

    def _said(self, piece: str) -> Iterator[str]:
        if self._trim:  # the blank lines between thoughts and answer
            piece = piece.lstrip()
        if piece:
            self._trim = False
            yield piece
