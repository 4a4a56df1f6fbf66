"""I14: what a column takes is checked here, the same for all databases: SQLite would take anything, of any length."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, String, Table

from ..errors import InvalidInput
from ..records import check_time
from ..schema import threads
from ..text import ID_LENGTH

_TIMES = frozenset({"created_at", "start", "end"})


def fit(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` as the columns of ``table`` take them: numbers become texts where texts are wanted, 0 and 1 flags.

    A thread's model comes with its metadata. Raises InvalidInput.
    """
    kinds = _kinds(table)
    found = {name: value if value is None else _fitted(name, *kinds[name], value) for name, value in values.items()}
    if table is threads and "metadata" in found:
        found["model"] = _model(found["metadata"])
    return found


def _model(metadata: Any) -> str | None:
    """That of the settings, where Chainlit keeps them."""
    settings = metadata.get("chat_settings") if isinstance(metadata, dict) else None
    model = settings.get("model") if isinstance(settings, dict) else None
    return model[:ID_LENGTH] if isinstance(model, str) and model else None


@cache
def _kinds(table: Table) -> dict[str, tuple[type, int]]:
    """What each column holds, and how much: characters of a text, bits of a whole number."""
    found: dict[str, tuple[type, int]] = {}
    for column in table.columns:
        kind = column.type
        if isinstance(kind, String):
            found[column.name] = (str, kind.length or 0)
        elif isinstance(kind, Boolean):
            found[column.name] = (bool, 0)
        elif isinstance(kind, Integer):
            found[column.name] = (int, 63 if isinstance(kind, BigInteger) else 31)
        else:
            found[column.name] = (object, 0)
    return found


def _fitted(name: str, kind: type, size: int, value: Any) -> Any:
    if type(value) is kind or kind is object:
        fitted = value
    elif kind is str and isinstance(value, (str, int, float)):
        fitted = str(value)
    elif kind is bool and value in (0, 1):
        fitted = bool(value)
    elif kind is int and isinstance(value, int):
        fitted = int(value)
    else:
        raise InvalidInput(f"{name}: a {type(value).__name__} cannot be kept there")
    if kind is str and size and len(fitted) > size:
        raise InvalidInput(f"{name}: at most {size} characters")
    if kind is int and not -(1 << size) <= fitted < 1 << size:
        raise InvalidInput(f"{name}: this number is too large")
    if name in _TIMES:
        check_time(fitted)
    return fitted
