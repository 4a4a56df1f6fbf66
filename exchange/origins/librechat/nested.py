"""JSON that is nested deeper than Python's reader goes: a conversation whose answers lie in their questions."""

import re
from json import loads
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from datalayer.text import clean

_TOKEN = re.compile(r'\s*([\[\]{},:"]|[^\s\[\]{},:"]+)')


def parsed(text: str) -> Any:
    """Its value. Raises ValueError where it is no JSON; commas and colons are not looked at."""
    root: list[Any] = []
    within: list[tuple[Any, list[str]]] = [(root, [])]
    """What is open, from the outermost on, each with the key whose value comes next."""
    at = 0
    while found := _TOKEN.match(text, at):
        at, token = found.end(), found[1]
        top, key = within[-1]
        if token in ",:":
            continue
        if token in "]}":
            within.pop()
            if not within:
                raise ValueError("a bracket too many")
            continue
        value: Any = {} if token == "{" else [] if token == "[" else None
        if token == '"':
            value, at = scanstring(text, at, False)
            value = clean(value)
            if isinstance(top, dict) and not key:
                key.append(value)
                continue
        elif value is None:
            value = loads(token)
        _put(top, key, value)
        if token in "[{":
            within.append((value, []))
    if len(root) != 1 or len(within) != 1:
        raise ValueError("it does not end")
    return root[0]


def _put(top: Any, key: list[str], value: Any) -> None:
    if not isinstance(top, dict):
        top.append(value)
    elif key:
        top[key.pop()] = value
    else:
        raise ValueError("a value without a key")
