"""What the errors of Anthropic's SDK mean."""

from .. import refusals
from ..base import ModelError
from ..refusals import Said


def said(error: Exception) -> Said | None:
    """What the server said with an error of the SDK; None: nothing."""
    from anthropic import APIStatusError

    if isinstance(error, Said):
        return error
    if isinstance(error, APIStatusError):
        response = error.response
        return Said(error.status_code, refusals.parsed(response.text), response.headers)
    return None


def refusal(error: Exception) -> ModelError | None:
    """What an error means; None: it is not a server's answer."""
    told = said(error)
    return refusals.judge(told) if told is not None else None
