"""A conversation's title, written by its model once the first question is answered."""

import logging
import re
from contextlib import aclosing
from dataclasses import replace

from datalayer.text import one_line

from ..models import ChatMessage, ChatRequest, ModelError, Providers
from ..models.calls import Meter, call
from ..models.thoughts import answer_of

logger = logging.getLogger("assistant")

_WORDS = 6
_SHOWN = 1_000
"""Characters of the question and of the answer that are enough to name them."""

_TASK = (
    "Write a title for the conversation that you are given: at most 6 words, in the language of its question. "
    "Reply with the title alone, without quotes and without a full stop."
)
# Around a title that was asked to be bare: quotes, Markdown, a label.
_LABEL = re.compile(r"^(title|titre)\s*:\s*", re.IGNORECASE)
_AROUND = " \"'`*_#«»“”„‘’.…:-"


async def write_title(question: str, answer: str, model: str, providers: Providers, meter: Meter) -> str:
    """A title of at most 6 words; "" when the model gives none. ``meter`` tells what it cost."""
    choice = providers.find(model)
    if choice is None:
        return ""
    exchange = f"Question:\n{question[:_SHOWN]}\n\nAnswer:\n{answer[:_SHOWN]}"
    # The bound leaves room for a model that cannot be kept from thinking.
    request = ChatRequest([ChatMessage("user", exchange)], model, 0.2, _TASK, max_tokens=1_024, thinking=False)
    text = ""
    once = replace(providers.patience, attempts=1)  # nobody waits for a title
    try:
        async with aclosing(call(choice, request, providers, meter, patience=once)) as pieces:
            async for piece in pieces:
                text += piece
    except ModelError as error:
        logger.warning("%s gave no title: %s", model, error)
        return ""
    return clean(text)


def clean(text: str) -> str:
    """The title in what the model wrote: its first line, bare, at most 6 words and 80 characters."""
    first = next((line for line in answer_of(text).splitlines() if line.strip(_AROUND)), "")
    bare = _LABEL.sub("", one_line(first).strip(_AROUND)).strip(_AROUND)
    return " ".join(bare.split(" ")[:_WORDS])[:80].rstrip(_AROUND + ",;")
