"""The colours of the app: what its ``public/theme.json`` says to the chat, in the names of ``library.css``."""

import json
import re
from pathlib import Path
from typing import Any

from chainlit.config import public_dir

_NAMES = {
    "background": "background",
    "sidebar": "sidebar-background",
    "foreground": "foreground",
    "card": "card",
    "quiet": "muted-foreground",
    "accent": "accent",
    "border": "border",
    "primary": "primary",
    "on-primary": "primary-foreground",
    "failure": "destructive",
}
_COLOUR = re.compile(r"[\d.]+(?:deg)? [\d.]+% [\d.]+%")


def stylesheet() -> str:
    """Empty where the app has no colours of its own, or has them in a way that the chat would not read either."""
    light, dark = (_colours(scheme) for scheme in ("light", "dark"))
    both = {name: (light[of], dark[of]) for name, of in _NAMES.items() if of in light and of in dark}
    lines = [f"  --{name}: light-dark(hsl({one}), hsl({other}));\n" for name, (one, other) in both.items()]
    return f":root {{\n{''.join(lines)}}}\n" if lines else ""


def _colours(scheme: str) -> dict[str, str]:
    try:
        found: Any = json.loads(Path(public_dir, "theme.json").read_text("utf-8"))["variables"][scheme]
        given = {str(name).removeprefix("--"): str(value).strip() for name, value in found.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return {name: value for name, value in given.items() if _COLOUR.fullmatch(value)}
