"""A page that tells of every route, made of the OpenAPI document. It loads nothing but its style."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from ..address import Address
from ..rendering import page


def documentation(app: FastAPI) -> Callable[[Request], Awaitable[Response]]:
    async def show(request: Request) -> Response:
        spec = app.openapi()
        calls = [
            _call(method, path, told) for path, methods in spec["paths"].items() for method, told in methods.items()
        ]
        base = request.scope["root_path"]
        return page("api.html", request, Address(), calls=calls, base=base, shapes=spec["components"]["schemas"])

    show.__annotations__["request"] = Request
    return show


def _call(method: str, path: str, told: dict[str, Any]) -> dict[str, Any]:
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    answers = {
        status: _name(answer.get("content", {}).get("application/json", {}).get("schema", {}))
        for status, answer in told["responses"].items()
        if status.startswith("2")
    }
    return {
        "method": method.upper(),
        "path": path,
        "says": told.get("description", ""),
        "fields": [(each["name"], each["in"], each.get("required", False)) for each in told.get("parameters", [])],
        "body": _name(body),
        "answers": answers,
    }


def _name(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]
