"""A shared conversation as its page shows it, some messages at a time, from its beginning."""

import asyncio
from dataclasses import dataclass

from markupsafe import Markup

from datalayer import Store
from datalayer.records import to_iso
from datalayer.shares import Shared
from datalayer.text import is_identifier, one_line

from ..filing import PICTURES, called
from ..markup import MOST, rendered
from ..texts import Language, day, money, size
from . import shown
from .shown import Position

_MOST = 100
"""Messages of a page."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    id: str
    name: str
    size: str
    is_picture: bool


@dataclass(frozen=True, slots=True)
class Message:
    own: bool
    moment: str
    iso: str
    said: Markup
    whole: bool
    files: list[ReadFile]


@dataclass(frozen=True, slots=True)
class Reading:
    name: str
    """Empty: it has none."""
    author: str
    """Empty: it is not shown."""
    cost: str
    """The same."""
    snapshot: bool
    moment: str
    """When the link was made."""
    messages: list[Message]
    next: str | None
    """What ``after`` says of the page that follows; None: there is none."""
    is_first: bool


async def reading(store: Store, found: Shared, after: str | None, to: Language) -> Reading:
    """``after``: ``Reading.next`` of the page before; anything else leads to the first. Raises DataLayerError."""
    chosen, begin = found.share.options, _position(after)
    messages, following = await shown.said(store, found, begin, _MOST)
    html = await asyncio.to_thread(rendered, [each.text for each in messages], MOST)
    cost = ""
    if chosen.cost:
        spent = await shown.spent(store, found)
        cost = money(spent.cost, to, spent.unpriced)
    return Reading(
        name=one_line(shown.name(found)),
        author=one_line(found.author) if chosen.author else "",
        cost=cost,
        snapshot=found.share.snapshot,
        moment=day(found.share.created_at, to),
        messages=[
            Message(
                own=each.own,
                moment=day(each.at, to),
                iso=to_iso(each.at) or "",
                said=said,
                whole=each.whole,
                files=[ReadFile(f.id, called(f.name) or "–", size(f.size, to), f.mime in PICTURES) for f in each.files],
            )
            for each, said in zip(messages, html, strict=True)
        ],
        next=f"{following[0]}.{following[1]}" if following else None,
        is_first=begin is None,
    )


def _position(after: str | None) -> Position | None:
    at, dot, key = (after or "").partition(".")
    if not (dot and at.removeprefix("-").isdecimal() and len(at) < 20 and is_identifier(key)):
        return None
    return (int(at), key) if abs(int(at)) < 1 << 63 else None
