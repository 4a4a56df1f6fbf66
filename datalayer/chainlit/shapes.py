"""Chainlit's dicts <-> columns. I4: every key comes back with its own type; one without column is kept in ``extra``."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import text
from ..errors import InvalidInput
from ..passages import CITES
from ..records import Element, Step, Thread, from_iso, to_iso
from ..search.results import Hit

if TYPE_CHECKING:
    from chainlit.element import Element as ChainlitElement
    from chainlit.element import ElementDict
    from chainlit.step import StepDict
    from chainlit.types import ThreadDict

FILES = "/datalayer/files"
"""Path of the route that serves blobs."""
SOURCES = "/datalayer/sources"
"""Path of the route that shows what answers cite."""

# What a value goes through on its way into a column; chosen once, because every message has twenty of them.
Convert = Callable[[Any, str], Any]


def _text(value: Any, key: str) -> str:
    value = text.clean(value, key)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _flag(value: Any, _key: str) -> bool:
    return bool(value)


def _time(value: Any, _key: str) -> int | None:
    return from_iso(value)


def _same(convert: Convert, *keys: str) -> dict[str, tuple[str, Convert]]:
    return {key: (key, convert) for key in keys}


_STEP: dict[str, tuple[str, Convert]] = {
    **_same(_text, "name", "input", "output", "language", "icon", "command"),
    **_same(text.clean, "type", "status", "modes", "tags", "generation"),
    **_same(_flag, "streaming"),
    **_same(_time, "start", "end"),
    "metadata": ("metadata", text.clean_dict),
    "createdAt": ("created_at", _time),
    "parentId": ("parent_id", text.clean),
    "showInput": ("show_input", text.clean),
    "isError": ("is_error", _flag),
    "waitForAnswer": ("wait_for_answer", _flag),
    "defaultOpen": ("default_open", _flag),
    "autoCollapse": ("auto_collapse", _flag),
}
"""Column and conversion of each key; a key that is in none of these tables is kept in ``extra``."""
_STEP_SKIPPED = {"id", "threadId", "feedback"}
_ELEMENT: dict[str, tuple[str, Convert]] = {
    **_same(_text, "name", "language", "mime", "url"),
    **_same(text.clean, "type", "display", "size", "page", "props"),
    "forId": ("for_id", text.clean),
    "chainlitKey": ("chainlit_key", _text),
    "objectKey": ("object_key", _text),
    "autoPlay": ("auto_play", _flag),
    "playerConfig": ("player_config", text.clean),
}
_ELEMENT_SKIPPED = {"id", "threadId", "path", "content"}


def step_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Columns and values of the keys in ``given``, except the ids and the vote. Raises InvalidInput."""
    if not isinstance(given, Mapping):
        raise InvalidInput("A step is a dict")
    values = _values(given, _STEP, _STEP_SKIPPED)
    if values.get("created_at", 0) is None:
        del values["created_at"]  # Chainlit sets it when a message is sent, not when it starts to stream
    if "metadata" in values:
        values["favorite"] = bool((values["metadata"] or {}).get("favorite"))
    return values


def element_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Columns and values of the keys in ``given``, except the ids. Raises InvalidInput."""
    values = _values(given, _ELEMENT, _ELEMENT_SKIPPED)
    if any(own + "/" in (values.get("url") or "") for own in (FILES, SOURCES)):
        del values["url"]  # our own address of the stored blob, sent again by a resumed app
    return values


def _values(given: Mapping[str, Any], columns: Mapping[str, tuple[str, Convert]], skipped: Set[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in given.items():
        if (column := columns.get(key)) is not None:
            name, convert = column
            values[name] = None if value is None else convert(value, key)
        elif key not in skipped:
            extra[key] = text.clean(value, key)
    return values | ({"extra": extra} if extra else {})


def thread(found: Thread, created_at: int) -> "ThreadDict":
    """``found`` without steps and elements; ``pinned`` for a page that can show it."""
    shown: ThreadDict = {
        "id": found.id,
        "createdAt": to_iso(created_at) or "",
        "name": found.name,
        "userId": found.user_id,
        "userIdentifier": found.user_identifier,
        "tags": found.tags,
        "metadata": found.metadata,
        "steps": [],
        "elements": [],
    }
    return {**shown, "pinned": True} if found.pinned else shown  # type: ignore[typeddict-unknown-key]


def hit(here: Thread, found: Hit) -> "ThreadDict":
    """A thread of a search: ``createdAt`` is when the hit was made, and ``name`` says what matches as well, because
    Chainlit's page shows nothing else. ``hit`` is for a page that can: ``name`` is the thread's own, ``marks`` say
    where in ``snippet`` the matches begin and end, in units of UTF-16 as JavaScript counts."""
    shown, said = thread(here, found.at), found.snippet.text
    if said and said != text.one_line(here.name or ""):
        shown["name"] = " — ".join(filter(None, (here.name, said)))
    shown["hit"] = {  # type: ignore[typeddict-unknown-key]
        "name": here.name,
        "archived": found.archived,
        "stepId": found.step_id,
        "snippet": said,
        "marks": [[_units(said[:start]), _units(said[:end])] for start, end in found.snippet.marks],
    }
    return shown


def _units(said: str) -> int:
    return len(said.encode("utf-16-le", "surrogatepass")) // 2


def whole(found: Thread, steps: Iterable[Step], elements: Iterable[Element], server: str = "") -> "ThreadDict":
    """``found`` with these steps and elements. ``server``: as for an element."""
    shown = thread(found, found.created_at)
    shown["steps"] = steps_of(steps)
    shown["elements"] = [element(each, server) for each in elements]
    return shown


def step(found: Step) -> "StepDict":
    """Chainlit's types know no None for name, input, output, metadata and streaming, and its browser code calls string
    methods on them."""
    moment = to_iso(found.created_at)
    item: dict[str, Any] = {
        "id": found.id,
        "threadId": found.thread_id,
        "parentId": found.parent_id,
        "type": found.type,
        "name": found.name or "",
        "input": found.input or "",
        "output": found.output or "",
        "streaming": bool(found.streaming),
        "isError": found.is_error,
        "waitForAnswer": found.wait_for_answer,
        "defaultOpen": found.default_open,
        "autoCollapse": found.auto_collapse,
        "showInput": found.show_input,
        "language": found.language,
        "icon": found.icon,
        "command": found.command,
        "modes": found.modes,
        "tags": found.tags,
        "metadata": found.metadata or {},
        "generation": found.generation,
        "createdAt": moment,
        "start": moment if found.start == found.created_at else to_iso(found.start),
        "end": moment if found.end == found.created_at else to_iso(found.end),
        "status": found.status,
        "feedback": _vote(found) if found.vote_id else None,
    }
    if found.extra:
        item |= found.extra
    return item  # type: ignore[return-value]


def _vote(found: Step) -> dict[str, Any]:
    return {"forId": found.id, "id": found.vote_id, "value": found.vote_value, "comment": found.vote_comment}


def steps_of(found: Iterable[Step]) -> "list[StepDict]":
    """The steps of one thread. A parent that is not among them is left out: the browser would not show its child."""
    shown = [step(each) for each in found]
    ids = {item["id"] for item in shown}
    for item in shown:
        if item["parentId"] not in ids:
            item["parentId"] = None
    return shown


def element(found: Element, server: str = "") -> "ElementDict":
    """``url``: where the stored content is served, else the remote one it was sent with. ``server``: the beginning of
    the address, for a page of another origin."""
    item: dict[str, Any] = {
        "id": found.id,
        "threadId": found.thread_id,
        "forId": found.for_id,
        "type": found.type,
        "name": found.name or "",
        "display": found.display,
        "size": found.size,
        "language": found.language,
        "page": found.page,
        "mime": found.mime,
        "url": _url(found, server),
        "chainlitKey": found.chainlit_key,
        "objectKey": found.object_key,
        "props": _props(found.props),
        "autoPlay": found.auto_play,
        "playerConfig": found.player_config,
    }
    return item | (found.extra or {})  # type: ignore[return-value]


def _props(props: Any) -> Any:
    """Without the name of another thread that is cited: whoever may see this one may not see that."""
    source = props.get(CITES) if isinstance(props, Mapping) else None
    if not isinstance(source, Mapping) or "thread_name" not in source:
        return props
    return {**props, CITES: {key: value for key, value in source.items() if key != "thread_name"}}


def _url(found: Element, server: str) -> str | None:
    if found.blob:
        return server + file_url(found.id, found.blob)
    if isinstance(found.props, Mapping) and CITES in found.props:
        return server + source_url(found.thread_id, found.id)  # which a copy of the thread has, too
    return found.url


def file_url(element_id: str, sha256: str) -> str:
    """Names the content too, so that a page sees an element that changes."""
    return f"{_root()}{FILES}/{element_id}?v={sha256[:16]}"


def source_url(thread_id: str, element_id: str) -> str:
    """Where an element that cites a passage of a file (``passages.CITES``) shows it."""
    return f"{_root()}{SOURCES}/{thread_id}/{element_id}"


def thread_url(thread_id: str, step_id: str) -> str:
    """A thread as Chainlit's page shows it, at one of its messages where the app's page knows how."""
    return f"{_root()}/thread/{thread_id}?step={step_id}"


def _root() -> str:
    return (os.getenv("CHAINLIT_PARENT_ROOT_PATH", "") + os.getenv("CHAINLIT_ROOT_PATH", "")).rstrip("/")


def content(item: "ChainlitElement | Mapping[str, Any]") -> bytes | Path | None:
    """What of the element belongs into a blob; None: nothing (a remote file, or a custom one, which is its props)."""
    get: Callable[[str], Any] = item.get if isinstance(item, Mapping) else lambda key: getattr(item, key, None)
    if get("type") == "custom":
        return None
    if get("path"):
        return Path(get("path"))
    whole: bytes | str | None = get("content")
    # A lone surrogate is the one thing that UTF-8 cannot carry.
    return whole.encode("utf-8", "replace") if isinstance(whole, str) else whole
