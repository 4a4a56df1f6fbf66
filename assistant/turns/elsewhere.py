"""What a person has said and was told in other conversations, as sources of an answer.

Always true: it is of this person's conversations, not of the one that asks, and of none in the trash.
"""

from datalayer import DataLayer
from datalayer.passages import Place
from datalayer.search.results import Hit

from ..marks import is_for_models
from .remembered import remember
from .sources import Part

_BEFORE, _BEHIND = 700, 1_300
"""Characters of a long message that a model is shown, around the first word that was found."""


async def elsewhere(layer: DataLayer, user_id: str, question: str, thread_id: str) -> tuple[Part, ...]:
    """A message of each of the conversations that have most of ``question``, the best first, questions with their
    answers. ``thread_id``: where it is asked. Raises DataLayerError."""
    found = await remember(layer, user_id, question, thread_id)
    parts = [part for hit in found.messages for part in await _parts(layer, hit)]
    return tuple({part.text: part for part in reversed(parts)}.values())[::-1]  # a copy says nothing new


async def _parts(layer: DataLayer, hit: Hit) -> list[Part]:
    """The message, and of a question its answer; nothing where a conversation's name was found, or all is gone."""
    step = await layer.store.step(hit.step_id) if hit.step_id else None
    if step is None or not step.output:
        return []
    said = [(step.id, _excerpt(step.output, hit))]
    if step.type == "user_message":
        later = await layer.store.thread_messages(hit.thread_id, after=(step.created_at, step.id), first=1)
        if later and later[0].type == "assistant_message" and is_for_models(later[0].metadata):
            said.append((later[0].id, later[0].text[: _BEFORE + _BEHIND]))
    name = hit.thread_name or ""
    return [Part(key, name, "", 1, Place(), text, thread_id=hit.thread_id) for key, text in said]


def _excerpt(text: str, hit: Hit) -> str:
    if len(text) <= _BEFORE + _BEHIND:
        return text
    marked = (hit.snippet.text[start:end] for start, end in hit.snippet.marks)
    at = max(text.find(next(marked, "")), 0)
    first = max(at - _BEFORE, 0)
    return text[first : first + _BEFORE + _BEHIND]
