"""A vote that cannot be stored is answered with 500, whatever the reason, and the page says nothing that helps.

``update_feedback`` (server.py) turns every error of the data layer into a 500, also one that has a status and a
sentence for whoever reads it. Here the answer is that one.
"""

from chainlit import server
from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException


def install() -> None:
    if server.app.middleware_stack is None:  # a server that runs takes no new handlers
        server.app.add_exception_handler(HTTPException, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    told = error.__cause__ if isinstance(error.__cause__, HTTPException) else error
    assert isinstance(told, HTTPException)
    return await http_exception_handler(request, told)
