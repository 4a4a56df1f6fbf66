"""What an export says to whoever reads it: ``en.json`` and ``fr.json``, with the same keys."""

import json
from pathlib import Path
from typing import Literal

Language = Literal["en", "fr"]

_TEXTS: dict[Language, dict[str, str]] = {
    to: json.loads(Path(__file__).with_name(f"{to}.json").read_text("utf-8")) for to in ("en", "fr")
}


def say(key: str, to: Language, **values: object) -> str:
    return _TEXTS[to][key].format(**values)
