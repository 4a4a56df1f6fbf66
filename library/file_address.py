"""What the address of a page of files asks for, and addresses of others. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args
from urllib.parse import urlencode

from datalayer import text
from datalayer.passages import FileSort

_WORDS = 1_000
"""Characters of a search that are looked at."""
_HIGHEST = 1 << 20


@dataclass(frozen=True, slots=True)
class FileAddress:
    """Which files are listed, and which one is open beside them."""

    words: str = ""
    """What is looked for in their names and in what they say."""
    sort: FileSort = "newest"
    after: str | None = None
    """Cursor of the page."""
    file: str | None = None
    """Id of an element: its file is open."""
    passage: int = 1
    """Of that one, the first passage that is shown."""

    def to(self, **changes: Any) -> "FileAddress":
        """Another list, from its beginning; what is open is closed."""
        return replace(self, **({"after": None, "file": None, "passage": 1} | changes))

    def at_file(self, element_id: str, passage: int = 1) -> "FileAddress":
        """The same list, with this file open beside it."""
        return replace(self, file=element_id, passage=passage)

    def at(self, place: str) -> str:
        """This under the path ``place``, with its query."""
        given: dict[str, str | int | None] = {"words": self.words, "file": self.file, "after": self.after}
        given |= {"sort": self.sort if self.sort != "newest" else "", "from": self.passage if self.passage > 1 else ""}
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{place}?{query}" if query else place


def read(query: Mapping[str, str]) -> FileAddress:
    """What a query asks for; what no page of ours has said is left out."""
    given = {name: value for name, value in query.items() if text.is_storable(value)}
    passage = given.get("from", "")
    sort: Any = given.get("sort")
    return FileAddress(
        words=given.get("words", "").strip()[:_WORDS],
        sort=sort if sort in get_args(FileSort) else "newest",
        after=given.get("after") or None,
        file=given.get("file") or None,
        passage=min(max(int(passage), 1), _HIGHEST) if passage.isdecimal() and len(passage) < 9 else 1,
    )
