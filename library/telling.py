"""What is told of a change: that it was made, or why it was not."""

from collections.abc import Sequence
from typing import Any

from datalayer import DataLayerError, NotFound, merges, text
from datalayer.merges import CannotMerge

from . import changing
from .changing import Change, Outcome
from .rendering import Notice
from .texts import Language, say


def told(changes: Sequence[Change], outcomes: Sequence[Outcome], undone: bool, for_good: bool, to: Language) -> Notice:
    changed, missing = (sum(getattr(each, name) for each in outcomes) for name in ("changed", "missing"))
    first = changes[0]
    values = [text.folder("".join(first.values[:1]))] if first.what == "move" else first.values
    key = "undone" if undone else f"did_{'purge' if for_good else first.what}"
    if key == "did_move" and not values[0]:
        key = "did_unfile"
    said = [say(key, to, n=changed, value=", ".join(values))] if changed or not missing else []
    said += [say("missing", to, n=missing)] if missing else []
    back = () if undone or for_good else [change for each in outcomes for change in each.undo]
    return Notice(" ".join(said), not changed and bool(missing), changing.to_text(back) if back else "")


def refused(error: DataLayerError, change: Change, to: Language) -> Notice:
    """Nothing was changed: why."""
    if isinstance(error, CannotMerge):
        name = (error.thread and error.thread.name) or say("untitled", to)
        most = {"threads": merges.MOST_THREADS, "messages": merges.MOST_STEPS}.get(error.reason, 0)
        return failure(f"merge_{error.reason}", to, name=name, n=most)
    if isinstance(error, NotFound):
        return failure("merge_no_such", to)
    key = {"move": "folder_bad", "tag": "tag_bad", "untag": "tag_bad"}.get(change.what, "no_action")
    limits = {"deep": text.FOLDER_DEPTH, "most": text.ID_LENGTH, "long": text.TAG_LENGTH}
    return failure(key, to, **limits, many=changing.MOST_TAGS)


def failure(key: str, to: Language, **values: Any) -> Notice:
    return Notice(say(key, to, **values), failure=True)
