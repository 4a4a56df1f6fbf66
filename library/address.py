"""What the address of a page asks for, and addresses of other pages. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from datalayer import text
from datalayer.records import Sort, Which

Show = Literal["", "pinned", "open", "done", "archived", "trash"]
PREFIX = "/library"
_WORDS = 1_000
"""Characters of a search that are looked at."""


@dataclass(frozen=True, slots=True)
class Address:
    """Which conversations are listed, and which one is open beside them."""

    folder: str | None = None
    """The path of one, "" for none."""
    tag: str | None = None
    show: Show = ""
    words: str = ""
    """What is searched for, in all conversations."""
    after: str | None = None
    """Cursor of the page."""
    thread: str | None = None
    """Id of the conversation that is open."""
    before: str | None = None
    """Of that one, the messages before this point."""

    @property
    def which(self) -> Which:
        return Which(
            folder=self.folder,
            tag=self.tag,
            pinned=True if self.show == "pinned" else None,
            archived=None if self.show == "trash" else self.show == "archived",
            status=self.show if self.show in ("open", "done") else None,
            trashed=self.show == "trash",
        )

    @property
    def sort(self) -> Sort:
        return "trashed" if self.show == "trash" else "pinned"

    def to(self, **changes: Any) -> "Address":
        """Another list, from its beginning; what is open is closed."""
        return replace(self, **({"after": None, "thread": None, "before": None} | changes))

    def at_thread(self, thread_id: str) -> "Address":
        """The same list, with this conversation open beside it."""
        return replace(self, thread=thread_id, before=None)

    def earlier(self, before: str) -> "Address":
        return replace(self, before=before)

    def at(self, place: str) -> str:
        """This under the path ``place``, with its query."""
        named = {name: getattr(self, field) for name, field in _NAMES.items()}
        query = urlencode({name: value for name, value in named.items() if value or (name == "in" and value == "")})
        return f"{place}?{query}" if query else place


_NAMES = {
    "in": "folder",
    "tag": "tag",
    "show": "show",
    "q": "words",
    "after": "after",
    "thread": "thread",
    "before": "before",
}


def read(query: Mapping[str, str]) -> Address:
    """What a query asks for; what no page of ours has said is left out."""
    given = {field: value for name, field in _NAMES.items() if (value := _storable(query.get(name))) is not None}
    words = given.pop("words", "").strip()[:_WORDS]
    show: Any = given.pop("show", "")
    if words:  # is searched for everywhere
        given.pop("folder", None), given.pop("tag", None)
    return Address(words=words, show=show if show in get_args(Show) and not words else "", **given)


def _storable(value: str | None) -> str | None:
    return value if value is not None and text.is_storable(value) else None
