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

_MESSAGES = ("user_message", "assistant_message")
_LEFT = 5
"""Answers, the newest, below which a page may still have the button of a server that is gone."""


async def below(answer: cl.Message, stopped: bool = False) -> None:
    """Offers another answer in the place of this one; where a person has stopped it, also to go on with it."""
    marks = answer.metadata or {}
    offered = [_again(answer.id, bool(marks.get(FALLBACK)))]
    if stopped:
        offered.append(_button("continue", answer.id))
    await _offer(offered + _undo(answer.id))


async def instead(question: cl.Message) -> None:
    """Where a question that was edited got no answer, only what it has replaced can be offered, below a notice."""
    notice = _notice(question.to_dict(), "put_aside_no_answer")
    await cl.context.emitter.send_step(notice)
    await _offer(_undo(question.id, notice["id"]))


async def withdraw() -> None:
    """Takes back what was offered: the conversation goes on."""
    for action in list(live.here().actions.values()):
        await cl.context.emitter.emit("remove_action", action)


async def resume(thread: ThreadDict) -> None:
    """Offers what belongs below the last message of ``thread``. An answer that was cut off, and a question without one
    whose old answer can be brought back, get a notice too, on the screen only."""
    steps, room = thread["steps"], live.here()
    offered = bool(room.actions)  # on another screen, or when this one connected a moment ago: it will be here
    if not offered:
        for given in [step["id"] for step in steps if step["type"] == "assistant_message"][-_LEFT:]:
            await _again(given, fallback=False).remove()
    place = max((n for n, step in enumerate(steps) if step["type"] in _MESSAGES), default=None)
    if place is None or is_command(steps[place].get("metadata")):  # there is no other answer to it
        return
    last: Any = steps[place]
    unanswered, cut_off = last["type"] == "user_message", last.get("status") in ("interrupted", "failed")
    if unanswered and not room.replaced:
        return
    notice = _notice(last, "put_aside_no_answer" if unanswered else "interrupted")
    if unanswered or cut_off:
        steps.insert(place + 1, notice)
    if offered:
        return
    if unanswered or cut_off:
        names = () if unanswered else ("continue", "retry")
        await _offer([_button(name, last["id"], notice["id"]) for name in names] + _undo(last["id"], notice["id"]))
    else:
        await below(cl.Message.from_dict(last), last.get("status") == "stopped")


def _notice(message: Any, key: str) -> Any:
    key_of_its_own = str(uuid.uuid5(uuid.NAMESPACE_OID, message["id"]))
    return {**message, "id": key_of_its_own, "type": "system_message", "output": say(key, session_language())}


def _undo(message_id: str, notice_id: str | None = None) -> list[cl.Action]:
    """Where there is something to bring back."""
    return [_button("undo", message_id, notice_id)] if live.here().replaced else []


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
        tooltip=say("undo_help", session_language()) if name == "undo" else "",
        forId=notice_id or answer_id,
    )


async def _offer(actions: list[cl.Action]) -> None:
    await withdraw()
    for action in actions:
        await action.send(for_id=str(action.forId))
