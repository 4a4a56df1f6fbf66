"""The process that sets a document: ``worker.py FOLDER FONTS MEMORY SECONDS`` makes of ``FOLDER/data.json`` and the
pictures beside it ``FOLDER/page.pdf``. Exit code 0: it is there.

It is run as a file, and knows nothing of the app. What keeps Typst from setting the document is left out: pictures that
are none, then the marks of single messages.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import typst

_NICE = 10
_ROUNDS = 40
"""Attempts to find the messages that cannot be set."""


def main(folder: Path, fonts: Path, memory: int, seconds: int) -> None:
    os.nice(_NICE)
    signal.alarm(seconds)
    with suppress(ValueError, OSError):  # where it has less already; macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _Setting(folder, fonts).set()


class _Setting:
    def __init__(self, folder: Path, fonts: Path) -> None:
        self._folder = folder
        self._template = Path(__file__).with_name("page.typ").read_bytes()
        self._fonts = typst.Fonts(include_system_fonts=False, font_paths=[str(fonts)])
        self._data: dict[str, Any] = json.loads((folder / "data.json").read_text("utf-8"))
        self._rounds = _ROUNDS

    def set(self) -> None:
        """Raises typst.TypstError."""
        with suppress(typst.TypstError):
            self._write(self._data)
            return
        _remove_pictures(self._data, self._is_shown)
        with suppress(typst.TypstError):
            self._write(self._data)
            return
        self._make_plain([each for each in self._data["messages"] if each["kind"] == "message"])
        self._write(self._data)

    def _write(self, data: dict[str, Any]) -> None:
        (self._folder / "data.json").write_text(json.dumps(data), "utf-8")
        made = self._compiler(self._template).compile(format="pdf", timestamp=data["at"] // 1_000_000)
        assert isinstance(made, bytes)
        (self._folder / "page.pdf").write_bytes(made)

    def _compiler(self, template: bytes) -> typst.Compiler:
        """It finds nothing but what is in the folder, and no package."""
        root, nothing = str(self._folder), str(self._folder / "none")
        return typst.Compiler(template, root, self._fonts, True, {}, nothing, nothing)

    def _is_shown(self, picture: str) -> bool:
        try:
            self._compiler(f'#image("{picture}")'.encode()).compile(format="pdf")
        except typst.TypstError:
            return False
        return True

    def _make_plain(self, messages: Sequence[dict[str, Any]]) -> None:
        """Those of them that cannot be set, by halves."""
        self._rounds -= 1
        if self._can_set(messages):
            return
        if len(messages) == 1 or self._rounds < 0:
            for each in messages:
                each["body"] = each["plain"]
            return
        half = len(messages) // 2
        self._make_plain(messages[:half])
        self._make_plain(messages[half:])

    def _can_set(self, messages: Sequence[dict[str, Any]]) -> bool:
        try:
            self._write(self._data | {"messages": list(messages)})
        except typst.TypstError:
            return False
        return True


def _remove_pictures(data: dict[str, Any], is_shown: Callable[[str], bool]) -> None:
    """Those that are none."""
    for files in (data["files"], *(each["files"] for each in data["messages"] if each["kind"] == "message")):
        for each in files:
            if each["picture"] and not is_shown(each["picture"]):
                each["picture"] = None


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
