"""An answer that who asks may keep, and asks for again by its tag."""

import hashlib
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

V1 = "/v1"
"""Under the path at which the API is mounted."""
_KEPT = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie, Accept-Encoding"}


def sent(request: Request, found: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """304 where the caller has it as it is (RFC 9110, 13.1.2)."""
    body = found.model_dump_json(by_alias=True).encode()
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    given: dict[str, Any] = _KEPT | {"ETag": tag} | (headers or {})
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if request.method in ("GET", "HEAD") and (tag.removeprefix("W/") in known or known == ["*"]):
        return Response(status_code=304, headers=given)
    return Response(body, status, given, "application/json")
