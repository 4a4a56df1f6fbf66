"""Changes of where a conversation is kept and what it is: what each stores, and what takes it back. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from datalayer import InvalidInput, text
from datalayer.records import Thread
from datalayer.text import fold

MOST_TAGS = 100
"""Of a conversation."""
Back = tuple[str, tuple[str, ...]]
"""What takes a change back, and with which values."""


@dataclass(frozen=True, slots=True)
class Kind:
    column: str
    """What of a conversation it changes."""
    values: Callable[[Sequence[str]], dict[str, Any]]
    """What ``UpdateThread`` stores. Raises InvalidInput."""
    back: Callable[[Thread, dict[str, Any]], Back | None]
    """What takes it back for a thread as it was; None: nothing is changed."""


def _flag(name: str, value: Any, other: str) -> Kind:
    return Kind(
        name,
        lambda _: {name: value},
        lambda was, _: (other, ()) if getattr(was, name) != value else None,
    )


def _folder(values: Sequence[str]) -> dict[str, Any]:
    return {"folder": text.folder(values[0] if values else "")}


def _back_to_folder(was: Thread, stored: dict[str, Any]) -> Back | None:
    return ("move", (was.folder or "", stored["folder"])) if (was.folder or "") != stored["folder"] else None


def _tags(field: str) -> Callable[[Sequence[str]], dict[str, Any]]:
    def values(given: Sequence[str]) -> dict[str, Any]:
        if not given:
            raise InvalidInput("A tag needs a name")
        if len(given) > MOST_TAGS:
            raise InvalidInput(f"A conversation has at most {MOST_TAGS} tags")
        return {field: list(dict.fromkeys(map(text.tag, given)))}

    return values


def spelled(was: Thread, stored: dict[str, Any]) -> dict[str, Any]:
    """``stored`` with tags as they are spelled already: case and accents make no other one."""
    held = {tag: fold(tag) for tag in was.tags or () if isinstance(tag, str)}
    if "tags_added" in stored:
        added = {fold(tag): tag for tag in reversed(stored["tags_added"]) if fold(tag) not in held.values()}
        return {"tags_added": list(reversed(added.values()))}
    if "tags_removed" in stored:
        removed = set(map(fold, stored["tags_removed"]))
        return {"tags_removed": [tag for tag, folded in held.items() if folded in removed]}
    return stored


def _back_from_tags(was: Thread, stored: dict[str, Any]) -> Back | None:
    held = {tag for tag in was.tags or () if isinstance(tag, str)}
    if "tags_added" in stored:
        return ("untag", tuple(added)) if (added := [tag for tag in stored["tags_added"] if tag not in held]) else None
    return ("tag", tuple(gone)) if (gone := [tag for tag in stored["tags_removed"] if tag in held]) else None


KINDS = {
    "move": Kind("folder", _folder, _back_to_folder),
    "tag": Kind("tags", _tags("tags_added"), _back_from_tags),
    "untag": Kind("tags", _tags("tags_removed"), _back_from_tags),
    "pin": _flag("pinned", True, "unpin"),
    "unpin": _flag("pinned", False, "pin"),
    "archive": _flag("archived", True, "unarchive"),
    "unarchive": _flag("archived", False, "archive"),
    "done": _flag("status", "done", "reopen"),
    "reopen": _flag("status", "open", "done"),
}
