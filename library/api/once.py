"""What is sent again with its ``Idempotency-Key`` is made once.

Ids are derived from the key and the person, and what is made keeps the digest of the request in its metadata: nothing
else has to be remembered, and another request with the same key is refused.
"""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Header
from pydantic import BaseModel

from .caller import Caller
from .problems import Problem

KEY = "^[!-~]{1,255}$"
Key = Annotated[str | None, Header(alias="Idempotency-Key", pattern=KEY)]
_REQUEST = "request"


def derived(caller: Caller, place: str, key: str | None) -> str:
    """An id: for the same key of the same person the same; None: a new one."""
    return str(uuid.uuid4() if key is None else uuid.uuid5(uuid.UUID(caller.id), f"{place} {key}"))


def mark(given: BaseModel, key: str | None) -> dict[str, Any]:
    """To be kept in the metadata of what is made."""
    return {} if key is None else {_REQUEST: _digest(given)}


def check(metadata: Mapping[str, Any] | None, given: BaseModel) -> None:
    """``metadata``: of what the key has made before. Raises Problem where another request did that."""
    if (metadata or {}).get(_REQUEST) != _digest(given):
        raise Problem(422, "api_key_used")


def _digest(given: BaseModel) -> str:
    return hashlib.sha256(given.model_dump_json().encode()).hexdigest()[:32]
