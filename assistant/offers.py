"""The buttons below an answer: answer again, try again, continue. Only the last answer of a conversation has any."""

import uuid
from typing import Any
from weakref import WeakKeyDictionary

import chainlit as cl
from chainlit.session import BaseSession
from chainlit.types import ThreadDict

from .history import is_command
from .screen import session_language
from .texts import say

_ANSWERS = ("user_message", "assistant_message")
_LEFT = 5
"""Answers, the newest, below which a page may still have the button of a server that is gone."""
_shown: WeakKeyDictionary[BaseSession, list[cl.Action]] = WeakKeyDictionary()


async def answer_again(answer_id: str, fallback: bool) -> None:
    """Offers another answer in the place of this one. ``fallback``: no model wrote it."""
    await _offer([_again(answer_id, fallback)])


async def withdraw() -> None:
    """Takes back what was offered: the conversation goes on."""
    for action in _shown.pop(cl.context.session, []):
        await action.remove()


async def resume(thread: ThreadDict) -> None:
    """Offers what belongs below the last answer of ``thread``. One that was cut off gets a notice too, on the screen
    only."""
    steps = thread["steps"]
    for given in [step["id"] for step in steps if step["type"] == "assistant_message"][-_LEFT:]:
        await _again(given, fallback=False).remove()
    last = max((n for n, step in enumerate(steps) if step["type"] in _ANSWERS), default=None)
    if last is None or steps[last]["type"] != "assistant_message":
        return
    answer: Any = steps[last]
    if is_command(answer.get("metadata")):  # there is no other answer to it
        return
    if answer.get("status") not in ("interrupted", "failed"):
        await _offer([_again(answer["id"], bool((answer.get("metadata") or {}).get("fallback")))])
        return
    to = session_language()
    notice: Any = {**answer, "id": str(uuid.uuid4()), "type": "system_message", "output": say("interrupted", to)}
    steps.insert(last + 1, notice)
    payload = {"answer": answer["id"], "notice": notice["id"]}
    await _offer(
        [
            cl.Action(name=name, payload=payload, label=say(name, to), forId=notice["id"])
            for name in ("continue", "retry")
        ]
    )


def _again(answer_id: str, fallback: bool) -> cl.Action:
    to = session_language()
    return cl.Action(
        id=f"retry-{answer_id}",
        name="retry",
        payload={"answer": answer_id},
        label=say("try_again", to) if fallback else "",
        tooltip="" if fallback else say("retry_help", to),
        icon="refresh-cw",
        forId=answer_id,
    )


async def _offer(actions: list[cl.Action]) -> None:
    await withdraw()
    _shown[cl.context.session] = actions
    for action in actions:
        await action.send(for_id=str(action.forId))
