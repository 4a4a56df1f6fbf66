"""JSON: all that is stored of each thread, one thread a line, in the shape of ``schema-1.json`` beside this file.

Columns keep their names (docs/data-model.md); what is NULL is left out; times are ISO 8601 in UTC. Steps stand in
their order, those of a question's versions that are not shown as they are stored (``datalayer/versions.py``).
"""

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from datalayer import text
from datalayer.records import Element, Step, to_iso
from datalayer.versions import HIDDEN, counted
from datalayer.whole import Call, Link, Vote, WholeThread

from .. import withheld
from .base import About

FORMAT, VERSION = "threadkeep.threads", 1

_TIMES = ("created_at", "start", "end")
_SIFTED = ("metadata", "generation", "extra", "modes", "props", "player_config", "show_input", "tags")
"""Columns in which an app keeps what it likes."""


class Json:
    ending, mime, has_references, separator = ".json", "application/json", True, ",\n"

    def head(self, about: About) -> str:
        head = {"format": FORMAT, "version": VERSION, "exported_at": to_iso(about.at), "selection": about.selection}
        return _dumps(head)[:-1] + ',"threads":[\n'

    def add(self, whole: WholeThread, about: About) -> str:
        """Step by step: what is encoded at once holds up all other threads of the process."""
        votes: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for vote in whole.votes:
            votes[vote.step_id].append(_vote(vote))
        steps = ",".join(_dumps(_step(step, votes)) for step in whole.steps)
        return f'{_dumps(_thread(whole, about))[:-1]},"steps":[{steps}]}}'

    def tail(self) -> str:
        return "\n]}\n"


def _thread(whole: WholeThread, about: About) -> dict[str, Any]:
    """Without its steps."""
    found = whole.thread
    author = {"id": found.user_id, "identifier": found.user_identifier} if found.user_id is not None else None
    columns = {
        "id": found.id,
        "author": author and _given(author),
        "name": found.name,
        "name_source": whole.name_source,
        "created_at": to_iso(found.created_at),
        "last_activity_at": to_iso(found.last_activity_at),
        "folder": found.folder,
        "tags": found.tags,
        "pinned": found.pinned,
        "archived": found.archived,
        "status": found.status,
        "kind": found.kind,
        "trashed_at": to_iso(found.trashed_at) if found.trashed_at else None,
        "model": found.model,
        "metadata": withheld.of_thread(found.metadata),
    }
    kept: dict[str, Any] = _given(columns)
    kept["elements"] = [_element(each, whole, about.files) for each in whole.elements]
    if whole.links:
        kept["chain"] = _chain(whole.links, about)
    kept["usage"] = [_call(each) for each in whole.calls]
    if whole.summary is not None:
        kept["summary"] = _summary(whole)
    return kept


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _sift(item: dict[str, Any]) -> None:
    for name in _SIFTED:
        if item.get(name):
            item[name] = withheld.without(item[name])


_STEP = tuple(name for name in Step._fields if name not in ("thread_id", "vote_id", "vote_value", "vote_comment"))
_OF_STEP = [Step._fields.index(name) for name in _STEP]


def _step(step: Step, votes: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for name, place in zip(_STEP, _OF_STEP, strict=True):
        if (value := step[place]) is not None:
            item[name] = value
    for name in _TIMES:
        if name in item:
            item[name] = to_iso(item[name])
    _sift(item)
    if step.type in HIDDEN and step.metadata:
        item["metadata"] = {**item["metadata"], step.type: counted(step.type, step.metadata)}  # as its chain says
    if step.id in votes:
        item["votes"] = votes[step.id]
    return item


def _vote(vote: Vote) -> dict[str, Any]:
    return _given(
        {"id": vote.id, "user_id": vote.user_id, "value": vote.value, "comment": vote.comment}
        | {"created_at": to_iso(vote.created_at)}
    )


def _element(element: Element, whole: WholeThread, files: bool) -> dict[str, Any]:
    item = _given(element._asdict())
    del item["thread_id"]
    item["created_at"] = to_iso(whole.came[element.id])
    if "url" in item:
        item["url"] = withheld.address(item["url"])
    _sift(item)
    if (sha256 := item.pop("blob", None)) is not None:
        blob = whole.contents.get(sha256)
        item["content"] = {"sha256": sha256} | ({"bytes": blob.size} if blob else {})
        if files:
            item["content"]["file"] = f"files/{sha256}"
    return item


def _call(call: Call) -> dict[str, Any]:
    item = _given(call._asdict())
    del item["thread_id"]
    return item | {"started_at": to_iso(call.started_at)}


def _chain(links: list[Link], about: About) -> dict[str, Any]:
    told: dict[str, Any] = {"length": 0, "hash": ""}  # where the row that tells it was removed
    for head in links[:1] if links[0].number == 0 else ():
        told = {"since": to_iso(head.at), "length": head.of, "hash": head.hash.hex()}
    if about.sign is not None:
        at = to_iso(about.at)
        signed = f"threadkeep chain 1\n{links[0].thread_id}\n{told['length']}\n{told['hash']}\n{at}"
        told |= {"signed_at": at, "signature": about.sign(signed)}
    return told | {"links": [_link(each) for each in links if each.number]}


def _link(link: Link) -> dict[str, Any]:
    item = {"number": link.number, "kind": link.kind, "of": link.of, "at": to_iso(link.at), "step": link.step_id}
    return _given(
        item
        | {"salt": link.salt and link.salt.hex(), "digest": link.digest and link.digest.hex(), "hash": link.hash.hex()}
    )


def _summary(whole: WholeThread) -> dict[str, Any]:
    assert whole.summary is not None
    names = ("text", "from_step", "until_step", "messages", "tokens", "digest", "source", "model")
    item = _given({name: getattr(whole.summary, name) for name in names})
    return item | {name: to_iso(getattr(whole.summary, name)) for name in ("until_at", "created_at")}


_encode: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _dumps(value: Any) -> str:
    try:
        return _encode(value)
    except ValueError:  # a number that JSON cannot carry, which was stored by something else
        return _encode(text.clean(value))
