"""What a person has said and was told in other conversations, as sources of an answer.

Always true: it is of this person's conversations, not of the one that asks, and of none in the trash.
"""

from datalayer import DataLayer
from datalayer.passages import Place
from datalayer.search.results import Hit

from .remembered import remember
from .sources import Part

_BEFORE, _BEHIND = 700, 1_300
"""Characters of a long message that a model is shown, around the first word that was found."""


async def elsewhere(layer: DataLayer, user_id: str, question: str, thread_id: str) -> tuple[Part, ...]:
    """A message of each of the conversations that have most of ``question``, the best first. ``thread_id``: where it is
    asked. Raises DataLayerError."""
    found = await remember(layer, user_id, question, thread_id)
    parts = [await _part(layer, hit) for hit in found.messages]
    return tuple(part for part in parts if part is not None)


async def _part(layer: DataLayer, hit: Hit) -> Part | None:
    """None: it is a conversation's name that was found, or the message is gone."""
    step = await layer.store.step(hit.step_id) if hit.step_id else None
    if step is None or not step.output:
        return None
    name, text = hit.thread_name or "", step.output
    return Part(step.id, name, "", 1, Place(), _excerpt(text, hit), thread_id=hit.thread_id)


def _excerpt(text: str, hit: Hit) -> str:
    if len(text) <= _BEFORE + _BEHIND:
        return text
    marked = (hit.snippet.text[start:end] for start, end in hit.snippet.marks)
    at = max(text.find(next(marked, "")), 0)
    first = max(at - _BEFORE, 0)
    return text[first : first + _BEFORE + _BEHIND]
