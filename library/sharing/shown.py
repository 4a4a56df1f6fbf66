"""What a link shows of a conversation: what was said in it, as of now or as it was kept.

A snapshot holds the words, and names the files: one that is deleted afterwards, or replaced, is gone from it, too.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from datalayer import Store
from datalayer.passages import ContextFile
from datalayer.records import File, Thread, ThreadMessage
from datalayer.shares import Share, Shared
from datalayer.text import is_identifier
from exchange.transcript import NOT_WHOLE, is_said

Position = tuple[int, str]
"""Of a message: when it was said, in UTC microseconds, and its id."""


@dataclass(frozen=True, slots=True)
class SharedFile:
    id: str
    name: str
    mime: str | None
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Said:
    id: str
    own: bool
    """A person has said it; else it was answered."""
    text: str
    at: int
    whole: bool
    """It is not still being answered, nor was that stopped or cut off."""
    files: list[SharedFile] = field(default_factory=list)

    @property
    def position(self) -> Position:
        return self.at, self.id


@dataclass(frozen=True, slots=True)
class Spent:
    cost: int
    """Billionths of a US dollar."""
    unpriced: int
    """Calls whose price is not known."""


def name(found: Shared) -> str:
    """Of the conversation; empty: it has none."""
    return str((found.share.thread_name if found.snapshot is None else found.snapshot["name"]) or "")


async def said(
    store: Store, found: Shared, after: Position | None = None, most: int | None = None
) -> tuple[list[Said], Position | None]:
    """What was said ``after`` a position, oldest first, ``most`` messages of it; None, both: all of it. And the
    position after which there is more; None: there is none."""
    share = found.share
    if found.snapshot is None:
        return await _now(store, share.thread_id, share.options.files, after, most)
    all_kept = [_read(each) for each in found.snapshot["messages"]]
    begin = next((place for place, each in enumerate(all_kept, 1) if each.position == after), 0)
    shown = all_kept[begin:][:most]
    following = shown[-1].position if len(all_kept) > begin + len(shown) else None
    here = await files_of(store, share) if share.options.files else {}
    return [_with(each, here) for each in shown], following


async def _now(
    store: Store, thread_id: str, with_files: bool, after: Position | None = None, most: int | None = None
) -> tuple[list[Said], Position | None]:
    first = None if most is None else most + 1
    found = await store.thread_messages(thread_id, after=after, first=first)
    files: dict[str | None, list[SharedFile]] = {}
    for file in await store.context_files(thread_id, left_out=True) if with_files else []:
        files.setdefault(file.for_id, []).append(_file(file))
    shown = found[:most]
    following = shown[-1].position if len(found) > len(shown) else None
    return [_said(each, files.get(each.id, [])) for each in shown if is_said(each.type, each.metadata)], following


def _said(message: ThreadMessage, files: list[SharedFile]) -> Said:
    own = message.type == "user_message"
    return Said(message.id, own, message.text, message.created_at, message.status not in NOT_WHOLE, files)


def _file(file: ContextFile) -> SharedFile:
    return SharedFile(file.element_id, file.name, file.mime, file.size, file.sha256)


def _read(kept: dict[str, Any]) -> Said:
    return Said(**kept | {"files": [SharedFile(**file) for file in kept["files"]]})


def _with(each: Said, here: dict[str, str]) -> Said:
    files = [file for file in each.files if here.get(file.id) == file.sha256]
    return Said(each.id, each.own, each.text, each.at, each.whole, files)


async def files_of(store: Store, share: Share) -> dict[str, str]:
    """The files that the conversation has now: ids, and SHA-256s of their contents."""
    return {file.element_id: file.sha256 for file in await store.context_files(share.thread_id, left_out=True)}


async def file(store: Store, found: Shared, element_id: str) -> File | None:
    """One that the link shows; None: there is no such one."""
    share = found.share
    if not share.options.files or not is_identifier(element_id):
        return None
    sha256 = (await files_of(store, share)).get(element_id)
    served = await store.file(element_id) if sha256 else None
    if served is None or (served.thread_id, served.blob.sha256) != (share.thread_id, sha256):
        return None
    if found.snapshot is not None:
        kept = {each["id"]: each["sha256"] for one in found.snapshot["messages"] for each in one["files"]}
        return served if kept.get(element_id) == sha256 else None
    element = await store.element(share.thread_id, element_id)
    step = await store.step(element.for_id) if element and element.for_id else None
    if step is None or step.thread_id != share.thread_id or step.is_error or not is_said(step.type, step.metadata):
        return None
    return served


async def spent(store: Store, found: Shared) -> Spent:
    if found.snapshot is not None:
        return Spent(**found.snapshot["spent"])
    return await _spent(store, found.share.user_id, found.share.thread_id)


async def _spent(store: Store, user_id: str, thread_id: str) -> Spent:
    totals = await store.usage_by_model(user_id, thread_id)
    return Spent(sum(total.cost for total in totals), sum(total.unpriced for total in totals))


async def snapshot(store: Store, thread: Thread) -> dict[str, Any]:
    """What is kept for a link that shows ``thread`` as it is now: all that a link may show, chosen or not."""
    messages, _ = await _now(store, thread.id, with_files=True)
    paid = await _spent(store, thread.user_id or "", thread.id)
    return {"name": thread.name, "messages": [asdict(each) for each in messages], "spent": asdict(paid)}
