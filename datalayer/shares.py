"""Read-only links to a conversation, as values."""

from dataclasses import dataclass, field
from typing import Any, Literal

from .errors import InvalidInput

Audience = Literal["public", "signed_in"]
"""Whoever has the link, or of these only who has signed in to the app."""
MOST_OF_THREAD, MOST_OF_USER = 50, 500
"""Links that there are at once."""
LARGEST_SNAPSHOT = 4_000_000
"""Characters of its JSON."""

Reason = Literal["too_many", "too_long"]


class CannotShare(InvalidInput):
    """There are as many links as there may be, or the conversation is too long for a snapshot."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_SENTENCES[reason])
        self.reason = reason


_SENTENCES: dict[Reason, str] = {
    "too_many": "There are too many links already; revoke some first",
    "too_long": "This conversation is too long for a snapshot",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareOptions:
    """What a link shows, to whom and how long. Never settings, metadata, steps of tools or versions that are not
    shown."""

    audience: Audience = "public"
    expires_at: int | None = None
    """UTC microseconds; None: never."""
    password: str | None = field(default=None, repr=False)
    """A hash of it, as whoever made the link has hashed it; None: it has none."""
    files: bool = False
    author: bool = False
    cost: bool = False
    sites: tuple[str, ...] = ()
    """Origins such as ``https://example.org`` whose pages may show it in a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A link, as its author sees it; the link itself is nowhere."""

    id: str
    thread_id: str
    user_id: str
    """The author of the thread, who has made it."""
    thread_name: str | None
    trashed: bool
    """The thread is in the trash: the link leads nowhere until it is taken out."""
    options: ShareOptions
    snapshot: bool
    """It shows what was said when it was made; else what is said now."""
    views: int
    created_at: int
    """UTC microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What a link leads to."""

    share: Share
    author: str
    """The identifier of the thread's author."""
    snapshot: dict[str, Any] | None
    """What was kept with ``make_share``; None: what is said now is shown."""
