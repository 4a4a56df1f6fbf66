"""What is done to a file of a conversation. Always true: only to one of the person who asks."""

from collections.abc import Mapping

from datalayer import NotFound, Store
from datalayer.passages import LEFT_OUT, FileUse
from datalayer.records import now
from datalayer.writes import DeleteElement, UpsertElement

BACK = {"leave_out": "take_in", "take_in": "leave_out"}
"""What takes each back; a file that is deleted does not come back."""
CHANGES = frozenset({*BACK, "delete"})


async def use_of(store: Store, user_id: str, element_id: str) -> FileUse:
    """Raises NotFound where the user has no such file."""
    for use in await store.own_uses(user_id, [element_id]):
        return use
    raise NotFound("There is no such file")


async def apply(store: Store, identifier: str, use: FileUse, what: str) -> None:
    """``use``: of the user ``identifier``. Raises DataLayerError."""
    which = {"actor": identifier, "thread_id": use.thread_id, "id": use.element_id, "at": now()}
    if what == "delete":
        await store.submit(DeleteElement(**which))  # type: ignore[arg-type]
        return
    element = await store.element(use.thread_id, use.element_id)
    if element is None:
        raise NotFound("There is no such file")
    held = element.props if isinstance(element.props, Mapping) else {}
    props = {key: value for key, value in held.items() if key != LEFT_OUT}
    props |= {LEFT_OUT: True} if what == "leave_out" else {}
    await store.submit(UpsertElement(**which, values={"props": props or None}))  # type: ignore[arg-type]
