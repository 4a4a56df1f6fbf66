"""The process that reads: a request a line on its standard input, and on its output a line that it was taken,
one a passage, and a last one.

Always true: a file can only spoil this process. It has no secret of the app's in its environment, may take no more
memory than it is given, writes no file, and ends by itself when it takes too long or nobody listens. What it answers is
JSON, which cannot do anything where it is read.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from datalayer.passages import Passage

from ..cutting import cut
from .formats import reader
from .limits import Limits, Refused
from .source import Source
from .wire import packed

_FILES = 100
"""After so many another process goes on: what a library loses of memory is got back."""
_GRACE = 5
"""Seconds after the asker's limit, for when there is no asker any more."""
_NICE = 10


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    _bound(int(sys.argv[1]))
    _say(answers, {"ready": True})
    for number, line in enumerate(sys.stdin, 1):
        request = json.loads(line)
        limits = Limits(**request["limits"])
        _say(answers, {"taken": True})
        signal.alarm(int(limits.seconds) + _GRACE)
        last = _answer(answers, Source(Path(request["path"]), request["name"], limits), request["mime"])
        signal.alarm(0)
        ends = last.pop("ends", False) or number == _FILES
        _say(answers, {"last": last, "ends": ends})
        if ends:
            break


def _bound(memory: int) -> None:
    os.nice(_NICE)
    with suppress(ValueError, OSError):  # where it has less already; macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _say(answers: TextIO, line: dict[str, Any]) -> None:
    answers.write(_line(line))
    answers.flush()


def _line(of: dict[str, Any]) -> str:
    return json.dumps(of, ensure_ascii=False, separators=(",", ":")) + "\n"


def _answer(answers: TextIO, source: Source, mime: str | None) -> dict[str, Any]:
    """The last line: why there is no text, how many pages, whether something is left out. ``ends``: this process had
    better not go on."""
    found = False
    try:
        for passage in _within(source, cut(reader(source, mime)(source))):
            found = True
            answers.write(_line(packed(passage)))
        nothing = "scanned" if source.pages else "empty"
        return {"refused": None if found else nothing, "pages": source.pages, "cut": source.cut}
    except Refused as refused:
        return {"refused": refused.reason, "pages": source.pages, "cut": False}
    except ModuleNotFoundError:  # the app is installed without the extra ``files``
        return {"refused": "not_text", "pages": None, "cut": False}
    except MemoryError:
        return {"refused": None if found else "too_large", "pages": source.pages, "cut": found, "ends": True}
    except Exception as error:
        return {"refused": "broken", "pages": source.pages, "cut": False, "error": type(error).__name__}


def _within(source: Source, passages: Iterator[Passage]) -> Iterator[Passage]:
    left = source.limits.characters
    for passage in passages:
        left -= len(passage.text)
        if left < 0:
            source.cut = True
            return
        yield passage


if __name__ == "__main__":
    main()
