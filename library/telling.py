"""What is told of a change: that it was made, or why it was not."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from datalayer import DataLayerError, NotFound, merges, text
from datalayer.merges import CannotMerge
from datalayer.passages import FileUse

from . import undoing
from .changing import Change, Outcome
from .kinds import MOST_TAGS
from .rendering import Notice
from .texts import Language, said, say

_SHOWN = 5
"""Names in a notice."""
_REST = ("already", "since", "missing", "empty", "full")
"""What an outcome tells of conversations that were not changed."""
_OF_ITS_OWN = {("merge", "empty"): "merge_empty", ("purge", "already"): "kept", ("unmerge", "missing"): "parted"}
"""The texts of changes of which that is said otherwise."""


def told(
    changes: Sequence[Change], outcomes: Sequence[Outcome], undone: bool, for_good: bool, to: Language, kept: str = ""
) -> Notice:
    """``kept``: what takes it back, where that is not among the outcomes."""
    first, counts = changes[0], {name: sum(getattr(each, name) for each in outcomes) for name in ("changed", *_REST)}
    if not undone and first.what not in ("restore", "purge"):  # what is so already is as it was asked for
        counts["changed"] += counts.pop("already")
    values = [text.folder("".join(first.values[:1]))] if first.what == "move" else first.values
    key = "undone" if undone else f"did_{'purge' if for_good else first.what}"
    if key == "did_move" and not values[0]:
        key = "did_unfile"
    rest = {name: n for name in _REST if (n := counts.get(name))}
    said_of = [said(key, to, n=counts["changed"], value=_listed(values))] if counts["changed"] or not rest else []
    said_of += [said(_OF_ITS_OWN.get((first.what, name), name), to, n=n) for name, n in rest.items()]
    back = () if undone or for_good else [change for each in outcomes for change in each.undo]
    failed = not counts["changed"] and bool(rest)
    return Notice(Markup(" ").join(said_of), failed, undoing.to_text(back) if back else kept)


def _listed(values: Sequence[str]) -> Markup:
    """As many as there is room for, each apart from what is around it: one written from right to left turns nothing."""
    return Markup(", ").join(map(_apart, values[:_SHOWN])) + ("…" if len(values) > _SHOWN else "")


def _apart(value: str) -> Markup:
    return Markup("<bdi>{}</bdi>").format(value)


def told_of_file(what: str, use: FileUse, undone: bool, back: str, at: str, to: Language) -> Notice:
    """``back``: what takes it back, sent to ``at``."""
    names = {
        "name": _apart(text.one_line(text.undirected(use.name))),
        "thread": _apart(text.one_line(use.thread_name or "") or say("untitled", to)),
    }
    done = said(f"file_did_{what}", to, **names)
    return Notice(said("file_undone", to, done=done) if undone else done, undo=back, at=at)


def refused(error: DataLayerError, change: Change, to: Language) -> Notice:
    """Nothing was changed: why."""
    if isinstance(error, CannotMerge):
        name = (error.thread and error.thread.name) or say("untitled", to)
        most = {"threads": merges.MOST_THREADS, "messages": merges.MOST_STEPS}.get(error.reason, 0)
        return failure(f"merge_{error.reason}", to, name=_apart(name), n=most)
    if isinstance(error, NotFound):
        return failure("merge_no_such", to)
    key = {"move": "folder_bad", "tag": "tag_bad", "untag": "tag_bad"}.get(change.what, "no_action")
    limits = {"deep": text.FOLDER_DEPTH, "most": text.ID_LENGTH, "long": text.TAG_LENGTH}
    return failure(key, to, **limits, many=MOST_TAGS)


def failure(key: str, to: Language, **values: Any) -> Notice:
    return Notice(said(key, to, **values), failure=True)
