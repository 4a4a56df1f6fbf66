"""What titles and files are called outside: names that every system takes, whoever has chosen them.

Always true: a name is one part of a path; it has no control character and no mark that turns its letters round; Windows
can store it; in one folder no two are the same.
"""

import re
import unicodedata
from urllib.parse import quote

from datalayer.text import normal, one_line

_LENGTH = 150
"""Bytes of UTF-8 without the ending: with a number behind it and an ending it stays below 255, which most systems
take."""
_READ = 1_000
"""Characters of a name that are looked at."""
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,10}")


def safe(name: str, otherwise: str) -> str:
    """``name`` as a name of a file or folder; its ending is kept. ``otherwise``: where nothing of it is left."""
    seen = "".join(c for c in normal("NFC", one_line(_read(name))) if unicodedata.category(c) not in _UNSEEN)
    plain = _FORBIDDEN.sub("_", one_line(seen)).strip(" .")
    stem, ending = _parted(plain)
    plain = (_cut(stem, _LENGTH).rstrip(" .") + ending).strip(" ") or otherwise
    return f"_{plain}" if _RESERVED.fullmatch(plain) else plain


_UNSEEN = ("Cc", "Cf", "Cs", "Co")
"""Categories of characters that are no letter, sign or space; a newer Unicode may have letters that are none here."""


def _read(name: str) -> str:
    stem, ending = _parted(name)
    return stem[:_READ] + ending


def _parted(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return (stem, dot + ending) if stem and _ENDING.fullmatch(dot + ending) else (name, "")


def _cut(text: str, most: int) -> str:
    return text if len(text) * 4 <= most else text.encode()[:most].decode(errors="ignore")


class Names:
    """Names of one folder, each once: a file system may know no case and no accents of another form."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def add(self, name: str) -> str:
        """``name``, with a number if it is taken."""
        stem, ending = _parted(name)
        number = self._taken.get(_key(name), 0)
        found = name
        while _key(found) in self._taken:
            number += 1
            found = f"{stem} ({number + 1}){ending}"
        self._taken[_key(name)] = number
        self._taken.setdefault(_key(found), 0)
        return found


def _key(name: str) -> str:
    return normal("NFKD", name).casefold()


def disposition(name: str) -> str:
    """The header Content-Disposition of a download with this name, one of ``safe`` (RFC 6266)."""
    plain = re.sub(r"[^\w .()+,-]", "_", name, flags=re.ASCII)
    return f'attachment; filename="{plain}"' + (f"; filename*=UTF-8''{quote(name, safe='')}" if plain != name else "")
