"""What a fork of a thread consists of, as a write that needs nothing of its origin any more."""

import uuid
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from .records import Element, Step, Thread, now
from .reports import Summary
from .versions import chosen_path
from .writes import Actor, ForkThread

FORKED_FROM = "forked_from"
"""In the metadata of a fork: its ``thread`` and the last ``step`` that it has of it."""
MERGED_FROM = "merged_from"
"""In the metadata of a merge: its ``threads``; which of them it has ``archived``; ``until`` when, in UTC microseconds,
it had only what it began with; whether it is ``undone``. In that of its steps: the ``thread`` and ``step`` copied."""
_NOT_COPIED = {"is_shared", FORKED_FROM, MERGED_FROM}
"""Of the metadata of a thread: what its author has allowed for it alone, and what it was made of itself."""
_OF_VOTES = {"thread_id", "vote_id", "vote_value", "vote_comment"}


def fork(
    actor: Actor,
    thread: Thread,
    steps: Sequence[Step],
    files: Sequence[Element],
    name: str,
    fork_id: str | None = None,
    summary: Summary | None = None,
) -> ForkThread:
    """``steps``: the first of the thread, oldest first; of a question's versions only the one that is shown is copied.
    ``fork_id``: the same gives the same ids, so that what is tried again is made once; None: a new one. Files point to
    the same contents. Votes are not copied."""
    key = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{len(thread.id)} {thread.id}{fork_id or uuid.uuid4()}"))
    steps = chosen_path(steps)
    ids = {step.id: derived(key, step.id) for step in steps}
    of = {FORKED_FROM: {"thread": thread.id, "step": steps[-1].id if steps else None}}
    named: dict[str, Any] = {"name": name, "name_source": "user"}
    placed = {"tags": thread.tags, "folder": thread.folder, "kind": thread.kind}
    return ForkThread(
        actor=actor,
        thread_id=key,
        at=now(),
        values={"metadata": settings(thread) | of, **named, **placed},
        steps=[step_row(step, ids) for step in steps],
        files=[file_row(each, key, ids) for each in files if not each.for_id or each.for_id in ids],
        summary=summary_row(summary, ids) if summary and summary.until_step in ids else None,
    )


def derived(thread_id: str, key: str) -> str:
    """The id that a step or an element of the origin has in the fork."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{thread_id} {key}"))


def settings(thread: Thread) -> dict[str, Any]:
    """What of its metadata a thread gives to one that is made of it."""
    return {name: value for name, value in thread.metadata.items() if name not in _NOT_COPIED}


def step_row(step: Step, ids: dict[str, str]) -> dict[str, Any]:
    row = {name: value for name, value in step._asdict().items() if name not in _OF_VOTES}
    whole = {"streaming": False, "status": "interrupted"} if step.status == "streaming" else {}
    return row | whole | {"id": ids[step.id], "parent_id": ids.get(step.parent_id or ""), "of": step.id}


def file_row(element: Element, thread_id: str, ids: dict[str, str]) -> dict[str, Any]:
    row = {name: value for name, value in element._asdict().items() if name != "thread_id"}
    for_id = ids[element.for_id] if element.for_id else element.for_id
    return row | {"id": derived(thread_id, element.id), "for_id": for_id}


def summary_row(summary: Summary, ids: dict[str, str]) -> dict[str, Any]:
    left_out = {"thread_id", "digest", "created_at"}
    row = {each.name: getattr(summary, each.name) for each in fields(summary) if each.name not in left_out}
    return row | {"from_step": ids.get(summary.from_step, ""), "until_step": ids[summary.until_step]}
