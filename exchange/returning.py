"""The way back from a move: what was written here meanwhile, as sessions of JSON for the app that had them."""

import asyncio
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from datalayer import APPLICATION, Store, durable
from datalayer.records import Step, to_iso
from datalayer.versions import chosen_path
from datalayer.whole import WholeThread

from .names import safe
from .selection import Selection, batches

FOLDER, DELETED = "sessions", "deleted.json"
_ROLES = {"user_message": "user", "assistant_message": "assistant", "tool": "tool"}
_OWN = {"origin", "key", "model", "title", "folder", "until"}
"""What an import adds to what a session had."""


async def bring_back(store: Store, into: Path, threads: Collection[str], began: int) -> dict[str, int]:
    """Writes the ``threads``, and all that were written to since ``began``, in UTC microseconds, a file each, and the
    ids of those that are there no more. Returns how many ``sessions`` and ``deleted``. Raises DataLayerError, OSError.
    """
    folder, written = into / FOLDER, dict[str, str]()
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    async for batch in batches(store, Selection(APPLICATION)):
        for whole in batch.threads:
            key = whole.thread.id
            if key in threads or whole.thread.last_activity_at >= began:
                session = as_session(whole)
                name = safe(f"{session['id']}.json", "session.json")
                name = name if written.setdefault(name, key) == key else f"{len(written)}-{name}"
                written[name] = key
                await asyncio.to_thread(_write, folder / name, session)
    gone = sorted(set(threads) - set(written.values()))
    await asyncio.to_thread(_write, folder / DELETED, gone)
    return {"sessions": len(written), "deleted": len(gone)}


def as_session(whole: WholeThread) -> dict[str, Any]:
    """With what it had before it was imported, if it was a session then."""
    thread, kept = whole.thread, dict[str, Any]()
    came = thread.metadata.get("imported_from")
    if isinstance(came, dict) and came.get("origin") == "sessions":
        kept = {"id": came.get("key")} | {name: value for name, value in came.items() if name not in _OWN}
    status = {"status": "archived"} if thread.archived else {}
    times = {"created_at": to_iso(thread.created_at), "updated_at": to_iso(thread.last_activity_at)}
    first = {"id": thread.id, "workspace_hash": None, "type": "chat", "task": thread.name, "status": "active"}
    named = {"title": thread.name, "tags": thread.tags or [], "user": thread.user_identifier}
    said = [_message(step) for step in chosen_path(whole.steps) if step.type in _ROLES or _is_system(step)]
    return first | {"instances": []} | kept | status | named | times | {"chat_messages": said}


def _is_system(step: Step) -> bool:
    return _imported(step).get("by") == "system"


def _imported(step: Step) -> dict[str, Any]:
    known = (step.metadata or {}).get("imported")
    return known if isinstance(known, dict) else {}


def _message(step: Step) -> dict[str, Any]:
    known = {name: value for name, value in _imported(step).items() if name not in ("by", "time")}
    role = known.pop("said_by", None) or _ROLES.get(step.type or "", "system")
    call = {"name": step.name, "input": step.input} if step.type == "tool" else {}
    said = {"id": step.id, "role": role, "content": step.output or "", "timestamp": to_iso(step.created_at)}
    return known | call | said


def _write(path: Path, value: Any) -> None:
    durable.write_durably(path, json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace"))
