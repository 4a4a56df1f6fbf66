"""Every change to the store, as a small value that JSON can carry.

A write is complete: it can be applied later, by another process, and twice, with the same result.

``actor`` says who asks: the identifier of a user, or a ``Role``. It is part of the write, so that what happens does not
depend on when, where or by whom it is applied.
``at`` is the moment of the call in UTC microseconds. ``values`` maps column names to JSON values and holds only what
was given.
"""

import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final, Literal

from .records import Blob, user_id


class Role(Enum):
    """Who acts without being a user.

    ``APPLICATION``: the app itself (jobs, imports, channels of other chats): trusted, may change anybody's rows.
    ``VISITOR``: somebody where nobody logs in: changes only what has no author.
    """

    APPLICATION = "application"
    VISITOR = "visitor"


Actor = str | Role
APPLICATION: Final = Role.APPLICATION
VISITOR: Final = Role.VISITOR


def author_id(actor: Actor) -> str | None:
    """The id of the user who acts; None: a role, which is no author."""
    return user_id(actor) if isinstance(actor, str) else None


NameSource = Literal["first_message", "model", "user"]
Timing = Literal["given", "kept", "now"]
CallKind = Literal["turn", "title", "summary"]
CallStatus = Literal["complete", "stopped", "failed"]
SummarySource = Literal["model", "extractive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """``thread_id``: the thread whose order this write keeps; None when only the id of a row is known.

    ``replayed``: it comes out of a spool, maybe after newer writes of other processes.
    """

    actor: Actor = APPLICATION
    thread_id: str | None = None
    at: int = 0
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertUser(Write):
    """``metadata`` takes the place of what is stored: a right that was taken away must not stay. Result: None."""

    identifier: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PutPreferences(Write):
    """``settings`` take the place of what the user who acts had stored; a role has none. Result: None."""

    settings: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateThread(Write):
    """None leaves what is stored; ``metadata`` is merged by key, and a key given as None is removed.

    ``anonymous``: a new thread may be without author. ``yields``: where there is an author already, ``user_id`` is
    dropped rather than the write refused: the first one of a channel stays.
    """

    thread_id: str
    user_id: str | None = None
    name: str | None = None
    name_source: NameSource = "user"
    metadata: dict[str, Any] | None = None
    tags: list[str] | None = None
    anonymous: bool = True
    yields: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteThread(Write):
    thread_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertStep(Write):
    """``edit``: a person changed the text of a message, so what answered the old text goes.

    ``timing`` of a step that is not stored yet, and of one that is: "given": as its ``created_at`` says, both. "kept":
    a stored one keeps its own. "now": the same, and a new one comes after all others of its thread, whatever the clock
    says.
    """

    thread_id: str
    id: str
    values: dict[str, Any]
    edit: bool = False
    anonymous: bool = True
    timing: Timing = "given"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteStep(Write):
    """Takes the step's descendants and their elements along.

    ``anywhere``: the caller knows the step by its id alone; ``thread_id`` is then where it most likely is, and only
    decides the order. Otherwise a step of another thread is left alone.
    """

    id: str
    anywhere: bool = False


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
    """``thread_id``: an element of another thread is left alone; None: wherever it is."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertFeedback(Write):
    """One vote per step and user, which has this ``id`` from then on. Result: the vote's id.

    ``thread_id``: where the step is; None: anywhere the actor may vote.
    """

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


KINDS: dict[str, type[Write]] = {
    kind.__name__: kind
    for kind in (
        *(UpsertUser, UpdateThread, DeleteThread, UpsertStep, DeleteStep),
        *(UpsertElement, DeleteElement, UpsertFeedback, DeleteFeedback, ReleaseBlobs),
        *(RecordUsage, PutSummary, PutPreferences),
    )
}


def to_json(write: Write) -> str:
    """``write`` on one line of ASCII."""
    fields = {**asdict(write), "replayed": True}
    if isinstance(write.actor, Role):
        fields |= {"actor": None, "role": write.actor.value}
    if "kind" in fields:  # RecordUsage's own, which would hide this one
        fields = {"fields": fields}
    return json.dumps({"kind": type(write).__name__, **fields}, separators=(",", ":"))


def from_json(line: str | bytes) -> Write:
    """The write that ``to_json`` gave, as a replayed one. Raises ValueError, KeyError or TypeError for others."""
    fields = json.loads(line)
    kind = KINDS[fields.pop("kind")]
    fields = fields.get("fields", fields)
    # Before there were roles, the application was written as nobody.
    role = Role(fields.pop("role", "application"))
    if fields.get("actor") is None:
        fields["actor"] = role
    if fields.get("blob"):
        fields["blob"] = Blob(**fields["blob"])
    return kind(**fields)
