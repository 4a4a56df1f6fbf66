"""What the address of a page asks for, and addresses of other pages. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from datalayer import text
from datalayer.records import Sort, Which, month

Show = Literal["", "pinned", "open", "done", "archived", "trash"]
With = Literal["", "file", "for", "against"]
Order = Literal["", "activity", "idle", "created", "oldest"]
PREFIX = "/library"
_WORDS = 1_000
"""Characters of a search that are looked at."""


@dataclass(frozen=True, slots=True)
class Address:
    """Which conversations are listed, and which one is open beside them."""

    folder: str | None = None
    """The path of one, "" for none."""
    tag: str | None = None
    model: str | None = None
    month: str | None = None
    """Of its last activity, such as "2026-11"."""
    kind: str | None = None
    has: With = ""
    """A file, a vote for or against."""
    show: Show = ""
    words: str = ""
    """What is searched for, in all conversations."""
    order: Order = ""
    """Of the list; a search and the trash have their own."""
    find: str = ""
    """What a folder or a tag must have in its name to be offered."""
    every: bool = False
    """All that is listed, or found, is chosen, not what is on this page."""
    after: str | None = None
    """Cursor of the page."""
    thread: str | None = None
    """Id of the conversation that is open."""
    before: str | None = None
    """Of that one, the messages before this point."""

    @property
    def which(self) -> Which:
        """Raises InvalidInput for a month that is none."""
        since, until = month(self.month) if self.month else (None, None)
        return Which(
            folder=self.folder,
            tag=self.tag,
            pinned=True if self.show == "pinned" else None,
            archived=None if self.show == "trash" else self.show == "archived",
            status=self.show if self.show in ("open", "done") else None,
            trashed=self.show == "trash",
            model=self.model or None,
            kind=self.kind or None,
            since=since,
            until=until,
            has_file=True if self.has == "file" else None,
            vote={"for": 1, "against": 0}.get(self.has),
        )

    @property
    def sort(self) -> Sort:
        return "trashed" if self.show == "trash" else self.order or "pinned"

    def to(self, **changes: Any) -> "Address":
        """Another list in the same order, from its beginning; what is open is closed, what is chosen is not."""
        return replace(self, **(_BEGINNING | changes))

    def narrowed(self, field: str, value: str | None) -> "Address":
        """This list with ``value`` for a filter. The trash has none, and a search finds everywhere."""
        return self.to(words="", show="" if self.show == "trash" else self.show, **{field: value})

    def at_thread(self, thread_id: str) -> "Address":
        """The same list, with this conversation open beside it."""
        return replace(self, thread=thread_id, before=None)

    def earlier(self, before: str) -> "Address":
        return replace(self, before=before)

    def fields(self, *without: str) -> list[tuple[str, str]]:
        """As the hidden fields of a form that asks for another list."""
        beginning = self.to()
        named = ((name, getattr(beginning, field)) for name, field in _NAMES.items() if name not in without)
        return [(name, value) for name, value in named if value or (name == "in" and value == "")]

    def at(self, place: str) -> str:
        """This under the path ``place``, with its query."""
        named = {name: getattr(self, field) for name, field in _NAMES.items()} | {"all": "1" if self.every else ""}
        query = urlencode({name: value for name, value in named.items() if value or (name == "in" and value == "")})
        return f"{place}?{query}" if query else place


_BEGINNING: dict[str, Any] = {"after": None, "thread": None, "before": None, "find": "", "every": False}
_NAMES = {
    "in": "folder",
    "tag": "tag",
    "model": "model",
    "month": "month",
    "kind": "kind",
    "with": "has",
    "show": "show",
    "q": "words",
    "sort": "order",
    "find": "find",
    "after": "after",
    "thread": "thread",
    "before": "before",
}


FILTERS = ("folder", "tag", "model", "month", "kind", "has")
"""Fields of which each says a part of what is listed."""


def read(query: Mapping[str, str]) -> Address:
    """What a query asks for; what no page of ours has said is left out."""
    given: dict[str, Any] = {
        field: value for name, field in _NAMES.items() if (value := _storable(query.get(name))) is not None
    }
    given |= {name: given.get(name, "").strip()[:_WORDS] for name in ("words", "find")}
    given["every"] = query.get("all") == "1"
    for name, known in (("show", get_args(Show)), ("has", get_args(With)), ("order", get_args(Order))):
        if given.get(name) not in known:
            given.pop(name, None)
    if given["words"]:  # is searched for everywhere
        given = {name: value for name, value in given.items() if name not in (*FILTERS, "show")}
    return Address(**given)


def _storable(value: str | None) -> str | None:
    return value if value is not None and text.is_storable(value) else None
