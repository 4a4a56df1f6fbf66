"""What is done to a file of a conversation. Always true: only to one of the person who asks."""

import shutil
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from datalayer import InvalidInput, NotFound, Store
from datalayer.passages import LEFT_OUT, FileUse
from datalayer.records import Thread, now
from datalayer.writes import DeleteElement, RestoreElement, TrashElement, UpsertElement

BACK = {"leave_out": "take_in", "take_in": "leave_out", "trash": "restore", "restore": "trash"}
"""What takes each back; a file that is deleted for good does not come back."""
CHANGES = frozenset({*BACK, "delete", "add"})


async def use_of(store: Store, user_id: str, element_id: str) -> FileUse:
    """Of one in the trash, too. Raises NotFound where the user has no such file."""
    for use in await store.own_uses(user_id, [element_id]):
        return use
    for use in await store.own_trashed_files(user_id):
        if use.element_id == element_id:
            return use
    raise NotFound("There is no such file")


async def apply(store: Store, identifier: str, use: FileUse, what: str) -> None:
    """``use``: of the user ``identifier``. Raises DataLayerError."""
    which = {"actor": identifier, "thread_id": use.thread_id, "id": use.element_id, "at": now()}
    if what == "delete":
        since = {"trashed_before": now()} if use.trashed_at else {}
        await store.submit(DeleteElement(**which, **since))  # type: ignore[arg-type]
        return
    if what in ("trash", "restore"):
        kind = TrashElement if what == "trash" else RestoreElement
        await store.submit(kind(**which))  # type: ignore[arg-type]
        return
    element = await store.element(use.thread_id, use.element_id)
    if element is None:
        raise NotFound("There is no such file")
    held = element.props if isinstance(element.props, Mapping) else {}
    props = {key: value for key, value in held.items() if key != LEFT_OUT}
    props |= {LEFT_OUT: True} if what == "leave_out" else {}
    await store.submit(UpsertElement(**which, values={"props": props or None}))  # type: ignore[arg-type]


async def add(store: Store, identifier: str, use: FileUse, to: Thread) -> str:
    """Has another conversation of the user have the file, too, with its last message, as an element of this id. Raises
    DataLayerError: InvalidInput where it is there already; OSError.

    The content is put once more, and found to be there: where it is now it may be removed at this moment."""
    if any(file.blob.partition("-")[0] == use.sha256 for file in await store.thread_files(to.id)):
        raise InvalidInput("The file is there already")
    element = await store.element(use.thread_id, use.element_id)
    if element is None:
        raise NotFound("There is no such file")
    values = {name: getattr(element, name) for name in ("name", "mime", "type", "display", "size", "language")}
    for message in await store.thread_messages(to.id, limit=1):
        values["for_id"] = message.id
    key = str(uuid.uuid4())
    write = UpsertElement(actor=identifier, thread_id=to.id, id=key, at=now(), values=values, anonymous=False)
    with tempfile.TemporaryDirectory(prefix="library-") as folder:
        path = Path(folder, "file")
        await store.with_files(_fetch, store, use.blob, path)
        await store.submit(write, path)
    return key


def _fetch(store: Store, blob: str, to: Path) -> None:
    with store.blobs.open(blob) as source, to.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
