"""The buttons below an answer: answer again, try again, continue. Only the last answer of a conversation has any.

Their ids tell what they are for: each screen of the conversation has the same ones.
"""

import uuid
from typing import Any

import chainlit as cl
from chainlit.types import ThreadDict

from ..marks import FALLBACK, is_command
from ..texts import say
from . import live
from .session import session_language

_ANSWERS = ("user_message", "assistant_message")
_LEFT = 5
"""Answers, the newest, below which a page may still have the button of a server that is gone."""


async def below(answer: cl.Message, stopped: bool = False) -> None:
    """Offers another answer in the place of this one; where a person has stopped it, also to go on with it."""
    marks = answer.metadata or {}
    offered = [_again(answer.id, bool(marks.get(FALLBACK)))]
    if stopped:
        offered.append(_button("continue", answer.id))
    if live.here().replaced:
        offered.append(_button("undo", answer.id))
    await _offer(offered)


async def instead(question: cl.Message) -> None:
    """Where a question that was edited got no answer, only what it has replaced can be offered, below a notice."""
    if live.here().replaced:
        notice: Any = {**question.to_dict(), "id": _notice(question.id), "type": "system_message"}
        await cl.context.emitter.send_step(notice | {"output": say("put_aside_no_answer", session_language())})
        await _offer([_button("undo", question.id, notice["id"])])


async def withdraw() -> None:
    """Takes back what was offered: the conversation goes on."""
    for action in list(live.here().actions.values()):
        await cl.context.emitter.emit("remove_action", action)


async def resume(thread: ThreadDict) -> None:
    """Offers what belongs below the last answer of ``thread``. One that was cut off gets a notice too, on the screen
    only."""
    steps = thread["steps"]
    room = live.here()
    if room.busy:
        return
    offered = bool(room.actions)  # on another screen, or when this one connected a moment ago: it will be here
    if not offered:
        for given in [step["id"] for step in steps if step["type"] == "assistant_message"][-_LEFT:]:
            await _again(given, fallback=False).remove()
    last = max((n for n, step in enumerate(steps) if step["type"] in _ANSWERS), default=None)
    if last is None or steps[last]["type"] != "assistant_message":
        return
    answer: Any = steps[last]
    if is_command(answer.get("metadata")):  # there is no other answer to it
        return
    cut_off = answer.get("status") in ("interrupted", "failed")
    notice: Any = {**answer, "id": _notice(answer["id"]), "type": "system_message"}
    if cut_off:
        steps.insert(last + 1, notice | {"output": say("interrupted", session_language())})
    if offered:
        return
    if not cut_off:
        await below(cl.Message.from_dict(answer), answer.get("status") == "stopped")
        return
    await _offer([_button(name, answer["id"], notice["id"]) for name in ("continue", "retry")])


def _notice(answer_id: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, answer_id))


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


def _button(name: str, answer_id: str, notice_id: str | None = None) -> cl.Action:
    return cl.Action(
        id=f"{name}-{answer_id}",
        name=name,
        payload={"answer": answer_id, "notice": notice_id},
        label=say(name, session_language()),
        forId=notice_id or answer_id,
    )


async def _offer(actions: list[cl.Action]) -> None:
    await withdraw()
    for action in actions:
        await action.send(for_id=str(action.forId))
