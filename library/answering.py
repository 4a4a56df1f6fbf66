"""What is the same around all pages: who asks, whether a form is ours, and that every failure is a page that says what
to do."""

import logging
from collections.abc import Awaitable, Callable

from chainlit.config import config
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from datalayer import DataLayerError

from .address import Address
from .asking import Person, is_ours, nobody, person
from .forms import sent
from .rendering import Notice, language, page
from .telling import failure

logger = logging.getLogger("datalayer")
_NOWHERE = Address()
Again = Callable[[Person, Notice, int], Awaitable[Response]]
"""The page from which a form came, with why nothing was done, and the status."""


async def answer(
    request: Request, do: Callable[[Person], Awaitable[Response]], address: Address = _NOWHERE
) -> Response:
    """What ``do`` answers to the person who asks. ``address``: of the page, for whom nobody knows."""
    try:
        who = await person(request)
        if who is None:
            return nobody(request, config.run.root_path) or page("nobody.html", request, address)
        return await do(who)
    except DataLayerError as error:
        return failed(request, address, error)


async def answer_form(
    request: Request,
    do: Callable[[Person, FormData], Awaitable[Response]],
    again: Again,
    address: Address = _NOWHERE,
    too_large: Notice | None = None,
) -> Response:
    """The same of a form that a page made for this person has sent. ``too_large``: what is told of one that is; None:
    as of any other that cannot be read."""

    async def read(who: Person) -> Response:
        to = language(request)
        form, status = await sent(request)
        if form is None:
            refused = too_large if too_large and status == 413 else failure("no_action", to)
            return await again(who, refused, status)
        if not is_ours(request, str(form.get("guard", "")), who):
            return await again(who, failure("expired", to), 403)
        return await do(who, form)

    return await answer(request, read, address)


def failed(request: Request, address: Address, error: DataLayerError) -> Response:
    if error.status_code >= 500:
        logger.error("The library page failed: %s", error)
    notice = failure("failed" if error.status_code >= 500 else "no_page", language(request))
    return page("failed.html", request, address, notice=notice, status=error.status_code)
