"""What the errors of Anthropic's SDK mean."""

from .. import refusals
from ..base import ModelError
from ..refusals import Said


def said(error: Exception) -> Said | None:
    """What the server said with an error of the SDK; None: nothing."""
    from anthropic import APIStatusError

    return refusals.said(error, APIStatusError)


def refusal(error: Exception) -> ModelError | None:
    """What an error means; None: it is not a server's answer."""
    response = said(error)
    return refusals.judge(response) if response is not None else None
