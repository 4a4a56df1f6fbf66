"""Several threads of one user as one, in order of time: read, looked at, and made a write of.

The write needs nothing of its origins any more. Their files are shared, tags united; the folder is that of the first
that has one, the settings are those of the one that was used last.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

from .errors import InvalidInput, NotFound
from .forks import MERGED_FROM as MERGED_FROM
from .forks import derived, file_row, settings, step_row, summary_row
from .reads import Reads
from .records import Element, Step, Thread, now
from .reports import Summary
from .schema import MESSAGES
from .versions import chosen_path
from .writes import Actor, ForkThread, UndoMerge, author_id

MOST_THREADS = 100
MOST_STEPS = 3_000
"""One transaction writes all of it, and what others write to SQLite waits for that."""

_TRIED = 10

Reason = Literal["few", "threads", "messages", "writing"]


class CannotMerge(InvalidInput):
    """``few``: it takes two; ``threads``, ``messages``: more than MOST_THREADS, MOST_STEPS; ``writing``: an answer is
    being written in ``thread``."""

    def __init__(self, reason: Reason, message: str, thread: Thread | None = None) -> None:
        super().__init__(message)
        self.reason, self.thread = reason, thread


@dataclass(frozen=True, slots=True)
class Origin:
    thread: Thread
    steps: Sequence[Step]
    """Those that the merge is to have, oldest first; of a question's versions only the one that is shown."""
    files: Sequence[Element]
    summary: Summary | None
    newest: int
    """When the newest of all its steps was made, in UTC microseconds."""

    @property
    def began(self) -> int:
        return self.steps[0].created_at if self.steps else self.thread.created_at


async def read(reads: Reads, actor: Actor, thread_ids: Iterable[str]) -> list[Origin]:
    """The actor's threads, that which began first first. Raises CannotMerge; NotFound, also for somebody else's and for
    one in the trash."""
    ids = list(dict.fromkeys(thread_ids))
    if len(ids) < 2:
        raise CannotMerge("few", "It takes two conversations to merge")
    if len(ids) > MOST_THREADS:
        raise CannotMerge("threads", f"At most {MOST_THREADS} conversations can be merged")
    for key in ids:
        known = await reads.thread(key)
        if known is None or known.user_id != author_id(actor):
            raise NotFound("There is no such conversation")
    if sum((await reads.message_counts(ids)).values()) > MOST_STEPS:
        raise _too_many()
    return sorted([await _origin(reads, key) for key in ids], key=lambda origin: (origin.began, origin.thread.id))


async def _origin(reads: Reads, key: str) -> Origin:
    if (whole := await reads.whole_thread(key)) is None:  # deleted a moment ago
        raise NotFound("There is no such conversation")
    thread, steps, files = whole
    if any(step.status == "streaming" for step in steps):
        raise CannotMerge("writing", "An answer is being written in one of the conversations", thread)
    newest = max((step.created_at for step in steps), default=0)
    return Origin(thread, chosen_path(steps), files, await reads.summary(key), newest)


def _too_many() -> CannotMerge:
    return CannotMerge("messages", f"Together the conversations have more than {MOST_STEPS} messages")


def thread_id(origins: Sequence[Origin], merge_id: str = "") -> str:
    """That of the merge: the same of the same steps."""
    parts = sorted(
        f"{len(each.thread.id)} {each.thread.id}{each.steps[-1].id if each.steps else ''}" for each in origins
    )
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\n".join([*parts, merge_id])))


async def next_id(reads: Reads, actor: Actor, origins: Sequence[Origin]) -> tuple[str, Thread | None]:
    """A ``merge_id`` for these: another one when a merge of the same was undone, or is somebody else's. And the merge,
    where it is made already."""
    for merge_id in map(str, range(_TRIED)):
        key = thread_id(origins, merge_id)
        known = await reads.thread(key)
        if known is None and not await reads.was_deleted(key):
            return merge_id, None
        if known is not None and known.user_id == author_id(actor) and undo(actor, known, trash=True):
            return merge_id, known
    return str(uuid.uuid4()), None


def merge(actor: Actor, origins: Sequence[Origin], name: str, merge_id: str = "") -> ForkThread:
    """``origins``: as ``read`` gives them, perhaps with fewer steps. ``merge_id``: another one makes another thread of
    the same. Votes are not copied. Raises CannotMerge."""
    if sum(len(origin.steps) for origin in origins) > MOST_STEPS:
        raise _too_many()
    key = thread_id(origins, merge_id)
    ids = {step.id: derived(key, step.id) for origin in origins for step in origin.steps}
    said = sorted((step for origin in origins for step in origin.steps), key=lambda step: step.created_at)
    summary = next(filter(None, (_summary(origin, said) for origin in origins)), None)
    return ForkThread(
        actor=actor,
        thread_id=key,
        at=now(),
        values=_values([origin.thread for origin in origins]) | {"name": name, "name_source": "user"},
        steps=[_step(step, ids) for step in said],
        files=[
            file_row(each, key, ids) for of in origins for each in of.files if not each.for_id or each.for_id in ids
        ],
        summary=summary_row(summary, ids) if summary else None,
        origins={origin.thread.id: origin.newest for origin in origins},
    )


def _values(threads: Sequence[Thread]) -> dict[str, Any]:
    tags = dict.fromkeys(tag for thread in threads for tag in thread.tags or () if isinstance(tag, str))
    kinds = {thread.kind for thread in threads}
    return {
        "metadata": settings(max(threads, key=lambda thread: thread.last_activity_at)),
        "tags": list(tags) or None,
        "folder": next(filter(None, (thread.folder for thread in threads)), None),
        "kind": kinds.pop() if len(kinds) == 1 else "chat",
    }


def _step(step: Step, ids: dict[str, str]) -> dict[str, Any]:
    origin = {MERGED_FROM: {"thread": step.thread_id, "step": step.id}}
    return step_row(step, ids) | {"metadata": (step.metadata or {}) | origin}


def _summary(origin: Origin, said: Sequence[Step]) -> Summary | None:
    """That of a thread all of whose summed up messages come before those of the others."""
    summary = origin.summary
    if summary is None or summary.until_step not in {step.id for step in origin.steps}:
        return None
    before = list(takewhile(lambda step: step.id != summary.until_step, said))
    alone = all(step.thread_id == origin.thread.id for step in before if step.type in MESSAGES and not step.is_error)
    return summary if alone else None


def undo(actor: Actor, thread: Thread, trash: bool) -> UndoMerge | None:
    """``trash``: there is one, which takes the merge. None: the thread is no merge, or it was undone."""
    merged = thread.metadata.get(MERGED_FROM)
    if not isinstance(merged, dict) or merged.get("undone"):
        return None
    return UndoMerge(actor=actor, thread_id=thread.id, at=now(), origins=list(merged["threads"]), trash=trash)
