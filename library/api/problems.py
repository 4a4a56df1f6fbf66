"""What went wrong, as ``application/problem+json`` (RFC 9457)."""

import logging
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from datalayer import DataLayerError

from ..rendering import language
from ..texts import Language, say

logger = logging.getLogger("datalayer")
MEDIA_TYPE = "application/problem+json"
_OF_STATUS = {
    400: "api_invalid",
    401: "api_nobody",
    403: "api_forbidden",
    404: "api_missing",
    405: "api_method",
    413: "api_large",
    422: "api_input",
}
_MOST = 20
"""Faults of one request that are told."""


class Problem(Exception):
    """``key``: of the sentence; without ``api_`` it is the problem's ``code``."""

    def __init__(self, status: int, key: str, headers: dict[str, str] | None = None, **values: Any) -> None:
        super().__init__(key)
        self.status, self.key, self.headers, self.values = status, key, headers, values

    def said(self, to: Language) -> str:
        return say(self.key, to, **self.values)


def answer(
    request: Request, status: int, key: str, headers: dict[str, str] | None = None, more: Any = None, **values: Any
) -> Response:
    """``more``: members of the problem besides."""
    to = language(request)
    told = {"type": "about:blank", "title": say(key, to, **values), "status": status, "code": key.removeprefix("api_")}
    kept = {"Cache-Control": "no-store", "Content-Language": to, "Vary": "Accept-Language"}
    return JSONResponse(told | (more or {}), status, kept | (headers or {}), MEDIA_TYPE)


async def of_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(request, error.status, error.key, error.headers, **error.values)


async def of_data_layer(request: Request, error: Exception) -> Response:
    """The sentence of the error is English and says more than the title."""
    assert isinstance(error, DataLayerError)
    headers = {"Retry-After": "1"} if error.retryable else None
    key = _OF_STATUS.get(error.status_code, "api_busy" if error.retryable else "api_failed")
    if error.status_code >= 500:
        logger.error("the API: %s", error)
    return answer(request, error.status_code, key, headers, {"detail": error.detail})


async def of_input(request: Request, error: Exception) -> Response:
    """Where each fault is, and what pydantic says of it, in English."""
    assert isinstance(error, RequestValidationError)
    faults = [{"at": "/".join(map(str, each["loc"])), "says": each["msg"]} for each in error.errors()[:_MOST]]
    return answer(request, 422, "api_input", more={"errors": faults})


async def of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers) if error.headers else None
    return answer(request, error.status_code, _OF_STATUS.get(error.status_code, "api_failed"), headers)


async def of_fault(request: Request, error: Exception) -> Response:
    logger.error("the API: %s", type(error).__name__, exc_info=error)
    return answer(request, 500, "api_failed")
