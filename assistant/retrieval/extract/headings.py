"""Where below its headings a reader is."""

LONGEST = 200
"""Characters that are kept of a heading."""


class Headings:
    """Levels count from 1; some may be skipped."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> None:
        """Ends all that are as deep or deeper; one without words only does that."""
        self._open = [(above, of) for above, of in self._open if above < level]
        if title := " ".join(title.split())[:LONGEST]:
            self._open.append((level, title))

    def path(self) -> tuple[str, ...]:
        return tuple(title for _, title in self._open)
