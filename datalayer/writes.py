"""Every change to the store, as a small value that JSON can carry.

A write is complete: it can be applied later, by another process, and twice, with the same result.

``actor`` says who asks: the identifier of a user, or a ``Role``. It is part of the write, so that what happens does not
depend on when, where or by whom it is applied.
``at`` is the moment of the call in UTC microseconds. ``values`` maps column names to JSON values and holds only what
was given.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from .actors import APPLICATION as APPLICATION
from .actors import VISITOR as VISITOR
from .actors import Actor as Actor
from .actors import Role as Role
from .actors import author_id as author_id
from .records import Blob
from .write import Write as Write

NameSource = Literal["first_message", "model", "user"]
Timing = Literal["given", "kept", "now"]
CallKind = Literal["turn", "title", "summary"]
CallStatus = Literal["complete", "stopped", "failed"]
SummarySource = Literal["model", "extractive"]
Status = Literal["open", "done"]


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
    """None leaves what is stored. Result: False where ``only_if`` does not hold; else None."""

    thread_id: str
    user_id: str | None = None
    name: str | None = None
    name_source: NameSource = "user"
    metadata: dict[str, Any] | None = None
    """Merged by key; a key given as None is removed."""
    tags: list[str] | None = None
    tags_added: list[str] | None = None
    tags_removed: list[str] | None = None
    """Both leave the others as they are, so that two at once lose none."""
    folder: str | None = None
    """A path as ``text.folder`` takes it; "": the thread is in none."""
    pinned: bool | None = None
    archived: bool | None = None
    status: Status | None = None
    kind: str | None = None
    """chat, imported, channel, or what an app calls it, in at most 16 characters."""
    stored_only: bool = False
    """A thread that is not there is not made: NotFound."""
    only_if: dict[str, Any] | None = None
    """What of folder, tags, pinned, archived and status it must find as it is told here, or nothing changes: so that
    who has looked before does not undo what another has done since."""
    anonymous: bool = True
    """A new thread may be without author."""
    yields: bool = False
    """Where there is an author already, ``user_id`` is dropped rather than the write refused: the first one of a
    channel stays."""
    author: str | None = None
    """The identifier of that user, who may not be stored yet; None: the user is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteThread(Write):
    """For good, with all that belongs to it."""

    thread_id: str
    trashed_before: int | None = None
    """Only if it is in the trash, since before this moment in UTC microseconds; None: wherever it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveArchived(Write):
    """For good: a thread, or ``steps`` of it, that are in an archive. Only if they still are what was archived, and the
    thread is neither pinned nor in the trash. Result: whether they are gone."""

    thread_id: str
    digest: str
    """Of what was archived, as ``sql.archiving.digest`` gives it."""
    steps: list[str] | None = None
    """With all that stand below them; None: all of the thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreArchived(Write):
    """What a ``RemoveArchived`` has removed comes back with the ids it had: a thread, or messages of one that is there.
    Result: a ``records.Restored``. Raises Forbidden when somebody else has one of the ids."""

    thread_id: str
    digest: str
    """That of the ``RemoveArchived``, by which the store knows what it has removed."""
    found: list[list[Any]]
    """Name of the table and row of each, as an archive has them; what was damaged is missing."""
    whole: bool
    user: str | None = None
    """The identifier of the thread's author; None: it has none."""
    blobs: list[Blob] = field(default_factory=list)
    """Stored contents that elements among them have."""
    foreign: bool = False
    """Also what this store has not removed, if nobody has deleted it here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashThread(Write):
    """Into the trash; what is in it keeps its time. What is written to it later is stored with it, and a new message of
    a user takes it out again: whoever goes on writing loses nothing. One that is not there yet will not come. Result:
    whether it was put there now."""

    thread_id: str
    only_if: dict[str, Any] | None = None
    """As of ``UpdateThread``, with ``last_activity_at`` besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreThread(Write):
    """Out of the trash, as it was. Raises NotFound for one that is gone for good. Result: whether it was in it."""

    thread_id: str
    trashed_at: int | None = None
    """Only if it is there since this moment, as ``Thread.trashed_at``; None: since whenever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkThread(Write):
    """A new thread of the actor's with all that it begins with, as ``forks.fork`` makes it; one that is there already
    is left alone."""

    thread_id: str
    values: dict[str, Any]
    """Columns of the thread."""
    steps: list[dict[str, Any]]
    """Rows, oldest first; ``of``: the step that it is a copy of."""
    files: list[dict[str, Any]]
    """Rows of elements; ``blob`` is the SHA-256 of content that is stored."""
    summary: dict[str, Any] | None = None
    """What ``PutSummary`` has, but for the digest."""
    origins: dict[str, int] = field(default_factory=dict)
    """The actor's threads that it is merged of, each with the time of the newest step that it was made from. They are
    archived with it, but for one in which more was said meanwhile; ``merges.MERGED_FROM`` in the thread's metadata
    says which. Raises NotFound when one is gone or in the trash, but out of a spool, as it was not when this began."""

    @property
    def threads(self) -> frozenset[str]:
        return frozenset([self.thread_id, *self.origins])


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportThread(Write):
    """A thread that was somewhere else before, with all that belongs to it, or what is new of one that is there. What
    is there keeps what it says, and what was deleted here stays deleted. Result: a ``records.Imported``. Raises
    Forbidden when somebody else has the thread or one of the ids, InvalidInput."""

    thread_id: str
    user: str | None
    """The identifier of its author, who may not be stored yet; None: it has none. A user imports for himself only."""
    values: dict[str, Any]
    """Columns of the thread. Of one that is there, only what it lacks is set."""
    steps: list[dict[str, Any]]
    """Rows in their order. Those of one moment keep it."""
    elements: list[dict[str, Any]] = field(default_factory=list)
    """Rows; ``blob`` is the SHA-256 of one of ``blobs``, or of content that an element of the author's has."""
    votes: list[dict[str, Any]] = field(default_factory=list)
    """Rows; ``user`` instead of ``user_id``: the voter's identifier, "" for nobody; neither: the author. A user imports
    his own only, others are left out."""
    usage: list[dict[str, Any]] = field(default_factory=list)
    """Rows; all of them are the author's."""
    summary: dict[str, Any] | None = None
    """What ``PutSummary`` has, and ``created_at``; where the digest is missing, only of a new thread."""
    blobs: list[Blob] = field(default_factory=list)
    """Stored contents that elements among them have."""

    @property
    def size(self) -> int:
        return 1 + len(self.steps) + len(self.elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoMerge(Write):
    """What the merge that made the thread has archived comes back from the archive, and the thread goes; one in which
    more was said since is archived instead. Raises NotFound for one that is not there, InvalidInput for one that no
    merge has made. Result: whether it is archived; None: it was deleted before."""

    thread_id: str
    origins: list[str]
    """All that it was merged of."""
    trash: bool
    """The thread goes to the trash; else for good."""

    @property
    def threads(self) -> frozenset[str]:
        return frozenset([self.thread_id, *self.origins])


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertStep(Write):
    """Result: True when it has taken its thread out of the trash."""

    thread_id: str
    id: str
    values: dict[str, Any]
    edit: bool = False
    """A person changed the text of a message, so what answered the old text goes."""
    anonymous: bool = True
    """A new thread may be without author."""
    timing: Timing = "given"
    """"given": both a new step and a stored one are of the time that ``created_at`` says. "kept": a stored one keeps
    its own. "now": the same, and a new one comes after all others of its thread, whatever the clock says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteStep(Write):
    """Takes the step's descendants and their elements along."""

    id: str
    anywhere: bool = False
    """The caller knows the step by its id alone; ``thread_id`` is then where it most likely is, and only decides the
    order. Otherwise a step of another thread is left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseVersion(Write):
    """Another version of the question ``id``: what is shown after it goes aside, with what it says, and the other one
    comes in its place (``versions.py``). Nothing is deleted. Result: a ``versions.Chosen``; None: too late, the
    question is gone, or somebody has chosen since. Raises NotFound for a question or a version that is not there."""

    thread_id: str
    id: str
    version: int | None = None
    """Its number; None: a new one begins, once for each ``at``."""
    text: str | None = None
    """What the question says in a new one, None: the same."""
    keeps: list[str] = field(default_factory=list)
    """Ids of steps after the question that are the new one's already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertElement(Write):
    thread_id: str
    id: str
    values: dict[str, Any]
    blob: Blob | None = None
    """The stored content; None leaves the element's blob as it is."""
    anonymous: bool = True
    """A new thread may be without author."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteElement(Write):
    """For good. ``thread_id``: an element of another thread is left alone; None: wherever it is."""

    id: str
    trashed_before: int | None = None
    """As of ``DeleteThread``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashElement(Write):
    """Into the trash: it stays stored, with its content, and nobody who reads its thread meets it. What is in it keeps
    its time. Result: whether it was put there now."""

    thread_id: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreElement(Write):
    """Out of the trash, as it was. Raises NotFound for one that is gone for good. Result: whether it was in it."""

    thread_id: str
    id: str
    trashed_at: int | None = None
    """Only if it is there since this moment, as ``FileUse.trashed_at``; None: since whenever."""


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
    """Marks the contents that no element points to any more as let go. Result: the names of the blobs to be removed.

    ``names``: SHA-256s, or names of blobs, which may be of no row. When they are removed, ``ForgetBlobs`` follows.
    """

    names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetBlobs(Write):
    """Deletes the rows of those of the blobs that were let go and not stored again. Result: None."""

    names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordUsage(Write):
    """What one call of a model used; the same ``id`` again replaces it. Its thread may be deleted, or not there yet."""

    thread_id: str
    id: str
    kind: CallKind
    model: str
    provider: str
    status: CallStatus
    fallback: str | None = None
    """Why something else answered, None when the model did."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    """None, all three: the model was never reached."""
    estimated: bool = False
    """The provider did not tell the tokens."""
    cost: int | None = None
    """Billionths of a US dollar, None when no price is known."""
    price_version: str | None = None
    started_at: int
    """UTC microseconds."""
    latency: int
    """Microseconds."""
    first_token: int | None = None
    """Microseconds after ``started_at``; None: none came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSummary(Write):
    """A summary of the messages up to ``until_step``, in place of the thread's former one.

    When they are not any more what was summed up, or the stored summary covers more, the write is discarded without an
    error.
    """

    thread_id: str
    text: str
    from_step: str
    until_step: str
    until_at: int
    """That message's ``created_at``."""
    messages: int
    """How many are covered."""
    tokens: int
    digest: str
    """That of the messages covered, as ``reports.digest`` gives it."""
    source: SummarySource
    model: str | None = None


def blobs_of(writes: Iterable[Write]) -> list[str]:
    """The names of the blobs that they bring along."""
    found = list[str]()
    for write in writes:
        if isinstance(write, UpsertElement) and write.blob:
            found.append(write.blob.name)
        elif isinstance(write, (RestoreArchived, ImportThread)):
            found += [blob.name for blob in write.blobs]
    return found
