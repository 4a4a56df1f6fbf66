"""Cookies with quotes, read in one go.

Python's own reader takes the square of their length before 3.11.10 and 3.12.6 (CVE-2024-7592): seconds for 30 KB, from
anybody. Starlette, which reads the cookies of every request, calls it by this name.
"""

import re
from http import cookies

_ESCAPED = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))")


def install() -> None:
    cookies._unquote = _unquote  # type: ignore[assignment]


def _unquote(value: str) -> str:
    """``value`` without quotes around it and backslashes within, as newer Pythons read it."""
    if value is None or len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)) if found[1] else found[2], value[1:-1])
