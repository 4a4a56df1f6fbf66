"""A write as a line of a spool, which another process reads, of this version or a newer one."""

import json
from dataclasses import asdict

from . import writes
from .actors import Role
from .records import Blob
from .writes import Write

KINDS: dict[str, type[Write]] = {
    kind.__name__: kind
    for kind in vars(writes).values()
    if isinstance(kind, type) and issubclass(kind, Write) and kind is not Write
}
"""All that ``writes`` has."""


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
    if fields.get("blobs"):
        fields["blobs"] = [Blob(**each) for each in fields["blobs"]]
    return kind(**fields)
