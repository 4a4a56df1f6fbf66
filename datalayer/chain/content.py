"""What a link is made of, byte for byte. ``exchange/verify_export.py`` does the same with what an export has: neither
can change without the other, nor without another name in ``_FIRST``.

Digested is only what an export carries as it is stored. Metadata are not: an export withholds what may be a secret.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple

from ..records import to_iso
from ..schema import MESSAGES
from ..versions import ASIDE, RECORD, counted, mark

LINKED = (*MESSAGES, ASIDE, RECORD)
"""Types of the steps that may have a link."""
SAID, CHANGED, DELETED, BEGUN, FOUND = "said", "changed", "deleted", "begun", "found"
HEAD = "head"
"""Kind of the row that says how long a chain is."""
PARTIAL = "partial"
"""The same while messages of before there were chains have no link yet."""
STREAMING = "streaming"
"""Status of a message that changes with every moment."""

_FIRST = b"threadkeep chain 1\n"
_encode = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode


class Message(NamedTuple):
    """What of a step counts."""

    id: str
    thread_id: str
    type: str | None
    parent_id: str | None
    name: str | None
    input: str | None
    output: str | None
    created_at: int
    metadata: dict[str, Any] | None
    """Only of what is aside, and of records of versions; else None."""
    status: str | None


def is_linked(message: Message) -> bool:
    """Whether it is a message, whatever it is stored as now: what is aside keeps what it was in its metadata."""
    if message.type != ASIDE:
        return message.type in LINKED
    was = mark(message.metadata)
    return "type" not in was or was["type"] in LINKED


def content(message: Message, files: Sequence[tuple[str, str | None, str | None]]) -> bytes:
    """A list as JSON, without spaces, in ASCII. ``files``: id, name and SHA-256 of each, in the order of their ids."""
    who, said = (message.id, message.type, message.parent_id, message.name), (message.input, message.output)
    texts = ",".join(map(_quoted, (*who, *said, to_iso(message.created_at))))  # a fifth of the time of an encoder
    listed = _encode(files) if files else "[]"
    marks = _encode(counted(message.type, message.metadata)) if message.metadata else "{}"
    return f"[{texts},{listed},{marks}]".encode()


def _quoted(text: str | None) -> str:
    return "null" if text is None else encode_basestring_ascii(text)


def digest(salt: bytes, said: bytes) -> bytes:
    return sha256(salt + said).digest()


def first(thread_id: str) -> bytes:
    """What the first link of a thread stands on."""
    return sha256(_FIRST + thread_id.encode("utf-8", "surrogatepass")).digest()


def linked(before: bytes, number: int, kind: str, of: int | None, at: str | None, digest: bytes | None) -> bytes:
    """The hash of a link. ``before``: that of the one before it. ``at``: as ``to_iso`` gives it."""
    fields = f"{number} {kind} {of or 0} {at}\n".encode()
    return sha256(before + fields + (digest or b"")).digest()
