"""What the errors of OpenAI's protocol mean."""

from .. import refusals
from ..base import ModelError
from ..google import api
from ..refusals import Said


def said(error: Exception) -> Said | None:
    """What the server said with an error of the SDK; None: nothing."""
    from openai import APIStatusError

    return refusals.said(error, APIStatusError)


def refusal(error: Exception) -> ModelError | None:
    """What an error means; None: it is not a server's answer."""
    response = said(error)
    if response is None:
        return None
    # Google's server that speaks OpenAI's protocol keeps the words of its own for errors.
    if api.is_googles(response.body):
        return api.refusal(response.status, response.body)
    return refusals.judge(response)
