"""One conversation to be read: its last messages, and those before them by a link."""

import asyncio
from dataclasses import dataclass, field

from markupsafe import Markup

from datalayer import Store, file_url
from datalayer.records import Element, Step, Thread
from datalayer.text import one_line
from datalayer.views import BEGINNING, Point, View, Wish

from .address import Address
from .markup import rendered
from .texts import Language, day

_COUNT = 100
_TYPES = {"user_message": True, "assistant_message": False}
"""Steps that are shown, and whether a person has written them."""


@dataclass(frozen=True, slots=True)
class Message:
    own: bool
    author: str
    """Empty: nobody is named."""
    moment: str
    said: Markup
    files: list[tuple[str, str]]
    """Names and addresses; without one it cannot be had now."""


@dataclass(frozen=True, slots=True)
class Reading:
    thread: Thread
    name: str
    messages: list[Message] = field(default_factory=list)
    earlier: str | None = None
    """What ``Address.before`` says of the messages before these; None: there are none."""


async def reading(store: Store, user_id: str, address: Address, to: Language) -> Reading | None:
    """None where there is no such conversation of this user. Raises DataLayerError."""
    assert address.thread is not None
    trashed = address.show == "trash"
    for found in await store.own_threads(user_id, [address.thread], trashed):
        return await _read(store, found, address, to, trashed)
    return None


async def _read(store: Store, found: Thread, address: Address, to: Language, trashed: bool) -> Reading:
    before = _point(address.before)
    if before is None:
        part = await store.part(found.id, count=_COUNT, hidden="tool", trashed=trashed)
        steps, elements, since = (part.steps, part.elements, part.view.since) if part else ([], [], BEGINNING)
    else:
        wish = Wish(more="earlier")
        more = await store.more(found.id, View(before), wish, _COUNT, "tool", most=1_000, trashed=trashed)
        steps, elements, since = (more.steps, more.elements, more.view.since) if more else ([], [], BEGINNING)
        since = min(since, before)
    messages = await _messages(steps, elements, to, bool(found.trashed_at))
    earlier = f"{since[0]}.{since[1]}" if since > BEGINNING and since != before else None
    return Reading(found, one_line(found.name or ""), messages, earlier)


def _point(before: str | None) -> Point | None:
    """What ``Reading.earlier`` says; None for anything else."""
    at, dot, seq = (before or "").partition(".")
    if not (dot and seq.isdecimal() and at.removeprefix("-").isdecimal() and max(len(at), len(seq)) < 20):
        return None
    point = int(at), int(seq)
    return point if max(map(abs, point)) < 1 << 63 else None


async def _messages(steps: list[Step], elements: list[Element], to: Language, trashed: bool) -> list[Message]:
    """``trashed``: the files are not to be had until the thread is taken out of the trash."""
    shown = [step for step in steps if step.type in _TYPES]
    said = await asyncio.to_thread(rendered, [step.output or "" for step in shown])  # it takes a second at most
    files: dict[str, list[tuple[str, str]]] = {}
    for element in elements:
        if element.blob is not None:
            where = element.name or "–", "" if trashed else file_url(element.id, element.blob)
            files.setdefault(element.for_id or "", []).append(where)
    return [
        Message(
            own=_TYPES[step.type or ""],
            author=one_line(step.name or ""),
            moment=day(step.created_at, to),
            said=html,
            files=files.get(step.id, []),
        )
        for step, html in zip(shown, said, strict=True)
    ]
