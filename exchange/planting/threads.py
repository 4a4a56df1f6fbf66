"""What a conversation's own values are as columns of a thread: title, folder, tags, times."""

from typing import Any

from datalayer import text
from datalayer.errors import InvalidInput
from datalayer.records import to_iso

from ..origins.base import Conversation, Problem
from ..origins.reasons import Why

IMPORTED_FROM = "imported_from"
"""In the metadata of a thread: the ``origin``, the ``key`` it has there, and what has no place of its own; what it was
called and where it lay there (``title``, ``folder``, "": in none), and ``until`` when it went then."""


def columns(of: Conversation, origin: str, first: str, begun: int, problems: list[Problem]) -> dict[str, Any]:
    """``first``: what its first message says; ``begun``: when. What cannot be kept goes to ``problems``."""
    whole = text.one_line(text.clean(of.title or ""))
    title = whole[: text.NAME_LENGTH].strip()
    named = bool(title) and text.is_seen(title)
    origin_of: dict[str, Any] = {"origin": origin, "key": of.key}
    if len(whole) >= text.NAME_LENGTH:  # readers cut there, too
        problems.append(Problem(of.place, Why("title_long"), lost=False))
    if of.model:
        origin_of["model"] = of.model
    values: dict[str, Any] = {
        "name": title if named else text.title(text.clean(first)) or None,
        "name_source": "user" if named else "first_message",
        "created_at": begun if of.created_at is None else of.created_at,
        "kind": "imported",
        "archived": of.archived,
        "pinned": of.pinned,
        "folder": _folder(of, problems),
        "tags": _tags(of, problems),
        "metadata": {IMPORTED_FROM: _kept(of, problems) | origin_of},
    }
    as_it_is = {"title": values["name"], "folder": values["folder"] or "", "until": to_iso(_until(of, begun))}
    values["metadata"][IMPORTED_FROM] |= as_it_is
    if of.updated_at is not None:
        values["last_activity_at"] = max(of.updated_at, values["created_at"])
    return {name: value for name, value in values.items() if value is not None}


def _until(of: Conversation, begun: int) -> int:
    times = (of.updated_at, *(said.at for said in of.said))
    return max((at for at in times if at is not None), default=begun)


def _folder(of: Conversation, problems: list[Problem]) -> str | None:
    try:
        return text.folder(text.clean(of.folder or "")) or None
    except InvalidInput:
        why = Why("folder_refused", length=text.ID_LENGTH, depth=text.FOLDER_DEPTH)
        problems.append(Problem(of.place, why, lost=False))
        return None


def _tags(of: Conversation, problems: list[Problem]) -> list[str] | None:
    found = dict[str, None]()
    for tag in of.tags:
        try:
            found[text.tag(tag)] = None
        except InvalidInput:
            problems.append(Problem(of.place, Why("tag_refused", length=text.TAG_LENGTH), lost=False))
    return list(found) or None


def _kept(of: Conversation, problems: list[Problem]) -> dict[str, Any]:
    try:
        return dict(text.clean(of.metadata))
    except InvalidInput:
        problems.append(Problem(of.place, Why("metadata_deep"), lost=False))
        return {}
