"""A document set by Typst, in a process of its own: whatever is in it, it costs the app neither its memory nor its
time, and there is always a PDF.

Where it cannot be set as it is, it is set without pictures, then as it was written, and at last only its beginning.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_WORKER = Path(__file__).with_name("worker.py")
FONTS = Path(__file__).parents[2] / "fonts"
_SECONDS, _MEMORY = 120.0, 1536 << 20
"""For the first way of setting it, the others have half as long; bytes of addresses."""
_BEGINNING = 300
"""Messages of a conversation that is too large to be set, each of so many paragraphs, of so many letters."""
_PARAGRAPHS, _LETTERS = 20, 2_000

Document = dict[str, Any]


def made(folder: Path, document: Document, seconds: float = _SECONDS, memory: int = _MEMORY) -> Path:
    """The PDF, in ``folder``, where its pictures are. Raises OSError."""
    for change in (_as_it_is, _without_pictures, _as_written, _beginning):
        (folder / "data.json").write_text(json.dumps(change(document)), "utf-8")
        if _run(folder, seconds, memory):
            return folder / "page.pdf"
        seconds = min(seconds, _SECONDS / 2)
    raise OSError("Typst makes no PDF")


def _run(folder: Path, seconds: float, memory: int) -> bool:
    """Whether there is a PDF. Nothing of the app's environment, where its keys are, is given on."""
    command = [sys.executable, "-B", "-P", str(_WORKER), str(folder), str(FONTS), str(memory), str(int(seconds))]
    paths = os.pathsep.join(path for path in sys.path if path)
    env = {"PYTHONPATH": paths, "PYTHONUTF8": "1", "PATH": os.defpath, "RAYON_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=env, timeout=seconds + 10, stdin=subprocess.DEVNULL, capture_output=True
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and (folder / "page.pdf").exists()


def _as_it_is(document: Document) -> Document:
    return document


def _without_pictures(document: Document) -> Document:
    return _changed(document, lambda said: said)


def _as_written(document: Document) -> Document:
    return _changed(document, lambda said: said | {"body": said["plain"]})


def _changed(document: Document, change: Callable[[Document], Document]) -> Document:
    messages = [
        change(each) | {"files": _listed(each["files"])} if each["kind"] == "message" else each
        for each in document["messages"]
    ]
    return document | {"messages": messages, "files": _listed(document["files"])}


def _listed(files: list[Document]) -> list[Document]:
    return [each | {"picture": None} for each in files]


def _beginning(document: Document) -> Document:
    def cut(said: Document) -> Document:
        body = [
            [kind, direction, [[*each[:1], *(text[:_LETTERS] for text in each[1:])] for each in inline[:_PARAGRAPHS]]]
            for kind, direction, inline in said["plain"][:_PARAGRAPHS]
        ]
        return said | {"body": body, "plain": body, "sources": said["sources"][:_PARAGRAPHS]}

    made = _changed(document | {"messages": document["messages"][:_BEGINNING], "files": []}, cut)
    made["messages"].append({"kind": "title", "title": document["cut"]})
    return made
