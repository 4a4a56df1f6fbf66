"""Threads as a store gives them, made without one."""

from pathlib import Path
from typing import Any

from datalayer.blobs import LocalBlobs
from datalayer.records import Blob, Element, Step, Thread
from datalayer.whole import Call, Vote, WholeThread
from exchange.formats.base import About

AT = 1_790_000_000_000_000
ABOUT = About(AT, {"author": "u", "threads": None, "folder": None, "trash": False}, "en")


def step(text: str | None, type: str = "user_message", **over: Any) -> Step:
    given: dict[str, Any] = dict.fromkeys(Step._fields)
    number = over.pop("number", 1)
    known = {"id": f"s{number}", "thread_id": "t", "type": type, "output": text, "created_at": AT + number * 1_000_000}
    return Step(**(given | known | over))


def element(name: str | None = "f.txt", blob: Blob | None = None, **over: Any) -> Element:
    given: dict[str, Any] = dict.fromkeys(Element._fields)
    known = {"id": "e", "thread_id": "t", "for_id": "s1", "name": name, "blob": blob and blob.sha256}
    return Element(**(given | known | over))


def call(**over: Any) -> Call:
    given: dict[str, Any] = dict.fromkeys(Call._fields)
    known = {"id": "c", "user_id": "u", "thread_id": "t", "kind": "turn", "model": "m", "provider": "p"}
    return Call(
        **(given | known | {"status": "complete", "estimated": False, "started_at": AT, "latency": 5_000} | over)
    )


def vote(step_id: str, value: int = 1, comment: str | None = None) -> Vote:
    return Vote(f"v-{step_id}", step_id, "u", value, comment, AT)


def whole(*steps: Step, elements: Any = (), blobs: Any = (), **over: Any) -> WholeThread:
    votes, calls = over.pop("votes", []), over.pop("calls", [])
    given: dict[str, Any] = {
        "id": "t",
        "user_id": "u",
        "user_identifier": "ann",
        "name": "Birds",
        "metadata": {},
        "tags": None,
        "created_at": AT,
        "last_activity_at": AT,
    }
    contents = {blob.sha256: blob for blob in blobs}
    came = {each.id: AT for each in elements}
    return WholeThread(
        Thread(**(given | over)), "user", list(steps), list(elements), came, contents, votes, None, calls
    )


def store(tmp_path: Path, *contents: bytes) -> tuple[LocalBlobs, list[Blob]]:
    blobs = LocalBlobs(tmp_path / "blobs")
    return blobs, [blobs.put(content) for content in contents]


def unpacked(content: bytes) -> dict[str, bytes]:
    """The files of a ZIP by their names. Fails where one is there twice, or its content is damaged."""
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.testzip() is None
        names = packed.namelist()
        assert len(set(names)) == len(names)
        return {name: packed.read(name) for name in names}


def text_of(pdf: bytes) -> str:
    import pypdfium2

    found = pypdfium2.PdfDocument(pdf)
    pages = (found[n].get_textpage().get_text_range() for n in range(len(found)))
    return "\n".join(pages).replace("\r\n", "\n")
