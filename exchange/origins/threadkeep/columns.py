"""What each column of our JSON takes, by the tables of ``schema-1.json``."""

from collections.abc import Callable, Mapping
from typing import Any

from datalayer import text
from datalayer.errors import InvalidInput
from datalayer.records import from_iso

Kind = Callable[[Any], Any]
"""What a column makes of a value. Raises InvalidInput for one of another kind."""


def taken(given: Mapping[str, Any], columns: Mapping[str, Kind]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns, and what has none or is of another kind."""
    row, odd = dict[str, Any](), dict[str, Any]()
    for name, value in given.items():
        if (kind := columns.get(name)) is None:
            odd[name] = value
        elif value is not None and kind is not _passed:
            try:
                row[name] = kind(value)
            except InvalidInput:
                odd[name] = value
    return row, odd


def _of(*kinds: type) -> Kind:
    def checked(value: Any) -> Any:
        if type(value) in kinds:
            return value
        raise InvalidInput("This is of another kind")

    return checked


def _short(most: int) -> Kind:
    def checked(value: Any) -> Any:
        if type(value) is str and len(value) <= most:
            return value
        raise InvalidInput("This is of another kind")

    return checked


def _moment(value: Any) -> int | None:
    return from_iso(_text(value))


def _any(value: Any) -> Any:
    return value


def _passed(value: Any) -> Any:
    """It is read elsewhere, or follows from the rest."""


_key = _short(255)
"""The id of a row is looked at before its columns are."""
_text, _flag, _number, _dict, _list = _of(str), _of(bool), _of(int), _of(dict), _of(list)
_TIMES = {"created_at": _moment}
THREAD: dict[str, Kind] = {
    **{"id": _key, "name": _text, "created_at": _moment, "last_activity_at": _moment, "folder": text.folder},
    **{"name_source": _short(16), "tags": _list, "pinned": _flag, "archived": _flag, "status": _short(16)},
    **{"kind": _short(16), "trashed_at": _moment, "metadata": _dict, "model": _passed, "author": _passed},
    **dict.fromkeys(("steps", "elements", "usage", "summary", "chain"), _passed),
}
STEP: dict[str, Kind] = {
    **{"id": _key, "parent_id": _key, "type": _short(64), "status": _short(16), "metadata": _dict, "extra": _dict},
    **dict.fromkeys(("created_at", "start", "end"), _moment),
    **dict.fromkeys(("name", "input", "output", "language", "icon", "command"), _text),
    **dict.fromkeys(("streaming", "is_error", "wait_for_answer", "default_open", "auto_collapse"), _flag),
    **dict.fromkeys(("show_input", "modes", "tags", "generation"), _any),
    "votes": _passed,
}
VOTE: dict[str, Kind] = {"id": _key, "user_id": _short(255), "value": _number, "comment": _text, **_TIMES}
ELEMENT: dict[str, Kind] = {
    **{"id": _key, "for_id": _short(255), "type": _short(64), "display": _short(64), "size": _short(64)},
    **dict.fromkeys(("name", "language", "mime", "url", "chainlit_key", "object_key"), _text),
    **{"page": _number, "props": _any, "auto_play": _flag, "player_config": _any, "extra": _dict, **_TIMES},
    "content": _passed,
}
CALL: dict[str, Kind] = {
    **{"id": _key, "kind": _short(16), "model": _text, "provider": _short(64), "status": _short(16)},
    **{"fallback": _short(32), "estimated": _flag, "price_version": _short(32), "started_at": _moment},
    **dict.fromkeys(("tokens_in", "tokens_out", "tokens_cached", "cost", "latency", "first_token"), _number),
    "user_id": _passed,
}
NEEDED = {"kind", "model", "provider", "status", "started_at", "latency"}
SUMMARY: dict[str, Kind] = {
    **{"text": _text, "from_step": _key, "until_step": _key, "until_at": _moment, "messages": _number},
    **{"tokens": _number, "digest": _short(64), "source": _short(16), "model": _text, **_TIMES},
}
