"""A browser can store a message that looks as if the assistant had said it.

``ChainlitEmitter.process_message`` (emitter.py) takes the type of a message from whoever sends it. Here what a page
sends is its user's.
"""

from functools import wraps
from typing import Any

from chainlit.emitter import ChainlitEmitter
from chainlit.message import Message

from .patch import patch


def install() -> None:
    patch(ChainlitEmitter, "process_message", _by_its_user)


def _by_its_user(original: Any) -> Any:
    @wraps(original)
    async def process_message(emitter: ChainlitEmitter, payload: Any) -> Message:
        message = {**payload["message"], "type": "user_message"}
        said: Message = await original(emitter, {**payload, "message": message})
        return said

    return process_message
