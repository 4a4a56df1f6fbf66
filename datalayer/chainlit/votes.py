"""A vote that cannot be stored is answered with 500, whatever the reason, and the page says nothing that helps.

``update_feedback`` (Chainlit's server.py) turns every error of its data layer into a 500, also one that has a status
and a sentence for whoever reads it. Here the answer is that one, unless the app has its own handler of HTTP errors.
"""

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException


def install(app: FastAPI) -> None:
    """To be called before the server runs: one that does takes no new handlers."""
    if app.exception_handlers.get(HTTPException) is http_exception_handler:
        app.add_exception_handler(HTTPException, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    told = error.__cause__ if isinstance(error.__cause__, HTTPException) else error
    assert isinstance(told, HTTPException)
    return await http_exception_handler(request, told)
