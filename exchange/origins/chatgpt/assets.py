"""The files of a ChatGPT export. Messages point to them by an id, with which a member's name begins."""

import re
from typing import Any

from ..base import File, Source
from ..values import identifier, line, mapping

_POINTER = re.compile(r"(?:file-service|sediment)://([\w#-]+)")
_ID = re.compile(r"(file-[A-Za-z0-9]{10,}|file_[0-9a-f]{10,}|file_[0-9A-Za-z]{10,})")
_SEPARATOR = re.compile(r"[-_.]")
_NAMES = "conversation_asset_file_names.json"


class Assets:
    def __init__(self, source: Source) -> None:
        self._members, self._names = dict[str, str](), dict[str, str]()
        self._used = set[str]()
        self._short = dict[str, str]()
        """By what their names begin with: of ids that are shorter than those of the product."""
        for member in source.members:
            base = member.rpartition("/")[2]
            if base.startswith(("file-", "file_")):
                self._short.update((base[: at.start()], member) for at in _SEPARATOR.finditer(base, len("file-")))
            if found := _ID.match(base):
                self._members.setdefault(found[1], member)
            elif base.lower() == _NAMES:
                self._add_names(source.json(member))

    def _add_names(self, names: object) -> None:
        """``names``: the names that files had, by those of members."""
        for member, name in mapping(names).items():
            if (found := _ID.search(member)) and (plain := line(name)):
                self._names[found[1]] = plain

    def file(self, pointer: object, name: object = None, mime: object = None, **more: Any) -> File | None:
        """What ``pointer``, an id or an address, points to; None: it points to nothing. ``name``: as a message says."""
        said = identifier(pointer)
        if said is None:
            return None
        found = _POINTER.search(said)
        key = (found[1] if found else said).partition("#")[0]
        member = self._members.get(key) or self._short.get(key)
        if member is not None:
            self._used.add(member)
        return File(
            key,
            line(name) or self._names.get(key) or (_plain(member, key) if member else key),
            line(mime),
            member,
            metadata={k: v for k, v in more.items() if v not in (None, "", {})},
        )

    def unused(self) -> int:
        """How many members no message has pointed to."""
        return len(set(self._members.values()) - self._used)


def _plain(member: str, key: str) -> str:
    """``file-XXXX-name.png`` is ``name.png``."""
    base = member.rpartition("/")[2]
    return base.removeprefix(key).lstrip("-_") if len(base) > len(key) and base[len(key)] in "-_" else base
