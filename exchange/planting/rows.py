"""A message of an export as a row of ``schema.steps``, and its files and votes as rows of theirs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datalayer import text
from datalayer.errors import InvalidInput
from datalayer.records import to_iso
from datalayer.versions import ASIDE, MARK

from ..origins.base import File, Said
from .ids import element_id

KEPT = "imported"
"""In the metadata of a step: what the export says of it and no column has."""
MODEL = "model"
"""In the metadata of an answer, as the app writes it of its own."""

_ASIDES = {"reasoning": "llm", "tool": "tool", "hidden": "run"}
_MESSAGES = {"user": "user_message", "assistant": "assistant_message"}
MESSAGES = frozenset(_MESSAGES.values())
_KINDS = {"image": "image", "audio": "audio", "video": "video"}


@dataclass(frozen=True, slots=True)
class Aside:
    """The version of a question that something belongs to and that is not shown."""

    question: str
    version: int

    def put(self, row: dict[str, Any]) -> dict[str, Any]:
        """``row`` as ``ChooseVersion`` leaves it there."""
        of: dict[str, Any] = {"question": self.question, "version": self.version, "type": row["type"]}
        if row.get("parent_id") is None:
            of["top"] = True
        metadata = {**row.get("metadata", {}), MARK: of}
        return row | {"type": ASIDE, "parent_id": row.get("parent_id") or self.question, "metadata": metadata}


def step(said: Said, key: str, at: int, asked: str | None, loose: bool = False) -> dict[str, Any]:
    """``key``: its id. ``asked``: that of the question before it. ``loose``: it is kept, but in no place of a
    conversation."""
    aside = said.aside or ("hidden" if loose or said.by == "system" else "tool" if said.by == "tool" else None)
    row: dict[str, Any] = {
        "id": key,
        "type": _ASIDES[aside] if aside else _MESSAGES[said.by],
        "output": text.clean(said.text),
        "created_at": at,
    }
    if name := text.one_line(text.clean(said.name or "")):
        row["name"] = name
    elif aside:
        row["name"] = aside
    if said.input:
        row["input"] = text.clean(said.input)
    if said.failed:
        row["is_error"] = True
    if aside and asked:
        row["parent_id"] = asked
    if aside:
        row |= {"start": at, "end": at}
    if metadata := _metadata(said, at, loose):
        row["metadata"] = metadata
    return row


def _metadata(said: Said, at: int, loose: bool) -> dict[str, Any]:
    kept = dict(said.metadata)
    if said.at != at:
        kept["time"] = "assumed" if said.at is None else to_iso(said.at)
    if loose:
        kept["loose"] = True
    if said.by == "system":
        kept["by"] = "system"
    try:
        kept = text.clean(kept)
    except InvalidInput:
        kept = {"left_out": True}
    return ({MODEL: text.clean(said.model)} if said.model else {}) | ({KEPT: kept} if kept else {})


def element(file: File, of: str, at: int) -> dict[str, Any]:
    """Without its content. ``of``: the id of the step."""
    mime = text.clean(file.mime) if file.mime else None
    row: dict[str, Any] = {
        "id": element_id(of, file.key),
        "for_id": of,
        "name": text.one_line(text.clean(file.name))[: text.NAME_LENGTH] or "file",
        "type": kind_of(mime),
        "display": "inline",
        "created_at": at,
    }
    optional = {"mime": mime, "extra": {KEPT: text.clean(file.metadata)} if file.metadata else None}
    return row | {name: value for name, value in optional.items() if value is not None}


def kind_of(mime: str | None) -> str:
    """The type of an element, as Chainlit shows files."""
    return "pdf" if mime == "application/pdf" else _KINDS.get((mime or "").partition("/")[0], "file")


def vote(said: Said, of: str, at: int) -> Mapping[str, Any]:
    row = {"step_id": of, "value": int(bool(said.vote)), "created_at": at}
    return row | ({"comment": text.clean(said.comment)} if said.comment else {})
