"""Every change to the store, as a small value that JSON can carry.

A write is complete: it can be applied later, by another process, and twice, with the same result.

``actor`` is the identifier of the user who asks, None for the application itself (imports, jobs), which is trusted.
``at`` is the moment of the call in UTC microseconds. ``values`` maps column names to JSON values and holds only what
was given.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .records import Blob

NameSource = Literal["first_message", "model", "user"]
CallKind = Literal["turn", "title", "summary"]
CallStatus = Literal["complete", "stopped", "failed"]
SummarySource = Literal["model", "extractive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """``thread_id``: the thread whose order this write keeps; None when only the id of a row is known.

    ``replayed``: it comes out of a spool, maybe after newer writes of other processes.
    """

    actor: str | None = None
    thread_id: str | None = None
    at: int = 0
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertUser(Write):
    """``metadata`` is merged into what is stored. Result: None."""

    identifier: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateThread(Write):
    """None leaves what is stored; ``metadata`` is merged by key. ``anonymous``: a new thread may be without author."""

    thread_id: str
    user_id: str | None = None
    name: str | None = None
    name_source: NameSource = "user"
    metadata: dict[str, Any] | None = None
    tags: list[str] | None = None
    anonymous: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteThread(Write):
    thread_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertStep(Write):
    """``edit``: a person changed the text of a message, so what answered the old text goes."""

    thread_id: str
    id: str
    values: dict[str, Any]
    edit: bool = False
    anonymous: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteStep(Write):
    """Takes the step's descendants and their elements along."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertElement(Write):
    """``blob``: the stored content; None leaves the element's blob as it is."""

    thread_id: str
    id: str
    values: dict[str, Any]
    blob: Blob | None = None
    anonymous: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteElement(Write):
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertFeedback(Write):
    """One vote per step and user, which has this ``id`` from then on. Result: the vote's id."""

    id: str
    step_id: str
    value: int
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFeedback(Write):
    """Result: whether there was such a vote of the actor's."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseBlobs(Write):
    """Removes those of the named blobs that no element points to any more."""

    names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordUsage(Write):
    """What one call of a model used; the same ``id`` again replaces it. Its thread may be deleted, or not there yet.

    ``fallback``: why something else answered, None when the model did. ``tokens_*`` None: the model was never reached.
    ``estimated``: the provider did not tell them. ``cost``: billionths of a US dollar, None when no price is known.
    ``started_at``: UTC microseconds; ``latency``, ``first_token`` (None: none came): microseconds from then on.
    """

    thread_id: str
    id: str
    kind: CallKind
    model: str
    provider: str
    status: CallStatus
    fallback: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    estimated: bool = False
    cost: int | None = None
    price_version: str | None = None
    started_at: int
    latency: int
    first_token: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSummary(Write):
    """A summary of the messages up to ``until_step``, in place of the thread's former one.

    ``until_at``: that message's ``created_at``. ``messages``: how many are covered. ``digest``: theirs, as
    ``reports.digest`` gives it. When they are not any more what was summed up, or the stored summary covers more,
    the write is discarded without an error.
    """

    thread_id: str
    text: str
    from_step: str
    until_step: str
    until_at: int
    messages: int
    tokens: int
    digest: str
    source: SummarySource
    model: str | None = None


_KINDS: dict[str, type[Write]] = {
    kind.__name__: kind
    for kind in (
        *(UpsertUser, UpdateThread, DeleteThread, UpsertStep, DeleteStep),
        *(UpsertElement, DeleteElement, UpsertFeedback, DeleteFeedback, ReleaseBlobs),
        *(RecordUsage, PutSummary),
    )
}


def to_json(write: Write) -> str:
    """``write`` on one line of ASCII."""
    fields = {**asdict(write), "replayed": True}
    if "kind" in fields:  # RecordUsage's own, which would hide this one
        fields = {"fields": fields}
    return json.dumps({"kind": type(write).__name__, **fields}, separators=(",", ":"))


def from_json(line: str | bytes) -> Write:
    """The write that ``to_json`` gave, as a replayed one. Raises ValueError, KeyError or TypeError for others."""
    fields = json.loads(line)
    kind = _KINDS[fields.pop("kind")]
    fields = fields.get("fields", fields)
    if fields.get("blob"):
        fields["blob"] = Blob(**fields["blob"])
    return kind(**fields)
