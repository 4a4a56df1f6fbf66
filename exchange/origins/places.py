"""Where in an export something is, in the language of whoever reads it."""

from dataclasses import dataclass, replace

from ..texts import Language, say

_TITLE = 80


@dataclass(frozen=True, slots=True)
class Place:
    """Such as ``conversations.json, item 3 (Birds)``."""

    member: str = ""
    """The file; empty: it is no file."""
    within: tuple[tuple[str, str | int], ...] = ()
    """From the outside in: keys of texts without their ``at_``, and the numbers or names that fill these."""
    title: str | None = None
    """Of a conversation."""

    def at(self, **where: str | int) -> "Place":
        """Further in, such as ``item=3``."""
        return replace(self, within=(*self.within, *where.items()))

    def titled(self, title: str | None) -> "Place":
        """With the title of the conversation, where it has one. No more of it is quoted than 80 characters."""
        return replace(self, title=title[:_TITLE]) if title else self

    def told(self, to: Language) -> str:
        parts = [self.member] if self.member else []
        parts += [say(f"at_{kind}", to, value=value) for kind, value in self.within]
        return ", ".join(parts) + (f" ({self.title})" if self.title else "")

    def __str__(self) -> str:
        return self.told("en")
