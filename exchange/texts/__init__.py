"""What an export says to whoever reads it, and an import to whoever asked for it: ``en.json`` and ``fr.json``, with the
same keys.

A text is a template of ``str.format``; one that depends on the number ``n`` is an object of CLDR's plural categories.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

Language = Literal["en", "fr"]

_TEXTS: dict[Language, dict[str, str | dict[str, str]]] = {
    to: json.loads(Path(__file__).with_name(f"{to}.json").read_text("utf-8")) for to in ("en", "fr")
}


def templates(prefix: str, to: Language) -> dict[str, str]:
    """Those that have no plural forms, by their keys."""
    found = _TEXTS[to].items()
    return {key: text for key, text in found if key.startswith(prefix) and isinstance(text, str)}


def say(key: str, to: Language, **values: object) -> str:
    """The text ``key``. ``n``: the number, an int, on which a text with plural forms depends."""
    template = _TEXTS[to][key]
    if isinstance(template, dict):
        template = template["one" if _is_one(values["n"], to) else "other"]
    return template.format(**values)


def spoken(tags: Iterable[str | None]) -> Language:
    """The language of the first of these locales, such as ``fr_FR.UTF-8``, that is named; English without any."""
    return "fr" if next(filter(None, tags), "").lower().startswith("fr") else "en"


def _is_one(n: object, to: Language) -> bool:
    return n in ((0, 1) if to == "fr" else (1,))
