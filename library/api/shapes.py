"""What goes in and out, as JSON. Times are UTC in ISO 8601, ids are text."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from datalayer.records import StepFile, Thread, ThreadMessage, to_iso
from datalayer.shares import Audience
from datalayer.shares import Share as MadeLink
from datalayer.text import ID_LENGTH, NAME_LENGTH, TAG_LENGTH

from ..kinds import MOST_TAGS
from ..sharing.options import LONGEST as LONGEST_PASSWORD
from ..sharing.options import MOST_DAYS as MOST_SHARED_DAYS
from ..sharing.options import MOST_SITES
from ..tokens import MOST_DAYS, Scope
from ..tokens import NAME_LENGTH as TOKEN_NAME
from ..tokens import Token as HeldToken

LONGEST = 1_000_000
"""Characters of a message."""
MOST_MESSAGES = 500
"""With which a thread begins."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=ID_LENGTH)]
Name = Annotated[str, StringConstraints(max_length=NAME_LENGTH)]
Folder = Annotated[str, StringConstraints(max_length=ID_LENGTH)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=TAG_LENGTH)]
Tags = Annotated[list[Tag], Field(max_length=MOST_TAGS)]
Said = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]
Role = Literal["user", "assistant"]
TYPES: dict[Role, str] = {"user": "user_message", "assistant": "assistant_message"}
ROLES: dict[str, Role] = {kind: role for role, kind in TYPES.items()}


class Given(BaseModel):
    """What a caller sends: what it does not name stays as it is, what nobody knows is refused."""

    model_config = ConfigDict(extra="forbid")


class Me(BaseModel):
    identifier: str
    scopes: list[Scope]
    guard: str | None
    """Of a session: to be sent as the header X-Guard with what changes something. Null: a token needs none."""


class Thread_(BaseModel):
    model_config = ConfigDict(title="Thread")

    id: str
    name: str | None
    folder: str | None
    tags: list[str]
    pinned: bool
    archived: bool
    status: Literal["open", "done"]
    kind: str
    model: str | None
    created_at: str
    last_activity_at: str
    trashed_at: str | None


class WholeThread(Thread_):
    model_config = ConfigDict(title="WholeThread")

    settings: dict[str, Any]
    messages: int
    files: int


class Threads(BaseModel):
    threads: list[Thread_]
    next: str | None
    """Cursor of the following page; null: there is none."""


class NewMessage(Given):
    role: Role = "user"
    text: Said
    author: Annotated[str, StringConstraints(max_length=ID_LENGTH)] | None = None
    """Who is named as its writer; null: the person, or the app."""


class NewThread(Given):
    name: Name | None = None
    folder: Folder | None = None
    tags: Tags = []
    pinned: bool = False
    archived: bool = False
    settings: dict[str, Any] | None = None
    messages: Annotated[list[NewMessage], Field(max_length=MOST_MESSAGES)] = []


class Change(Given):
    name: Name | None = None
    folder: Folder | None = None
    """"" takes it out of its folder."""
    tags: Tags | None = None
    pinned: bool | None = None
    archived: bool | None = None
    status: Literal["open", "done"] | None = None
    settings: dict[str, Any] | None = None
    """Takes the place of all that are stored."""


class Fork(Given):
    until: Id | None = None
    """The last message that it has; null: all."""
    name: Name | None = None


class Merge(Given):
    threads: Annotated[list[Id], Field(min_length=2, max_length=100)]
    name: Name | None = None


class File(BaseModel):
    id: str
    thread_id: str
    message_id: str | None
    name: str
    mime: str | None
    size: int
    """Bytes."""
    created_at: str
    url: str
    """Path of its content, which takes Range."""


class Files(BaseModel):
    files: list[File]
    next: str | None = None


class Message(BaseModel):
    id: str
    parent_id: str | None
    role: Role
    text: str
    created_at: str
    files: list[File]


class Messages(BaseModel):
    messages: list[Message]
    next: str | None
    """Cursor of those that follow in the order that was asked for; null: there are none."""


class Found(BaseModel):
    thread_id: str
    thread_name: str | None
    message_id: str | None
    """Null: the thread itself was found."""
    at: str
    snippet: str
    marks: list[tuple[int, int]]
    """What was found of the snippet: from a character up to another."""
    archived: bool


class Search(BaseModel):
    found: list[Found]
    next: str | None
    meant: str | None
    """Where nothing has the words: the question with words that are there."""
    left_out: list[str]
    """Parts of the question that could not be understood."""


class ModelUsage(BaseModel):
    model: str
    calls: int
    turns: int
    tokens_in: int
    tokens_out: int
    cost_usd: float
    unpriced: int
    """Calls whose price nobody knows."""


class Usage(BaseModel):
    since: str | None
    models: list[ModelUsage]


class NewToken(Given):
    name: Annotated[str, StringConstraints(min_length=1, max_length=TOKEN_NAME)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=2)]
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] | None = None
    """Until it ends; null: it does not."""


class Token(BaseModel):
    id: str
    name: str
    scopes: list[Scope]
    created_at: str
    ends_at: str | None
    used_at: str | None


class MadeToken(Token):
    token: str
    """To be sent as ``Authorization: Bearer …``. It is shown this once."""


class Tokens(BaseModel):
    tokens: list[Token]


Password = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PASSWORD)]


class ShareChange(Given):
    audience: Audience = "public"
    days: Annotated[int, Field(ge=1, le=MOST_SHARED_DAYS)] | None = None
    """Until it ends; null: when it is revoked."""
    password: Password | None = Field(default=None, repr=False)
    files: bool = False
    author: bool = False
    cost: bool = False
    sites: Annotated[list[Annotated[str, StringConstraints(max_length=255)]], Field(max_length=MOST_SITES)] = []
    """Origins whose pages may show it in a frame."""


class NewShare(ShareChange):
    thread_id: Id
    snapshot: bool = False
    """It shows what is said now, and not what is said later."""


class Share(BaseModel):
    id: str
    thread_id: str
    thread_name: str | None
    trashed: bool
    snapshot: bool
    audience: Audience
    expires_at: str | None
    protected: bool
    """It has a password."""
    files: bool
    author: bool
    cost: bool
    sites: list[str]
    views: int
    created_at: str


class MadeShare(Share):
    link: str
    """It is told this once. A path of this server, where its public address is not configured."""


class Shares(BaseModel):
    shares: list[Share]


class Health(BaseModel):
    ready: bool


def iso(moment: int) -> str:
    """``moment`` in UTC microseconds."""
    return str(to_iso(moment))


def thread(found: Thread) -> Thread_:
    return Thread_(**_thread(found))


def _thread(found: Thread) -> dict[str, Any]:
    same = ("id", "name", "folder", "pinned", "archived", "status", "kind", "model")
    return {name: getattr(found, name) for name in same} | {
        "tags": [tag for tag in found.tags or () if isinstance(tag, str)],
        "created_at": to_iso(found.created_at),
        "last_activity_at": to_iso(found.last_activity_at),
        "trashed_at": to_iso(found.trashed_at) if found.trashed_at else None,
    }


def whole(found: Thread, messages: int, files: int) -> WholeThread:
    settings = found.metadata.get("chat_settings")
    known = settings if isinstance(settings, dict) else {}
    return WholeThread(**_thread(found), settings=known, messages=messages, files=files)


def file(found: StepFile, path: str) -> File:
    return File(
        id=found.element_id,
        thread_id=found.thread_id,
        message_id=found.for_id,
        name=found.name,
        mime=found.mime,
        size=found.size,
        created_at=iso(found.created_at),
        url=path,
    )


def message(found: ThreadMessage, files: list[File]) -> Message:
    return Message(
        id=found.id,
        parent_id=found.parent_id,
        role=ROLES[found.type],
        text=found.text,
        created_at=iso(found.created_at),
        files=files,
    )


def share(found: MadeLink) -> dict[str, Any]:
    chosen = found.options
    same = {name: getattr(found, name) for name in ("id", "thread_id", "thread_name", "trashed", "snapshot", "views")}
    shown = {name: getattr(chosen, name) for name in ("audience", "files", "author", "cost")}
    times = {"created_at": to_iso(found.created_at), "expires_at": to_iso(chosen.expires_at)}
    return same | shown | times | {"protected": chosen.password is not None, "sites": list(chosen.sites)}


def token(found: HeldToken) -> dict[str, Any]:
    times = {name: to_iso(at) for name in ("created_at", "ends_at", "used_at") if (at := getattr(found, name))}
    return {"id": found.id, "name": found.name, "scopes": list(found.scopes), "ends_at": None, "used_at": None} | times
